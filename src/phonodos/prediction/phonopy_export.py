"""Predicted lattice dynamics as a Phonopy object and as phonopy's files.

phonopy separates the dipole term with a width of its own and does not store ours. Total force
constants are therefore handed over: short range plus dipole term at the wave vectors commensurate
with a supercell that holds every bond, brought back to real space.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.force_constants import commensurate_points
from phonodos.datasets.phonopy.calculation import quiet
from phonodos.physics.crystal import compact
from phonodos.physics.lattice_vectors import reduced_basis
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, standard_basis, symmetry_dataset
from phonodos.results.desk import Results
from phonodos.structures.objects import to_phonopy_atoms

if TYPE_CHECKING:
    from phonopy import Phonopy

    from phonodos.prediction.lattice_dynamics import LatticeDynamics

Array = NDArray[np.float64]
LARGEST_SKEW = 1.5  # longest lattice vector over that of a reduced cell
PHONOPY_PARAMS, BORN = "phonopy_params.yaml", "BORN"
EUPHONIC_YAML = "euphonic.yaml"


def to_phonopy(
    lattice: "LatticeDynamics",
    reach: float | None = None,
    *,
    symmetry: bool = True,
    diagonal: bool = False,
) -> "Phonopy":
    """Return a Phonopy object of predicted lattice dynamics.

    Its primitive cell is that of `lattice`, unless that is left-handed or very skewed: phonopy's
    dipole sums fail there, and the cell of `phonopy_basis` is used.

    Parameters
    ----------
    lattice
        The prediction.
    reach
        Distance between opposite faces of the supercell [A], at least; by default a little more
        than twice the longest bond, so that no force constant meets its own periodic image.
    symmetry
        Whether phonopy is to look for the symmetry of the supercell, which takes it longer than all
        the rest; what is only written to a file does not need it.
    diagonal
        Whether the supercell is to be spanned by multiples of the cell's own vectors.

    Raises
    ------
    StructureError
        If a site is mixed.
    """
    from phonopy import Phonopy

    basis = phonopy_basis(lattice.crystal.cell)
    back = np.linalg.inv(basis)
    crystal = lattice.crystal
    atoms = to_phonopy_atoms(
        replace(crystal, cell=basis @ crystal.cell, frac_coords=crystal.frac_coords @ back)
    )
    atoms.masses = lattice.masses
    supercell = _multiples(lattice, basis) if diagonal else supercell_matrix(lattice, reach)
    multiples = np.rint(supercell @ back).astype(np.int64)
    multiples *= round(float(np.sign(np.linalg.det(multiples))))
    with quiet():
        # phonopy wants the new lattice vectors as columns. Its symmetry sees elements, not masses.
        phonon = Phonopy(
            atoms,
            multiples.T,
            primitive_matrix=np.eye(3),
            is_symmetry=symmetry and bool(np.allclose(lattice.masses, crystal.masses)),
            log_level=0,
        )
    phonon.force_constants = total_force_constants(lattice, supercell, phonon)
    if not lattice.metal:
        tensors = {"born": lattice.born_charges, "dielectric": lattice.dielectric}
        phonon.nac_params = {**tensors, "factor": _coulomb(), "method": "gonze"}
    return phonon


def write_phonopy(results: Results, lattice: "LatticeDynamics") -> None:
    """Write ``phonopy_params.yaml`` (cell, force constants, charges, eps) and ``BORN``.

    Of what was predicted as a metal, without charges and without BORN.

    ``phonopy.load`` and ``phonopy-load`` read the first alone; BORN is there for other programs.
    Both are of the primitive cell. The name is that of phonopy's input; ``phonopy.yaml`` would be
    written over by the summary of its commands.

    Raises
    ------
    StructureError
        If a site is mixed.
    DataError
        If a file cannot be written.
    """
    from phonopy.file_IO import write_BORN

    phonon = to_phonopy(lattice, symmetry=False)
    tensors = lattice.born_charges, lattice.dielectric

    def save(path: Path) -> None:
        phonon.save(str(path), settings={"displacements": False})

    results.yaml(PHONOPY_PARAMS, results.made_by(save, PHONOPY_PARAMS))
    if lattice.metal:
        return
    born = results.made_by(lambda path: write_BORN(phonon.primitive, *tensors, str(path)), BORN)
    # The format has one line for remarks, the first; numbers start in the second.
    first, rest = born.split("\n", 1)
    origin = "" if results.provenance is None else f"; {results.provenance.origin}"
    results.plain(BORN, f"{first}{origin}\n{rest}")


def write_euphonic(results: Results, lattice: "LatticeDynamics") -> None:
    """Write ``euphonic.yaml``: cell, force constants, charges and eps as Euphonic reads them.

    It is a file of phonopy whose supercell is spanned by multiples of the cell's own vectors:
    Euphonic (2.1) takes the matrix of a supercell for its transpose, and refuses others.
    ``ForceConstants.from_phonopy(summary_name="euphonic.yaml")`` reads it, phonopy too.

    Raises
    ------
    StructureError
        If a site is mixed.
    DataError
        If the file cannot be written.
    """
    phonon = to_phonopy(lattice, symmetry=False, diagonal=True)

    def save(path: Path) -> None:
        phonon.save(str(path), settings={"displacements": False})

    results.yaml(EUPHONIC_YAML, results.made_by(save, EUPHONIC_YAML))


def _multiples(lattice: "LatticeDynamics", basis: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a supercell matrix that is diagonal in the vectors ``basis @ cell``."""
    reach = 2.0 * float(np.linalg.norm(lattice.harmonic.vectors, axis=1).max()) + 1e-3
    heights = 1.0 / np.linalg.norm(np.linalg.inv(basis @ lattice.crystal.cell), axis=0)
    divisions = np.maximum(1, np.ceil(reach / heights - 1e-6)).astype(np.int64)
    return np.asarray(divisions[:, None] * basis)


