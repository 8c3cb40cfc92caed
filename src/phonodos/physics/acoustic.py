"""The acoustic states near Gamma, which a mesh of wave vectors misses.

A 3x3 matrix carries the lowest three branches between the points of a mesh: that of sound
(`SoundWaves`) plus what the `downfolded` dynamical matrix has beside it, which begins with q^4 and
is smooth, where sorted frequencies have kinks; and their squared frequencies over its eigenvalues,
1 at Gamma. The block of cells around Gamma is cut into thin pyramids, each a ray of waves in one
direction, from Gamma out to the block's surface: along it the density is known without sampling,
~ w^2 from the velocity of sound on.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.cells import (
    FINER,
    Cells,
    between,
    catmull_rom,
    lagrange,
    steps_between,
    weights_between,
)
from phonodos.physics.downfolding import Surroundings
from phonodos.physics.sound import SoundWaves, eigenvalues

if TYPE_CHECKING:
    from phonodos.physics.mesh import QMesh

Array = NDArray[np.float64]
ACOUSTIC = 3  # branches
AROUND = 3.0  # steps of the mesh from Gamma, as far as sound carries the branches
BEHIND, AHEAD = 2, 3  # points of the mesh on both sides of what is interpolated by six
SHELLS = 24  # of a ray, where it is sampled
EXACT = 0.7  # of the lowest frequency on the block's surface: so far no state is sampled
_NODES = (1.0 + np.cos(np.pi * (np.arange(7) + 0.5) / 7)) / 2.0


def cubic(values: Array, axis: int) -> Array:
    """Return values at `FINER` places in each interval between points along an axis.

    By the cubic of Catmull and Rom, which is exact for parabolas. Where the four points around an
    interval are positive, no value in it is negative.

    Parameters
    ----------
    values
        Of l + 3 consecutive points along the axis; the l intervals between inner ones are filled.

    Returns
    -------
    Of l intervals along the axis, `FINER` values each on a new axis before the last.
    """
    n = values.shape[axis] - 3
    # One product of matrices for all intervals: sums of four rows at a time are slower.
    rows = np.moveaxis(values, axis, -2)
    found = _intervals_from(n) @ rows
    finer = np.moveaxis(found.reshape(*rows.shape[:-2], n, FINER, rows.shape[-1]), -3, axis)
    if finer.min() < 0.0:
        rows = np.moveaxis(values, axis, 0)
        near = [np.moveaxis(rows[k : k + n], 0, axis)[..., None, :] for k in range(4)]
        low = np.minimum(np.minimum(near[0], near[1]), np.minimum(near[2], near[3]))
        finer = np.where((finer < 0.0) & (low >= 0.0), low, finer)
    return np.asarray(finer)


@lru_cache(maxsize=64)
def _intervals_from(n: int) -> Array:
    """Return (n FINER, n + 3) weights of points for places in the intervals between inner ones."""
    weights = weights_between(4)
    found = np.zeros((n, FINER, n + 3))
    for k in range(n):
        found[k, :, k : k + 4] = weights
    return found.reshape(n * FINER, n + 3)


def signed_root(squares: Array) -> Array:
    """Return frequencies of signed squares; imaginary ones negative."""
    return np.asarray(np.copysign(np.sqrt(np.abs(squares)), squares))


def lattice_products(fractions: Array) -> Array:
    """Return (m, 6) periodic functions of q that begin like the `products` of its components.

    With them the squares of sound are those of a lattice: positive where those of sound are, 0 at
    Gamma only.
    """
    angle = 2.0 * np.pi * fractions
    pure = (1.0 - np.cos(angle)) / (2.0 * np.pi**2)
    s = np.sin(angle) / (2.0 * np.pi)
    return np.concatenate([pure, s[:, [1, 0, 0]] * s[:, [2, 2, 1]]], axis=1)


def surroundings(mesh: "QMesh") -> Surroundings:
    """Return the points of a mesh that the branches around Gamma are interpolated from."""
    steps = tuple(_steps_around(mesh, axis) for axis in range(3))
    index = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    n = np.array(mesh.divisions)
    a, b, c = np.moveaxis(index % n, -1, 0)
    turned = mesh.turned[a, b, c]
    coordinates = (index + np.array(mesh.shift) / 2.0) / n
    images = (coordinates[..., None, :] @ mesh.operations[turned])[..., 0, :]
    numbers = mesh.places[a, b, c].ravel()
    keys = np.rint(2.0 * n * images).astype(np.int64).reshape(-1, 3)
    keys -= keys.min(axis=0)
    keys = np.concatenate([numbers[:, None], keys], axis=1)
    _, first, image = np.unique(
        np.ravel_multi_index(tuple(keys.T), tuple(keys.max(axis=0) + 1)),
        return_index=True,
        return_inverse=True,
    )
    chosen, start, counts = np.unique(numbers[first], return_index=True, return_counts=True)
    places = np.minimum(np.arange(counts.max()), counts[:, None] - 1) + start[:, None]
    owner = np.repeat(np.arange(len(chosen)), counts)
    slot = owner * places.shape[1] + np.arange(len(first)) - start[owner]
    return Surroundings(
        steps=steps,
        chosen=chosen,
        waves=(images.reshape(-1, 3)[first] @ mesh.axes)[places],
        image=slot[image].reshape(turned.shape),
        turns=mesh.rotations[turned],
    )


def _steps_around(mesh: "QMesh", axis: int) -> NDArray[np.int64]:
    """Return the steps along an axis that a box around Gamma takes, from low to high."""
    n = mesh.divisions[axis]
    if n == 1:
        return np.zeros(1, dtype=np.int64)
    inside = _intervals(mesh, axis)
    return np.arange(inside[0] - BEHIND, inside[-1] + AHEAD + 1)


def _intervals(mesh: "QMesh", axis: int) -> NDArray[np.int64]:
    """Return the steps at which the intervals around Gamma begin along an axis, rising."""
    n, shift = mesh.divisions[axis], mesh.shift[axis] / 2.0
    start = np.sort(np.rint(_coordinates(mesh, axis) * n - shift).astype(np.int64))
    place = start + shift
    return np.asarray(start[(place > -AROUND) & (place + 1.0 < AROUND)])


@dataclass(frozen=True, eq=False)
class AcousticRays:
    """The acoustic states of the block of cells around Gamma, as r rays of three branches.

    Along a ray w^2 = c^2 T (1 + a T) / (1 + b T), T the square of the share of its length,
    with which the states grow as T^(3/2).

    Attributes
    ----------
    volumes
        (r,) share of the Brillouin zone.
    ends
        (r, 3) frequencies on the block's surface [cm^-1], all positive.
    sound
        (r, 3) frequencies that sound would have there.
    nearest
        (r,) number of the point of the whole mesh next to the end.
    """

    volumes: Array
    ends: Array
    sound: Array
    nearest: NDArray[np.int64]

    @property
    def exact_to(self) -> float:
        """Frequency [cm^-1] below which the block's states are all in `density`."""
        return EXACT * float(self.ends.min())

    def window(self, frequencies: Array) -> Array:
        """Return which part of the block's states at a frequency `density` holds: 1 to 0."""
        x = np.clip(2.0 * frequencies / self.exact_to - 1.0, 0.0, 1.0)
        return np.asarray(np.cos(np.pi / 2.0 * x) ** 2 * (frequencies > 0.0) * (x < 1.0))

    def density(self, frequencies: Array) -> Array:
        """Return (m,) states / cm^-1 per cell at frequencies, `window` of them.

        Divided by w^2 it is smooth in w^2: a polynomial through a few places is exact.
        """
        a, b = self._law()
        c2 = self.sound**2
        squares = _NODES[:, None, None] * self.exact_to**2
        x = squares / c2
        rest = 1.0 - b * x
        t = 2.0 * x / (rest + np.sqrt(rest**2 + 4.0 * a * x))
        slope = (1.0 + b * t) ** 2 / (1.0 + 2.0 * a * t + a * b * t**2)
        ratio = 3.0 * np.sqrt(t / squares) * slope / c2
        found = np.einsum("r,krb->k", self.volumes, ratio)
        through = np.linalg.solve(np.vander(2.0 * _NODES - 1.0), found)
        inside = self.window(frequencies)
        scaled = np.clip(frequencies / self.exact_to, 0.0, 1.0) ** 2
        return np.asarray(inside * frequencies**2 * np.polyval(through, 2.0 * scaled - 1.0))

    def samples(self) -> tuple[Array, Array, Array]:
        """Return (s, r, 3) frequencies and the states they stand for, and the (s,) T of each.

        `window` of them is left out. States are in shares of one branch.
        """
        edges = np.linspace(0.0, 1.0, SHELLS + 1) ** 3
        t = ((edges[1:] + edges[:-1]) / 2.0) ** (2.0 / 3.0)
        a, b = self._law()
        along = t[:, None, None]
        w = self.sound * np.sqrt(along * (1.0 + a * along) / (1.0 + b * along))
        states = np.diff(edges)[:, None, None] * self.volumes[:, None] * (1.0 - self.window(w))
        return w, states, t

    def _law(self) -> tuple[Array, Array]:
        """Return a and b: a sine where the branch bends down, w^2 = c^2 q^2 + k q^4 where up.

        A branch that falls far behind sound runs into another: it saturates.
        """
        x = (self.ends / self.sound) ** 2
        bend = 15.0 * (1.0 - x) / (3.0 + 2.0 * x)
        kinds = [x > 1.0, x < 0.35]
        a = np.select(kinds, [x - 1.0, np.zeros_like(x)], -bend / 5.0)
        b = np.select(kinds, [np.zeros_like(x), 1.0 / x - 1.0], 2.0 * bend / 15.0)
        return a, b


