"""`Item`: a structure of a source with an id that no other row has, and its place in the order."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from phonodos.errors import ConfigError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.structures.entries import Entry
from phonodos.structures.occupancies import vacancies as filled


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


def items(entries: Iterable[Entry], shard: Shard, vacancies: str = "refuse") -> Iterator[Item]:
    """Yield the structures of a shard, built, each with an id of its own.

    Ids depend on the order of the source only, not on the shard. `vacancies` says what to do where
    a site is partly vacant: ``refuse`` or ``fill``.
    """
    seen: set[int] = set()
    for position, entry in enumerate(entries):
        mine = shard.holds(position)
        name = entry.label
        repeated = _number(name) in seen
        if not mine and not repeated:
            seen.add(_number(name))
            continue
        content = _content(entry.build, name, vacancies)
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


def _content(build: Callable[[str], Crystal], name: str, policy: str) -> Crystal | PhonodosError:
    try:
        with filled(policy):
            return build(name)
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
