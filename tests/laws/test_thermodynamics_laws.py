"""Laws that tie the thermodynamic functions to each other, on an arbitrary spectrum."""

import numpy as np
import pytest

from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties


@pytest.fixture
def dos(rng: np.random.Generator) -> PhononDos:
    w = np.arange(0.0, 801.0)
    g = w**2 * np.exp(-(((w - rng.uniform(100, 600, 4)[:, None]) / 60) ** 2)).sum(0)
    return PhononDos(w, 12 * g / np.trapezoid(g, w), 4)


def at(dos: PhononDos, step: float = 0.0) -> ThermalProperties:
    return thermal_properties(dos, np.array([20.0, 77.0, 300.0, 900.0]) + step)


def test_free_energy_is_energy_minus_entropy(dos: PhononDos) -> None:
    p = at(dos)
    wanted = p.internal_energy - p.temperatures * p.entropy
    np.testing.assert_allclose(p.free_energy, wanted, rtol=1e-10)


def test_entropy_is_minus_the_slope_of_the_free_energy(dos: PhononDos) -> None:
    slope = (at(dos, 0.01).free_energy - at(dos, -0.01).free_energy) / 0.02
    np.testing.assert_allclose(at(dos).entropy, -slope, rtol=1e-5)


def test_heat_capacity_is_the_slope_of_the_energy(dos: PhononDos) -> None:
    slope = (at(dos, 0.01).internal_energy - at(dos, -0.01).internal_energy) / 0.02
    np.testing.assert_allclose(at(dos).heat_capacity, slope, rtol=1e-5)


def test_entropy_vanishes_at_zero_and_grows(dos: PhononDos) -> None:
    s = thermal_properties(dos, np.linspace(0, 1000, 50)).entropy
    assert s[0] == 0.0
    assert (np.diff(s) > 0).all()


def test_softer_crystals_hold_more_entropy(dos: PhononDos) -> None:
    soft = PhononDos(dos.frequencies * 0.8, dos.densities / 0.8, dos.n_atoms)
    assert (at(soft).entropy > at(dos).entropy).all()
    assert (at(soft).heat_capacity > at(dos).heat_capacity).all()
