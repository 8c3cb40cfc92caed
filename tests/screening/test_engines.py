"""Engines: equal rows, deaths and faults that cost one crystal, time limits, refusals."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from phonodos.errors import ConfigError
from phonodos.pool import Pool, Worker
from phonodos.screening import engines
from phonodos.screening import screen as home
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.engines import EngineConfig, PoolEngine, SerialEngine, start_engine
from phonodos.screening.rows import Row, failed_row
from phonodos.screening.screen import Progress, screen
from phonodos.screening.source import Chunk

Rows = Callable[[Path], list[dict[str, Any]]]
NOTHING = Recipe("", "", "", None, (300.0,))
FAULTS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ZeroDivisionError,
    OverflowError,
    AssertionError,
    RuntimeError,
    OSError,
    EOFError,
    StopIteration,
    UnicodeError,
    MemoryError,
    RecursionError,
)
STAGES = ("primitive_cell", "graph", "answer", "predicted_row", "space_group")

OTHERS: list[Any] = []  # workers of a server that other tests of this process keep


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS[:] = multiprocessing.active_children()


def children() -> list[Any]:
    """Return the workers of these tests."""
    return [child for child in multiprocessing.active_children() if child not in OTHERS]


@pytest.mark.parametrize(
    ("name", "workers", "address", "reason"),
    [
        ("poool", None, None, "unknown engine 'poool'"),
        ("pool", 0, None, "0 workers"),
        ("pool", 100_000, None, "100000 workers"),
        ("pool", None, "auto", "--address without Ray"),
    ],
)
def test_refusals(name: str, workers: int | None, address: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        EngineConfig(name, workers, address)
    assert not children()


@pytest.mark.parametrize(("timeout", "max_atoms"), [(0.0, 1), (float("nan"), 1), (1.0, 0)])
def test_limits_that_make_no_sense(timeout: float, max_atoms: int) -> None:
    with pytest.raises(ConfigError):
        EngineConfig(timeout=timeout, max_atoms=max_atoms)


def test_ray_that_is_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="needs Ray") as caught:
        start_engine(NOTHING, EngineConfig("ray"))
    assert ".[ray]" in caught.value.fix


def test_serial_leaves_torch_alone() -> None:
    before = torch.get_num_threads()
    engine = start_engine(Recipe.of(None, None, (300.0,)), EngineConfig("serial"))
    assert list(engine.run([None])) == []
    engine.close()
    assert torch.get_num_threads() == before


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_rows_of_the_serial_engine_to_the_bit(
    forty: tuple[Path, Path], tmp_path: Path, rows: Rows
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    screen(source, table, engine="pool", workers=2, max_atoms=20)
    assert rows(table) == rows(wanted)
    assert not children()


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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_worker_costs_nothing(
    forty: tuple[Path, Path], tmp_path: Path, close: Callable[..., None]
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    killed: list[int] = []

    def watch(_: Progress) -> None:
        if not killed:
            victim = children()[0]
            killed.append(victim.pid or 0)
            victim.kill()

    summary = screen(source, table, engine="pool", workers=1, max_atoms=20, watch=watch)
    assert killed
    assert (summary.rows, summary.progress.failed) == (40, 0)
    close(table, wanted)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_crystal_that_kills_workers_fails_by_name(
    forty: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = forty
    send = Worker._send
    sent: list[int] = []

    def deadly(worker: Worker) -> None:
        assert worker.job is not None
        if any(item.id == "c-7" for item in worker.job.task.items):
            sent.append(len(worker.job.task.items))
            worker.process.kill()
            worker.process.join()
        send(worker)

    monkeypatch.setattr(Worker, "_send", deadly)
    summary = screen(source, tmp_path / "t.parquet", engine="pool", workers=1, max_atoms=20)
    assert sent == [10, 1, 1]  # once in company, once for itself, once after all others
    ((name, reason),) = summary.progress.failures
    assert name == "c-7"
    assert "failed 3 times: the worker process was ended by SIGKILL" in reason
    table = pq.read_table(tmp_path / "t.parquet", columns=["id", "status", "model_hash"])
    assert table.num_rows == 40
    assert table["status"].to_pylist().count("failed") == 1
    assert len(set(table["model_hash"].to_pylist())) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_kills_from_outside_do_not_lose_a_crystal(
    lines: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two kills that hit the same crystal, in its chunk and for itself, are no failure of it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))
    monkeypatch.setattr(home, "start_engine", lambda *_: toy_engine("pool", ""))
    send, kills = Worker._send, [0, 0]

    def deadly(worker: Worker) -> None:
        assert worker.job is not None
        if any(item.id == "c-7" for item in worker.job.task.items) and kills:
            kills.pop()
            worker.process.kill()
            worker.process.join()
        send(worker)

    monkeypatch.setattr(Worker, "_send", deadly)
    summary = home.screen(lines(tmp_path / "x.jsonl", 20), tmp_path / "t.parquet")
    assert not kills
    assert (summary.rows, summary.failed) == (20, 0)


def strike(monkeypatch: pytest.MonkeyPatch, stage: str, kind: type[Exception]) -> None:
    """Let a stage of the computation raise for every crystal that holds barium."""
    from phonodos.prediction import predictor
    from phonodos.screening import calculator, rows

    def struck(value: object) -> bool:
        if isinstance(value, list | tuple):
            return any(map(struck, value))
        value = getattr(value, "content", value)
        return "Ba" in str(getattr(value, "symbols", ""))

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*values: Any, **settings: Any) -> Any:
            if any(map(struck, values)):
                raise kind("on purpose")
            return function(*values, **settings)

        return stand_in

    if stage in ("graph", "answer"):
        answers = type(predictor.load(predictor.DEFAULT_WEIGHTS).answers)
        monkeypatch.setattr(answers, stage, around(getattr(answers, stage)))
    else:
        homes = {"primitive_cell": predictor, "predicted_row": calculator, "space_group": rows}
        monkeypatch.setattr(homes[stage], stage, around(getattr(homes[stage], stage)))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Load the network once for many runs."""
    recipe = Recipe.of(None, None, (300.0,))
    engine = SerialEngine(recipe, None)
    monkeypatch.setattr(Recipe, "of", lambda *_: recipe)
    monkeypatch.setattr(home, "start_engine", lambda *_: engine)
    return recipe


