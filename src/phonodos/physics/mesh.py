"""`QMesh`: wave vectors that sample the Brillouin zone, and the spectrum of frequencies on them."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, standard_basis, symmetry_dataset

STEP = 1.0  # [cm^-1], of the frequency axis
SMOOTHING = 4.0  # [cm^-1], standard deviation of the Gaussian
REACH = 5  # standard deviations the Gaussian is followed


@dataclass(frozen=True, eq=False)
class QMesh:
    """Irreducible wave vectors of a regular mesh that avoids Gamma.

    Attributes
    ----------
    qpoints
        (m, 3) in fractions of the reciprocal lattice vectors.
    weights
        (m,) shares of the whole mesh, sum 1.
    divisions
        Points along the reciprocal lattice vectors of the standard primitive cell.
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
    """Return the irreducible part of a mesh that is shifted by half a step and avoids Gamma.

    The mesh is laid along the standard primitive cell, which shows the symmetry whatever cell the
    crystal came in. Of the seven half shifts the one that keeps most of the point group is taken;
    time reversal and every operation that maps the mesh onto itself are used.
    """
    basis = standard_basis(crystal, symprec)
    divisions = mesh_divisions(basis @ crystal.cell, length)
    dataset: Any = symmetry_dataset(crystal, symprec)
    turns = [np.eye(3)] if dataset is None else list(dataset.rotations)
    orbits = np.arange(crystal.n_atoms)
    if dataset is not None:
        orbits = np.unique(dataset.equivalent_atoms, return_inverse=True)[1]
    into = np.linalg.inv(basis).T
    turns = _distinct([s * np.rint(into @ turn @ basis.T) for turn in turns for s in (1, -1)])
    shifts = sorted(product((0, 1), repeat=3), key=sum, reverse=True)[:-1]
    shift = max(shifts, key=lambda s: len(_kept(turns, divisions, s)))
    n = np.array(divisions)
    # Twice the coordinates in units of a step: whole numbers.
    doubled = 2 * np.stack(np.unravel_index(np.arange(n.prod()), divisions), axis=1) + shift
    first = np.arange(len(doubled))
    for turn in _kept(turns, divisions, shift):
        image = np.rint((doubled / n) @ turn * n).astype(np.int64)
        place = ((image - shift) // 2) % n
        first = np.minimum(first, np.ravel_multi_index(tuple(place.T), divisions))
    kept, counts = np.unique(first, return_counts=True)
    q = doubled[kept] / (2.0 * n) @ into
    q -= np.rint(q)
    return QMesh(q, counts / len(doubled), divisions, orbits.astype(np.int64))


def _kept(
    turns: list[NDArray[np.float64]], divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> list[NDArray[np.float64]]:
    """Return the rotations (of real space; q' = q R) that map a shifted mesh onto itself."""
    n, s = np.array(divisions), np.array(shift)
    kept = []
    for turn in turns:
        step = turn * (n / n[:, None])  # how a step along each axis turns, in steps
        moved = (s @ step - s) / 2.0
        if max(np.abs(x - np.rint(x)).max() for x in (step, moved)) < 1e-6:
            kept.append(turn)
    return kept


def _distinct(turns: list[Any]) -> list[NDArray[np.float64]]:
    return list({np.asarray(t).tobytes(): np.asarray(t, dtype=np.float64) for t in turns}.values())


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
