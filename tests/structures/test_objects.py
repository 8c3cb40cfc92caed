"""Objects of pymatgen, ASE and phonopy, in and out; phonopy.yaml."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from phonopy.structure.atoms import PhonopyAtoms
from pymatgen.core import DummySpecies, Lattice, Molecule, Structure

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.objects import BOHR, to_atoms, to_phonopy_atoms, to_structure
from phonodos.structures.reading import as_crystal, read_crystals


@pytest.fixture
def alloy() -> Crystal:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"D": 1.0})
    return Crystal(3.7 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), sites)


def same(a: Crystal, b: Crystal) -> None:
    assert a.cell == pytest.approx(b.cell)
    assert a.frac_coords == pytest.approx(b.frac_coords)
    assert [dict(o) for o in a.occupancy] == [dict(o) for o in b.occupancy]


def refused(x: object, message: str) -> StructureError:
    with pytest.raises(StructureError) as caught:
        as_crystal(x)
    assert message in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


def test_round_trips(perovskite: Crystal, alloy: Crystal) -> None:
    for back in (to_structure, to_atoms, to_phonopy_atoms):
        same(as_crystal(back(perovskite)), perovskite)
    same(as_crystal(to_structure(alloy)), alloy)


def test_deuterium_survives_as_a_mass(rock_salt: Crystal) -> None:
    heavy = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Li", "D"])
    for back in (to_structure, to_atoms, to_phonopy_atoms):
        assert as_crystal(back(heavy)).symbols == ("Li", "D")


def test_a_structure_without_pymatgen(monkeypatch: pytest.MonkeyPatch, perovskite: Crystal) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pymatgen"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError) as caught:
        to_structure(perovskite)
    assert caught.value.fix == "pip install pymatgen-core"
    assert as_crystal(to_atoms(perovskite)).formula == "SrTiO3"


@pytest.mark.parametrize("back", [to_atoms, to_phonopy_atoms])
def test_mixed_sites_do_not_go_out_ordered(back: object, alloy: Crystal) -> None:
    with pytest.raises(StructureError, match="mixed sites"):
        back(alloy)  # type: ignore[operator]


def test_pymatgen_decorations_are_stripped() -> None:
    structure = Structure(
        Lattice.cubic(4), ["Sr2+", {"O2-": 0.5, "S2-": 0.5}], [[0] * 3, [0.5] * 3]
    )
    assert [dict(o) for o in as_crystal(structure).occupancy] == [{"Sr": 1}, {"O": 0.5, "S": 0.5}]


def test_pymatgen_dummies_vacancies_molecules_and_slabs() -> None:
    dummy = Structure(Lattice.cubic(4), [DummySpecies("X")], [[0] * 3])
    refused(dummy, "not a chemical element")
    refused(Structure(Lattice.cubic(4), [{"Cu": 0.93}], [[0] * 3]), "sum to 0.93")
    refused(Molecule(["O"], [[0, 0, 0]]), "a Molecule is not a crystal")
    slab = Lattice.cubic(4, pbc=(True, True, False))
    refused(Structure(slab, ["Po"], [[0] * 3]), "not periodic")


def test_ase_occupancies_are_honoured() -> None:
    """ASE shows a Cu0.7Au0.3 crystal as copper and hides the rest in `info`."""
    atoms = Atoms("CuNi", cell=4 * np.eye(3), pbc=True, scaled_positions=[[0] * 3, [0.5] * 3])
    atoms.info["occupancy"] = {"0": {"Cu": 0.7, "Au": 0.3}, "1": {"Ni": 1.0}}
    atoms.set_array("spacegroup_kinds", np.array([0, 1]))
    sites = [dict(o) for o in as_crystal(atoms.repeat((2, 1, 1))).occupancy]
    assert sites == [{"Cu": 0.7, "Au": 0.3}, {"Ni": 1.0}] * 2


def test_a_disordered_cif_read_by_ase(examples: Path) -> None:
    from ase.io import read

    atoms = read(examples / "Cu0.7Au0.3.cif")
    assert set(atoms.symbols) == {"Cu"}
    crystal = as_crystal(atoms)
    assert dict(crystal.occupancy[0]) == {"Cu": 0.7, "Au": 0.3}


@pytest.mark.parametrize("case", ["no kinds", "unknown kind", "other element", "no table"])
def test_ase_occupancies_that_belong_to_no_atoms(case: str) -> None:
    atoms = Atoms("Cu", cell=3 * np.eye(3), pbc=True)
    atoms.info["occupancy"] = {"0": {"Cu": 0.7, "Au": 0.3}}
    if case != "no kinds":
        atoms.set_array("spacegroup_kinds", np.array([1 if case == "unknown kind" else 0]))
    if case == "other element":
        atoms.symbols[0] = "Ni"
    if case == "no table":
        atoms.info["occupancy"] = 0.7
    refused(atoms, "occupancies that belong to no atoms")


def test_ase_guards() -> None:
    assert "pbc = True" in refused(Atoms("Cu", cell=3 * np.eye(3)), "not periodic").fix
    refused(Atoms("Cu", cell=3 * np.eye(3), pbc=[True, True, False]), "not periodic")
    refused(Atoms("Cu", pbc=True), "volume")
    refused(Atoms("X", cell=3 * np.eye(3), pbc=True), "'X'")
    refused(Atoms("Cu", cell=3 * np.eye(3), pbc=True, positions=[[np.nan] * 3]), "not finite")
    refused(Atoms("B", cell=3 * np.eye(3), pbc=True, masses=[100.0]), "mass of 100 amu")


def test_isotopes_reach_the_masses() -> None:
    atoms = Atoms("Ge2", cell=4 * np.eye(3), pbc=True, scaled_positions=[[0] * 3, [0.5] * 3])
    atoms.set_masses([73.921, 72.63])
    crystal = as_crystal(atoms)
    assert crystal.masses == pytest.approx([73.921, 72.63])
    assert to_phonopy_atoms(crystal).masses == pytest.approx([73.921, 72.63])
    assert list(to_phonopy_atoms(crystal).symbols) == ["Ge", "Ge"]
    assert to_atoms(crystal).get_masses() == pytest.approx([73.921, 72.63])
    assert to_structure(crystal).formula == "Ge2"


def test_phonopy_mixtures_if_phonopy_has_them() -> None:
    atoms = pytest.importorskip("phonopy.structure.atoms")
    if not hasattr(atoms, "build_species_table_from_mixtures"):
        pytest.skip("this phonopy has no site mixtures")
    table, ids = atoms.build_species_table_from_mixtures(
        [[("Ge", 0.25), ("Sn", 0.75)], [("Te", 1)]]
    )
    cell = PhonopyAtoms(
        cell=6 * np.eye(3),
        scaled_positions=[[0] * 3, [0.5] * 3],
        species_table=table,
        species_ids=ids,
    )
    sites = [dict(o) for o in as_crystal(cell).occupancy]
    assert sites == [{"Ge": 0.25, "Sn": 0.75}, {"Te": 1.0}]


CELL = """{indent}lattice:
{indent}- [ 4.0, 0.0, 0.0 ] # a
{indent}- [ 0.0, 4.0, 0.0 ]
{indent}- [ 0.0, 0.0, 4.0 ]
{indent}{points}:
{indent}- symbol: {symbol} # 1
{indent}  {key}: [ 0.0, 0.0, 0.0 ]
{indent}  mass: {mass}
"""


def phonopy_yaml(
    symbol: str = "Na",
    mass: float = 22.98977,
    length: str = "angstrom",
    points: str = "points",
    key: str = "coordinates",
    indent: str = "  ",
) -> str:
    cell = CELL.format(indent=indent, points=points, symbol=symbol, key=key, mass=mass)
    head = 'phonopy:\n  version: "2.20.0"\n  calculator: qe\n'
    units = f'physical_unit:\n  atomic_mass: "AMU"\n  length: "{length}"\n'
    body = ("unit_cell:\n" if indent else "") + cell
    return head + units + body + "supercell:\n  lattice: [broken"


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        (phonopy_yaml(), 4.0),
        (phonopy_yaml(length="au"), 4.0 * BOHR),
        (phonopy_yaml(points="atoms", key="position"), 4.0),
        (phonopy_yaml(indent=""), 4.0),
        (phonopy_yaml(symbol="Na1"), 4.0),
    ],
)
def test_phonopy_yaml(tmp_path: Path, text: str, edge: float) -> None:
    """Only the unit cell is parsed: the broken supercell after it does not matter."""
    path = tmp_path / "phonopy_disp.yaml"
    path.write_text(text)
    (crystal,) = read_crystals(path)
    assert crystal.symbols == ("Na",)
    assert crystal.cell == pytest.approx(edge * np.eye(3))
    assert crystal.name == "phonopy_disp"


def test_phonopy_yaml_of_phonopy_itself(tmp_path: Path, rock_salt: Crystal) -> None:
    from phonopy import Phonopy

    path = tmp_path / "phonopy.yaml"
    Phonopy(to_phonopy_atoms(rock_salt), supercell_matrix=[2, 2, 2]).save(path)
    (crystal,) = read_crystals(path)
    same(crystal, rock_salt)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (phonopy_yaml(length="furlong"), "'furlong'"),
        (phonopy_yaml().replace("  length:", "  width:"), "unit of length"),
        (phonopy_yaml(symbol="Q"), "'Q'"),
        (phonopy_yaml(symbol="B", mass=100.0), "mass of 100 amu"),
        (phonopy_yaml().replace("- symbol: Na", "- label: Na"), "incomplete unit cell"),
        (phonopy_yaml().replace("- [ 4.0, 0.0, 0.0 ]", "- [ 4.0, 0.0"), "not readable YAML"),
        ("nothing: here\n", "no unit cell"),
    ],
)
def test_bad_phonopy_yaml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "phonopy.yaml"
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert "phonopy.yaml" in caught.value.summary
    assert message in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix


def test_mixed_valence_of_one_element_adds_up() -> None:
    from pymatgen.core import Lattice, Structure

    from phonodos.structures.objects import crystal_from_structure

    species = [{"Fe2+": 0.5, "Fe3+": 0.5}, {"O2-": 1.0}]
    crystal = crystal_from_structure(
        Structure(Lattice.cubic(4.3), species, [[0, 0, 0], [0.5, 0.5, 0.5]])
    )
    assert crystal.composition == {"Fe": 1.0, "O": 1.0}


def phonopy_table() -> dict[str | None, float]:
    """Return phonopy's own units of length [A] by calculator."""
    from phonopy.interface import calculator

    units = getattr(calculator, "get_calculator_physical_units", None)
    found: dict[str | None, float] = {}
    for name in (None, *calculator.calculator_info):
        if units is None:
            found[name] = float(calculator.get_default_physical_units(name)["distance_to_A"])
        else:
            found[name] = float(units(name).distance_to_A)
    return found


