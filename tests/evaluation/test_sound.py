"""Sound: the ratios are those of branches at long waves, and nothing else is among them."""

import numpy as np
import pytest

from phonodos.evaluation.sound import sound_ratios, sound_section

LENGTHS = np.array([0.0, 0.05, 0.1, 0.15, 0.25])
REFERENCE = np.outer(LENGTHS + 1e-3, [100.0, 200.0, 400.0, 900.0, 900.0, 900.0])


def test_only_long_waves_of_stable_references_are_compared() -> None:
    reference = REFERENCE.copy()
    predicted = reference * np.array([0.8, 0.9, 1.1, 5.0, 5.0, 5.0])
    predicted[[0, 1, 4]] = -1e6  # at Gamma, too close, too far
    assert np.array(sound_ratios(LENGTHS, reference, predicted)) == pytest.approx(
        np.array([[0.8, 0.9, 1.1]] * 2)
    )
    reference[2, 0] = 4.9
    assert len(sound_ratios(LENGTHS, reference, predicted)) == 1
    assert sound_ratios(np.zeros(5), reference, predicted) == ()


def test_an_imaginary_prediction_is_an_error_beyond_1() -> None:
    predicted = -REFERENCE
    found = sound_section([sound_ratios(LENGTHS, REFERENCE, predicted)])["sound"]
    assert found["ratio"] == pytest.approx({"1": -1.0, "2": -1.0, "3": -1.0})
    assert found["error"] == pytest.approx({"1": 2.0, "2": 2.0, "3": 2.0})


def test_medians_are_over_all_waves_of_all_materials() -> None:
    first = ((0.9, 1.0, 1.0), (0.8, 1.0, 1.1))
    found = sound_section([first, (), ((1.1, 0.7, 1.2),)])["sound"]
    assert found["materials"] == 2
    assert found["waves"] == 3
    assert found["ratio"] == pytest.approx({"1": 0.9, "2": 1.0, "3": 1.1})
    assert found["error"] == pytest.approx({"1": 0.1, "2": 0.0, "3": 0.1})


def test_without_waves_there_is_no_section() -> None:
    assert sound_section([(), ()]) == {}
    assert sound_section([]) == {}
