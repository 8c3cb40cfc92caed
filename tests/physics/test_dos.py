"""`PhononDos`: moments of spectra that can be worked out by hand, and what it refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.dos import (
    HIGHEST_FREQUENCY,
    FrequencyGrid,
    Gap,
    PhononDos,
    check_frequencies,
    mean_of,
)


def box(low: float, high: float, n_atoms: int = 1, *, start: float = 0.0) -> PhononDos:
    """Return 3N states spread evenly between two frequencies."""
    w = np.arange(start, 1001.0)
    g = np.where((w >= low) & (w <= high), 1.0, 0.0)
    return PhononDos(w, g * 3 * n_atoms / np.trapezoid(g, w), n_atoms)


def test_grid() -> None:
    grid = FrequencyGrid(-20.0, 10.0, 4)
    np.testing.assert_array_equal(grid.frequencies, [-20.0, -10.0, 0.0, 10.0])


def test_moments() -> None:
    dos = box(100, 300, n_atoms=4)
    assert dos.integral == pytest.approx(12.0)
    assert dos.mean_frequency == pytest.approx(200.0)
    assert dos.max_frequency == 300.0
    assert dos.imaginary_fraction == 0.0


def test_the_largest_frequency_is_that_of_the_states() -> None:
    plain = box(100, 300, n_atoms=4)
    assert plain.largest_frequency == plain.max_frequency
    stiff, soft = (replace(plain, highest=w) for w in (291.0, 287.0))
    assert stiff.largest_frequency == 291.0
    assert stiff.max_frequency == 300.0
    mean = mean_of([stiff, soft])
    assert mean.largest_frequency == 289.0
    assert mean.finer(0.5).highest == mean.per_cells(2.0, 8).highest == 289.0
    assert mean_of([stiff, plain]).largest_frequency == 295.5  # of a density its end
    assert mean_of([plain]).highest is None


def test_faint_states_do_not_end_the_spectrum() -> None:
    w = np.arange(0.0, 401.0)
    g = np.where(w <= 200, 1.0, 0.0009)
    assert PhononDos(w, g, 1).max_frequency == 200.0
    assert PhononDos(w, np.where(w <= 200, 1.0, 0.0011), 1).max_frequency == 400.0


def test_imaginary_states_count_from_minus_ten_and_leave_the_mean_alone() -> None:
    w = np.arange(-300.0, 501.0)
    g = np.where((w >= -210) & (w <= -110), 1.0, 0.0) + np.where((w >= 100) & (w <= 400), 1.0, 0.0)
    dos = PhononDos(w, 3 * g / np.trapezoid(g, w), 1)
    assert dos.imaginary_fraction == pytest.approx(0.25, abs=0.003)
    assert dos.mean_frequency == pytest.approx(250.0)
    noise = PhononDos(w, np.where((w >= -10) & (w <= 90), 1.0, 0.0), 1)
    assert noise.imaginary_fraction == 0.0


def test_a_larger_share_than_one_percent_is_unstable() -> None:
    w = np.arange(-100.0, 501.0)
    real = np.where((w >= 100) & (w <= 300), 1.0, 0.0)
    for share, unstable in ((0.009, False), (0.011, True)):
        soft = np.where((w >= -60) & (w <= -40), 1.0, 0.0)
        g = share * soft / soft.sum() + (1 - share) * real / real.sum()
        dos = PhononDos(w, 3 * g, 1)
        assert dos.imaginary_fraction == pytest.approx(share, rel=1e-6)
        assert dos.is_unstable is unstable


def test_gap_and_cut_off() -> None:
    w = np.arange(-50.0, 601.0)
    g = np.where((w <= 100) | ((w > 140) & (w < 160)) | ((w >= 300) & (w <= 350)), 1.0, 0.0)
    dos = PhononDos(w, g, 1)
    assert dos.gap() == Gap(159.5, 299.5)
    assert dos.gap().width == 140.0  # type: ignore[union-attr]
    assert dos.cut_off() == 350.0
    assert PhononDos(w, np.where(np.abs(w - 200) < 30, 1.0, 0.0), 1).gap() is None
    faint = PhononDos(w, np.maximum(g, 0.0199), 1)
    assert (faint.gap(), faint.cut_off()) == (dos.gap(), dos.cut_off())
    seen = PhononDos(w, np.maximum(g, 0.0201), 1)
    assert (seen.gap(), seen.cut_off()) == (None, 600.0)


def test_a_gap_is_wider_than_thirty() -> None:
    w = np.arange(0.0, 301.0)
    for empty, wide in ((30, False), (31, True)):
        g = np.where((w >= 100) & (w < 100 + empty), 0.0, 1.0)
        assert (PhononDos(w, g, 1).gap() is not None) is wide


def test_distances() -> None:
    a = box(100, 300)
    assert a.distance(a) == 0.0
    assert a.distance(box(107, 307)) == pytest.approx(7.0)
    low = PhononDos(np.arange(-20.0, 1001.0) - 0.5, np.r_[np.zeros(20), a.densities], 1)
    assert a.distance(low) == pytest.approx(0.5)  # on whole wavenumbers, axes of any length
    twice = PhononDos(a.frequencies, 2 * a.densities, 1)
    assert a.distance(twice) == pytest.approx(0.0, abs=1e-9)  # of unit integrals


def test_other_axes() -> None:
    dos = PhononDos(np.array([10.0, 20.0]), np.array([1.0, 3.0]), 1, np.array([[1.0, 3.0]]))
    axis = np.array([0.0, 10.0, 15.0, 20.0, 21.0])
    np.testing.assert_array_equal(dos.on(axis), [0, 1, 2, 3, 0])
    np.testing.assert_array_equal(dos.projected_on(axis), [[0, 1, 2, 3, 0]])
    fine = dos.finer(3.0)
    np.testing.assert_allclose(fine.frequencies, [10, 12.5, 15, 17.5, 20])
    np.testing.assert_allclose(fine.densities, [1, 1.5, 2, 2.5, 3])
    assert fine.finer(3.0) is fine


def test_mean_of_spectra_on_different_axes() -> None:
    a = PhononDos(np.arange(-2.0, 11.0), np.full(13, 0.25), 1)
    b = PhononDos(np.arange(0.0, 21.0), np.full(21, 0.15), 1)
    mean = mean_of([a, b])
    assert mean.frequencies[0] == -2.0
    assert mean.frequencies[-1] == 20.0
    np.testing.assert_allclose(mean.densities[[0, 5, 20]], [0.125, 0.2, 0.075])
    assert mean_of([a]) is a


def test_a_shifted_projection_is_as_far_as_the_shift() -> None:
    w = np.arange(0.0, 301.0)
    peaks = [np.exp(-(((w - c) / 10.0) ** 2)) for c in (100.0, 200.0)]
    rows = np.stack([p * 3.0 / np.trapezoid(p, w) for p in peaks])
    dos = PhononDos(w, rows.sum(axis=0), 2, rows)
    moved = PhononDos(w + 7.0, rows.sum(axis=0), 2, rows)
    assert dos.projected_distance(moved) == pytest.approx(7.0, abs=0.01)


def test_positive_part_starts_at_zero() -> None:
    w, g = PhononDos(np.array([-15.0, 5.0, 25.0]), np.array([0.0, 4.0, 1.0]), 1).positive()
    np.testing.assert_allclose(w, [0.0, 5.0, 25.0])
    np.testing.assert_allclose(g, [3.0, 4.0, 1.0])
    w, g = PhononDos(np.array([50.0, 60.0]), np.array([1.0, 1.0]), 1).positive()
    np.testing.assert_allclose(w, [0.0, 50.0, 60.0])
    assert g[0] == 0.0  # nothing is known below the axis


def test_larger_cell() -> None:
    double = box(100, 300, n_atoms=2).per_cells(2.0, 4)
    assert double.n_atoms == 4
    assert double.integral == pytest.approx(12.0)
    assert double.mean_frequency == pytest.approx(200.0)


def test_projection_is_kept() -> None:
    w = np.array([0.0, 1.0, 2.0])
    parts = np.array([[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]])
    dos = PhononDos(w, parts.sum(0), 2, parts)
    assert dos.projected is not None
    np.testing.assert_array_equal(dos.projected.sum(0), dos.densities)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"densities": [1.0, 2.0]}, "one density for every frequency"),
        ({"frequencies": [0.0], "densities": [1.0]}, "one density for every frequency"),
        ({"frequencies": np.zeros((3, 1))}, "one density for every frequency"),
        ({"frequencies": [0.0, 2.0, 1.0]}, "does not rise"),
        ({"frequencies": [0.0, 1.0, 1.0]}, "does not rise"),
        ({"densities": [1.0, np.nan, 1.0]}, "not finite"),
        ({"frequencies": [0.0, 1.0, np.inf]}, "not finite"),
        ({"projected": np.zeros((2, 3))}, "do not fit the crystal"),
        ({"projected": np.zeros((1, 2))}, "do not fit the crystal"),
    ],
)
def test_impossible_spectra(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"frequencies": [0.0, 1.0, 2.0], "densities": [0.0, 3.0, 0.0]}
    assert PhononDos(**good, n_atoms=1).integral == 3.0
    with pytest.raises(PredictionError, match=message):
        PhononDos(**(good | change), n_atoms=1)


def test_spectra_of_the_records_hold_3n_states(records: dict[str, dict[str, Any]]) -> None:
    """states/eV on a cm^-1 axis become states/cm^-1: 3N within 5 %, nearly all within 1 %."""
    filled = [
        PhononDos(r["dos_frequencies"], r["dos_densities"], r["n_atoms"]).integral
        / 3
        / r["n_atoms"]
        for r in records.values()
    ]
    assert np.median(filled) == pytest.approx(1.0, abs=1e-3)
    assert np.abs(np.array(filled) - 1.0).max() < 0.05


@pytest.mark.parametrize("value", [10_001.0, -10_001.0, 7e7, np.inf, np.nan])
def test_no_vibration_has_such_a_frequency(value: float) -> None:
    with pytest.raises(PredictionError, match=r"MgO: frequencies of .* cm"):
        check_frequencies(np.array([[100.0, value]]), "MgO")
    check_frequencies(np.array([-HIGHEST_FREQUENCY, HIGHEST_FREQUENCY]))
    check_frequencies(np.zeros(0))


def test_the_highest_frequency_is_not_below_the_mean() -> None:
    """A line at 100 and as many states again spread so thin that none of them is visible."""
    w = np.arange(0.0, 9001.0)
    g = np.where(w == 100.0, 1.0, 0.0) + np.where(w > 1000.0, 2e-4, 0.0)
    dos = PhononDos(w, g * 3.0 / np.trapezoid(g, w), 1)
    assert dos.mean_frequency > 1000.0
    assert dos.max_frequency == dos.mean_frequency


def test_a_spectrum_without_real_states_has_no_mean() -> None:
    w = np.arange(-100.0, 101.0)
    g = np.where((w > -80) & (w < -20), 1.0, 0.0)
    dos = PhononDos(w, g, 1)
    assert dos.mean_frequency == 0.0
