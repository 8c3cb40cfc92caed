"""Predicted lattice dynamics as a Phonopy object.

phonopy separates the dipole term with a width of its own and does not store ours. Total force
constants are therefore handed over: short range plus dipole term at the wave vectors commensurate
with a supercell that holds every bond, brought back to real space.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.data.structure_objects import to_phonopy_atoms

if TYPE_CHECKING:
    from phonopy import Phonopy

    from phonodos.prediction.lattice_dynamics import LatticeDynamics

Array = NDArray[np.float64]


def to_phonopy(lattice: "LatticeDynamics", reach: float | None = None) -> "Phonopy":
    """Return a Phonopy object of predicted lattice dynamics.

    Parameters
    ----------
    lattice
        The prediction.
    reach
        Distance between opposite faces of the supercell [A], at least; by default a little more
        than twice the longest bond, so that no force constant meets its own periodic image.

    Raises
    ------
    StructureError
        If a site is mixed.
    """
    from phonopy import Phonopy

    atoms = to_phonopy_atoms(lattice.crystal)
    divisions = supercell_divisions(lattice, reach)
    phonon = Phonopy(atoms, np.diag(divisions), primitive_matrix=np.eye(3), log_level=0)
    phonon.force_constants = total_force_constants(lattice, divisions, phonon)
    phonon.nac_params = {
        "born": lattice.born_charges,
        "dielectric": lattice.dielectric,
        "factor": _coulomb(),
        "method": "gonze",
    }
    return phonon


def supercell_divisions(
    lattice: "LatticeDynamics", reach: float | None = None
) -> NDArray[np.int64]:
    """Return the whole-number multiples of the three lattice vectors that give `reach` [A]."""
    if reach is None:
        reach = 2.0 * float(lattice.harmonic.vectors.norm(dim=1).max()) + 1e-3
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice.crystal.cell), axis=0)
    divisions: NDArray[np.int64] = np.ceil(reach / heights - 1e-6).astype(np.int64)
    return divisions


def total_force_constants(
    lattice: "LatticeDynamics", divisions: NDArray[np.int64], phonon: "Phonopy"
) -> Array:
    """Return (n, N, 3, 3) total force constants between primitive and supercell atoms [eV/A^2].

    Phi(i, s) = (1 / number of q) sum_q sqrt(m_i m_j) D_ij(q) exp(-i q.(r_s - r_i)).
    """
    n = lattice.crystal.n_atoms
    axes = [np.arange(k) / k for k in divisions]
    qpoints = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    matrices = lattice.dynamical_matrices(qpoints).reshape(-1, n, 3, n, 3)
    root = np.sqrt(lattice.harmonic.masses[0].double().cpu().numpy())
    matrices = matrices * root[:, None, None, None] * root[:, None]
    supercell = phonon.supercell
    coords = np.linalg.solve(lattice.crystal.cell.T, supercell.positions.T).T
    first = phonon.primitive.p2s_map
    kinds = np.array([phonon.primitive.p2p_map[k] for k in phonon.primitive.s2p_map])
    constants = np.zeros((n, len(coords), 3, 3))
    for i in range(n):
        waves = np.exp(-2j * np.pi * (coords - coords[first[i]]) @ qpoints.T)
        between = matrices[:, i][:, :, kinds]  # (q, 3, N, 3)
        constants[i] = np.einsum("sq,qasb->sab", waves, between).real / len(qpoints)
    return constants


def _coulomb() -> float:
    """Return e^2 / (4 pi epsilon_0) [eV A] with phonopy's own constants."""
    from phonopy.physical_units import get_physical_units

    units = get_physical_units()
    return float(units.Hartree * units.Bohr)
