"""`RayEngine`: chunks on a Ray cluster, through actors that each load the network once.

An actor whose worker process dies is replaced and its chunk tried once more; a chunk that kills it
again is lost, and the run goes on. What Ray carries are JSON texts in which numbers stay exact:
nothing depends on the versions of Python that pickle on either side.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, PhonodosError, StructureError
from phonodos.pool import ONE_THREAD, STARTS, check_workers, cores
from phonodos.screening.calculator import Recipe, limited, start_calculator
from phonodos.screening.rows import Row
from phonodos.screening.source import Chunk, Chunks, Item, Lost
from phonodos.structures.tables import crystal_of_row, species_texts

START_ONE = "start one (ray start --head) and give its address, or leave --address out"
PATIENCE = 10.0  # [s] for a cluster to answer
PAUSE = 0.5  # [s] until actors are asked again
GRACE = 15.0  # [s] that an actor has to keep the time limit itself, before it is killed
TRIES = 2  # of a chunk that loses its actor
UNSENT = ("pyarrow", "starlette")  # Ray imports them for messages that may hold their objects
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else deaths of workers, which are counted here, fill stderr
}


@dataclass
class _Job:
    chunk: Chunk
    tries: int = TRIES
    answered: int = 0

    def lost(self, reason: str, late: bool = False) -> Lost:
        return Lost(self.chunk.items[self.answered :], reason, late)


@dataclass
class _Seat:
    """A place for an actor, and what it is at."""

    actor: Any = None
    answers: Any = None  # a stream of Ray's references
    ready: bool = False
    heard: float = 0.0
    job: _Job | None = None
    failures: int = 0


class RayEngine:
    """A connection to a Ray cluster, or a local one that lives as long as this object.

    Parameters
    ----------
    recipe
        What to compute.
    workers
        Actors, a core each; as many as the cluster has cores if None, and never more.
    address
        Of a cluster, or ``auto``; None starts Ray on this machine (or uses a running connection).
    timeout
        Longest time a crystal may take [s].

    Raises
    ------
    ConfigError
        If Ray is not installed or the cluster is not reached.
    """

    def __init__(
        self,
        recipe: Recipe,
        workers: int | None,
        address: str | None,
        timeout: float | None = None,
    ) -> None:
        if address is None:
            check_workers(workers)
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._ray = _imported()
            self._mine = not self._ray.is_initialized()
            if self._mine:
                _connect(self._ray, workers, address)
        most = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._recipe, self._timeout = recipe, timeout
        self._again: deque[_Job] = deque()
        self._seats = [_Seat() for _ in range(min(workers or most, most))]

    def run(self, chunks: Chunks, tries: int = 1) -> Iterator[Row | Lost]:  # noqa: ARG002
        """Yield the rows as they come; a chunk is always begun twice that loses its actor."""
        stream = iter(chunks)
        while True:
            more = self._feed(stream)
            busy = [seat for seat in self._seats if seat.job is not None]
            if not busy and more is False:
                return
            for seat in self._waited(busy):
                found = self._heard(seat)
                if found is not None:
                    yield found
            for seat in busy:
                if self._late(seat):
                    yield self._given_up(seat)
            if more is False:
                self._taken_over()

    def _feed(self, stream: Iterator[Chunk | None]) -> bool | None:
        """Give idle actors chunks; return whether there are more, None if there is none yet."""
        for seat in self._seats:
            if seat.job is not None:
                continue
            if self._again:
                self._begin(seat, self._again.popleft())
                continue
            try:
                chunk = next(stream)
            except StopIteration:
                return False
            if chunk is None:
                return None
            self._begin(seat, _Job(chunk))
        return True

    def _begin(self, seat: _Seat, job: _Job) -> None:
        if seat.actor is None:
            remote = self._ray.remote(num_cpus=1, max_restarts=0)(RayWorker)
            seat.actor, seat.ready = remote.remote(), False
        seat.job = job
        seat.heard = time.monotonic()
        rows = seat.actor.rows.options(num_returns="streaming")
        text = chunk_text(job.chunk)
        seat.answers = rows.remote(self._recipe, text, self._timeout, job.answered)

    def _waited(self, busy: list[_Seat]) -> list[_Seat]:
        """Return the actors that have something to say."""
        if not busy:
            time.sleep(PAUSE)
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ready, _ = self._ray.wait(
                [seat.answers for seat in busy], num_returns=1, timeout=PAUSE, fetch_local=True
            )
        return [seat for seat in busy if any(seat.answers is found for found in ready)]

    def _heard(self, seat: _Seat) -> Row | Lost | None:
        job = seat.job
        assert job is not None
        try:
            text = self._ray.get(next(seat.answers))
        except StopIteration:
            seat.job = None
            return None
        except self._ray.exceptions.RayError as error:
            return self._replaced(seat, error)
        seat.heard = time.monotonic()
        if not text:  # it is there, and at work
            seat.ready, seat.failures = True, 0
            return None
        found = read_answer(str(text))
        if isinstance(found, dict):
            job.answered += 1
            return found
        reason, late = found
        return job.lost(reason, late)

    def _late(self, seat: _Seat) -> bool:
        if self._timeout is None or seat.job is None or not seat.ready:
            return False
        return time.monotonic() - seat.heard > self._timeout + GRACE

    def _given_up(self, seat: _Seat) -> Lost:
        job = seat.job
        assert job is not None
        self._ray.kill(seat.actor)
        seat.actor = seat.job = None
        return job.lost(f"took longer than {self._timeout:g} s", late=True)

    def _replaced(self, seat: _Seat, error: Exception) -> Lost | None:
        """Leave a dead actor; return what is lost with it."""
        job = seat.job
        assert job is not None
        seat.actor = seat.job = None
        if not seat.ready:
            seat.failures += 1
            if seat.failures >= STARTS:
                raise ConfigError(
                    "Ray gave up",
                    str(error).strip().splitlines()[-1],
                    "look at the cluster (ray status); phonodos and the weights must be "
                    "installed on every machine",
                ) from error
        job.tries -= seat.ready
        if job.tries > 0:
            self._again.append(job)
            return None
        return job.lost("the Ray worker died of it, probably for lack of memory")

    def _taken_over(self) -> None:
        """Let actors that are idle do what others, which have not started yet, were to do.

        After a machine has left there may be fewer cores than actors, and those that are idle hold
        the cores for which the others wait.
        """
        idle = sum(seat.ready and seat.job is None for seat in self._seats)
        waiting = [seat for seat in self._seats if seat.job is not None and not seat.ready]
        for seat in waiting[:idle]:
            assert seat.job is not None
            self._ray.kill(seat.actor)
            self._again.append(seat.job)
            self._seats.remove(seat)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        for seat in self._seats:
            if seat.actor is not None:
                self._ray.kill(seat.actor)
        if self._mine:
            self._ray.shutdown()


class RayWorker:
    """What an actor runs: a calculator that reads and writes texts.

    It is made without arguments: before Ray reads the first one, it imports pyarrow and starlette,
    if they are there, to register their types. That would be a quarter of what an actor needs, and
    neither is ever sent; until then both count as not installed.
    """

    def __init__(self) -> None:
        # A runtime_env of Ray would keep its prestarted workers from being used: seconds an actor.
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        self._hidden = [name for name in UNSENT if name not in sys.modules]
        sys.modules.update(dict.fromkeys(self._hidden))  # type: ignore[arg-type]
        self._stream: Callable[[Chunk], Iterator[Row]] | None = None

    def rows(self, recipe: Recipe, text: str, timeout: float | None, known: int) -> Iterator[str]:
        """Yield an empty text once the network is there, then the rows of a chunk, and what was
        lost.

        The first `known` rows, which were given before another actor died, are empty texts too:
        the chunk is computed as it was, so that the others are the same to the bit.
        """
        while self._hidden:
            sys.modules.pop(self._hidden.pop(), None)
        if self._stream is None:
            self._stream = start_calculator(recipe)
        yield ""
        for number, found in enumerate(limited(self._stream, read_chunk(text), timeout)):
            yield "" if number < known and isinstance(found, dict) else answer_text(found)


def _imported() -> Any:
    try:
        import ray
    except ImportError as err:
        raise ConfigError(
            "the engine ray needs Ray",
            f"it is not installed ({err})",
            "pip install '.[ray]' in a copy of phonodos, or use --engine pool",
        ) from err
    return ray


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    if address is not None and ":" in address:
        _knock(address)
    # Ray takes SIGTERM for itself and ends with an abort; what was to happen still is.
    number, main = signal.SIGTERM, threading.current_thread() is threading.main_thread()
    before = signal.getsignal(number)
    local = {} if address else {"num_cpus": workers or cores(), "include_dashboard": False}
    try:
        ray.init(
            address=address or "local", logging_level=logging.CRITICAL, log_to_driver=False, **local
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as err:
        raise ConfigError(
            f"no Ray cluster at {address}" if address else "Ray does not start on this machine",
            str(err).strip().splitlines()[0],
            START_ONE,
        ) from err
    finally:
        if main and before is not None:
            signal.signal(number, before)


def _knock(address: str) -> None:
    """Raise `ConfigError` if nobody listens at ``host:port``: Ray would ask for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as err:
        raise ConfigError(f"no Ray cluster at {address}", str(err), START_ONE) from err


