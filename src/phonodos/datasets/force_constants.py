"""`ForceConstants`: short-range constants per edge, and their separation from a supercell's."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.dipole import dipole_term

_SAME_SITE = 1e-6  # [A]


@dataclass(frozen=True, eq=False)
class ForceConstants:
    """Short-range force constants Phi_ij of the directed edges i -> j of one crystal.

    D_ij(q) = (m_i m_j)^-1/2 [sum over edges Phi_ij exp(i q.r_ij) + DD_ij(q) - delta_ij A_i], with
    the dipole term DD of `phonodos.physics.dipole` (zero where `has_nac` is False: the constants
    are then the total ones).

    Parameters
    ----------
    centres, neighbours
        (m,) atoms i and j.
    images
        (m, 3) lattice vectors S: r_ij = r_j - r_i + S cell.
    tensors
        (m, 3, 3) Phi_ij [eV/A^2], shared evenly by equivalent shortest vectors.
    on_site
        (n, 3, 3) A_i [eV/A^2], of all constants of the supercell, not only those listed.
    supercell
        (3, 3) integers: the lattice vectors of the supercell are ``supercell @ cell``.
    has_nac
        Whether the dipole term was separated.
    """

    centres: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    images: NDArray[np.int64]
    tensors: NDArray[np.float32]
    on_site: NDArray[np.float64]
    supercell: NDArray[np.int64]
    has_nac: bool

    def both_ways(self) -> "ForceConstants":
        """Return the constants with the reverse of every edge added: Phi_ji = Phi_ij^T."""
        return replace(
            self,
            centres=np.concatenate([self.centres, self.neighbours]),
            neighbours=np.concatenate([self.neighbours, self.centres]),
            images=np.concatenate([self.images, -self.images]),
            tensors=np.concatenate([self.tensors, self.tensors.transpose(0, 2, 1)]),
        )


@dataclass(frozen=True, eq=False)
class SupercellConstants:
    """Total force constants of a supercell, in the primitive cell that a record is stored in.

    Parameters
    ----------
    cell, frac_coords
        (3, 3) rows [A] and (n, 3) of the primitive cell.
    supercell
        (3, 3) integers, supercell lattice = supercell @ cell.
    constants
        (n, N, 3, 3) between atoms of the primitive cell and of the supercell [eV/A^2].
    kinds
        (N,) atom of the primitive cell that an atom of the supercell is a copy of.
    vectors
        (v, 3) shortest vectors from primitive to supercell atoms, fractional, primitive cell.
    multiplicity
        (N, n, 2) number of equivalent shortest vectors of a pair and where they start.
    """

    cell: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    supercell: NDArray[np.int64]
    constants: NDArray[np.float64]
    kinds: NDArray[np.int64]
    vectors: NDArray[np.float64]
    multiplicity: NDArray[np.int64]


def commensurate_points(supercell: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (|det|, 3) fractional q-points whose waves repeat with the supercell."""
    volume = round(abs(float(np.linalg.det(supercell))))
    generators = np.rint(volume * np.linalg.inv(supercell)).astype(np.int64).T
    points = np.zeros((1, 3), dtype=np.int64)
    for step in generators:
        order = next(k for k in range(1, volume + 1) if not ((k * step) % volume).any())
        added = points[:, None, :] + np.arange(order)[None, :, None] * step
        points = np.unique(added.reshape(-1, 3) % volume, axis=0)
    return points / volume


def separate(
    total: SupercellConstants,
    born_charges: NDArray[np.float64] | None,
    dielectric: NDArray[np.float64] | None,
    *,
    cutoff: float,
) -> ForceConstants:
    """Return the short-range constants of all edges shorter than `cutoff` [A].

    The dipole term at the q-points commensurate with the supercell is transformed to real space and
    taken from the constants; each constant is shared by the equivalent shortest vectors of its
    pair. Edges outside the Wigner-Seitz cell of the supercell are unknown and not listed.
    """
    n = len(total.frac_coords)
    short, at_gamma = total.constants, np.zeros((n, 3, n, 3), dtype=np.complex128)
    has_nac = born_charges is not None and dielectric is not None
    if born_charges is not None and dielectric is not None:
        folded, at_gamma = _folded_dipoles(total, born_charges, dielectric)
        short = short - folded
    edges = _edges(total)
    lengths = np.linalg.norm(edges.vectors @ total.cell, axis=1)
    tensors = short[edges.centres, edges.atoms] / edges.shares[:, None, None]
    apart = lengths > _SAME_SITE
    neighbours = total.kinds[edges.atoms]
    whole = at_gamma.real.transpose(0, 2, 1, 3).copy()
    np.add.at(whole, (edges.centres[apart], neighbours[apart]), tensors[apart])
    hermitian = (whole + whole.transpose(1, 0, 3, 2)) / 2.0
    shift = edges.vectors - total.frac_coords[neighbours] + total.frac_coords[edges.centres]
    kept = np.flatnonzero(apart & (lengths < cutoff))
    kept = kept[np.lexsort((lengths[kept].round(6), edges.centres[kept]))]
    return ForceConstants(
        centres=edges.centres[kept],
        neighbours=neighbours[kept],
        images=np.rint(shift[kept]).astype(np.int64),
        tensors=tensors[kept].astype(np.float32),
        on_site=hermitian.sum(axis=1),
        supercell=total.supercell,
        has_nac=has_nac,
    )


@dataclass(frozen=True, eq=False)
class _Edges:
    centres: NDArray[np.int64]
    atoms: NDArray[np.int64]  # of the supercell
    vectors: NDArray[np.float64]
    shares: NDArray[np.int64]


def _edges(total: SupercellConstants) -> _Edges:
    counts = total.multiplicity[:, :, 0].T.ravel()  # pairs (centre, atom of the supercell)
    starts = total.multiplicity[:, :, 1].T.ravel()
    pair = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    centres, atoms = np.divmod(pair, len(total.kinds))
    return _Edges(centres, atoms, total.vectors[starts[pair] + place], counts[pair])


def _folded_dipoles(
    total: SupercellConstants, born: NDArray[np.float64], eps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return the dipole term between supercell atoms (n, N, 3, 3) and at q = 0 (n, 3, n, 3)."""
    points = commensurate_points(total.supercell)
    points -= np.rint(points)
    wave = 2.0 * np.pi * points @ np.linalg.inv(total.cell).T
    term = dipole_term(wave, total.cell, total.frac_coords, born, eps)
    any_vector = total.vectors[total.multiplicity[:, :, 1].T]  # (n, N, 3)
    phase = np.exp(-2j * np.pi * any_vector @ points.T) / len(points)
    n, n_supercell = phase.shape[:2]
    folded: Any = np.empty((n, n_supercell, 3, 3))
    for i in range(n):
        of_atom = term[:, i].transpose(2, 0, 1, 3)[total.kinds]  # (N, q, 3, 3)
        folded[i] = np.einsum("kq,kqab->kab", phase[i], of_atom).real
    gamma = int(np.argmin((points**2).sum(axis=1)))
    return folded, term[gamma]
