"""`Source`: the structures of a run, each with an id of its own, in chunks of like size."""

import hashlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.isotopes import Isotope, with_isotopes
from phonodos.structures.entries import Entry, count, entries
from phonodos.structures.occupancies import vacancies as filled

T = TypeVar("T")
WINDOW = 2048  # structures read before they are sorted by size
CRYSTALS = 64  # in a chunk at most: as many as the predictor sorts at once
ATOMS = 2048  # in a chunk at most, unless one crystal has more


@dataclass(frozen=True)
class Item:
    """A structure to be screened, or the error that stands in its place.

    Attributes
    ----------
    id
        Its id in the results, unique; a repeated id is followed by ``#`` and a hash.
    position
        Its number in the source, from 0.
    source
        File (and entry) it comes from.
    digest
        16 hexadecimal digits of the structure: the same id with another structure is another row.
    content
        The crystal, or why there is none.
    """

    id: str
    position: int
    source: str
    digest: str
    content: Crystal | PhonodosError

    @property
    def n_atoms(self) -> int:
        """Number of atoms, 0 where there is no crystal."""
        return 0 if isinstance(self.content, PhonodosError) else self.content.n_atoms


@dataclass(frozen=True)
class Shard:
    """Every n-th structure of a source: part `number` (from 1) of `total`."""

    number: int = 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``3/20``; raises `ConfigError` if it is something else."""
        number, _, total = text.partition("/")
        if number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total):
            return cls(int(number), int(total))
        raise ConfigError(
            f"--shard {text} is no share of the work",
            "a shard is its number and how many there are, the number from 1 on",
            "write for example --shard 3/20",
        )

    def holds(self, position: int) -> bool:
        """Return whether the structure at a position belongs to it."""
        return position % self.total == self.number - 1

    def share(self, n: int) -> int:
        """Return how many of `n` structures belong to it."""
        return len(range(self.number - 1, n, self.total))

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(frozen=True)
class Source:
    """Where the structures of a run come from, and which of them are its share.

    Attributes
    ----------
    path
        A file or folder, see `phonodos.structures.entries.entries`.
    shard
        The share.
    vacancies
        What to do where a site is partly vacant: ``refuse`` or ``fill``.
    isotopes
        Masses that elements have in all structures.
    """

    path: Path
    shard: Shard = Shard()
    vacancies: str = "refuse"
    isotopes: tuple[Isotope, ...] = ()

    def items(self) -> "Iterator[Item]":
        """Return the structures of the share.

        The first one is read at once, so that what is wrong as a whole shows here.

        Raises
        ------
        PhonodosError
            If there is nothing at the path, not one entry, or nothing that can be read.
        """
        path = self.path
        if not path.exists():
            raise DataError(
                f"nothing at {path}", "there is no such file or folder", "check the path"
            )
        stream = entries(path)
        first = next(stream, None)
        if first is None:
            raise DataError(f"{path}: no structures", "there is not one entry in it", "check it")
        return items(chain([first], stream), self.shard, self.vacancies, self.isotopes)

    def total(self) -> int | None:
        """Return how many structures the share has; None where nobody knows before the end."""
        n = count(self.path)
        return None if n is None else self.shard.share(n)


def items(
    entries: Iterable[Entry],
    shard: Shard,
    vacancies: str = "refuse",
    isotopes: Sequence[Isotope] = (),
) -> Iterator[Item]:
    """Yield the structures of a shard, built, with their isotopes, each with an id of its own.

    Ids depend on the order of the source only, not on the shard. `vacancies` as in `Source`.
    """
    seen: set[int] = set()
    for position, entry in enumerate(entries):
        mine = shard.holds(position)
        name = entry.label
        repeated = _number(name) in seen
        if not mine and not repeated:
            seen.add(_number(name))
            continue
        content = _content(entry.build, name, vacancies, isotopes)
        digest = digest_of(content)
        if repeated:
            name = _distinct(f"{name}#{digest[:8]}", seen)
        seen.add(_number(name))
        if mine:
            yield Item(name, position, entry.source, digest, content)


def digest_of(content: Crystal | PhonodosError) -> str:
    """Return 16 hexadecimal digits that tell structures (or errors) apart."""
    found = hashlib.blake2b(digest_size=8)
    if isinstance(content, PhonodosError):
        found.update(content.summary.encode("utf-8", "backslashreplace"))
    else:
        found.update(content.cell.tobytes())
        found.update(content.frac_coords.tobytes())
        found.update(repr([sorted(site.items()) for site in content.occupancy]).encode())
    return found.hexdigest()


def _content(
    build: Callable[[str], Crystal], name: str, policy: str, isotopes: Sequence[Isotope]
) -> Crystal | PhonodosError:
    try:
        with filled(policy):
            return with_isotopes(build(name), isotopes)
    except PhonodosError as error:
        return error


def _distinct(name: str, seen: set[int]) -> str:
    found, n = name, 2
    while _number(found) in seen:
        found, n = f"{name}-{n}", n + 1
    return found


def _number(name: str) -> int:
    # 8 bytes instead of the text: a million ids stay below 100 MB.
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


@dataclass(frozen=True)
class Chunk:
    """Structures for one worker, computed in one go."""

    items: tuple[Item, ...]

    @property
    def n_atoms(self) -> int:
        """Number of atoms in all."""
        return sum(item.n_atoms for item in self.items)


Chunks = Iterable[Chunk | None]  # None: there is none yet, ask again


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
    times
        How often they failed in this.
    """

    items: tuple[Item, ...]
    reason: str
    late: bool = False
    times: int = 1

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
