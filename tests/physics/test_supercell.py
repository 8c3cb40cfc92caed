"""Supercells: volumes, copies, roundness."""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.supercell import compact_supercell, supercell

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
HEXAGONAL = np.array([[1.0, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, 1.6]])


def shortest(cell: np.ndarray) -> float:
    points = np.indices((7, 7, 7)).reshape(3, -1).T - 3
    lengths = np.linalg.norm(points @ cell, axis=1)
    return float(lengths[lengths > 0].min())


@pytest.mark.parametrize(
    ("cell", "count", "distance"),
    [
        (np.eye(3), 1, 1.0),
        (np.eye(3), 8, 2.0),
        (np.eye(3), 27, 3.0),
        (np.eye(3), 2, 2**0.5),  # face-centred
        (np.eye(3), 4, 3**0.5),  # body-centred
        (FCC, 8, 2.0 / 2**0.5),
        (FCC, 32, 2.0),
    ],
)
def test_images_are_far_apart(cell: np.ndarray, count: int, distance: float) -> None:
    matrix = compact_supercell(cell, count)
    assert matrix.dtype.kind == "i"
    assert round(float(np.linalg.det(matrix))) == count
    assert shortest(matrix @ cell) >= distance - 1e-9


@pytest.mark.parametrize("count", [1, 5, 6, 12])
def test_none_is_rounder_than_the_one_found(count: int) -> None:
    """Against diagonal supercells, which are among those searched."""
    found = shortest(compact_supercell(HEXAGONAL, count) @ HEXAGONAL)
    for a in range(1, count + 1):
        for b in range(1, count + 1):
            if count % (a * b) == 0:
                diagonal = np.diag([a, b, count // (a * b)])
                assert found >= shortest(diagonal @ HEXAGONAL) - 1e-9


@pytest.mark.parametrize("sign", [1, -1])
def test_a_supercell_repeats_the_crystal(low_symmetry: Crystal, sign: int) -> None:
    matrix = np.array([[2, 1, 0], [-1, 1, 1], [0, -1, sign * 2]])
    count = abs(round(float(np.linalg.det(matrix))))
    whole, origins = supercell(low_symmetry, matrix)
    assert whole.n_atoms == count * low_symmetry.n_atoms
    assert whole.volume == pytest.approx(count * low_symmetry.volume)
    assert np.bincount(origins).tolist() == [count] * low_symmetry.n_atoms
    back = whole.positions @ np.linalg.inv(low_symmetry.cell)
    for site, origin in enumerate(origins):
        gap = back[site] - low_symmetry.frac_coords[origin]
        assert np.allclose(gap, np.rint(gap), atol=1e-9)
        assert whole.occupancy[site] == low_symmetry.occupancy[origin]
    places = {tuple(np.round(p, 6) % 1.0) for p in whole.frac_coords}
    assert len(places) == whole.n_atoms


@pytest.mark.parametrize("k", [40, 1000])
def test_very_skewed_supercells(k: int) -> None:
    """Their bounding box holds far too many cells to be looked through."""
    shear = np.array([[1, 0, 0], [k, 1, 0], [0, k, 1]])
    crystal = Crystal.ordered(3.0 * np.eye(3), [[0.0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"])
    matrix = shear @ np.diag([2, 1, 3])
    whole, origins = supercell(crystal, matrix)
    assert whole.n_atoms == 12
    assert origins.tolist() == [0, 1] * 6
    places = whole.positions @ np.linalg.inv(crystal.cell) - crystal.frac_coords[origins]
    assert np.abs(places - np.rint(places)).max() < 1e-6
    among = np.rint(places) @ np.linalg.inv(matrix)  # no two are copies of each other
    gaps = among[::2, None] - among[None, ::2]
    assert (np.abs(gaps - np.rint(gaps)).max(axis=2) > 1e-6).sum() == 6 * 5
