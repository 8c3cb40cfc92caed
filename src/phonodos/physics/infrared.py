"""Vibrations at Gamma and light: mode charges, eps(w), reflectivity, longitudinal modes.

p_m = sum_i Z_i e_i / sqrt(m_i) are the dipoles of the modes; eps(w) = eps_inf
+ 4 pi e^2 / V sum_m p_m p_m / (w_m^2 - w^2 - i w g) over transverse modes (Gonze and Lee,
Phys. Rev. B 55, 10355, 1997).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.dipole import COULOMB
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

Array = NDArray[np.float64]
DEBYE_PER_E_ANGSTROM: Final = 4.803204712570263
DEGENERATE: Final = 0.02  # [cm^-1]; modes closer to each other count as one set
POLAR: Final = 1e-4  # share of all strength along a direction, from which a mode is longitudinal
SOFTEST: Final = 1.0  # [cm^-1]; with an optic mode below it there is no static dielectric constant


@dataclass(frozen=True, eq=False)
class GammaModes:
    """The modes at Gamma, acoustic ones first, optic ones ascending, without a field.

    Attributes
    ----------
    frequencies, vectors
        (3n,) [cm^-1], imaginary ones negative, the three acoustic ones 0; (3n, 3n) in columns.
    dipoles
        (3n, 3) p [e / sqrt(amu)].
    masses
        (n,) [amu].
    volume
        Of the cell [A^3].
    dielectric
        (3, 3) of the electrons, eps_inf.
    """

    frequencies: Array
    vectors: Array
    dipoles: Array
    masses: Array
    volume: float
    dielectric: Array

    @property
    def sets(self) -> list[list[int]]:
        """Numbers of the modes of equal frequency; the acoustic ones are one set."""
        found = [[0, 1, 2]]
        for k in range(3, len(self.frequencies)):
            near = self.frequencies[k] - self.frequencies[k - 1] < DEGENERATE
            found[-1].append(k) if near and k > 3 else found.append([k])
        return found

    @property
    def charges(self) -> Array:
        """(3n,) mode effective charges ``|sum Z u| / |u|`` [e], u the displacements e / sqrt(m)."""
        n = len(self.masses)
        u = self.vectors.reshape(n, 3, -1) / np.sqrt(self.masses)[:, None, None]
        return np.asarray(np.linalg.norm(self.dipoles, axis=1) / np.sqrt((u**2).sum(axis=(0, 1))))

    @property
    def intensities(self) -> Array:
        """(3n,) infrared intensities ``|p|^2`` [(D/A)^2 / amu]."""
        return np.asarray(DEBYE_PER_E_ANGSTROM**2 * (self.dipoles**2).sum(axis=1))

    @property
    def strengths(self) -> Array:
        """(3n, 3, 3) 4 pi e^2 / V p p [cm^-2]; over w^2 they are what each adds to eps_0."""
        scale = 4.0 * math.pi * COULOMB / self.volume * WAVENUMBER_PER_SQRT_SPRING**2
        return np.asarray(scale * self.dipoles[:, :, None] * self.dipoles[:, None, :])

    @property
    def static(self) -> Array:
        """(3, 3) static dielectric tensor of the clamped cell; NaN if an optic mode is soft."""
        w = self.frequencies[3:]
        if len(w) and w.min() < SOFTEST:
            return np.full((3, 3), math.nan)
        return np.asarray(
            self.dielectric + (self.strengths[3:] / w[:, None, None] ** 2).sum(axis=0)
        )

    def permittivity(self, frequencies: Array, damping: float) -> NDArray[np.complex128]:
        """Return (k, 3, 3) eps(w) at (k,) frequencies, all modes damped by `damping` [cm^-1]."""
        squares = np.sign(self.frequencies[3:]) * self.frequencies[3:] ** 2
        w = frequencies[:, None]
        resonance = 1.0 / (squares - w**2 - 1j * damping * w)
        return np.asarray(self.dielectric + np.einsum("km,mab->kab", resonance, self.strengths[3:]))

    def longitudinal(self, direction: Array) -> tuple[Array, Array]:
        """Return (3n - 3,) frequencies [cm^-1] of optic modes of q -> 0 along a direction.

        And whether each is longitudinal, with a dipole along q.
        """
        q = direction / np.linalg.norm(direction)
        along = self.dipoles[3:] @ q
        scale = 4.0 * math.pi * COULOMB / self.volume * WAVENUMBER_PER_SQRT_SPRING**2
        matrix = np.diag(np.sign(self.frequencies[3:]) * self.frequencies[3:] ** 2)
        matrix = matrix + scale / float(q @ self.dielectric @ q) * np.outer(along, along)
        squares, turned = np.linalg.eigh(matrix)
        share = (along @ turned) ** 2
        found = share > POLAR * max(float(share.sum()), 1e-12)
        return np.sign(squares) * np.sqrt(np.abs(squares)), found


def gamma_modes(
    matrix: Array, masses: Array, volume: float, born_charges: Array, dielectric: Array
) -> GammaModes:
    """Return the modes of a dynamical matrix.

    Parameters
    ----------
    matrix
        (3n, 3n) D(0) without the field [eV/(A^2 amu)], symmetric.
    masses, volume
        (n,) [amu], of the cell [A^3].
    born_charges, dielectric
        (n, 3, 3) [e], first index field, second displacement; (3, 3).
    """
    n = len(masses)
    root = np.sqrt(masses)
    rigid = np.kron((root / math.sqrt(masses.sum()))[:, None], np.eye(3))
    away = np.eye(3 * n) - rigid @ rigid.T
    matrix = away @ matrix @ away
    far = 10.0 * max(float(np.abs(np.linalg.eigvalsh(matrix)).max()), 1.0)
    squares, vectors = np.linalg.eigh(matrix + far * rigid @ rigid.T)
    squares, vectors = squares[:-3], vectors[:, :-3]
    w = np.sign(squares) * np.sqrt(np.abs(squares)) * WAVENUMBER_PER_SQRT_SPRING
    neutral = born_charges - born_charges.mean(axis=0)
    e = np.concatenate([rigid, vectors], axis=1)
    weighted = e.reshape(n, 3, -1) / root[:, None, None]
    return GammaModes(
        np.concatenate([np.zeros(3), w]), e, np.einsum("iab,ibm->ma", neutral, weighted), masses,
        volume, (dielectric + dielectric.T) / 2.0,
    )  # fmt: skip


def reflectivity(permittivity: NDArray[np.complex128]) -> Array:
    """Return ``|(sqrt(eps) - 1) / (sqrt(eps) + 1)|^2`` at normal incidence."""
    index = np.sqrt(permittivity)
    return np.asarray(np.abs((index - 1.0) / (index + 1.0)) ** 2)


def activities(characters: Array, turns: Array) -> tuple[bool, bool]:
    """Return whether a set of modes is active in the infrared and in Raman scattering.

    By symmetry: whether its representation holds one of those of vectors, of symmetric tensors.

    Parameters
    ----------
    characters
        (m,) of the set under the operations.
    turns
        (m, 3, 3) Cartesian rotations.
    """
    trace = np.trace(turns, axis1=1, axis2=2)
    square = (trace**2 + np.trace(turns @ turns, axis1=1, axis2=2)) / 2.0
    return bool((characters @ trace) / len(turns) > 0.5), bool(
        (characters @ square) / len(turns) > 0.5
    )
