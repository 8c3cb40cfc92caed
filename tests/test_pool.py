"""The pool: every kind of death and fault costs one task; late workers; orders; limits."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from phonodos.errors import ConfigError, WeightsError
from phonodos.pool import ALWAYS_ALLOWED, Loss, Pool, check_workers, cores, failed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

OTHERS: list[Any] = []  # workers of a server that other tests of this process keep


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS[:] = multiprocessing.active_children()


def children() -> list[Any]:
    """Return the workers of these tests."""
    return [child for child in multiprocessing.active_children() if child not in OTHERS]


@pytest.fixture(autouse=True)
def _found_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import this file under the name that it has here."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))


FAULTS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (
        ValueError,
        TypeError,
        KeyError,
        ZeroDivisionError,
        OverflowError,
        AssertionError,
        RuntimeError,
        OSError,
        EOFError,
        StopIteration,
        UnicodeError,
        ImportError,
        MemoryError,
        RecursionError,
        SystemExit,
        KeyboardInterrupt,
        BrokenPipeError,
    )
}
ENDS_THE_WORKER = {"SystemExit", "KeyboardInterrupt", "BrokenPipeError"}


def start() -> Callable[[str], Iterator[str]]:
    """Return what the workers of these tests do."""
    return work


def work(task: str) -> Iterator[str]:
    word, _, value = task.partition(" ")
    if word == "raise":
        raise FAULTS[value]("on purpose")
    if word == "kill":
        os.kill(os.getpid(), getattr(signal, value))
    if word == "exit":
        os._exit(int(value))
    if word == "unpicklable":
        yield lambda: None  # type: ignore[misc]
    yield f"begun {task}"
    if word == "sleep":
        time.sleep(float(value))
    yield f"done {task}"


def broken() -> Callable[[str], Iterator[str]]:
    raise WeightsError("no weights", "they are gone", "find them")


def once(folder: str) -> Callable[[str], Iterator[str]]:
    return partial(die_once, Path(folder))


def die_once(folder: Path, task: str) -> Iterator[str]:
    """Die of a task the first time, or the first two; echo it then. Keep a diary."""
    diary = folder / "diary"
    times = diary.read_text().count(f" {task}\n") if diary.exists() else 0
    with diary.open("a") as lines:
        lines.write(f"{os.getpid()} {task}\n")
    if times < {"die": 1, "twice": 2, "always": 99}.get(task.partition(" ")[0], 0):
        os.kill(os.getpid(), signal.SIGKILL)
    yield task


def results(
    tasks: list[str], tries: int = 1, **settings: Any
) -> tuple[list[str], dict[str, Loss[str]]]:
    with Pool(start, 2, **settings) as pool:
        found = list(pool.run(tasks, tries))
    assert not children()
    return (
        sorted(answer for answer in found if isinstance(answer, str)),
        {loss.task: loss for loss in found if isinstance(loss, Loss)},
    )


def test_every_fault_and_every_death_costs_one_task() -> None:
    deaths = ["kill SIGKILL", "kill SIGSEGV", "kill SIGABRT", "exit 0", "exit 3"]
    bad = [f"raise {name}" for name in FAULTS] + deaths + ["unpicklable"]
    good = [f"good {n}" for n in range(len(bad))]
    answers, lost = results([task for pair in zip(bad, good, strict=True) for task in pair])
    assert answers == sorted(f"{step} {task}" for task in good for step in ("begun", "done"))
    assert set(lost) == set(bad)
    assert not any(loss.answered or loss.late for loss in lost.values())
    for name in set(FAULTS) - ENDS_THE_WORKER - {"StopIteration"}:
        assert lost[f"raise {name}"].reason.startswith(name)
    assert lost["raise StopIteration"].reason.startswith("RuntimeError")
    assert "SIGSEGV" in lost["kill SIGSEGV"].reason
    assert "SIGKILL, probably for lack of memory" in lost["kill SIGKILL"].reason
    assert "exit code 3" in lost["exit 3"].reason
    assert "ickl" in lost["unpicklable"].reason


def test_a_task_that_takes_too_long_is_given_up_by_name() -> None:
    answers, lost = results(["sleep 600", "a", "b"], timeout=2.0)
    assert answers == ["begun a", "begun b", "begun sleep 600", "done a", "done b"]
    (loss,) = lost.values()
    assert (loss.task, loss.answered, loss.late) == ("sleep 600", 1, True)
    assert loss.reason == "took longer than 2 s"


def test_a_second_try(tmp_path: Path) -> None:
    tasks = ["die 1", *(f"task {n}" for n in range(30)), "die 2"]
    with Pool(partial(once, str(tmp_path)), 2) as pool:
        assert sorted(map(str, pool.run(tasks, tries=2))) == sorted(tasks)


def test_the_last_of_several_tries_is_alone_in_a_fresh_worker(tmp_path: Path) -> None:
    tasks = ["twice 1", "always", *(f"task {n}" for n in range(20)), "twice 2"]
    with Pool(partial(once, str(tmp_path)), 2) as pool:
        *answers, loss = sorted(pool.run(tasks, tries=3), key=lambda x: isinstance(x, Loss))
    assert sorted(map(str, answers)) == sorted(set(tasks) - {"always"})
    assert isinstance(loss, Loss)
    assert (loss.task, loss.answered, loss.times) == ("always", 0, 3)
    diary = [line.split(" ", 1) for line in (tmp_path / "diary").read_text().splitlines()]
    done = [task for _, task in diary]
    assert sorted(done[-3:]) == ["always", "twice 1", "twice 2"]
    assert [done.count(task) for task in ("always", "twice 1", "twice 2")] == [3, 3, 3]
    workers = [pid for pid, _ in diary]
    assert all(workers.count(pid) == 1 for pid in workers[-3:])


def test_a_task_that_kills_every_time_is_lost() -> None:
    answers, lost = results(["kill SIGKILL", "a"], tries=2)
    assert answers == ["begun a", "done a"]
    loss = lost["kill SIGKILL"]
    assert loss.times == 2
    assert loss.reason.startswith("the worker process was ended by SIGKILL")


def test_how_often() -> None:
    said = [failed(times, "x") for times in (1, 2, 3)]
    assert said == ["x", "failed twice: x", "failed 3 times: x"]


def test_a_source_that_has_nothing_yet_holds_up_nobody() -> None:
    came: list[str] = []

    def tasks() -> Iterator[str | None]:
        yield "a"
        while len(came) < 2:  # would never end if the answers were not taken meanwhile
            yield None
        yield "b"

    with Pool(start, 1) as pool:
        for answer in pool.run(tasks()):
            assert isinstance(answer, str)
            came.append(answer)
    assert came == ["begun a", "done a", "begun b", "done b"]


def test_a_ring_is_heard_and_a_stop_ends_what_is_under_way() -> None:
    line: deque[str] = deque()

    def tasks() -> Iterator[str | None]:
        while True:
            yield line.popleft() if line else None

    with Pool(start, 1) as pool:
        found = pool.run(tasks(), patience=600.0)  # only rings are heard
        for word in ("a", "b"):
            threading.Timer(0.1, lambda word=word: (line.append(word), pool.ring())).start()
            assert [next(found), next(found)] == [f"begun {word}", f"done {word}"]
        line.append("sleep 600")
        pool.ring()
        pool.ring()  # heard once
        assert next(found) == "begun sleep 600"
        threading.Timer(0.1, pool.stop).start()
        assert list(found) == []
    pool.ring()  # to nobody
    assert not children()


def test_a_worker_that_dies_with_nothing_to_do_costs_no_task() -> None:
    answers: list[Any] = []

    def tasks() -> Iterator[str | None]:
        yield "a"
        while answers[-1:] != ["done a"]:
            yield None
        (worker,) = children()
        worker.kill()
        worker.join()
        yield None
        yield "b"

    with Pool(start, 1) as pool:
        answers.extend(pool.run(tasks()))
        assert pool.replaced == 1
    assert answers == ["begun a", "done a", "begun b", "done b"]


def test_workers_that_do_not_start() -> None:
    with Pool(os.abort, 2) as pool, pytest.raises(ConfigError, match="do not start") as caught:
        list(pool.run(["a"]))
    assert "SIGABRT" in caught.value.reason


def test_what_a_worker_cannot_start_with_is_raised_here() -> None:
    with Pool(broken, 1) as pool, pytest.raises(WeightsError, match="no weights"):
        list(pool.run(["a"]))


def test_threads_are_limited_in_workers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with Pool(threads, 1) as pool:
        assert list(pool.run(["OMP_NUM_THREADS", "MKL_NUM_THREADS"])) == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def threads() -> Callable[[str], list[str]]:
    return lambda name: [os.environ[name]]


def test_how_many_workers() -> None:
    assert check_workers(None) == cores() >= 1
    assert check_workers(ALWAYS_ALLOWED) == ALWAYS_ALLOWED
    for number in (0, -3, 100_000):
        with pytest.raises(ConfigError, match=f"{number} workers"):
            check_workers(number)


ORPHANS = """import multiprocessing, os, signal, sys
sys.path.insert(0, sys.argv[1])
import work
from phonodos.pool import Pool

if __name__ == "__main__":
    pool = Pool(work.start, 2)
    for answer in pool.run(["sleep", "sleep"]):
        if len(multiprocessing.active_children()) == 2:
            print(*(child.pid for child in multiprocessing.active_children()), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
"""
SLEEP = """import time

def start():
    return sleep

def sleep(task):
    yield task
    time.sleep(600.0)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(ORPHANS)
    (tmp_path / "work.py").write_text(SLEEP)
    words = [sys.executable, tmp_path / "run.py", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = {int(pid) for pid in done.stdout.split()}
    assert len(left) == 2
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
