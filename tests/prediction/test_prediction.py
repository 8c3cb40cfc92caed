"""`Prediction`: intervals of calibrated ensembles alone, thermodynamics of the cell as given."""

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from phonodos.errors import ConfigError, DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.uncertainty import Calibration
from phonodos.results.provenance import Provenance

CALIBRATED = {"mean_frequency": Calibration(factor=2.0, floor=3.0, materials=100)}


def bump(centre: float) -> PhononDos:
    w = np.arange(0.0, 601.0)
    g = np.exp(-(((w - centre) / 30.0) ** 2))
    return PhononDos(w, g * 6.0 / np.trapezoid(g, w), 2)


def test_intervals_come_from_the_spread_and_the_calibration(rock_salt: Crystal) -> None:
    members = (bump(296.0), bump(304.0))
    found = Prediction(rock_salt, bump(300.0), None, "x", (), members, CALIBRATED).intervals
    assert set(found) == {"mean_frequency"}
    spread = np.std([m.mean_frequency for m in members], ddof=1)
    wanted = 2.0 * np.hypot(spread, 3.0)
    assert found["mean_frequency"].half_width == pytest.approx(wanted, rel=1e-6)


def test_nothing_is_stated_that_was_not_calibrated(rock_salt: Crystal) -> None:
    assert Prediction(rock_salt, bump(300.0), None, "x", (), (bump(1.0), bump(2.0))).intervals == {}


def test_thermodynamics_of_one_and_of_many_temperatures(rock_salt: Crystal) -> None:
    prediction = Prediction(rock_salt, bump(300.0), None, "x", ())
    one = prediction.thermal_properties(300)
    many = prediction.thermal_properties([100, 300])
    assert one.heat_capacity.shape == (1,)
    assert many.heat_capacity[1] == pytest.approx(one.heat_capacity[0], rel=1e-12)
    assert many.heat_capacity[0] < many.heat_capacity[1] < 6 * 8.3145
    np.testing.assert_array_equal(
        many.entropy, thermal_properties(bump(300.0), [100.0, 300.0]).entropy
    )


def test_it_is_shown_in_ten_lines(rock_salt: Crystal) -> None:
    members = (bump(296.0), bump(304.0))
    found = Prediction(rock_salt, bump(300.0), None, "x", ("soft",), members, CALIBRATED)
    lines = str(found).splitlines()
    assert lines[0] == "NaCl, 2 atoms per cell; x"
    half = found.intervals["mean_frequency"].half_width
    assert lines[1].split() == ["mean", "frequency", "300", "+-", f"{half:.0f}", "cm-1"]
    heat = found.thermal_properties(300).per("formula", rock_salt).heat_capacity[0]
    assert f"{heat:.2f} J/(K mol of formula units) at 300 K" in str(found)
    assert lines[-1] == "warning: soft"
    assert len(lines) <= 10
    assert repr(found) == "<Prediction of NaCl (2 atoms), x>"
    assert "<Prediction of" in repr([found])


def test_a_notebook_shows_table_and_figure_and_no_markup_of_others(rock_salt: Crystal) -> None:
    found = Prediction(rock_salt, bump(300.0), None, "<b>x</b>", ("a < b",))
    html = found._repr_html_()
    assert "&lt;b&gt;x" in html
    assert "warning: a &lt; b" in html
    assert "<td>mean frequency</td><td>300</td><td>cm-1</td>" in html
    picture = b64decode(html.split("base64,")[1].split('"')[0])
    assert picture.startswith(b"\x89PNG")


def test_as_a_dictionary(rock_salt: Crystal) -> None:
    found = Prediction(rock_salt, bump(300.0), None, "x", ("soft",))
    record = json.loads(json.dumps(found.to_dict("meV", "kg")))
    wanted = found.thermal_properties(300).per("kg", rock_salt)
    assert record["entropy"]["value"] == pytest.approx(wanted.entropy[0])
    assert record["entropy"]["unit"] == "J/(K kg) at 300 K"
    assert record["mean_frequency"]["unit"] == "meV"
    assert record["warnings"] == ["soft"]
    integral = np.trapezoid(record["dos"]["densities"], record["dos"]["frequencies"])
    assert integral == pytest.approx(6.0)
    with pytest.raises(ConfigError, match="ounce"):
        found.to_dict(per="ounce")


def test_pymatgens_object(rock_salt: Crystal) -> None:
    pytest.importorskip("pymatgen.phonon.dos")
    found = Prediction(rock_salt, bump(300.0), None, "x", ()).to_pymatgen()
    assert np.trapezoid(found.densities, found.frequencies) == pytest.approx(6.0)
    assert found.frequencies[np.argmax(found.densities)] == pytest.approx(300 * THZ_PER_WAVENUMBER)


def test_drawn_into_axes_of_others(rock_salt: Crystal) -> None:
    found = Prediction(rock_salt, bump(300.0), None, "x", ())
    figure = Figure()
    axes = figure.add_subplot()
    assert found.plot(axes, unit="meV", inset=False) is axes
    assert "meV" in axes.get_xlabel()
    assert not axes.child_axes
    alone = found.plot()
    assert alone.figure is not figure
    assert len(alone.child_axes) == 1  # of the heat capacity
    assert [line.get_gid() for line in alone.lines].count("mean") == 1
    assert alone.lines[0].get_label() == "x"
    bare = found.plot(mean=False)
    assert "mean" not in [line.get_gid() for line in bare.lines]
    with pytest.raises(ConfigError, match="unit"):
        found.plot(unit="furlong")


def test_saved_with_its_origin(rock_salt: Crystal, tmp_path: Path) -> None:
    origin = Provenance("x", "ab" * 32)
    found = Prediction(rock_salt, bump(300.0), None, "x", ("soft",), provenance=origin)
    written = found.save(tmp_path / "a" / "b", formats=["csv"], plot=False)
    assert written == ["dos.csv", "thermal_properties.csv"]
    head = (tmp_path / "a" / "b" / "dos.csv").read_text().splitlines()[:2]
    assert head[0].startswith("# predicted by phonodos")
    assert "x (SHA-256 abababababab)" in head[0]
    assert head[1] == "# warning: soft"
    with pytest.raises(ConfigError, match="docx"):
        found.save(tmp_path, formats=["docx"])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file"):
        found.save(tmp_path / "file")


def test_the_largest_frequency_of_an_ensemble(rock_salt: Crystal) -> None:
    members = tuple(replace(bump(300.0), highest=w) for w in (348.0, 352.0))
    found = Prediction(rock_salt, mean_of(members), None, "x", (), members)
    assert found.max_frequency == 350.0
    assert found.max_frequency_spread == pytest.approx(np.sqrt(8.0))
    ends = tuple(bump(w) for w in (300.0, 380.0))  # spectra that know no frequencies
    found = Prediction(rock_salt, mean_of(ends), None, "x", (), ends)
    wanted = [end.max_frequency for end in ends]
    assert found.max_frequency == pytest.approx(np.mean(wanted))
    assert found.max_frequency < max(wanted) == pytest.approx(found.dos.max_frequency, abs=20.0)
    assert found.max_frequency_spread == pytest.approx(np.std(wanted, ddof=1))
    single = Prediction(rock_salt, bump(300.0), None, "x", ())
    assert single.max_frequency == single.dos.max_frequency
    assert single.max_frequency_spread is None
