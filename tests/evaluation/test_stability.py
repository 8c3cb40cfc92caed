"""Stability judged: the fit, its thresholds, the confusion matrix, what references say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.evaluation.calibration import calibrate_stability
from phonodos.evaluation.stability import (
    RIGHT_STABLE,
    RIGHT_UNSTABLE,
    Confusion,
    fit_stability,
    left_out_probabilities,
    left_out_verdicts,
    logistic,
    lowest_away,
    reference_lowest,
    stability_section,
    thresholds,
    turning_points,
    weights_for,
)
from phonodos.model.header import StabilityEntry
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.prediction.stability import Stability, Verdict, probability_of


def drawn(rng: np.random.Generator, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return lowest frequencies, and flags with probability 1 / (1 + exp(1 + w / 10))."""
    lowest = rng.uniform(-60.0, 45.0, n)
    return lowest, rng.random(n) < 1.0 / (1.0 + np.exp(1.0 + lowest / 10.0))


def test_the_fit_finds_what_was_drawn(rng: np.random.Generator) -> None:
    intercept, slope = logistic(*drawn(rng))
    assert intercept == pytest.approx(-1.0, abs=0.2)
    assert slope == pytest.approx(-0.1, abs=0.015)


def test_kinds_that_do_not_overlap_give_finite_numbers() -> None:
    lowest = np.array([-50.0] * 6 + [40.0] * 60)
    entry = fit_stability(lowest, lowest)
    assert entry is not None
    assert probability_of(-50.0, entry) > 0.9
    assert probability_of(40.0, entry) < 0.05
    assert (entry.materials, entry.unstable_materials) == (66, 6)


def test_too_few_unstable_ones_are_not_fitted() -> None:
    lowest = np.array([-50.0] * 4 + [40.0] * 60)
    assert fit_stability(lowest, lowest) is None


def test_a_material_does_not_tell_of_itself() -> None:
    """One that says the opposite of all others is no surer for being among them."""
    lowest = np.array([-50.0] * 10 + [40.0] * 40 + [45.0])
    unstable = np.array([True] * 10 + [False] * 40 + [True])
    inside = logistic(lowest, unstable)
    p = 1.0 / (1.0 + np.exp(-(inside[0] + inside[1] * 45.0)))
    assert left_out_probabilities(lowest, unstable)[-1] < p


def test_thresholds_make_the_statements_right(rng: np.random.Generator) -> None:
    p = rng.random(2000)
    unstable = rng.random(2000) < p
    above, below = thresholds(p, unstable)
    assert unstable[p > above].mean() >= RIGHT_UNSTABLE
    assert (~unstable[p < below]).mean() >= RIGHT_STABLE
    assert above == pytest.approx(0.5, abs=0.1)
    assert below == pytest.approx(0.1, abs=0.04)
    assert thresholds(p, ~unstable) == (1.0, 0.0)  # nothing is said where nothing is right


def test_confusion_and_rates() -> None:
    unstable = [True, True, True, False, False, False, False]
    verdicts: list[Verdict] = [
        "unstable", "unsure", "stable", "unstable", "stable", "stable", "unsure",
    ]  # fmt: skip
    found = Confusion.of(unstable, verdicts)
    assert found.to_dict() == {
        "unstable_unstable": 1, "unstable_unsure": 1, "unstable_stable": 1, "stable_unstable": 1,
        "stable_unsure": 1, "stable_stable": 2, "missed": pytest.approx(1 / 3),
        "false_alarms": 0.25,
    }  # fmt: skip
    assert Confusion.of([True], ["stable"]).false_alarms is None


def test_verdicts_left_out(rng: np.random.Generator) -> None:
    lowest, unstable = drawn(rng, 300)
    truth = np.where(unstable, -50.0, 30.0)
    entry = fit_stability(lowest, truth)
    assert entry is not None
    found, p = left_out_verdicts(lowest, truth, entry)
    counts = [v for k, v in found.items() if k not in ("missed", "false_alarms")]
    assert sum(v or 0 for v in counts) == 300
    assert p.shape == (300,)


def stability(verdict: Verdict) -> Stability:
    return Stability(0.0, 0.0, (0.0, 0.0, 0.0), None, 0.5, verdict)


def test_section_of_metrics() -> None:
    found = [stability("unstable"), stability("stable"), None, stability("unsure")]
    section = stability_section(found, [-50.0, 30.0, 20.0, None], [False, True, False, True])
    assert section["stability"]["materials"] == 2
    assert section["stability"]["verdict"]["missed"] == 0.0
    assert section["stability"]["share"]["missed"] == 1.0
    assert section["stability"]["share"]["false_alarms"] == 1.0
    assert stability_section([None], [-5.0], [False]) == {}


def test_rules_without_a_calibration() -> None:
    """On the path of the reference, and on mesh and special points: below -20 cm^-1."""
    found = [replace(stability("stable"), lowest=w) for w in (-30.0, -10.0, 5.0, -25.0)]
    truth = [-50.0, -21.0, 30.0, 40.0]
    path = [-19.0, -20.5, -90.0, None]
    section = stability_section(found, truth, [False] * 4, path)["stability"]
    assert section["anywhere"] == {
        "unstable_unstable": 1, "unstable_stable": 1, "stable_unstable": 1, "stable_stable": 1,
        "missed": 0.5, "false_alarms": 0.5,
    }  # fmt: skip
    assert section["path"] == {
        "unstable_unstable": 1, "unstable_stable": 1, "stable_unstable": 1, "stable_stable": 0,
        "missed": 0.5, "false_alarms": 1.0,
    }  # fmt: skip
    assert "path" not in stability_section(found, truth, [False] * 4)["stability"]


