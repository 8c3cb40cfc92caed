"""Real matrices of crystals with a centre: the eigenvalues stay, and others are left alone."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.inversion import centred_positions, partners, real_form
from phonodos.prediction.lattice_dynamics import LatticeDynamics

Q = np.array([[0.23, 0.41, -0.17], [0.0, 0.0, 0.0], [0.5, 0.31, 0.0]])


@pytest.fixture
def centred() -> Crystal:
    """A triclinic cell with pairs of atoms, one atom on the centre, and one between two cells."""
    cell = np.array([[4.6, 0.3, 0.1], [-0.2, 5.1, 0.4], [0.5, 0.2, 5.6]])
    half = np.array([[0.13, 0.21, 0.34], [0.27, 0.62, 0.11]])
    centre = np.array([0.1, 0.05, 0.2])
    coords = np.concatenate([[[0.0] * 3], half, -half, [[0.5, 0.0, 0.0]]]) + centre
    return Crystal.ordered(cell, coords, ["Ti", "O", "Mg", "O", "Mg", "Sr"])


def test_partners(centred: Crystal) -> None:
    assert np.asarray(partners(centred, (0, 1, 2, 1, 2, 3))).tolist() == [0, 3, 4, 1, 2, 5]
    assert partners(centred, (0, 1, 2, 4, 2, 3)) is None  # one of a pair is an isotope


def test_positions_from_the_centre_are_odd(centred: Crystal) -> None:
    images = np.array([0, 3, 4, 1, 2, 5])
    shaken = centred.positions + 1e-3 * np.random.default_rng(1).normal(size=(6, 3))
    found = centred_positions(shaken, centred.cell, images)
    whole = np.linalg.solve(centred.cell.T, (found + found[images]).T).T
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-12)
    moved = np.linalg.solve(centred.cell.T, (found - shaken).T).T
    apart = 2.0 * (moved - moved[0])
    assert np.abs(apart - np.rint(apart)).max() < 2e-3  # one shift, but for half lattice vectors


def test_eigenvalues_stay(
    centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    images = partners(centred, (0, 1, 2, 1, 2, 3))
    assert images is not None
    matrices = lattice_of(centred).dynamical_matrices(Q)
    real = real_form(matrices, images)
    assert real is not None
    assert real.dtype == np.float64
    np.testing.assert_allclose(real, real.swapaxes(1, 2), atol=1e-12)
    wanted = np.linalg.eigvalsh(matrices)
    np.testing.assert_allclose(np.linalg.eigvalsh(real), wanted, atol=1e-6 * np.abs(wanted).max())


def test_matrices_without_the_symmetry_are_left_alone(
    centred: Crystal, low_symmetry: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    assert partners(low_symmetry, range(4)) is None
    matrices = lattice_of(centred).dynamical_matrices(Q)
    assert real_form(matrices, np.array([0, 4, 3, 2, 1, 5])) is None
    matrices[0, 3, 4] += 0.01 * np.abs(matrices).max()
    assert real_form(matrices, np.array([0, 3, 4, 1, 2, 5])) is None


def test_frequencies_take_the_short_way(
    centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    lattice = lattice_of(centred)
    assert lattice.frequencies(Q) == pytest.approx(lattice.modes(Q)[0], abs=1e-3)