@pytest.mark.parametrize("stage", STAGES)
def test_whatever_a_stage_raises_is_that_crystal_s_failure(
    stage: str,
    lines: Callable[..., Path],
    tmp_path: Path,
    rows: Rows,
    quick: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = lines(tmp_path / "x.jsonl", 8)
    for number, kind in enumerate(FAULTS):
        table = tmp_path / f"{number}.parquet"
        with monkeypatch.context() as patch:
            strike(patch, stage, kind)
            home.screen(source, table)
        found = rows(table)
        failed = [row for row in found if row["status"] == "failed"]
        assert 0 < len(failed) < len(found) == 8
        assert failed == [row for row in found if "Ba" in (row["formula"] or "")]
        assert all("on purpose" in row["reason"] or "Stop" in row["reason"] for row in failed)
        assert {row["model_hash"] for row in found} == {quick.digest}


# What the workers of the toy engines do: a row for every item, but for those told of.


def toy(bad: str) -> Callable[[Chunk], Iterator[Row]]:
    return partial(toy_rows, bad)


def toy_rows(bad: str, chunk: Chunk) -> Iterator[Row]:
    for item in chunk.items:
        number = int(item.id.partition("-")[2])
        if bad == "sleep" and number == 3:
            time.sleep(600.0)
        if bad == "raise" and number < len(FAULTS):
            raise FAULTS[number]("on purpose")
        yield failed_row(item, "as ordered") | {"status": "ok"}


class ToyCalculator:
    """A `Calculator` without a network."""

    def __init__(self, bad: str) -> None:
        self.stream = partial(toy_rows, bad)


def toy_engine(engine: str, bad: str) -> Any:
    timeout = 1.0 if bad == "sleep" else None
    if engine == "serial":
        found = SerialEngine.__new__(SerialEngine)
        found._calculator = ToyCalculator(bad)  # type: ignore[assignment]
        found._timeout = timeout
        return found
    made = PoolEngine.__new__(PoolEngine)
    made._pool = Pool(partial(toy, bad), 1, timeout)
    return made


@pytest.mark.skipif(os.name != "posix", reason="kills workers, rings alarms")
@pytest.mark.parametrize("bad", ["sleep", "raise"])
@pytest.mark.parametrize("engine", ["serial", "pool"])
def test_a_batch_that_fails_as_a_whole_is_split(
    engine: str,
    bad: str,
    lines: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Crystals that raise, or take for ever, fail by name; the others have their rows."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent))
    monkeypatch.setattr(home, "start_engine", lambda *_: toy_engine(engine, bad))
    source = lines(tmp_path / "x.jsonl", 20)
    summary = home.screen(source, tmp_path / "t.parquet", timeout=1.0)
    failures = dict(summary.progress.failures)
    assert (summary.rows, summary.progress.ok) == (20, 20 - len(failures))
    if bad == "sleep":
        assert list(failures) == ["c-3"]
        assert failures["c-3"].startswith("c-3: took longer than 1 s")
        return
    assert sorted(failures) == sorted(f"c-{number}" for number in range(len(FAULTS)))
    assert all(reason.startswith("failed twice: ") for reason in failures.values())


@pytest.mark.skipif(os.name != "posix", reason="rings alarms")
def test_a_long_crystal_is_given_up_and_holds_back_no_rows(
    lines: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed before it is on the disk while it is under way."""
    from phonodos.datasets import growing

    source, table = lines(tmp_path / "x.jsonl", 3), tmp_path / "t.parquet"
    rows_of = Calculator._row
    on_disk: list[int] = []

    def slow(self: Calculator, item: Any, answer: Any) -> Row:
        if item.id == "c-2":  # the second of the chunk: small crystals come first
            while not on_disk:
                time.sleep(0.05)
                files = table.with_name("t.parquet.parts").glob("*.parquet")
                on_disk.extend(pq.read_metadata(path).num_rows for path in files)
            time.sleep(600.0)
        return rows_of(self, item, answer)

    monkeypatch.setattr(growing, "SECONDS", 0.05)
    monkeypatch.setattr(Calculator, "_row", slow)
    summary = screen(source, table, engine="serial", timeout=5.0)
    assert on_disk == [1]
    ((name, reason),) = summary.progress.failures
    assert name == "c-2"
    assert "took longer than 5 s" in reason
    assert summary.rows == 3


def test_an_engine_whose_workers_do_not_start_is_given_up(
    forty: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "start_calculator", os.abort)
    with pytest.raises(ConfigError, match="do not start"):
        screen(forty[0], tmp_path / "t.parquet", engine="pool", workers=1)
    assert not list(tmp_path.iterdir())
