"""POSCAR, extxyz, JSON and ASE data bases."""

import json
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.objects import to_atoms, to_structure
from phonodos.structures.reading import iter_crystals, read_crystals

POSCAR = """rock salt
{scale}
 0.0 0.5 0.5
 0.5 0.0 0.5
 0.5 0.5 0.0
{species}
{mode}
 0.0 0.0 0.0 T T F
 {last} T T T
"""


def poscar(
    scale: str = "5.64",
    species: str = "Na Cl\n1 1",
    mode: str = "Direct",
    last: str = "0.5 0.5 0.5",
) -> str:
    return POSCAR.format(scale=scale, species=species, mode=mode, last=last)


def refused(path: Path, text: str) -> StructureError:
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert path.name in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        poscar(),
        poscar(scale="-44.851536"),
        poscar(scale="5.64 5.64 5.64"),
        poscar(mode="Selective dynamics\nDirect"),
        poscar(mode="Cartesian", last="0.5 0.5 0.5"),
        poscar(species="Na_pv Cl/0123456\n1 1"),
        poscar(species="Na Cl ! elements\n1 1 ! counts"),
        poscar(species="1 1").replace("rock salt", "Na Cl"),
        poscar() + "\n 0.0 0.0 0.0\n 0.1 0.1 0.1\n",
    ],
)
def test_poscar_dialects(text: str, rock_salt: Crystal) -> None:
    (crystal,) = read_crystals("-", text)
    assert crystal.symbols == ("Na", "Cl")
    assert crystal.cell == pytest.approx(rock_salt.cell)
    gap = crystal.frac_coords - rock_salt.frac_coords
    assert gap == pytest.approx(np.rint(gap), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (poscar(species="1 1"), "'rock'"),  # the title must not pass for elements
        (poscar(species="Na\n1 1"), "1 elements, 2 counts"),
        (poscar(species="Na Cl\n1 2"), "2 counts and 2 positions"),
        (poscar(last="0.5 0.5"), "not a complete POSCAR"),
        (poscar(last="0.5 0.5 NaN"), "not finite"),
        (poscar(last="0.0 0.0 0.01"), "A apart"),
        (poscar(scale="0.0"), "impossible scale"),
        (poscar(species="Na Vac\n1 1"), "'Vac'"),
        (poscar().replace("0.5 0.5 0.0", "0.0 0.5 0.5"), "volume"),
        ("rock salt\n1.0\n1 0 0\n", "not a complete POSCAR"),
    ],
)
def test_bad_poscar(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path / "bad.vasp", text).summary


def test_extxyz_frames(tmp_path: Path) -> None:
    from ase import Atoms
    from ase.io import write

    frames = [Atoms("Po", cell=np.eye(3) * a, pbc=True) for a in (3.2, 3.3, 3.4)]
    frames[1].info["material_id"] = "mp-7"
    path = tmp_path / "run.extxyz"
    write(path, frames)
    crystals = read_crystals(path)
    assert [c.name for c in crystals] == ["run-0", "run-mp-7", "run-2"]
    assert [c.volume for c in crystals] == pytest.approx([3.2**3, 3.3**3, 3.4**3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\nwater\nO 0 0 0\nH 0 0 1\n", "not periodic"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3" pbc="T T F"\nO 0 0 0\n', "not periodic"),
        ('2\nLattice="3 0 0 0 3 0 0 0 3"\nO 0 0 0\n', "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nVac 0 0 0\n', "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"', "not a readable extended XYZ"),
        ("5\n", "not a readable extended XYZ"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nX 0 0 0\n', "'X'"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nO 0 0 nan\n', "not finite"),
        ('1\nLattice="3 0 0 0 3 0 0 3 0"\nO 0 0 0\n', "volume"),
    ],
)
def test_bad_extxyz(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path / "bad.extxyz", text).summary


@pytest.fixture
def mixed() -> Crystal:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"O": 1.0})
    return Crystal(4.0 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), sites)