TABLE = phonopy_table()


@pytest.mark.parametrize("calculator", TABLE)
@pytest.mark.parametrize("door", ["object", "file", "file without units"])
def test_phonopy_objects_are_in_the_unit_of_their_calculator(
    calculator: str | None, door: str, tmp_path: Path, rock_salt: Crystal
) -> None:
    from phonopy import Phonopy

    phonon = Phonopy(to_phonopy_atoms(rock_salt), supercell_matrix=[1, 1, 1], calculator=calculator)
    crystal = as_crystal(phonon)
    if door != "object":
        path = tmp_path / "phonopy.yaml"
        phonon.save(path)
        if door == "file without units":
            text = path.read_text()
            at, end = text.index("physical_unit:"), text.index("space_group:")
            path.write_text(text[:at] + text[end:])
        (crystal,) = read_crystals(path)
    assert crystal.volume == pytest.approx(rock_salt.volume * TABLE[calculator] ** 3, rel=1e-6)
    assert crystal.symbols == ("Na", "Cl")


def test_isotopes_of_a_phonopy_object(rock_salt: Crystal) -> None:
    from phonopy import Phonopy

    atoms = PhonopyAtoms(
        symbols=["Li", "H"], cell=rock_salt.cell, scaled_positions=rock_salt.frac_coords,
        masses=[6.015, 2.0141],
    )  # fmt: skip
    for x in (atoms, Phonopy(atoms, supercell_matrix=[1, 1, 1], calculator="qe")):
        assert as_crystal(x).masses == pytest.approx([6.015, 2.0141], abs=1e-3)


def test_an_unknown_calculator_is_refused() -> None:
    class Phonopy:
        calculator = "magic"
        unitcell = None

    Phonopy.__module__ = "phonopy.api_phonopy"
    assert "magic" in refused(Phonopy(), "unit of length").reason
