"""Quasi-harmonic properties: laws of thermodynamics, phonopy's numbers, equations of state."""

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError, PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.quasi_harmonic import (
    EQUATIONS,
    GPA_PER_EV_A3,
    JOULE_PER_EV,
    EquationOfState,
    QuasiHarmonicCrystal,
    fit_equation_of_state,
)

V0, GAMMA = 45.0, 1.6
VOLUMES = V0 * (1.0 + np.array([-0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.04])) ** 3


def spectrum(scale: float = 1.0) -> PhononDos:
    """Two atoms: a parabola at the start, a peak, on an axis that is fine near zero."""
    axis = np.concatenate([np.geomspace(1e-3, 5.0, 200), np.arange(5.5, 401.0, 0.5)])
    w = axis
    g = w**2 / (1.0 + np.exp((w - 180.0) / 8.0)) + 3e4 * np.exp(-(((w - 260.0) / 25.0) ** 2))
    g *= 6.0 / np.trapezoid(g, w)
    return PhononDos(w * scale, g / scale, 2)


def made(kind: str = "vinet", modulus: float = 60.0, gamma: float = GAMMA) -> QuasiHarmonicCrystal:
    """A crystal all of whose frequencies go as V^-gamma."""
    equation = EquationOfState(kind, -3.0, V0, modulus, 4.5)
    return QuasiHarmonicCrystal(equation, VOLUMES, [spectrum((v / V0) ** -gamma) for v in VOLUMES])


@pytest.mark.parametrize("kind", EQUATIONS)
def test_the_equation_of_state_has_its_own_derivatives(kind: str) -> None:
    eos = EquationOfState(kind, -3.0, V0, 60.0, 4.5)
    v, h = np.linspace(0.85, 1.2, 9) * V0, 1e-3
    slope = (eos.energies(v + h) - eos.energies(v - h)) / (2 * h) * GPA_PER_EV_A3
    np.testing.assert_allclose(eos.pressures(v), -slope, atol=1e-5)
    bend = (eos.pressures(v + h) - eos.pressures(v - h)) / (2 * h)
    np.testing.assert_allclose(eos.bulk_moduli(v), -v * bend, rtol=1e-6)
    assert eos.pressures(V0) == pytest.approx(0.0, abs=1e-12)
    assert eos.bulk_moduli(V0) == pytest.approx(60.0)
    stiffening = -(eos.bulk_moduli(V0 + h) - eos.bulk_moduli(V0 - h)) / (
        eos.pressures(V0 - h) - eos.pressures(V0 + h)
    )
    assert stiffening == pytest.approx(4.5, rel=1e-5)


@pytest.mark.parametrize("kind", EQUATIONS)
def test_a_fit_returns_what_made_the_energies(kind: str) -> None:
    eos = EquationOfState(kind, -3.0, V0, 60.0, 4.5)
    v = np.linspace(0.92, 1.1, 9) * V0
    found = fit_equation_of_state(v, eos.energies(v), kind)
    assert (found.energy, found.volume) == pytest.approx((-3.0, V0), rel=1e-7)
    assert (found.bulk_modulus, found.derivative) == pytest.approx((60.0, 4.5), rel=1e-5)
    assert found.misfit < 1e-8


@pytest.mark.parametrize("kind", EQUATIONS)
def test_phonopys_equation_of_state(kind: str) -> None:
    from phonopy.qha.eos import fit_to_eos, get_eos

    v = np.linspace(0.93, 1.1, 8) * V0
    e = 0.01 * (v - V0) ** 2 - 3e-4 * (v - V0) ** 3
    theirs = fit_to_eos(v, e, get_eos(kind.replace("-", "_")))
    ours = fit_equation_of_state(v, e, kind)
    assert ours.volume == pytest.approx(theirs[3], rel=1e-6)
    assert ours.bulk_modulus == pytest.approx(theirs[1] * GPA_PER_EV_A3, rel=1e-5)
    assert ours.derivative == pytest.approx(theirs[2], rel=1e-4)


