"""Engines: the ways to have chunks computed. All give the same rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from phonodos.errors import ConfigError
from phonodos.pool import Loss, Pool, check_workers
from phonodos.screening.calculator import Calculator, Recipe, limited, start_calculator
from phonodos.screening.rows import Row
from phonodos.screening.source import ATOMS, Chunk, Chunks, Lost
from phonodos.time_limit import DEFAULT_TIMEOUT, check_timeout

ENGINES = ("serial", "pool", "ray")


@dataclass(frozen=True)
class EngineConfig:
    """Which engine, and what it may use.

    Attributes
    ----------
    name
        ``serial``, ``pool`` (processes on this machine) or ``ray``.
    workers
        How many processes; one for every core if None.
    address
        Ray only: of a cluster, ``auto`` for the one this machine belongs to; a local one if None.
    timeout
        Longest time a crystal may take [s]; no limit if None.
    max_atoms
        Most atoms that are computed together, which bounds the memory of a worker.

    Raises
    ------
    ConfigError
        If the engine is unknown, or a number makes no sense.
    """

    name: str = "pool"
    workers: int | None = None
    address: str | None = None
    timeout: float | None = DEFAULT_TIMEOUT
    max_atoms: int = ATOMS

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ConfigError(
                f"unknown engine '{self.name}'",
                "there are " + ", ".join(ENGINES),
                "choose one of them",
            )
        if self.address is not None and self.name != "ray":
            raise ConfigError(
                f"--address without Ray: the engine is {self.name}",
                "only Ray has a cluster to connect to",
                "add --engine ray, or leave --address out",
            )
        if self.name != "serial" and self.address is None:
            check_workers(self.workers)
        if self.max_atoms < 1:
            raise ConfigError(
                f"--batch-atoms {self.max_atoms}", "a batch holds atoms", "leave it out"
            )
        object.__setattr__(self, "timeout", check_timeout(self.timeout))


class Engine(Protocol):
    """Computes chunks; structures that are lost come back with the reason instead of a row."""

    def run(self, chunks: Chunks, tries: int = 1) -> Iterator[Row | Lost]:
        """Yield rows as they are computed, in any order; closing the generator ends the work.

        `tries` says how often at least a chunk is begun that loses its worker before its first row.
        """
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class SerialEngine:
    """Everything in this process, on one thread."""

    def __init__(self, recipe: Recipe, timeout: float | None) -> None:
        self._calculator = Calculator(recipe)
        self._timeout = timeout

    def run(self, chunks: Chunks, tries: int = 1) -> Iterator[Row | Lost]:  # noqa: ARG002
        """Yield the rows in order; there is no worker to lose."""
        from phonodos.model.threads import one_thread

        with one_thread():  # as in the workers of the others: the same numbers to the bit
            for chunk in chunks:
                if chunk is not None:
                    yield from limited(self._calculator.stream, chunk, self._timeout)

    def close(self) -> None:
        """Nothing to end."""


class PoolEngine:
    """Processes on this machine, each with its own network and one thread."""

    def __init__(self, recipe: Recipe, workers: int, timeout: float | None) -> None:
        self._pool: Pool[Chunk, Row] = Pool(partial(start_calculator, recipe), workers, timeout)

    def run(self, chunks: Chunks, tries: int = 1) -> Iterator[Row | Lost]:
        """Yield the rows as they come."""
        for found in self._pool.run(chunks, tries):
            if isinstance(found, Loss):
                left = found.task.items[found.answered :]
                yield Lost(left, found.reason, found.late, found.times)
            else:
                yield found

    def close(self) -> None:
        """End the workers."""
        self._pool.close()


def start_engine(recipe: Recipe, config: EngineConfig) -> Engine:
    """Start the engine of a configuration, which computes what the recipe says.

    Raises
    ------
    ConfigError
        If Ray is not installed or not reached.
    """
    if config.name == "serial":
        return SerialEngine(recipe, config.timeout)
    if config.name == "pool":
        return PoolEngine(recipe, check_workers(config.workers), config.timeout)
    from phonodos.screening.ray_engine import RayEngine

    return RayEngine(recipe, config.workers, config.address, config.timeout)
