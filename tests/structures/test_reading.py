"""The door: formats by name and by look, names, compression, whatever is no structure."""

import bz2
import gzip
import json
import lzma
import warnings
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import space_group
from phonodos.structures.entries import is_structure_file
from phonodos.structures.objects import to_atoms, to_phonopy_atoms, to_structure
from phonodos.structures.reading import (
    as_crystal,
    iter_crystals,
    read_crystals,
    read_text,
)

FRAME = '1\nLattice="4 0 0 0 4 0 0 0 {c}" Properties=species:S:1:pos:R:3\n{symbol} 0 0 0\n'
YAML = (
    "unit_cell:\n  lattice:\n  - [ 0, 2.82, 2.82 ]\n  - [ 2.82, 0, 2.82 ]\n  - [ 2.82, 2.82, 0 ]\n"
    "  points:\n  - symbol: Na # 1\n    coordinates: [ 0, 0, 0 ]\n    mass: 22.98977\n"
    "  - symbol: Cl # 2\n    coordinates: [ 0.5, 0.5, 0.5 ]\n"
)


def check(error: StructureError, name: str, message: str) -> None:
    assert name in error.summary
    assert message in error.summary + error.reason
    assert error.reason
    assert error.fix


def test_poscar_example(examples: Path) -> None:
    (crystal,) = read_crystals(examples / "NaCl.vasp")
    assert crystal.name == "NaCl"
    assert crystal.n_atoms == 2
    assert space_group(crystal) == (225, "Fm-3m")


def test_every_example_file_is_read(examples: Path) -> None:
    files = [p for p in examples.iterdir() if is_structure_file(p)]
    assert len(files) >= 12
    for path in files:
        assert as_crystal(path).name == path.stem


def test_formats_are_told_by_their_look(examples: Path, rock_salt: Crystal) -> None:
    texts = {
        "cif": (examples / "NaCl.cif").read_text(),
        "poscar": (examples / "NaCl.vasp").read_text(),
        "json": json.dumps(to_structure(rock_salt).as_dict()),
        "extxyz": FRAME.format(symbol="Na", c=4),
        "yaml": YAML,
    }
    for text in texts.values():
        (crystal,) = read_crystals("-", text)
        assert crystal.name == "stdin"
        assert "Na" in crystal.formula
    (crystal,) = read_text(texts["cif"], "rock")
    assert crystal.name == "rock"
    assert [c.name for c in read_text(texts["extxyz"] * 2, "run")] == ["run-0", "run-1"]


def test_formats_of_unnamed_files_are_told_by_their_look(tmp_path: Path, examples: Path) -> None:
    for name, source in (("mp-1.5", "NaCl.cif"), ("note.txt", "NaCl.vasp")):
        (tmp_path / name).write_text((examples / source).read_text())
    (cif,), (poscar,) = (read_crystals(tmp_path / n) for n in ("mp-1.5", "note.txt"))
    assert (cif.name, poscar.name) == ("mp-1.5", "note")
    assert cif.n_atoms == 4 * poscar.n_atoms


@pytest.mark.parametrize(
    ("suffix", "packer"), [(".gz", gzip), (".xz", lzma), (".bz2", bz2), (".lzma", lzma)]
)
def test_compressed_files(tmp_path: Path, suffix: str, packer: object) -> None:
    path = tmp_path / f"phonopy_params.yaml{suffix}"
    path.write_bytes(packer.compress(YAML.encode()))  # type: ignore[attr-defined]
    (crystal,) = read_crystals(path)
    assert crystal.name == "phonopy_params"
    assert crystal.formula == "NaCl"


def test_old_encodings_and_byte_order_marks(tmp_path: Path, examples: Path) -> None:
    text = (examples / "NaCl.cif").read_text()
    for name, data in (
        ("latin.cif", ("# Müller, 25 °C\n" + text).encode("latin-1")),
        ("mark.cif", b"\xef\xbb\xbf" + text.encode()),
        ("lines.cif", text.replace("\n", "\r\n").encode()),
    ):
        (tmp_path / name).write_bytes(data)
        (crystal,) = read_crystals(tmp_path / name)
        assert crystal.n_atoms == 8


