"""`BondSums`: the short-range part of the dynamical matrix of one crystal, pair of atoms by pair."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import sums_at
from phonodos.model.harmonic import HarmonicCrystals

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BondSums:
    """Bonds of pairs of atoms i <= j, and on-site terms, which are bonds of length zero.

    Pairs have as many places as the one with most bonds: sums over them are products of small
    matrices. Empty places hold constants of zero.

    Attributes
    ----------
    pairs
        (2, p) atoms i and j.
    vectors
        (3, p k) r_ij [A].
    constants
        (p, k, 9) Phi_ij over the roots of the masses [eV/(A^2 amu)].
    n_atoms
        Of the crystal.
    """

    pairs: NDArray[np.int64]
    vectors: Array
    constants: Array
    n_atoms: int

    @classmethod
    def of(cls, harmonic: HarmonicCrystals, site: Array) -> "BondSums":
        """Return those of what `dynamics.settled` returned for one crystal, in NumPy."""
        n = harmonic.n_atoms
        first, second, vectors = harmonic.firsts, harmonic.seconds, harmonic.vectors
        constants = harmonic.force_constants
        turned = first > second
        itself = np.flatnonzero(first == second)  # is known from its other end too
        atoms, local = np.arange(n), np.zeros((n, 3))
        i = np.concatenate([np.minimum(first, second), first[itself], atoms])
        j = np.concatenate([np.maximum(first, second), first[itself], atoms])
        vectors = np.concatenate(
            [np.where(turned[:, None], -vectors, vectors), -vectors[itself], local]
        )
        other = constants.swapaxes(1, 2)
        constants = np.concatenate(
            [np.where(turned[:, None, None], other, constants), other[itself], -site[0]]
        )
        root = harmonic.masses[0] ** -0.5
        constants = (constants * (root[i] * root[j])[:, None, None]).reshape(-1, 9)
        key = i * n + j
        order = np.argsort(key, kind="stable")
        start = np.flatnonzero(np.diff(key[order], prepend=-1))
        counts = np.diff(start, append=len(order))
        owner = np.repeat(np.arange(len(start)), counts)
        slot = np.arange(len(order)) - start[owner]
        count, most = len(start), int(counts.max())
        places = np.zeros((count, most, 9))
        places[owner, slot] = constants[order]
        along = np.zeros((count, most, 3))
        along[owner, slot] = vectors[order]
        pairs = np.stack([i[order[start]], j[order[start]]])
        return cls(pairs, np.ascontiguousarray(along.reshape(-1, 3).T), places, n)

    def picked(self, kept: NDArray[np.bool_]) -> "BondSums":
        """Return the sums of some of the pairs."""
        vectors = self.vectors.reshape(3, len(kept), -1)[:, kept].reshape(3, -1)
        return BondSums(self.pairs[:, kept], vectors, self.constants[kept], self.n_atoms)

    @property
    def n_values(self) -> int:
        """How many sums there are of each wave vector, with the zero at the end."""
        return 9 * self.pairs.shape[1] + 1

    def by_pair(self, q: Array) -> Array:
        """Return (p, 2 q, 9) sums of the constants times cos q.r, then times sin q.r.

        q are (q, 3) Cartesian [1/A].
        """
        count, most, _ = self.constants.shape
        angles = q @ self.vectors
        waves = np.empty((2, *angles.shape))
        np.cos(angles, out=waves[0])
        np.sin(angles, out=waves[1])
        return np.asarray(waves.reshape(2 * len(q), count, most).swapaxes(0, 1) @ self.constants)

    def values(self, q: Array) -> Array:
        """Return (2, q, 9 p + 1) the same for each q, and a zero: what `places` names."""
        sums = self.by_pair(q).swapaxes(0, 1)
        found = np.zeros((len(sums), self.n_values))
        found[:, :-1].reshape(sums.shape)[...] = sums
        return found.reshape(2, len(q), -1)

    def pulls(self, q: Array, shares: Array) -> NDArray[np.complex128]:
        """Return (q, 3n, 3) matrices times (n,) shares: D_ij summed over j with those of j."""
        i, j = self.pairs
        sums = self.by_pair(q).reshape(len(i), 2, -1, 3, 3)
        found = np.zeros((self.n_atoms, *sums.shape[1:]))
        there = sums * shares[j, None, None, None, None]
        start = np.flatnonzero(np.diff(i, prepend=-1))  # pairs are in the order of i, then of j
        found[i[start]] = np.add.reduceat(there, start, axis=0)
        back = sums.swapaxes(3, 4) * np.where(i < j, shares[i], 0.0)[:, None, None, None, None]
        back[:, 1] *= -1.0
        found += sums_at(self.n_atoms, j, back)
        real, imaginary = found.transpose(1, 2, 0, 3, 4).reshape(2, len(q), -1, 3)
        return np.asarray(real + 1j * imaginary)

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
        n = len(blocks)
        known = blocks < self.pairs.shape[1]
        first = (9 * blocks + more)[:, None, :, None]
        across = np.arange(3)
        # Transposed, an element lies a by 3 b, not 3 a by b: where there are none, at the zero.
        row = np.where(known, np.where(turned, 1, 3), 0)[:, None, :, None]
        column = np.where(known, np.where(turned, 3, 1), 0)[:, None, :, None]
        found = first + row * across[:, None, None] + column * across
        return np.asarray(found.reshape(3 * n, 3 * n))

    @cached_property
    def signs(self) -> Array:
        """(3n, 3n) -1 where i > j, else 1: of the imaginary elements."""
        below = np.tri(self.n_atoms, k=-1)
        return np.asarray(np.kron(1.0 - 2.0 * below, np.ones((3, 3))))
