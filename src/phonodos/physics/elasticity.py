"""`Elasticity`: elastic constants of a crystal from its long waves, moduli, directions.

Waves of wave vector q obey rho w^2 u_a = sum C_aibj q_i q_j u_b (Christoffel). The slopes determine
every C_aibj of a crystal without stress; where they do not agree with one tensor of the symmetry of
elastic constants, the nearest one is taken and the distance told (`misfit`). Voigt's order of pairs
of axes is xx, yy, zz, yz, xz, xy.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.sound import FIRST, SECOND, SoundWaves, mean_slope
from phonodos.physics.units import ATOMIC_MASS, SPEED_OF_LIGHT

Array = NDArray[np.float64]
METRES_PER_SLOPE: Final = 2.0 * math.pi * SPEED_OF_LIGHT * 100.0 * 1e-10  # [m/s per cm^-1 A]
GIGA: Final = 1e9
PLACE: Final = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])  # of a pair of axes in Voigt's order
NOTHING: Final = 1e-6  # of the largest constant; what is smaller is zero by symmetry
# Of Voigt's elements in a tensor of orthonormal axes (Mandel): its eigenvalues are those of C.
MANDEL: Final = np.array([1.0, 1.0, 1.0, *3 * [math.sqrt(2.0)]])


@dataclass(frozen=True, eq=False)
class Elasticity:
    """Elastic constants and what follows from them.

    Attributes
    ----------
    stiffness
        (6, 6) C_ij [GPa] in Voigt's notation, for a constant electric field.
    density
        [kg/m^3].
    misfit
        How far the squared slopes are from those of these constants: norm of the difference over
        the norm.
    """

    stiffness: Array
    density: float
    misfit: float = 0.0

    @cached_property
    def lowest(self) -> float:
        """Smallest eigenvalue of the tensor [GPa]; the crystal is unstable if it is not positive.

        In the notation of Mandel, which does not depend on the axes (Mouhat and Coudert, Phys. Rev.
        B 90, 224104, 2014, have the conditions of Born for every class).
        """
        return float(np.linalg.eigvalsh(self.stiffness * MANDEL[:, None] * MANDEL).min())

    @property
    def is_stable(self) -> bool:
        """Whether every small strain costs energy (Born)."""
        return self.lowest > 0.0

    @cached_property
    def compliance(self) -> Array:
        """(6, 6) S_ij [1/GPa], the inverse of C_ij; NaN where the crystal is unstable."""
        if not self.is_stable:
            return np.full((6, 6), math.nan)
        return np.asarray(np.linalg.inv(self.stiffness))

    @cached_property
    def moduli(self) -> dict[str, float]:
        """Moduli of a polycrystal by Voigt, Reuss and Hill, NaN where the crystal is unstable.

        ``bulk_voigt``, ``bulk_reuss``, ``bulk``, ``shear_voigt``, ``shear_reuss``, ``shear``,
        ``young`` [GPa], ``poisson`` and the universal ``anisotropy`` 5 G_V/G_R + K_V/K_R - 6
        (Ranganathan and Ostoja-Starzewski, Phys. Rev. Lett. 101, 055504, 2008).
        """
        c, s = self.stiffness, self.compliance
        normal, mixed = np.trace(c[:3, :3]), c[:3, :3].sum() - np.trace(c[:3, :3])
        soft, crossed = np.trace(s[:3, :3]), s[:3, :3].sum() - np.trace(s[:3, :3])
        kv = float(normal + mixed) / 9.0 if self.is_stable else math.nan
        kr = 1.0 / float(soft + crossed)
        gv = float(normal - mixed / 2.0 + 3.0 * np.trace(c[3:, 3:])) / 15.0 + 0.0 * kv
        gr = 15.0 / float(4.0 * soft - 2.0 * crossed + 3.0 * np.trace(s[3:, 3:]))
        k, g = (kv + kr) / 2.0, (gv + gr) / 2.0
        return {
            "bulk_voigt": kv, "bulk_reuss": kr, "bulk": k,
            "shear_voigt": gv, "shear_reuss": gr, "shear": g,
            "young": 9.0 * k * g / (3.0 * k + g),
            "poisson": (3.0 * k - 2.0 * g) / (6.0 * k + 2.0 * g),
            "anisotropy": 5.0 * gv / gr + kv / kr - 6.0,
        }  # fmt: skip

    def turned(self, turn: Array) -> "Elasticity":
        """Return the same after a rotation (3, 3) of the crystal; what rounding left is zero."""
        found = turned(self.stiffness, turn)
        found[np.abs(found) < NOTHING * np.abs(found).max()] = 0.0
        return replace(self, stiffness=found)

    def young(self, directions: Array) -> Array:
        """Return (m,) Young's moduli [GPa] along (m, 3) unit vectors."""
        pairs = directions[:, FIRST] * directions[:, SECOND]
        return np.asarray(1.0 / np.einsum("mi,ij,mj->m", pairs, self.compliance, pairs))


