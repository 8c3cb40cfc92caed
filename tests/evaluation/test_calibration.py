"""Calibration of intervals on held-back materials."""

import errno
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import DataError
from phonodos.evaluation import calibration
from phonodos.evaluation.calibration import (
    calibrate,
    calibrate_weights,
    conformal_quantile,
    fit_calibration,
    interval_section,
)
from phonodos.evaluation.metrics import FullAxis
from phonodos.model.weights import weights_path
from phonodos.prediction.uncertainty import Interval


def test_conformal_quantile_is_the_right_order_statistic() -> None:
    scores = np.arange(1.0, 101.0)[::-1]
    assert conformal_quantile(scores) == 91.0  # ceil(101 x 0.9)
    assert conformal_quantile(np.array([3.0, 1.0])) == 3.0  # never beyond the largest


def test_intervals_cover_nine_of_ten_new_errors() -> None:
    rng = np.random.default_rng(0)
    spread = rng.lognormal(0.0, 0.8, size=4000)
    errors = np.abs(rng.normal(size=4000)) * np.hypot(1.7 * spread, 0.8)
    fitted = fit_calibration(errors[:2000], spread[:2000])
    widths = np.array([fitted.half_width(s) for s in spread[2000:]])
    assert np.mean(errors[2000:] <= widths) == pytest.approx(0.9, abs=0.02)
    # The spread tells: the same coverage with one width for all takes wider intervals.
    constant = fit_calibration(errors[:2000], np.zeros(2000)).half_width(0.0)
    assert np.exp(np.log(widths).mean()) < 0.8 * constant


def test_without_spread_one_width_holds_nine_of_ten() -> None:
    errors = np.arange(100.0)
    fitted = fit_calibration(errors, np.zeros(100))
    assert fitted.half_width(0.0) == pytest.approx(90.0)
    assert fitted.materials == 100


def test_section_counts_what_lies_inside() -> None:
    truth = [FullAxis(w, 0.0, 20.0, 0.0, False) for w in (100.0, 104.9, 105.1, 90.0)]
    stated = {
        "mean_frequency": Interval(100.0, 5.0, "cm^-1"),
        "heat_capacity": Interval(20.0, 0.1, "J/(K mol of atoms)"),
    }
    section = interval_section([stated] * 4, truth)["intervals"]
    assert section["mean_frequency"]["coverage"] == 0.5
    assert section["mean_frequency"]["coverage_error"] == pytest.approx(0.25)
    assert section["mean_frequency"]["half_width"] == pytest.approx(5.0)
    assert section["heat_capacity"]["coverage"] == 1.0
    assert interval_section([{}], truth[:1]) == {}


def test_too_few_materials_are_refused() -> None:
    with pytest.raises(DataError, match="0 materials are too few to calibrate on"):
        calibrate([], [])


def test_a_file_that_cannot_be_written_is_told_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", deny)
    monkeypatch.setattr(calibration, "load", lambda *_, **__: pytest.fail("it predicts"))
    with pytest.raises(DataError, match="cannot be written") as caught:
        calibrate_weights(weights_path("chen2021"), [], "valid")
    assert caught.value.reason == "Permission denied"
