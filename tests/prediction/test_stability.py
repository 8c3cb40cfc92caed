"""`Stability`: probabilities, verdicts, words, and what a weight file says of them."""

import json
from typing import Any

import numpy as np
import pytest

from phonodos.model.header import StabilityEntry, WeightHeader
from phonodos.physics.special_points import NEAR
from phonodos.prediction.doubts import stability_doubts
from phonodos.prediction.stability import (
    HEADER_KEY,
    entry_of,
    probability_of,
    stability_of,
    verdict_of,
)

ENTRY = StabilityEntry(
    intercept=-2.0, slope=-0.1, lowest_from=-100.0, lowest_to=50.0, unstable_above=0.7,
    stable_below=0.1, materials=100, unstable_materials=20,
)  # fmt: skip
QPOINTS = np.array([[0.5, 0.0, 0.0], [0.01, 0.0, 0.0], [0.1, -0.2, 0.3]])
LABELS = ["X", NEAR, None]


def of(*lowest: tuple[float, float, float], entry: StabilityEntry | None = ENTRY) -> Any:
    return stability_of(np.array(lowest), QPOINTS, LABELS, entry)


def test_the_probability_falls_with_the_lowest_frequency() -> None:
    assert probability_of(-20.0, ENTRY) == pytest.approx(0.5)
    values = [probability_of(w, ENTRY) for w in (-500.0, -100.0, -30.0, 0.0, 50.0, 300.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] == values[1]  # cut at the ends of what it was measured on
    assert values[-2] == values[-1]


@pytest.mark.parametrize(
    ("lowest", "verdict"), [(-60.0, "unstable"), (-15.0, "unsure"), (40.0, "stable")]
)
def test_verdicts(lowest: float, verdict: str) -> None:
    found = of((lowest, 5.0, 80.0))
    assert found.verdict == verdict
    assert found.is_unstable is (verdict == "unstable")
    assert found.label == "X"
    assert bool(stability_doubts(found)) is (verdict != "stable")


def test_without_a_calibration_no_probability() -> None:
    for lowest, verdict in ((-21.0, "unstable"), (-19.0, "unsure"), (0.0, "stable")):
        found = of((lowest, 5.0, 80.0), entry=None)
        assert (found.probability, found.verdict) == (None, verdict)
        assert verdict_of(lowest, None, None) == verdict
    assert "not calibrated" in found.text()


def test_members_each_have_their_lowest() -> None:
    found = of((-30.0, 4.0, 10.0), (20.0, 4.0, -40.0))
    assert found.lowest == -35.0
    assert found.spread == pytest.approx(np.sqrt(50.0))
    assert found.label is None
    assert found.qpoint == (0.1, -0.2, 0.3)
    assert found.place == "q = (0.100 -0.200 0.300)"


def test_around_gamma_only_imaginary_modes_count() -> None:
    assert of((30.0, 4.0, 60.0)).lowest == 30.0
    soft = of((30.0, -4.0, 60.0))
    assert (soft.lowest, soft.place) == (-4.0, "near Gamma")
    assert "cm-1 near Gamma" in soft.text()
    assert "cm-1 at X" in of((-30.0, 4.0, -30.005)).text()


def test_of_equal_points_the_first_is_named() -> None:
    assert of((-30.0, 4.0, -30.005)).label == "X"


def test_json_and_words() -> None:
    found = of((-60.0, 5.0, 80.0))
    record = json.loads(json.dumps(found.to_dict()))
    assert record == {
        "lowest": -60.0, "spread": 0.0, "qpoint": [0.5, 0.0, 0.0], "label": "X",
        "probability": pytest.approx(0.982, abs=1e-3), "verdict": "unstable", "unit": "cm-1",
    }  # fmt: skip
    assert found.to_dict("THz")["lowest"] == pytest.approx(-60.0 * 0.0299792458)
    assert found.text() == (
        "unstable, lowest frequency -60 (s.d. 0) cm-1 at X, unstable with probability 0.98"
    )
    (text,) = stability_doubts(found)
    assert text.startswith("predicted unstable: lowest frequency -60 cm^-1 at X, probability 0.98")


def test_the_header_says_it_by_number_of_members() -> None:
    header = WeightHeader.of({"name": "x", HEADER_KEY: {"4": ENTRY.model_dump()}})
    assert entry_of(header, 4) == ENTRY
    assert entry_of(header, 1) is None
    assert header.to_dict()[HEADER_KEY]["4"] == ENTRY.model_dump()
    assert WeightHeader.of({"name": "x"}).stability == {}
