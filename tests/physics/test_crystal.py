"""`Crystal`: pure and mixed, its sums, its guards."""

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal, compact, element_union, mixed_sites


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


def test_reciprocal_vectors_are_dual(low_symmetry: Crystal) -> None:
    """a_i . b_j = 2 pi delta_ij, whatever the handedness."""
    for cell in (low_symmetry.cell, -low_symmetry.cell):
        crystal = Crystal(cell, low_symmetry.frac_coords, low_symmetry.occupancy)
        dual = crystal.cell @ crystal.reciprocal_cell.T
        np.testing.assert_allclose(dual, 2.0 * np.pi * np.eye(3), atol=1e-12)


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
    assert crystal.site_kinds == (0, 1, 0, 2, 3)


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


def sheared(crystal: Crystal, k: int) -> Crystal:
    """The same crystal, written with vectors k and k^2 times as skewed."""
    shear = np.array([[1, 0, 0], [k, 1, 0], [0, k, 1]], dtype=float)
    back = np.array([[1, 0, 0], [-k, 1, 0], [k * k, -k, 1]], dtype=float)
    return Crystal(shear @ crystal.cell, crystal.frac_coords @ back, crystal.occupancy, "sheared")


@pytest.mark.parametrize("k", [3, 30, 1000, 10_000])
def test_sheared_cells_are_the_crystal_they_are(perovskite: Crystal, k: int) -> None:
    other = sheared(perovskite, k)
    assert other.volume == pytest.approx(perovskite.volume, rel=1e-6)
    short, basis = compact(other)
    assert (short is other) == (k == 3)
    if k > 3:
        lengths = np.linalg.norm(short.cell, axis=1)
        assert lengths == pytest.approx([3.905] * 3, abs=1e-6)
        gaps = (short.positions - perovskite.positions) @ np.linalg.inv(perovskite.cell)
        assert np.abs(gaps - np.rint(gaps)).max() < 1e-5
        np.testing.assert_allclose(basis @ other.cell, short.cell)
        assert short.occupancy == other.occupancy


@pytest.mark.parametrize("k", [10**6, 10**8])
def test_a_shear_that_rounding_swallows_is_refused(perovskite: Crystal, k: int) -> None:
    with pytest.raises(StructureError, match="sheared: the cell cannot be reduced"):
        sheared(perovskite, k)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (np.diag([3.0, 3.0, 3.0]) * 1e6, "a cell volume of 2.7e[+]19 A.3 for 1 atoms"),
        (np.diag([1.1, 1.0, 9000.0]), "a lattice vector of 9e[+]03 A"),
        (np.diag([4.0, 4.0, 0.1]), "lattice planes 0.1 A apart"),
        (np.diag([1e-6, 1e-6, 1e13]), "a lattice vector of 1e[+]13 A"),
        (np.diag([2.82, 1e300, 1e308]), "a lattice vector of 1e[+]308 A"),
        (np.array([[2.82, 1e18, 0], [0, 2.82, 0], [0, 0, 2.82]]), "a lattice vector of 1e[+]18 A"),
        (np.diag([1e-200, 1e-200, 1e-200]), "cell volume of 0 A.3"),
    ],
)
def test_cells_outside_sense(cell: np.ndarray, words: str) -> None:
    with np.errstate(all="raise"), pytest.raises(StructureError, match=f"bad: {words}") as caught:
        Crystal.ordered(cell, [[0.0, 0, 0]], ["Na"], "bad")
    assert "phonodos takes" in caught.value.reason or "span no volume" in caught.value.reason


def test_molecules_slabs_and_long_stacks_are_crystals() -> None:
    pair = [[0.0, 0, 0], [0.03, 0, 0]]
    assert Crystal.ordered(np.diag([25.0] * 3), pair, ["H", "H"]).volume == pytest.approx(15625.0)
    graphene = np.array([[2.46, 0, 0], [-1.23, 2.1304, 0], [0, 0, 60.0]])
    assert Crystal.ordered(graphene, [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]], ["C", "C"]).volume > 0
    stack = np.array([[3.08, 0, 0], [-1.54, 2.667, 0], [0, 0, 1500.0]])
    assert Crystal.ordered(stack, [[0.0, 0, 0]] * 40, ["Si"] * 40).n_atoms == 40


@pytest.mark.parametrize("far", [1001.0, -1e4, 1e20, 1e308])
def test_sites_far_from_the_cell(rock_salt: Crystal, far: float) -> None:
    with np.errstate(all="raise"), pytest.raises(StructureError, match=r"bad: site 2 lies .* away"):
        Crystal.ordered(rock_salt.cell, [[0.0, 0, 0], [0.5, far, 0.5]], ["Na", "Cl"], "bad")
    near = Crystal.ordered(rock_salt.cell, [[0.0, 0, 0], [0.5, 999.5, 0.5]], ["Na", "Cl"])
    assert near.n_atoms == 2


def test_sites_that_rounding_moves(rock_salt: Crystal) -> None:
    """900 short cells away, in a cell so skewed that the fractions are of order 10^11."""
    k = 10_000
    other = sheared(rock_salt, k)
    coords = other.frac_coords + np.array([[0.0, 0, 0], [900.0 * k * k, -900.0 * k, 900.0]])
    with pytest.raises(StructureError, match="bad: site 2 has lost its place"):
        Crystal(other.cell, coords, other.occupancy, "bad")


def test_no_structure_of_the_data_is_refused(shared: Path) -> None:
    path = shared / "structures" / "phonondb_structures.jsonl.gz"
    if not path.is_file():
        pytest.skip("real data absent: no structures/ in PHONODOS_SHARED")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in list(lines)[::10]:
            record = json.loads(line)
            crystal = Crystal.ordered(record["lattice"], record["frac_coords"], record["species"])
            assert compact(crystal)[0] is crystal
