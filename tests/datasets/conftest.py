"""The real data set, prepared once; phonopy calculations of crystals on springs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import commensurate_points
from phonodos.datasets.preparation import PrepareReport, prepare
from phonodos.physics.dipole import COULOMB, dipole_term
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING


@pytest.fixture(scope="session")
def prepared(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> PrepareReport:
    """The shared archive of dfpt2018 as a data set, and the report."""
    output = tmp_path_factory.mktemp("dfpt2018") / "dfpt2018.parquet"
    return prepare("dfpt2018", shared / "dfpt2018" / "phonon-dfpt-2018.tar.xz", output)


@pytest.fixture(scope="session")
def spring_phonon() -> Any:
    """A Phonopy object: rock salt on nearest-neighbour springs, with charges; forces are exact.

    Along a bond 3 eV/A^2, across it 0.4; Born charges of 1.1 e, dielectric constant 2.3. What is
    left when the dipole term is taken off are these springs and nothing else.
    """
    return _spring_phonon(born=1.1, dielectric=2.3)


@pytest.fixture(scope="session")
def neutral_phonon() -> Any:
    """The same springs without charges and without Born tensors."""
    return _spring_phonon(born=None, dielectric=None)


def _spring_phonon(*, born: float | None, dielectric: float | None, times: int = 2) -> Any:
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    unit_cell = PhonopyAtoms(
        symbols=["Na"] * 4 + ["Cl"] * 4,
        cell=5.64 * np.eye(3),
        scaled_positions=np.vstack([corners, (corners + 0.5) % 1.0]),
    )
    phonon = Phonopy(unit_cell, supercell_matrix=times * np.eye(3, dtype=int), primitive_matrix="F")
    constants = _spring_constants(phonon)
    if born is not None and dielectric is not None:
        charges = np.array([born * np.eye(3), -born * np.eye(3)])
        constants += _dipole_constants(phonon, charges, dielectric * np.eye(3))
        phonon.nac_params = {
            "born": charges,
            "dielectric": dielectric * np.eye(3),
            "factor": COULOMB,
        }
    itself = np.array(phonon.primitive.p2s_map)
    constants[np.arange(2), itself] = 0.0
    constants[np.arange(2), itself] = -constants.sum(axis=1)
    phonon.generate_displacements(distance=0.01)
    forces = []
    for displaced in phonon.dataset["first_atoms"]:
        atom = list(itself).index(displaced["number"])
        forces.append(-np.einsum("kab,a->kb", constants[atom], displaced["displacement"]))
    phonon.forces = np.array(forces)
    phonon.produce_force_constants(calculate_full_force_constants=False)
    return phonon


def _spring_constants(phonon: Any) -> NDArray[np.float64]:
    cell = phonon.supercell.cell
    positions = phonon.supercell.scaled_positions
    constants = np.zeros((2, len(positions), 3, 3))
    for i, atom in enumerate(phonon.primitive.p2s_map):
        apart = positions - positions[atom]
        vectors = (apart - np.rint(apart)) @ cell
        lengths = np.linalg.norm(vectors, axis=1)
        for k in np.flatnonzero((lengths > 0.1) & (lengths < 3.0)):
            along = np.outer(vectors[k], vectors[k]) / lengths[k] ** 2
            constants[i, k] = -(3.0 * along + 0.4 * (np.eye(3) - along))
    return constants


def _dipole_constants(
    phonon: Any, born: NDArray[np.float64], dielectric: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the dipole term of all waves that fit into the supercell, summed in real space."""
    primitive, supercell = phonon.primitive, phonon.supercell
    times = np.rint(supercell.cell @ np.linalg.inv(primitive.cell)).astype(int)
    waves = 2 * np.pi * commensurate_points(times) @ np.linalg.inv(primitive.cell).T
    term = dipole_term(waves, primitive.cell, primitive.scaled_positions, born, dielectric)
    kinds = [list(primitive.p2s_map).index(k) for k in primitive.s2p_map]
    constants = np.empty((2, len(kinds), 3, 3))
    for i, atom in enumerate(primitive.p2s_map):
        vectors = supercell.positions - supercell.positions[atom]
        phase = np.exp(-1j * vectors @ waves.T) / len(waves)
        constants[i] = [
            np.einsum("q,qab->ab", phase[k], term[:, i, :, j, :]).real for k, j in enumerate(kinds)
        ]
    return constants


