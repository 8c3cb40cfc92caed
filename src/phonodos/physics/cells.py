"""`Cells`: the cells between the points of a mesh, one of those that symmetry makes alike.

Operations that permute the axes of a mesh, or turn them about, map its cells onto one another: what
is interpolated in one of them stands in for all. Others map cells onto no cells; they are not used.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from phonodos.physics.mesh import QMesh

Array = NDArray[np.float64]
FINER = 4  # points between two of a mesh, along each axis


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of a mesh; along an axis with one division the point itself takes the place of a cell.

    Attributes
    ----------
    corners
        (c, 3) numbers of their lowest points along the axes.
    numbers
        (c,) the same among all points of the mesh.
    shares
        (c,) of all cells that each stands in for, sum 1.
    axes
        (3,) the first axis that symmetry makes like each.
    places
        (p,) which of these c cells each of all the mesh's cells is like.
    """

    corners: NDArray[np.int64]
    numbers: NDArray[np.int64]
    shares: Array
    axes: NDArray[np.int64]
    places: NDArray[np.int64]

    @property
    def are_permuted(self) -> bool:
        """Whether symmetry makes axes alike."""
        return bool((self.axes != np.arange(3)).any())


def irreducible_cells(mesh: "QMesh") -> Cells:
    """Return one cell of every set that the operations of the mesh map onto each other."""
    n = np.array(mesh.divisions)
    steps = np.abs(mesh.operations * (n / n[:, None]))
    whole = np.abs(steps - np.rint(steps)).max(axis=(1, 2)) < 1e-6
    kept = (
        whole & (np.rint(steps).sum(axis=1) == 1).all(1) & (np.rint(steps).sum(axis=2) == 1).all(1)
    )
    a, b, c = ((s + (m > 1)) for s, m in zip(mesh.shift, mesh.divisions, strict=True))
    _, first, _ = orbits_of(mesh.operations[kept], mesh.divisions, (a, b, c))  # of the centres
    numbers, places, counts = np.unique(first, return_inverse=True, return_counts=True)
    return Cells(
        corners=np.stack(np.unravel_index(numbers, mesh.divisions), axis=1),
        numbers=numbers,
        shares=counts / len(first),
        axes=np.argmax(np.rint(steps[kept]).max(axis=0) > 0.0, axis=1),
        places=places,
    )


def orbits_of(
    turns: Array, divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return every point of a mesh, the first of the points that a group maps it onto, and by what.

    Points are twice the coordinates in units of a step: whole numbers.

    Parameters
    ----------
    turns
        (k, 3, 3) by which coordinates along the axes, rows, are multiplied; they map the mesh onto
        itself.
    divisions, shift
        Points along the axes, and half steps by which they are shifted.
    """
    n = np.array(divisions)
    doubled = 2 * np.stack(np.unravel_index(np.arange(n.prod()), divisions), axis=1) + shift
    steps = np.rint(turns * (n / n[:, None])).astype(np.int64)
    place = ((doubled @ steps - shift) // 2) % n
    strides = np.array([n[1] * n[2], n[2], 1])
    images = place @ strides
    return doubled, images.min(axis=0), images.argmin(axis=0)


def steps_between() -> Array:
    """Return where in an interval the `FINER` points lie, in steps."""
    return np.asarray((np.arange(FINER) + 0.5) / FINER)


def catmull_rom(t: Array) -> Array:
    """Return (4, m) weights of the points -1, 0, 1 and 2 at places from 0 to 1."""
    return np.stack(
        [
            t * (-1 + t * (2 - t)), 2 + t * t * (3 * t - 5),
            t * (1 + t * (4 - 3 * t)), t * t * (t - 1),
        ]
    ) / 2.0  # fmt: skip


@lru_cache(maxsize=2)
def weights_between(points: int) -> Array:
    """Return (FINER, points) weights of the points around an interval for places in it.

    Four points are those of `catmull_rom`, six are Lagrange's.
    """
    t = steps_between()
    if points == 4:
        return catmull_rom(t).T
    return lagrange((t + points // 2 - 1)[:, None] - np.arange(points))


def lagrange(apart: Array) -> Array:
    """Return (m, k) weights of k points at whole steps for (m,) places, by their (m, k) distances
    from them.
    """
    nodes = np.arange(apart.shape[1])
    own = np.eye(len(nodes), dtype=bool)
    products = np.where(own, 1.0, apart[:, None]).prod(axis=2)
    return np.asarray(products / np.where(own, 1, nodes[:, None] - nodes).prod(axis=1))


@lru_cache(maxsize=1)
def _safe_ratio() -> float:
    """Return of the lowest to the highest of 4^3 points, above which no value is negative."""
    total = float(np.abs(weights_between(4)).sum(axis=1).max()) ** 3
    return (total - 1.0) / (total + 1.0)


def are_cut(values: Array) -> NDArray[np.bool_]:
    """Return (c, k) in which cells signs have to be kept, taking axes in whatever order.

    Of (x, y, z, c, k) values as `between` takes them, four points along an axis.
    """
    high = values.max(axis=(0, 1, 2))
    found = np.asarray((values.min(axis=(0, 1, 2)) < _safe_ratio() * high) & (high > 0.0))
    suspects = values[..., found]
    cut = np.zeros(suspects.shape[-1], dtype=bool)
    for order in permutations(range(3)) if len(cut) else ():
        rest, done = suspects.transpose(*order, 3), 1
        for points in rest.shape[:3]:
            if points > 1:
                rows = rest.reshape(done, points, -1)
                finer = weights_between(points) @ rows
                wrong = (finer < 0.0) & (rows.min(axis=1, keepdims=True) >= 0.0)
                cut |= wrong.reshape(-1, len(cut)).any(axis=0)
                rest, done = finer, done * FINER
    found[found] = cut
    return found


def between(values: Array) -> Array:
    """Return values at `FINER` places along each axis in cells, of the points around them.

    Four points along an axis are those of a cubic that keeps signs (`acoustic.cubic`), along one
    axis after the other; six keep none.

    Parameters
    ----------
    values
        (x, y, z, c, k) of c cells: 4 or 6 points along each axis, 1 where there is one division.

    Returns
    -------
    (FINER^d, c, k), d the axes with more than one division.
    """
    shape, done = values.shape, 1
    for points in shape[:3]:
        if points > 1:
            rows = values.reshape(done, points, -1)
            values = weights_between(points) @ rows
            if points == 4 and values.min() < 0.0:
                low = rows.min(axis=1, keepdims=True)
                values = np.where((values < 0.0) & (low >= 0.0), low, values)
            done *= FINER
    return values.reshape(done, *shape[3:])
