"""A whole run: killed anywhere it goes on, broken structures are named, nothing is mixed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError, DataError, WeightsError
from phonodos.screening import screen as home
from phonodos.screening.calculator import Calculator
from phonodos.screening.checks import verify
from phonodos.screening.results import merge
from phonodos.screening.rows import METADATA_KEY
from phonodos.screening.screen import Progress, screen
from phonodos.screening.source import Chunk, Shard
from phonodos.screening.table import read_settings

Lines = Callable[..., Path]
Rows = Callable[[Path], list[dict[str, Any]]]

# Kills itself at the n-th time that it does something: hands on rows, commits a part, ends.
KILLED = """import os, signal, sys
from contextlib import contextmanager
from phonodos.datasets import growing
from phonodos.screening.screen import screen

source, output, what, n = *sys.argv[1:4], int(sys.argv[4])
seen = {"rows": 0, "part": 0, "end": 0}

def count(kind):
    seen[kind] += 1
    if kind == what and seen[kind] == n:
        os.kill(os.getpid(), signal.SIGKILL)

replacing = growing.replacing

@contextmanager
def slow(path, **options):
    with replacing(path, **options) as partial:
        yield partial
        count("end" if path.name == "t.parquet" else "part")

growing.replacing, growing.ROWS = slow, 5
screen(source, output, engine="serial", max_atoms=20, model="chen2021",
       watch=lambda progress: count("rows"))