@pytest.fixture(scope="session")
def spring_files(spring_phonon: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the rock salt calculation as phonopy users have it; copy it before breaking it."""
    folder = tmp_path_factory.mktemp("springs") / "rock-salt"
    folder.mkdir()
    write_calculation(spring_phonon, folder)
    return folder


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a supercell of one cell, where the physics does not matter but the time does."""
    folder = tmp_path_factory.mktemp("springs") / "small"
    folder.mkdir()
    write_calculation(_spring_phonon(born=1.1, dielectric=2.3, times=1), folder)
    return folder


def write_calculation(phonon: Any, folder: Path) -> None:
    """Write POSCAR-unitcell, phonopy.conf, FORCE_SETS and, if there are charges, BORN."""
    from phonopy.file_IO import write_FORCE_SETS
    from phonopy.interface.vasp import write_vasp

    write_vasp(folder / "POSCAR-unitcell", phonon.unitcell)
    axes = "0 1/2 1/2  1/2 0 1/2  1/2 1/2 0"
    dim = " ".join(str(n) for n in np.diag(phonon.supercell_matrix))
    (folder / "phonopy.conf").write_text(f"DIM = {dim}\nPRIMITIVE_AXES = {axes} # F\n")
    write_FORCE_SETS(phonon.dataset, filename=folder / "FORCE_SETS")
    if phonon.nac_params is not None:
        tensors = [phonon.nac_params["dielectric"], *phonon.nac_params["born"]]
        lines = [" ".join(f"{v:.8f}" for v in np.ravel(tensor)) for tensor in tensors]
        (folder / "BORN").write_text("\n".join(["14.4", *lines]) + "\n")


@pytest.fixture(scope="session")
def frequencies_of() -> Callable[..., NDArray[np.float64]]:
    """The formula of the design, written out: frequencies [cm^-1] of a row at fractional q."""
    return _frequencies


def _frequencies(
    dataset: Dataset, index: int, qpoints: Any, born: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    crystal, constants = dataset.crystal(index), dataset.force_constants(index)
    assert constants is not None
    coords, n = crystal.frac_coords, crystal.n_atoms
    i, j = constants.centres, constants.neighbours
    q = np.atleast_2d(qpoints)
    phase = np.exp(2j * np.pi * q @ (coords[j] - coords[i] + constants.images).T)
    matrices = np.zeros((len(q), n, 3, n, 3), dtype=complex)
    for edge, tensor in enumerate(constants.tensors.astype(np.float64)):
        matrices[:, i[edge], :, j[edge], :] += phase[:, edge, None, None] * tensor
    if constants.has_nac:
        charges, eps = dataset.born_charges(index), dataset.dielectric(index)
        charges = charges if born is None else born
        assert charges is not None
        assert eps is not None
        waves = 2 * np.pi * q @ np.linalg.inv(crystal.cell).T
        matrices += dipole_term(waves, crystal.cell, coords, charges, eps)
    for atom in range(n):
        matrices[:, atom, :, atom, :] -= constants.on_site[atom]
    root = np.repeat(np.sqrt(crystal.masses), 3)
    matrices = matrices.reshape(len(q), 3 * n, 3 * n) / np.outer(root, root)
    values = np.linalg.eigvalsh((matrices + matrices.conj().transpose(0, 2, 1)) / 2)
    return WAVENUMBER_PER_SQRT_SPRING * np.sign(values) * np.sqrt(np.abs(values))