def phonopy_basis(cell: Array) -> NDArray[np.int64]:
    """Return whole numbers B: phonopy is given the cell ``B @ cell``, right-handed and not skewed.

    B is the identity wherever that will do.
    """
    short = reduced_basis(cell)
    longest, enough = (np.linalg.norm(c, axis=1).max() for c in (cell, short @ cell))
    basis = short if longest > LARGEST_SKEW * enough else np.eye(3, dtype=np.int64)
    return basis if np.linalg.det(cell) > 0.0 else -basis


def supercell_matrix(lattice: "LatticeDynamics", reach: float | None = None) -> NDArray[np.int64]:
    """Return whole numbers S: the rows of ``S @ cell`` span a supercell at least `reach` [A] wide.

    Multiples of the standard primitive vectors: the supercell has the symmetry of the crystal.
    """
    if reach is None:
        reach = 2.0 * float(np.linalg.norm(lattice.harmonic.vectors, axis=1).max()) + 1e-3
    crystal = lattice.crystal
    short, reduced = compact(crystal)
    dataset = symmetry_dataset(short, SYMMETRY_TOLERANCE)
    basis = standard_basis(dataset, None if dataset is not None else short.reduction)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(basis @ short.cell), axis=0)
    divisions = np.maximum(1, np.ceil(reach / heights - 1e-6)).astype(np.int64)
    return np.asarray(np.rint(divisions[:, None] * basis), dtype=np.int64) @ reduced


def total_force_constants(
    lattice: "LatticeDynamics", supercell: NDArray[np.int64], phonon: "Phonopy"
) -> Array:
    """Return (n, N, 3, 3) total force constants between primitive and supercell atoms [eV/A^2].

    Phi(i, s) = (1 / number of q) sum_q sqrt(m_i m_j) D_ij(q) exp(-i q.(r_s - r_i)).
    """
    n = lattice.crystal.n_atoms
    qpoints = commensurate_points(supercell)
    matrices = lattice.dynamical_matrices(qpoints).reshape(-1, n, 3, n, 3)
    root = np.sqrt(lattice.masses)
    matrices = matrices * root[:, None, None, None] * root[:, None]
    atoms, primitive = phonon.supercell, phonon.primitive
    coords = np.linalg.solve(lattice.crystal.cell.T, atoms.positions.T).T
    first = primitive.p2s_map
    kinds = np.array([primitive.p2p_map[k] for k in primitive.s2p_map])
    constants = np.zeros((n, len(coords), 3, 3))
    for i in range(n):
        waves = np.exp(-2j * np.pi * (coords - coords[first[i]]) @ qpoints.T)
        for j in range(n):
            places = np.flatnonzero(kinds == j)
            between = matrices[:, i, :, j].reshape(len(qpoints), 9)
            constants[i, places] = (waves[places] @ between).real.reshape(-1, 3, 3) / len(qpoints)
    return constants


def _coulomb() -> float:
    """Return e^2 / (4 pi epsilon_0) [eV A] with phonopy's own constants."""
    from phonopy.physical_units import get_physical_units

    units = get_physical_units()
    return float(units.Hartree * units.Bohr)
