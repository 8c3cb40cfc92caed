"""`LatticeSums`: the dynamical matrices of one crystal in NumPy, one wave vector after the other.

The same sums as in `dynamics`, which takes all wave vectors of many crystals at once, as torch's
gradients need. Here what does not depend on the wave vector is prepared once, terms of the dipole
sum that are nothing at a wave vector are left out there, and only blocks of atoms with a bond are
touched: large cells have few.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import sums_at
from phonodos.model.dynamics import dipole_weights, reciprocal_vectors
from phonodos.model.harmonic import HarmonicCrystals

Array = NDArray[np.float64]
CHUNK = 2**17  # numbers summed at a time: they stay in the cache
ITSELF = 1e-9  # fractions by which q may miss its opposite, moved by a reciprocal lattice vector
_ASKEW = np.array([1.0, 0.1 * 2.0**0.5, 0.01 * 3.0**0.5])  # at a right angle to none of those
TERMS = 256  # of the dipole sum whose products with all coordinates are held at once
SEVERAL = 64  # wave vectors so small that dipole terms are summed of as many at a time, or more


@dataclass(frozen=True, eq=False)
class LatticeSums:
    """What the dynamical matrices of a crystal are summed from.

    Attributes
    ----------
    harmonic, site
        What `dynamics.settled` returned for one crystal, in NumPy.
    reach
        (k, 3) Cartesian wave vectors [1/A]: no other one that is asked for is longer than all.
    """

    harmonic: HarmonicCrystals
    site: Array
    reach: Array

    def matrices(self, q: Array) -> NDArray[np.complex128]:
        """Return (q, 3n, 3n) dynamical matrices [eV/(A^2 amu)] of (q, 3) Cartesian q [1/A]."""
        size = 3 * self.harmonic.n_atoms
        found = np.empty((len(q), size, size), dtype=np.complex128)
        self._put_dipoles(q, found)
        self._add_bonds(q, found)
        return found

    def pulls(self, waves: Array) -> NDArray[np.complex128]:
        """Return (q, 3n, 3) dynamical matrices of (q, 3) waves [1/A] times rigid translations.

        Without the matrices: it costs next to nothing. Translations are of length 1.
        """
        n = self.harmonic.n_atoms
        shares = np.sqrt(self.harmonic.masses[0] / self.harmonic.masses[0].sum())
        found = self._field_pulls(waves, shares)
        *_, starts, places = self._bonds
        first, second = (x.reshape(-1, 9)[:, 0] // (9 * n) for x in places)  # atoms of the pairs
        pairs = self._pair_sums(waves).reshape(len(starts), len(waves), 3, 3)
        back = pairs.conj().swapaxes(2, 3)
        for one, other, pull in ((second, first, back), (first, second, pairs)):
            pull *= shares[other, None, None, None]
            found += sums_at(n, one, pull).swapaxes(0, 1).reshape(found.shape)
        return found

    def _field_pulls(self, q: Array, shares: Array) -> NDArray[np.complex128]:
        """Return the part of the dipole term in `pulls`."""
        count, n = len(q), len(shares)
        rigid = np.kron(shares[:, None], np.eye(3))
        moved = (q @ self._born)[:, :, None]
        weights = (self._weights(q) ** 2).T[:, :, None]
        right = (moved * rigid).reshape(count, n, 3, 3).sum(axis=2).swapaxes(0, 1).reshape(n, -1)
        found = np.zeros((2, 2, count, 3 * n, 3))
        # Rows of B are w (W + c Z.q), W = c Z.G; all wave vectors are taken in one product.
        for first in range(0, len(self._vectors), TERMS):
            some = slice(first, first + TERMS)
            waves = self._waves[:, some]
            whole = _charged(waves, self._vectors[some] @ self._born)
            along = (waves @ right).reshape(2, -1, count, 3) + (whole @ rigid)[:, :, None]
            along *= weights[some]
            both = np.concatenate(along.reshape(2, -1, 3 * count), axis=1)
            for part, w, c in zip(found, whole, waves, strict=True):
                alone = (w.T @ both).reshape(3 * n, 2, count, 3)
                with_q = np.repeat((c.T @ both).reshape(n, 2, count, 3), 3, axis=0)
                part += alone.transpose(1, 2, 0, 3) + moved * with_q.transpose(1, 2, 0, 3)
        (aa, ab), (ba, bb) = found
        return np.asarray(aa + bb + 1j * (ba - ab))

    @cached_property
    def _root(self) -> Array:
        """(3n,) one over the root of the mass of every coordinate [amu^-1/2]."""
        return np.repeat(np.asarray(self.harmonic.masses[0]) ** -0.5, 3)

    @cached_property
    def _vectors(self) -> Array:
        if not self.harmonic.born.any():
            return np.zeros((0, 3))
        return np.asarray(reciprocal_vectors(self.harmonic, self.reach[None])[0][0])

    @cached_property
    def _waves(self) -> Array:
        """(2, G, n) cosines and sines of G.tau.

        One an atom, not one a coordinate: for large cells this is most of what is kept.
        """
        angles = self._vectors @ self.harmonic.positions[0].T
        return np.stack([np.cos(angles), np.sin(angles)])

    @cached_property
    def _born(self) -> Array:
        """(3, 3n) Born charges, masses included."""
        return np.asarray(self.harmonic.born[0]).swapaxes(0, 1).reshape(3, -1) * self._root

    @cached_property
    def _charges(self) -> Array:
        """(G, 3n) G.Z, masses included: of small cells alone."""
        return np.asarray(self._vectors @ self._born)

    def _weights(self, q: Array) -> Array:
        """Return (q, G) roots of the weights of the terms of the dipole sum."""
        kept = np.ones((1, len(self._vectors)), dtype=bool)
        waves = (q[:, None] + self._vectors)[None]
        return np.asarray(dipole_weights(self.harmonic, waves, kept)[0][0])

    def _put_dipoles(self, q: Array, found: NDArray[np.complex128]) -> None:
        if not len(self._vectors):
            found[...] = 0.0
            return
        step = CHUNK // (3 * self._waves.size)
        if step < SEVERAL:
            self._put_dipoles_of_each(q, found)
            return
        even, odd = np.repeat(self._waves, 3, axis=2)
        for first in range(0, len(q), step):
            some, matrices = q[first : first + step], found[first : first + step]
            charge = self._charges + (some @ self._born)[:, None]
            charge *= self._weights(some)[:, :, None]
            cosines, sines = even * charge, odd * charge
            turned = cosines.swapaxes(1, 2), sines.swapaxes(1, 2)
            np.matmul(turned[0], cosines, out=matrices.real)
            matrices.real += turned[1] @ sines
            half = turned[1] @ cosines
            np.subtract(half, half.swapaxes(1, 2), out=matrices.imag)

    def _put_dipoles_of_each(self, q: Array, found: NDArray[np.complex128]) -> None:
        """Do it wave vector by wave vector, without the terms that are nothing there."""
        own = np.abs(2.0 * (x := q @ self.harmonic.cells[0].T / (2.0 * np.pi)) - np.rint(2.0 * x))
        for wave, weight, itself, matrix in zip(
            q, self._weights(q), own.max(axis=1) < ITSELF, found, strict=True
        ):
            terms = np.flatnonzero(weight)
            if itself:  # K and -K are terms both, and the same
                ahead = terms[(self._vectors[terms] + wave) @ _ASKEW > 0.0]
                itself = 2 * len(ahead) == len(terms)
                terms = ahead if itself else terms
            weight = weight[terms, None]
            if itself:
                self._put_real(wave, terms, weight * 2.0**0.5, matrix)
                continue
            for first in range(0, max(len(terms), 1), TERMS):
                some = slice(first, first + TERMS)
                charge = self._charge(wave, terms[some], weight[some])
                rows = _charged(self._waves.take(terms[some], axis=1), charge)
                half = rows[1].T @ rows[0]
                rows = rows.reshape(-1, rows.shape[2])
                # Cosines and sines as rows of one matrix B: the real part is B^T B.
                if first:
                    matrix.imag += half - half.T
                    matrix.real += rows.T @ rows
                else:
                    np.subtract(half, half.T, out=matrix.imag)
                    matrix.real = rows.T @ rows

    def _charge(self, wave: Array, terms: NDArray[np.int64], weight: Array) -> Array:
        """Return (g, 3n) charges K.Z of some terms times (g, 1) weights."""
        found = (self._vectors[terms] + wave) @ self._born
        found *= weight
        return np.asarray(found)

    def _put_real(
        self, wave: Array, terms: NDArray[np.int64], weight: Array, matrix: NDArray[Any]
    ) -> None:
        """Put the dipole term where q and -q are equivalent: real with the phases exp(i K.tau)."""
        angle = self.harmonic.positions[0] @ wave
        cosine, sine = np.cos(angle), np.sin(angle)
        even, odd = self._waves.take(terms, axis=1)
        turned = np.stack([even * cosine - odd * sine, odd * cosine + even * sine])
        turned = _charged(turned, self._charge(wave, terms, weight)).reshape(-1, 3 * len(angle))
        phase = np.repeat(cosine - 1j * sine, 3)
        np.multiply(phase[:, None], phase.conj(), out=matrix)
        matrix *= turned.T @ turned

    @cached_property
    def _bonds(self) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]:
        """(b, 3) vectors and (b, 9) constants in the order of pairs of atoms, (p,) where each pair
        starts, and (2, 9p) places of its elements and of their transposes in a matrix.

        The on-site terms are bonds of length zero.
        """
        harmonic, root = self.harmonic, self._root[::3]
        n = harmonic.n_atoms
        i, j = (np.concatenate([x, np.arange(n)]) for x in (harmonic.firsts, harmonic.seconds))
        constants = np.concatenate([harmonic.force_constants, -self.site[0] / 2.0])
        constants = (constants * (root[i] * root[j])[:, None, None]).reshape(-1, 9)
        vectors = np.concatenate([harmonic.vectors, np.zeros((n, 3))])
        pairs = i * n + j
        order = np.argsort(pairs, kind="stable")
        starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
        rows, columns = (
            3 * x[order][starts][:, None] + y
            for x, y in ((i, np.repeat(np.arange(3), 3)), (j, np.tile(np.arange(3), 3)))
        )
        places = np.stack([3 * n * rows + columns, 3 * n * columns + rows]).reshape(2, -1)
        return vectors[order], constants[order], starts, places

    def _pair_sums(self, q: Array) -> NDArray[np.complex128]:
        """Return (p, q, 9) sums of the constants of every pair of atoms times exp(i q.r)."""
        vectors, constants, starts, _ = self._bonds
        angles = vectors @ q.T
        waves = np.empty(angles.shape, dtype=np.complex128)
        np.cos(angles, out=waves.real)
        np.sin(angles, out=waves.imag)
        terms = waves[:, :, None] * constants[:, None, :]
        return np.asarray(np.add.reduceat(terms, starts, axis=0))

    def _add_bonds(self, q: Array, found: NDArray[np.complex128]) -> None:
        _, constants, _, (places, turned) = self._bonds
        step = max(1, CHUNK // constants.size)
        flat = found.reshape(len(q), -1)
        for first in range(0, len(q), step):
            sums = self._pair_sums(q[first : first + step]).swapaxes(0, 1)
            for matrix, values in zip(flat[first : first + step], sums, strict=True):
                values = values.ravel()
                matrix[places] += values
                matrix[turned] += values.conj()


def _charged(waves: Array, charges: Array) -> Array:
    """Return (2, G, 3n) products of (2, G, n) waves of atoms with (G, 3n) of coordinates."""
    found = np.repeat(waves, 3, axis=2)
    found *= charges
    return found