def velocities(sound: SoundWaves, directions: Array) -> Array:
    """Return (m, 3) velocities of sound [m/s], ascending, along (m, 3) unit vectors.

    With the field of the waves, which stiffens piezoelectric crystals; NaN of unstable waves.

    Parameters
    ----------
    sound
        The long waves, q Cartesian [1/A].
    directions
        Of q.
    """
    squares = sound.squares(directions)
    return np.sqrt(np.where(squares > 0.0, squares, math.nan)) * METRES_PER_SLOPE


def mean_velocity(sound: SoundWaves) -> float:
    """Return <v^-3>^(-1/3) over branches and directions [m/s]: the velocity of Debye's model.

    NaN where a wave is unstable; q of the waves is Cartesian [1/A].
    """
    return METRES_PER_SLOPE * mean_slope(sound)


def elasticity(sound: SoundWaves, mass: float, volume: float, turns: Array) -> Elasticity:
    """Return the elastic constants that belong to long waves, ions relaxed, field held constant.

    Parameters
    ----------
    sound
        The long waves, q Cartesian [1/A].
    mass, volume
        Of the cell [amu] and [A^3].
    turns
        (m, 3, 3) rotations of the point group, over which the constants are averaged.
    """
    density = mass * ATOMIC_MASS / (volume * 1e-30)
    slopes = density * METRES_PER_SLOPE**2 / GIGA * sound.stiffness.ravel()
    design = _christoffel()
    constants = np.linalg.lstsq(design, slopes, rcond=None)[0]
    misfit = float(np.linalg.norm(design @ constants - slopes) / np.linalg.norm(slopes))
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6)] = constants
    matrix += np.triu(matrix, 1).T
    mean = np.mean([turned(matrix, turn) for turn in turns], axis=0)
    return Elasticity(np.asarray(mean), density, misfit)


def turned(stiffness: Array, turn: Array) -> Array:
    """Return elastic constants (6, 6) after a rotation (3, 3) of the crystal."""
    tensor = stiffness[PLACE[:, :, None, None], PLACE[None, None]]
    found = np.einsum("ai,bj,ck,dl,ijkl->abcd", *4 * [turn], tensor, optimize=True)
    return np.asarray(found[FIRST, SECOND][:, FIRST, SECOND])


@lru_cache(maxsize=1)
def _christoffel() -> Array:
    """Return (36, 21) what each constant adds to the six elements ab of the matrix of each q_i q_j.

    Rows are those of `SoundWaves.stiffness`, unravelled; columns C_ij of the upper triangle.
    """
    number = np.zeros((6, 6), dtype=int)
    number[np.triu_indices(6)] = np.arange(21)
    number = np.maximum(number, number.T)
    found = np.zeros((6, 6, 21))
    for p, (i, j) in enumerate(zip(FIRST, SECOND, strict=True)):
        for k, (a, b) in enumerate(zip(FIRST, SECOND, strict=True)):
            for u, v in {(i, j), (j, i)}:
                found[p, k, number[PLACE[a, u], PLACE[b, v]]] += 1.0
    return found.reshape(36, 21)
