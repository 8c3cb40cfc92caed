"""`PlaneWaves`: exp(i G.tau) of reciprocal lattice vectors G and atoms at tau, as products.

Every wave is a product of powers of exp(i b.tau), with the three vectors b of the reciprocal basis:
four times quicker than as many cosines and sines. Tables of these powers are small, so waves of a
large cell need not be kept: they are made when a few terms of a sum are looked at.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, library_of

FEW = 2**16  # waves at atoms that may be kept: with their three coordinates 3 MB


@dataclass(frozen=True, eq=False)
class PlaneWaves:
    """The waves of one crystal, in NumPy.

    Attributes
    ----------
    powers
        Three tables (2 m + 1, n): powers -m to m of exp(i b.tau), one table a vector b.
    steps
        (G, 3) rows of these tables whose products are the waves.
    """

    powers: tuple[NDArray[np.complex128], ...]
    steps: NDArray[np.int64]

    @classmethod
    def of(
        cls, vectors: NDArray[np.float64], positions: NDArray[np.float64], cell: NDArray[np.float64]
    ) -> "PlaneWaves":
        """Return those of (G, 3) reciprocal lattice vectors [1/A] and (n, 3) positions [A]."""
        turns = 2j * np.pi * positions @ np.linalg.inv(cell)
        whole = np.rint(vectors @ cell.T / (2.0 * np.pi)).astype(np.int64)
        most = np.abs(whole).max(axis=0, initial=0)
        powers = tuple(
            np.exp(np.arange(-m, m + 1)[:, None] * turns[:, axis]) for axis, m in enumerate(most)
        )
        return cls(powers, whole + most)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of vectors and of atoms."""
        return len(self.steps), int(self.powers[0].shape[1])

    @property
    def are_few(self) -> bool:
        """Whether what is made of them may be kept."""
        return int(np.prod(self.shape)) <= FEW

    def at(self, terms: NDArray[np.int64] | slice) -> NDArray[np.complex128]:
        """Return (g, n) waves of some of the vectors."""
        first, second, third = (
            table.take(steps, axis=0)
            for table, steps in zip(self.powers, self.steps[terms].T, strict=True)
        )
        first *= second
        first *= third
        return np.asarray(first)

    def parts(self, terms: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Return (2, g, n) cosines and sines of some of the vectors."""
        waves = self.at(terms)
        return np.stack([waves.real, waves.imag])


def plane_waves(vectors: Array, positions: Array, cells: Array) -> tuple[Array, Array]:
    """Return (C, G, N) cosines and sines of G.tau of (C, G, 3) reciprocal lattice vectors [1/A].

    Parameters
    ----------
    positions, cells
        (C, N, 3) and (C, 3, 3) [A], of NumPy or of torch.
    """
    if not isinstance(vectors, np.ndarray):
        lib, angles = library_of(vectors), vectors @ positions.swapaxes(1, 2)
        return lib.cos(angles), lib.sin(angles)
    found = np.empty((2, *vectors.shape[:2], positions.shape[1]))
    for k, each in enumerate(zip(vectors, positions, cells, strict=True)):
        waves = PlaneWaves.of(*each).at(slice(None))
        found[0, k], found[1, k] = waves.real, waves.imag
    return found[0], found[1]
