"""Light and vibrations at Gamma: one oscillator, sum rules, longitudinal modes."""

import math

import numpy as np
import pytest

from phonodos.physics.dipole import COULOMB
from phonodos.physics.infrared import GammaModes, activities, gamma_modes, reflectivity
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING


def salt(k: float = 5.0) -> GammaModes:
    masses, z = np.array([20.0, 30.0]), 1.2
    root = np.sqrt(masses)
    pair = k * np.array([[1.0, -1.0], [-1.0, 1.0]]) / np.outer(root, root)
    born = z * np.array([1.0, -1.0])[:, None, None] * np.eye(3)
    return gamma_modes(np.kron(pair, np.eye(3)), masses, 40.0, born, 2.5 * np.eye(3))


def test_an_oscillator() -> None:
    found = salt()
    reduced = 1.0 / (1 / 20.0 + 1 / 30.0)
    w = math.sqrt(5.0 / reduced) * WAVENUMBER_PER_SQRT_SPRING
    np.testing.assert_allclose(found.frequencies, [0] * 3 + [w] * 3, atol=1e-6)
    assert found.sets == [[0, 1, 2], [3, 4, 5]]
    np.testing.assert_allclose(found.dipoles[:3], 0.0, atol=1e-12)
    added = 4.0 * math.pi * COULOMB / 40.0 * 1.2**2 / 5.0
    np.testing.assert_allclose(found.static, (2.5 + added) * np.eye(3), atol=1e-9)


def test_lyddane_sachs_teller() -> None:
    found = salt()
    w, polar = found.longitudinal(np.array([1.0, 2.0, 0.5]))
    assert polar.sum() == 1
    ratio = (float(w[polar][0]) / found.frequencies[3]) ** 2
    assert ratio == pytest.approx(found.static[0, 0] / 2.5)


def test_strengths_sum_to_the_charges() -> None:
    found = salt()
    total = (found.dipoles[:, :, None] * found.dipoles[:, None, :]).sum(axis=0)
    np.testing.assert_allclose(total, 1.2**2 * (1 / 20 + 1 / 30) * np.eye(3), atol=1e-12)


def test_eps_of_w() -> None:
    found = salt()
    eps = found.permittivity(np.array([0.0, 1e5]), 5.0)
    np.testing.assert_allclose(eps[0], found.static, atol=1e-9)
    np.testing.assert_allclose(eps[1].real, 2.5 * np.eye(3), atol=1e-3)
    resonant = found.permittivity(found.frequencies[3:4], 5.0)[0]
    assert resonant[0, 0].imag > 50.0
    assert reflectivity(np.array([4.0 + 0j]))[0] == pytest.approx(1 / 9)


def test_a_soft_mode_has_no_eps_0() -> None:
    assert np.isnan(salt(-5.0).static).all()


def test_activities() -> None:
    """Without symmetry all is seen; with a centre of symmetry what is even is Raman alone."""
    turns = np.array([np.eye(3), -np.eye(3)])
    assert activities(np.array([1.0]), turns[:1]) == (True, True)
    assert activities(np.array([1.0, 1.0]), turns) == (False, True)
    assert activities(np.array([1.0, -1.0]), turns) == (True, False)
