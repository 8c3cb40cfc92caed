"""Lattice vectors: reciprocal ones, the volume they span, and the shortest of the same lattice."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError

# Times those of the reduced cell: vectors so long make a cell very skewed. Those of primitive cells
SKEWED = 20.0  # of long polytypes, rhombohedral ones with vectors of 70 A, stay below.
FINEST_BITS = 120  # of the largest number of a cell, kept in its reduction; a double has 53
MOST_REDUCTIONS = 1000  # steps; 60 undo a shear of ten thousand cells
ALIKE = 10**9  # lengths and ratios that differ by one part in this count as equal
EXACT_WHOLE = 2**53  # whole numbers below it are exact in floating point

_Number = TypeVar("_Number", int, float)


def reciprocal(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3, 3) reciprocal vectors [1/A] of lattice vectors as rows [A], 2 pi included."""
    return np.asarray(2.0 * np.pi * np.linalg.inv(cell).T, dtype=np.float64)


def volume_and_heights(
    cell: NDArray[np.float64],
) -> tuple[float, tuple[float, float, float]]:
    """Return the volume of a cell [A^3] and the distances of its lattice planes [A].

    The planes are those along the second and third vector, the third and first, the first and
    second. A distance d spans at most d / height of fractional coordinate. In plain numbers: every
    crystal that is built comes here, and arrays of three cost more than they compute.
    """
    a, b, c = cell.tolist()
    normals = _cross(b, c), _cross(c, a), _cross(a, b)
    volume = abs(_dot(a, normals[0]))
    x, y, z = (volume / size if (size := math.sqrt(_dot(n, n))) else 0.0 for n in normals)
    return volume, (x, y, z)


def reduced_basis(cell: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find short lattice vectors of the same lattice (reduced in the sense of Minkowski).

    Repeatedly subtracts from each vector the whole multiples of the others that shorten it, then
    puts a sum of all three, with any signs, in the place of the longest where it is shorter
    (I. Semaev, "A 3-dimensional lattice reduction algorithm", 2001). In whole numbers, so that no
    rounding stands in the way however skewed the cell is.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A], or reciprocal ones [1/A].

    Returns
    -------
    (3, 3) whole numbers T of determinant 1; the rows of ``T @ cell`` are the short vectors.

    Raises
    ------
    StructureError
        If the vectors span no volume, or T holds numbers that floating point does not.
    """
    given = np.asarray(cell, dtype=np.float64)
    if not np.isfinite(given).all() or not given.any(axis=1).all():
        raise not_reducible("a lattice vector is zero or not finite")
    # All numbers as whole multiples of a power of 2: exact but for digits far behind the last.
    finest = max(0, FINEST_BITS - int(np.frexp(np.abs(given).max())[1]))
    short = [[int(math.ldexp(x, finest)) for x in row] for row in given.tolist()]
    basis = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    for _ in range(MOST_REDUCTIONS):
        if not _shorten_pairs(short, basis) and not _shorten_longest(short, basis):
            break
    else:
        raise not_reducible("the search for its short lattice vectors does not end")
    if max(abs(x) for row in basis for x in row) >= EXACT_WHOLE:
        raise not_reducible("it is so skewed that double precision does not hold its short vectors")
    return np.array(basis, dtype=np.int64)


def _shorten_pairs(short: list[list[int]], basis: list[list[int]]) -> bool:
    """Shorten each vector by each of the others; return whether anything changed."""
    changed = False
    for i, j in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
        along, square = _dot(short[i], short[j]), _dot(short[j], short[j])
        if square == 0:
            raise not_reducible("its lattice vectors span no volume")
        # At a tie, |along| = square / 2, nothing gets shorter and the search would not end.
        if 2 * abs(along) * ALIKE > square * (ALIKE + 2):
            times, rest = divmod(along, square)
            times += 2 * rest > square or (2 * rest == square and times % 2)
            short[i] = [a - times * b for a, b in zip(short[i], short[j], strict=True)]
            basis[i] = [a - times * b for a, b in zip(basis[i], basis[j], strict=True)]
            changed = True
    return changed


def _shorten_longest(short: list[list[int]], basis: list[list[int]]) -> bool:
    """Put a sum of all three vectors in the place of the longest if it is shorter."""
    squares = [_dot(v, v) for v in short]
    k = squares.index(max(squares))
    signs = [(p, q) for p in (1, -1) for q in (1, -1)]
    i, j = (n for n in range(3) if n != k)

    def total(rows: list[list[int]], p: int, q: int) -> list[int]:
        return [a + p * b + q * c for a, b, c in zip(rows[k], rows[i], rows[j], strict=True)]

    sums = [total(short, p, q) for p, q in signs]
    lengths = [_dot(v, v) for v in sums]
    best = lengths.index(min(lengths))
    if lengths[best] * ALIKE >= squares[k] * (ALIKE - 2):
        return False
    short[k], basis[k] = sums[best], total(basis, *signs[best])
    return True


def compact_basis(
    cell: NDArray[np.float64], basis: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Return the basis to search in: the identity, or `reduced_basis` of a very skewed cell.

    Neighbours, images and wave vectors of a cell whose vectors are much longer than those of the
    reduced one would cost as many times more; usual cells stay as they are.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    basis
        Its `reduced_basis`, where that is known.
    """
    basis = reduced_basis(cell) if basis is None else basis
    given, short = (np.sort(np.linalg.norm(c, axis=1)) for c in (cell, basis @ cell))
    return basis if (given > SKEWED * short).any() else np.eye(3, dtype=np.int64)


def whole_inverse(basis: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the inverse of whole numbers of determinant 1 or -1: whole numbers again."""
    return np.asarray(np.rint(np.linalg.inv(basis)))


def not_reducible(reason: str) -> StructureError:
    """Return the error that says why a cell has no short vectors."""
    return StructureError(
        "the cell cannot be reduced", reason, "give the crystal in a reduced cell (Niggli)"
    )


def _cross(a: list[float], b: list[float]) -> list[float]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _dot(a: list[_Number], b: list[_Number]) -> _Number:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
