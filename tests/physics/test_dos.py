"""`PhononDos`: moments of spectra that can be worked out by hand, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.dos import HIGHEST_FREQUENCY, FrequencyGrid, PhononDos, check_frequencies


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
