"""Ray: texts in which numbers stay exact; a real cluster, one worker of which is killed."""

import importlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phonodos.errors import ConfigError, PhonodosError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.pool import ONE_THREAD
from phonodos.screening.calculator import Recipe
from phonodos.screening.ray_engine import (
    SETTINGS,
    UNSENT,
    RayEngine,
    RayWorker,
    _Job,
    _Seat,
    answer_text,
    chunk_text,
    read_answer,
    read_chunk,
)
from phonodos.screening.screen import Progress, screen
from phonodos.screening.source import Chunk, Item, Lost, digest_of

pytestmark = [
    # Ray leaves sockets and log files open when its processes are gone.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def ray() -> Any:
    """Ray, where it is installed."""
    return pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")


def test_chunks_come_back_exactly(rng: np.random.Generator) -> None:
    sites = ({"Cu": 0.7, "Au": 0.3}, {"Zn": 1.0})
    crystal = Crystal(4.0 * np.eye(3) + 0.1 * rng.normal(size=(3, 3)), rng.random((2, 3)), sites)
    error = StructureError("a", "b", "c")
    chunk = Chunk((Item("é/1", 3, "f", "0", crystal), Item("2", 4, "f", "1", error)))
    first, second = read_chunk(chunk_text(chunk)).items
    assert isinstance(first.content, Crystal)
    assert digest_of(first.content) == digest_of(crystal)
    assert (first.id, first.position, first.source) == ("é/1", 3, "f")
    assert isinstance(second.content, PhonodosError)
    assert str(second.content) == str(error)


def test_rows_come_back_exactly(rng: np.random.Generator) -> None:
    row = {"id": "x", "c": rng.random(), "dos": rng.random(5).astype(np.float32), "none": None}
    back = read_answer(answer_text(row))
    assert isinstance(back, dict)
    assert (back["id"], back["c"], back["none"]) == ("x", row["c"], None)
    np.testing.assert_array_equal(np.array(back["dos"], dtype=np.float32), row["dos"])
    assert read_answer(answer_text(Lost((), "MemoryError", late=True))) == ("MemoryError", True)


def test_what_an_actor_is_never_sent_is_hidden_until_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray looks for these packages before the first argument, and loads them if they are there."""
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "1")
    for name in [name for name in sys.modules if name.partition(".")[0] in UNSENT]:
        monkeypatch.delitem(sys.modules, name)
    worker = RayWorker()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pyarrow")
    recipe = Recipe.of("chen2021", None, (300.0,))
    assert list(worker.rows(recipe, "[]", None, 0)) == [""]
    assert not set(UNSENT) & {name for name, module in sys.modules.items() if module is None}
    assert list(worker.rows(recipe, "[]", None, 0)) == [""]


def own_workers() -> Iterator[int]:
    """Yield the processes of Ray's actors that descend from this process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_text()
        except OSError:
            continue
        if "RayWorker" in name and os.getpid() in ancestors(int(folder.name)):
            yield int(folder.name)


def ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return
        yield pid


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds workers in /proc")
def test_a_cluster_that_loses_a_worker(
    ray: Any,
    forty: tuple[Path, Path],
    tmp_path: Path,
    close: Callable[..., None],
    rows: Callable[[Path], list[dict[str, Any]]],
) -> None:
    source, wanted = forty
    table = tmp_path / "t.parquet"
    killed: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.ok >= 10 and not killed:
            killed.extend(own_workers())
            assert "libarrow" not in Path(f"/proc/{killed[0]}/maps").read_text()
            os.kill(killed[0], signal.SIGKILL)

    summary = screen(source, table, engine="ray", workers=1, max_atoms=20, watch=watch)
    assert killed
    assert (summary.rows, summary.progress.failed) == (40, 0)
    close(table, wanted)
    assert [row["id"] for row in rows(table)] == [row["id"] for row in rows(wanted)]
    assert rows(table) == rows(wanted)  # the chunk was tried again as it was: equal to the bit
    assert not ray.is_initialized()


def test_a_cluster_that_loses_a_machine(
    ray: Any,
    forty: tuple[Path, Path],
    tmp_path: Path,
    rows: Callable[[Path], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two machines with a core each, one of which goes in the middle: the same table to the bit."""
    from ray.cluster_utils import Cluster

    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    source, wanted = forty
    table = tmp_path / "t.parquet"
    gone: list[str] = []
    one_core = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=one_core)
    try:
        second = cluster.add_node(num_cpus=1)

        def watch(progress: Progress) -> None:
            if progress.ok >= 10 and not gone:
                gone.append(second.node_id)
                cluster.remove_node(second, allow_graceful=False)

        summary = screen(
            source, table, engine="ray", address=cluster.address, max_atoms=20, watch=watch
        )
    finally:
        cluster.shutdown()
    assert gone
    assert (summary.rows, summary.progress.failed) == (40, 0)
    assert rows(table) == rows(wanted)
    assert not ray.is_initialized()


def test_idle_actors_take_over_from_those_that_never_start() -> None:
    """They hold the cores that the others wait for."""
    killed: list[str] = []
    engine = RayEngine.__new__(RayEngine)
    engine._ray = SimpleNamespace(kill=killed.append)
    job = _Job(Chunk(()))
    idle, unstarted = _Seat("idle", ready=True), _Seat("unstarted", job=job)
    engine._seats, engine._again = [unstarted, idle], deque()
    engine._taken_over()
    assert (killed, engine._seats, list(engine._again)) == (["unstarted"], [idle], [job])
    engine._again.clear()
    other = _Seat("at work", ready=True, job=job)
    engine._seats = [_Seat("unstarted", job=job), other]
    engine._taken_over()
    assert len(engine._seats) == 2  # nobody is idle: it is waited for


@pytest.mark.usefixtures("ray")
def test_no_cluster_there(forty: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Ray cluster at 127"):
        screen(forty[0], tmp_path / "t.parquet", engine="ray", address="127.0.0.1:1")
