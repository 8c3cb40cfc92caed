"""Irreducible representations of rotations with inversion: names, dimensions, products."""

from collections.abc import Iterable
from typing import NamedTuple


class Irrep(NamedTuple):
    """Degree l and parity p (1 even, -1 odd) of an irreducible representation of O(3)."""

    l: int  # noqa: E741 - the field's letter
    p: int

    @property
    def dim(self) -> int:
        """Dimension 2l + 1."""
        return 2 * self.l + 1

    def __str__(self) -> str:
        return f"{self.l}{'e' if self.p == 1 else 'o'}"


Irreps = tuple[tuple[int, Irrep], ...]  # multiplicity and irrep of every term, in order
SCALAR, VECTOR, AXIAL, TENSOR = Irrep(0, 1), Irrep(1, -1), Irrep(1, 1), Irrep(2, 1)
OCTUPOLE, HEXADECAPOLE = Irrep(3, -1), Irrep(4, 1)


def parse_irrep(text: str) -> Irrep:
    """Return an irrep written like ``1o``: degree, then e (even) or o (odd).

    Raises
    ------
    ValueError
        If it is written otherwise.
    """
    degree, parity = text.strip()[:-1], text.strip()[-1:]
    if not degree.isdecimal() or parity not in ("e", "o"):
        raise ValueError(f"'{text[:40]}' is no irrep: they are written like 1o")
    return Irrep(int(degree), 1 if parity == "e" else -1)


def parse_irreps(text: str) -> Irreps:
    """Return irreps written like ``32x0e+16x1o``; a multiplicity of 1 may be left out.

    Raises
    ------
    ValueError
        If they are written otherwise.
    """
    found = []
    for term in text.split("+"):
        number, x, name = term.strip().rpartition("x")
        if x and not number.isdecimal():
            raise ValueError(f"'{term[:40]}' is no irrep: they are written like 16x1o")
        found.append((int(number) if x else 1, parse_irrep(name)))
    return tuple(found)


def products(first: Irrep, second: Irrep) -> list[Irrep]:
    """Return the irreps in the product of two, ascending: |l1 - l2| to l1 + l2."""
    degrees = range(abs(first.l - second.l), first.l + second.l + 1)
    return [Irrep(degree, first.p * second.p) for degree in degrees]


def multiplicities(irreps: Iterable[tuple[int, Irrep]]) -> dict[Irrep, int]:
    """Return the multiplicity of every irrep, in order of first appearance."""
    total: dict[Irrep, int] = {}
    for mul, ir in irreps:
        total[ir] = total.get(ir, 0) + mul
    return total
