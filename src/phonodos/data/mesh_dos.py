"""Density of states of a phonopy calculation: a mesh of q-points, refined linearly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.data.phonopy_calculation import PhonopyCalculation
from phonodos.data.space_group import SpaceGroup, space_group
from phonodos.physics.dos import PhononDos
from phonodos.physics.units import THZ_PER_WAVENUMBER

MESH_LENGTH = 35.0  # [A]: as many points along b_i as this times |b_i|, 2 pi left out
REFINEMENT = 3
# Room on the axis [cm^-1]: the smoothing of the 51-point target bends a spectrum within 50 points
# of the end of its axis. These are the ends that dfpt2018 has.
ROOM_BELOW, ROOM_ABOVE = 2.0, 100.0

Mesh = tuple[int, int, int]


def mesh_numbers(cell: NDArray[np.float64], length: float = MESH_LENGTH) -> Mesh:
    """Return the number of q-points along each reciprocal vector of a cell (rows [A])."""
    counts = np.rint(length * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int)
    first, second, third = np.maximum(counts, 1).tolist()
    return first, second, third


def mesh_dos(calculation: PhonopyCalculation, mesh: Mesh) -> PhononDos:
    """Return the total and projected density of states of a calculation.

    Gamma-centred mesh, reduced by symmetry; frequencies and the shares of the atoms are
    interpolated linearly onto a three times finer mesh, each state shared by the two nearest points
    of a 1 cm^-1 axis. Imaginary modes lie at negative frequencies. At Gamma itself no direction
    is chosen, so the non-analytic term is left out there, as phonopy does.
    """
    chosen, atoms, place = _reduced(mesh, space_group(calculation))
    points = np.stack(np.unravel_index(chosen, mesh), axis=1) / np.array(mesh)
    frequencies, shares = _modes(calculation.phonon, points - np.rint(points))
    modes = frequencies.shape[1]
    fine = _refine(frequencies[place].reshape(*mesh, modes)).ravel()
    start = min(0.0, float(np.floor(fine.min()))) - ROOM_BELOW
    axis = np.arange(start, np.ceil(fine.max()) + ROOM_ABOVE)
    below = np.floor(fine - start).astype(np.int64)
    upper = fine - start - below
    projected = np.zeros((modes // 3, len(axis)))
    for atom, row in enumerate(projected):
        weight = _refine(shares[place, atoms[:, atom]].reshape(*mesh, modes)).ravel()
        above = weight * upper
        row += np.bincount(below, weight - above, len(axis))
        row[1:] += np.bincount(below, above, len(axis))[:-1]
    projected *= modes / fine.size
    return PhononDos(axis, projected.sum(axis=0), modes // 3, projected)


def _modes(
    phonon: Any, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies (m, 3n) [cm^-1] and the shares of the atoms in them (m, n, 3n)."""
    phonon.run_qpoints(points, with_eigenvectors=True)
    frequencies = phonon.qpoints.frequencies / THZ_PER_WAVENUMBER
    modes = frequencies.shape[1]
    squares = np.abs(phonon.qpoints.eigenvectors) ** 2
    return frequencies, squares.reshape(len(points), -1, 3, modes).sum(axis=2)


def _reduced(
    mesh: Mesh, group: SpaceGroup
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the points that no symmetry maps onto an earlier one, and how to unfold from them.

    The second array tells for every point of the mesh which atom of the chosen point plays the
    part of an atom here, the third which chosen point it is.
    """
    numbers = np.array(mesh)
    grid = np.stack(np.unravel_index(np.arange(numbers.prod()), mesh), axis=1)
    best = np.arange(len(grid))
    atoms = np.tile(np.arange(group.images.shape[1]), (len(grid), 1))
    for rotation, images in zip(group.rotations, group.images, strict=True):
        # x' = W x asks for q' = q W^-1; on the mesh only if that maps whole numbers onto such.
        turn = np.rint(np.linalg.inv(rotation)) / numbers[:, None] * numbers
        if np.abs(turn - np.rint(turn)).max() > 1e-6:
            continue
        for sign in (1, -1):  # time reversal: the same modes at q and -q
            other = np.ravel_multi_index(
                tuple((sign * grid @ np.rint(turn).astype(np.int64) % numbers).T), mesh
            )
            better = other < best
            best[better] = other[better]
            atoms[better] = images
    chosen, place = np.unique(best, return_inverse=True)
    return chosen, atoms, place


def _refine(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate (n1, n2, n3, modes) linearly and periodically onto a finer mesh.

    The order along each axis is another one, but the same for all that is refined.
    """
    for direction in range(3):
        change = np.roll(values, -1, axis=direction) - values
        steps = [values + (s / REFINEMENT) * change for s in range(REFINEMENT)]
        values = np.concatenate(steps, axis=direction)
    return values
