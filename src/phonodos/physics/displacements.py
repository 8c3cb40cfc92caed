"""Mean squared displacements of atoms from frequencies and eigenvectors, and Debye-Waller factors.

U_ab of an atom of mass m is the mean over wave vectors of
sum hbar / (2 m w) coth(hbar w / 2 k T) e_a e_b* over modes. Long acoustic waves, for which it grows
as T / q^2, are missed by any mesh by an amount that falls only as its step: what a mesh misses of
T / (q.c.q), c the stiffness of sound, is known exactly and is added (`missed_by`).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import ConfigError, PredictionError
from phonodos.physics.acoustic import lattice_products
from phonodos.physics.mesh import QMesh
from phonodos.physics.sound import SoundWaves, products
from phonodos.physics.units import ATOMIC_MASS, KELVIN_PER_WAVENUMBER, PLANCK, SPEED_OF_LIGHT

Array = NDArray[np.float64]
# hbar / (2 m w) of 1 amu at 1 cm^-1 [A^2]
AMPLITUDE: Final = 1e20 * PLANCK / (8.0 * math.pi**2 * ATOMIC_MASS * SPEED_OF_LIGHT * 100.0)
SOFT: Final = 1.0  # [cm^-1]; a mode below it has no amplitude that a harmonic crystal can tell
LARGEST_BLOCK = 2e6  # numbers held at once
FINE = 8  # divisions, at least, where the integral of long waves is taken


@dataclass(frozen=True, eq=False)
class MeanSquares:
    """Mean squared displacements.

    Attributes
    ----------
    tensors
        (t, n, 3, 3) U [A^2], Cartesian.
    left_out
        Share of the modes that are imaginary or below 1 cm^-1 and count nothing.
    """

    tensors: Array
    left_out: float


def check_temperatures(temperatures: ArrayLike) -> Array:
    """Return (t,) temperatures [K]; raise `ConfigError` unless they are finite, not negative."""
    t = np.atleast_1d(np.asarray(temperatures, dtype=np.float64))
    if t.ndim != 1 or not len(t) or not (np.isfinite(t).all() and (t >= 0.0).all()):
        raise ConfigError(
            f"temperatures {', '.join(f'{x:g}' for x in t.ravel()[:5]) or 'none'} K",
            "temperatures must be finite and not negative, and there must be one",
            "give temperatures in kelvin, for example 300",
        )
    return t


def mean_squares(
    weights: Array,
    frequencies: Array,
    vectors: NDArray[np.complex128],
    masses: Array,
    temperatures: ArrayLike,
) -> MeanSquares:
    """Return the mean squared displacements of a sum over wave vectors.

    Parameters
    ----------
    weights
        (m,) shares of the wave vectors, sum 1.
    frequencies, vectors
        (m, 3n) [cm^-1], imaginary ones negative, and (m, 3n, 3n), modes in columns.
    masses
        (n,) [amu].
    temperatures
        (t,) [K], not negative.

    Raises
    ------
    ConfigError
        If a temperature is negative or not a number.
    PredictionError
        If no mode is real.
    """
    t = check_temperatures(temperatures)
    n = len(masses)
    real = frequencies > SOFT
    if not real.any():
        raise PredictionError(
            "no modes at real frequencies",
            "displacements need real frequencies, and all modes are imaginary",
            "check the structure: it is not a minimum of the energy",
        )
    w = np.where(real, frequencies, 1.0)
    sizes = np.where(real, AMPLITUDE / w, 0.0) * weights[:, None] * _coth(w, t)
    found = np.zeros((len(t), n, 3, 3))
    step = max(1, int(LARGEST_BLOCK / (27.0 * n * n)))
    for first in range(0, len(weights), step):
        part = slice(first, first + step)
        e = vectors[part].reshape(-1, n, 3, 3 * n)
        outer = np.einsum("qiam,qibm->qmiab", e, e.conj()).real
        found += np.tensordot(sizes[:, part], outer, axes=([1, 2], [0, 1]))
    missing = float(weights @ (~real).mean(axis=1) / weights.sum())
    return MeanSquares(found / masses[:, None, None], missing)


def _coth(frequencies: Array, temperatures: Array) -> Array:
    """Return (t, m, k) coth(hbar w / 2 k T): 1 at T = 0."""
    found = np.ones((len(temperatures), *frequencies.shape))
    for k, kelvin in enumerate(temperatures):
        if kelvin > 0.0:
            found[k] = 1.0 / np.tanh(KELVIN_PER_WAVENUMBER / 2.0 * frequencies / kelvin)
    return found


def missed_by(mesh: QMesh, sound: SoundWaves, mass: float) -> Array:
    """Return (3, 3) what a mesh misses of U / T because of long waves [A^2/K], of every atom alike.

    Zero where a wave is unstable.

    Parameters
    ----------
    mesh
        The mesh that was summed over.
    sound
        Long waves, q in fractions of the reciprocal lattice vectors.
    mass
        Of the cell [amu].
    """
    sound = sound.along(mesh.axes)
    times = -(-FINE // max(mesh.divisions))
    coarse, *finer = (
        _mean_inverse(sound, tuple(k * n for n in mesh.divisions), shift)
        for k, shift in ((1, mesh.shift), (times, (1, 1, 1)), (2 * times, (1, 1, 1)))
    )
    # The error of a mesh falls as its step: twice the finer minus the coarser has none.
    whole = 2.0 * finer[1] - finer[0]
    scale = 2.0 * AMPLITUDE / (KELVIN_PER_WAVENUMBER * mass)
    missed = scale * (whole - coarse)
    return missed if np.isfinite(missed).all() else np.zeros((3, 3))


def _mean_inverse(
    sound: SoundWaves, divisions: tuple[int, ...], shift: tuple[int, int, int]
) -> Array:
    """Return (3, 3) the mean of the inverse matrix of long waves over a mesh [cm^2]."""
    lines = [
        ((np.arange(n) + s / 2.0 + n / 2.0) % n - n / 2.0) / n
        for n, s in zip(divisions, shift, strict=True)
    ]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    pairs = lattice_products(points)
    elements = pairs @ sound.stiffness
    if sound.polarisation.any():
        pull = pairs @ sound.polarisation
        elements += products(pull) / (pairs @ sound.screening)[:, None]
    xx, yy, zz, yz, xz, xy = elements.T
    adjugate = np.array(
        [
            yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy,
            xy * xz - xx * yz, xy * yz - xz * yy, xz * yz - xy * zz,
        ]
    )  # fmt: skip
    determinant = xx * adjugate[0] + xy * adjugate[5] + xz * adjugate[4]
    if not (determinant > 0.0).all() or not (xx + yy + zz > 0.0).all():
        return np.full((3, 3), math.nan)
    mean = (adjugate / determinant).mean(axis=1)
    return np.asarray(mean[np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])])


def in_cif_convention(tensors: Array, cell: Array) -> Array:
    """Return (..., 3, 3) U^ij [A^2] of CIF files, of Cartesian tensors (..., 3, 3).

    u = sum_i u^i a*_i a_i with the lengths a*_i of the reciprocal vectors without 2 pi (Trueblood
    et al., Acta Cryst. A 52, 770, 1996).
    """
    inverse = np.linalg.inv(cell)
    into = inverse / np.linalg.norm(inverse, axis=0)
    return np.asarray(into.T @ tensors @ into)


def debye_waller(tensors: Array, waves: Array) -> Array:
    """Return (..., m) factors exp(-Q.U.Q / 2) on amplitudes at (m, 3) Q [1/A], Cartesian."""
    return np.asarray(np.exp(-0.5 * np.einsum("ma,...ab,mb->...m", waves, tensors, waves)))
