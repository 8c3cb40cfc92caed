"""`Pool`: worker processes on this machine that do task after task, whatever befalls them.

A worker that dies (a signal, a lack of memory, a fault of a library) takes no more than its task
with it, and another takes its place. So does one whose task shows no answer for too long: it is
killed. A task that loses its worker may be tried again, for it need not have been to blame, and the
last time alone. Workers compute on one thread each and end when their parent does, however it ends.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from phonodos.errors import ConfigError, PhonodosError

T = TypeVar("T")
A = TypeVar("A")
Start = Callable[[], Callable[[Any], Iterable[Any]]]

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STARTS = 6  # a worker that never got ready this often in a row is given up
PATIENCE = 5.0  # [s] for a worker to end by itself
SHORTLY = 0.05  # [s] until a source that had no task yet is asked again
WORKERS_PER_CORE = 4  # more would only wait for each other
ALWAYS_ALLOWED = 8  # workers, however few cores there are
DEAF_TO = ("SIGINT", "SIGHUP")  # Ctrl-C and the end of a terminal are the parent's affair


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_workers(workers: int | None) -> int:
    """Return how many workers there will be; one for every core if None.

    Raises
    ------
    ConfigError
        If it is less than one, or more than 4 a core (8 are always allowed).
    """
    if workers is None:
        return cores()
    if workers < 1:
        raise ConfigError(f"{workers} workers", "there must be at least one", "leave --workers out")
    most = max(ALWAYS_ALLOWED, WORKERS_PER_CORE * cores())
    if workers > most:
        raise ConfigError(
            f"{workers} workers",
            f"at most {most} make sense here: each is a process, and there are {cores()} cores",
            "leave --workers out (one a core), or give a smaller number",
        )
    return workers


@dataclass(frozen=True)
class Loss(Generic[T]):
    """A task that was not done, or not to its end.

    Attributes
    ----------
    task
        The task.
    answered
        How many answers had come before.
    reason
        Why there are no more, in one line.
    late
        Whether it was given up because there was no answer for too long.
    times
        How often it failed.
    """

    task: T
    answered: int
    reason: str
    late: bool = False
    times: int = 1


def failed(times: int, reason: str) -> str:
    """Return a reason that says how often something failed because of it."""
    return {1: "", 2: "failed twice: "}.get(times, f"failed {times} times: ") + reason


@dataclass
class _Job(Generic[T]):
    task: T
    tries: int  # that are left
    answered: int = 0
    failures: int = 0

    def lost(self, reason: str, late: bool = False) -> Loss[T]:
        return Loss(self.task, self.answered, reason, late, self.failures)


class Pool(Generic[T, A]):
    """Worker processes that each do one task at a time.

    Parameters
    ----------
    start
        Called once in every worker, returns its function (task) -> answers, which are sent back
        one by one as they come. All of it is pickled: of modules, not of closures.
    workers
        How many processes.
    timeout
        Longest time without an answer [s], from the beginning of a task on; no limit if None.
    """

    def __init__(
        self,
        start: Callable[[], Callable[[T], Iterable[A]]],
        workers: int,
        timeout: float | None = None,
    ) -> None:
        self._start = start
        self._timeout = timeout
        self._again: deque[_Job[T]] = deque()
        self._last: deque[_Job[T]] = deque()  # that have one try left of several
        self._stopped = False
        self._alone = False  # whether these are the last tries
        self._bell, self._ringer = multiprocessing.Pipe(duplex=False)
        self._rung = threading.Lock()  # held from a ring until it is heard
        self.replaced = 0  # workers that died or were killed, and have a successor
        self._workers = [Worker(start) for _ in range(workers)]

    def __enter__(self) -> "Pool[T, A]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ring(self) -> None:
        """Let `run`, in another thread, ask its source for a task at once."""
        if self._rung.acquire(blocking=False):
            with suppress(OSError):  # closed meanwhile
                self._ringer.send_bytes(b"!")

    def stop(self) -> None:
        """Let `run`, in another thread, end at once, with whatever is under way."""
        self._stopped = True
        self.ring()

    def run(
        self, tasks: Iterable[T | None], tries: int = 1, patience: float = SHORTLY
    ) -> Iterator[A | Loss[T]]:
        """Yield answers as they come, and the tasks that were lost.

        Parameters
        ----------
        tasks
            What to do; None among them says that there is none yet: ask again.
        tries
            How often a task is begun that loses its workers before its first answer. The last of
            several times comes after all other tasks, in a fresh worker while no other is at work:
            what dies then did not suffer from its company.
        patience
            Until a source that had no task yet is asked again [s], unless somebody rings.

        Raises
        ------
        ConfigError
            If no worker starts.
        PhonodosError
            What `start` raised in a worker.
        """
        self._alone = False
        jobs = (None if task is None else _Job(task, tries) for task in tasks)
        yield from self._done(jobs, patience)
        while self._last and not self._stopped:
            self._refresh()
            yield from self._done(iter([self._last.popleft()]))

    def _done(
        self, jobs: Iterator[_Job[T] | None], patience: float = SHORTLY
    ) -> Iterator[A | Loss[T]]:
        while not self._stopped:
            more = self._feed(jobs)
            busy = [worker for worker in self._workers if worker.job is not None]
            if not busy and more is False:
                return
            lines = [self._bell, *(worker.connection for worker in busy)]
            ready = wait(lines, self._pause(busy, more, patience))
            if self._bell in ready:
                self._bell.recv_bytes()
                self._rung.release()
            if self._stopped:
                return
            for worker in busy:
                job = worker.job
                assert job is not None
                if worker.connection in ready:
                    found = self._heard(worker)
                elif self._left(worker) <= 0.0:
                    found = self._given_up(worker)
                else:
                    continue
                if found is not None:
                    yield found[0]

    def _refresh(self) -> None:
        """Let the first worker, all of them idle, be one that has done nothing yet."""
        self._alone = True
        self._workers.sort(key=lambda worker: worker.used)
        if self._workers[0].used:
            self._workers[0].kill()
            self._workers[0] = Worker(self._start)

    def _feed(self, jobs: Iterator[_Job[T] | None]) -> bool | None:
        """Give idle workers jobs; return whether there are more, None if there is none yet."""
        for place in self._order():
            worker = self._workers[place]
            if worker.job is not None:
                continue
            if worker.ready and not worker.process.is_alive():  # died with nothing to do
                self._replaced(worker, "")
                worker = self._workers[place]
            if self._again:
                worker.take(self._again.popleft())
                continue
            try:
                job = next(jobs)
            except StopIteration:
                return False
            if job is None:
                return None
            worker.take(job)
        return True

    def _order(self) -> list[int]:
        """Return the places of the workers: those that still start come last, but for the tries of
        which a fresh one is to come first.
        """
        places = range(len(self._workers))
        return sorted(places, key=lambda i: not self._workers[i].ready and not self._alone)

    def _pause(self, busy: "list[Worker]", more: bool | None, patience: float) -> float | None:
        """Return how long to wait for answers [s]."""
        pauses = [max(self._left(worker), 0.0) for worker in busy if self._timeout is not None]
        if more is None:
            pauses.append(patience)
        found = min(pauses, default=float("inf"))
        return None if found == float("inf") else found

    def _left(self, worker: "Worker") -> float:
        """Return how long a worker may still be silent [s]."""
        if self._timeout is None or not worker.ready:
            return float("inf")
        return worker.heard + self._timeout - time.monotonic()

    def _heard(self, worker: "Worker") -> tuple[A | Loss[T]] | None:
        """Read one message; return the answer or loss in it, if it holds one."""
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            return self._replaced(worker, worker.death())
        except Exception as error:  # an answer that cannot be read
            worker.kill()
            return self._replaced(worker, f"no readable answer ({type(error).__name__}: {error})")
        if kind == "broken":
            raise value
        job = worker.job
        worker.heard = time.monotonic()
        if kind == "ready":
            worker.begin()
            return None
        assert job is not None
        if kind == "answer":
            job.answered += 1
            return (value,)
        worker.job = None
        job.failures += value is not None
        return None if value is None else (job.lost(value),)

    def _given_up(self, worker: "Worker") -> tuple[Loss[T]] | None:
        """Kill a worker that has been silent for too long."""
        job = worker.job
        worker.kill()
        assert job is not None
        job.tries = 0
        self._replaced(worker, "")  # which counts the failure
        return (job.lost(f"took longer than {self._timeout:g} s", late=True),)

    def _replaced(self, worker: "Worker", reason: str) -> tuple[Loss[T]] | None:
        """Put a new worker in the place of a dead one; return the job that is lost with it."""
        job, failures = worker.job, 0 if worker.ready else worker.failures + 1
        place = self._workers.index(worker)
        worker.kill()
        self.replaced += 1
        if failures < STARTS:
            self._workers[place] = Worker(self._start, failures)
        else:
            del self._workers[place]
        if not self._workers:
            raise ConfigError(
                "the worker processes do not start",
                f"{failures} in a row ended before they were ready: {reason}",
                "try --engine serial (data prepare: --workers 1); in a script of your own, call "
                "it below if __name__ == '__main__':",
            )
        if job is None:
            return None
        job.tries -= worker.ready
        job.failures += worker.ready
        if worker.ready and (job.tries <= 0 or job.answered):
            return (job.lost(reason),)
        (self._last if worker.ready and job.tries == 1 else self._again).append(job)
        return None

    def close(self) -> None:
        """End the workers."""
        self._bell.close()
        self._ringer.close()
        for worker in self._workers:
            worker.connection.close()  # an idle worker ends by itself now
        for worker in self._workers:
            if worker.job is not None or not worker.ready:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(PATIENCE)
            worker.kill()


class Worker:
    """A process and this side of the line to it."""

    def __init__(self, start: Start, failures: int = 0) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, start), daemon=True)
        with _one_thread(), _deaf():
            self.process.start()
        theirs.close()  # so that the line breaks when the process ends
        self.failures = failures  # of those that had this place before and never got ready
        self.ready = False
        self.used = False  # whether it was ever sent a task
        self.heard = time.monotonic()
        self.job: _Job[Any] | None = None

    def take(self, job: _Job[Any]) -> None:
        """Give it a job, at once or as soon as it is ready."""
        self.job = job
        if self.ready:
            self._send()

    def begin(self) -> None:
        """Note that it is ready, and send what it was given meanwhile."""
        self.ready = True
        if self.job is not None:
            self._send()

    def death(self) -> str:
        """Return how it ended, once it has."""
        self.connection.close()
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            why = ", probably for lack of memory" if name == "SIGKILL" else ""
            return f"the worker process was ended by {name}{why}"
        return f"the worker process ended with exit code {code}"

    def kill(self) -> None:
        """End it at once, if it is there."""
        self.connection.close()
        if self.process.is_alive():
            self.process.kill()
            self.process.join(PATIENCE)

    def _send(self) -> None:
        assert self.job is not None
        self.used = True
        self.heard = time.monotonic()
        with suppress(OSError):  # it is dead, which the next wait tells
            self.connection.send(self.job.task)


def serve(connection: Connection, start: Start) -> None:
    """Do what comes in over the line until it breaks (what a worker process runs)."""
    for name in DEAF_TO:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = start()
    except PhonodosError as error:
        connection.send(("broken", error))
        return
    try:
        connection.send(("ready", None))
        while True:
            task = connection.recv()
            connection.send(("end", _done(connection, work, task)))
    except (EOFError, OSError):
        return  # the parent has closed the line, or is gone


def _done(connection: Connection, work: Callable[[Any], Iterable[Any]], task: object) -> str | None:
    """Do a task; return why it failed, None if it did not."""
    try:
        answers = iter(work(task))
        while True:
            try:
                answer = next(answers)
            except StopIteration:
                return None
            connection.send(("answer", answer))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # MemoryError and RecursionError too: of this task alone
        return " ".join(f"{type(error).__name__}: {error}".split())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that are started meanwhile be deaf to Ctrl-C from their first moment.

    They inherit what this thread blocks. What arrives here meanwhile arrives afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    blocked = {getattr(signal, name) for name in DEAF_TO}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started meanwhile compute on one thread each."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
