"""Strain, isotropic (V = V0 (1 + e)^3) or any, and how frequencies answer to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal

LARGEST_STRAIN = 0.2
DEGENERATE = 1e-6  # relative distance of eigenvalues that count as one
SYMMETRIC = 1e-9  # by which elements of a tensor that should be equal may differ

FloatArray = NDArray[np.float64]


def strained(crystal: Crystal, strain: float | FloatArray) -> Crystal:
    """Return the crystal with every lattice vector a as a (1 + `strain`).

    Fractional coordinates stay: atoms are not relaxed.

    Parameters
    ----------
    strain
        A number for all lengths, or a symmetric (3, 3) tensor in the Cartesian frame of the cell.

    Raises
    ------
    ConfigError
        If the strain is not a number within 20 %, or no symmetric tensor of such numbers.
    """
    if isinstance(strain, float | int):
        _check(strain)
        return replace(crystal, cell=(1.0 + strain) * crystal.cell)
    tensor = np.asarray(strain, dtype=np.float64)
    if tensor.ndim == 0:
        return strained(crystal, float(tensor))
    if tensor.shape != (3, 3) or not np.abs(tensor - tensor.T).max() < SYMMETRIC:
        raise ConfigError(
            f"a strain tensor of shape {tensor.shape} that is not symmetric",
            "an antisymmetric part turns the crystal and strains nothing",
            "give a number, or a symmetric tensor of three by three",
        )
    for value in np.linalg.eigvalsh(tensor):
        _check(float(value))
    return replace(crystal, cell=crystal.cell @ (np.eye(3) + tensor))


def linear_strain(tensor: FloatArray) -> float:
    """Return the isotropic strain of equal size as a symmetric (3, 3) tensor, with a sign.

    The root of the mean of its squared eigenvalues; negative where the volume falls.
    """
    size = float(np.sqrt((tensor * tensor).sum() / 3.0))
    return -size if np.trace(tensor) < -SYMMETRIC else size


def _check(strain: float) -> None:
    if not abs(strain) <= LARGEST_STRAIN:
        raise ConfigError(
            f"a strain of {strain:g}",
            f"linear strains within {LARGEST_STRAIN:g} of zero make sense of a crystal",
            "write for example -e -0.03:0.03:0.01",
        )


@dataclass(frozen=True)
class Gruneisen:
    """Grueneisen parameters, -d ln w / d ln V at zero strain.

    Attributes
    ----------
    mode_average
        Of the mean over all modes, -d <ln w> / d ln V: the average of the modes' own parameters.
    mean_frequency
        Of the mean frequency.
    """

    mode_average: float
    mean_frequency: float


def gruneisen(
    strains: Sequence[float], omega_log: Sequence[float], mean_frequency: Sequence[float]
) -> Gruneisen:
    """Return Grueneisen parameters from frequencies at several strains.

    ln w is fitted by a polynomial in ln V of second degree (first, where there are only two
    strains); its slope at V0 is -gamma. The mean of ln w does not depend on which mode is which,
    so crossing branches do no harm.

    Parameters
    ----------
    strains
        Linear strains e, two or more different ones.
    omega_log, mean_frequency
        exp <ln w> and <w> over the modes with real frequencies [cm^-1].

    Raises
    ------
    ConfigError
        If there are fewer than two different strains (by 1e-6), or one is out of range.
    """
    e = np.asarray(strains, dtype=np.float64)
    for strain in strains:
        _check(strain)
    different = len(np.unique(np.round(e, 6)))
    if different < 2:
        raise ConfigError(
            "one strain gives no slope",
            "the Grueneisen parameter compares frequencies at different volumes",
            "write for example -e -0.02:0.02:0.01",
        )
    volume = 3.0 * np.log1p(e)
    degree = min(2, different - 1)

    def slope(values: Sequence[float]) -> float:
        return float(np.polyfit(volume, np.log(np.asarray(values)), degree)[-2])

    return Gruneisen(-slope(omega_log), -slope(mean_frequency))


def mode_gammas(matrices: NDArray[np.complex128], changes: NDArray[np.complex128]) -> FloatArray:
    """Return (m, 3n) Grueneisen parameters of single modes, in the order of rising frequency.

    First-order perturbation theory, gamma = -<e|dD/d ln V|e> / (2 w^2), with the eigenvectors e of
    the unstrained crystal: no branch has to be followed to another volume, so crossings do no
    harm. Among modes of one frequency those that the strain itself tells apart are taken.

    Parameters
    ----------
    matrices
        (m, 3n, 3n) dynamical matrices D at fractional wave vectors.
    changes
        (m, 3n, 3n) dD/d ln V at the same fractional wave vectors, in any phase convention whose
        phases do not change with the cell.

    Returns
    -------
    NaN where w^2 is not above zero: modes that are imaginary, and the acoustic ones at Gamma.
    """
    squares, vectors = np.linalg.eigh(matrices)
    found = np.full(squares.shape, np.nan)
    for k, (square, vector, change) in enumerate(zip(squares, vectors, changes, strict=True)):
        size = float(np.abs(square).max())
        for modes in _alike(square, DEGENERATE * size):
            part = vector[:, modes]
            slopes = np.linalg.eigvalsh(part.conj().T @ change @ part)
            level = float(square[modes].mean())
            if level > DEGENERATE * size:
                found[k, modes] = np.sort(-slopes / (2.0 * level))
    return found


def _alike(values: FloatArray, tolerance: float) -> list[NDArray[np.int64]]:
    """Return the numbers of rising values in runs whose neighbours differ by less."""
    cuts = np.flatnonzero(np.diff(values) > tolerance) + 1
    return np.split(np.arange(len(values)), cuts)