"""


def run_until_killed(source: Path, table: Path, what: str, n: int) -> None:
    words = [sys.executable, "-c", KILLED, source, table, what, str(n)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_run_goes_on(
    forty: tuple[Path, Path], tmp_path: Path, rng: np.random.Generator, close: Callable[..., None]
) -> None:
    """Killed at seeded points: between rows, in the middle of a commit, while the table is made."""
    source, wanted = forty
    table = tmp_path / "t.parquet"
    done = 0
    for what, n in (("rows", rng.integers(1, 4)), ("part", rng.integers(2, 4)), ("end", 1)):
        run_until_killed(source, table, what, int(n))
        assert not table.exists()
        parts = tmp_path.joinpath("t.parquet.parts").glob("*.parquet")
        now = sum(pq.read_metadata(path).num_rows for path in parts)
        assert now >= done
        done = now
    assert done == 40
    summary = screen(source, table, engine="serial", max_atoms=20)
    assert (summary.rows, summary.progress.kept, summary.progress.ok) == (40, 40, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]
    close(table, wanted)


def test_other_batches_change_the_fifth_digit_at_most(
    forty: tuple[Path, Path], tmp_path: Path, close: Callable[..., None]
) -> None:
    screen(forty[0], tmp_path / "t.parquet", engine="serial", max_atoms=90)
    close(tmp_path / "t.parquet", forty[1])


def test_ctrl_c_keeps_what_was_done(
    forty: tuple[Path, Path], tmp_path: Path, close: Callable[..., None]
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"

    def stop(progress: Progress) -> None:
        if progress.ok >= 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen(source, table, engine="serial", max_atoms=20, watch=stop)
    summary = screen(source, table, engine="serial", max_atoms=20)
    assert 15 <= summary.progress.kept < 40
    assert summary.rows == 40
    close(table, wanted)


def test_a_finished_table_is_left_as_it_is(forty: tuple[Path, Path]) -> None:
    source, table = forty
    before = table.read_bytes()
    assert screen(source, table).progress.kept == 40
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"temperatures": (300.0, 400.0)}, r"temperatures: \[300.0\], now \[300.0, 400.0\]"),
        ({"shard": Shard(1, 2)}, "shard: 1/1, now 1/2"),
        ({"extra": "elastic"}, r"with: \[\], now \['elastic'\]"),
    ],
)
def test_other_settings_are_refused(
    forty: tuple[Path, Path], change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        screen(*forty, engine="serial", **change)


def test_broken_structures_are_named_and_the_rest_is_right(tmp_path: Path, lines: Lines) -> None:
    """25 of 500."""
    rng = np.random.default_rng(3)
    path = lines(tmp_path / "x.jsonl", 500)
    texts = path.read_text().splitlines()
    wrong = sorted(rng.choice(500, 25, replace=False).tolist())
    for k, i in enumerate(wrong):
        record = json.loads(texts[i])
        if k % 5 == 0:
            record["lattice"][0] = [float("nan")] * 3
        elif k % 5 == 1:
            record["species"][0] = "Xx"
        elif k % 5 == 2:
            record["frac_coords"][1] = record["frac_coords"][0]
        elif k % 5 == 3:
            record["lattice"] = (50 * np.eye(3)).tolist()
            record |= {"species": ["Ar"], "frac_coords": [[0, 0, 0]]}
        texts[i] = json.dumps(record) if k % 5 < 4 else texts[i][: len(texts[i]) // 2]
    path.write_text("\n".join(texts))
    table = tmp_path / "t.parquet"
    summary = screen(path, table, engine="serial")
    found = pq.read_table(table, columns=["id", "position", "status", "reason", "formula"])
    failed = [row for row in found.to_pylist() if row["status"] == "failed"]
    assert [row["position"] for row in failed] == wrong
    assert all(row["reason"] for row in failed)
    names = {row["id"] for row in failed}
    assert {i for i, _ in summary.progress.failures} == names
    assert {f"c-{i}" for k, i in enumerate(wrong) if k % 5 < 4} < names
    assert (summary.rows, summary.progress.ok) == (500, 475)


def test_failures_are_kept_or_tried_again(tmp_path: Path, lines: Lines) -> None:
    source, table = lines(tmp_path / "x.jsonl", 3), tmp_path / "t.parquet"
    good = source.read_text()
    element = json.loads(good.splitlines()[0])["species"][0]
    source.write_text(good.replace(f'"{element}"', '"Xx"'))
    first = screen(source, table, engine="serial").progress
    again = screen(source, table, engine="serial").progress
    assert first.failed == again.kept_failed > 0
    assert again.kept == 3
    retried = screen(source, table, engine="serial", retry_failed=True).progress
    assert retried.failed == first.failed
    source.write_text(good)  # the structure behind an id is another one now
    mended = screen(source, table, engine="serial")
    assert (mended.rows, mended.progress.ok) == (3, first.failed)


def test_structures_that_come_and_go(tmp_path: Path, lines: Lines, rows: Rows) -> None:
    source, table = lines(tmp_path / "x.jsonl", 4), tmp_path / "t.parquet"
    screen(source, table, engine="serial")
    lines(source, 6)
    source.write_text("\n".join(source.read_text().splitlines()[1:]))
    summary = screen(source, table, engine="serial")
    assert (summary.progress.ok, summary.progress.kept, summary.progress.removed) == (2, 3, 1)
    assert sorted(row["id"] for row in rows(table)) == [f"c-{i}" for i in range(1, 6)]


def test_shards_merge_into_the_whole(
    forty: tuple[Path, Path], tmp_path: Path, close: Callable[..., None]
) -> None:
    source, wanted = forty
    tables = [tmp_path / f"{k}.parquet" for k in (1, 2, 3)]
    for k, table in enumerate(tables, 1):
        screen(source, table, engine="serial", shard=Shard(k, 3))
    rows, absent = merge(tables[:2], tmp_path / "two.parquet")
    assert (rows, absent) == (27, [3])
    summary = screen(source, tmp_path / "two.parquet", engine="serial")
    assert (summary.progress.kept, summary.progress.ok) == (27, 13)
    assert merge(tables[::-1], tmp_path / "all.parquet") == (40, [])
    for table in ("two", "all"):
        close(tmp_path / f"{table}.parquet", wanted)


def test_a_shard_of_nothing_is_an_empty_table(tmp_path: Path, lines: Lines, rows: Rows) -> None:
    source = lines(tmp_path / "x.jsonl", 2)
    assert screen(source, tmp_path / "t.parquet", shard=Shard(3, 3)).rows == 0
    assert rows(tmp_path / "t.parquet") == []


def test_a_lost_chunk_is_tried_once_alone(
    forty: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Calculator.stream
    sizes: list[int] = []

    def greedy(calculator: Calculator, chunk: Chunk) -> Any:
        if any(item.id == "c-5" for item in chunk.items):
            sizes.append(len(chunk.items))
            raise MemoryError("no 64 GiB")
        return compute(calculator, chunk)

    monkeypatch.setattr(Calculator, "stream", greedy)
    progress = screen(forty[0], tmp_path / "t.parquet", engine="serial", max_atoms=20).progress
    ((name, reason),) = progress.failures
    assert name == "c-5"
    assert reason.startswith("failed twice: it needs more memory than there is (MemoryError: no")
    assert sizes == [10, 1]
    assert progress.ok == 39


def test_nothing_is_made_of_bad_input(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="no structure file"):
        screen(tmp_path / "folder", tmp_path / "t.parquet")
    with pytest.raises(WeightsError):
        screen(tmp_path / "folder", tmp_path / "t.parquet", model="nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_numbers_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "NAMED", 1)
    progress = Progress(kept=3)
    progress.count([{"status": "ok"}, *({"status": "failed", "id": i, "reason": ""} for i in "ab")])
    assert (progress.ok, progress.failed, progress.done) == (1, 2, 6)
    assert progress.failures == [("a", "")]


def test_isotopes_are_settings_and_masses(
    tmp_path: Path, lines: Lines, rows: Rows, lattice_weights: Path
) -> None:
    source = tmp_path / "some.jsonl"
    kept = [x for x in lines(tmp_path / "x.jsonl", 12).read_text().splitlines() if '"O"' in x]
    other = [x for x in lines(tmp_path / "x.jsonl", 12).read_text().splitlines() if '"O"' not in x]
    source.write_text("\n".join([*kept, other[0], ""]))
    plain, heavy = tmp_path / "plain.parquet", tmp_path / "heavy.parquet"
    how = {"model": lattice_weights, "engine": "serial"}
    screen(source, plain, **how)
    found = screen(source, heavy, **how, metal=True, isotopes=["O=17.999"])
    assert found.failed == 1  # holds no oxygen
    before, after = rows(plain), rows(heavy)
    for a, b in zip(before[:-1], after[:-1], strict=True):
        assert "isotopes: O = 17.999 amu" in b["trust"]
        assert "metal: charges left out" in b["trust"]
        assert "O[17.999]" in b["species"]
        assert b["digest"] != a["digest"]
    assert "holds no O" in after[-1]["reason"]
    settings = read_settings(heavy)
    assert (settings["metal"], settings["isotopes"]) == (True, ["O=17.999000"])
    check = verify(heavy, 1.0, model=lattice_weights)
    assert (check.checked, check.differing) == (len(kept), [])
    assert screen(source, heavy, **how, metal=True, isotopes=["O=17.999"]).made == 0
    for others in ({}, {"metal": True}, {"metal": True, "isotopes": ["O=O17"]}):
        with pytest.raises(ConfigError, match="belongs to another run"):
            screen(source, heavy, **how, **others)


def test_a_table_from_before_there_were_isotopes(forty: tuple[Path, Path], tmp_path: Path) -> None:
    table = pq.read_table(forty[1])
    header = json.loads(table.schema.metadata[METADATA_KEY])
    for key in ("check", "metal", "isotopes", "vacancies", "with"):
        del header[key]
    old = tmp_path / "old.parquet"
    place = table.schema.get_field_index("omega_log")
    worded = table.schema.field(place).with_metadata({b"unit": b"other words [cm^-1]"})
    table = table.cast(table.schema.set(place, worded))
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(header)}), old)
    assert screen(forty[0], old, engine="serial").made == 0
    pq.write_table(pq.read_table(old).slice(5), old)
    assert screen(forty[0], old, engine="serial").made == 5
    assert b"alpha2F" in pq.read_schema(old).field("omega_log").metadata[b"unit"]
    for others in ({"check": False}, {"isotopes": ["O=O17"]}):
        with pytest.raises(ConfigError, match="belongs to another run"):
            screen(forty[0], old, engine="serial", **others)


def test_sites_and_spectra_are_refused(forty: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="of more than one crystal"):
        screen(forty[0], tmp_path / "t.parquet", isotopes=["1=O18"])
    with pytest.raises(ConfigError, match="cannot be told that a crystal is a metal"):
        screen(forty[0], tmp_path / "t.parquet", model="chen2021", metal=True)
