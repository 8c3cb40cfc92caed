"""`SoundWaves`: the long acoustic waves of a crystal, exact in the limit q -> 0.

With D(q) projected on the three rigid translations (a) and on the rest (o), w^2 of long waves are
the eigenvalues of D_aa - D_ao D_oo^-1 D_oa to second order in q (Born and Huang, *Dynamical Theory
of Crystal Lattices*, section 26). The field of the waves adds a term that depends on the direction
of q alone: piezoelectric stiffening.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.dipole import COULOMB
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING

Array = NDArray[np.float64]
OPTIC = 1e-9  # [eV/(A^2 amu)], mean square of frequencies at Gamma below which none is optic
LONG = 1e-3  # [1/A], of the waves that D(q) is expanded by: dispersion is 1e-6 there
# Directions of these waves; the squares of linear functions on them determine a quadratic form.
DIRECTIONS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], float)
FIRST, SECOND = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]  # of the products xx, yy, zz, yz, xz, xy
_SQUARE = WAVENUMBER_PER_SQRT_SPRING**2


@dataclass(frozen=True, eq=False)
class SoundWaves:
    """What determines the frequencies of long acoustic waves, by the products of two components of
    q: xx, yy, zz, yz, xz, xy, here written p.

    Attributes
    ----------
    stiffness
        (6, 6) rows p: six elements, in the same order, of the symmetric matrix whose eigenvalues
        are the squares of frequencies [cm^-2 A^2 where q is Cartesian], without the field.
    polarisation
        (6, 3) what couples displacements to the field.
    screening
        (6,) static dielectric tensor in the units of `polarisation`.
    mass_shares
        (n,) share of every atom in these waves: its mass over that of the cell.
    """

    stiffness: Array
    polarisation: Array
    screening: Array
    mass_shares: Array

    def squares(self, waves: Array) -> Array:
        """Return (m, 3) signed squares of frequencies [cm^-2] at (m, 3) q, ascending.

        They scale with q^2; a negative one is an elastic instability.
        """
        return self.squares_of(products(waves))

    def squares_of(self, pairs: Array) -> Array:
        """Return `squares` of (m, 6) products of the components of q, or what stands for them."""
        return eigenvalues(self.matrices_of(pairs))

    def matrices_of(self, pairs: Array) -> Array:
        """Return the (m, 6) elements of the matrices of which those are `eigenvalues`, p in order.

        They act on Cartesian displacements, whatever q is counted in.
        """
        matrices = pairs @ self.stiffness
        if self.polarisation.any():
            pull = pairs @ self.polarisation
            matrices += products(pull) / (pairs @ self.screening)[:, None]
        return np.asarray(matrices)

    def along(self, axes: Array) -> "SoundWaves":
        """Return the same waves with q counted in (3, 3) axes, rows in what it was counted in."""
        place = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
        turn = np.zeros((6, 6))
        for a, b in np.ndindex(3, 3):
            for i, j in zip(FIRST, SECOND, strict=True):
                turn[place[a, b], place[i, j]] += axes[a, i] * axes[b, j]
        return replace(
            self,
            stiffness=turn @ self.stiffness,
            polarisation=turn @ self.polarisation,
            screening=turn @ self.screening,
        )


def products(vectors: Array) -> Array:
    """Return (m, 6) products xx, yy, zz, yz, xz, xy of the components of (m, 3) vectors."""
    return np.concatenate([vectors**2, vectors[:, [1, 0, 0]] * vectors[:, [2, 2, 1]]], axis=1)


def eigenvalues(matrices: Array) -> Array:
    """Return the (m, 3) ascending eigenvalues of symmetric matrices given by (m, 6) elements.

    By the cosines of Cardano: thousands of LAPACK's calls for 3x3 would take longer than the rest.
    """
    middle = matrices[:, :3].sum(axis=1) / 3.0
    x, y, z = (matrices[:, :3] - middle[:, None]).T
    yz, xz, xy = matrices[:, 3:].T
    spread = np.sqrt((x * x + y * y + z * z + 2.0 * (yz * yz + xz * xz + xy * xy)) / 6.0)
    determinant = x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz)
    size = np.maximum(spread, np.finfo(float).tiny ** 0.25)
    angle = np.arccos(np.clip(determinant / (2.0 * size**3), -1.0, 1.0)) / 3.0
    turns = np.array([2.0, 4.0, 0.0]) * (math.pi / 3.0)
    return np.asarray(middle[:, None] + 2.0 * spread[:, None] * np.cos(angle[:, None] + turns))


def long_waves(reciprocal: Array) -> Array:
    """Return the (6, 3) fractional wave vectors at which `sound_waves` wants D(q).

    Parameters
    ----------
    reciprocal
        (3, 3) reciprocal lattice vectors as rows, 2 pi included [1/A].
    """
    return np.asarray(LONG * DIRECTIONS @ np.linalg.inv(reciprocal))


def sound_waves(
    matrices: NDArray[np.complex128],
    masses: Array,
    volume: float,
    born_charges: Array | None = None,
    dielectric: Array | None = None,
) -> SoundWaves:
    """Return the long acoustic waves that belong to dynamical matrices.

    Parameters
    ----------
    matrices
        (6, 3n, 3n) D(q) at `long_waves` [eV/(A^2 amu)], phases with the full vectors r_ij; a
        seventh, D(0) without the field, is subtracted where rigid translations are not exactly
        free.
    masses
        (n,) [amu].
    volume
        Of the cell [A^3].
    born_charges, dielectric
        (n, 3, 3) [e], first index field, second displacement, and (3, 3), of the dipole term that
        the matrices hold; None where they hold none.
    """
    pulls = matrices[:6] @ _rigid(masses)
    if len(matrices) > 6:
        pulls = pulls - matrices[6:].real @ _rigid(masses)
    at_gamma = matrices[0].real
    if born_charges is not None and dielectric is not None:
        field, screening = _field(masses, volume, born_charges, dielectric)
        along = DIRECTIONS[0] @ field
        weight = DIRECTIONS[0] @ screening @ DIRECTIONS[0]
        at_gamma = at_gamma - along[:, None] * along / weight
    return sound_of(at_gamma, pulls, masses, volume, born_charges, dielectric)


def sound_of(
    at_gamma: Array,
    pulls: NDArray[np.complex128],
    masses: Array,
    volume: float,
    born_charges: Array | None = None,
    dielectric: Array | None = None,
) -> SoundWaves:
    """Return the long acoustic waves of a crystal, by less than whole matrices of every wave.

    Parameters
    ----------
    at_gamma
        (3n, 3n) D(0) without the field [eV/(A^2 amu)].
    pulls
        (6, 3n, 3) D(q) at `long_waves` times the rigid translations, each of length 1. The field of
        neutral charges does not act on them.
    masses, volume, born_charges, dielectric
        As in `sound_waves`.
    """
    rigid = _rigid(masses)
    field, screening = np.zeros((3, len(rigid))), np.eye(3)
    if born_charges is not None and dielectric is not None:
        field, screening = _field(masses, volume, born_charges, dielectric)
    stiffness, pull, response = _without_field(at_gamma, pulls, rigid, field)
    # f(q) by products: of the sums of two axes both pure ones are taken away.
    rows = stiffness[:, FIRST, SECOND]
    rows[3:] -= rows[[1, 0, 0]] + rows[[2, 2, 1]]
    static = screening + response
    twice = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    both = (pull[FIRST, SECOND] + pull[SECOND, FIRST]) / 2.0
    return SoundWaves(
        stiffness=rows * _SQUARE,
        polarisation=both * twice[:, None] * WAVENUMBER_PER_SQRT_SPRING,
        screening=static[FIRST, SECOND] * twice,
        mass_shares=masses / masses.sum(),
    )


def _rigid(masses: Array) -> Array:
    """Return the (3n, 3) rigid translations in coordinates times roots of masses, of length 1."""
    return np.asarray(np.kron(np.sqrt(masses / masses.sum())[:, None], np.eye(3)))


def _field(
    masses: Array, volume: float, born_charges: Array, dielectric: Array
) -> tuple[Array, Array]:
    """Return (3, 3n) neutral charges over roots of masses, and (3, 3) what screens them."""
    neutral = born_charges - born_charges.mean(axis=0)
    field = (neutral / np.sqrt(masses)[:, None, None]).transpose(1, 0, 2).reshape(3, -1)
    return field, volume / (4.0 * math.pi * COULOMB) * (dielectric + dielectric.T) / 2.0


def _without_field(
    at_gamma: Array, pulls: NDArray[np.complex128], rigid: Array, field: Array
) -> tuple[Array, Array, Array]:
    """Return what D(q) without the field gives, per q^2.

    (6, 3, 3) D_aa - D_ao D_oo^-1 D_oa along `DIRECTIONS`; (3, 3, 3) D_ao D_oo^-1 z by components of
    q, of the field and of the displacement; (3, 3) z D_oo^-1 z. z are (3, 3n) charges over roots of
    masses.
    """
    size = len(rigid)
    scale = np.trace(at_gamma) / size
    if abs(scale) < OPTIC:  # one atom: D(Gamma) is rounding
        scale = 1.0
    coupling = -pulls[:3].imag / LONG  # (3, 3n, 3)
    coupling -= rigid @ (rigid.T @ coupling)
    solved = np.linalg.solve(
        at_gamma + scale * rigid @ rigid.T,
        np.concatenate([coupling.transpose(1, 0, 2).reshape(size, 9), field.T], axis=1),
    )
    by_waves = np.einsum("kc,cja->kja", DIRECTIONS, coupling)
    answers = np.einsum("kc,jca->kja", DIRECTIONS, solved[:, :9].reshape(size, 3, 3))
    direct = rigid.T @ pulls.real
    stiffness = direct / LONG**2 - by_waves.swapaxes(1, 2) @ answers
    stiffness = (stiffness + stiffness.transpose(0, 2, 1)) / 2.0
    pull = np.einsum("cja,jd->cda", coupling, solved[:, 9:])
    return stiffness, pull, field @ solved[:, 9:]


def elastic_debye_temperature(sound: SoundWaves, volume: float, directions: int = 2000) -> float:
    """Return the Debye temperature [K] of the velocities of sound; NaN if a wave is unstable.

    k theta = hbar (6 pi^2 n / V)^(1/3) <1/v^3>^(-1/3), n atoms in the volume: a sphere that holds
    the 3n modes of the cell in three branches, 1/v^3 averaged over branches and directions. By it
    C_V at T -> 0 is 12 pi^4 R / 5 (T / theta)^3 per mole of atoms.

    Parameters
    ----------
    sound
        The waves.
    volume
        Of the cell [A^3].
    directions
        How many directions of the half sphere to average over.
    """
    slope = mean_slope(sound, directions)
    n = len(sound.mass_shares)
    return float(KELVIN_PER_WAVENUMBER * slope * (6.0 * math.pi**2 * n / volume) ** (1.0 / 3.0))


def mean_slope(sound: SoundWaves, directions: int = 2000) -> float:
    """Return <s^-3>^(-1/3) of the slopes s of frequencies against q [cm^-1 A]; NaN if unstable.

    Averaged over the three branches and so many `directions` of the half sphere.
    """
    k = np.arange(directions) + 0.5
    z, angle = k / directions, math.pi * (1.0 + math.sqrt(5.0)) * k
    ring = np.sqrt(1.0 - z**2)
    squares = sound.squares(np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1))
    if not (squares > 0.0).all():
        return math.nan
    return float(float((squares**-1.5).mean()) ** (-1.0 / 3.0))
