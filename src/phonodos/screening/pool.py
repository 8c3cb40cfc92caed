"""`PoolEngine`: worker processes on this machine, each with its own network and one thread.

A worker that dies takes no more than its chunk with it: the chunk comes back as lost and another
worker takes the dead one's place. Workers end when their parent does, however it ends.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from phonodos.errors import ConfigError, PhonodosError
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.chunks import Chunk
from phonodos.screening.engines import Result

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STARTS = 3  # a worker that never got ready this often in a row is given up
PATIENCE = 5.0  # [s] for a worker to end by itself


class PoolEngine:
    """Processes that each hold the network and compute a chunk at a time."""

    def __init__(self, recipe: Recipe, workers: int) -> None:
        self._recipe = recipe
        self._failures = 0
        self._workers = [Worker(recipe) for _ in range(workers)]

    def run(self, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """Yield the chunks as they are done."""
        stream = iter(chunks)
        self._feed(stream)
        while busy := [worker for worker in self._workers if not worker.idle]:
            ready = wait([worker.connection for worker in busy])
            results = [self._result(w) for w in busy if w.connection in ready]
            self._feed(stream)  # nobody waits for what is done with the results
            yield from (result for result in results if result is not None)

    def _feed(self, stream: Iterator[Chunk]) -> None:
        for worker in self._workers:
            chunk = next(stream, None) if worker.idle else None
            if chunk is not None:
                worker.take(chunk)

    def _result(self, worker: "Worker") -> Result | None:
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            return self._replaced(worker)
        if kind == "broken":
            raise value
        self._failures = 0
        if kind == "ready":
            worker.begin()
            return None
        return worker.done(), value

    def _replaced(self, worker: "Worker") -> Result | None:
        """Put a new worker in the place of a dead one; return the chunk that is lost with it."""
        reason = worker.death()
        lost = worker.chunk if worker.ready else None
        self._failures += not worker.ready
        if self._failures >= STARTS:
            raise ConfigError(
                "the worker processes do not start",
                f"{self._failures} in a row ended before they were ready: {reason}",
                "try --engine serial; in a script of your own, call screen(...) below "
                "if __name__ == '__main__':",
            )
        fresh = Worker(self._recipe)
        self._workers[self._workers.index(worker)] = fresh
        if lost is None:
            fresh.chunk = worker.chunk
            return None
        return lost, reason

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.connection.close()  # an idle worker ends by itself now
        for worker in self._workers:
            if worker.chunk is not None or not worker.ready:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(PATIENCE)


class Worker:
    """A process and this side of the line to it."""

    def __init__(self, recipe: Recipe) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, recipe), daemon=True)
        with _one_thread(), _deaf():
            self.process.start()
        theirs.close()  # so that the line breaks when the process ends
        self.ready = False
        self.chunk: Chunk | None = None

    @property
    def idle(self) -> bool:
        """Whether it has no chunk; one that is still starting can be given its first."""
        return self.chunk is None

    def take(self, chunk: Chunk) -> None:
        """Give it a chunk, at once or as soon as it is ready."""
        self.chunk = chunk
        if self.ready:
            self._send()

    def begin(self) -> None:
        """Note that it is ready, and send what it was given meanwhile."""
        self.ready = True
        if self.chunk is not None:
            self._send()

    def done(self) -> Chunk:
        """Return the chunk it has finished."""
        chunk = self.chunk
        assert chunk is not None
        self.chunk = None
        return chunk

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

    def _send(self) -> None:
        with suppress(OSError):  # it is dead, which the next wait tells
            self.connection.send(self.chunk)


def serve(connection: Connection, recipe: Recipe) -> None:
    """Compute what comes in over the line until it breaks (what a worker process runs)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair; see _deaf too
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        import torch

        torch.set_num_threads(1)
        calculator = Calculator(recipe)
    except PhonodosError as error:
        connection.send(("broken", error))
        return
    try:
        connection.send(("ready", None))
        while True:
            chunk: Any = connection.recv()
            connection.send(("rows", calculator.rows(chunk)))
    except (EOFError, OSError):
        return  # the parent has closed the line, or is gone


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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
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
