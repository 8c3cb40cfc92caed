"""The process pool: the serial rows to the bit, deaths of workers and of the parent."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonodos.errors import ConfigError
from phonodos.screening import pool
from phonodos.screening.calculator import Recipe
from phonodos.screening.chunks import Chunk
from phonodos.screening.screen import Progress, screen

Rows = Callable[[Path], list[dict[str, Any]]]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

ORPHANS = """import multiprocessing, os, signal, sys
from phonodos.screening.screen import screen

def watch(progress):
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    screen(sys.argv[1], sys.argv[2], workers=1, max_atoms=4, model="chen2021", watch=watch)
"""


def test_the_rows_of_the_serial_engine_to_the_bit(
    forty: tuple[Path, Path], tmp_path: Path, rows: Rows
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    screen(source, table, engine="pool", workers=2, max_atoms=20)
    assert rows(table) == rows(wanted)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("members", [1, None])
def test_networks_of_lattice_dynamics_to_the_bit(
    members: int | None, lines: Callable[..., Path], tmp_path: Path, rows: Rows
) -> None:
    source = lines(tmp_path / "x.jsonl", 6)
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    settings: dict[str, Any] = {"model": "lattice", "members": members, "max_atoms": 12}
    screen(source, one, engine="serial", **settings)
    screen(source, two, engine="pool", workers=2, **settings)
    assert rows(one) == rows(two)
    (width,) = {row["mean_frequency_std"] is None for row in rows(one)}
    assert width == (members == 1)


def test_a_killed_worker_costs_nothing(
    forty: tuple[Path, Path], tmp_path: Path, close: Callable[..., None]
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    killed: list[int] = []

    def watch(_: Progress) -> None:
        if not killed:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid or 0)
            victim.kill()

    summary = screen(source, table, engine="pool", workers=1, max_atoms=20, watch=watch)
    assert killed
    assert (summary.rows, summary.progress.failed) == (40, 0)
    close(table, wanted)


def test_a_crystal_that_kills_workers_fails_by_name(
    forty: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = forty
    send = pool.Worker._send
    sent: list[int] = []

    def deadly(worker: pool.Worker) -> None:
        assert worker.chunk is not None
        poisoned = any(item.id == "c-7" for item in worker.chunk.items)
        if poisoned:
            sent.append(len(worker.chunk.items))
            worker.process.kill()
        send(worker)

    monkeypatch.setattr(pool.Worker, "_send", deadly)
    summary = screen(source, tmp_path / "t.parquet", engine="pool", workers=1, max_atoms=20)
    assert sent == [10, 1]  # once in company, once alone
    ((name, reason),) = summary.progress.failures
    assert name == "c-7"
    assert "failed twice: the worker process was ended by SIGKILL" in reason
    table = pq.read_table(tmp_path / "t.parquet", columns=["id", "status", "model_hash"])
    assert table.num_rows == 40
    assert table["status"].to_pylist().count("failed") == 1
    assert len(set(table["model_hash"].to_pylist())) == 1


def test_workers_end_when_their_parent_is_killed(forty: tuple[Path, Path], tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(ORPHANS)
    words = [sys.executable, script, forty[0], tmp_path / "t.parquet"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = {int(pid) for pid in done.stdout.split()}
    assert left
    for _ in range(600):
        left = {pid for pid in left if alive(pid)}
        if not left:
            break
        time.sleep(0.1)
    assert not left


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_workers_that_do_not_start_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "serve", os.abort)  # its arguments are wrong: it ends at once
    monkeypatch.setattr(pool, "STARTS", 1)
    engine = pool.PoolEngine(Recipe("", "", "", None, (300.0,)), 1)

    def chunks() -> Iterator[Chunk]:
        yield Chunk(())

    with pytest.raises(ConfigError, match="do not start"):
        list(engine.run(chunks()))
    engine.close()