@pytest.mark.parametrize(
    ("volumes", "energies", "what"),
    [
        ([44, 45, 46], [1, 0, 1], "3 different volumes"),
        ([44, 45, 46, 46], [1, 0, 1, 1], "3 different volumes"),
        ([44, 45, 46, 47, 48], [0, 1, 2, 3, 4], "no minimum"),
        ([44, 45, 46, 47, 48], [0, 1, 1.5, 1, 0], "no minimum"),
        ([44, 45, 46, 47], [1, 0, np.nan, 1], "no pairs of numbers"),
        ([-44, 45, 46, 47], [1, 0, 1, 2], "a volume of -44"),
        ([44, 45, 46, 47], [1, 0, 1], "no pairs of numbers"),
        ([44, 45, 46, 47, 48], [4.4e3, 1e3, 0, 8e2, 2.8e3], "a bulk modulus of"),
    ],
)
def test_energies_that_fit_no_crystal(
    volumes: list[float], energies: list[float], what: str
) -> None:
    with pytest.raises(DataError, match=what):
        fit_equation_of_state(volumes, energies, "birch-murnaghan", "e-v.dat")


def test_an_unknown_equation() -> None:
    with pytest.raises(ConfigError, match="unknown equation of state 'murnaghan'"):
        fit_equation_of_state([1], [1], "murnaghan")


@pytest.mark.parametrize("kind", EQUATIONS)
def test_laws_of_thermodynamics(kind: str) -> None:
    """S = -dG/dT, C_p = T dS/dT, alpha = dV/dT / V by differences; C_p - C_V = alpha^2 B V T."""
    series = made(kind)
    t, h = np.array([30.0, 100.0, 300.0, 600.0]), 0.01
    p, above, below = (series.properties(t + d) for d in (0.0, h, -h))
    step = 2.0 * h
    np.testing.assert_allclose(
        p.entropy, -(above.gibbs_energy - below.gibbs_energy) / step, rtol=1e-5
    )
    np.testing.assert_allclose(
        p.heat_capacity_pressure, t * (above.entropy - below.entropy) / step, rtol=1e-5
    )
    np.testing.assert_allclose(
        p.expansion, (above.volumes - below.volumes) / step / p.volumes, rtol=1e-4
    )
    wanted = p.expansion**2 * p.bulk_modulus * p.volumes * t / GPA_PER_EV_A3 * JOULE_PER_EV
    np.testing.assert_allclose(p.heat_capacity_pressure - p.heat_capacity_volume, wanted, rtol=1e-9)
    assert (p.heat_capacity_pressure > p.heat_capacity_volume).all()


def test_the_bulk_modulus_is_the_slope_of_the_pressure() -> None:
    """At one temperature a little pressure, as an energy p V, moves the minimum by -V p / B."""
    from dataclasses import replace

    series = made()
    p = series.properties([400.0])
    kick = 0.02  # [GPa]

    class Pressed(EquationOfState):
        def pressures(self, volumes: object) -> np.ndarray:
            return super().pressures(volumes) - kick  # type: ignore[arg-type]

    eos = series.equation
    pressed = replace(series, equation=Pressed(eos.kind, eos.energy, V0, 60.0, 4.5))
    moved = pressed.properties([400.0]).volumes - p.volumes
    assert p.bulk_modulus[0] == pytest.approx(-p.volumes[0] * kick / moved[0], rel=2e-3)


def test_one_gamma_for_all_modes_is_the_gamma_of_expansion() -> None:
    p = made().properties([20.0, 300.0, 600.0])
    np.testing.assert_allclose(p.gruneisen, GAMMA, rtol=2e-3)
    v = p.volumes * p.bulk_modulus / GPA_PER_EV_A3 * JOULE_PER_EV
    np.testing.assert_allclose(p.expansion, GAMMA * p.heat_capacity_volume / v, rtol=2e-3)


def test_the_limit_of_a_stiff_crystal() -> None:
    """Where nothing expands much, V and B are those of the static crystal."""
    stiff = made(modulus=6000.0).properties([300.0])
    cell = 6000.0 * V0 / GPA_PER_EV_A3 * JOULE_PER_EV
    assert stiff.expansion[0] == pytest.approx(
        GAMMA * stiff.heat_capacity_volume[0] / cell, rel=5e-3
    )