def test_pymatgen_json(tmp_path: Path, mixed: Crystal, rock_salt: Crystal) -> None:
    structure = to_structure(mixed)
    structure.add_oxidation_state_by_element({"Cu": 1, "Au": 1, "O": -2})
    one = structure.as_dict()
    two = to_structure(rock_salt).as_dict()
    entry = {"@class": "ComputedStructureEntry", "entry_id": "mp-22862", "structure": two}
    cases = {
        "one": one,
        "listed": [one, entry],
        "keyed": {"first": one, "second": two},
        "wrapped": {"entries": [entry, {"structure": one}]},
    }
    names = {}
    for stem, data in cases.items():
        (tmp_path / f"{stem}.json").write_text(json.dumps(data))
        crystals = read_crystals(tmp_path / f"{stem}.json")
        names[stem] = [c.name for c in crystals]
        disordered = next(c for c in crystals if not c.is_ordered)
        assert [dict(s) for s in disordered.occupancy] == [dict(s) for s in mixed.occupancy]
    assert names == {
        "one": ["one"],
        "listed": ["listed-0", "listed-mp-22862"],
        "keyed": ["keyed-first", "keyed-second"],
        "wrapped": ["wrapped-mp-22862", "wrapped-1"],
    }


def test_json_lines_and_plain_records(tmp_path: Path) -> None:
    record = {"lattice": (3 * np.eye(3)).tolist(), "frac_coords": [[0, 0, 0]], "species": ["Po"]}
    path = tmp_path / "set.jsonl"
    path.write_text(f"{json.dumps({**record, 'id': 'a'})}\n{{broken\n{json.dumps(record)}\n")
    first, second, third = iter_crystals(path)
    assert isinstance(first, Crystal)
    assert isinstance(third, Crystal)
    assert isinstance(second, StructureError)
    assert (first.name, third.name) == ("set-a", "set-2")
    assert "set.jsonl, entry 1: a line is not JSON" in second.summary


LATTICE = {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]}
SITE = {"species": [{"element": "Po", "occu": 1}], "abc": [0, 0, 0]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"hello": 1}, "without a crystal structure"),
        ([1, 2], "without a crystal structure"),
        ({"@class": "Molecule", "sites": []}, "a molecule"),
        ({"lattice": LATTICE, "sites": [{"species": []}]}, "incomplete structure"),
        ({"lattice": {"a": 1}, "sites": [SITE]}, "incomplete structure"),
        ({"lattice": {**LATTICE, "pbc": [True, True, False]}, "sites": [SITE]}, "not periodic"),
        ({"lattice": LATTICE, "sites": []}, "wrong shape"),
        ({"lattice": LATTICE, "sites": [SITE, SITE]}, "0.000 A apart"),
        (
            {"lattice": LATTICE, "sites": [{**SITE, "species": [{"element": "X", "occu": 1}]}]},
            "'X'",
        ),
        (
            {"lattice": LATTICE, "sites": [{**SITE, "species": [{"element": "Po", "occu": 0.9}]}]},
            "sum to 0.9",
        ),
        ({"lattice": LATTICE, "sites": [{**SITE, "abc": [float("nan"), 0, 0]}]}, "not finite"),
        ({"structure": {"lattice": LATTICE}}, "incomplete structure"),
        ({"structure": None, "lattice": LATTICE}, "incomplete structure"),
    ],
)
def test_bad_json(tmp_path: Path, data: object, message: str) -> None:
    assert message in refused(tmp_path / "bad.json", json.dumps(data)).summary


@pytest.mark.parametrize("name", ["rows.db", "rows.json"])
def test_ase_data_bases(tmp_path: Path, name: str, rock_salt: Crystal, perovskite: Crystal) -> None:
    from ase import Atoms
    from ase.db import connect

    path = tmp_path / name
    with connect(str(path)) as base:
        base.write(to_atoms(rock_salt))
        base.write(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.74]]))
        base.write(to_atoms(perovskite))
    first, second, third = iter_crystals(path)
    assert isinstance(first, Crystal)
    assert isinstance(third, Crystal)
    assert (first.name, third.name) == ("rows-1", "rows-3")
    assert (first.formula, third.formula) == ("NaCl", "SrTiO3")
    assert isinstance(second, StructureError)
    assert "entry 2" in second.summary
    assert "not periodic" in second.summary


def test_ase_json_from_standard_input(tmp_path: Path, rock_salt: Crystal) -> None:
    from ase.io import write

    write(tmp_path / "x.json", to_atoms(rock_salt))
    (crystal,) = read_crystals("-", (tmp_path / "x.json").read_text())
    assert crystal.formula == "NaCl"
