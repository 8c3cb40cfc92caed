"""Frequencies between the points of a mesh: all of them, and those that symmetry leaves."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.acoustic import ACOUSTIC, SoundOnMesh, cubic, signed_root
from phonodos.physics.cells import Cells, are_cut, between

if TYPE_CHECKING:
    from phonodos.physics.mesh import QMesh
    from phonodos.physics.soft_branches import SoftStates

Array = NDArray[np.float64]
Part = tuple[
    Array, Array | float
]  # (..., branches) frequencies, and the states of a branch in each


# [cm^-1]: translations come out below it, of either sign. Meshes of slabs have a point, at half a
# reciprocal vector across the vacuum, that is Gamma but in name. Between it and others states may
# be real or imaginary, and rounding is not to decide: it counts as hardly imaginary.
ZERO, HARDLY = 0.2, -1e-6


def decided(frequencies: Array) -> Array:
    """Return frequencies [cm^-1] without signs that are those of rounding."""
    return np.where(np.abs(frequencies) < ZERO, HARDLY, frequencies)


def refined(mesh: "QMesh", frequencies: Array, carried: SoundOnMesh | None = None) -> Array:
    """Return the frequencies on the whole mesh and between its points.

    Branches, counted from below, are interpolated along one axis after the other by the cubic of
    Catmull and Rom; those with imaginary states by their signed squares, which pass through zero
    smoothly. Where its four points are real, no state between them becomes imaginary. Around Gamma
    the lowest three are those that sound carries, if it is given.

    Parameters
    ----------
    mesh
        The mesh.
    frequencies
        (m, k) at its irreducible wave vectors, ascending.
    carried
        Sound beside these frequencies.

    Returns
    -------
    (p, FINER^d, k): points of the whole mesh, those that stand in for each of them along the d axes
    with more than one division, branches. All count the same.
    """
    values, soft = _smooth_values(frequencies)
    found = values[mesh.places][..., None, :]
    for axis, n in enumerate(mesh.divisions):
        if n > 1:
            around = np.take(found, range(-1, n + 2), axis=axis, mode="wrap")
            found = cubic(around, axis).reshape(*mesh.divisions, -1, frequencies.shape[1])
    if soft:
        found[..., :soft] = signed_root(found[..., :soft])
    if carried is not None:
        (a, b, c), near = carried.near()
        found[a, b, c, :, :ACOUSTIC] = near
    return found.reshape(-1, *found.shape[3:])


def refined_in_part(
    mesh: "QMesh",
    frequencies: Array,
    carried: SoundOnMesh | None = None,
    instead: "SoftStates | None" = None,
) -> list[Part]:
    """Return all states in fewer frequencies than `refined` has: (FINER^d, c, k - l) and their
    shares, in one cell of those that symmetry makes alike (`QMesh.cells`).

    Before them, (p, FINER^d, l), come those of `refined` of the l lowest branches, if their signs
    may have to be kept where symmetry permutes the axes: it is done along one axis after the other.
    What stands in for states of `instead` counts nothing; they come last, (r, b) and their shares.
    """
    values, soft = _smooth_values(frequencies)
    cells, low = mesh.cells, 0
    points = points_around(mesh, cells, values)
    near = None if carried is None else carried.are_near(cells)
    if cells.are_permuted:
        cut = are_cut(points)
        if near is not None:
            cut[near, :ACOUSTIC] = False
        if cut.any():
            low = max(int(np.flatnonzero(cut.any(axis=0))[-1]) + 1, ACOUSTIC)
    parts: list[Part] = []
    if low:
        whole = refined(mesh, frequencies[:, :low], carried)
        parts.append((whole, states_of_all(mesh, whole, instead)))
    if low < frequencies.shape[1]:
        found = between(np.ascontiguousarray(points[..., low:]))
        if soft > low:
            found[..., : soft - low] = signed_root(found[..., : soft - low])
        if carried is not None and low == 0:
            found[:, near, :ACOUSTIC] = carried.near_cells(cells)
        states = np.broadcast_to(cells.shares[:, None] / len(found), found.shape)
        if instead is not None and instead.branches > low:
            states = states.copy()
            states[:, instead.cells, : instead.branches - low] = 0.0
        parts.append((found, states))
    if instead is not None:
        parts.append((instead.frequencies, instead.states))
    return parts


def states_of_all(mesh: "QMesh", found: Array, instead: "SoftStates | None") -> Array | float:
    """Return the states of a branch in each of the (p, s, k) frequencies `refined` has found.

    None in the lowest branches where those of `instead` take their place.
    """
    each = 1.0 / float(found.shape[0] * found.shape[1])
    if instead is None:
        return each
    states = np.full(found.shape, each)
    states[np.isin(mesh.cells.places, instead.cells), :, : instead.branches] = 0.0
    return states


def points_around(mesh: "QMesh", cells: Cells, values: Array) -> Array:
    """Return (4, 4, 4, c, k) values at the points around cells, of (m, k) irreducible ones."""
    a, b, c = (
        (corner + (np.arange(-1, 3) if n > 1 else np.zeros(1, dtype=np.int64))[:, None]) % n
        for corner, n in zip(cells.corners.T, mesh.divisions, strict=True)
    )
    return np.asarray(values[mesh.places[a[:, None, None], b[:, None], c]])


def _smooth_values(frequencies: Array) -> tuple[Array, int]:
    """Return what is interpolated of (m, k) frequencies, and of how many branches it is squares."""
    soft = int((frequencies.min(axis=0) < 0.0).sum())
    if soft:
        frequencies = frequencies.copy()
        frequencies[:, :soft] *= np.abs(frequencies[:, :soft])
    return frequencies, soft
