"""`HarmonicCrystals`: crystals with equally many atoms, side by side, and their sum rules.

Short-range force constants of bonds plus the dipole-dipole interaction of Born charges determine
the dynamical matrix. The on-site terms follow from the acoustic sum rule. The arrays are NumPy's or
torch's, all of one kind: predictions take the first, training needs the gradients of the second.
"""

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from phonodos.model.arrays import (
    Array,
    as_numpy,
    doubled,
    indices_like,
    library_of,
    like,
    sums_at,
    taken,
    typed_like,
)
from phonodos.model.bonds import BondedCrystals
from phonodos.model.lattice import Lattice

REAL = (
    "cells", "positions", "masses", "vectors", "force_constants", "stiffness", "born", "dielectric",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class HarmonicCrystals:
    """`C` crystals of `N` atoms each.

    Attributes
    ----------
    cells, positions, masses
        (C, 3, 3) and (C, N, 3) [A], (C, N) [amu].
    owners, firsts, seconds, vectors
        (b,) crystal and atoms i, j of every bond (each pair once); (b, 3) r_ij [A].
    force_constants, stiffness
        (b, 3, 3) Phi_ij and (b,) usual size [eV/A^2].
    born, dielectric
        (C, N, 3, 3) [e] and (C, 3, 3).
    """

    cells: Array
    positions: Array
    masses: Array
    owners: Array
    firsts: Array
    seconds: Array
    vectors: Array
    force_constants: Array
    stiffness: Array
    born: Array
    dielectric: Array

    @property
    def n_crystals(self) -> int:
        """Number of crystals C."""
        return int(self.masses.shape[0])

    @property
    def n_atoms(self) -> int:
        """Number of atoms N of each."""
        return int(self.masses.shape[1])

    @property
    def pairs(self) -> Array:
        """(b,) place of every bond among the C N N ordered pairs of atoms."""
        n = self.n_atoms
        return (self.owners * n + self.firsts) * n + self.seconds

    @property
    def reciprocal(self) -> Array:
        """(C, 3, 3) reciprocal lattice vectors as rows, with the factor 2 pi [1/A]."""
        inverse = library_of(self.cells).linalg.inv(self.cells)
        return 2.0 * math.pi * inverse.swapaxes(1, 2)

    def pair_sums(self, values: Array) -> Array:
        """Return (C, N, N, ...) sums over bonds, each bond at (i, j) only."""
        c, n = self.n_crystals, self.n_atoms
        return sums_at(c * n * n, self.pairs, values).reshape(c, n, n, *values.shape[1:])

    def end_sums(self, at_first: Array, at_second: Array) -> Array:
        """Return (C, N, ...) sums over bonds of one value at atom i and another one at atom j."""
        c, n = self.n_crystals, self.n_atoms
        total = sums_at(c * n, self.owners * n + self.firsts, at_first)
        total = total + sums_at(c * n, self.owners * n + self.seconds, at_second)
        return total.reshape(c, n, *at_first.shape[1:])

    def in_numpy(self) -> "HarmonicCrystals":
        """Return the same in arrays of NumPy, real numbers in double precision."""
        return HarmonicCrystals(*(as_numpy(getattr(self, f.name)) for f in fields(self)))


def members_by_size(crystals: BondedCrystals) -> list[list[int]]:
    """Return the numbers of the crystals of equal size, sizes in order of first appearance."""
    members: dict[int, list[int]] = {}
    for index, count in enumerate(crystals.atom_counts):
        members.setdefault(count, []).append(index)
    return list(members.values())


def group_by_size(crystals: BondedCrystals, lattice: Lattice) -> list[HarmonicCrystals]:
    """Return the crystals of a batch in the groups of `members_by_size`."""
    return [group_of(crystals, lattice, members) for members in members_by_size(crystals)]


def harmonic_of(
    crystals: BondedCrystals, lattice: Lattice, index: int, exact: BondedCrystals | None = None
) -> HarmonicCrystals:
    """Return one crystal of a batch by itself, in double precision.

    The sum rule is a difference of large numbers: in single precision it would leave acoustic
    modes of up to 1 cm^-1 at Gamma.

    Parameters
    ----------
    crystals, lattice
        A batch and what the network says of it.
    index
        Which crystal.
    exact
        That crystal alone in double precision, whose cell and positions are taken instead of the
        rounded ones of the batch.
    """
    alone = group_of(crystals, lattice, [index])
    values = {name: doubled(getattr(alone, name)) for name in REAL}
    if exact is not None:
        exact_values = {
            "cells": exact.cells, "positions": exact.positions[None],
            "masses": exact.masses[None], "vectors": exact.vectors,
        }  # fmt: skip
        values |= {name: like(x, values["cells"]) for name, x in exact_values.items()}
    return replace(alone, **values)


def group_of(crystals: BondedCrystals, lattice: Lattice, picked: list[int]) -> HarmonicCrystals:
    """Return some crystals of a batch, all of one size, side by side: in arrays like `lattice`."""
    n = crystals.atom_counts[picked[0]]
    first_atom = np.array(crystals.first_atoms)
    counts = np.array(crystals.bond_counts)
    first_bond = np.cumsum(counts) - counts
    rows = (first_atom[picked][:, None] + np.arange(n)).ravel()
    owned = np.repeat(np.arange(len(picked)), counts[picked])
    within = np.concatenate([np.arange(counts[k]) for k in picked])
    taught = lattice.force_constants

    def of(values: Array, places: Array) -> Array:
        return taken(like(values, taught), places)

    atoms, owners, bonds, start, chosen = (
        indices_like(places, taught)
        for places in (
            rows, owned, first_bond[picked][owned] + within, first_atom[picked][owned],
            np.array(picked),
        )
    )  # fmt: skip
    firsts, seconds = (taken(indices_like(x, taught), bonds) - start for x in crystals.ends)
    return HarmonicCrystals(
        cells=of(crystals.cells, chosen),
        positions=of(crystals.positions, atoms).reshape(len(picked), n, 3),
        masses=of(crystals.masses, atoms).reshape(len(picked), n),
        owners=owners,
        firsts=firsts,
        seconds=seconds,
        vectors=of(crystals.vectors, bonds),
        force_constants=taken(taught, bonds),
        stiffness=taken(lattice.stiffness, bonds),
        born=taken(lattice.born, atoms).reshape(len(picked), n, 3, 3),
        dielectric=taken(lattice.dielectric, chosen),
    )


def _skew(vectors: Array) -> Array:
    """Return (..., 3, 3) antisymmetric matrices M_ab = eps_abc v_c."""
    x, y, z = (vectors[..., k] for k in range(3))
    zero = 0.0 * x
    rows = [zero, z, -y, -z, zero, x, y, -x, zero]
    return library_of(vectors).stack(rows, -1).reshape(*vectors.shape[:-1], 3, 3)


def _axial(matrices: Array) -> Array:
    """Return (..., 3) vectors of the antisymmetric parts; the inverse of `_skew`."""
    half = (matrices - matrices.swapaxes(-1, -2)) / 2.0
    return library_of(matrices).stack([half[..., 1, 2], half[..., 2, 0], half[..., 0, 1]], -1)


def obey_sum_rules(
    harmonic: HarmonicCrystals, dipole: Array, dipole_slope: Array
) -> HarmonicCrystals:
    """Return the crystals with force constants that obey the two rules of antisymmetric parts.

    On-site terms come from the acoustic sum rule, and the dynamical matrix is Hermitian only if
    they are symmetric. Sound has w^2 ~ q^2 only if the antisymmetric parts V_ij of the constants
    have no first moment, sum over bonds of V_ij (x) r_ij = 0: the rotational invariance of Born and
    Huang, summed over the cell. Without it crystals that have no centre of symmetry get w^2 ~ q and
    imaginary modes around Gamma.

    With v_ij the axial vector of V_ij and w_ij the stiffness, w_ij (b_i - b_j + M r_ij) is taken
    from v_ij, where the vectors b and the 3x3 matrix M solve both rules: the smallest change that
    does, measured by the stiffness.

    Parameters
    ----------
    harmonic
        Crystals whose force constants obey Phi_ji = Phi_ij^T.
    dipole
        (C, N, 3, 3) sum_j of the dipole-dipole term at q = 0 [eV/A^2].
    dipole_slope
        (C, 3, 3, 3) sum over i, j of the imaginary part of d DD_ij,ab / d q_c at q = 0 [eV/A].
    """
    # In double precision: of atoms without bonds to the rest only the ridge is left.
    lib = library_of(harmonic.vectors)
    n, owners, stiffness = harmonic.n_atoms, harmonic.owners, doubled(harmonic.stiffness)
    vectors = doubled(harmonic.vectors)
    excess = doubled(_axial(on_site(harmonic, dipole)))
    moments = doubled(_axial(harmonic.force_constants))[:, :, None] * vectors[:, None, :]
    slope = doubled(_axial(lib.moveaxis(dipole_slope, 3, 1))).swapaxes(1, 2) / 2.0
    moment = slope + sums_at(len(slope), owners, moments)  # (C, axial, c)
    weights = harmonic.pair_sums(stiffness)
    weights = weights + weights.swapaxes(1, 2)
    pull = stiffness[:, None] * vectors
    pulls = harmonic.end_sums(pull, -pull)  # (C, N, 3), of the bonds of each atom
    inertia = sums_at(len(slope), owners, pull[:, :, None] * vectors[:, None, :])
    total = weights.sum(axis=2)
    # The constant vector is in the kernel: 1/N fixes it. The ridge is for atoms without bonds.
    scale = total.mean(axis=1)[:, None, None] + float(np.finfo(np.float64).tiny)
    laplacian = total[:, :, None] * like(np.eye(n), total) - weights + scale / n
    matrix = lib.concatenate(
        [
            lib.concatenate([laplacian, pulls], 2),
            lib.concatenate([pulls.swapaxes(1, 2), inertia], 2),
        ],
        1,
    )
    wanted = lib.concatenate([excess, moment.swapaxes(1, 2)], 1)
    found = lib.linalg.solve(matrix + 1e-9 * scale * like(np.eye(n + 3), total), wanted)
    turn, twist = found[:, :n], found[:, n:]
    change = turn[owners, harmonic.firsts] - turn[owners, harmonic.seconds]
    change = change + (vectors[:, :, None] * twist[owners]).sum(axis=1)
    correction = _skew(typed_like(stiffness[:, None] * change, harmonic.force_constants))
    return replace(harmonic, force_constants=harmonic.force_constants - correction)


def on_site(harmonic: HarmonicCrystals, dipole: Array) -> Array:
    """Return (C, N, 3, 3) A_i = sum_j of force constants and dipole term at q = 0 [eV/A^2].

    `dipole` is the second summed already, as for `obey_sum_rules`.
    """
    constants = harmonic.force_constants
    return harmonic.end_sums(constants, constants.swapaxes(1, 2)) + dipole
