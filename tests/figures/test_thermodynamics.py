"""Figure of heat capacities: the curves are those of the numbers, bands those of the spread."""

from dataclasses import replace

import numpy as np

from phonodos.figures.thermodynamics import plot_thermodynamics
from phonodos.physics.dos import PhononDos
from phonodos.physics.quasi_harmonic import EquationOfState, QuasiHarmonicCrystal
from phonodos.physics.thermodynamics import thermal_properties

AXIS = np.linspace(0.0, 600.0, 25)


def spectrum(scale: float) -> PhononDos:
    w = np.arange(0.0, 401.0)
    g = w**2 * np.exp(-(((w - 200.0) / 60.0) ** 2))
    return PhononDos(w * scale, 6.0 * g / np.trapezoid(g, w) / scale, 2)


def test_curves_and_bands() -> None:
    thermal = thermal_properties(spectrum(1.0), AXIS)
    wide = replace(thermal, heat_capacity=np.full(25, 0.5), entropy=np.full(25, 0.2))
    volumes = 45.0 * np.linspace(0.95, 1.1, 6)
    series = QuasiHarmonicCrystal(
        EquationOfState("vinet", 0.0, 45.0, 60.0), volumes,
        [spectrum((v / 45.0) ** -1.5) for v in volumes],
    )  # fmt: skip
    expanding = series.properties(AXIS)
    figure = plot_thermodynamics(
        thermal, title="NaCl", limit=49.9, spread=wide, expanding=expanding
    )
    (axes,) = figure.axes
    lines = {line.get_gid(): line for line in axes.lines}
    assert set(lines) == {"heat_capacity", "entropy", "heat_capacity_pressure", "limit"}
    np.testing.assert_array_equal(lines["entropy"].get_ydata(), thermal.entropy)
    np.testing.assert_array_equal(
        lines["heat_capacity_pressure"].get_ydata(), expanding.heat_capacity_pressure
    )
    assert len(axes.collections) == 2
    assert axes.get_ylabel() == r"$C$, $S$ (J K$^{-1}$ / mol cells)"


def test_a_single_network_that_does_not_expand() -> None:
    figure = plot_thermodynamics(thermal_properties(spectrum(1.0), AXIS), title="NaCl", limit=49.9)
    assert len(figure.axes[0].lines) == 3
    assert not figure.axes[0].collections
