"""Polar crystals: LO-TO splitting from charges alone, and phonopy's dynamical matrix as a judge."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.datasets.dfpt2018 import read_record
from phonodos.datasets.force_constants import separate
from phonodos.datasets.phonopy.calculation import PhonopyCalculation, quiet, read_calculation
from phonodos.datasets.phonopy.folders import find_calculations
from phonodos.model.bonds import bond_crystal
from phonodos.model.harmonic import HarmonicCrystals, harmonic_of
from phonodos.model.lattice import Lattice
from phonodos.physics.crystal import Crystal
from phonodos.physics.dipole import COULOMB
from phonodos.physics.units import THZ_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.phonopy_export import to_phonopy
from phonodos.structures.archives import read_members

LatticeOf = Callable[[Crystal], LatticeDynamics]
SMALL = 2e-3  # fractional, along which LO and TO are told apart


def salt(symbols: tuple[str, str], a: float) -> Crystal:
    cell = a / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0.0, 0, 0], [0.5, 0.5, 0.5]], list(symbols))


def without_springs(crystal: Crystal, born: Any, dielectric: Any) -> LatticeDynamics:
    """Return a crystal held by the dipole-dipole interaction alone."""
    bonded = bond_crystal(crystal, 5.0)
    n = len(bonded.forward)
    lattice = Lattice(
        force_constants=np.zeros((n, 3, 3)),
        born=np.asarray(born, dtype=np.float64),
        dielectric=np.asarray(dielectric, dtype=np.float64)[None],
        stiffness=np.ones(n),
    )
    return LatticeDynamics(crystal, harmonic_of(bonded, lattice, 0))


def splitting(lattice: LatticeDynamics) -> float:
    """Return sqrt(LO^2 - TO^2) [cm^-1] of a crystal with two atoms, near Gamma."""
    w = lattice.frequencies(np.array([[SMALL, SMALL, 0.0]]))[0]
    squares = np.sort(np.sign(w) * w**2)
    optical = squares[np.argsort(np.abs(squares))[3:]]
    return float(np.sqrt(optical.max() - optical.min()))


def test_lo_to_splitting_of_a_rock_salt() -> None:
    """sqrt(LO^2 - TO^2) = sqrt(4 pi e^2 Z^2 / (V eps mu))."""
    crystal, z, eps = salt(("Na", "Cl"), 5.64), 1.1, 2.3
    lattice = without_springs(crystal, [z * np.eye(3), -z * np.eye(3)], eps * np.eye(3))
    reduced = 1.0 / (1.0 / crystal.masses).sum()
    square = 4.0 * np.pi * COULOMB * z**2 / (crystal.volume * eps * reduced)
    wanted = np.sqrt(square) * WAVENUMBER_PER_SQRT_SPRING
    assert splitting(lattice) == pytest.approx(wanted, rel=1e-3)


def test_lo_to_splitting_of_real_charges(shared: Path) -> None:
    """The values of DFPT itself, from its charges and dielectric tensors."""
    wanted = {"mp-1265": 576.6, "mp-22862": 193.1}
    found = {}
    for name, content in read_members(shared / "dfpt2018" / "phonon-dfpt-2018.tar.xz"):
        if (key := Path(name).stem) in wanted:
            row = read_record(json.loads(content))
            crystal = Crystal.ordered(
                np.reshape(row["cell"], (3, 3)), np.reshape(row["frac_coords"], (-1, 3)),
                row["species"],
            )  # fmt: skip
            born = np.reshape(row["born_charges"], (-1, 3, 3))
            born = born - born.mean(axis=0)
            eps = np.reshape(row["dielectric"], (3, 3))
            found[key] = splitting(without_springs(crystal, born, eps))
        if len(found) == len(wanted):
            break
    assert found == pytest.approx(wanted, abs=0.1)


def test_the_direction_of_gamma_matters_in_an_anisotropic_crystal() -> None:
    """In a uniaxial crystal LO along c and along a differ as Z and eps do."""
    crystal = Crystal.ordered(np.diag([4.0, 4.0, 5.0]), [[0.0] * 3, [0.5] * 3], ["Li", "F"])
    charge = np.diag([1.0, 1.0, 1.4])
    lattice = without_springs(crystal, [charge, -charge], np.diag([2.0, 2.0, 3.0]))
    reduced = 1.0 / (1.0 / crystal.masses).sum()
    for axis, (z, eps) in ((0, (1.0, 2.0)), (2, (1.4, 3.0))):
        near = lattice.dynamical_matrices(1e-3 * np.eye(3)[axis : axis + 1])[0]
        limit = lattice.dynamical_matrices(np.zeros((1, 3)))[0]
        mode = np.zeros(6)
        mode[[axis, 3 + axis]] = [
            np.sqrt(reduced / crystal.masses[0]), -np.sqrt(reduced / crystal.masses[1])
        ]  # fmt: skip
        added = float((mode @ (near - limit) @ mode).real)
        square = 4.0 * np.pi * COULOMB * z**2 / (crystal.volume * eps * reduced)
        assert added == pytest.approx(square, rel=1e-3)


def put_in_by_hand(calculation: PhonopyCalculation) -> LatticeDynamics:
    """Return the lattice dynamics of a finished calculation, force constants of any length."""
    born, dielectric = calculation.born_charges, calculation.dielectric
    assert born is not None
    assert dielectric is not None
    constants = separate(calculation.constants, born, dielectric, cutoff=1e9)
    crystal = calculation.crystal
    steps = crystal.frac_coords[constants.neighbours] - crystal.frac_coords[constants.centres]
    vectors = (steps + constants.images) @ crystal.cell
    n = len(vectors)
    harmonic = HarmonicCrystals(
        cells=crystal.cell[None],
        positions=crystal.positions[None],
        masses=crystal.masses[None],
        owners=np.zeros(n, dtype=np.int64),
        firsts=constants.centres,
        seconds=constants.neighbours,
        vectors=vectors,
        # Every pair is listed in both directions, and a bond counts for both.
        force_constants=constants.tensors.astype(np.float64) / 2.0,
        stiffness=np.ones(n),
        born=born[None],
        dielectric=dielectric[None],
    )
    return LatticeDynamics(crystal, harmonic)


def against_phonopy(calculation: PhonopyCalculation) -> np.ndarray:
    """Return |our - phonopy's| frequencies [cm^-1] at random wave vectors."""
    q = np.random.default_rng(5).uniform(-0.5, 0.5, (6, 3))
    with quiet():
        calculation.phonon.run_qpoints(q)
    theirs = calculation.phonon.qpoints.frequencies / THZ_PER_WAVENUMBER
    return np.abs(put_in_by_hand(calculation).frequencies(q) - theirs)


