"""Thermodynamics against Einstein and Debye solids, its own laws, and the records of dfpt2018."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from phonodos.errors import ConfigError, PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import (
    BASES,
    cells_per,
    debye_temperature,
    dulong_petit_fraction,
    omega_log,
    oscillators,
    thermal_properties,
)
from phonodos.physics.units import (
    ATOMIC_MASS,
    AVOGADRO,
    BOLTZMANN,
    GAS_CONSTANT,
    JOULE_PER_WAVENUMBER,
    KELVIN_PER_WAVENUMBER,
    PLANCK,
    SPEED_OF_LIGHT,
)

T = np.array([0.0, 5.0, 50.0, 300.0, 1000.0])


def peak(at: float, n_atoms: int = 2) -> PhononDos:
    w = np.arange(0.0, 1001.0)
    g = np.exp(-0.5 * ((w - at) / 2.0) ** 2)
    return PhononDos(w, 3 * n_atoms * g / np.trapezoid(g, w), n_atoms)


def debye(cutoff: float, n_atoms: int = 1) -> PhononDos:
    w = np.linspace(0.0, cutoff, 4001)
    return PhononDos(w, 9 * n_atoms * w**2 / cutoff**3, n_atoms)


def test_einstein_solid() -> None:
    """A narrow peak is 3N oscillators of one frequency; the width enters in second order."""
    p = thermal_properties(peak(400.0), T)
    x = KELVIN_PER_WAVENUMBER * 400.0 / T[1:]
    c = 6 * GAS_CONSTANT * (x / 2 / np.sinh(x / 2)) ** 2
    s = 6 * GAS_CONSTANT * (x / np.expm1(x) - np.log1p(-np.exp(-x)))
    np.testing.assert_allclose(p.heat_capacity[2:], c[1:], rtol=2e-3)
    np.testing.assert_allclose(p.entropy[2:], s[1:], rtol=2e-3)
    assert p.zero_point_energy == pytest.approx(3 * 400.0 * 11.9626564, rel=1e-6)  # hc N_A


def test_debye_solid() -> None:
    dos = debye(300.0)
    theta = KELVIN_PER_WAVENUMBER * 300.0
    assert debye_temperature(dos) == pytest.approx(theta, rel=1e-5)
    assert omega_log(dos) == pytest.approx(300.0 * np.exp(-1 / 3), rel=1e-4)
    for t in (20.0, 100.0, 500.0):
        integral = quad(lambda x: x**4 * np.exp(x) / np.expm1(x) ** 2, 0, theta / t)[0]
        wanted = 9 * GAS_CONSTANT * (t / theta) ** 3 * integral
        assert thermal_properties(dos, [t]).heat_capacity[0] == pytest.approx(wanted, rel=1e-3)


def test_low_temperature_cube_law() -> None:
    c = thermal_properties(debye(300.0), [4.0, 8.0]).heat_capacity
    assert c[1] / c[0] == pytest.approx(8.0, rel=1e-2)


def test_absolute_zero_is_exact() -> None:
    p = thermal_properties(debye(300.0), [0.0])
    assert p.heat_capacity[0] == p.entropy[0] == 0.0
    assert p.internal_energy[0] == p.free_energy[0] == p.zero_point_energy


def test_dulong_and_petit() -> None:
    fraction = dulong_petit_fraction(debye(300.0, 3), [0.0, 1e4, 1e9])
    assert fraction[0] == 0.0
    assert fraction[1] == pytest.approx(1.0, abs=1e-3)
    assert fraction[2] == pytest.approx(1.0, abs=1e-7)
    assert np.isfinite(thermal_properties(debye(300.0), [1e12]).entropy).all()


def test_spectrum_of_51_points_converges_to_the_fine_one() -> None:
    """Slices make a coarse spectrum the piecewise-linear one, whatever its spacing."""
    coarse = np.arange(0.0, 1001.0, 20.0)
    g = np.interp(coarse, [0, 200, 600, 1000], [0.0, 0.02, 0.005, 0.0])
    fine = np.arange(0.0, 1000.1, 0.25)
    a = thermal_properties(PhononDos(coarse, g, 2), T)
    b = thermal_properties(PhononDos(fine, np.interp(fine, coarse, g), 2), T)
    np.testing.assert_allclose(a.heat_capacity[2:], b.heat_capacity[2:], rtol=1e-4)
    np.testing.assert_allclose(a.entropy[2:], b.entropy[2:], rtol=1e-4)


def test_imaginary_modes_are_left_out_and_counted() -> None:
    w = np.arange(-200.0, 401.0)
    g = np.where(w < -50, 1.0, 0.0) + np.where(w > 100, 1.0, 0.0)
    dos = PhononDos(w, 3 * g / np.trapezoid(g, w), 1)
    _, states = oscillators(dos)
    p = thermal_properties(dos, [1e6])
    assert p.imaginary_fraction == pytest.approx(1 / 3, abs=0.01)
    assert p.heat_capacity[0] == pytest.approx(GAS_CONSTANT * states.sum(), rel=1e-6)
    assert states.sum() == pytest.approx(2.0, abs=0.03)


def test_only_imaginary_modes_is_an_error() -> None:
    w = np.arange(-200.0, 1.0)
    with pytest.raises(PredictionError, match="no states at positive frequencies"):
        thermal_properties(PhononDos(w, np.where(w < -10, 0.015, 0.0), 1), [300.0])


@pytest.mark.parametrize("bad", [[-1.0], [np.nan], [np.inf]])
def test_impossible_temperatures(bad: list[float]) -> None:
    with pytest.raises(ConfigError, match="temperatures must be finite"):
        thermal_properties(debye(300.0), bad)


def test_bases_convert_into_each_other(perovskite: Crystal) -> None:
    p = thermal_properties(debye(300.0, 5), [300.0])
    per = {basis: p.per(basis, perovskite) for basis in BASES}
    c = {basis: q.heat_capacity[0] for basis, q in per.items()}
    assert c["cell"] == c["formula"] == pytest.approx(5 * c["atom"])
    mass = float(perovskite.masses.sum())
    assert c["kg"] == pytest.approx(c["cell"] / mass * 1000)
    density = mass / AVOGADRO / (perovskite.volume * 1e-24)  # g/cm^3
    assert density == pytest.approx(5.12, abs=0.02)  # SrTiO3, textbook
    assert c["cm3"] == pytest.approx(c["kg"] * density / 1000)
    assert per["kg"].amount == "kg"
    for basis in BASES:
        back = per[basis].per("cell", perovskite)
        assert back.zero_point_energy == pytest.approx(p.zero_point_energy)
    assert cells_per("cell", perovskite) == 1.0


def test_unknown_basis(perovskite: Crystal) -> None:
    with pytest.raises(ConfigError, match="--per gram is not known"):
        thermal_properties(debye(300.0, 5), [300.0]).per("gram", perovskite)


def test_equation_2_of_the_paper_written_out(perovskite: Crystal, rng: np.random.Generator) -> None:
    """C_V per mass: k_B sum of x^2 e^x / (e^x - 1)^2 g dw / m_tot, on a fine axis."""
    w = np.arange(0.5, 900.0)
    g = w**2 * np.exp(-(((w - rng.uniform(100, 700, 5)[:, None]) / 70) ** 2)).sum(0)
    dos = PhononDos(w, 15 * g / np.trapezoid(g, w), 5)
    t = 293.15
    x = PLANCK * SPEED_OF_LIGHT * 100.0 * w / (BOLTZMANN * t)
    mass = float(perovskite.masses.sum()) * ATOMIC_MASS
    integrand = x**2 * np.exp(x) / (np.exp(x) - 1) ** 2 * dos.densities
    wanted = BOLTZMANN * np.trapezoid(integrand, w) / mass
    found = thermal_properties(dos, [t]).per("kg", perovskite).heat_capacity[0]
    assert found == pytest.approx(wanted, rel=1e-5)
    assert found < 15 * GAS_CONSTANT / 0.18348  # Dulong and Petit, per kg of SrTiO3


def test_energies_of_an_einstein_solid() -> None:
    p = thermal_properties(peak(400.0), T)
    e = 400.0 * JOULE_PER_WAVENUMBER * AVOGADRO
    x = KELVIN_PER_WAVENUMBER * 400.0 / T[1:]
    u = 6 * e * (0.5 + 1 / np.expm1(x))
    f = 6 * (e / 2 + GAS_CONSTANT * T[1:] * np.log1p(-np.exp(-x)))
    np.testing.assert_allclose(p.internal_energy[1:], u, rtol=1e-4)
    np.testing.assert_allclose(p.free_energy[1:], f, rtol=1e-4)
    assert p.internal_energy[0] == p.free_energy[0] == pytest.approx(3 * e, rel=1e-6)


def test_classical_limit() -> None:
    """High T: C_V = 3N R, U = 3N R T, S = 3N R (1 + <ln(k T / h c w)>), whatever the spectrum."""
    dos, t = debye(300.0, 2), 1e6
    p = thermal_properties(dos, [t])
    modes = 6 * GAS_CONSTANT
    assert p.heat_capacity[0] == pytest.approx(modes, rel=1e-6)
    assert p.internal_energy[0] == pytest.approx(modes * t, rel=1e-6)
    x = KELVIN_PER_WAVENUMBER * omega_log(dos) / t
    assert p.entropy[0] == pytest.approx(modes * (1 - np.log(x)), rel=1e-6)
    assert p.free_energy[0] == pytest.approx(modes * t * np.log(x), rel=1e-6)


@pytest.mark.parametrize("t", [1e-300, 1e-3, 0.1])
def test_almost_absolute_zero(t: float) -> None:
    """No overflow on the way to the limit, and nothing negative."""
    p = thermal_properties(peak(400.0), [t])
    assert 0.0 <= p.heat_capacity[0] < 1e-8
    assert 0.0 <= p.entropy[0] < 1e-8
    assert p.internal_energy[0] == pytest.approx(p.zero_point_energy)
    assert p.free_energy[0] == pytest.approx(p.zero_point_energy)


def test_imaginary_states_do_not_move_the_means() -> None:
    w = np.arange(-300.0, 401.0)
    real = np.where(w > 100, 1.0, 0.0)
    soft = real + np.where(w < -50, 1.0, 0.0)
    a, b = (PhononDos(w, g, 1) for g in (real, soft))
    assert debye_temperature(a) == debye_temperature(b)
    assert omega_log(a) == omega_log(b)
    fraction = dulong_petit_fraction(PhononDos(w, 3 * soft / np.trapezoid(soft, w), 1), [1e6])
    assert fraction[0] == pytest.approx(300 / 550, abs=0.01)  # missing modes are not made up for


def test_every_function_scales_with_the_basis(rock_salt: Crystal) -> None:
    p = thermal_properties(debye(300.0, 2), [0.0, 300.0])
    q = p.per("atom", rock_salt)
    for name in ("heat_capacity", "entropy", "internal_energy", "free_energy"):
        np.testing.assert_allclose(getattr(q, name), getattr(p, name) / 2)
    assert q.zero_point_energy == pytest.approx(p.zero_point_energy / 2)
    assert (p.basis, q.basis, q.amount) == ("cell", "atom", "mol of atoms")
    per_formula = p.per("formula", rock_salt)
    assert per_formula.heat_capacity[1] == pytest.approx(p.heat_capacity[1])


def test_heat_capacity_of_the_records_is_per_formula_unit(
    records: dict[str, dict[str, Any]],
) -> None:
    """dfpt2018: C_V of the raw DOS per formula unit within 1 % of thermo.C_v at 300 K."""
    ratios, several = [], 0
    for record in records.values():
        if record["thermo_heat_capacity"] is None:
            continue
        coords = np.reshape(record["frac_coords"], (-1, 3))
        crystal = Crystal.ordered(np.reshape(record["cell"], (3, 3)), coords, record["species"])
        dos = PhononDos(record["dos_frequencies"], record["dos_densities"], crystal.n_atoms)
        ours = thermal_properties(dos, [300.0]).per("formula", crystal).heat_capacity[0]
        at = record["thermo_temperatures"].index(300.0)
        ratios.append(ours / record["thermo_heat_capacity"][at])
        several += crystal.n_formula_units > 1
    assert (len(ratios), several) == (1182, 549)  # Rb2O2 is one unit to the source, two to us
    assert np.abs(np.array(ratios) - 1.0).max() < 0.01


def test_entropy_and_energies_of_a_record(records: dict[str, dict[str, Any]]) -> None:
    """The other columns of thermo, from the DOS of one record, at 100, 300 and 800 K."""
    record = records["mp-1000"]
    dos = PhononDos(record["dos_frequencies"], record["dos_densities"], record["n_atoms"])
    t = [100.0, 300.0, 800.0]
    p, at = thermal_properties(dos, t), [record["thermo_temperatures"].index(x) for x in t]
    for name in ("entropy", "internal_energy", "free_energy"):
        theirs = np.array(record[f"thermo_{name}"])[at]
        np.testing.assert_allclose(getattr(p, name), theirs, rtol=0.01, err_msg=name)
