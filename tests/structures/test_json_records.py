"""JSON of pymatgen, ASE, JARVIS and OPTIMADE, records and tables that hold structures."""

import json
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.objects import to_atoms, to_structure
from phonodos.structures.reading import iter_crystals, read_crystals


def refused(path: Path, text: str) -> StructureError:
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_crystals(path)
    assert path.name in caught.value.summary
    assert caught.value.reason
    assert caught.value.fix
    return caught.value


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


LIST = {"matrix": (4.2 * np.eye(3)).tolist()}
STRUCTURE = {
    "lattice": LIST,
    "sites": [
        {"species": [{"element": s, "occu": 1}], "abc": abc}
        for s, abc in (("Mg", [0, 0, 0]), ("O", [0.5, 0.5, 0.5]))
    ],
}
OTHER = {**STRUCTURE, "lattice": {"matrix": (4.4 * np.eye(3)).tolist()}}
JARVIS = {
    "lattice_mat": LIST["matrix"],
    "coords": [[0, 0, 0], [0.5, 0.5, 0.5]],
    "elements": ["Mg", "O"],
    "cartesian": False,
}
ASE = {
    "numbers": [12, 8],
    "positions": [[0, 0, 0], [2.1, 2.1, 2.1]],
    "cell": LIST["matrix"],
    "pbc": [True] * 3,
}
TEXT = "x\n1.0\n4.2 0 0\n0 4.2 0\n0 0 4.2\nMg O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
HELD = {
    "structure": {"structure": STRUCTURE},
    "deep": {"structure": {"initial": STRUCTURE}},
    "no abc": {"structure": {**STRUCTURE, "sites": [
        {"species": s["species"], "xyz": [4.2 * x for x in s["abc"]]}  # type: ignore[attr-defined]
        for s in STRUCTURE["sites"]  # type: ignore[attr-defined]
    ]}},
    "jarvis": {"jid": "JVASP-1", "atoms": JARVIS},
    "bare jarvis": JARVIS,
    "cartesian jarvis": {**JARVIS, "coords": [[0, 0, 0], [2.1] * 3], "cartesian": True},
    "jarvis of texts": {**JARVIS, "cartesian": "False"},
    "cartesian record": {"lattice": LIST["matrix"], "cart_coords": [[0, 0, 0], [2.1] * 3],
                         "species": ["Mg", "O"]},
    "under a key": {"structures": {"a": STRUCTURE}, "meta": 1},
    "ase": ASE,
    "periodic ase": {**ASE, "pbc": True},
    "held ase": {"atoms": ASE},
    "text of ase": {"@class": "MSONAtoms", "atoms_json": json.dumps(ASE)},
    "text": {"structure": json.dumps(STRUCTURE)},
    "poscar": {"poscar": TEXT},
    "poscar as structure": {"structure": TEXT},
    "task": {"task_id": "mp-1", "input": {"structure": OTHER}, "output": {"structure": STRUCTURE}},
    "phonons": {"sum": 1, "ph_bs": {"structure": STRUCTURE}, "ph_dos": {"structure": STRUCTURE}},
    "final": {"energy": 1.0, "initial_structure": OTHER, "final_structure": STRUCTURE},
    "any column": {"relaxed": STRUCTURE, "energy": -1.0},
    "optimade": {"data": {"id": "x", "type": "structures", "attributes": {
        "lattice_vectors": LIST["matrix"], "cartesian_site_positions": ASE["positions"],
        "species": [
            {"name": s, "chemical_symbols": [s], "concentration": [1]} for s in ("Mg", "O")
        ],
        "species_at_sites": ["Mg", "O"]}}},
}  # fmt: skip


@pytest.mark.parametrize("kind", HELD)
def test_where_records_keep_their_structure(kind: str) -> None:
    (crystal,) = read_crystals("-", json.dumps(HELD[kind]))
    assert crystal.symbols == ("Mg", "O")
    assert crystal.volume == pytest.approx(4.2**3)
    assert crystal.frac_coords == pytest.approx(np.array([[0.0] * 3, [0.5] * 3]))
    chosen = any("was taken" in note for note in crystal.notes)
    assert chosen == (kind in ("task", "final"))


ROWS = [
    {"material_id": f"mp-{n}", "structure": STRUCTURE, "energy": float(n), "known": n == 1}
    for n in (1, 2, 3)
]


