"""`LatticeDynamics`: the harmonic crystal a network predicts, and what follows from it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import PredictionError
from phonodos.model.bonds import BondedCrystals
from phonodos.model.centred_sums import CentredSums
from phonodos.model.dynamics import frequencies, settled, to_frequencies
from phonodos.model.harmonic import HarmonicCrystals, harmonic_of
from phonodos.model.lattice import Lattice
from phonodos.model.lattice_sums import LatticeSums
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, check_frequencies
from phonodos.physics.downfolding import downfolded
from phonodos.physics.inversion import partners, real_form
from phonodos.physics.lattice_vectors import reduced_basis
from phonodos.physics.mesh import (
    MESH_LENGTH,
    QMesh,
    irreducible_mesh,
    mass_kinds,
    mode_shares,
    spectrum,
)
from phonodos.physics.path import (
    GAMMA_STEP,
    BandPath,
    BandStructure,
    band_path,
    step_from_gamma,
)
from phonodos.physics.sound import SoundWaves, long_waves, sound_of

if TYPE_CHECKING:
    from phonopy import Phonopy

Array = NDArray[np.float64]
WORTH_IT = 6  # atoms from which on real matrices are faster, the way to them included
LARGEST_BLOCK = 2**18  # elements of matrices held at once, 16 bytes each: 4 MB
# Farthest from Gamma that a wave vector is in the cell of the shortest reciprocal lattice vectors.
_CORNERS = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]) / 2.0


@dataclass(frozen=True, eq=False)
class LatticeDynamics:
    """Harmonic lattice dynamics of one crystal, in its primitive cell.

    Attributes
    ----------
    crystal
        The primitive cell.
    harmonic
        Bonds, masses, force constants, Born charges and dielectric tensor as arrays of NumPy.
    metal
        Whether the charges were left out, as free electrons screen them.
    """

    crystal: Crystal
    harmonic: HarmonicCrystals
    metal: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "harmonic", self.harmonic.in_numpy())

    @property
    def born_charges(self) -> Array:
        """(n, 3, 3) Born charges [e]: first index field, second displacement."""
        return np.asarray(self.harmonic.born[0])

    @property
    def masses(self) -> Array:
        """(n,) masses [amu]."""
        return np.asarray(self.harmonic.masses[0])

    @property
    def dielectric(self) -> Array:
        """(3, 3) electronic dielectric tensor."""
        return np.asarray(self.harmonic.dielectric[0])

    def force_constants(self) -> tuple[NDArray[np.int64], Array, Array]:
        """Return the short-range force constants of every bond, each pair of atoms once.

        Returns
        -------
        (b, 2) atoms i and j, (b, 3) vectors r_ij [A], (b, 3, 3) Phi_ij [eV/A^2]; Phi_ji is the
        transpose. They belong to the dipole term of `phonodos.physics.dipole`.
        """
        fixed, _ = self._settled
        ends = np.stack([fixed.firsts, fixed.seconds], axis=1)
        return ends, fixed.vectors, fixed.force_constants

    def dynamical_matrices(self, qpoints: Array) -> NDArray[np.complex128]:
        """Return (m, 3n, 3n) dynamical matrices [eV/(A^2 amu)] at (m, 3) fractional q.

        Phases are those of the full vectors r_ij: q and q + G give unitarily equivalent matrices.
        """
        points = np.atleast_2d(np.asarray(qpoints, dtype=np.float64))
        near = self._nearest(points)
        matrices = np.concatenate(list(self._matrices(near)))
        turn = self._phases(points - near)
        return matrices * turn[:, None, :] * turn[:, :, None].conj()

    def frequencies(self, qpoints: Array) -> Array:
        """Return (m, 3n) frequencies [cm^-1] at (m, 3) fractional q; imaginary ones negative.

        Exactly at q = 0 the polar modes have no direction and come out as transverse.

        Raises
        ------
        PredictionError
            If one is larger than any vibration has (10,000 cm^-1).
        """
        # One at a time: a name would hold the last one, of a large cell megabytes, too.
        found = list(map(frequencies, self.equivalent_matrices(qpoints)))
        check_frequencies(np.concatenate(found), self.crystal.label)
        return np.concatenate(found)

    def equivalent_matrices(self, qpoints: Array) -> Iterator[Array | NDArray[np.complex128]]:
        """Yield (k, 3n, 3n) matrices with the eigenvalues of those at (m, 3) q, some at a time.

        Real ones where the crystal has a centre of inversion.
        """
        near = self._nearest(np.atleast_2d(np.asarray(qpoints, dtype=np.float64)))
        yield from self._matrices(near, self._centred or self._sums)

    def modes(self, qpoints: Array) -> tuple[Array, NDArray[np.complex128]]:
        """Return (m, 3n) frequencies [cm^-1] and (m, 3n, 3n) eigenvectors, modes in columns.

        Raises
        ------
        PredictionError
            As `frequencies`.
        """
        points = np.atleast_2d(np.asarray(qpoints, dtype=np.float64))
        near = self._nearest(points)
        values, vectors = [], []
        for matrix in self._matrices(near):
            eigenvalues, eigenvectors = np.linalg.eigh(matrix)
            values.append(to_frequencies(eigenvalues))
            vectors.append(eigenvectors)
        check_frequencies(np.concatenate(values), self.crystal.label)
        turn = self._phases(points - near).conj()
        return np.concatenate(values), np.concatenate(vectors) * turn[:, :, None]

    def bands(self, path: BandPath | None = None) -> BandStructure:
        """Return the frequencies along a path, by default that of `band_path`.

        Where a segment starts or ends at Gamma, the polar modes are those of its direction.
        """
        path = band_path(self.crystal) if path is None else path
        reciprocal = self.crystal.reciprocal_cell
        points = [step_from_gamma(s.qpoints, reciprocal, GAMMA_STEP) for s in path.segments]
        found = self.frequencies(np.concatenate(points))
        ends = np.cumsum([len(p) for p in points])[:-1]
        return BandStructure(path, tuple(np.split(found, ends)))

    def mesh(self, length: float = MESH_LENGTH) -> QMesh:
        """Return the irreducible mesh that resolves waves up to `length` [A]."""
        return irreducible_mesh(self.crystal, length, kinds=mass_kinds(self.crystal, self.masses))

    def dos(self, mesh: QMesh | None = None, *, projected: bool = False) -> PhononDos:
        """Return the density of states of the primitive cell on a mesh.

        Parameters
        ----------
        mesh
            Wave vectors; by default those of `mesh()`.
        projected
            Whether the share of every atom is wanted too.
        """
        return self.dos_and_lowest(mesh, projected=projected)[0]

    def dos_and_lowest(
        self, mesh: QMesh | None = None, *, projected: bool = False
    ) -> tuple[PhononDos, Array]:
        """Return the density of states on a mesh, and (m,) the lowest frequency at its points.

        Parameters
        ----------
        mesh, projected
            As in `dos`.
        """
        mesh = self.mesh() if mesh is None else mesh
        if projected:
            w, vectors = self.modes(mesh.qpoints)
            return self.projected_dos(mesh, w, vectors), w[:, 0]
        near = self._nearest(mesh.qpoints)
        found: list[Array] = [] if mesh.is_fine else [self.frequencies(mesh.qpoints)]
        folded: list[Array | None] = [] if mesh.is_fine else [None]
        done = 0
        for matrices in self._matrices(near) if mesh.is_fine else ():
            found.append(frequencies(self._equivalent(matrices)))
            folded.append(self._folded(mesh, matrices, found[-1], near, done))
            done += len(matrices)
            del matrices  # of a large cell megabytes, before the next ones are made
        w = np.concatenate(found)
        check_frequencies(w, self.crystal.label)
        dos = spectrum(mesh, w, sound=self.sound, folded=_whole(folded), at=self.frequencies)
        return dos, w[:, 0]

    def projected_dos(
        self, mesh: QMesh, frequencies: Array, vectors: NDArray[np.complex128]
    ) -> PhononDos:
        """Return the spectrum of `modes` at the points of a mesh, with the share of every atom."""
        near, folded, done = self._nearest(mesh.qpoints), [], 0
        for matrices in self._matrices(near):
            here = frequencies[done : done + len(matrices)]
            folded.append(self._folded(mesh, matrices, here, near, done))
            done += len(matrices)
        shares = mode_shares(vectors)
        return spectrum(
            mesh, frequencies, shares, sound=self.sound, folded=_whole(folded), at=self.frequencies
        )

    def _folded(
        self,
        mesh: QMesh,
        matrices: NDArray[np.complex128],
        frequencies: Array,
        points: Array,
        done: int,
    ) -> Array | None:
        """Return `downfolded` matrices of the surroundings of Gamma, those in a chunk of `points`.

        `done` points came before the chunk. None if one is not positive.
        """
        if not mesh.is_fine:
            return None
        around = mesh.surroundings
        rows = around.chosen - done
        inside = (rows >= 0) & (rows < len(matrices))
        rows = rows[inside]
        if not frequencies[rows, 0].min(initial=1.0) > 0.0:
            return None
        moved = np.rint(around.waves[inside] - points[done + rows][:, None])
        phases = np.exp(2j * np.pi * (moved @ self.crystal.frac_coords.T))
        return downfolded(matrices[rows], self.masses, phases)

    @cached_property
    def sound(self) -> SoundWaves:
        """The long acoustic waves, q in fractions of the reciprocal lattice vectors."""
        waves = long_waves(self.crystal.reciprocal_cell) @ self.crystal.reciprocal_cell
        found = sound_of(
            self._sums.matrices(np.zeros((1, 3)))[0].real,
            self._sums.pulls(waves),
            self.masses,
            self.crystal.volume,
            self.born_charges,
            self.dielectric,
        )
        return found.along(self.crystal.reciprocal_cell)

    def to_phonopy(self) -> "Phonopy":
        """Return a Phonopy object with total force constants, Born charges and eps.

        Raises
        ------
        StructureError
            If a site is mixed: phonopy has no place for it.
        """
        from phonodos.prediction.phonopy_export import to_phonopy

        return to_phonopy(self)

    def with_masses(self, masses: Array) -> "LatticeDynamics":
        """Return the same springs and charges with other masses (n,) [amu]: isotopes.

        Raises
        ------
        PredictionError
            If the masses are not one positive number an atom.
        """
        masses = np.asarray(masses, dtype=np.float64)
        if masses.shape != (self.crystal.n_atoms,) or not (masses > 0.0).all():
            raise PredictionError(
                f"masses of shape {masses.shape} for {self.crystal.n_atoms} atoms",
                "every atom of the primitive cell needs one positive mass",
                "give the masses in amu in the order of `lattice.crystal`",
            )
        return replace(self, harmonic=replace(self.harmonic, masses=masses[None]))

    @cached_property
    def _settled(self) -> tuple[HarmonicCrystals, Array]:
        return settled(self.harmonic)

    @cached_property
    def _sums(self) -> LatticeSums:
        return LatticeSums(*self._settled, _CORNERS @ self._basis @ self.crystal.reciprocal_cell)

    @cached_property
    def _basis(self) -> NDArray[np.int64]:
        """(3, 3) the shortest reciprocal lattice vectors in the given ones, as rows."""
        return reduced_basis(np.asarray(np.linalg.inv(self.crystal.cell).T, dtype=np.float64))

    def _nearest(self, points: Array) -> Array:
        """Return the points, moved by reciprocal lattice vectors to near Gamma.

        Far from Gamma, and in skewed cells fractions below 1/2 can be far, the dipole term would
        need many more terms.
        """
        inside = points @ np.linalg.inv(self._basis)
        return np.asarray((inside - np.rint(inside)) @ self._basis)

    def _phases(self, shift: Array) -> NDArray[np.complex128]:
        """Return (m, 3n) exp(i G.tau) of reciprocal lattice vectors G, fractional."""
        waves = np.exp(2j * np.pi * np.rint(shift) @ self.crystal.frac_coords.T)
        return np.repeat(waves, 3, axis=1)

    def _equivalent(self, matrices: NDArray[np.complex128]) -> Array | NDArray[np.complex128]:
        """Return matrices with the eigenvalues of others, real ones where there is inversion."""
        images = self._partners
        # One in the middle: the first may lie at Gamma, where all matrices are real.
        real = None if images is None else real_form(matrices, images, len(matrices) // 2)
        return matrices if real is None else real

    @cached_property
    def _partners(self) -> NDArray[np.int64] | None:
        if self.crystal.n_atoms < WORTH_IT:
            return None
        return partners(self.crystal, mass_kinds(self.crystal, self.masses))

    @cached_property
    def _centred(self) -> CentredSums | None:
        """Sums of real matrices, where there is inversion."""
        if self._partners is None:
            return None
        found = CentredSums(self._sums, self._partners)
        return found if found.are_exact else None

    def _matrices(
        self, qpoints: Array, sums: LatticeSums | CentredSums | None = None
    ) -> Iterator[NDArray[Any]]:
        """Yield the dynamical matrices at fractional q near Gamma, some at a time."""
        q = qpoints @ self.crystal.reciprocal_cell
        step = max(1, int(LARGEST_BLOCK / (3 * self.crystal.n_atoms) ** 2))
        for first in range(0, len(q), step):
            yield (sums or self._sums).matrices(q[first : first + step])


def _whole(chunks: list[Array | None]) -> Array | None:
    """Return arrays as one; None if one of them is missing."""
    known = [chunk for chunk in chunks if chunk is not None]
    return np.concatenate(known) if len(known) == len(chunks) else None


def lattice_dynamics(
    crystal: Crystal,
    bonded: BondedCrystals,
    lattice: Lattice,
    index: int = 0,
    exact: BondedCrystals | None = None,
) -> LatticeDynamics:
    """Return the lattice dynamics of crystal `index` of a batch; `exact` as in `harmonic_of`."""
    return LatticeDynamics(crystal, harmonic_of(bonded, lattice, index, exact))