def test_dynamical_matrix_agrees_with_phonopy_for_real_calculations(shared: Path) -> None:
    """Finite-displacement force constants and Born charges, put in by hand."""
    tar = shared / "phonondb2018" / "phonondb-2018-nac.tar"
    if not tar.is_file():
        pytest.skip("real data absent: phonondb2018")
    compared = 0
    for found in find_calculations(tar):
        calculation = read_calculation(found.files(), found.name)
        if calculation.crystal.n_atoms > 12 or not calculation.is_polar:
            continue
        difference = against_phonopy(calculation)
        assert difference.mean() < 0.1, found.name
        assert difference.max() < 1.0, found.name
        compared += 1
        if compared == 6:
            break
    assert compared == 6


def test_dynamical_matrix_agrees_with_phonopy_for_a_model(
    lattice_of: LatticeOf, low_symmetry: Crystal, tmp_path: Path
) -> None:
    """The same on force constants of the random network, through phonopy's file and back."""
    lattice = lattice_of(low_symmetry)
    to_phonopy(lattice).save(str(tmp_path / "phonopy.yaml"))
    files = {"phonopy.yaml": (tmp_path / "phonopy.yaml").read_bytes()}
    calculation = read_calculation(files, "model")
    assert against_phonopy(calculation).max() < 1.0
    q = np.random.default_rng(5).uniform(-0.5, 0.5, (6, 3))
    difference = put_in_by_hand(calculation).frequencies(q) - lattice.frequencies(q)
    assert np.abs(difference).max() < 1.0
