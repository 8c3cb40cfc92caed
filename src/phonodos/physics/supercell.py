"""Supercells: the roundest one that holds a given number of cells."""

import itertools

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.lattice_vectors import reduced_basis
from phonodos.physics.primitive import row_basis

COMPARED = 64  # superlattices with equally far images whose vectors are compared
MOST_PLACES = 1000  # for every cell of a supercell, that are looked at to find it
ALIKE = 1e-6  # relative; lengths that differ by less count as equal

Whole = NDArray[np.int64]


def compact_supercell(cell: NDArray[np.float64], count: int) -> Whole:
    """Return the supercell of `count` cells whose images are as far from each other as possible.

    All superlattices of that index are looked at (Hermite normal forms); of those with the
    longest shortest vector the one with the shortest sum of edges is taken.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    count
        How many cells it holds, at least 1.

    Returns
    -------
    (3, 3) whole numbers T of determinant `count`; the rows of ``T @ cell`` are its vectors.
    """
    basis = reduced_basis(cell)
    short = basis @ cell
    forms = _round_ones(_hermite_forms(count), short)[:COMPARED]
    best = min((_reduced(form, short) for form in forms), key=lambda found: found[0])
    return np.asarray(best[1] @ basis)


def supercell(crystal: Crystal, matrix: Whole) -> tuple[Crystal, Whole]:
    """Return a supercell and, for each of its sites, the site of `crystal` that it is a copy of.

    Parameters
    ----------
    crystal
        Any cell.
    matrix
        (3, 3) whole numbers, not singular; the rows of ``matrix @ cell`` are the new vectors.
    """
    count = round(abs(float(np.linalg.det(matrix))))
    inverse = np.linalg.inv(matrix)
    inside = _cells_inside(matrix, inverse, count)
    coords = ((inside[:, None] + crystal.frac_coords[None]) @ inverse).reshape(-1, 3)
    origins = np.tile(np.arange(crystal.n_atoms), count)
    sites = tuple(crystal.occupancy[k] for k in origins)
    whole = Crystal(matrix @ crystal.cell, coords - np.floor(coords), sites, crystal.name)
    return whole, origins


def _cells_inside(matrix: Whole, inverse: NDArray[np.float64], count: int) -> Whole:
    """Return the whole-number places of the `count` cells in a supercell."""
    corners = np.array(list(itertools.product((0, 1), repeat=3))) @ matrix
    low, high = corners.min(axis=0), corners.max(axis=0)
    if np.prod((high - low + 1).astype(np.float64)) > MOST_PLACES * count:
        # Of a very skewed one: one cell for each place in the box of its echelon form.
        sides = tuple(np.abs(np.diag(row_basis(matrix))).tolist())
        return np.indices(sides).reshape(3, -1).T
    ranges = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    points = np.array(list(itertools.product(*ranges)))
    # The cells whose corner lies in [0, 1): whole multiples of 1 / count, free of rounding.
    numerators = np.rint(points @ inverse * count).astype(np.int64)
    return np.asarray(points[((numerators >= 0) & (numerators < count)).all(axis=1)])


def _hermite_forms(count: int) -> Whole:
    """Return the (k, 3, 3) lower triangular matrices that stand for the superlattices."""
    found = []
    for a, b in itertools.product(range(1, count + 1), repeat=2):
        if count % (a * b):
            continue
        d, e, f = (x.ravel() for x in np.meshgrid(range(a), range(a), range(b), indexing="ij"))
        forms = np.zeros((len(d), 3, 3), dtype=np.int64)
        forms[:, 0, 0], forms[:, 1, 1], forms[:, 2, 2] = a, b, count // (a * b)
        forms[:, 1, 0], forms[:, 2, 0], forms[:, 2, 1] = d, e, f
        found.append(forms)
    return np.concatenate(found)


def _round_ones(forms: Whole, cell: NDArray[np.float64]) -> Whole:
    """Return the forms whose superlattices have the longest shortest vector."""
    count = int(np.prod(np.diag(forms[0])))
    # No lattice of this volume has a longer shortest vector (closest packing of spheres).
    longest = (np.sqrt(2.0) * count * abs(np.linalg.det(cell))) ** (1.0 / 3.0) * (1.0 + ALIKE)
    reach = np.floor(longest * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int)
    vectors = np.indices(2 * reach + 1).reshape(3, -1).T - reach
    lengths = np.linalg.norm(vectors @ cell, axis=1)
    order = np.argsort(lengths, kind="stable")
    order = order[(lengths[order] > 0.0) & (lengths[order] <= longest)]
    start = 0
    while start < len(order) and len(forms) > 1:
        stop = int(np.searchsorted(lengths[order], lengths[order[start]] * (1.0 + ALIKE)))
        free = np.ones(len(forms), dtype=bool)
        for vector in vectors[order[start:stop]]:
            free &= ~_holds(forms, vector)
        if not free.any():
            break
        forms, start = forms[free], stop
    return forms


def _holds(forms: Whole, vector: Whole) -> NDArray[np.bool_]:
    """Return which superlattices hold a vector: it is a whole combination of their rows."""
    third, rest = np.divmod(vector[2], forms[:, 2, 2])
    second, more = np.divmod(vector[1] - third * forms[:, 2, 1], forms[:, 1, 1])
    last = (vector[0] - third * forms[:, 2, 0] - second * forms[:, 1, 0]) % forms[:, 0, 0]
    return np.asarray((rest == 0) & (more == 0) & (last == 0))


def _reduced(form: Whole, cell: NDArray[np.float64]) -> tuple[float, Whole]:
    matrix = reduced_basis(form @ cell) @ form
    return float(np.linalg.norm(matrix @ cell, axis=1).sum()), matrix