def test_cold_crystals_do_not_expand() -> None:
    p = made().properties([0.0, 2.0, 4.0, 8.0])
    assert p.expansion[0] == 0.0
    assert p.heat_capacity_pressure[0] == 0.0
    assert np.isnan(p.gruneisen[0])
    assert p.volumes[0] > V0  # zero-point motion
    ratio = p.expansion[2:] / p.expansion[1:-1]  # the law of T^3, as for C_V
    np.testing.assert_allclose(ratio, 8.0, rtol=0.02)


def test_negative_gamma_shrinks() -> None:
    p = made(gamma=-0.8).properties([300.0])
    assert p.expansion[0] < 0.0
    assert p.heat_capacity_pressure[0] > p.heat_capacity_volume[0]


def test_phonopys_quasi_harmonic_approximation() -> None:
    """phonopy fits F(V) anew at every temperature: equal within what such fits differ."""
    from phonopy.qha.core import QHA  # what PhonopyQHA wraps

    series = made()
    t = np.arange(0.0, 701.0, 10.0)
    thermal = series.thermal(t)
    theirs = QHA(
        volumes=VOLUMES,
        electronic_energies=series.equation.energies(VOLUMES),
        temperatures=t,
        fe_phonon=np.array([x.free_energy for x in thermal]).T / 1000,
        cv=np.array([x.heat_capacity for x in thermal]).T,
        entropy=np.array([x.entropy for x in thermal]).T,
        eos="vinet",
    )
    theirs.run()
    ours = series.properties(t)
    some = slice(10, 60)
    np.testing.assert_allclose(ours.volumes[some], theirs.volume_temperature[some], rtol=1e-4)
    np.testing.assert_allclose(ours.expansion[some], theirs.thermal_expansion[some], rtol=0.01)
    np.testing.assert_allclose(
        ours.bulk_modulus[some], theirs.bulk_modulus_temperature[some], rtol=0.01
    )
    np.testing.assert_allclose(
        ours.heat_capacity_pressure[some], theirs.heat_capacity_P_polyfit[some], rtol=2e-3
    )
    np.testing.assert_allclose(ours.gruneisen[some], theirs.gruneisen_temperature[some], rtol=0.01)
    energies = ours.gibbs_energy[some] / JOULE_PER_EV + series.equation.energy
    np.testing.assert_allclose(energies, theirs.gibbs_temperature[some], atol=2e-5)


def test_a_cell_and_a_bulk_modulus_that_were_measured() -> None:
    found = made().anchored(300.0)
    p = found.properties([0.0, 300.0])
    assert p.volumes[1] == pytest.approx(V0, rel=1e-9)
    assert p.bulk_modulus[1] == pytest.approx(60.0, rel=1e-9)
    assert found.equation.volume < p.volumes[0] < V0
    assert found.equation.bulk_modulus > 60.0
    with pytest.raises(PredictionError, match=r"no static crystal has 0\.5 GPa"):
        made(modulus=0.5).anchored(900.0)


def test_temperatures_beyond_the_volumes_have_no_numbers() -> None:
    p = made(modulus=12.0).properties([0.0, 1500.0])
    assert np.isfinite(p.volumes[0])
    assert np.isnan(
        [p.volumes[1], p.expansion[1], p.heat_capacity_pressure[1], p.gibbs_energy[1]]
    ).all()


def test_amounts(rock_salt: Crystal) -> None:
    p = made().properties([300.0])
    atom = p.per("atom", rock_salt)
    assert atom.heat_capacity_pressure[0] == pytest.approx(p.heat_capacity_pressure[0] / 2)
    assert atom.expansion[0] == p.expansion[0]
    assert atom.amount == "mol of atoms"
    with pytest.raises(ConfigError, match="--per mole is not known"):
        p.per("mole", rock_salt)


def test_what_is_refused() -> None:
    eos = EquationOfState("vinet", 0.0, V0, 60.0)
    with pytest.raises(ConfigError, match="phonons at 4 volumes"):
        QuasiHarmonicCrystal(eos, VOLUMES[:4], [spectrum()] * 4)
    with pytest.raises(ConfigError, match="phonons at 5 volumes"):
        QuasiHarmonicCrystal(eos, VOLUMES[:5][::-1], [spectrum()] * 5)
    with pytest.raises(ConfigError, match="not negative"):
        made().properties([-1.0])
