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

from phonodos.model.dynamics import dipole_weights, reciprocal_vectors
from phonodos.model.harmonic import HarmonicCrystals
from phonodos.model.pair_sums import BondSums, bond_pulls
from phonodos.model.plane_waves import PlaneWaves

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
        shares = np.sqrt(self.harmonic.masses[0] / self.harmonic.masses[0].sum())
        rigid = np.kron(shares[:, None], np.eye(3))
        bonds = bond_pulls(self.harmonic, self.site, waves, shares)
        return np.asarray(bonds + self.field_products(waves, rigid))

    def field_products(self, q: Array, vectors: NDArray[Any]) -> NDArray[np.complex128]:
        """Return (q, 3n, k) the dipole term at (q, 3) wave vectors times (3n, k) vectors.

        Without its matrices, as `pulls`.
        """
        n, k = len(self.harmonic.masses[0]), vectors.shape[1]
        if not len(self.vectors):
            return np.zeros((len(q), 3 * n, k), dtype=np.complex128)
        born = self.born.reshape(3, n, 3).swapaxes(0, 1)
        # sum_j exp(-i G.tau_j) Z_j v_j, then times w K on both sides of the sum over G.
        moved = (born @ vectors.reshape(n, 3, k)).reshape(n, 3 * k)
        along = self.fields(q)
        terms = np.flatnonzero(along.any(axis=(0, 2)))
        along = along[:, terms]
        phases = self._phases.at(terms).conj()
        fields = (phases @ moved).reshape(-1, 3, k)
        sums = (along[..., None] * fields).sum(axis=2)
        terms = (along[..., None] * sums[:, :, None]).swapaxes(0, 1)
        back = (phases.conj().T @ terms.reshape(len(phases), -1)).reshape(n, len(q), 3, k)
        found = born.swapaxes(1, 2)[:, None] @ back
        return np.asarray(found.swapaxes(0, 1).reshape(len(q), 3 * n, k))

    @cached_property
    def vectors(self) -> Array:
        """(G, 3) reciprocal lattice vectors of the dipole sum [1/A]; none without charges."""
        if not self.harmonic.born.any():
            return np.zeros((0, 3))
        return np.asarray(reciprocal_vectors(self.harmonic, self.reach[None])[0][0])

    @cached_property
    def born(self) -> Array:
        """(3, 3n) Born charges over roots of masses [e amu^-1/2], the field's index first."""
        root = np.repeat(self.harmonic.masses[0] ** -0.5, 3)
        return np.asarray(self.harmonic.born[0].swapaxes(0, 1).reshape(3, -1) * root)

    @cached_property
    def _phases(self) -> PlaneWaves:
        """exp(i G.tau) of all terms, made when they are asked for: of large cells megabytes."""
        return PlaneWaves.of(self.vectors, self.harmonic.positions[0], self.harmonic.cells[0])

    @cached_property
    def _waves(self) -> Array:
        """(2, G, 3n) cosines and sines of G.tau, of small cells: kept for all wave vectors."""
        return np.repeat(self._phases.parts(slice(None)), 3, axis=2)

    def _rows(self, terms: NDArray[np.int64]) -> Array:
        """Return (2, g, 3n) cosines and sines of G.tau of some of the G."""
        if self._phases.are_few:
            return self._waves.take(terms, axis=1)
        return np.repeat(self._phases.parts(terms), 3, axis=2)

    def weights(self, q: Array) -> Array:
        """Return (q, G) roots of the weights of the terms of the dipole sum."""
        kept = np.ones((1, len(self.vectors)), dtype=bool)
        waves = (q[:, None] + self.vectors)[None]
        return np.asarray(dipole_weights(self.harmonic, waves, kept)[0][0])

    def fields(self, q: Array) -> Array:
        """Return (q, G, 3) the vectors K = q + G times these: their products with Z are charges."""
        return np.asarray((q[:, None] + self.vectors) * self.weights(q)[:, :, None])

    def _put_dipoles(self, q: Array, found: NDArray[np.complex128]) -> None:
        if not len(self.vectors):
            found[...] = 0.0
            return
        step = CHUNK // (3 * self._phases.shape[0] * self._phases.shape[1])
        if step < SEVERAL:
            self._put_dipoles_of_each(q, found)
            return
        even, odd = self._waves
        for first in range(0, len(q), step):
            some, matrices = q[first : first + step], found[first : first + step]
            charge = self.fields(some) @ self.born
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
            q, self.weights(q), own.max(axis=1) < ITSELF, found, strict=True
        ):
            terms = np.flatnonzero(weight)
            if itself:  # K and -K are terms both, and the same
                ahead = terms[(self.vectors[terms] + wave) @ _ASKEW > 0.0]
                itself = 2 * len(ahead) == len(terms)
                terms = ahead if itself else terms
            field = (self.vectors[terms] + wave) * weight[terms, None]
            if itself:
                self._put_real(wave, self._rows(terms), (2.0**0.5 * field) @ self.born, matrix)
                continue
            matrix[...] = 0.0
            for first in range(0, len(terms), TERMS):
                rows = self._rows(terms[first : first + TERMS])
                rows *= field[first : first + TERMS] @ self.born
                half = rows[1].T @ rows[0]
                matrix.imag += half
                matrix.imag -= half.T
                del half  # of a large cell megabytes
                rows = rows.reshape(-1, rows.shape[2])
                # Cosines and sines as rows of one matrix B: the real part is B^T B.
                matrix.real += rows.T @ rows

    def _put_real(self, wave: Array, rows: Array, charge: Array, matrix: NDArray[Any]) -> None:
        """Put the dipole term where q and -q are equivalent: real with the phases exp(i K.tau).

        `rows` (2, g, 3n) are cosines and sines of G.tau, `charge` (g, 3n) the factors of each.
        """
        if not wave.any():
            rows *= charge
            rows = rows.reshape(-1, rows.shape[2])
            matrix[...] = rows.T @ rows
            return
        angle = np.repeat(self.harmonic.positions[0] @ wave, 3)
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = np.stack([rows[0] * cosine - rows[1] * sine, rows[1] * cosine + rows[0] * sine])
        turned *= charge
        turned = turned.reshape(-1, turned.shape[2])
        phase = cosine - 1j * sine
        matrix[...] = turned.T @ turned
        matrix *= phase[:, None]
        matrix *= phase.conj()

    @cached_property
    def bonds(self) -> BondSums:
        """The bonds and the on-site terms."""
        return BondSums.of(self.harmonic, self.site)

    def _add_bonds(self, q: Array, found: NDArray[np.complex128]) -> None:
        bonds = self.bonds
        step = max(1, CHUNK // bonds.table.constants.size)
        for first in range(0, len(q), step):
            some = found[first : first + step]
            for matrix, even, odd in zip(some, *bonds.values(q[first : first + step]), strict=True):
                matrix.real += even.take(bonds.places)
                imaginary = odd.take(bonds.places)
                imaginary *= bonds.signs
                matrix.imag += imaginary
