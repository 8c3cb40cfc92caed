"""Neutron weights: tabulated cross-sections, sums over sites, what has none."""

import numpy as np
import pytest

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.displacements import AMPLITUDE
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass
from phonodos.physics.neutron import (
    cross_section,
    mean_squared,
    neutron_curve,
    neutron_weights,
    occupation,
    one_phonon,
    quadratic_near_zero,
    thermal_curve,
)
from phonodos.physics.units import KELVIN_PER_WAVENUMBER

AXIS = np.arange(0.0, 101.0)


def projected(crystal: Crystal) -> PhononDos:
    """Return a spectrum in which atom k vibrates at 20 (k + 1) cm^-1 only."""
    rows = [np.exp(-((AXIS - 20.0 * (k + 1)) ** 2)) for k in range(crystal.n_atoms)]
    rows = [3.0 * row / np.trapezoid(row, AXIS) for row in rows]
    return PhononDos(AXIS, np.sum(rows, axis=0), crystal.n_atoms, np.array(rows))


@pytest.mark.parametrize(
    ("symbol", "barn"), [("H", 82.02), ("D", 7.64), ("O", 4.232), ("U", 8.908), ("V", 5.1)]
)
def test_cross_sections(symbol: str, barn: float) -> None:
    """Values of Rauch and Waschkowski and of Sears, Neutron News 3 (1992)."""
    assert cross_section(symbol) == pytest.approx(barn, rel=0.01)


@pytest.mark.parametrize(
    ("species", "barn"),
    [
        ("Ni[57.935342]", 26.1), ("Li[6.015123]", 0.97), ("O[17.99916]", 4.29),
        ("O[16.5]", 4.232), ("Ni[58.6934]", 18.5),
    ],
)  # fmt: skip
def test_cross_sections_of_isotopes(species: str, barn: float) -> None:
    """Sears (1992); a mass that is no isotope's leaves the cross-section of the element."""
    assert cross_section(species) == pytest.approx(barn, rel=0.01)


def test_detailed_balance() -> None:
    w = np.arange(-500.0, 501.0)
    rows = np.abs(w)[None] ** 2 * np.exp(-(((np.abs(w) - 200.0) / 80.0) ** 2))
    for kelvin in (10.0, 300.0, 2000.0):
        s = one_phonon(w, rows, kelvin)[0]
        loss, gain = s[w > 0], s[::-1][w > 0]
        expected = np.exp(-KELVIN_PER_WAVENUMBER * w[w > 0] / kelvin)
        np.testing.assert_allclose(gain, loss * expected, rtol=1e-9, atol=1e-300)
    cold = one_phonon(w, rows, 0.0)[0]
    assert (cold[w < 0] == 0.0).all()
    np.testing.assert_allclose(cold[w > 0], rows[0][w > 0] / w[w > 0])


def test_hot_spectra_are_classical() -> None:
    w = np.arange(1.0, 300.0)
    n = occupation(w, 1e5)
    np.testing.assert_allclose(n + 0.5, 1e5 / (KELVIN_PER_WAVENUMBER * w), rtol=1e-4)
    curve = thermal_curve(Curve(np.arange(0.0, 300.0), np.arange(0.0, 300.0) ** 2), 1e5)
    np.testing.assert_allclose(curve.values / curve.values[10], 1.0, rtol=0.01)


def test_nothing_peaks_at_zero() -> None:
    """A density that smoothing has moved to zero goes as w^2 there."""
    w = np.arange(0.0, 10.0)
    found = quadratic_near_zero(w, np.ones((1, 10)))[0]
    np.testing.assert_allclose(found[:4], (w[:4] / 3.0) ** 2)
    assert (found[3:] == 1.0).all()


def test_displacements_of_an_oscillator(rock_salt: Crystal) -> None:
    """hbar / (2 m w) coth: lines at 20 and 40 cm^-1, Na and Cl."""
    found = mean_squared(projected(rock_salt), rock_salt.masses, 77.0)
    w = np.array([20.0, 40.0])
    expected = AMPLITUDE / (rock_salt.masses * w) / np.tanh(KELVIN_PER_WAVENUMBER * w / 154.0)
    np.testing.assert_allclose(found, expected, rtol=5e-3)  # the lines have a width


def test_weights_of_pure_and_mixed_sites(rock_salt: Crystal) -> None:
    sodium = cross_section("Na") / atomic_mass("Na")
    chlorine, bromine = (cross_section(s) / atomic_mass(s) for s in ("Cl", "Br"))
    np.testing.assert_allclose(neutron_weights(rock_salt), [sodium, chlorine])
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 1.0}, {"Cl": 0.25, "Br": 0.75}))
    np.testing.assert_allclose(neutron_weights(mixed), [sodium, 0.25 * chlorine + 0.75 * bromine])


def test_the_curve_is_the_weighted_sum(rock_salt: Crystal) -> None:
    curve = neutron_curve(projected(rock_salt), rock_salt)
    at = curve.on(np.array([20.0, 40.0]))
    sodium, chlorine = neutron_weights(rock_salt)
    assert at[0] / at[1] == pytest.approx(sodium / chlorine, rel=1e-6)


def test_a_spectrum_without_projection(rock_salt: Crystal) -> None:
    whole = projected(rock_salt)
    with pytest.raises(DataError, match="not projected"):
        neutron_curve(PhononDos(AXIS, whole.densities, 2), rock_salt)


@pytest.mark.parametrize("symbol", ["Po", "Ds", "Fm"])
def test_elements_without_scattering_length(rock_salt: Crystal, symbol: str) -> None:
    crystal = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Na", symbol])
    with pytest.raises(StructureError, match=f"no neutron scattering length is known for {symbol}"):
        neutron_weights(crystal)
