"""Short-range order: ordered structures have the parameters of the textbook, mixtures none."""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.short_range_order import shell_pairs, warren_cowley
from phonodos.physics.supercell import supercell

CUBE = np.eye(3)
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
RADII = [0.1, 0.85, 1.1, 1.3]  # between the shells of fcc with a = 1


def test_neighbours_of_fcc_whatever_the_cell() -> None:
    """12, 6 and 24 neighbours, also where a cell is smaller than the shell."""
    assert shell_pairs(CUBE, FCC, RADII).sum(axis=2).tolist() == [[12] * 4, [6] * 4, [24] * 4]
    primitive = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    assert shell_pairs(primitive, np.zeros((1, 3)), RADII).ravel().tolist() == [12, 6, 24]


@pytest.mark.parametrize(
    ("elements", "first", "second"),
    [([0, 0, 1, 1], -1 / 3, 1.0), ([0, 1, 1, 1], -1 / 3, 1.0)],  # L1_0 (CuAu) and L1_2 (AuCu3)
)
def test_ordered_alloys(elements: list[int], first: float, second: float) -> None:
    found = warren_cowley(shell_pairs(CUBE, FCC, RADII), np.array(elements))
    assert found[0, 0, 1] == pytest.approx(first)
    assert found[1, 0, 1] == pytest.approx(second)


def test_a_large_random_crystal_has_none() -> None:
    crystal = Crystal.ordered(4.0 * CUBE, FCC, ["Cu"] * 4)
    whole, _ = supercell(crystal, 6 * np.eye(3, dtype=np.int64))
    elements = np.random.default_rng(0).permutation(np.repeat([0, 1], whole.n_atoms // 2))
    pairs = shell_pairs(whole.cell, whole.frac_coords, [4.0 * r for r in RADII])
    found = warren_cowley(pairs, elements)
    assert np.abs(found).max() < 0.08
    assert np.allclose(found[:, 0, 0], -found[:, 0, 1])


def test_a_shell_without_neighbours() -> None:
    pairs = shell_pairs(CUBE, FCC, [0.1, 0.2, 0.85])
    assert warren_cowley(pairs, np.array([0, 0, 1, 1]))[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]
