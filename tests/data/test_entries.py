"""Sources: the same crystals from every format, broken ones in their places, clear refusals."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.data.entries import count, entries
from phonodos.data.structure_objects import to_atoms, to_structure
from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal

Make = Callable[..., Path]


@pytest.fixture
def lines() -> Make:
    """Function (path, n) that writes small crystals as JSON lines, of 5 and 2 atoms in turn."""

    def write_lines(path: Path, n: int) -> Path:
        rows = []
        for i in range(n):
            record = {"id": f"c-{i}", "lattice": (np.eye(3) * (4.0 + 0.01 * i)).tolist()}
            if i % 3:
                record |= {"frac_coords": [[0, 0, 0], [0.5] * 3], "species": ["Cs", "Cl"]}
            else:
                places = [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
                record |= {"frac_coords": places, "species": ["Sr", "Ti", "O", "O", "O"]}
            rows.append(json.dumps(record))
        path.write_text("\n".join(rows) + "\n")
        return path

    return write_lines


def optimade(crystal: Crystal) -> dict[str, object]:
    kinds = [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in ("K", "Cl")]
    attributes = {
        "lattice_vectors": crystal.cell.tolist(),
        "cartesian_site_positions": crystal.positions.tolist(),
        "species": [{**k, "name": f"{k['name']}x"} for k in kinds],
        "species_at_sites": [f"{s}x" for s in crystal.symbols],
        "dimension_types": [1, 1, 1],
    }
    return {"id": crystal.name, "type": "structures", "attributes": attributes}


def write(kind: str, folder: Path, crystals: list[Crystal]) -> Path:
    """Write crystals in one of the formats and return the source."""
    path = folder / kind
    if kind == "folder":
        (path / "deep").mkdir(parents=True)
        for i, crystal in enumerate(crystals):
            place = path / ("deep" if i else "") / f"{crystal.name}.cif"
            place.write_text(to_structure(crystal).to(fmt="cif"))
        (path / "notes.txt").write_text("nothing")
        (path / ".hidden.cif").write_text("nothing")
    elif kind == "list.json":
        found = [{"material_id": c.name, "structure": to_structure(c).as_dict()} for c in crystals]
        path.write_text(json.dumps(found))
    elif kind == "optimade.json":
        path.write_text(json.dumps({"data": [optimade(c) for c in crystals], "meta": {}}))
    elif kind in ("frames.extxyz", "rows.db"):
        from ase.db import connect
        from ase.io import write as ase_write

        atoms = [to_atoms(c) for c in crystals]
        for a, c in zip(atoms, crystals, strict=True):
            a.info["material_id"] = c.name
        if kind == "frames.extxyz":
            ase_write(path, atoms)
        else:
            for a in atoms:
                connect(path).write(a)
    elif kind == "table.parquet":
        columns = {
            "material_id": [c.name for c in crystals],
            "cell": [c.cell.ravel().tolist() for c in crystals],
            "frac_coords": [c.frac_coords.ravel().tolist() for c in crystals],
            "species": [list(c.symbols) for c in crystals],
        }
        pq.write_table(pa.table(columns), path)
    elif kind == "texts.parquet":
        texts = [json.dumps(to_structure(c).as_dict()) for c in crystals]
        pq.write_table(pa.table({"id": [c.name for c in crystals], "structure": texts}), path)
    else:
        lines = [
            json.dumps(
                {
                    "id": c.name,
                    "lattice": c.cell.tolist(),
                    "frac_coords": c.frac_coords.tolist(),
                    "species": list(c.symbols),
                }
            )
            for c in crystals
        ]
        opener = gzip.open if kind.endswith(".gz") else open
        with opener(path, "wt") as file:
            file.write("\n".join(lines))
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "folder", "list.json", "optimade.json", "frames.extxyz", "rows.db", "table.parquet",
        "texts.parquet", "lines.jsonl", "lines.jsonl.gz",
    ],
)  # fmt: skip
def test_every_format_gives_the_same_crystals(kind: str, tmp_path: Path) -> None:
    cell = np.array([[0.0, 3.1, 3.1], [3.1, 0.0, 3.1], [3.1, 3.1, 0.0]])
    coords = [[0.0] * 3, [0.5] * 3]
    crystals = [
        Crystal.ordered(cell * (1 + 0.1 * i), coords, ["K", "Cl"], name=f"mp-{i}") for i in range(3)
    ]
    source = write(kind, tmp_path, crystals)
    found = {entry.label: entry.build(entry.label) for entry in entries(source)}
    own = [f"rows-{i + 1}" for i in range(3)] if kind == "rows.db" else ["mp-0", "mp-1", "mp-2"]
    assert sorted(found) == own
    for name, crystal in zip(own, crystals, strict=True):
        assert sorted(found[name].symbols) == ["Cl", "K"]
        assert found[name].volume == pytest.approx(crystal.volume, rel=1e-6)
    assert count(source) in (None, 3)
    quick = ("folder", "jsonl", "jsonl.gz", "parquet")
    assert (count(source) == 3) == (kind.split(".", 1)[-1] in quick)


def test_broken_entries_stand_in_their_places(tmp_path: Path, lines: Make) -> None:
    path = lines(tmp_path / "x.jsonl", 3)
    good = path.read_text().splitlines()
    bad = [good[0], "{broken", "[1, 2]", '{"id": "empty"}', good[1]]
    path.write_text("\n".join(bad))
    found = list(entries(path))
    assert [entry.label for entry in found] == ["c-0", "x-1", "x-2", "empty", "c-1"]
    for entry in found[1:4]:
        with pytest.raises(StructureError):
            entry.build(entry.label)
    assert found[4].build("c-1").n_atoms == 2


def test_a_stream_that_breaks_off_keeps_what_came_before(tmp_path: Path, lines: Make) -> None:
    plain = lines(tmp_path / "x.jsonl", 50)
    packed = gzip.compress(plain.read_bytes())
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    found = list(entries(cut))
    assert 1 < len(found) < 50
    with pytest.raises(StructureError, match="cannot be read after line"):
        found[-1].build("")
    assert found[0].build("c-0").n_atoms == 5


def test_an_unreadable_file_in_a_folder_is_an_entry(tmp_path: Path, examples: Path) -> None:
    (tmp_path / "a.cif").write_text("")
    (tmp_path / "b.cif").write_bytes((examples / "MgO.cif").read_bytes())
    bad, good = entries(tmp_path)
    assert (bad.label, good.label) == ("a", "b")
    with pytest.raises(StructureError, match=r"a\.cif: is empty"):
        bad.build("a")
    assert good.build("b").formula == "MgO"


def test_a_link_that_leads_nowhere_is_an_entry(tmp_path: Path, examples: Path) -> None:
    (tmp_path / "a.cif").symlink_to(tmp_path / "gone.cif")
    (tmp_path / "b.cif").symlink_to(examples / "MgO.cif")
    (tmp_path / "c.cif").mkdir()
    bad, good = entries(tmp_path)
    assert count(tmp_path) == 2
    with pytest.raises(StructureError, match=r"a\.cif: cannot be read"):
        bad.build("a")
    assert good.build("b").formula == "MgO"


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="gone: cannot be read"):
        list(entries(tmp_path / "gone"))
    with pytest.raises(DataError, match="no structure file in this folder"):
        list(entries(tmp_path))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(StructureError, match="holds no structure"):
        list(entries(empty))
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["a"], "species": [["Na"]]}), table)
    with pytest.raises(DataError, match="columns are missing: cell, frac_coords") as caught:
        list(entries(table))
    assert "columns are missing" not in caught.value.summary
    table.write_bytes(b"no parquet at all")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        list(entries(table))
    odd = tmp_path / "odd.bin"
    odd.write_bytes(b"\0\1\2")
    with pytest.raises(StructureError, match=r"odd\.bin"):
        list(entries(odd))


def test_shared_structures(shared: Path) -> None:
    path = shared / "structures" / "phonondb_structures.jsonl.gz"
    first = next(entries(path))
    assert (first.label, first.build("x").formula) == ("mp-1000", "BaTe")
    assert count(path) == 10034
