"""Sources: the same crystals from every format, broken ones in their places, clear refusals."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.source import Shard, items
from phonodos.structures import entries as home
from phonodos.structures.entries import count, entries
from phonodos.structures.objects import to_atoms, to_structure
from phonodos.structures.reading import iter_crystals
from phonodos.structures.unpacking import text_of
from phonodos.time_limit import time_limit

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


KINDS = (
    ValueError, TypeError, KeyError, ZeroDivisionError, OverflowError, MemoryError, RecursionError,
    AssertionError, AttributeError, UnicodeEncodeError("utf-8", "x", 0, 1, "odd"),
    OSError, EOFError,
    RuntimeError, np.linalg.LinAlgError, NotImplementedError, StructureError("a", "b", "c"),
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("stage", ["open", "step", "build", "overlap"])
def test_whatever_is_raised_is_the_failure_of_one_structure(
    stage: str, kind: Exception, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (examples / "MgO.cif").read_text()
    for name in ("a.cif", "b.cif", "c.cif"):
        (tmp_path / name).write_text(good.replace("data_", f"data_{name[0]}", 1))
    read, check = home.READERS["cif"], home.check_overlap

    def fail(*_: object) -> Crystal:
        raise kind

    def broken(text: str) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
        if "data_b" not in text:
            return read(text)
        if stage == "open":
            fail()
        return steps(text)

    def steps(text: str) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
        if stage == "step":
            fail()
        yield from ((own, fail if stage == "build" else make) for own, make in read(text))

    monkeypatch.setitem(home.READERS, "cif", broken)
    if stage == "overlap":
        monkeypatch.setattr(home, "check_overlap", lambda c: fail() if c.name == "b" else check(c))
    found = list(iter_crystals(tmp_path))
    assert [type(c) for c in found] == [Crystal, StructureError, Crystal]
    assert "b.cif" in found[1].summary  # type: ignore[union-attr]
    rows = list(items(entries(tmp_path), Shard()))
    assert [type(r.content) for r in rows] == [Crystal, StructureError, Crystal]


LINES = {
    "latin": b'{"id": "Andr\xe9"',
    "digits": b'{"id": ' + b"9" * 5000 + b"}",
    "nested": b'{"a": ' + b"[" * 100_000,
    "surrogate": b'{"id": "\\ud800", "lattice": null}',
    "cut": b'{"id": ',
    "list": b"[1, 2]",
    "number": b"5",
    "nul": b"\0\0",
}


@pytest.mark.parametrize("what", LINES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("where", [0, 2, 4])
def test_a_bad_line_costs_itself_alone(
    what: str, end: bytes, where: int, tmp_path: Path, rock_salt: Crystal
) -> None:
    good = [json.dumps(to_structure(rock_salt).as_dict()).encode() for _ in range(4)]
    good.insert(where, LINES[what])
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + end.join(good))
    for found in (list(iter_crystals(path)), list(iter_crystals("-", text_of(path.read_bytes())))):
        assert [n for n, c in enumerate(found) if not isinstance(c, Crystal)] == [where]
    for item in items(entries(path), Shard()):
        item.id.encode()
        item.source.encode()


def test_names_that_are_not_utf8(tmp_path: Path, examples: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.cif"))
    try:
        path.write_bytes((examples / "MgO.cif").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (item,) = items(entries(tmp_path), Shard())
    assert isinstance(item.content, Crystal)
    (item.id + item.source + item.content.name).encode()


@pytest.mark.parametrize("suffix", ["cif", "vasp", "extxyz", "json", "yaml", "txt", "jsonl"])
@pytest.mark.parametrize(
    "text",
    ["\n" * 200_000 + "x", "1" * 300_000, "1. " * 100_000, "'a " * 100_000, " " * 300_000 + "x",
     "data_x\n" + "x+" * 150_000, "1\n" + "a=" * 150_000 + "\nNa 0 0 0", "_" * 300_000],
)  # fmt: skip
def test_long_lines_end(suffix: str, text: str, tmp_path: Path) -> None:
    """A quadratic expression would take minutes for these."""
    (tmp_path / f"x.{suffix}").write_text(text)
    with time_limit(20.0, "a long line"):
        assert not any(isinstance(c, Crystal) for c in iter_crystals(tmp_path / f"x.{suffix}"))


def test_damage_behind_the_first_entry_is_the_last_one(tmp_path: Path) -> None:
    crystal = Crystal.ordered(3.0 * np.eye(3), [[0.0] * 3], ["Po"], name="a")
    table = write("table.parquet", tmp_path, [crystal] * 3)
    full = pq.read_table(table)
    pq.write_table(full, table, row_group_size=1, compression="zstd")
    place = pq.ParquetFile(table).metadata.row_group(1).column(1).data_page_offset
    content = bytearray(table.read_bytes())
    content[place : place + 40] = b"\xff" * 40
    table.write_bytes(content)
    kinds = [isinstance(i.content, Crystal) for i in items(entries(table), Shard())]
    assert kinds == [True, False, True]
