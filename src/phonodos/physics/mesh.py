"""`QMesh`: wave vectors that sample the Brillouin zone, and the spectrum of frequencies on them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, symmetry_dataset

STEP = 1.0  # [cm^-1], of the frequency axis
SMOOTHING = 4.0  # [cm^-1], standard deviation of the Gaussian
REACH = 5  # standard deviations the Gaussian is followed


@dataclass(frozen=True, eq=False)
class QMesh:
    """Irreducible wave vectors of a regular mesh, shifted by half a step from Gamma.

    Attributes
    ----------
    qpoints
        (m, 3) in fractions of the reciprocal lattice vectors.
    weights
        (m,) shares of the whole mesh, sum 1.
    divisions
        Points along the three reciprocal lattice vectors.
    orbits
        (n,) number of the set of equivalent atoms every atom belongs to.
    """

    qpoints: NDArray[np.float64]
    weights: NDArray[np.float64]
    divisions: tuple[int, int, int]
    orbits: NDArray[np.int64]


def mesh_divisions(cell: NDArray[np.float64], length: float) -> tuple[int, int, int]:
    """Return N_i = length x |b_i| (b without 2 pi, as in phonopy), rounded, at least 1.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    length
        The longest wave resolved [A].
    """
    reciprocal = np.linalg.norm(np.linalg.inv(cell), axis=0)
    a, b, c = (max(1, round(float(length * r))) for r in reciprocal)
    return a, b, c


def irreducible_mesh(crystal: Crystal, length: float, symprec: float = SYMMETRY_TOLERANCE) -> QMesh:
    """Return the irreducible part of a half-shifted mesh.

    Time reversal and every operation of the point group that maps the mesh onto itself are used.
    """
    divisions = mesh_divisions(crystal.cell, length)
    n = np.array(divisions)
    # Twice the coordinates in units of a step: odd whole numbers.
    doubled = 2 * np.stack(np.unravel_index(np.arange(n.prod()), divisions), axis=1) + 1
    dataset: Any = symmetry_dataset(crystal, symprec)
    turns = [np.eye(3)] if dataset is None else list(dataset.rotations)
    orbits = np.arange(crystal.n_atoms)
    if dataset is not None:
        orbits = np.unique(dataset.equivalent_atoms, return_inverse=True)[1]
    first = np.arange(len(doubled))
    for turn in _distinct(turns):
        image = (doubled / n) @ turn * n  # q'_f = q_f R for real-space rotations R
        nearest = np.rint(image).astype(np.int64)
        if np.abs(image - nearest).max() > 1e-6 or not (nearest % 2).all():
            continue
        for sign in (1, -1):
            place = ((sign * nearest - 1) // 2) % n
            first = np.minimum(first, first[np.ravel_multi_index(tuple(place.T), divisions)])
    first = _roots(first)
    kept, counts = np.unique(first, return_counts=True)
    q = doubled[kept] / (2.0 * n)
    q -= np.rint(q)
    return QMesh(q, counts / len(doubled), divisions, orbits.astype(np.int64))


def _distinct(turns: list[Any]) -> list[NDArray[np.float64]]:
    return list({np.asarray(t).tobytes(): np.asarray(t, dtype=np.float64) for t in turns}.values())


def _roots(first: NDArray[np.int64]) -> NDArray[np.int64]:
    while True:
        further = first[first]
        if (further == first).all():
            return first
        first = further


def dos_from_frequencies(
    frequencies: NDArray[np.float64],
    weights: NDArray[np.float64],
    projections: NDArray[np.float64] | None = None,
    smoothing: float = SMOOTHING,
) -> PhononDos:
    """Return the spectrum of frequencies on a mesh: 1 cm^-1 bins, shared linearly, smoothed.

    Parameters
    ----------
    frequencies
        (m, 3n) [cm^-1], imaginary ones negative.
    weights
        (m,) shares of the wave vectors, sum 1.
    projections
        (m, 3n, n) share of every atom in every mode, sums 1 over atoms; None for no projection.
    smoothing
        Standard deviation of the Gaussian [cm^-1]; 0 for none.

    Returns
    -------
    The spectrum per cell; its integral is 3n exactly.
    """
    n_atoms = frequencies.shape[1] // 3
    margin = np.ceil(REACH * smoothing) + 2.0
    low = np.floor(frequencies.min()) - margin
    axis = np.arange(low, np.ceil(frequencies.max()) + margin + STEP, STEP)
    place = (frequencies.ravel() - low) / STEP
    below = place.astype(np.int64)
    upper = place - below
    mode_weights = np.repeat(weights / weights.sum(), frequencies.shape[1])

    def deposit(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = np.bincount(below, strengths * (1.0 - upper), len(axis))
        counts += np.bincount(below + 1, strengths * upper, len(axis))
        return _smooth(counts / STEP, smoothing)

    total = deposit(mode_weights)
    projected = None
    if projections is not None:
        shares = projections.reshape(-1, n_atoms)
        projected = np.stack([deposit(mode_weights * shares[:, k]) for k in range(n_atoms)])
    return PhononDos(axis, total, n_atoms, projected)


def _smooth(counts: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    if smoothing == 0.0:
        return counts
    half = int(np.ceil(REACH * smoothing / STEP))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * STEP / smoothing) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), mode="same")
