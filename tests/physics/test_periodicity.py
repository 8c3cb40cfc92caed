"""Networks of bonds: molecules, chains, layers, crystals."""

import numpy as np
import pytest

from phonodos.physics.periodicity import periodicity


@pytest.mark.parametrize(
    ("bonds", "expected"),
    [
        ([(0, 1, (0, 0, 0))], 0),
        ([(0, 1, (0, 0, 0)), (1, 0, (1, 0, 0))], 1),
        ([(0, 1, (0, 0, 0)), (0, 1, (1, 0, 0)), (0, 1, (0, 1, 0))], 2),
        ([(0, 1, (0, 0, 0)), (0, 1, (1, 0, 0)), (0, 1, (0, 1, 0)), (1, 0, (0, 0, 1))], 3),
        ([(1, 1, (1, 0, 0)), (1, 1, (0, 1, 0)), (1, 1, (0, 0, 1))], 3),
        ([(0, 0, (1, 0, 0)), (1, 1, (0, 1, 0))], 1),  # two chains that do not meet
    ],
)
def test_directions(bonds: list[tuple[int, int, tuple[int, int, int]]], expected: int) -> None:
    ends = np.array([b[:2] for b in bonds])
    shifts = np.array([b[2] for b in bonds])
    assert periodicity(2, ends, shifts) == expected