@dataclass(frozen=True, eq=False)
class SoundOnMesh:
    """Sound, and what carries it on, beside the three lowest branches on the points around Gamma.

    Attributes
    ----------
    mesh
        The mesh.
    sound
        The waves, q along the axes of the mesh.
    values
        (points of `mesh.surroundings`, 9) squared frequencies of the branches over the eigenvalues
        of the matrix that carries them; six elements of what that has beside sound [cm^-2].
    lowest
        The smallest of the squared frequencies [cm^-2].
    smooth
        Whether a `downfolded` matrix carries them.
    """

    mesh: "QMesh"
    sound: SoundWaves
    values: Array
    lowest: float
    smooth: bool

    @classmethod
    def of(
        cls, mesh: "QMesh", frequencies: Array, sound: SoundWaves, folded: Array | None = None
    ) -> "SoundOnMesh | None":
        """Return what carries (m, 3n) frequencies [cm^-1]; None if sound is unstable somewhere.

        The waves are given with q in fractions of the reciprocal lattice vectors; `folded` are (p,
        6) matrices of the surroundings. Where they are not positive sound alone is taken.
        """
        sound, around = sound.along(mesh.axes), mesh.surroundings
        steps = around.steps
        places = [
            (s + shift / 2.0) / n
            for s, shift, n in zip(steps, mesh.shift, mesh.divisions, strict=True)
        ]
        matrices = sound.matrices_of(lattice_products(_grid(places)))
        model = eigenvalues(matrices)
        if not model.min() > 0.0:
            return None
        more, smooth = np.zeros_like(matrices), False
        if folded is not None:
            better = around.spread(folded).reshape(-1, 6)
            found = eigenvalues(better)
            if found.min() > 0.0:
                more, model, smooth = better - matrices, found, True
        a, b, c = np.ix_(*(s % n for s, n in zip(steps, mesh.divisions, strict=True)))
        lowest = frequencies[:, :ACOUSTIC][mesh.places[a, b, c]]
        squares = lowest * np.abs(lowest)
        ratios = squares / model.reshape(lowest.shape)
        values = np.concatenate([ratios, more.reshape(*lowest.shape[:3], 6)], axis=-1)
        return cls(mesh, sound, values, float(squares.min()), smooth)

    def squares(self, places: list[Array]) -> tuple[Array, Array]:
        """Return (m, 3) squared frequencies [cm^-2] on a grid of coordinates, and its (m, 3) q.

        Where the points around are all real, so is what lies between.
        """
        found = self.values
        if not self.smooth:
            found = found[..., :ACOUSTIC]
        for axis, place in enumerate(places):
            weights = self._weights(axis, place)
            found = np.moveaxis(np.tensordot(weights, found, axes=(1, axis)), 0, axis)
        found = found.reshape(len(found) * found.shape[1] * found.shape[2], -1)
        grid = _grid(places)
        return self._carried(found, grid), grid

    def _carried(self, found: Array, grid: Array) -> Array:
        """Return (m, 3) squared frequencies at (m, 3) q, of what was interpolated to them."""
        matrices = self.sound.matrices_of(lattice_products(grid))
        if self.smooth:
            matrices += found[:, ACOUSTIC:]
        squares = found[:, :ACOUSTIC] * eigenvalues(matrices)
        if self.lowest > 0.0:
            # Between Gamma and the next points sound is slower than on them.
            squares = np.maximum(squares, 0.05 * self.lowest)
        return squares

    def _weights(self, axis: int, places: Array) -> Array:
        """Return (m, points) weights of the points along an axis at coordinates.

        Six points, Lagrange's, for what is smooth; else four, those of `cubic`.
        """
        n, shift = self.mesh.divisions[axis], self.mesh.shift[axis] / 2.0
        steps = self.mesh.surroundings.steps[axis]
        if n == 1:
            return np.ones((len(places), 1))
        x = places * n - shift - steps[0]
        first = np.clip(np.floor(x).astype(int) - BEHIND, 0, len(steps) - 1 - BEHIND - AHEAD)
        rows = np.arange(len(places))[:, None]
        apart = (x - first)[:, None] - np.arange(BEHIND + AHEAD + 1)
        weights = np.zeros((len(places), len(steps)))
        if self.smooth:
            weights[rows, first[:, None] + np.arange(BEHIND + AHEAD + 1)] = lagrange(apart)
        else:
            four = first[:, None] + np.arange(BEHIND - 1, BEHIND + 3)
            weights[rows, four] = catmull_rom(apart[:, BEHIND]).T
        return weights

    def near(self) -> tuple[list[NDArray[np.intp]], Array]:
        """Return the intervals around Gamma along each axis, and (..., s, 3) frequencies in them.

        In the order of `refined`, [cm^-1].
        """
        mesh = self.mesh
        picked, places, shape = [], [], []
        for axis, n in enumerate(mesh.divisions):
            if n == 1:
                picked.append(np.zeros(1, dtype=np.int64))
                places.append(_coordinates(mesh, axis))
                shape += [1, 1]
                continue
            start = _intervals(mesh, axis)
            picked.append(start % n)
            places.append(((start[:, None] + steps_between() + mesh.shift[axis] / 2.0) / n).ravel())
            shape += [len(start), FINER]
        squares, _ = self.squares(places)
        found = squares.reshape(*shape, ACOUSTIC).transpose(0, 2, 4, 1, 3, 5, 6)
        cells = found.reshape(*found.shape[:3], -1, ACOUSTIC)
        return list(np.ix_(*picked)), signed_root(cells)

    def are_near(self, cells: Cells) -> NDArray[np.bool_]:
        """Return (c,) which cells lie around Gamma, where sound carries the branches."""
        return np.asarray(self._places_of(cells).min(axis=0) >= 0)

    def _places_of(self, cells: Cells) -> NDArray[np.int64]:
        """Return (3, c) numbers of the intervals around Gamma that cells lie in, -1 of others."""
        places = []
        for axis, n in enumerate(self.mesh.divisions):
            place = np.full(n, -1)
            start = _intervals(self.mesh, axis) if n > 1 else np.zeros(1, dtype=np.int64)
            place[start % n] = np.arange(len(start))
            places.append(place[cells.corners[:, axis]])
        return np.stack(places)

    def near_cells(self, cells: Cells) -> Array:
        """Return (FINER^d, c, 3) frequencies [cm^-1] in those cells that lie around Gamma."""
        mesh, values = self.mesh, self.values
        if not self.smooth:
            values = values[..., :ACOUSTIC]
        points = np.arange(BEHIND + AHEAD + 1) if self.smooth else np.arange(1, 5)
        places = self._places_of(cells)
        around, grid = [], []
        for axis, place in enumerate(places[:, places.min(axis=0) >= 0]):
            n = mesh.divisions[axis]
            if n == 1:
                around.append(place[None])
                grid.append(_coordinates(mesh, axis)[place][None])
                continue
            around.append(place + points[:, None])
            low = _intervals(mesh, axis)[place] + mesh.shift[axis] / 2.0
            grid.append((low + steps_between()[:, None]) / n)
        a, b, c = around
        found = between(values[a[:, None, None], b[:, None], c])
        x, y, z = grid
        q = np.broadcast_arrays(x[:, None, None], y[:, None], z)
        waves = np.stack(q, axis=-1).reshape(-1, 3)
        squares = self._carried(found.reshape(len(waves), -1), waves)
        return signed_root(squares.reshape(*found.shape[:2], ACOUSTIC))

    def rays(self, *, every: bool = True) -> AcousticRays | None:
        """Return the rays of the block around Gamma; None if a branch is imaginary there.

        Those of one face stand in for those of faces that symmetry makes alike, if not `every` one
        is wanted.
        """
        mesh = self.mesh
        alike = np.arange(3) if every else mesh.cells.axes
        axes, times = np.unique(alike, return_counts=True)
        shares = np.prod(2.0 * _halves(mesh) / mesh.divisions) / 3.0 * times
        faces = [self._face(axis) for axis in axes.tolist()]
        ends, grid, nearest = (np.concatenate(x) for x in zip(*faces, strict=True))
        sound = self.sound.squares(grid)
        if not min(ends.min(), sound.min()) > 0.0:
            return None
        volumes = np.concatenate(
            [np.full(len(f[0]), x / len(f[0])) for f, x in zip(faces, shares, strict=True)]
        )
        return AcousticRays(volumes, np.sqrt(np.sort(ends, axis=1)), np.sqrt(sound), nearest)

    def _face(self, axis: int) -> tuple[Array, Array, NDArray[np.int64]]:
        """Return squares at ends of rays on one face of the block (r, 3), ends, nearest points."""
        mesh, halves = self.mesh, _halves(self.mesh)
        n, shift = mesh.divisions[axis], mesh.shift[axis]
        plane = round(halves[axis] - shift / 2.0) % n if n > 1 else 0
        places = [np.full(1, halves[k] / mesh.divisions[k]) for k in range(3)]
        numbers = [np.full(1, plane)] * 3
        for other in {0, 1, 2} - {axis}:
            m, first = mesh.divisions[other], mesh.shift[other] / 2.0
            if m == 1:
                places[other] = steps_between() - 0.5
                numbers[other] = np.zeros(FINER, dtype=int)
                continue
            low, high = round(-halves[other] - first), round(halves[other] - first)
            steps = (np.arange(low, high)[:, None] + steps_between()).ravel()
            places[other] = (steps + first) / m
            numbers[other] = np.rint(steps).astype(int) % m
        strides = np.ravel_multi_index(np.ix_(*numbers), mesh.divisions)
        ends, grid = self.squares(places)
        return ends, grid, strides.ravel()


