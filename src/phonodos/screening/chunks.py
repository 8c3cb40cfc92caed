"""`Chunk`: structures of like size that are computed together; and reading while others compute."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from phonodos.screening.items import Item

T = TypeVar("T")
WINDOW = 2048  # structures read before they are sorted by size
CRYSTALS = 64  # in a chunk at most: as many as the predictor sorts at once
ATOMS = 2048  # in a chunk at most, unless one crystal has more


@dataclass(frozen=True)
class Chunk:
    """Structures for one worker, computed in one go."""

    items: tuple[Item, ...]

    @property
    def n_atoms(self) -> int:
        """Number of atoms in all."""
        return sum(item.n_atoms for item in self.items)


@dataclass(frozen=True)
class Lost:
    """Structures that an engine has no rows of.

    Attributes
    ----------
    items
        The structures: the rest of a chunk, or all of it.
    reason
        What became of them, in one line.
    late
        Whether it took longer than it may.
    """

    items: tuple[Item, ...]
    reason: str
    late: bool = False

    def alone(self) -> "list[Chunk]":
        """Return a chunk for each of the structures."""
        return [Chunk((item,)) for item in self.items]


def chunks(items: Iterable[Item], max_atoms: int = ATOMS) -> Iterator[Chunk]:
    """Yield the structures in chunks of at most `max_atoms` atoms and 64 crystals.

    Within windows of 2048 they are sorted by size: alike crystals share a batch, and no more than
    a window is held.
    """
    stream = iter(items)
    while window := list(islice(stream, WINDOW)):
        window.sort(key=lambda item: item.n_atoms)
        held: list[Item] = []
        atoms = 0
        for item in window:
            if held and (len(held) == CRYSTALS or atoms + item.n_atoms > max_atoms):
                yield Chunk(tuple(held))
                held, atoms = [], 0
            held.append(item)
            atoms += item.n_atoms
        yield Chunk(tuple(held))


def ahead(
    source: Iterable[T], depth: int, patience: float | None = None
) -> Generator[T | None, None, None]:
    """Yield from `source`, which runs in a thread of its own, at most `depth` steps ahead.

    What `source` raises is raised here; when this generator is closed the thread ends. With
    `patience` [s], None comes whenever `source` takes longer than that for its next step.
    """
    line: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(kind: str, value: T | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                line.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for value in source:
                if not put("value", value):
                    return
            put("end", None)
        except BaseException as error:  # raised again in the other thread
            put("error", error)

    thread = threading.Thread(target=read, name="reading", daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, value = line.get(timeout=patience)
            except queue.Empty:
                yield None
                continue
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value
    finally:
        stop.set()
        thread.join(timeout=5.0)
