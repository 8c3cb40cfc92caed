"""Comparison: a spectrum with itself lies at zero; what may stand on either side."""

import json
from pathlib import Path

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError, DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.neutron import curve_of, thermal_curve
from phonodos.physics.resolution import instrument_resolution
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, MEV_PER_WAVENUMBER
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.results.desk import Results
from phonodos.results.spectra import dos_table
from phonodos.studies.comparison import RESAMPLED, WEIGHTED, compare, features_of


@pytest.fixture
def prediction(quick: Predictor, rock_salt: Crystal) -> Prediction:
    return next(quick.predict_many([rock_salt]))


@pytest.fixture
def peaks() -> Curve:
    """Two peaks, at 100 and 400 cm^-1."""
    w = np.arange(0.0, 600.0, 4.0)
    return Curve(w, np.exp(-(((w - 100) / 25) ** 2)) + 0.5 * np.exp(-(((w - 400) / 25) ** 2)))


def test_a_spectrum_with_itself(prediction: Prediction) -> None:
    for one in (prediction, prediction.dos, curve_of(prediction.dos)):
        found = phonodos.compare(one, prediction)
        assert found.distance == 0.0
        assert found.features[0].to_dict() == found.features[1].to_dict()


def test_whatever_holds_the_spectrum(
    quick: Predictor, rock_salt: Crystal, prediction: Prediction, peaks: Curve, tmp_path: Path
) -> None:
    Results(tmp_path).csv("dos.csv", *dos_table(prediction.dos))
    crystal = compare(rock_salt, peaks, model=quick)
    assert crystal.label == "NaCl"
    assert crystal.provenance.weights == "chen2021"
    for source in (tmp_path, tmp_path / "dos.csv", str(tmp_path / "dos.csv"), prediction):
        found = compare(source, peaks)
        assert found.distance == pytest.approx(crystal.distance, abs=1e-3)
    assert compare(tmp_path / "dos.csv", peaks).provenance.weights is None
    (tmp_path / "peaks.txt").write_text(
        "# meV\n"
        + "".join(
            f"{w * MEV_PER_WAVENUMBER} {g}\n"
            for w, g in zip(peaks.frequencies, peaks.values, strict=True)
        )
    )
    assert compare(prediction, tmp_path / "peaks.txt").distance == pytest.approx(crystal.distance)


def test_features(peaks: Curve) -> None:
    found = features_of(peaks)
    assert found.peaks == (100.0, 400.0)
    assert found.gap is not None
    assert 140 < found.gap.low < 170
    assert 330 < found.gap.high < 360
    record = found.to_dict("meV")
    assert record["peaks"] == pytest.approx([100 * MEV_PER_WAVENUMBER, 400 * MEV_PER_WAVENUMBER])
    assert record["gap"][0] == found.gap.low * MEV_PER_WAVENUMBER


def test_the_record(prediction: Prediction, peaks: Curve) -> None:
    study = compare(prediction, peaks)
    record = json.loads(json.dumps(study.to_dict("THz")))
    assert record["units"] == "THz"
    assert record["wasserstein_cm-1"] == study.distance
    assert record["notes"] == list(study.notes)
    assert record["reference"]["cut_off"] == pytest.approx(study.features[1].cut_off * 0.02997925)


def test_instruments_blur(prediction: Prediction) -> None:
    found = [
        compare(prediction, prediction, resolution=width, relative_resolution=share).distance
        for width, share in ((0.0, 0.0), (20.0, 0.0), (60.0, 0.0), (0.0, 0.1), (0.0, 0.4))
    ]
    assert found[0] < found[1] < found[2]
    assert found[0] < found[3] < found[4]


def test_a_reference_on_51_points(lattice: Predictor, rock_salt: Crystal) -> None:
    w = 20.0 * np.arange(51)
    points = Curve(w, np.exp(-(((w - 200) / 60) ** 2)))
    study = compare(rock_salt, points, model=lattice)
    assert np.array_equal(study.predicted.frequencies, w)
    assert study.notes[-1] == RESAMPLED


def test_neutrons(projecting: Predictor, rock_salt: Crystal, peaks: Curve) -> None:
    plain = compare(rock_salt, peaks, model=projecting)
    weighted = compare(rock_salt, peaks, neutron=True, model=projecting)
    assert weighted.distance != pytest.approx(plain.distance, abs=0.01)
    assert WEIGHTED in weighted.notes


def test_what_neutrons_need(quick: Predictor, rock_salt: Crystal, peaks: Curve) -> None:
    with pytest.raises(DataError, match="not projected on the atoms"):
        compare(rock_salt, peaks, neutron=True, model=quick)
    with pytest.raises(DataError, match="without its crystal"):
        compare(peaks, peaks, neutron=True)


def test_nothing_in_common(peaks: Curve) -> None:
    far = Curve(np.array([5000.0, 5100.0, 5200.0]), np.ones(3))
    with pytest.raises(DataError, match="nothing in common"):
        compare(peaks, far)


def test_scales_and_windows(prediction: Prediction, peaks: Curve) -> None:
    """The same spectrum, seven times as high, with errors: every scale finds it back."""
    seven = curve_of(prediction.dos).times(7.0)
    given = Curve(seven.frequencies, seven.values, np.full(len(seven.values), 0.1))
    for scale in ("max", "area", "fit"):
        study = compare(prediction, given, scale=scale, window=(50.0, 200.0))
        assert study.fit.factor == pytest.approx(7.0)
        assert study.fit.chi_squared == pytest.approx(0.0, abs=1e-12)
        assert study.reference.frequencies[-1] <= 200.0
        names, rows = study.table("THz")
        assert names[0] == "frequency [THz]"
        np.testing.assert_allclose(rows[:, 1], rows[:, 2], atol=1e-9)
    with pytest.raises(ConfigError, match="--scale own"):
        compare(prediction, peaks, scale="own")
    with pytest.raises(DataError, match="0 points of a curve lie"):
        compare(prediction, peaks, window=(5000.0, 6000.0))


def test_temperature_and_side(prediction: Prediction, tmp_path: Path) -> None:
    """What is measured at 200 K, at loss or gain, meets the prediction at 200 K."""
    hot = thermal_curve(curve_of(prediction.dos), 200.0)
    w, s = hot.frequencies[1:] * MEV_PER_WAVENUMBER, hot.values[1:]
    cold = s * np.exp(-KELVIN_PER_WAVENUMBER * hot.frequencies[1:] / 200.0)
    both = [*zip(-w[::-1], cold[::-1], strict=True), *zip(w, s, strict=True)]
    (tmp_path / "s.txt").write_text("# meV\n" + "".join(f"{a:.9f} {b:.9e}\n" for a, b in both))
    for side in ("loss", "gain"):
        found = compare(prediction, tmp_path / "s.txt", temperature=200.0, side=side)
        assert found.distance < 0.1
        assert any("one-phonon S(E) at 200 K" in note for note in found.notes)
    assert compare(prediction, tmp_path / "s.txt").distance > 5.0


def test_instruments(prediction: Prediction) -> None:
    tosca = instrument_resolution("TOSCA")
    found = compare(prediction, prediction, instrument=tosca)
    assert 0.0 < found.distance < 20.0
    with pytest.raises(ConfigError, match="two resolutions"):
        compare(prediction, prediction, instrument=tosca, resolution=3.0)