def in_block(mesh: "QMesh") -> NDArray[np.bool_]:
    """Return which cells of a refined mesh belong to the block around Gamma, (p, s)."""
    inside = []
    for axis, (n, half) in enumerate(zip(mesh.divisions, _halves(mesh), strict=True)):
        if n == 1:  # the one point stands for the whole axis, wherever it lies
            inside.append(np.ones((1, 1), dtype=bool))
            continue
        x = _coordinates(mesh, axis)[:, None] * n + steps_between()
        inside.append(np.abs((x + n / 2.0) % n - n / 2.0) < half)
    a, b, c = inside
    whole = a[:, None, None, :, None, None] & b[:, None, None, :, None] & c[:, None, None, :]
    return np.asarray(whole.reshape(np.prod(mesh.divisions), -1))


def _halves(mesh: "QMesh") -> Array:
    """Return half the block's edges in steps of the mesh: surfaces are planes of the mesh."""
    shifted = [0.5, 0.5, 1.5]
    centred = [0.5, 1.0, 1.0, 2.0]
    return np.array(
        [
            (shifted if s else centred)[min(n, 3 if s else 4) - 1]
            for n, s in zip(mesh.divisions, mesh.shift, strict=True)
        ]
    )


def _coordinates(mesh: "QMesh", axis: int) -> Array:
    """Return the coordinates of the points along an axis, around Gamma, in units of the axis."""
    n = mesh.divisions[axis]
    place = np.arange(n) + mesh.shift[axis] / 2.0
    return np.asarray(((place + n / 2.0) % n - n / 2.0) / n)


def _grid(places: list[Array]) -> Array:
    return np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, 3)
