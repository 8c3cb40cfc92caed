"""Overlapping sites are found in every cell."""

import time
from itertools import product

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.overlap import check_overlap

SHEAR = np.array([[1, 9, -4], [0, 1, 6], [0, 0, 1]])


def closest(crystal: Crystal, reach: int = 3) -> float:
    """Shortest distance by brute force [A], for cells that are not skewed."""
    shifts = np.array(list(product(range(-reach, reach + 1), repeat=3))) @ crystal.cell
    gaps = crystal.positions[:, None, None] - crystal.positions[None, :, None] + shifts
    distances = np.linalg.norm(gaps, axis=-1)
    return float(distances[distances > 0.0].min())


def test_good_crystals_pass(rock_salt: Crystal, perovskite: Crystal) -> None:
    check_overlap(rock_salt)
    check_overlap(perovskite)


@pytest.mark.parametrize("gap", [0.0, 0.001, 0.12, 0.399])
@pytest.mark.parametrize("shear", [np.eye(3), SHEAR, -SHEAR])
def test_two_sites_across_the_cell_wall(gap: float, shear: np.ndarray) -> None:
    cell = np.array([[4.0, 0, 0], [1.5, 3.5, 0], [-1, 0.5, 5.0]])
    positions = np.array([[0.05, 0.02, -0.01], [0.05 - gap, 0.02, -0.01], [1.5, 1.5, 2.0]])
    positions[1] += cell[0] - cell[2]
    coords = positions @ np.linalg.inv(shear @ cell)
    crystal = Crystal.ordered(shear @ cell, coords, ["Sr", "O", "Ti"], "bad")
    with pytest.raises(StructureError) as caught:
        check_overlap(crystal)
    assert "site 1 (Sr) and site 2 (O)" in caught.value.summary
    assert f"{gap:.3f} A" in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix


def test_a_site_and_its_own_image() -> None:
    crystal = Crystal.ordered(np.diag([0.3, 5.0, 5.0]), np.zeros((1, 3)), ["Fe"])
    with pytest.raises(StructureError, match=r"its own periodic image are 0\.300 A"):
        check_overlap(crystal)


def test_agrees_with_brute_force(rng: np.random.Generator) -> None:
    seen = set()
    for _ in range(60):
        cell = 2.5 * np.eye(3) + 0.5 * rng.normal(size=(3, 3))
        if abs(np.linalg.det(cell)) < 5.0:
            continue
        crystal = Crystal.ordered(SHEAR @ cell, rng.random((5, 3)), ["C"] * 5)
        plain = Crystal.ordered(cell, crystal.positions @ np.linalg.inv(cell) % 1.0, ["C"] * 5)
        distance = closest(plain)
        seen.add(distance < 0.4)
        if distance < 0.4:
            with pytest.raises(StructureError, match=f"{distance:.3f} A"):
                check_overlap(crystal)
        else:
            check_overlap(crystal)
    assert seen == {True, False}


def test_500_atoms_are_quick() -> None:
    grid = np.array(list(product(range(10), range(10), range(5)))) / [10, 10, 5]
    crystal = Crystal.ordered(np.diag([25.0, 25.0, 12.5]), grid, ["Po"] * 500)
    start = time.perf_counter()
    check_overlap(crystal)
    assert time.perf_counter() - start < 1.0  # 0.04 s on an idle machine


def test_mixed_sites_are_named_by_their_elements() -> None:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"Ni": 1.0})
    crystal = Crystal(4.0 * np.eye(3), np.array([[0, 0, 0], [0, 0, 0.02]]), sites)
    with pytest.raises(StructureError, match=r"site 1 \(Cu/Au\) and site 2 \(Ni\)"):
        check_overlap(crystal)


def test_large_crystals_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    coords = np.stack(np.meshgrid(*[np.arange(4) / 4] * 3), axis=-1).reshape(-1, 3)
    coords[-1] = coords[0] + 0.001
    crystal = Crystal.ordered(12.0 * np.eye(3), coords, ["Na"] * 64, "bad")
    messages = []
    for largest in (1, 100, 4_000_000):
        monkeypatch.setattr("phonodos.physics.overlap.LARGEST_BLOCK", largest)
        with pytest.raises(StructureError) as caught:
            check_overlap(crystal)
        messages.append(str(caught.value))
    assert len(set(messages)) == 1
    assert "site 1 (Na) and site 64 (Na) are 0.021 A apart" in messages[0]
