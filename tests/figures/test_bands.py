"""The figure of bands, through the lines it draws."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.figures.bands import plot_bands
from phonodos.figures.spectra import save_figure
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.path import BandStructure, band_path


def made_up(crystal: Crystal, lowest: float) -> BandStructure:
    path = band_path(crystal, 0.1)
    rows = [lowest + 40.0 * np.outer(1.0 + s.distances, np.arange(6)) for s in path.segments]
    return BandStructure(path, tuple(rows))


@pytest.fixture
def dos() -> PhononDos:
    w = np.arange(-60.0, 900.0)
    return PhononDos(w, np.exp(-(((w - 300.0) / 90.0) ** 2)), 2)


def test_lines_are_the_bands(rock_salt: Crystal, dos: PhononDos) -> None:
    bands = made_up(rock_salt, 0.0)
    figure = plot_bands(bands, dos, crystal_label="NaCl", unit="THz")
    main, side = figure.axes
    lines = [line for line in main.lines if line.get_gid() == "band"]
    assert len(lines) == 6 * len(bands.frequencies)
    np.testing.assert_allclose(lines[5].get_ydata(), bands.frequencies[0][:, 5] * 0.0299792458)
    np.testing.assert_allclose(lines[5].get_xdata(), bands.path.segments[0].distances)
    assert main.get_ylim() == side.get_ylim()
    assert main.get_ylim()[0] == 0.0
    assert [t.get_text() for t in main.get_xticklabels()][:3] == [
        r"$\Gamma$", r"$\mathrm{X}$", r"$\mathrm{U}|\mathrm{K}$"
    ]  # fmt: skip
    assert "THz" in main.get_ylabel()
    (curve,) = [line for line in side.lines if line.get_gid() == "dos"]
    np.testing.assert_allclose(curve.get_xdata(), dos.densities / 0.0299792458)


def test_imaginary_modes_are_named(rock_salt: Crystal) -> None:
    figure = plot_bands(made_up(rock_salt, -50.0), None, crystal_label="NaCl")
    (main,) = figure.axes
    assert main.get_ylim()[0] < -50.0
    assert [t.get_text() for t in main.texts] == ["imaginary"]
    rounding = plot_bands(made_up(rock_salt, -0.01), None, crystal_label="NaCl")
    assert rounding.axes[0].get_ylim()[0] == 0.0
    assert not rounding.axes[0].texts


def test_it_can_be_saved(rock_salt: Crystal, dos: PhononDos, tmp_path: Path) -> None:
    figure = plot_bands(made_up(rock_salt, 0.0), dos, crystal_label="NaCl")
    for name in ("bands.png", "bands.pdf"):
        save_figure(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000


def test_units_are_known(rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError, match="unknown frequency unit"):
        plot_bands(made_up(rock_salt, 0.0), crystal_label="NaCl", unit="Hz")


def test_the_spread_is_a_band_about_each(rock_salt: Crystal) -> None:
    bands = made_up(rock_salt, 0.0)
    wide = [np.full_like(w, 3.0) for w in bands.frequencies]
    axes = plot_bands(bands, crystal_label="NaCl", spread=wide).axes[0]
    drawn = [c for c in axes.collections if c.get_gid() == "spread"]
    assert len(drawn) == 6 * len(bands.frequencies)
    edges = drawn[0].get_paths()[0].vertices[:, 1]
    assert edges.max() - bands.frequencies[0][:, 0].max() == pytest.approx(3.0)
    plain = plot_bands(bands, crystal_label="NaCl").axes[0]
    assert not [c for c in plain.collections if c.get_gid() == "spread"]
