"""The space group of a phonopy calculation: what it does to tensors, atoms and wave vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.phonopy.calculation import PhonopyCalculation


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """Symmetry operations of a primitive cell.

    Parameters
    ----------
    rotations
        (m, 3, 3) integers that act on fractional coordinates as columns.
    cartesian
        (m, 3, 3) the same for Cartesian vectors.
    images
        (m, n) the atom that an atom is mapped onto.
    """

    rotations: NDArray[np.int64]
    cartesian: NDArray[np.float64]
    images: NDArray[np.int64]


def space_group(calculation: PhonopyCalculation) -> SpaceGroup:
    """Return the operations that phonopy (spglib) found."""
    operations = calculation.phonon.primitive_symmetry.symmetry_operations
    rotations = np.array(operations["rotations"], dtype=np.int64)
    coords, basis = calculation.crystal.frac_coords, calculation.crystal.cell.T
    images = []
    for rotation, shift in zip(rotations, operations["translations"], strict=True):
        apart = (coords @ rotation.T + shift)[:, None] - coords[None]
        images.append(np.abs(apart - np.rint(apart)).max(axis=2).argmin(axis=1))
    return SpaceGroup(rotations, basis @ rotations @ np.linalg.inv(basis), np.array(images))


def asymmetry(
    group: SpaceGroup, born_charges: NDArray[np.float64], dielectric: NDArray[np.float64]
) -> float:
    """Return how much the group moves Born charges [e] or eps (by its mean) at most."""
    worst = 0.0
    for turn, images in zip(group.cartesian, group.images, strict=True):
        charges = np.abs(turn @ born_charges @ turn.T - born_charges[images]).max()
        screening = np.abs(turn @ dielectric @ turn.T - dielectric).max()
        worst = max(worst, float(charges), float(3.0 * screening / np.trace(dielectric)))
    return worst
