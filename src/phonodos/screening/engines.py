"""Engines: the ways to have chunks computed. All give the same rows."""

import os
from collections.abc import Iterable, Iterator
from typing import Protocol

from phonodos.errors import ConfigError
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.chunks import Chunk
from phonodos.screening.rows import Row

ENGINES = ("serial", "pool", "ray")
Result = tuple[Chunk, list[Row] | str]  # the rows, or why there are none


class Engine(Protocol):
    """Computes chunks; one that is lost comes back with the reason instead of rows."""

    def run(self, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """Yield every chunk with its result, in any order; closing the generator ends the work."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class SerialEngine:
    """Everything in this process, on one thread."""

    def __init__(self, recipe: Recipe) -> None:
        self._calculator = Calculator(recipe)

    def run(self, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """Yield the chunks in order."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in the workers of the others: the same numbers to the bit
        try:
            for chunk in chunks:
                yield chunk, self._calculator.rows(chunk)
        finally:
            torch.set_num_threads(threads)

    def close(self) -> None:
        """Nothing to end."""


def start_engine(
    name: str, recipe: Recipe, workers: int | None = None, address: str | None = None
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

    Raises
    ------
    ConfigError
        If the engine is unknown, Ray is not installed or not reached, or workers do not start.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"{workers} workers", "there must be at least one", "leave --workers out")
    if address is not None and name != "ray":
        raise ConfigError(
            f"--address without Ray: the engine is {name}",
            "only Ray has a cluster to connect to",
            "add --engine ray, or leave --address out",
        )
    if name == "serial":
        return SerialEngine(recipe)
    if name == "pool":
        from phonodos.screening.pool import PoolEngine

        return PoolEngine(recipe, workers or cores())
    if name == "ray":
        from phonodos.screening.ray_engine import RayEngine

        return RayEngine(recipe, workers, address)
    raise ConfigError(
        f"unknown engine '{name}'", "there are " + ", ".join(ENGINES), "choose one of them"
    )


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
