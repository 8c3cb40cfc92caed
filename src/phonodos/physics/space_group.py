"""`SpaceGroup`: symmetry operations, what they do to atoms and tensors; found by spglib."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IDENTITY = np.eye(3)
METRIC_TOLERANCE = 0.01  # relative; a cell that an operation deforms by more does not fit the group


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """Operations x' = R x + t on fractional coordinates (columns).

    Parameters
    ----------
    rotations
        (m, 3, 3) R.
    translations
        (m, 3) t.
    permutations
        (m, n) the atom that an operation maps every atom onto; None where no atoms are known.
    """

    rotations: NDArray[Any]
    translations: NDArray[np.float64]
    permutations: NDArray[np.int64] | None = field(default=None, kw_only=True)

    def fit(self, cell: NDArray[np.float64]) -> bool:
        """Return whether every rotation leaves the lengths and angles of the cell as they are."""
        if len(self.rotations) == 1 and (self.rotations[0] == IDENTITY).all():
            return True
        metric = cell @ cell.T
        rotated = np.einsum("mji,jk,mkl->mil", self.rotations, metric, self.rotations)
        return bool(np.abs(rotated - metric).max() <= METRIC_TOLERANCE * np.trace(metric))

    def cartesian(self, cell: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (m, 3, 3) rotations of Cartesian vectors; lattice vectors are rows [A]."""
        turned: NDArray[np.float64] = cell.T @ self.rotations @ np.linalg.inv(cell.T)
        return turned

    def average(
        self, tensors: NDArray[np.float64], cell: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return Cartesian tensors averaged over the group: (..., n, 3, 3) of atoms, or one (3, 3).

        Raises
        ------
        ValueError
            If there are tensors of atoms and the group knows none.
        """
        turns = self.cartesian(cell)
        turned = np.einsum("mab,...bc,mdc->m...ad", turns, tensors, turns)
        if tensors.ndim > 2:
            if self.permutations is None:
                raise ValueError("the group does not know what becomes of the atoms")
            moved = np.empty_like(turned)
            several = (1,) * (tensors.ndim - 3)
            place = self.permutations.reshape(-1, *several, tensors.shape[-3], 1, 1)
            np.put_along_axis(moved, place, turned, axis=-3)
            turned = moved
        mean: NDArray[np.float64] = turned.mean(axis=0)
        return mean


def find_space_group(
    cell: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    kinds: Sequence[int],
    symprec: float,
) -> SpaceGroup:
    """Return the space group of a crystal, atoms permuted; the identity alone if none is found.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    frac_coords, kinds
        (n, 3) and (n,): atoms are alike if their kinds are the same.
    symprec
        Tolerance of the search [A].
    """
    return group_of(symmetry_of(cell, frac_coords, kinds, symprec), cell, frac_coords)


def group_of(found: Any, cell: NDArray[np.float64], frac_coords: NDArray[np.float64]) -> SpaceGroup:
    """Return the space group in spglib's data set of a crystal; the identity alone for None."""
    n = len(frac_coords)
    if found is None:
        return SpaceGroup(np.eye(3)[None], np.zeros((1, 3)), permutations=np.arange(n)[None])
    moved = frac_coords @ found.rotations.transpose(0, 2, 1) + found.translations[:, None]
    apart = moved[:, :, None] - frac_coords
    apart -= np.rint(apart)
    images = np.argmin(np.linalg.norm(apart @ cell, axis=-1), axis=2)
    whole = [len(set(image)) == n for image in images.tolist()]
    return SpaceGroup(found.rotations[whole], found.translations[whole], permutations=images[whole])


def symmetry_of(
    cell: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    kinds: Sequence[int],
    symprec: float,
) -> Any:
    """Return spglib's data set, None where it finds nothing; arguments as in `find_space_group`."""
    import spglib

    try:
        return spglib.get_symmetry_dataset((cell, frac_coords, kinds), symprec=symprec)
    except getattr(spglib, "SpglibError", RuntimeError):  # the class is newer than our lower bound
        return None
