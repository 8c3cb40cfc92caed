"""Tables: whole or not at all, joined in the order of the source, of our schema or refused."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.screening import table
from phonodos.screening.rows import METADATA_KEY, SCHEMA_VERSION
from phonodos.screening.table import (
    is_parquet,
    join,
    read_ids,
    read_settings,
    writable_output,
    write_rows,
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


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_rows(path, [row(0, dos_densities=np.ones(3, np.float32), unstable=True)], SETTINGS)
    (found,) = pq.read_table(path).to_pylist()
    assert (found["dos_densities"], found["unstable"], found["formula"]) == ([1.0] * 3, True, None)
    assert read_settings(path) == SETTINGS
    assert list(read_ids([path])) == [("c-0", "0", "ok")]
    assert list(tmp_path.iterdir()) == [path]


def test_join_restores_the_order(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "GROUP", 7)
    paths = []
    for k, numbers in enumerate(np.array_split(rng.permutation(100), 9)):
        paths.append(tmp_path / f"{k}.parquet")
        write_rows(paths[-1], [row(int(n), formula=f"f{n}") for n in numbers], SETTINGS)
    assert join(paths, tmp_path / "out.parquet", SETTINGS, {"c-13"}) == 99
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    wanted = [n for n in range(100) if n != 13]
    assert [r["position"] for r in found] == wanted
    assert [r["formula"] for r in found] == [f"f{n}" for n in wanted]


def test_the_later_row_of_an_id_counts(tmp_path: Path) -> None:
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_rows(a, [row(0, reason="old"), row(1)], SETTINGS)
    write_rows(b, [row(0, reason="new")], SETTINGS)
    join([a, b], a, SETTINGS)  # the output may be one of them
    assert [r["reason"] for r in pq.read_table(a).to_pylist()] == ["new", None]


def test_a_table_of_nothing(tmp_path: Path) -> None:
    assert join([], tmp_path / "out.parquet", SETTINGS) == 0
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = tmp_path / "a.parquet"
    write_rows(a, [row(0)], SETTINGS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(table, "settle", full)
    with pytest.raises(OSError, match="No space left"):
        write_rows(tmp_path / "b.parquet", [row(1)], SETTINGS)
    with pytest.raises(DataError, match="cannot be written") as caught:
        join([a], tmp_path / "out.parquet", SETTINGS)
    assert "No space left" in caught.value.reason
    assert list(tmp_path.iterdir()) == [a]


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results"):
        read_settings(tmp_path / "gone.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("no")
    assert not is_parquet(text)
    with pytest.raises(DataError, match="not a readable Parquet"):
        read_settings(text)
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"id": ["a"]}), foreign)
    assert is_parquet(foreign)
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
    write_rows(path, [row(0), odd, row(2, n_atoms=2**40, model="a"), row(3, formula={})], SETTINGS)
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
