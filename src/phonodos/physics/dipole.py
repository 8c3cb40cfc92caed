"""The dipole-dipole part of the dynamical matrix (Gonze and Lee, PRB 55, 10355, 1997), in numpy.

Short-range force constants mean nothing without the dipole term they were separated from: this is
ours, with its width `LAMBDA`.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.lattice_vectors import reciprocal
from phonodos.physics.units import ELEMENTARY_CHARGE

LAMBDA: Final = 0.4  # [1/A]
VACUUM_PERMITTIVITY: Final = 8.8541878128e-12  # [F/m], CODATA 2018
COULOMB: Final = 1e10 * ELEMENTARY_CHARGE / (4.0 * math.pi * VACUUM_PERMITTIVITY)  # e^2 [eV A]
# Terms smaller than exp(-16) are left out: references are separated once, to all the digits there
# are. A network's own constants take up what is missing, so `model.dynamics` stops at exp(-9).
LARGEST_EXPONENT: Final = 16.0
_ZERO = 1e-12  # [1/A^2], K^2 of a wave vector that is Gamma


def dipole_term(
    qpoints: NDArray[np.float64],
    cell: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    born_charges: NDArray[np.float64],
    dielectric: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Return DD_ij(q) of every q-point, (m, n, 3, n, 3) [eV/A^2], without masses.

    DD_ij(q) = (4 pi e^2 / V) sum_G (K.Z_i)(K.Z_j) / (K.eps.K)
    exp(-K.eps.K / (4 LAMBDA^2 tr(eps)/3)) exp(i G.(tau_i - tau_j)), K = q + G, the term K = 0 left
    out. It belongs to sums of short-range constants with the phase exp(i q.r_ij).

    Parameters
    ----------
    qpoints
        (m, 3) wave vectors, Cartesian [1/A], 2 pi included.
    cell, frac_coords
        (3, 3) lattice vectors as rows [A], (n, 3) coordinates.
    born_charges
        (n, 3, 3) [e], first index field, second displacement: (K.Z)_b = sum_a K_a Z_ab.
    dielectric
        (3, 3) high-frequency tensor, positive definite.
    """
    eps = (dielectric + dielectric.T) / 2.0
    width = 4.0 * LAMBDA**2 * float(np.trace(eps)) / 3.0
    positions = frac_coords @ cell
    ellipsoid = np.asarray(LARGEST_EXPONENT * width * np.linalg.inv(eps), dtype=np.float64)
    lattice = _reciprocal_vectors(qpoints, cell, ellipsoid)
    factor = 4.0 * math.pi * COULOMB / abs(float(np.linalg.det(cell)))
    n = len(positions)
    result = np.zeros((len(qpoints), 3 * n, 3 * n), dtype=np.complex128)
    for index, q in enumerate(qpoints):
        wave = q + lattice
        screened = np.einsum("ga,ab,gb->g", wave, eps, wave)
        keep = (screened < LARGEST_EXPONENT * width) & ((wave**2).sum(axis=1) > _ZERO)
        wave, screened, shift = wave[keep], screened[keep], lattice[keep]
        weight = np.sqrt(np.exp(-screened / width) / screened)
        phase = weight[:, None] * np.exp(1j * shift @ positions.T)
        charge = phase[:, :, None] * np.einsum("ga,iab->gib", wave, born_charges)
        charge = charge.reshape(len(wave), 3 * n)
        result[index] = factor * charge.T @ charge.conj()
    return result.reshape(len(qpoints), n, 3, n, 3)


def _reciprocal_vectors(
    qpoints: NDArray[np.float64], cell: NDArray[np.float64], ellipsoid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return all G of a box that holds K.E^-1.K < 1 for every K = q + G."""
    # The largest component of such K along a lattice vector a is sqrt(a.E.a).
    extent = np.sqrt(np.einsum("ka,ab,kb->k", cell, ellipsoid, cell))
    shift = np.abs(qpoints @ cell.T).max(axis=0, initial=0.0)
    reach = np.floor((extent + shift) / (2.0 * math.pi)).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1)
    return np.asarray(grid.reshape(-1, 3) @ reciprocal(cell))
