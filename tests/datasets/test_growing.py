"""A growing table: committed in pieces, found again, never mixed with rows of other settings."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.datasets import growing as home
from phonodos.datasets.growing import (
    Form,
    GrowingTable,
    is_parquet,
    join,
    read_columns,
    table_of,
    write_rows,
)
from phonodos.errors import ConfigError, DataError

SETTINGS: dict[str, Any] = {"model": "a", "cutoff": 6.0}
ROOT = Path(__file__).parent.parent.parent
KEY = b"settings of the test"
HOLD = """import sys
from pathlib import Path
from tests.datasets.test_growing import grow
table = grow(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def schema(settings: Mapping[str, Any]) -> pa.Schema:
    fields = {"id": pa.string(), "n": pa.int32(), "values": pa.list_(pa.float32())}
    return pa.schema(fields, metadata={KEY: json.dumps(dict(settings)).encode()})


def settings_of(path: Path) -> dict[str, Any]:
    header = (pq.read_schema(path).metadata or {}).get(KEY)
    if header is None:
        raise DataError(f"{path} is no table of ours", "it has no header", "choose another")
    return dict(json.loads(header))


FORM = Form(schema, settings_of, ("id", "n"), "choose another output", goes_on=True)


def grow(output: Path, form: Form = FORM, resume: bool = True, **other: Any) -> GrowingTable:
    return GrowingTable(output, SETTINGS | other, form, resume=resume)


def row(number: int) -> dict[str, Any]:
    return {"id": f"c-{number}", "n": number, "values": [0.5 * number] * (number % 4)}


def done(output: Path) -> set[str]:
    with closing(grow(output)) as table:
        return set(table.done)


def finish(table: GrowingTable) -> int:
    """Finish a table, its rows in the order of their numbers."""
    table.commit()
    numbers = dict(read_columns(table.tables, ("id", "n")))
    return table.finish(sorted(numbers, key=numbers.__getitem__))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


def test_rows_are_committed_and_found_again(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "ROWS", 2)
    monkeypatch.setattr(home, "SECONDS", 600.0)  # however slow the machine
    first = grow(output)
    first.add([row(0)])
    assert not list(output.parent.glob("*/*.parquet"))
    first.add([row(1)])
    first.add([row(2)])  # not committed: lost with the process
    first.close()
    second = grow(output)
    assert set(second.done) == {"c-0", "c-1"}
    second.add([row(2)])
    assert finish(second) == 3
    second.close()
    assert list(output.parent.iterdir()) == [output]
    assert done(output) == {"c-0", "c-1", "c-2"}


def test_few_rows_are_committed_while_nothing_else_comes(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long crystal is under way: what was computed before it is on the disk all the same."""
    assert 0.0 < home.SECONDS < 5.0
    monkeypatch.setattr(home, "SECONDS", 0.01)
    with closing(grow(output)) as parts:
        for number in range(2):
            parts.add([row(number)])
            for _ in range(6000):
                if len(list(output.parent.glob("*/*.parquet"))) > number:
                    break
                time.sleep(0.01)
        assert len(list(output.parent.glob("*/*.parquet"))) == 2
    assert done(output) == {"c-0", "c-1"}


def test_the_end_does_not_wait_for_a_commit_of_the_clock(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is closed in the middle of a commit: the clock stops all the same."""
    monkeypatch.setattr(home, "SECONDS", 0.01)
    begun, write = threading.Event(), home.write_rows
    tables: list[GrowingTable] = []

    def slow(*words: Any) -> None:
        begun.set()
        tables[0]._over.wait(60.0)
        time.sleep(0.1)  # until the end has rung as well
        write(*words)

    def run() -> None:
        with closing(grow(output)) as table:
            tables.append(table)
            table.add([row(0)])
            begun.wait(60.0)

    monkeypatch.setattr(home, "write_rows", slow)
    other = threading.Thread(target=run, daemon=True)
    other.start()
    other.join(30.0)
    assert not other.is_alive()
    assert done(output) == {"c-0"}


def test_other_settings_are_refused(output: Path) -> None:
    parts = grow(output)
    parts.add([row(0)])
    parts.commit()
    parts.close()
    for _ in range(2):  # the folder of parts, then the finished table
        with pytest.raises(ConfigError, match="belongs to another run") as caught:
            grow(output, model="b")
        assert "model: a, now b" in caught.value.reason
        with closing(grow(output)) as parts:
            finish(parts)


def test_a_second_run_is_refused(output: Path) -> None:
    parts = grow(output)
    with pytest.raises(DataError, match="another run is writing this output"):
        grow(output)
    parts.close()
    assert list(output.parent.iterdir()) == []


def test_the_death_of_the_holder_frees_an_output(output: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(output)]
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen(words, stdin=-1, stdout=-1, env=place) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for _ in range(2):  # asking does not take the name of the holder away
            with pytest.raises(DataError, match="another run is writing") as caught:
                grow(output)
            assert f"process {other.pid}" in caught.value.reason
        other.kill()
        other.wait()
    assert done(output) == set()
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["000001.parquet", "mine.parquet"])
def test_what_is_not_ours_among_the_parts_is_left_alone(output: Path, name: str) -> None:
    folder = output.with_name("out.parquet.parts")
    (folder / name).mkdir(parents=True)
    with pytest.raises(DataError, match="none of our files"):
        grow(output)
    assert (folder / name).is_dir()


@pytest.mark.parametrize("at", [4, 100, 300])
def test_a_damaged_output_is_left_as_it_is(output: Path, at: int) -> None:
    with closing(grow(output)) as parts:
        parts.add([row(n) for n in range(50)])
        finish(parts)
    content = bytearray(output.read_bytes())
    content[at : at + 200] = bytes(255 - byte for byte in content[at : at + 200])
    output.write_bytes(content)

    def go_on() -> None:
        with closing(grow(output)) as parts:
            parts.add([row(50)])
            finish(parts)

    with pytest.raises(DataError, match="not a readable Parquet file"):
        go_on()
    assert output.read_bytes() == content


def test_files_of_others_stay_as_they_are(output: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), output)
    before = output.read_bytes()
    with pytest.raises(DataError, match="no table of ours"):
        grow(output)
    assert output.read_bytes() == before
    assert list(output.parent.iterdir()) == [output]


