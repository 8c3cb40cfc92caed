"""`SpecialPoints`: wave vectors beside those of a mesh at which a soft mode is looked for.

A mesh that avoids Gamma avoids the boundary of the Brillouin zone, where most crystals become
unstable, and a mode that is soft at one point only has next to no share of the states.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import MESH_LENGTH
from phonodos.physics.path import GAMMA, BandPath, band_path

Array = NDArray[np.float64]
# How far from Gamma [1/A]: sound is a few cm^-1 there, and polar modes have their direction.
NEAR_GAMMA = 0.05
ENDS_AND_MIDDLE = 3  # the fewest points of a line of the path
DIRECTIONS = 3  # of the points around Gamma
NEAR = "near GAMMA"  # label of the points around Gamma
# At most as many points as cost a tenth of a prediction: a few, and some of the mesh's own number.
FEW, SHARE = 8, 10
_SAME = 1e-6  # fractional, of wave vectors that differ by a reciprocal lattice vector


@dataclass(frozen=True, eq=False)
class SpecialPoints:
    """Wave vectors with names.

    Attributes
    ----------
    qpoints
        (m, 3) in fractions of the reciprocal lattice vectors of the primitive cell.
    labels
        Names of the special points as Hinuma et al. give them, ``near GAMMA`` for those around
        Gamma, None for points on a line of the band path.
    """

    qpoints: Array
    labels: tuple[str | None, ...]


def most_points(mesh_points: int) -> int:
    """Return how many points beside a mesh of so many cost no more than a tenth of the rest."""
    return min(FEW + mesh_points // SHARE, max(mesh_points, 1))


def special_points(crystal: Crystal, most: int) -> SpecialPoints:
    """Return where a soft mode is looked for, the likeliest places first.

    The ends of the lines of the recommended band path (`band_path`), by turns with points
    `NEAR_GAMMA` from Gamma towards the first of them; then the middles of these lines; then more
    points of the lines, no closer than the mesh of the density of states. Of points that differ by
    a reciprocal lattice vector or the sign there is one.

    Parameters
    ----------
    crystal
        A primitive cell.
    most
        How many points at most.

    Returns
    -------
    The points; none where no path is known.
    """
    try:
        path = band_path(crystal, 2.0 * np.pi / MESH_LENGTH, ENDS_AND_MIDDLE)
    except StructureError:
        return SpecialPoints(np.zeros((0, 3)), ())
    points: list[Array] = []
    labels: list[str | None] = []
    for q, label in _candidates(path, crystal.reciprocal_cell):
        if len(points) >= most:
            break
        known = np.array(points).reshape(-1, 3)
        apart = np.concatenate([known - q, known + q])
        apart -= np.rint(apart)
        if not (np.abs(apart).max(axis=1) < _SAME).any():
            points.append(q)
            labels.append(label)
    return SpecialPoints(np.array(points).reshape(-1, 3), tuple(labels))


def _candidates(path: BandPath, reciprocal: Array) -> Iterator[tuple[Array, str | None]]:
    corners: dict[str, Array] = {}
    around = 0
    for segment in path.segments:
        for label, q in zip(segment.labels, segment.qpoints[[0, -1]], strict=True):
            corners.setdefault(label, q)
    for label, q in corners.items():
        if label == GAMMA:
            continue
        yield q, label
        if around < DIRECTIONS:
            around += 1
            yield q * (NEAR_GAMMA / np.linalg.norm(q @ reciprocal)), NEAR
    for segment in path.segments:
        yield segment.qpoints[len(segment.qpoints) // 2], None
    for segment in path.segments:
        for q in segment.qpoints[1:-1]:
            yield q, None
