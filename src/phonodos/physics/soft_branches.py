"""`SoftStates`: the low branches of a soft crystal, closer than the points of a mesh show them.

Where w^2 falls through zero, the few states near it make all of C_V and S at some 10 K, and sorted
frequencies between points 0.24/A apart miss them by tens of cm^-1. Cells of the mesh in which a low
branch comes near zero are halved, and again those halves in which it does, and the crystal is
diagonalised at the new corners; between these, squared frequencies are interpolated by the cubic of
Catmull and Rom. How it was chosen and what it is worth: docs/decisions/0013.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.acoustic import signed_root
from phonodos.physics.cells import catmull_rom, lagrange
from phonodos.physics.refinement import points_around

if TYPE_CHECKING:
    from phonodos.physics.mesh import QMesh

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
# [cm^-1], of either sign: cells with a state nearer to zero are halved, and their halves.
NEAR = (80.0, 25.0)
BELOW, MORE = 30.0, 7  # branches with a state below [cm^-1] are followed, and so many above
FADING = 15.0  # [cm^-1], within which states count as near zero
# Matrices cost as the square of the atoms of a cell: so many times that number, beside as many new
# wave vectors as the mesh has; less where more of all states than `FEW` are near zero, which a mesh
# shows well enough.
MOST, FEW = 2.5e5, 0.0025
COARSE, FINE = 3, 6  # places along an axis at which boxes are filled, and those halved last
OFF_GAMMA = np.array([3e-4, 2e-4, 1e-4])  # fractions: at Gamma polar modes have no direction
INNER = slice(1, 4)  # of the five nodes along an axis: both ends and the middle
SUSPECT = 60.0  # [cm^-1]: a mesh without lower states is not looked at between its points,
LOOKED_AT = 8  # others at so many places
UNITS = 2 * 2 ** len(NEAR)  # in a step of the mesh: all nodes and half shifts are whole numbers


@dataclass(frozen=True, eq=False)
class SoftStates:
    """States of the lowest b branches in some cells of a mesh, in place of interpolated ones.

    Attributes
    ----------
    cells
        (m,) numbers of these cells among the mesh's irreducible ones.
    owners
        (r,) number of the cell that each of r wave vectors lies in.
    frequencies
        (r, b) [cm^-1].
    shares
        (r,) of all wave vectors; those in a cell have together the cell's.
    """

    cells: Integers
    owners: Integers
    frequencies: Array
    shares: Array

    @property
    def branches(self) -> int:
        """How many of the lowest branches they are of."""
        return int(self.frequencies.shape[1])

    @property
    def states(self) -> Array:
        """(r, b) share of all wave vectors, for each of the frequencies."""
        return np.broadcast_to(self.shares[:, None], self.frequencies.shape)

    def means(self, mesh: "QMesh", values: Array) -> Array:
        """Return (r, b, ...) means over like cells of (p, k, ...) values in all the mesh's."""
        found = np.zeros((len(mesh.cells.numbers), self.branches, *values.shape[2:]))
        for cell in self.cells:
            found[cell] = values[mesh.cells.places == cell, : self.branches].mean(axis=0)
        return np.asarray(found[self.owners])


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Boxes of wave vectors: cells of a mesh, or halves of them.

    Attributes
    ----------
    size
        Their edge in units of which a step of the mesh has `UNITS`.
    corners
        (c, 3) their lowest points in these units.
    owners, shares
        (c,) number of the cell, and share of all wave vectors.
    values
        (5, 5, 5, c, b) squared frequencies from half a box before to half a box behind each; one
        node along axes of one division.
    """

    size: int
    corners: Integers
    owners: Integers
    shares: Array
    values: Array

    def taken(self, chosen: NDArray[np.bool_] | Integers) -> "_Boxes":
        """Return some of them."""
        return replace(
            self,
            corners=self.corners[chosen],
            owners=self.owners[chosen],
            shares=self.shares[chosen],
            values=self.values[..., chosen, :],
        )

    @property
    def inner(self) -> Array:
        """(nodes, c, b) values at the nodes in and on each box."""
        x, y, z = (INNER if n > 1 else slice(None) for n in self.values.shape[:3])
        found = self.values[x, y, z]
        return found.reshape(int(np.prod(found.shape[:3])), *found.shape[3:])

    def nodes(self) -> Integers:
        """Return the (5, 5, 5, c, 3) places of the nodes."""
        along = [(np.arange(n) - (n > 1)) * (self.size // 2) for n in self.values.shape[:3]]
        steps = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1)
        return np.asarray(self.corners + steps[..., None, :])

    def between(self, places: tuple[float, ...]) -> Array:
        """Return (s, c, b) values at so many places along each axis, in shares of the box.

        Where the nodes of a box are real, so is what lies between.
        """
        weights = _weights(places)
        found = _carried(self.values, [weights if n > 1 else None for n in self.values.shape[:3]])
        found = found.reshape(int(np.prod(found.shape[:3])), *found.shape[3:])
        low = self.inner.min(axis=0)
        return np.where((found < 0.0) & (low >= 0.0), low, found)

    def halves(self) -> "_Boxes":
        """Return all halves along every axis, with values carried to their nodes."""
        parts = []
        for side in product(*(((0, 1) if n > 1 else (0,)) for n in self.values.shape[:3])):
            weights = [
                _weights(tuple((np.arange(5) - 1.0) / 4.0 + s / 2.0)) if n > 1 else None
                for s, n in zip(side, self.values.shape, strict=False)
            ]
            corners = self.corners + np.array(side) * (self.size // 2)
            parts.append((corners, _carried(self.values, weights)))
        many = len(parts)
        return _Boxes(
            size=self.size // 2,
            corners=np.concatenate([corners for corners, _ in parts]),
            owners=np.tile(self.owners, many),
            shares=np.tile(self.shares / many, many),
            values=np.concatenate([values for _, values in parts], axis=3),
        )

    def near_zero(self, near: float) -> Integers:
        """Return numbers of those with a state nearer to zero than `near` [cm^-1].

        Those first that have most states nearest to it.
        """
        inside = np.concatenate([self.between((0.25, 0.75)), self.inner])
        low, high = inside.min(axis=0), inside.max(axis=0)
        least = np.where(low > 0.0, low, np.where(high < 0.0, -high, 0.0))
        weight = self.shares * np.exp(-np.sqrt(least) / FADING).sum(axis=1)
        order = np.argsort(-weight, kind="stable")
        return np.asarray(order[(least.min(axis=1) < near**2)[order]])


class _Points:
    """Squared frequencies at the points of a mesh, and at others as they are asked for.

    Places are counted in units; equivalent ones have one name.
    """

    def __init__(self, mesh: "QMesh", squares: Array, at: Callable[[Array], Array]) -> None:
        n = np.array(mesh.divisions)
        self.mesh, self.at = mesh, at
        self.whole = UNITS * n
        self.strides = np.array([self.whole[1] * self.whole[2], self.whole[2], 1])
        turns = np.rint(mesh.operations * (n / n[:, None]))
        self.turns = np.concatenate(list(turns), axis=1)
        first = np.unique(mesh.places, return_index=True)[1]
        names = self.names(_places(mesh, np.stack(np.unravel_index(first, n), axis=1)))
        order = np.argsort(names)
        self.known, self.values = names[order], squares[order]

    def names(self, places: Integers) -> Integers:
        """Return (...) one number for all places that are equivalent to each (..., 3)."""
        numbers, back = np.unique((places % self.whole) @ self.strides, return_inverse=True)
        plain = np.stack(np.unravel_index(numbers, tuple(self.whole.tolist())), axis=1)
        images = (plain.astype(float) @ self.turns).reshape(len(plain), self.turns.shape[1] // 3, 3)
        images -= np.floor(images / self.whole) * self.whole
        found = np.rint((images @ self.strides.astype(float)).min(axis=1)).astype(np.int64)
        return np.asarray(found[back].reshape(places.shape[:-1]))

    def diagonalised(self, boxes: _Boxes, allowed: int) -> tuple[_Boxes, int]:
        """Return the first boxes with exact values at nodes, and how many wave vectors it took.

        No more than are `allowed`.
        """
        if not len(boxes.owners) or allowed < 1:
            return boxes.taken(np.arange(0)), 0
        places = boxes.nodes()
        names = self.names(places)
        x, y, z = (INNER if n > 1 else slice(None) for n in places.shape[:3])
        wanted = np.moveaxis(names[x, y, z], 3, 0).reshape(len(boxes.owners), -1)
        new, first = np.unique(wanted, return_index=True)
        unknown = ~np.isin(new, self.known)
        box = first // wanted.shape[1]
        costs = np.cumsum(np.bincount(box[unknown], minlength=len(wanted)))
        count = int(np.searchsorted(costs, allowed, side="right"))
        chosen = unknown & (box < count)
        there = np.moveaxis(places[x, y, z], 3, 0).reshape(-1, 3)[first[chosen]]
        self._add(new[chosen], there)
        found = boxes.taken(np.arange(count))
        place = np.minimum(np.searchsorted(self.known, names[..., :count]), len(self.known) - 1)
        met = self.known[place] == names[..., :count]
        found.values[met] = self.values[place[met]]
        return found, len(there)

    def _add(self, names: Integers, places: Integers) -> None:
        if not len(names):
            return
        q = places / self.whole
        at_gamma = np.abs(q - np.rint(q)).max(axis=1) < 1e-9
        w = self.at(np.where(at_gamma[:, None], q + OFF_GAMMA, q) @ self.mesh.axes)
        w = w[:, : self.values.shape[1]]
        known = np.concatenate([self.known, names])
        order = np.argsort(known)
        self.known = known[order]
        self.values = np.concatenate([self.values, w * np.abs(w)])[order]


def dips_between(mesh: "QMesh", frequencies: Array, at: Callable[[Array], Array]) -> bool:
    """Return whether a branch that is real at all points of a mesh is imaginary between them.

    The crystal is diagonalised at the few lowest places at which the cubic between points is below
    zero, if there are any; not around Gamma, where sound is. Arguments as of `soft_states`.
    """
    lowest = frequencies[:, :1]
    if lowest.min() > SUSPECT:
        return False
    boxes = _whole_cells(mesh, lowest * np.abs(lowest))
    places = boxes.nodes()
    x, y, z = (INNER if n > 1 else slice(None) for n in places.shape[:3])
    values, inner = boxes.inner.ravel(), places[x, y, z].reshape(-1, 3)
    n = np.array(mesh.divisions)
    steps = (inner / UNITS + n / 2.0) % n - n / 2.0
    away = (np.abs(steps)[:, n > 1] > 1.0).any(axis=1)
    suspects = np.flatnonzero((values < 0.0) & away)
    suspects = suspects[np.argsort(values[suspects], kind="stable")[:LOOKED_AT]]
    if not len(suspects):
        return False
    q = np.unique(inner[suspects] % (UNITS * n), axis=0) / (UNITS * n)
    return bool(at(q @ mesh.axes).min() < 0.0)


def soft_states(
    mesh: "QMesh",
    frequencies: Array,
    at: Callable[[Array], Array],
) -> SoftStates | None:
    """Return the states of low branches in cells where they come near zero.

    None if no state is imaginary at or between the points, or so many are near zero that it is not
    worth it.

    Parameters
    ----------
    mesh
        The mesh.
    frequencies
        (m, 3n) [cm^-1] at its irreducible wave vectors, ascending, imaginary ones negative.
    at
        Returns the (q, 3n) frequencies of the same crystal at (q, 3) wave vectors, in fractions of
        the reciprocal lattice vectors.
    """
    if frequencies.min() >= 0.0 and not dips_between(mesh, frequencies, at):
        return None
    low = min(int((frequencies.min(axis=0) < BELOW).sum()) + MORE, frequencies.shape[1])
    squares = frequencies[:, :low] * np.abs(frequencies[:, :low])
    boxes = _whole_cells(mesh, squares)
    allowed = _allowed(mesh, boxes, frequencies.shape[1])
    points = _Points(mesh, squares, at)
    order = boxes.near_zero(NEAR[0])
    boxes, spent = points.diagonalised(boxes.taken(order), allowed)
    if not len(boxes.owners):
        return None
    cells, rows = boxes.owners, []
    for near in NEAR[1:]:
        allowed -= spent
        halves = boxes.halves()
        order = halves.near_zero(near)
        boxes, spent = points.diagonalised(halves.taken(order), allowed)
        rest = np.ones(len(halves.owners), dtype=bool)
        rest[order[: len(boxes.owners)]] = False
        rows.append(_rows(halves.taken(rest), _middles(COARSE)))
    rows.append(_rows(boxes, _middles(FINE)))
    owners, found, shares = (np.concatenate(x) for x in zip(*rows, strict=True))
    return SoftStates(cells, owners, signed_root(found), shares)


def _allowed(mesh: "QMesh", boxes: _Boxes, modes: int) -> int:
    """Return how many new wave vectors are worth it, of a crystal with so many modes.

    In proportion to the square of `FEW` over the share of its states near zero, if that is larger.
    """
    away = np.sqrt(np.abs(boxes.between((0.25, 0.75))))
    near = boxes.shares @ np.exp(-away / FADING).mean(axis=0).sum(axis=1) / modes
    worth = min(1.0, FEW / float(near)) ** 2
    return int(worth * (len(mesh.qpoints) + MOST / (modes / 3.0) ** 2))


def _rows(boxes: _Boxes, places: tuple[float, ...]) -> tuple[Integers, Array, Array]:
    """Return (r,) owners, (r, b) squares and (r,) shares of what fills boxes."""
    found = boxes.between(places)
    count = len(found)
    return (
        np.tile(boxes.owners, count),
        found.reshape(count * len(boxes.owners), found.shape[2]),
        np.tile(boxes.shares / count, count),
    )


def _whole_cells(mesh: "QMesh", squares: Array) -> _Boxes:
    """Return the irreducible cells of a mesh, its (m, b) squares carried to their nodes."""
    cells = mesh.cells
    weights = np.zeros((5, 4))
    weights[1, 1] = weights[3, 2] = 1.0
    weights[2] = catmull_rom(np.array([0.5]))[:, 0]
    weights[0, :3] = lagrange(np.array([[0.5, -0.5, -1.5]]))
    weights[4, 1:] = weights[0, 2::-1]
    along = [weights if n > 1 else None for n in mesh.divisions]
    return _Boxes(
        size=UNITS,
        corners=_places(mesh, cells.corners),
        owners=np.arange(len(cells.numbers)),
        shares=cells.shares,
        values=_carried(points_around(mesh, cells, squares), along),
    )


def _places(mesh: "QMesh", steps: Integers) -> Integers:
    """Return where (m, 3) points of a mesh lie, in units."""
    return np.asarray((2 * steps + np.array(mesh.shift)) * (UNITS // 2))


def _carried(values: Array, weights: list[Array | None]) -> Array:
    """Return (x, y, z, c, b) values with (x', x) weights of them along each axis; None for 1."""
    for axis, matrix in enumerate(weights):
        if matrix is not None:
            shape = values.shape
            rows = values.reshape(
                *(int(np.prod(x)) for x in (shape[:axis], shape[axis], shape[axis + 1 :]))
            )
            values = (matrix @ rows).reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])
    return values


def _middles(count: int) -> tuple[float, ...]:
    return tuple(((np.arange(count) + 0.5) / count).tolist())


@lru_cache(maxsize=8)
def _weights(places: tuple[float, ...]) -> Array:
    """Return (m, 5) weights of the nodes of a box for places along an axis, in shares of it.

    Between the first and the last two nodes those of a parabola.
    """
    found = np.zeros((len(places), 5))
    for row, place in zip(found, places, strict=True):
        x = 2.0 * place + 1.0
        k = min(int(x), 3)
        if 0 < k < 3:
            row[k - 1 : k + 3] = catmull_rom(np.array([x - k]))[:, 0]
        else:
            first = 0 if k == 0 else 2
            row[first : first + 3] = lagrange(x - first - np.arange(3.0)[None])[0]
    return found
