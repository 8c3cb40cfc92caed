"""Which waves the constants of a record are asked for: those of its supercell, and long ones."""

import numpy as np
import pytest

from phonodos.evaluation.sound import FROM, TO
from phonodos.training.constant_waves import LONG, MOST_FITTING, fitting_waves, long_waves


@pytest.mark.parametrize(("times", "count"), [((1, 1, 1), 1), ((2, 2, 1), 4), ((3, 1, 1), 2)])
def test_waves_fit_the_supercell_and_none_twice(times: tuple[int, ...], count: int) -> None:
    found = fitting_waves(np.diag(times), np.random.default_rng(0))
    assert len(found) == count
    np.testing.assert_allclose(found * times, np.rint(found * times), atol=1e-9)
    assert np.abs(found).max() <= 0.5
    both = np.concatenate([found, -found]) % 1.0
    assert len(np.unique(both.round(6) % 1.0, axis=0)) == np.prod(times)


def test_of_a_large_supercell_some_are_drawn() -> None:
    first, again, other = (
        fitting_waves(np.diag([5, 4, 3]), np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert len(first) == MOST_FITTING
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_long_waves_are_as_long_as_those_that_are_judged() -> None:
    reciprocal = np.array([[1.0, 0.2, 0.0], [0.0, 0.8, 0.1], [0.3, 0.0, 1.4]])
    found = long_waves(reciprocal, np.random.default_rng(0))
    lengths = np.linalg.norm(found @ reciprocal, axis=1)
    assert len(found) == LONG
    assert lengths.min() > FROM
    assert lengths.max() < TO
