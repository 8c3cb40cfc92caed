"""Calibration of intervals on held-back materials."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import DataError
from phonodos.evaluation import calibration
from phonodos.evaluation.calibration import (
    calibrate,
    calibrate_weights,
    conformal_quantile,
    fit_calibration,
    held_back,
    interval_section,
    judged_by,
)
from phonodos.evaluation.metrics import FullAxis
from phonodos.model.header import StabilityEntry, WeightHeader
from phonodos.model.weights import rewrite_header, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import load
from phonodos.prediction.stability import Stability
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


def test_intervals_are_counted_where_they_are_stated() -> None:
    """One crystal without an interval does not silence the others, and counts as none."""
    truth = [FullAxis(w, 0.0, 20.0, 0.0, False) for w in (100.0, 900.0, 106.0)]
    interval = Interval(100.0, 5.0, "cm^-1")
    stated = {"mean_frequency": interval, "heat_capacity": Interval(20.0, 0.1, "J/(K mol)")}
    section = interval_section([stated, {}, stated], truth)["intervals"]
    assert section["mean_frequency"]["stated"] == 2
    assert section["mean_frequency"]["coverage"] == 0.5


def predicted(crystal: Crystal, mean: float, outside: tuple[str, ...] = ()) -> Prediction:
    axis = np.arange(0.0, 2.0 * mean + 1.0)
    dos = PhononDos(axis, np.full(len(axis), 6.0 / axis[-1]), 2)
    return Prediction(crystal, dos, None, "x", (), (), {}, outside)


def test_predictions_without_an_interval_are_left_out_of_the_fit(rock_salt: Crystal) -> None:
    right = [predicted(rock_salt, 200.0 + k % 5) for k in range(40)]
    wild = [predicted(rock_salt, 900.0, ("unseen bonds",)) for _ in range(40)]
    truth = [predicted(rock_salt, 200.0).dos] * 80
    alone, both = calibrate(truth[:40], right), calibrate(truth, [*right, *wild])
    assert alone == both
    assert both["mean_frequency"].materials == 40
    with pytest.raises(DataError, match="0 materials are too few"):
        calibrate(truth[:40], wild)


def test_materials_that_chose_the_epoch_are_not_held_back() -> None:
    header = WeightHeader(name="x", split={"train": ("a",), "valid": ("b", "c"), "test": ("d",)})
    assert held_back(header, ["c", "d", "e"]) == [False, True, True]


@pytest.mark.parametrize(("w", "unstable"), [(-60.0, True), (30.0, False)])
def test_verdict_and_interval_follow_the_new_calibration(
    rock_salt: Crystal, w: float, unstable: bool
) -> None:
    entry = StabilityEntry(
        intercept=-1.0, slope=-0.1, lowest_from=-99.0, lowest_to=50.0, unstable_above=0.6,
        stable_below=0.2, materials=9, unstable_materials=5,
    )  # fmt: skip
    before = Stability(w, 1.0, (0.5, 0.0, 0.0), "X", None, "unsure")
    old = replace(predicted(rock_salt, 200.0, ("a metal", "unstable")), stability=before)
    new = judged_by(old, entry)
    assert new.stability is not None
    assert new.stability.verdict == ("unstable" if unstable else "stable")
    assert new.outside == (("a metal", "unstable") if unstable else ("a metal",))
    assert judged_by(predicted(rock_salt, 200.0), entry).outside == ()


def test_a_new_calibration_is_what_the_weights_then_say(tmp_path: Path, rock_salt: Crystal) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights_path("lattice").read_bytes())
    before = load(copy, members=1).predict(rock_salt)
    entry: dict[str, Any] = {
        "intercept": 5.0, "slope": 0.0, "lowest_from": -99.0, "lowest_to": 50.0,
        "unstable_above": 0.6, "stable_below": 0.2, "materials": 9, "unstable_materials": 5,
    }  # fmt: skip
    rewrite_header(copy, {"stability": {"1": entry}})
    after = next(load(copy, members=1).predict_many([rock_salt]))
    assert after.outside == ("unstable",)
    restated = judged_by(before, StabilityEntry(**entry))
    assert (restated.stability, restated.outside) == (after.stability, after.outside)


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
