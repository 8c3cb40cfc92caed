"""Radial functions h_k(r): learned ones, and the same ones tabulated and compressed."""

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, constant, library_of, silu, taken
from phonodos.model.parameters import Normal, Parameter, Parameters, Table

# Factors that give f(z), z standard normal, a second moment of 1. e3nn finds them with a million
# seeded numbers, so the last digits are its own; weights are made for these.
UNIT_SILU, UNIT_SIGMOID = 1.6791767923989418, 1.8467055342154763
POINTS, TOLERANCE = 2001, 1e-6  # of the tables that take the place of learned functions


@cache
def evenly(first: float, last: float, n: int) -> NDArray[np.float64]:
    """Return (n,) numbers at equal steps; not to be written to."""
    return np.asarray(np.linspace(first, last, n), dtype=np.float64)


@cache
def _orders(n: int) -> NDArray[np.float64]:
    return np.asarray(np.pi * np.arange(1, n + 1), dtype=np.float64)


def gaussians(distances: Array, n: int, cutoff: float, width: float = 0.8) -> Array:
    """Return (m, n) Gaussians of (m,) distances, at equal spacing on 0 to `cutoff` [A].

    exp(-((r - r_k) / (width spacing))^2) / 1.423; with that constant, the one of e3nn's first
    releases, the sum of squares is about one half at any distance inside.
    """
    spread = width * cutoff / (n - 1)
    x = (distances[:, None] - constant(evenly, 0.0, cutoff, n, of=distances)) / spread
    return library_of(x).exp(-(x**2)) / 1.423085244900308


def smooth_cutoff(distances: Array, cutoff: float, width: float) -> Array:
    """Return (m,) 1 up to `cutoff - width`, 0 from `cutoff` on, with two continuous derivatives."""
    t = library_of(distances).clip((cutoff - distances) / width, 0.0, 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def bessel(distances: Array, n: int, cutoff: float) -> Array:
    """Return (m, n) spherical Bessel functions sin(k pi r / cutoff) / r, scaled to order one."""
    lib = library_of(distances)
    r = lib.clip(distances[:, None], 1e-3, None)
    waves = lib.sin(constant(_orders, n, of=r) * r / cutoff) / r
    return waves * (cutoff / 2.0) ** 0.5


def polynomial_cutoff(distances: Array, cutoff: float) -> Array:
    """Return (m,) (1-u)^3 (1 + 3u + 6u^2), u = r / cutoff: 1 at 0, 0 beyond, C2 everywhere."""
    u = library_of(distances).clip(distances / cutoff, 0.0, 1.0)
    return (1.0 - u) ** 3 * (1.0 + 3.0 * u + 6.0 * u**2)


class RadialMLP:
    """Learned functions of the distance: bias-free layers of SiLU on Gaussians, faded out.

    The hidden part of e3nn's `FullyConnectedNet`: every layer divides by the root of its number of
    inputs and rescales its activation to a unit second moment, so weights drawn from a standard
    normal keep the signal at order one. A `fade` [A] of 0 leaves the cutoff sharp.
    """

    def __init__(
        self, name: str, n: int, hidden: tuple[int, ...], cutoff: float, fade: float,
        width: float = 0.8,
    ) -> None:  # fmt: skip
        self.name, self.cutoff, self.fade, self.n, self.width = name, cutoff, fade, n, width
        self.table: Table = tuple(
            Parameter(f"{name}.weights.{k}", shape, Normal())
            for k, shape in enumerate(pairwise((n, *hidden)))
        )

    def __call__(self, p: Parameters, distances: Array) -> Array:
        """Return (m, last hidden) features at (m,) distances [A]."""
        h = gaussians(distances, self.n, self.cutoff, self.width)
        for line in self.table:
            weight = p[line.name]
            h = silu(h @ (weight * weight.shape[0] ** -0.5)) * UNIT_SILU
        if self.fade == 0.0:
            return h
        return h * smooth_cutoff(distances, self.cutoff, self.fade)[:, None]


def cubic_table(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n - 1, 4 k) coefficients, powers 0 to 3, of cubics through (n, k) values."""
    slope = np.gradient(values, axis=0, edge_order=2)
    left, right = values[:-1], values[1:]
    a, b = slope[:-1], slope[1:]
    cubic = [left, a, 3 * (right - left) - 2 * a - b, 2 * (left - right) + a + b]
    return np.concatenate(cubic, axis=1)


def looked_up(coefficients: Array, distances: Array, cutoff: float) -> Array:
    """Return (m, k) values at (m,) distances [A] of a `cubic_table` on 0 to `cutoff` [A]."""
    lib, n = library_of(coefficients), len(coefficients)
    place = distances * (n / cutoff)
    interval = lib.clip(lib.floor(place), None, n - 1)
    t = (place - interval)[:, None]
    rows = interval.astype(np.int64) if lib is np else interval.long()
    found = taken(coefficients, rows)
    k = found.shape[1] // 4
    c0, c1, c2, c3 = (found[:, j * k : (j + 1) * k] for j in range(4))
    return c0 + t * (c1 + t * (c2 + t * c3))


def compress(
    radial: RadialMLP, p: Parameters, n: int = POINTS, tolerance: float = TOLERANCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a `cubic_table` of a few functions and a (k, hidden) matrix that makes `radial` of it.

    A hundred smooth functions of one distance span far fewer dimensions. The principal axes of
    their values on a fine grid with singular values above `tolerance` of the largest are kept.
    """
    own = {line.name: np.asarray(p[line.name], dtype=np.float64) for line in radial.table}
    values = radial(own, np.linspace(0.0, radial.cutoff, n))
    square, axes = np.linalg.eigh(values.T @ values / n)
    kept = square > tolerance**2 * square[-1]
    kept[-1] = True  # even of functions that are zero everywhere
    # Functions of order one: their size sits in the matrix.
    size = np.sqrt(np.maximum(square[kept], 1e-30))
    return cubic_table(values @ axes[:, kept] / size), (axes[:, kept] * size).T
