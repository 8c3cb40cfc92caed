"""The asymmetric unit: its atoms and operations make all the others."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.model.graph import find_neighbours
from phonodos.physics.asymmetric_unit import EXACT, asymmetric_unit
from phonodos.physics.crystal import Crystal


@pytest.mark.parametrize(("name", "n"), [("quartz", 2), ("rutile", 2)])
def test_all_atoms_are_images_of_those_of_the_unit(
    name: str, n: int, symmetric: dict[str, Crystal]
) -> None:
    crystal = symmetric[name]
    unit = asymmetric_unit(crystal)
    assert unit is not None
    assert len(unit.atoms) == n
    assert unit.places[unit.atoms].tolist() == list(range(n))
    for atom, (place, number) in enumerate(zip(unit.places, unit.operations, strict=True)):
        source = unit.atoms[place]
        turn, shift = unit.group.rotations[number], unit.group.translations[number]
        moved = turn @ crystal.frac_coords[source] + shift - unit.shifts[number, source]
        assert moved == pytest.approx(crystal.frac_coords[atom], abs=1e-9)
        assert unit.sources[number, atom] == source


@pytest.mark.parametrize("name", ["quartz", "rutile"])
def test_edges_are_seen_from_the_unit(name: str, symmetric: dict[str, Crystal]) -> None:
    crystal = symmetric[name]
    unit = asymmetric_unit(crystal)
    assert unit is not None
    i, j, images, vectors = find_neighbours(crystal, 4.0)
    far, moved = unit.carried_back(i, j, images)
    home = unit.atoms[unit.places[i]]
    seen = crystal.positions[far] - crystal.positions[home] + moved @ crystal.cell
    turned = (unit.turns[unit.operations[i]] @ seen[:, :, None])[:, :, 0]
    np.testing.assert_allclose(turned, vectors, atol=1e-9)
    kinds = np.array(crystal.symbols)
    assert (kinds[far] == kinds[j]).all()


def test_nothing_to_gain(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    assert asymmetric_unit(low_symmetry) is None  # no symmetry
    assert asymmetric_unit(rock_salt) is None  # no two atoms alike


@pytest.mark.parametrize(("moved", "found"), [(0.2 * EXACT, True), (3.0 * EXACT, False)])
def test_symmetry_that_is_broken_does_not_count(
    moved: float, found: bool, symmetric: dict[str, Crystal]
) -> None:
    crystal = symmetric["rutile"]
    coords = crystal.frac_coords.copy()
    coords[4] += np.linalg.solve(crystal.cell.T, [moved, 0.0, 0.0])
    assert (asymmetric_unit(replace(crystal, frac_coords=coords)) is not None) == found


def test_cells_that_are_strained_are_less_symmetric(symmetric: dict[str, Crystal]) -> None:
    crystal = symmetric["quartz"]
    strained = crystal.cell @ (np.eye(3) + np.diag([1e-4, 0.0, 0.0]))
    assert asymmetric_unit(replace(crystal, cell=strained)) is None
