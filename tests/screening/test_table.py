"""Tables: whole or not at all, joined in the order of the source, of our schema or refused."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.datasets.growing import GrowingTable, read_columns, write_rows
from phonodos.errors import ConfigError, DataError
from phonodos.screening.rows import METADATA_KEY, SCHEMA_VERSION, schema
from phonodos.screening.table import (
    EARLIER,
    FORM,
    finish,
    ordered_ids,
    read_settings,
    writable_output,
)

SETTINGS: dict[str, Any] = {
    "schema_version": SCHEMA_VERSION,
    "temperatures": [300.0],
    "model": "a",
    "model_hash": "0123456789abcdef",
    "members": None,
    "source": "somewhere",
    "shard": "1/1",
}


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"c-{number}", "position": number, "status": "ok", "digest": "0", **more}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    write_rows(path, rows, schema(SETTINGS), FORM.fit)


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write(path, [row(0, dos_densities=np.ones(3, np.float32), unstable=True)])
    (found,) = pq.read_table(path).to_pylist()
    assert (found["dos_densities"], found["unstable"], found["formula"]) == ([1.0] * 3, True, None)
    assert read_settings(path) == {**EARLIER, **SETTINGS}
    assert list(read_columns([path], FORM.noted)) == [("c-0", "0", "ok")]
    assert list(tmp_path.iterdir()) == [path]


def test_the_order_of_the_source(tmp_path: Path, rng: np.random.Generator) -> None:
    paths = []
    for k, numbers in enumerate(np.array_split(rng.permutation(100), 9)):
        paths.append(tmp_path / f"{k}.parquet")
        write(paths[-1], [row(int(n)) for n in numbers])
    wanted = [f"c-{n}" for n in range(100) if n != 13]
    assert ordered_ids(paths, {"c-13"}) == wanted


def test_of_equal_positions_the_later_row_comes_later(tmp_path: Path) -> None:
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write(a, [row(0, position=5), row(1, position=5), row(2, position=9)])
    write(b, [row(0, position=5), row(2, position=1)])
    assert ordered_ids([a, b]) == ["c-2", "c-1", "c-0"]


def test_unfinished_parts_of_an_earlier_release_are_taken_up(tmp_path: Path) -> None:
    """Files as they were written before: six digits, the settings alone in the header."""
    output = tmp_path / "t.parquet"
    folder = tmp_path / "t.parquet.parts"
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "000002.parquet.partial").write_bytes(b"half")
    table = pa.Table.from_pylist([row(1), row(0)], schema=schema(SETTINGS))
    pq.write_table(table, folder / "000001.parquet", compression="zstd")
    with closing(GrowingTable(output, SETTINGS, FORM)) as growing:
        assert growing.done == {"c-0": ("0", "ok"), "c-1": ("0", "ok")}
        growing.add([row(2)])
        assert finish(growing, {"c-1"}) == 2
    assert [r["id"] for r in pq.read_table(output).to_pylist()] == ["c-0", "c-2"]
    assert list(tmp_path.iterdir()) == [output]


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results"):
        read_settings(tmp_path / "gone.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("no")
    with pytest.raises(DataError, match="not a readable Parquet"):
        read_settings(text)
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"id": ["a"]}), foreign)
    with pytest.raises(DataError, match="no table of results"):
        read_settings(foreign)
    for settings, reason in ((SETTINGS, "columns are missing"), ({"schema_version": 99}, "99")):
        header = {METADATA_KEY: json.dumps(settings).encode()}
        pq.write_table(pa.table({"id": ["a"]}).replace_schema_metadata(header), foreign)
        with pytest.raises(DataError, match="another schema") as caught:
            read_settings(foreign)
        assert reason in caught.value.reason


@pytest.mark.parametrize(
    "header",
    [
        b"no JSON",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"{}",
        json.dumps(SETTINGS | {"temperatures": None}).encode(),
        json.dumps(SETTINGS | {"temperatures": ["300"]}).encode(),
        json.dumps(SETTINGS | {"temperatures": [1e400]}).encode(),
        json.dumps(SETTINGS | {"shard": "0/0"}).encode(),
        json.dumps(SETTINGS | {"model": 5}).encode(),
        json.dumps({k: v for k, v in SETTINGS.items() if k != "temperatures"}).encode(),
    ],
)
def test_damaged_headers(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["a"]}).replace_schema_metadata({METADATA_KEY: header}), path)
    before = path.read_bytes()
    with pytest.raises(DataError) as caught:
        read_settings(path)
    assert str(path) in caught.value.summary
    assert path.read_bytes() == before


def test_texts_and_numbers_without_a_place_in_arrow(tmp_path: Path) -> None:
    """One odd row is written as far as it goes, or as a failed one; the others as they are."""
    path = tmp_path / "t.parquet"
    odd = row(1, formula="\ud800x", species=["\udc80"], source="caf\udce9")
    write(path, [row(0), odd, row(2, n_atoms=2**40, model="a"), row(3, formula={})])
    good, text, number, kind = pq.read_table(path).to_pylist()
    assert (good["id"], good["status"]) == ("c-0", "ok")
    assert (text["status"], text["source"]) == ("ok", "caf\\udce9")
    assert (text["formula"], text["species"]) == ("\\ud800x", ["\\udc80"])
    assert (number["id"], number["position"], number["model"]) == ("c-2", 2, "a")
    for failed in (number, kind):
        assert failed["status"] == "failed"
        assert failed["reason"].startswith("the row cannot be written: Arrow")


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 300, "x" * 250, "folder", "pipe", "loop"])
def test_outputs_that_cannot_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="no table can be written to") as caught:
        writable_output(Path(name))
    assert caught.value.reason
    assert len(list(tmp_path.iterdir())) == 3


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real.parquet")
    assert writable_output(tmp_path / "link") == tmp_path / "real.parquet"
    assert writable_output(tmp_path / "new" / "t.parquet") == tmp_path / "new" / "t.parquet"