def test_lowest_frequency_away_from_gamma() -> None:
    frequencies = np.array([[-300.0, 1.0], [-12.0, 5.0], [3.0, 9.0]])
    assert lowest_away(np.array([0.049, 0.051, 0.4]), frequencies) == -12.0
    assert lowest_away(np.zeros(3), frequencies) is None


class Records:
    """What a data set says of one record."""

    def __init__(self, bands: Any, dos: PhononDos, crystal: Crystal, **provenance: Any) -> None:
        self._bands, self._dos, self._crystal = bands, dos, crystal
        self.provenance = provenance

    def bands(self, _: int) -> Any:
        return self._bands

    def dos(self, _: int) -> PhononDos:
        return self._dos

    def crystal(self, _: int) -> Crystal:
        return self._crystal


def test_lowest_frequency_of_a_reference(rock_salt: Crystal) -> None:
    w = np.array([[-33.4, 50.0, 60.0, 100.0, 150.0, 200.0]])
    dos = dos_from_frequencies(w, np.ones(1))
    path = (np.array([[1.0, 0, 0], [0.5, 0, 0.5]]), np.array([[-300.0], [-12.0]]))
    records: Any = Records(path, dos, rock_salt)
    assert reference_lowest(records, 0) == -12.0  # another Gamma does not count
    records = Records(None, dos, rock_salt, **{"smoothing_cm-1": 2.0})
    assert reference_lowest(records, 0) == pytest.approx(-33.4, abs=1.0)
    assert reference_lowest(Records(None, dos, rock_salt), 0) is None  # type: ignore[arg-type]


def test_weights_keep_it(tmp_path: Path) -> None:
    """Of the released ones a copy gets a new entry; the tensors stay, the checksum fits."""
    from phonodos.model.weights import read_weights, rewrite_header, weights_path

    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights_path("lattice").read_bytes())
    before, tensors = read_weights(copy)
    entry = StabilityEntry(
        intercept=-1.0, slope=-0.1, lowest_from=-99.0, lowest_to=9.0, unstable_above=0.6,
        stable_below=0.2, materials=9, unstable_materials=5,
    )  # fmt: skip
    rewrite_header(copy, {"stability": {"4": entry.model_dump(mode="json")}})
    after, same = read_weights(copy)
    assert after.stability == {"4": entry}
    assert after.checksum != before.checksum
    assert after.calibration == before.calibration
    assert all(bool((tensors[name] == same[name]).all()) for name in tensors)


def test_verdicts_turn_at_frequencies() -> None:
    entry = StabilityEntry(
        intercept=-2.0, slope=-0.1, lowest_from=-99.0, lowest_to=50.0, unstable_above=0.5,
        stable_below=0.05, materials=9, unstable_materials=5,
    )  # fmt: skip
    below, above = turning_points(entry)
    assert below == pytest.approx(-20.0)
    assert probability_of(above, entry) == pytest.approx(0.05)
    never = entry.model_copy(update={"unstable_above": 1.0, "stable_below": 0.0})
    assert turning_points(never) == (-np.inf, np.inf)
    always = entry.model_copy(update={"unstable_above": 0.0, "stable_below": 1.0})
    assert turning_points(always) == (np.inf, -np.inf)


def test_a_share_says_how_frequent_unstable_ones_are(rng: np.random.Generator) -> None:
    """A part of which most unstable ones were left out, weighted, gives what the whole gives."""
    lowest, unstable = drawn(rng, 20000)
    whole = logistic(lowest, unstable)
    kept = ~unstable | (rng.random(20000) < 0.2)
    picked = logistic(lowest[kept], unstable[kept])
    assert abs(picked[0] - whole[0]) > 1.0
    weights = weights_for(unstable[kept], float(unstable.mean()))
    assert weights.mean() == pytest.approx(1.0)
    found = logistic(lowest[kept], unstable[kept], weights)
    assert found[0] == pytest.approx(whole[0], abs=0.15)
    assert found[1] == pytest.approx(whole[1], abs=0.01)


def test_weights_move_the_thresholds() -> None:
    p = np.array([0.05] * 20 + [0.6] * 4)
    unstable = np.array([False] * 20 + [True, True, False, False])
    assert thresholds(p, unstable) == (0.5, 0.1)
    weights = weights_for(unstable, 0.01)
    assert thresholds(p, unstable, weights)[0] == 1.0  # among few unstable ones it errs too often


def test_the_first_data_set_says_how_frequent_unstable_ones_are() -> None:
    class Predicted:
        def __init__(self, w: float) -> None:
            self.stability = Stability(w, 0.0, (0.0, 0.0, 0.0), None, None, "unsure")

    first = [-50.0] * 6 + [30.0] * 24
    picked = [-50.0] * 1 + [30.0] * 69
    lows: Any = [Predicted(w) for w in [*first, *picked]]
    entry = calibrate_stability([*first, *picked], lows, len(first))
    assert entry is not None
    assert entry.model_extra == {"share": 0.2}
    entry = calibrate_stability([*first, *picked], lows)
    assert entry is not None
    assert entry.model_extra == {"share": 0.07}
