"""`CentredSums`: the dynamical matrices of a crystal with a centre of inversion, real at once.

The same numbers as `physics.inversion.real_form` makes of complex matrices, for a quarter of the
work: in that basis a term of the dipole sum is the square of one real row, and bonds between images
of atoms need not be summed again.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phonodos.model.lattice_sums import CHUNK, SEVERAL, TERMS, LatticeSums
from phonodos.model.pair_sums import BondSums
from phonodos.model.plane_waves import PlaneWaves
from phonodos.physics.inversion import BROKEN, centred_positions, sorted_by_image

Array = NDArray[np.float64]
MISPLACED = 1e-4  # [A] from where inversion puts an atom: the dipole term errs by as much, relative
_PROBE = np.array([0.31, -0.17, 0.23, 0.11])  # of `LatticeSums.reach`, no wave vector of symmetry


@dataclass(frozen=True, eq=False)
class CentredSums:
    """What real dynamical matrices of a crystal are summed from.

    Attributes
    ----------
    sums
        The same crystal in any basis.
    images
        (n,) the atom that inversion takes every atom to, as `physics.inversion.partners` has it.
    """

    sums: LatticeSums
    images: NDArray[np.int64]

    def matrices(self, q: Array) -> Array:
        """Return (q, 3n, 3n) symmetric matrices with the eigenvalues of those of (q, 3) q [1/A].

        In the basis and the units of `real_form`; charges and positions are the means of those that
        inversion should make the same.
        """
        size = 3 * len(self.images)
        found = np.empty((len(q), size, size))
        self._put_dipoles(q, found)
        self._add_bonds(q, found)
        return found

    @cached_property
    def _atoms(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return sorted_by_image(self.images)

    @cached_property
    def _phases(self) -> PlaneWaves:
        """exp(i G.tau) at the centred positions of one atom of each pair."""
        harmonic = self.sums.harmonic
        alone, first, _ = self._atoms
        places = centred_positions(harmonic.positions[0], harmonic.cells[0], self.images)
        places = places[np.concatenate([alone, first])]
        return PlaneWaves.of(self.sums.vectors, places, harmonic.cells[0])

    @cached_property
    def _born(self) -> Array:
        """(3, 3n) charges of the basis, masses included."""
        alone, first, _ = self._atoms
        each = self.sums.born.reshape(3, -1, 3)
        mean = (each + each[:, self.images]) / 2.0
        return np.asarray(mean[:, np.concatenate([alone, first, first])].reshape(3, -1))

    @cached_property
    def _waves(self) -> Array:
        """(G, 3n) real waves of the basis, of small cells: kept for all wave vectors."""
        return self._made(slice(None))

    def _rows(self, terms: NDArray[np.int64]) -> Array:
        """Return (g, 3n) real waves of the basis at some of the G."""
        return self._waves.take(terms, axis=0) if self._phases.are_few else self._made(terms)

    def _made(self, terms: NDArray[np.int64] | slice) -> Array:
        even, odd = self._phases.parts(terms)
        n = len(self._atoms[0])
        even[:, n:] *= 2.0**0.5
        return np.repeat(np.concatenate([even, 2.0**0.5 * odd[:, n:]], axis=1), 3, axis=1)

    def _put_dipoles(self, q: Array, found: Array) -> None:
        if not len(self.sums.vectors):
            found[...] = 0.0
            return
        step = CHUNK // (3 * len(self.images) * len(self.sums.vectors))
        if step < SEVERAL:
            self._put_dipoles_of_each(q, found)
            return
        for start in range(0, len(q), step):
            many = self.sums.fields(q[start : start + step]) @ self._born
            many *= self._waves
            np.matmul(many.swapaxes(1, 2), many, out=found[start : start + step])

    def _put_dipoles_of_each(self, q: Array, found: Array) -> None:
        """Do it wave vector by wave vector, without the terms that are nothing there."""
        for field, matrix in zip(self.sums.fields(q), found, strict=True):
            terms = np.flatnonzero(field.any(axis=1))
            for first in range(0, max(len(terms), 1), TERMS):
                some = terms[first : first + TERMS]
                rows = self._rows(some)
                rows *= field[some] @ self._born
                if first == 0:
                    np.matmul(rows.T, rows, out=matrix)
                else:
                    matrix += rows.T @ rows

    @cached_property
    def _bonds(self) -> tuple[BondSums, NDArray[np.int64], NDArray[np.int64]]:
        """Bonds without images of others, and (3n, 3n) which two of their sums make each element.

        The sums are those with cosines and with sines, then both with the other sign.
        """
        alone, first, second = self._atoms
        place = np.zeros(len(self.images), dtype=np.int64)
        place[alone], place[second] = 1, 2
        # Of the blocks of two pairs of images, those of the seconds are those of the firsts.
        bonds = self.sums.bonds
        bonds = bonds.picked(place[bonds.pairs].sum(axis=0) <= 2)
        atoms = np.concatenate([alone, first, first])
        odd = np.arange(len(atoms)) >= len(alone) + len(first)
        itself = (place[atoms] == 1)[:, None]
        mixed = odd[:, None] ^ odd
        found = []
        for others, negative in (
            (np.broadcast_to(atoms, mixed.shape), mixed & odd),
            (np.where(itself, atoms, self.images[atoms]), odd & (odd[:, None] | itself)),
        ):
            turned = atoms[:, None] > others
            part = mixed + 2 * (negative ^ (mixed & turned))
            blocks = bonds.blocks[atoms[:, None], others]
            found.append(bonds.elements(blocks, turned, part * bonds.n_values))
        return bonds, found[0], found[1]

    @cached_property
    def are_exact(self) -> bool:
        """Whether the matrices have the symmetry, but for `BROKEN`.

        Of bonds every element is held against its image, at one wave vector; of the dipole term
        what it is made of, charges, positions and masses.
        """
        wave = (_PROBE @ self.sums.reach)[None]
        bonds = self.sums.bonds
        i, j = bonds.pairs
        sums = bonds.table.sums(wave).reshape(-1, 2, 3, 3)
        image = bonds.blocks[self.images[i], self.images[j]]
        images = np.concatenate([sums, np.zeros((1, 2, 3, 3))])[image]
        turned = (self.images[i] > self.images[j])[:, None, None]
        broken = [
            sums[:, 0] - np.where(turned, images[:, 0].swapaxes(1, 2), images[:, 0]),
            sums[:, 1] - np.where(turned, images[:, 1].swapaxes(1, 2), -images[:, 1]),
        ]
        worst = max(float(np.abs(x).max(initial=0.0)) for x in broken)
        return self._charges_are_alike and worst <= BROKEN * float(np.abs(sums).max())

    @property
    def _charges_are_alike(self) -> bool:
        """Whether images have the same charges over roots of masses, at opposite places."""
        born, harmonic = self.sums.born.reshape(3, -1, 3), self.sums.harmonic
        if np.abs(born - born[:, self.images]).max() > BROKEN * np.abs(born).max():
            return False
        places = centred_positions(harmonic.positions[0], harmonic.cells[0], self.images)
        moved = (places - harmonic.positions[0]) @ np.linalg.inv(harmonic.cells[0])
        moved -= moved[0]
        moved = (moved - np.rint(moved)) @ harmonic.cells[0]
        return not born.any() or bool(np.abs(moved - moved.mean(axis=0)).max() <= MISPLACED)

    def _add_bonds(self, q: Array, found: Array) -> None:
        bonds, one, other = self._bonds
        once = 3 * len(self._atoms[0])
        step = max(1, CHUNK // bonds.table.constants.size)
        for start in range(0, len(q), step):
            even, odd = bonds.values(q[start : start + step])
            values = np.concatenate([even, odd, -even, -odd], axis=1)
            for sums, matrix in zip(values, found[start : start + step], strict=True):
                more = sums.take(one)
                more += sums.take(other)
                more[:once] *= 0.5**0.5
                more[:, :once] *= 0.5**0.5
                matrix += more
