"""Small real-world inputs: what each of them gives, read or predicted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load
from phonodos.structures.reading import as_crystal, iter_crystals, read_crystals

CASES = Path(__file__).parent.parent / "structures" / "cases"
ROCK_SALT = {"Mg": 1.0, "O": 1.0}
LIGHT = "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti"

# File -> the composition of each of its crystals, and words of the first note ("" for none).
READ: dict[str, tuple[tuple[dict[str, float], ...], str]] = {
    "H_shares_site_with_O.cif": (({"Ce": 2, "Fe": 2, "As": 2, "H": 1.8, "O": 0.2},), ""),
    "POSCAR_hash_comments": (({"Na": 1, "Cl": 1},), ""),
    "POSCAR_numbered_kinds": (({"Fe": 2, "O": 2},), ""),
    "POSCAR_symbols_over_two_lines": ((dict.fromkeys(LIGHT.split(), 1.0),), ""),
    "POSCAR_vasp4_labels_on_lines": (({"Na": 1, "Cl": 1},), ""),
    "XDATCAR": (({"Na": 1, "Cl": 1},) * 2, ""),
    "attached_hydrogens_unknown.cif": ((ROCK_SALT,), ""),
    "calc_flag_dum.cif": (({"Na": 4, "Cl": 4},), ""),
    "cartesian_coordinates.cif": ((ROCK_SALT,), ""),
    "deuterium.extxyz": (({"Li": 1, "D": 1},), ""),
    "formula_of_the_template.cif": (({"C": 1, "N": 1},), "the formula of the file"),
    "group_A-1_centred_triclinic.cif": (({"Na": 4},), ""),
    "group_Cmca_old_symbol.cif": (({"P": 8},), ""),
    "jarvis.json": ((ROCK_SALT,), ""),
    "label_Ge_type_Sb.cif": (({"Ge": 2, "Sb": 2, "Te": 4},), ""),
    "label_with_site_letter.cif": ((ROCK_SALT,), "elements are taken from the labels"),
    "matbench_split.json": ((ROCK_SALT,) * 2, ""),
    "modulation_dimension_0.cif": ((ROCK_SALT,), ""),
    "occupancy_1.01.cif": (({"Mg": 0.67 / 1.01, "Fe": 0.34 / 1.01, "O": 1},), "miss 1 by rounding"),
    "ops_incomplete_NaCl.cif": (({"Na": 4, "Cl": 4},), "were added from the name"),
    "pandas_columns.json": ((ROCK_SALT,) * 2, ""),
    "phonopy_lammps_no_unit.yaml": ((ROCK_SALT,), ""),
    "symops_unknown_but_group_named.cif": (({"Mg": 4, "O": 4},), ""),
    "textfield_data_.cif": (({"Si": 8},), ""),
    "type_Cval_Siva.cif": (({"C": 1, "Si": 1},), ""),
}
# File -> words of the refusal.
REFUSED = {
    "amcsd_OH_brucite.cif": "hydroxyl or water",
    "formula_half_the_H.cif": "do not add up to the formula",
    "label_W_water.cif": "hydroxyl or water",
    "occupancy_question_mark.cif": "_atom_site_occupancy is missing",
    "optimade_attached.json": "site_attachments",
    "optimade_implicit.json": "implicit_atoms",
}
# Read as they are; the net of distances behind the readers refuses or doubts them.
DOUBTED = {"mgo_compressed_60_percent.vasp": "A apart", "molecule_in_box.vasp": "in vacuum"}


def utf16(folder: Path) -> None:
    """A CIF in UTF-16, as spreadsheets and editors save it, is text."""
    text = (CASES / "modulation_dimension_0.cif").read_text(encoding="utf-8")
    (folder / "utf16.cif").write_text(text, encoding="utf-16")
    (crystal,) = read_crystals(folder / "utf16.cif")
    assert crystal.composition == ROCK_SALT


def isotopes(_: Path) -> None:
    """Masses of isotopes stay, whether near the standard one or not."""
    from ase.build import bulk

    for mass in (73.921, 69.924):
        atoms = bulk("Ge", "diamond", a=5.66)
        atoms.set_masses([mass, 72.63])
        assert as_crystal(atoms).masses == pytest.approx([mass, 72.63], abs=0.01)
    for mass in (11.0093, 10.0129):
        atoms = bulk("BN", "zincblende", a=3.6)
        atoms.set_masses([mass, 14.007])
        assert as_crystal(atoms).masses[0] == pytest.approx(mass, abs=1e-3)


def bohr(_: Path) -> None:
    """A Phonopy object of Quantum ESPRESSO says that it is in bohr."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = 2.1 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 0.529177210903
    unit = PhonopyAtoms(symbols=["Mg", "O"], cell=cell, scaled_positions=[[0] * 3, [0.5] * 3])
    phonon: Any = Phonopy(unit, supercell_matrix=np.eye(3), calculator="qe")
    assert as_crystal(phonon).volume == pytest.approx(18.522, abs=1e-3)


def mixed_valence(_: Path) -> None:
    """Fe2+ and Fe3+ on one site are iron."""
    from pymatgen.core import Lattice, Structure

    species: Any = [{"Fe2+": 0.5, "Fe3+": 0.5}, "O2-"]
    structure = Structure(Lattice.cubic(4.3), species, [[0] * 3, [0.5] * 3])
    assert as_crystal(structure).composition == {"Fe": 1.0, "O": 1.0}


MADE: dict[str, Callable[[Path], None]] = {
    "utf16.cif": utf16,
    "isotopes_ignored.py": isotopes,
    "phonopyatoms_in_bohr.py": bohr,
    "pymatgen_mixed_valence.py": mixed_valence,
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    compositions, words = READ[name]
    crystals = read_crystals(CASES / name)
    assert len(crystals) == len(compositions)
    for crystal, composition in zip(crystals, compositions, strict=True):
        assert crystal.composition == pytest.approx(composition)
    notes = crystals[0].notes
    assert (words in notes[0]) if words else notes == ()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(StructureError) as caught:
        read_crystals(CASES / name)
    assert REFUSED[name] in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize("name", DOUBTED)
def test_what_the_net_catches(name: str) -> None:
    (crystal,) = iter_crystals(CASES / name)
    assert isinstance(crystal, Crystal)
    (found,) = load("lattice", members=1).predict_many([crystal])
    said = str(found) if isinstance(found, Exception) else " ".join(found.warnings)
    assert DOUBTED[name] in said


@pytest.mark.parametrize("name", MADE)
def test_what_objects_and_other_encodings_give(name: str, tmp_path: Path) -> None:
    MADE[name](tmp_path)


def test_every_case_is_asserted() -> None:
    known = {*READ, *REFUSED, *DOUBTED}
    assert {path.name for path in CASES.iterdir()} == known
    assert len(known) + len(MADE) == 37
    cases = Path(os.environ.get("PHONODOS_SHARED", "")) / "cases"
    if os.environ.get("PHONODOS_SHARED") and cases.is_dir():
        there = {path.name for path in cases.iterdir() if path.is_file()} - {"README.md"}
        assert there == known | set(MADE)
