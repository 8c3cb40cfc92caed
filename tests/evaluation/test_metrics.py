"""Measures of accuracy on spectra whose scores can be worked out by hand."""

import numpy as np
import pytest

from phonodos.evaluation.metrics import (
    coverage,
    cut_off,
    detection_scores,
    full_axis,
    gap_scores,
    heat_capacities,
    largest_gap,
    mean_frequencies,
    r2,
    spearman,
    spectrum_scores,
    wasserstein,
)
from phonodos.physics.dos import Gap, PhononDos
from phonodos.physics.units import GAS_CONSTANT, KELVIN_PER_WAVENUMBER


def spikes(*points: int) -> np.ndarray:
    spectrum = np.zeros(51)
    spectrum[list(points)] = 1.0
    return spectrum


def test_perfect_prediction(rng: np.random.Generator) -> None:
    spectra = rng.random((7, 51))
    scores = spectrum_scores(spectra, spectra)
    assert scores["r2"] == 1.0
    assert scores["within_10_percent"] == 1.0
    assert all(scores[k] == 0.0 for k in ("mse", "mae", "wd", "mean_frequency_mae"))


def test_r2_of_the_grand_mean_is_zero(rng: np.random.Generator) -> None:
    spectra = rng.random((7, 51))
    assert r2(spectra, np.full_like(spectra, spectra.mean())) == pytest.approx(0.0)


def test_shifted_spike() -> None:
    reference, predicted = spikes(10)[None], spikes(13)[None]
    assert wasserstein(reference, predicted)[0] == pytest.approx(60.0)
    assert mean_frequencies(predicted)[0] == pytest.approx(260.0)
    scores = spectrum_scores(reference, predicted)
    assert scores["mse"] == pytest.approx(2 / 51)
    assert scores["mae"] == pytest.approx(2 / 51)
    assert scores["mean_frequency_mae"] == pytest.approx(60.0)
    assert scores["within_10_percent"] == 0.0


def test_an_empty_prediction_is_far_off_and_no_nan() -> None:
    """A network in training may give nothing at all; its states count as lying at zero."""
    scores = spectrum_scores(spikes(10)[None], np.zeros((1, 51)))
    assert scores["mse"] == pytest.approx(1 / 51)
    assert scores["wd"] == scores["mean_frequency_mae"] == pytest.approx(200.0)
    assert scores["within_10_percent"] == 0.0


def test_wasserstein_ignores_the_scale(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 5, 51))
    np.testing.assert_allclose(wasserstein(a, b), wasserstein(3 * a, 7 * b))
    np.testing.assert_allclose(wasserstein(a, b), wasserstein(b, a))


def test_largest_gap_is_the_widest_between_states() -> None:
    assert largest_gap(spikes(1, 5, 20, 22)) == Gap(110.0, 390.0)
    assert largest_gap(spikes(1, 3, 5)) is None  # single empty points are no gap
    assert largest_gap(spikes(7)) is None
    faint = spikes(1, 20)
    faint[10] = 0.02
    assert largest_gap(faint) == Gap(210.0, 390.0)


def test_cut_off_is_the_last_visible_point() -> None:
    assert cut_off(spikes(1, 30) + 0.019) == 600.0


def test_gap_scores() -> None:
    reference = np.array([spikes(1, 10), spikes(1, 10), spikes(4)])
    predicted = np.array([spikes(1, 12), spikes(3), spikes(4)])
    scores = gap_scores(reference, predicted)
    assert scores["gaps"] == 2
    assert scores["gap_precision"] == 1.0
    assert scores["gap_recall"] == 0.5
    assert scores["gap_f1"] == pytest.approx(2 / 3)
    assert scores["gap_position_mae"] == pytest.approx(20.0)
    assert scores["gap_width_mae"] == pytest.approx(40.0)
    assert scores["cut_off_mae"] == pytest.approx((40 + 140 + 0) / 3)


def test_detection() -> None:
    truth = np.array([True, True, False, False])
    found = np.array([True, False, True, False])
    assert detection_scores(truth, found) == {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    none = detection_scores(~(truth | ~truth), ~(truth | ~truth))
    assert none == {"precision": None, "recall": None, "f1": None}


def test_heat_capacity_of_51_points_is_per_atom_and_scaled_to_3n() -> None:
    soft, stiff = heat_capacities(np.array([spikes(1, 2), spikes(49, 50)]))
    assert soft == pytest.approx(3 * GAS_CONSTANT, rel=1e-2)
    x = KELVIN_PER_WAVENUMBER * 987 / 300  # the mean of states between 960 and 1000 cm^-1
    assert stiff == pytest.approx(3 * GAS_CONSTANT * (x / 2 / np.sinh(x / 2)) ** 2, rel=0.02)
    np.testing.assert_allclose(heat_capacities(7.0 * spikes(1, 2)[None]), [soft])


def test_full_axis_sees_what_the_51_points_do_not() -> None:
    w = np.arange(-100.0, 2001.0)
    soft = np.exp(-0.5 * ((w + 50) / 5) ** 2)
    stiff = np.exp(-0.5 * ((w - 1500) / 5) ** 2)
    g = 0.2 * soft + 0.8 * stiff
    found = full_axis(PhononDos(w, 6 * g / np.trapezoid(g, w), 2))
    assert found.imaginary
    assert found.mean_frequency == pytest.approx(1500, abs=1)
    assert found.max_frequency == pytest.approx(1500, abs=25)
    assert not full_axis(PhononDos(w, stiff, 2)).imaginary


def test_coverage_and_its_binomial_error() -> None:
    found = coverage(np.arange(10.0), np.full(10, -0.5), np.full(10, 7.5))
    assert (found.share, found.n) == (0.8, 10)
    assert found.error == pytest.approx(np.sqrt(0.016))


def test_ranks() -> None:
    assert spearman([1, 2, 3, 4], [1, 10, 11, 400]) == pytest.approx(1.0)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)


@pytest.mark.parametrize("rows", [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([], [])])
def test_ranks_that_are_undefined(rows: tuple[list[float], list[float]]) -> None:
    assert spearman(*rows) is None