def test_a_damaged_part_is_made_again(output: Path) -> None:
    parts = grow(output)
    parts.add([row(0)])
    parts.commit()
    parts.close()
    folder = output.with_name("out.parquet.parts")
    (folder / "000002.parquet").write_bytes(b"PAR1 and then the power failed")
    (folder / ".phonodos-0123.partial").write_bytes(b"half")
    with closing(grow(output)) as again:
        assert set(again.done) == {"c-0"}
        assert sorted(path.name for path in folder.iterdir()) == [
            "000001.parquet",
            "holder",
            "lock",
        ]


def test_a_full_disk_is_waited_for_and_then_told(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "ROWS", 1)
    monkeypatch.setattr(home, "HELD", 3)
    parts = grow(output)

    sync = os.fsync

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    parts.add([row(0)])
    parts.add([row(1)])
    with pytest.raises(DataError, match="takes no more rows") as caught:
        parts.add([row(2), row(3)])
    assert "No space left" in caught.value.reason
    with pytest.raises(DataError):
        parts.commit()
    monkeypatch.setattr(os, "fsync", sync)
    assert finish(parts) == 4  # nothing of it was lost
    parts.close()
    assert pq.read_table(output).num_rows == 4


def test_an_output_in_a_place_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        grow(tmp_path / "file" / "out.parquet")


def test_begun_anew(output: Path) -> None:
    for model in ("a", "b"):  # whatever the settings of what is thrown away
        with closing(grow(output)) as table:
            table.add([row(0)])
            table.commit()
        with closing(grow(output, resume=False, model=model)) as table:
            assert table.done == {}
            assert not table.tables


def test_a_form_that_does_not_go_on(output: Path) -> None:
    """The output of an earlier run is neither read nor touched before there is another."""
    output.write_text("whatever")
    form = Form(schema, settings_of, ("id",), "")
    with closing(grow(output, form)) as table:
        table.add([row(1), row(0)])
        table.commit()
        assert output.read_text() == "whatever"
        assert table.column("n", ["c-0", "c-1"]) == [0, 1]
        assert table.finish(["c-0"], schema({"made": "now"})) == 1
    assert settings_of(output) == {"made": "now"}
    assert pq.read_table(output).column("id").to_pylist() == ["c-0"]


def test_the_bytes_depend_on_rows_and_order_only(tmp_path: Path, rng: np.random.Generator) -> None:
    keys = [f"c-{number}" for number in range(100) if number != 13]
    made = []
    for pieces in (1, 9):
        paths = []
        for k, numbers in enumerate(np.array_split(rng.permutation(100), pieces)):
            paths.append(tmp_path / f"{pieces}-{k}.parquet")
            write_rows(paths[-1], [row(int(n)) for n in numbers], schema({"piece": k}))
        output = tmp_path / f"{pieces}.parquet"
        assert join(paths, output, schema({}), keys, group=7) == 99
        made.append(output.read_bytes())
    assert made[0] == made[1]
    assert [r for (r,) in read_columns([output], ["id"])] == keys


def test_the_later_row_of_a_key_counts(tmp_path: Path) -> None:
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_rows(a, [row(0), row(1)], schema({}))
    write_rows(b, [row(0) | {"n": 7}], schema({}))
    join([a, b], a, schema({}), ["c-1", "c-0"])  # the output may be one of them
    assert list(read_columns([a], ["id", "n"])) == [("c-1", 1), ("c-0", 7)]
    assert join([], b, schema({}), []) == 0
    assert pq.read_table(b).num_rows == 0


def test_a_row_without_a_place_in_arrow(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    odd = row(1) | {"n": 2**40}
    with pytest.raises(pa.ArrowException):
        table_of([odd], schema({}))
    write_rows(path, [row(0), odd], schema({}), lambda r, _: r | {"n": r["n"] % 2**31})
    assert list(read_columns([path], ["n"])) == [(0,), (2**40 % 2**31,)]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = tmp_path / "a.parquet"
    write_rows(a, [row(0)], schema({}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_rows(tmp_path / "b.parquet", [row(1)], schema({}))
    with pytest.raises(DataError, match="No space left"):
        join([a], tmp_path / "out.parquet", schema({}), ["c-0"])
    assert list(tmp_path.iterdir()) == [a]


def test_what_is_no_parquet(tmp_path: Path) -> None:
    text = tmp_path / "text.parquet"
    text.write_text("no")
    assert not is_parquet(text)
    with pytest.raises(DataError, match="not a readable Parquet"):
        list(read_columns([text], ["id"]))
    with pytest.raises(DataError, match="not a readable Parquet"):
        join([text], tmp_path / "out.parquet", schema({}), [])