def chunk_text(chunk: Chunk) -> str:
    """Return a chunk as text."""
    return json.dumps([_record(item) for item in chunk.items])


def read_chunk(text: str) -> Chunk:
    """Return the chunk in a text of `chunk_text`."""
    return Chunk(tuple(_item(record) for record in json.loads(text)))


def answer_text(found: Row | Lost) -> str:
    """Return a row, or why and whether too late there are no more of them, as text."""
    answer = [found.reason, found.late] if isinstance(found, Lost) else _plain(found)
    return json.dumps(answer)


def read_answer(text: str) -> Row | tuple[str, bool]:
    """Return what `answer_text` was given, arrays as lists; of a `Lost`, its reason and `late`."""
    found = json.loads(text)
    return (str(found[0]), bool(found[1])) if isinstance(found, list) else found


def _record(item: Item) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": item.id,
        "position": item.position,
        "source": item.source,
        "digest": item.digest,
    }
    if isinstance(item.content, PhonodosError):
        error = item.content
        return record | {"error": [error.summary, error.reason, error.fix]}
    crystal = item.content
    return record | {
        "cell": crystal.cell.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
        "species": species_texts(crystal),
        "name": crystal.name,
        "notes": list(crystal.notes),
    }


def _item(record: dict[str, Any]) -> Item:
    origin = (record["id"], record["position"], record["source"], record["digest"])
    if "error" in record:
        return Item(*origin, StructureError(*record["error"]))
    numbers = record["cell"], record["frac_coords"], record["species"]
    crystal = crystal_of_row(*numbers, record["name"])
    return Item(*origin, replace(crystal, notes=tuple(record["notes"])))


def _plain(row: Row) -> Row:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
