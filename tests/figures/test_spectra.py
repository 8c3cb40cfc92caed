"""The figure of a density of states, through the data of its lines."""

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.figures.spectra import INSET_FLOOR, INSET_WIDTH, formula_label, plot_dos
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import per_wavenumber


def bump(centre: float, low: float = 0.0, width: float = 30.0) -> PhononDos:
    w = np.arange(low, 601.0)
    g = np.exp(-(((w - centre) / width) ** 2))
    return PhononDos(w, g * 6.0 / np.trapezoid(g, w), 2)


def lines(axes: object) -> dict[str, object]:
    return {line.get_gid(): line for line in axes.get_lines()}  # type: ignore[attr-defined]


def bands(axes: object) -> dict[str, object]:
    return {c.get_gid(): c for c in axes.collections}  # type: ignore[attr-defined]


def test_curve_and_mean_in_the_units_asked_for() -> None:
    dos, factor = bump(300.0), per_wavenumber("THz")
    (axes,) = plot_dos(dos, crystal_label="NaCl", unit="THz").axes
    curve = axes.get_lines()[0]
    np.testing.assert_allclose(curve.get_xdata(), dos.frequencies * factor)
    np.testing.assert_allclose(curve.get_ydata(), dos.densities / factor)
    np.testing.assert_allclose(lines(axes)["mean"].get_xdata(), 300.0 * factor, rtol=1e-3)
    assert axes.get_xlabel() == "Frequency (THz)"
    assert set(bands(axes)) == {"real"}


def test_imaginary_part_is_filled_apart() -> None:
    (axes,) = plot_dos(bump(40.0, low=-100.0), crystal_label="NaCl").axes
    assert set(bands(axes)) == {"real", "imaginary"}
    assert axes.get_xlim()[0] < 0.0


def test_band_of_an_ensemble_is_one_standard_deviation() -> None:
    members = [bump(c, width=30.0) for c in (290.0, 300.0, 310.0)]
    mean = PhononDos(members[0].frequencies, np.mean([m.densities for m in members], axis=0), 2)
    (axes,) = plot_dos(mean, crystal_label="NaCl", members=members, half_width=6.4).axes
    (path,) = bands(axes)["spread"].get_paths()
    k = int(np.argmax(np.std([m.densities for m in members], axis=0)))
    at = np.isclose(path.vertices[:, 0], mean.frequencies[k])
    spread = np.std([m.densities[k] for m in members], ddof=1)
    edges = sorted(set(np.round(path.vertices[at, 1], 12)))
    np.testing.assert_allclose(
        edges, [mean.densities[k] - spread, mean.densities[k] + spread], rtol=1e-6
    )
    assert path.vertices[:, 1].min() >= 0.0
    assert r"$\pm$ 6" in axes.get_title(loc="right")
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["phonodos", r"$\pm$ 1 s.d."]


def test_no_band_for_a_single_network() -> None:
    (axes,) = plot_dos(bump(300.0), crystal_label="NaCl", members=[bump(300.0)]).axes
    assert "spread" not in bands(axes)
    assert "pm" not in axes.get_title(loc="right")
    assert axes.get_legend() is None


def test_heat_capacity_must_be_that_of_the_cell() -> None:
    thermal = thermal_properties(bump(300.0), [300.0])
    with pytest.raises(ConfigError, match="heat capacity per"):
        plot_dos(bump(300.0), crystal_label="x", thermal=thermal.per("kg", salt()))


def salt() -> object:
    from phonodos.physics.crystal import Crystal

    cell = 2.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0.0] * 3, [0.5] * 3], ["Na", "Cl"])


def test_heat_capacity_stands_in_an_inset_over_the_curve() -> None:
    """In units of 3R: it rises to one; the box never covers the curve."""
    for centre in (100.0, 300.0, 550.0):
        dos = bump(centre)
        thermal = thermal_properties(dos, np.linspace(0.0, 1000.0, 101))
        (axes,) = plot_dos(dos, crystal_label="NaCl", thermal=thermal).axes
        (inset,) = axes.child_axes
        (curve,) = inset.get_lines()
        assert curve.get_xdata()[-1] == 600.0
        share = curve.get_ydata()
        assert share[0] == 0.0
        assert np.all(np.diff(share) >= 0.0)
        assert 0.7 < share[-1] < 1.0
        box = inset.get_position()  # fractions of the axes
        edges = axes.get_position()
        left = (box.x0 - edges.x0) / edges.width - 0.1  # with its labels
        floor = INSET_FLOOR * axes.get_ylim()[1]
        low, high = axes.get_xlim()
        x = (dos.frequencies - low) / (high - low)
        below = (x > left) & (x < left + INSET_WIDTH)
        assert below.any()
        assert dos.densities[below].max() < floor


def test_no_inset_without_a_heat_capacity() -> None:
    (axes,) = plot_dos(bump(300.0), crystal_label="NaCl").axes
    assert not axes.child_axes


def test_formulas_get_subscripts_and_other_text_stays() -> None:
    assert formula_label("SrTiO3") == "SrTiO$_{3}$"
    assert formula_label("run_2") == r"run\_2"
