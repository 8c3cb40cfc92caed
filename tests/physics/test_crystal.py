"""`Crystal`: pure and mixed, its sums, its guards."""

import pickle

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import (
    Crystal,
    element_union,
    mixed_sites,
    reduced_basis,
    site_kinds,
)


@pytest.fixture
def alloy() -> Crystal:
    """Cu0.7Au0.3, the conventional fcc cell of four mixed sites."""
    coords = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Crystal(3.754 * np.eye(3), coords, ({"Cu": 0.7, "Au": 0.3},) * 4, "alloy")


def test_sums_of_a_pure_crystal(perovskite: Crystal) -> None:
    assert perovskite.n_atoms == 5
    assert perovskite.volume == pytest.approx(3.905**3)
    assert perovskite.composition == {"Sr": 1.0, "Ti": 1.0, "O": 3.0}
    assert perovskite.formula == "SrTiO3"
    assert perovskite.n_formula_units == 1
    assert perovskite.symbols == ("Sr", "Ti", "O", "O", "O")
    assert perovskite.masses[2:] == pytest.approx([15.999] * 3)
    assert perovskite.positions[1] == pytest.approx([1.9525] * 3)


def test_sums_of_a_mixed_crystal(alloy: Crystal) -> None:
    assert alloy.formula == "Cu0.7Au0.3"
    assert alloy.n_formula_units == 4
    assert alloy.composition == pytest.approx({"Cu": 2.8, "Au": 1.2})
    mean = 0.7 * elements.atomic_mass("Cu") + 0.3 * elements.atomic_mass("Au")
    assert alloy.masses == pytest.approx([mean] * 4)
    assert alloy.volume == pytest.approx(3.754**3)
    assert not alloy.is_ordered
    assert mixed_sites(alloy) == (0, 1, 2, 3)


def test_formula_units_grow_with_the_cell() -> None:
    """Half and half: one site is one formula unit, two sites are two."""
    half = {"Cu": 0.5, "Au": 0.5}
    one = Crystal(3.0 * np.eye(3), np.zeros((1, 3)), (half,))
    two = Crystal(np.diag([3.0, 3.0, 6.0]), np.array([[0, 0, 0], [0, 0, 0.5]]), (half, half))
    assert (one.n_formula_units, two.n_formula_units) == (1, 2)
    assert one.formula == two.formula == "Cu0.5Au0.5"


def test_kinds_number_what_is_on_the_sites() -> None:
    sites = ({"Cu": 0.5, "Au": 0.5}, {"Cu": 1.0}, {"Au": 0.5, "Cu": 0.5}, {"H": 1.0}, {"D": 1.0})
    crystal = Crystal(5.0 * np.eye(3), np.linspace(0, 0.8, 15).reshape(5, 3), sites)
    assert site_kinds(crystal) == (0, 1, 0, 2, 3)


def test_pickle_keeps_everything(alloy: Crystal) -> None:
    copy = pickle.loads(pickle.dumps(alloy))
    assert copy.name == "alloy"
    assert np.array_equal(copy.cell, alloy.cell)
    assert np.array_equal(copy.frac_coords, alloy.frac_coords)
    assert [dict(o) for o in copy.occupancy] == [dict(o) for o in alloy.occupancy]


def test_frozen(alloy: Crystal) -> None:
    with pytest.raises(ValueError, match="read-only"):
        alloy.cell[0, 0] = 1.0
    with pytest.raises(AttributeError):
        alloy.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        alloy.occupancy[0]["Cu"] = 1.0  # type: ignore[index]


def test_rounded_thirds_are_filled_up() -> None:
    third = {"Cr": 0.333, "Mn": 0.333, "Fe": 0.333}
    crystal = Crystal(3.0 * np.eye(3), np.zeros((1, 3)), (third,))
    assert sum(crystal.occupancy[0].values()) == pytest.approx(1.0, abs=1e-15)


def test_left_handed_cells_are_allowed(rock_salt: Crystal) -> None:
    mirrored = Crystal(-rock_salt.cell, rock_salt.frac_coords, rock_salt.occupancy)
    assert mirrored.volume == pytest.approx(rock_salt.volume)


def test_label_is_name_or_formula(rock_salt: Crystal) -> None:
    assert rock_salt.label == "NaCl"
    assert Crystal(rock_salt.cell, rock_salt.frac_coords, rock_salt.occupancy).label == "NaCl"


def test_element_union(rock_salt: Crystal, perovskite: Crystal) -> None:
    assert element_union([rock_salt, perovskite]) == {"Na", "Cl", "Sr", "Ti", "O"}


def test_symbols_of_mixed_sites_are_refused(alloy: Crystal) -> None:
    with pytest.raises(StructureError, match="mixed sites"):
        _ = alloy.symbols


@pytest.mark.parametrize(
    ("cell", "coords", "sites", "message"),
    [
        (np.eye(2), np.zeros((1, 3)), ({"H": 1},), "wrong shape"),
        (3 * np.eye(3), np.zeros((1, 2)), ({"H": 1},), "wrong shape"),
        (3 * np.eye(3), np.zeros((2, 3)), ({"H": 1},), "2 coordinates for 1 sites"),
        (3 * np.eye(3), np.zeros((0, 3)), (), "0 coordinates for 0 sites"),
        (3 * np.eye(3), np.full((1, 3), np.nan), ({"H": 1},), "not finite"),
        (np.diag([3, 3, np.inf]), np.zeros((1, 3)), ({"H": 1},), "not finite"),
        (np.diag([3.0, 3.0, 0.0]), np.zeros((1, 3)), ({"H": 1},), "volume"),
        (np.array([[1, 2, 3], [2, 4, 6], [0, 0, 5.0]]), np.zeros((1, 3)), ({"H": 1},), "volume"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"X": 1},), "not a chemical element"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"Uue": 1},), "not a chemical element"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.93},), "sum to 0.93"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.7, "Au": 0.5},), "sum to 1.2"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"Cu": 1.2, "Au": -0.2},), "sum to 1"),
        (3 * np.eye(3), np.zeros((1, 3)), ({"Cu": np.nan},), "sum to nan"),
        (3 * np.eye(3), np.zeros((1, 3)), ({},), "sum to 0"),
    ],
)
def test_impossible_crystals(
    cell: np.ndarray, coords: np.ndarray, sites: tuple[dict[str, float], ...], message: str
) -> None:
    with pytest.raises(StructureError) as caught:
        Crystal(cell, coords, sites, "bad")
    assert caught.value.summary.startswith("bad: ")
    assert message in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix


def test_reduced_basis_undoes_a_shear(rng: np.random.Generator) -> None:
    for _ in range(20):
        cell = 4.0 * np.eye(3) + rng.normal(size=(3, 3))
        shear = np.array([[1, 7, -3], [0, 1, 11], [0, 0, 1]])
        basis = reduced_basis(shear @ cell)
        assert round(np.linalg.det(basis)) == 1
        short = basis @ shear @ cell
        assert np.linalg.norm(short, axis=1).max() <= 1.5 * np.linalg.norm(cell, axis=1).max()
