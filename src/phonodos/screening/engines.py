"""Engines: the ways to have chunks computed. All give the same rows."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Protocol

from phonodos.errors import ConfigError
from phonodos.pool import Loss, Pool, check_workers
from phonodos.screening.calculator import Calculator, Recipe, limited, start_calculator
from phonodos.screening.chunks import Chunk, Lost
from phonodos.screening.rows import Row

ENGINES = ("serial", "pool", "ray")
Chunks = Iterable[Chunk | None]  # None: there is none yet, ask again


class Engine(Protocol):
    """Computes chunks; structures that are lost come back with the reason instead of a row."""

    def run(self, chunks: Chunks) -> Iterator[Row | Lost]:
        """Yield rows as they are computed, in any order; closing the generator ends the work."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class SerialEngine:
    """Everything in this process, on one thread."""

    def __init__(self, recipe: Recipe, timeout: float | None) -> None:
        self._calculator = Calculator(recipe)
        self._timeout = timeout

    def run(self, chunks: Chunks) -> Iterator[Row | Lost]:
        """Yield the rows in order."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in the workers of the others: the same numbers to the bit
        try:
            for chunk in chunks:
                if chunk is not None:
                    yield from limited(self._calculator.stream, chunk, self._timeout)
        finally:
            torch.set_num_threads(threads)

    def close(self) -> None:
        """Nothing to end."""


class PoolEngine:
    """Processes on this machine, each with its own network and one thread."""

    def __init__(self, recipe: Recipe, workers: int, timeout: float | None) -> None:
        self._pool: Pool[Chunk, Row] = Pool(partial(start_calculator, recipe), workers, timeout)

    def run(self, chunks: Chunks) -> Iterator[Row | Lost]:
        """Yield the rows as they come."""
        for found in self._pool.run(chunks):
            if isinstance(found, Loss):
                yield Lost(found.task.items[found.answered :], found.reason, found.late)
            else:
                yield found

    def close(self) -> None:
        """End the workers."""
        self._pool.close()


def start_engine(
    name: str,
    recipe: Recipe,
    workers: int | None = None,
    address: str | None = None,
    timeout: float | None = None,
) -> Engine:
    """Start an engine.

    Parameters
    ----------
    name
        ``serial``, ``pool`` (processes on this machine) or ``ray``.
    recipe
        What to compute.
    workers
        How many processes; one for every core if None.
    address
        Ray only: of a cluster, ``auto`` for the one this machine belongs to; a local one if None.
    timeout
        Longest time a crystal may take [s]; no limit if None.

    Raises
    ------
    ConfigError
        If the engine is unknown, Ray is not installed or not reached, or the number of workers
        makes no sense.
    """
    if address is not None and name != "ray":
        raise ConfigError(
            f"--address without Ray: the engine is {name}",
            "only Ray has a cluster to connect to",
            "add --engine ray, or leave --address out",
        )
    if name == "serial":
        return SerialEngine(recipe, timeout)
    if name == "pool":
        return PoolEngine(recipe, check_workers(workers), timeout)
    if name == "ray":
        from phonodos.screening.ray_engine import RayEngine

        return RayEngine(recipe, workers, address, timeout)
    raise ConfigError(
        f"unknown engine '{name}'", "there are " + ", ".join(ENGINES), "choose one of them"
    )
