"""The limits within which Born charges and dielectric tensors are believed."""

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.infrared import SOFTEST
from phonodos.physics.space_group import SpaceGroup

LARGEST_BORN_CHARGE = 12.0  # [e]
LARGEST_DIELECTRIC = 60.0  # mean of the diagonal; beyond it the gap has closed in the calculation
FRAME_TOLERANCE = 0.06  # [e], what the space group may move
AT_GAMMA = 1e-6  # fractional
NEUTRALITY_BREAK = 0.2  # [e], largest sum of Born charges over the cell (the flag of dfpt2018)


def sound_born_charges(charges: NDArray[np.float64]) -> bool:
    """Return whether no entry of (n, 3, 3) Born charges is larger than any ion's [e]."""
    return bool(np.abs(charges).max() <= LARGEST_BORN_CHARGE)


def sound_dielectric(tensor: NDArray[np.float64]) -> bool:
    """Return whether a (3, 3) tensor is an insulator's: in a metal nothing splits LO from TO."""
    smallest = np.linalg.eigvalsh((tensor + tensor.T) / 2.0)[0]
    return bool(np.trace(tensor) / 3.0 <= LARGEST_DIELECTRIC and smallest > 1.0)


def soft_at_gamma(qpoints: NDArray[np.float64], frequencies: NDArray[np.float64]) -> bool:
    """Return whether bands have an optic mode at Gamma that is imaginary or near zero.

    Without a point at Gamma nothing is known to be soft. The acoustic modes are the three nearest
    to zero.

    Parameters
    ----------
    qpoints, frequencies
        (m, 3) fractional, (m, 3n) [cm^-1], imaginary negative.
    """
    found = frequencies[np.abs(qpoints).max(axis=1) < AT_GAMMA]
    order = np.argsort(np.abs(found), axis=1)[:, 3:]
    return bool((np.take_along_axis(found, order, axis=1) < SOFTEST).any())


def breaks_neutrality(charges: NDArray[np.float64]) -> bool:
    """Return whether (n, 3, 3) Born charges [e] add up to more than a cell of an insulator has."""
    return bool(np.abs(charges.sum(axis=0)).max() > NEUTRALITY_BREAK)


def asymmetry(
    group: SpaceGroup,
    cell: NDArray[np.float64],
    charges: NDArray[np.float64],
    dielectric: NDArray[np.float64],
) -> float:
    """Return how much an operation moves Born charges [e] or eps (by its mean) at most.

    Parameters
    ----------
    group
        The space group with its permutations.
    cell
        (3, 3) lattice vectors as rows [A].
    charges, dielectric
        (n, 3, 3) [e] and (3, 3), in the frame of the cell.
    """
    worst = 0.0
    assert group.permutations is not None
    for turn, images in zip(group.cartesian(cell), group.permutations, strict=True):
        moved = np.abs(turn @ charges @ turn.T - charges[images]).max()
        screening = np.abs(turn @ dielectric @ turn.T - dielectric).max()
        worst = max(worst, float(moved), float(3.0 * screening / np.trace(dielectric)))
    return worst