@pytest.mark.parametrize(
    "orient", ["split", "records", "index", "columns", "values", "table", "lists", "lines"]
)
@pytest.mark.parametrize("column", ["structure", "relaxed", "text"])
@pytest.mark.parametrize("ids", ["column", "index", "none"])
def test_every_form_of_a_table(orient: str, column: str, ids: str) -> None:
    """The forms of ``DataFrame.to_json`` in pandas, written by hand."""
    rows = [{column: json.dumps(STRUCTURE) + "\n" if column == "text" else STRUCTURE,
             **{k: v for k, v in row.items() if k != "structure"}} for row in ROWS]  # fmt: skip
    if column == "text":
        rows = [{"cif" if k == "text" else k: v for k, v in row.items()} for row in rows]
    names = [row.pop("material_id") for row in rows] if ids != "column" else []
    keys = names if ids == "index" else ["0", "1", "2"]
    columns = {k: {key: row[k] for key, row in zip(keys, rows, strict=True)} for k in rows[0]}
    lists = [list(row.values()) for row in rows]
    forms = {
        "split": {"columns": list(rows[0]), "index": keys, "data": lists},
        "records": rows,
        "index": dict(zip(keys, rows, strict=True)),
        "columns": columns,
        "values": lists,
        "table": {"schema": {"fields": []}, "data": rows},
        "lists": {k: list(v.values()) for k, v in columns.items()},
    }
    text = "\n".join(map(json.dumps, rows)) if orient == "lines" else json.dumps(forms.get(orient))
    if orient == "values" and column == "text":
        pytest.skip("a text without the name of its column")
    if orient in ("columns", "lists") and column == "relaxed":
        pytest.skip("columns of another name are told from mappings by name only")
    crystals = read_crystals("-", text)
    assert [c.volume for c in crystals] == pytest.approx([4.2**3] * 3)
    named = ids == "column" and orient != "values"
    named |= ids == "index" and orient in ("split", "index", "columns")
    assert [c.name for c in crystals] == [
        f"stdin-{f'mp-{n + 1}' if named else n}" for n in range(3)
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"structure": None, "energy": 1.0}, "structure is empty"),
        ({"structure": "fcc"}, "no format known"),
        ({"structure": TEXT + TEXT}, "2 structures in one text"),
        ({"first": STRUCTURE, "info": {"second": OTHER}}, "several structures in one record"),
        ({"columns": ["structure"], "data": [[STRUCTURE, 1]]}, "does not fit the columns"),
        ({"columns": ["energy"], "data": [[1.0], [2.0]]}, "without a crystal structure"),
        ({**ASE, "pbc": [True, True, False]}, "not periodic"),
        ({k: v for k, v in ASE.items() if k != "pbc"}, "not periodic"),
        ({**JARVIS, "elements": ["Mg"]}, "2 coordinates for 1 sites"),
        ({**JARVIS, "coords": "x"}, "incomplete structure"),
        ({**JARVIS, "cartesian": None, "coords": [[0] * 3, [2.1] * 3]}, "does not say whether"),
        ({"atoms": {**JARVIS, "elements": ["Mg", "Vac"]}}, "'Vac'"),
    ],
)
def test_what_is_left_open_is_refused(data: object, message: str) -> None:
    found = list(iter_crystals("-", json.dumps(data)))
    assert all(isinstance(c, StructureError) for c in found)
    assert message in str(found[0])


def test_jsonio_of_ase_keeps_isotopes_and_shared_sites() -> None:
    from ase import Atoms
    from ase.io.jsonio import encode

    atoms = Atoms("CuLi", cell=4 * np.eye(3), pbc=True, scaled_positions=[[0] * 3, [0.5] * 3])
    atoms.set_masses([63.546, 6.015])
    (crystal,) = read_crystals("-", encode(atoms))
    assert crystal.masses == pytest.approx([63.546, 6.015], abs=1e-3)
    atoms.info["occupancy"] = {"0": {"Cu": 0.7, "Au": 0.3}, "1": {"Li": 1.0}}
    atoms.set_array("spacegroup_kinds", np.array([0, 1]))
    del atoms.arrays["masses"]
    for text in (encode(atoms), encode([atoms])):
        (crystal,) = read_crystals("-", text)
        assert [dict(s) for s in crystal.occupancy] == [{"Cu": 0.7, "Au": 0.3}, {"Li": 1.0}]


def test_header_lines_of_optimade_are_no_structures() -> None:
    entry = {"id": "a", **HELD["optimade"]["data"]}  # type: ignore[dict-item]
    lines = [{"x-optimade": {"api_version": "1.1.0"}}, {"type": "info", "id": "x"}, entry, entry]
    crystals = read_crystals("-", "\n".join(map(json.dumps, lines)))
    assert [c.symbols for c in crystals] == [("Mg", "O")] * 2