def test_names_of_entries_are_unique_and_stay_in_their_folder(tmp_path: Path) -> None:
    record = {"lattice": (4 * np.eye(3)).tolist(), "frac_coords": [[0, 0, 0]], "species": ["Po"]}
    path = tmp_path / "many.json"
    ids = ["mp-1", "../../etc", "mp-1", None]
    path.write_text(json.dumps([{**record, "material_id": i} for i in ids]))
    names = [c.name for c in read_crystals(path)]
    assert names == ["many-mp-1", "many-etc", "many-mp-1-2", "many-3"]


def test_reading_is_silent(examples: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in examples.glob("*.cif"):
            read_crystals(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.cif", b"", "is empty"),
        ("blank.vasp", b" \n\n", "is empty"),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0", "no format known"),
        ("binary.cif", b"data_\0\0\0", "no format known"),
        ("letter.txt", b"Dear Sir or Madam,\nno crystal here.\n", "no format known"),
        ("page.cif", b"<!DOCTYPE html><html></html>", "no crystal structure in the CIF"),
        ("cut.json", b'{"lattice": {"matrix": [[1, 0', "not valid JSON"),
        ("none.json", b"[]", "holds no structure"),
        ("torn.yaml.xz", lzma.compress(YAML.encode())[:-20], "cannot be read"),
        ("false.cif.gz", b"data_x", "cannot be read"),
        ("false.db", b"this is not SQLite, and long enough" * 9, "not a readable ASE data base"),
    ],
)
def test_files_that_are_no_structures(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    check(caught.value, name, message)


@pytest.mark.parametrize("name", ["missing.cif", "missing.db", "missing"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    for read in (read_crystals, as_crystal):
        with pytest.raises(StructureError) as caught:
            read(tmp_path / name)
        check(caught.value, name, "No such file")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StructureError) as caught:
        read_crystals(tmp_path)
    check(caught.value, tmp_path.name, "no structure file in this folder")


def test_nothing_on_standard_input() -> None:
    for text in (None, "", "  \n"):
        with pytest.raises(StructureError) as caught:
            read_crystals("-", text)
        check(caught.value, "standard input", "")


def test_as_crystal_takes_one_structure(tmp_path: Path, rock_salt: Crystal) -> None:
    assert as_crystal(rock_salt) is rock_salt
    path = tmp_path / "frames.extxyz"
    path.write_text(FRAME.format(symbol="Na", c=4) + FRAME.format(symbol="K", c=5))
    with pytest.raises(StructureError) as caught:
        as_crystal(path)
    check(caught.value, "frames.extxyz", "several structures")
    assert "predict_many" in caught.value.fix
    assert "read_crystals" in caught.value.fix


def test_as_crystal_checks_overlap_of_every_kind(rock_salt: Crystal) -> None:
    bad = Crystal(rock_salt.cell, np.array([[0, 0, 0], [0.01, 0, 0]]), rock_salt.occupancy)
    for x in (bad, to_structure(bad), to_atoms(bad)):
        with pytest.raises(StructureError, match=r"0\.040 A apart"):
            as_crystal(x)


@pytest.mark.parametrize("x", [None, 3, ["NaCl.cif"], {"lattice": 1}])
def test_what_is_no_crystal(x: object) -> None:
    with pytest.raises(StructureError) as caught:
        as_crystal(x)
    check(caught.value, type(x).__name__, "is not a crystal")


def test_which_files_of_a_folder_are_structures() -> None:
    yes = ["a.cif", "POSCAR", "CONTCAR-2", "x.vasp", "b.extxyz", "c.json.gz", "phonopy.yaml.xz"]
    no = ["README.md", "total_dos.dat", "figure.png", "archive.gz", "notes.txt"]
    assert all(map(is_structure_file, yes))
    assert not any(map(is_structure_file, no))


def test_real_structures(shared: Path) -> None:
    """The screening set: JSON lines, one plain record each."""
    path = shared / "structures" / "phonondb_structures.jsonl.gz"
    for i, crystal in enumerate(iter_crystals(path)):
        assert isinstance(crystal, Crystal)
        assert crystal.name.startswith("phonondb_structures-mp-")
        if i == 200:
            break


def test_real_records(shared: Path) -> None:
    """Records of dfpt2018 carry their CIF inside: BaTe is the first check value of the data."""
    import tarfile

    with tarfile.open(shared / "dfpt2018" / "phonon-dfpt-2018.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith(".json"))
        stream = archive.extractfile(member)
        assert stream is not None
        record = json.loads(stream.read())
    (crystal,) = read_crystals("-", json.dumps(record))
    assert crystal.n_atoms == record["metadata"]["nsites"]


def test_isotopes_come_through_every_door(rock_salt: Crystal) -> None:
    plain = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Li", "H"])
    atoms, phonopy_atoms = to_atoms(plain), to_phonopy_atoms(plain)
    atoms.set_masses([6.0151, 1.008])
    phonopy_atoms.masses = [6.0151, 1.008]
    poscar = "x\n1\n0 2.82 2.82\n2.82 0 2.82\n2.82 2.82 0\n{} H\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    frame = (
        '2\nLattice="0 2.82 2.82 2.82 0 2.82 2.82 2.82 0" '
        "Properties=species:S:1:pos:R:3:masses:R:1\nLi 0 0 0 6.0151\nH 2.82 2.82 2.82 1.008\n"
    )
    record = {"lattice": plain.cell.tolist(), "frac_coords": plain.frac_coords.tolist()}
    texts = (
        *(poscar.format(name) for name in ("6Li", "Li-6", "Li[6.0151]")),
        frame,
        YAML.replace("22.98977", "6.0151").replace("Na", "Li").replace("Cl", "H"),
        json.dumps({**record, "species": ["6Li", "H"]}),
    )
    for crystal in (as_crystal(atoms), as_crystal(phonopy_atoms), *map(_one, texts)):
        assert crystal.masses == pytest.approx([6.0151, 1.008], abs=1e-4)
        assert crystal.symbols[0].startswith("Li[6.015")


def _one(text: str) -> Crystal:
    (crystal,) = read_crystals("-", text)
    return crystal


def test_text_and_records_are_taken_like_files(examples: Path, rock_salt: Crystal) -> None:
    assert as_crystal((examples / "NaCl.cif").read_text()).n_atoms == 8
    assert as_crystal(to_structure(rock_salt).as_dict()).formula == "NaCl"
    row = {"cell": rock_salt.cell, "frac_coords": rock_salt.frac_coords, "species": ["Na", "Cl"]}
    assert as_crystal(row).formula == "NaCl"
    with pytest.raises(StructureError, match="no good"):
        as_crystal(StructureError("no good", "it is broken", "mend it"))


def test_no_error_is_its_own_cause() -> None:
    """Who follows causes to their end must get there."""
    held = {"cell": np.eye(3).tolist(), "frac_coords": [[0, 0, 0]], "species": ["Xx"]}
    with pytest.raises(StructureError, match="Xx") as caught:
        as_crystal(held)
    assert caught.value.__cause__ is not caught.value


def test_large_crystals_are_refused_before_their_distances_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unlooked(_: object) -> None:
        raise AssertionError("its distances are looked at")

    path = Path(__file__).parent.parent.parent / "examples" / "NaCl.cif"
    (crystal,) = iter_crystals(path, most_atoms=8)
    assert isinstance(crystal, Crystal)
    monkeypatch.setattr("phonodos.structures.entries.check_overlap", unlooked)
    (error,) = iter_crystals(path, most_atoms=7)
    assert isinstance(error, StructureError)
    assert error.summary.endswith("NaCl.cif: 8 atoms")
    assert "at most 7 atoms" in error.reason
