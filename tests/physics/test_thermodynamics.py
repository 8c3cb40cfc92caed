"""Thermodynamics against Einstein and Debye solids, its own laws, and the records of dfpt2018."""

import json
import tarfile
from pathlib import Path

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
from phonodos.physics.units import AVOGADRO, GAS_CONSTANT, KELVIN_PER_WAVENUMBER, WAVENUMBER_PER_EV

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
    with pytest.raises(ConfigError, match="unknown basis 'gram'"):
        thermal_properties(debye(300.0, 5), [300.0]).per("gram", perovskite)


def test_heat_capacity_of_the_records_is_per_formula_unit(shared: Path) -> None:
    """dfpt2018: C_V of the raw DOS per formula unit within 1 % of thermo.C_v at 300 K."""
    ratios = []
    with tarfile.open(shared / "dfpt2018" / "phonon-dfpt-2018.tar.xz", "r|xz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            record = json.loads(file.read())
            if not record["thermo"]:
                continue
            n = record["metadata"]["nsites"]
            units = _formula_units(record["metadata"]["structure"])
            dos = PhononDos(
                np.array(record["phonon"]["dos_frequencies"]),
                np.array(record["phonon"]["ph_dos"]) / WAVENUMBER_PER_EV,
                n,
            )
            ours = thermal_properties(dos, [300.0]).heat_capacity[0] / units
            at = record["thermo"]["temperature"].index(300.0)
            ratios.append(ours / record["thermo"]["C_v"][at])
    assert len(ratios) == 1182
    assert np.abs(np.array(ratios) - 1.0).max() < 0.01


def _formula_units(cif: str) -> int:
    key = "_cell_formula_units_Z"
    return int(next(line for line in cif.splitlines() if line.startswith(key)).split()[1])
