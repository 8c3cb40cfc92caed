"""The asymmetric unit: one atom of every orbit of the space group, and what makes the others.

What is computed of the atoms of a unit alone is known of all: symmetry takes it to the others. Only
symmetry that a crystal has to within `EXACT` counts, a thirtieth of the tolerance of a symmetry
search: what it leaves out would be seen in frequencies.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, symmetry_dataset
from phonodos.physics.space_group import SpaceGroup

EXACT = 3e-5  # [A], how far an atom may be from where symmetry puts it
DEFORMED = 5e-6  # by how much a rotation may change lengths, relative


@dataclass(frozen=True, eq=False)
class AsymmetricUnit:
    """Atoms of which symmetry makes all atoms of a crystal.

    Attributes
    ----------
    atoms
        (k,) the first atom of every orbit, ascending.
    places
        (n,) which of these every atom is an image of.
    operations
        (n,) which operation of `group` makes it of that.
    group
        The operations that are needed, with what they do to all atoms.
    turns
        (m, 3, 3) the same as rotations of Cartesian vectors.
    shifts
        (m, n, 3) lattice translations S, whole numbers: an operation puts atom i where its image
        of the cell is, moved by S.
    """

    atoms: NDArray[np.int64]
    places: NDArray[np.int64]
    operations: NDArray[np.int64]
    group: SpaceGroup
    turns: NDArray[np.float64]
    shifts: NDArray[np.float64]

    @cached_property
    def sources(self) -> NDArray[np.int64]:
        """(m, n) the atom that an operation maps onto every atom."""
        assert self.group.permutations is not None
        return np.argsort(self.group.permutations, axis=1)

    @cached_property
    def inverses(self) -> NDArray[np.float64]:
        """(m, 3, 3) inverse rotations of fractional coordinates, whole numbers."""
        return np.rint(np.linalg.inv(self.group.rotations.astype(np.float64)))

    def carried_back(
        self, first: NDArray[np.int64], second: NDArray[np.int64], images: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of atoms as seen from the unit: far ends (m,) and their images (m, 3).

        Parameters
        ----------
        first, second, images
            (m,) and (m, 3): atom i, and atom j moved by a lattice translation S. What made i of
            an atom of the unit is undone for both.
        """
        number, home = self.operations[first], self.atoms[self.places[first]]
        far = self.sources[number, second]
        moved = images - self.shifts[number, far] + self.shifts[number, home]
        # Whole numbers in floating point: products of integers have no fast way.
        found = (self.inverses[number] @ moved[:, :, None])[:, :, 0]
        return far, np.rint(found).astype(np.int64)


def asymmetric_unit(crystal: Crystal, tolerance: float = EXACT) -> AsymmetricUnit | None:
    """Return the asymmetric unit of a crystal; None if symmetry makes no atom of another.

    None too where symmetry is broken by more than the tolerance. Sites are alike if they hold the
    same elements in the same fractions.

    Parameters
    ----------
    crystal
        The crystal.
    tolerance
        How far an atom may be from where symmetry puts it [A].
    """
    dataset: Any = symmetry_dataset(crystal, SYMMETRY_TOLERANCE)
    if dataset is None or len(dataset.rotations) == 1:
        return None
    atoms, places = np.unique(dataset.equivalent_atoms, return_inverse=True)
    if len(atoms) == crystal.n_atoms:
        return None
    coords = crystal.frac_coords
    made = coords[atoms] @ dataset.rotations.transpose(0, 2, 1) + dataset.translations[:, None]
    near = _distances(made[:, places] - coords, crystal.cell) < tolerance
    if not near.any(axis=0).all():
        return None
    needed, operations = np.unique(near.argmax(axis=0), return_inverse=True)
    rotations, translations = dataset.rotations[needed], dataset.translations[needed]
    moved = coords @ rotations.transpose(0, 2, 1) + translations[:, None]
    images = _images(moved, coords, crystal.cell, places, tolerance)
    if images is None:
        return None
    group = SpaceGroup(rotations, translations, permutations=images)
    turns = group.cartesian(crystal.cell)
    if np.abs(turns @ turns.swapaxes(1, 2) - np.eye(3)).max() > DEFORMED:
        return None
    shifts = np.rint(moved - coords[images])
    return AsymmetricUnit(atoms.astype(np.int64), places, operations, group, turns, shifts)


def _distances(apart: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (...) lengths [A] of fractional differences (..., 3), lattice vectors left out."""
    return np.asarray(np.linalg.norm((apart - np.rint(apart)) @ cell, axis=-1))


def _images(
    moved: NDArray[np.float64], coords: NDArray[np.float64], cell: NDArray[np.float64],
    places: NDArray[np.int64], tolerance: float,
) -> NDArray[np.int64] | None:  # fmt: skip
    """Return (m, n) atoms that lie where operations move every atom; None if one lies nowhere.

    They are sought in the atom's own orbit, for orbits of one size together.
    """
    found = np.empty(moved.shape[:2], dtype=np.int64)
    members = np.split(np.argsort(places, kind="stable"), np.cumsum(np.bincount(places))[:-1])
    sizes = np.array([len(orbit) for orbit in members])
    for size in np.unique(sizes):
        alike = np.stack([members[k] for k in np.flatnonzero(sizes == size)])
        apart = _distances(moved[:, alike][:, :, :, None] - coords[alike][:, None], cell)
        nearest = apart.argmin(axis=3)
        if np.take_along_axis(apart, nearest[..., None], 3).max() > tolerance:
            return None
        found[:, alike] = np.take_along_axis(alike[None, :, None], nearest[..., None], 3)[..., 0]
    return found
