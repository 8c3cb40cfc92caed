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
    alone = _axes(np.flatnonzero(images == np.arange(len(images))))
    one = np.flatnonzero(images > np.arange(len(images)))
    first, second = _axes(one), _axes(images[one])
    looked_at = matrices[probe]
    order, turned = (np.concatenate(x) for x in ((alone, first, second), (alone, second, first)))
    broken = looked_at[np.ix_(turned, turned)] - looked_at[np.ix_(order, order)].conj()
    if not np.abs(broken).max() <= BROKEN * np.abs(looked_at).max():
        return None
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


def _axes(atoms: NDArray[np.int64]) -> NDArray[np.int64]:
    return (3 * atoms[:, None] + np.arange(3)).ravel()
