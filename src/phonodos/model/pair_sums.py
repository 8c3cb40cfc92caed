"""`BondSums`: the short-range part of the dynamical matrix of a crystal, pair by pair of atoms."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phonodos.model.harmonic import HarmonicCrystals

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BondTable:
    """Bonds in rows, as many places in each as the longest has: sums are small products.

    Attributes
    ----------
    vectors
        (3, r k) vectors of the bonds [A].
    constants
        (r, k, 9) what is summed; zero in empty places.
    """

    vectors: Array
    constants: Array

    @classmethod
    def of(
        cls, keys: NDArray[np.int64], vectors: Array, constants: Array
    ) -> tuple[NDArray[np.int64], "BondTable"]:
        """Return the keys of the rows, rising, and the table of bonds with these keys."""
        order = np.argsort(keys, kind="stable")
        start = np.flatnonzero(np.diff(keys[order], prepend=-1))
        counts = np.diff(start, append=len(order))
        most = int(counts.max())
        slots = np.arange(len(order)) + np.repeat(np.arange(len(start)) * most - start, counts)
        places = np.zeros((len(start) * most, 9))
        places[slots] = constants[order].reshape(-1, 9)
        along = np.zeros((3, len(start) * most))
        along[:, slots] = vectors[order].T
        return keys[order[start]], cls(along, places.reshape(len(start), most, 9))

    def sums(self, q: Array) -> Array:
        """Return (r, 2 q, 9) sums of the constants times cos q.r, then times sin q.r.

        q are (q, 3) Cartesian [1/A].
        """
        rows, most, _ = self.constants.shape
        angles = q @ self.vectors
        waves = np.empty((2, *angles.shape))
        np.cos(angles, out=waves[0])
        np.sin(angles, out=waves[1])
        return np.asarray(waves.reshape(2 * len(q), rows, most).swapaxes(0, 1) @ self.constants)


@dataclass(frozen=True, eq=False)
class BondSums:
    """Bonds of pairs of atoms i <= j, and on-site terms, which are bonds of length zero.

    Attributes
    ----------
    pairs
        (2, p) atoms i and j.
    table
        (p rows) r_ij and Phi_ij over the roots of the masses [eV/(A^2 amu)].
    n_atoms
        Of the crystal.
    """

    pairs: NDArray[np.int64]
    table: BondTable
    n_atoms: int

    @classmethod
    def of(cls, harmonic: HarmonicCrystals, site: Array) -> "BondSums":
        """Return those of what `dynamics.settled` returned for one crystal, in NumPy."""
        n = harmonic.n_atoms
        i, j, vectors, constants = bonds_of(harmonic, site)
        turned = i > j
        vectors = np.where(turned[:, None], -vectors, vectors)
        constants = np.where(turned[:, None, None], constants.swapaxes(1, 2), constants)
        itself = np.flatnonzero((i == j) & (vectors != 0.0).any(axis=1))  # known from one end
        low, high = (np.concatenate([x, i[itself]]) for x in (np.minimum(i, j), np.maximum(i, j)))
        keys, table = BondTable.of(
            low * n + high,
            np.concatenate([vectors, -vectors[itself]]),
            np.concatenate([constants, constants[itself].swapaxes(1, 2)]),
        )
        return cls(np.stack(np.divmod(keys, n)), table, n)

    @property
    def n_values(self) -> int:
        """How many sums there are of each wave vector, with the zero at the end."""
        return 9 * int(self.pairs.shape[1]) + 1

    def picked(self, kept: NDArray[np.bool_]) -> "BondSums":
        """Return the sums of some of the pairs."""
        vectors = self.table.vectors.reshape(3, len(kept), -1)[:, kept].reshape(3, -1)
        return BondSums(
            self.pairs[:, kept], BondTable(vectors, self.table.constants[kept]), self.n_atoms
        )

    def values(self, q: Array) -> Array:
        """Return (2, q, 9 p + 1) sums with cosines and with sines, and a zero: see `places`."""
        sums = self.table.sums(q).swapaxes(0, 1)
        found = np.zeros((len(sums), self.n_values))
        found[:, :-1].reshape(sums.shape)[...] = sums
        return found.reshape(2, len(q), -1)

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """(n, n) number of every pair of atoms, of i and j as of j and i; p where there is none."""
        found = np.full((self.n_atoms, self.n_atoms), self.pairs.shape[1])
        i, j = self.pairs
        found[i, j] = found[j, i] = np.arange(len(i))
        return found

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """(3n, 3n) which of `values` each element of a matrix is; with i > j it is of j and i."""
        return self.elements(self.blocks, np.tri(self.n_atoms, k=-1, dtype=bool))

    def elements(
        self,
        blocks: NDArray[np.int64],
        turned: NDArray[np.bool_],
        more: int | NDArray[np.int64] = 0,
    ) -> NDArray[np.int64]:
        """Return (3n, 3n) elements of (n, n) `blocks`, some of them transposed, plus a number."""
        n, across = len(blocks), np.arange(3)
        known = blocks < self.pairs.shape[1]
        # Transposed, an element lies a by 3 b, not 3 a by b: where there are none, at the zero.
        down = np.repeat(np.where(turned, 1, 3) * known, 3, axis=1)
        right = np.repeat(np.where(turned, 3, 1) * known, 3, axis=1) * np.tile(across, n)
        right += np.repeat(9 * blocks + more, 3, axis=1)
        found = right[:, None] + down[:, None] * across[:, None]
        return np.asarray(found.reshape(3 * n, 3 * n))

    @cached_property
    def signs(self) -> NDArray[np.int8]:
        """(3n, 3n) -1 where i > j, else 1: of the imaginary elements."""
        signs = 1 - 2 * np.tri(self.n_atoms, k=-1, dtype=np.int8)
        return np.repeat(np.repeat(signs, 3, axis=0), 3, axis=1)


def bonds_of(
    harmonic: HarmonicCrystals, site: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]:
    """Return (b + n,) atoms i and j, (b + n, 3) r_ij [A] and (b + n, 3, 3) Phi_ij over the roots of
    the masses of all bonds of one crystal, each once, and of its on-site terms after them.
    """
    n, root = harmonic.n_atoms, harmonic.masses[0] ** -0.5
    i, j = (np.concatenate([x, np.arange(n)]) for x in (harmonic.firsts, harmonic.seconds))
    constants = np.concatenate([harmonic.force_constants, -site[0]])
    vectors = np.concatenate([harmonic.vectors, np.zeros((n, 3))])
    return i, j, vectors, constants * (root[i] * root[j])[:, None, None]


def bond_pulls(
    harmonic: HarmonicCrystals, site: Array, q: Array, shares: Array
) -> NDArray[np.complex128]:
    """Return (q, 3n, 3) short-range matrices times (n,) shares of atoms: sum_j D_ij shares_j."""
    i, j, vectors, constants = bonds_of(harmonic, site)
    bonds = slice(0, len(harmonic.firsts))  # from their other ends too
    both = constants * shares[j, None, None]
    back = constants[bonds].swapaxes(1, 2) * shares[i[bonds], None, None]
    _, table = BondTable.of(
        np.concatenate([i, j[bonds]]),
        np.concatenate([vectors, -vectors[bonds]]),
        np.concatenate([both, back]),
    )
    found = table.sums(q).reshape(-1, 2, len(q), 3, 3).transpose(1, 2, 0, 3, 4)
    real, imaginary = found.reshape(2, len(q), -1, 3)
    return np.asarray(real + 1j * imaginary)
