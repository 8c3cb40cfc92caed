"""Centres of inversion: with one, dynamical matrices are unitarily equivalent to real ones.

Inversion takes atom i to i' and turns the phases round, D_i'j'(q) = D_ij(q)*. In the basis of
(e_i + e_i') / sqrt2 and i (e_i - e_i') / sqrt2 the matrix is real and symmetric: its eigenvalues
cost a third.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, symmetry_dataset

BROKEN = 1e-4  # of the largest entry: matrices that break the symmetry by more are left as they are


def partners(
    crystal: Crystal, kinds: Sequence[int], symprec: float = SYMMETRY_TOLERANCE
) -> NDArray[np.int64] | None:
    """Return (n,) the atom that inversion takes every atom to; None without a centre.

    Parameters
    ----------
    crystal
        The crystal.
    kinds
        (n,): atoms are alike if their kinds are the same.
    symprec
        Tolerance of the symmetry search [A].
    """
    dataset = symmetry_dataset(crystal, symprec, kinds)
    if dataset is None:
        return None
    found = np.flatnonzero((dataset.rotations == -np.eye(3)).all(axis=(1, 2)))
    if len(found) == 0:
        return None
    coords = crystal.frac_coords
    apart = dataset.translations[found[0]] - coords[:, None] - coords[None]
    apart -= np.rint(apart)
    images = np.argmin(np.linalg.norm(apart @ crystal.cell, axis=2), axis=1).astype(np.int64)
    back = bool((images[images] == np.arange(len(images))).all())
    return images if back else None


def real_form(
    matrices: NDArray[np.complex128], images: NDArray[np.int64], probe: int = 0
) -> NDArray[np.float64] | None:
    """Return (m, 3n, 3n) real symmetric matrices with the eigenvalues of Hermitian ones.

    Parameters
    ----------
    matrices
        (m, 3n, 3n) dynamical matrices, phases with the full vectors between atoms.
    images
        The `partners` of the atoms.
    probe
        Of which matrix it is checked that it has the symmetry; None is returned where it has not.
    """
    if not is_kept(matrices[probe], images):
        return None
    alone, first, second = map(axes_of, sorted_by_image(images))
    n, k = len(alone), len(first)
    found = np.empty(matrices.shape)
    plus, minus = slice(n, n + k), slice(n + k, n + 2 * k)
    found[:, :n, :n] = matrices[:, alone[:, None], alone].real
    mixed = 2.0**0.5 * matrices[:, alone[:, None], first]
    found[:, :n, plus], found[:, :n, minus] = mixed.real, -mixed.imag
    same, other = (matrices[:, first[:, None], x] for x in (first, second))
    found[:, plus, plus] = same.real + other.real
    found[:, minus, minus] = same.real - other.real
    found[:, plus, minus] = other.imag - same.imag
    for rows, columns in ((slice(0, n), plus), (slice(0, n), minus), (plus, minus)):
        found[:, columns, rows] = found[:, rows, columns].swapaxes(1, 2)
    return found


def is_kept(matrix: NDArray[np.complex128], images: NDArray[np.int64]) -> bool:
    """Return whether a dynamical matrix (3n, 3n) has the symmetry, but for `BROKEN`."""
    alone, first, second = map(axes_of, sorted_by_image(images))
    order, turned = (np.concatenate(x) for x in ((alone, first, second), (alone, second, first)))
    broken = matrix[np.ix_(turned, turned)] - matrix[np.ix_(order, order)].conj()
    return bool(np.abs(broken).max() <= BROKEN * np.abs(matrix).max())


def sorted_by_image(
    images: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the atoms that are their own images, one of every pair of the others, its image."""
    places = np.arange(len(images))
    one = np.flatnonzero(images > places)
    return np.flatnonzero(images == places), one, images[one]


def centred_positions(
    positions: NDArray[np.float64], cell: NDArray[np.float64], images: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (n, 3) positions from the centre [A], odd under inversion.

    Those of an atom and its image are opposite but for a lattice vector that is added to the first;
    an atom that is its own image lies at half a lattice vector. What the structure misses the
    symmetry by is shared between both.

    Parameters
    ----------
    positions
        (n, 3) of the atoms [A].
    cell
        (3, 3) lattice vectors as rows [A].
    images
        The `partners` of the atoms.
    """
    coords = positions @ np.linalg.inv(cell)
    both = coords + coords[images]
    moved = both - both[0]
    centre = both[0] + (moved - np.rint(moved)).mean(axis=0)
    return np.asarray((coords - coords[images] + np.rint(both - centre)) / 2.0 @ cell)


def axes_of(atoms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (3k,) numbers of the coordinates of (k,) atoms."""
    return (3 * atoms[:, None] + np.arange(3)).ravel()
