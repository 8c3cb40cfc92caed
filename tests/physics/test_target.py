"""The 51-point target: the recipe written a second time, its corners, and the printed values."""

from typing import Any

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import (
    RECIPE,
    TARGET_GRID,
    dos_from_target,
    spectrum_target,
    target_of,
)

PRINTED = {
    "mp-1000": ("BaTe", [0.0, 0.1603814665, 0.3662930164]),
    "mp-1002124": ("HfC", [0.0233773173, 0.0309106863]),
    "mp-1002164": ("GeC", [0.0, 0.0017221474, 0.0059812461]),
    "mp-10044": ("BAs", [0.0, 0.0022772930, 0.0078646583]),
    "mp-1008223": ("CaSe", [0.0, 0.2588709724, 0.5505201513]),
}


def plain_target(w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The recipe as its definition says: a cubic fitted to every 101 points around a point."""
    half = 50
    smooth = np.empty_like(g)
    for k in range(len(g)):
        first = min(max(k - half, 0), len(g) - 2 * half - 1)  # the ends use the outermost window
        window = np.arange(first, first + 2 * half + 1)
        smooth[k] = np.polyval(np.polyfit(window - k, g[window], 3), 0.0)
    sampled = np.clip(np.interp(np.arange(0, 1001, 20), w, smooth, left=0.0, right=0.0), 0, None)
    return np.asarray(sampled / sampled.max())


def bumps(w: np.ndarray) -> np.ndarray:
    peaks = [(60, 15, 1.0), (210, 30, 0.7), (430, 8, 1.5), (640, 45, 0.4)]
    return np.asarray(sum(a * np.exp(-(((w - x) / s) ** 2)) for x, s, a in peaks))


@pytest.mark.parametrize("start", [0.0, -37.0, 4.0])
def test_the_recipe(start: float) -> None:
    w = np.arange(start, 801.0)
    wanted = plain_target(w, bumps(w))
    np.testing.assert_allclose(spectrum_target(w, bumps(w)), wanted, atol=1e-9)
    assert wanted[:3].max() > 0.01


def test_recipe_is_named() -> None:
    assert (RECIPE["window"], RECIPE["order"], RECIPE["points"]) == (101, 3, 51)
    np.testing.assert_array_equal(TARGET_GRID.frequencies, 20.0 * np.arange(51))


def test_a_cubic_passes_the_filter_unchanged() -> None:
    w = np.arange(0.0, 1001.0)
    g = 1e-6 * w * (1000.0 - w) * (w + 300.0)
    np.testing.assert_allclose(spectrum_target(w, g), g[::20] / g[::20].max(), atol=1e-9)


def test_scale_and_unit_of_the_density_do_not_matter() -> None:
    w = np.arange(0.0, 801.0)
    np.testing.assert_allclose(spectrum_target(w, 8065.5 * bumps(w)), spectrum_target(w, bumps(w)))


def test_beyond_the_axis_is_zero() -> None:
    w = np.arange(100.0, 301.0)
    target = spectrum_target(w, np.ones_like(w))
    np.testing.assert_allclose(target, np.where(np.abs(np.arange(51) - 10) <= 5, 1.0, 0.0))


def test_ringing_below_zero_is_cut_off() -> None:
    w = np.arange(0.0, 1001.0)
    step = np.where(w < 500, 1.0, 0.0)
    target = spectrum_target(w, step)
    assert target.min() == 0.0
    assert target.max() == 1.0
    assert (target[TARGET_GRID.frequencies > 500][:2] == 0.0).any()


@pytest.mark.parametrize("n", [5, 6, 94, 100, 101])
def test_few_points_take_a_shorter_window(n: int) -> None:
    """The longest odd window that fits (a record of the data has 94 points)."""
    w = np.linspace(0.0, 93.0, n)
    g = 1.0 + w + w**3 / 1e3  # a cubic passes any window
    sampled = np.interp(TARGET_GRID.frequencies, w, g, right=0.0)
    np.testing.assert_allclose(spectrum_target(w, g), sampled / sampled.max(), rtol=1e-6)


def test_too_few_points() -> None:
    with pytest.raises(PredictionError, match="4 points are too few to smooth"):
        spectrum_target(np.arange(4.0), np.ones(4))


def test_nothing_on_the_axis() -> None:
    w = np.arange(1500.0, 2501.0)
    with pytest.raises(PredictionError, match="zero between 0 and 1000") as caught:
        spectrum_target(w, np.ones_like(w))
    assert "cm^-1" in caught.value.fix


def test_there_and_back(rng: np.random.Generator) -> None:
    values = rng.random(51)
    dos = dos_from_target(values, 7)
    assert dos.integral == pytest.approx(21.0)
    assert dos.n_atoms == 7
    np.testing.assert_allclose(target_of(dos), values / values.max())


def test_target_of_a_fine_spectrum_is_the_recipe() -> None:
    w = np.arange(0.0, 801.0)
    np.testing.assert_array_equal(
        target_of(PhononDos(w, bumps(w), 2)), spectrum_target(w, bumps(w))
    )


@pytest.mark.parametrize(
    "values", [np.zeros(51), np.ones(50), np.full(51, np.nan), np.linspace(-0.1, 1, 51)]
)
def test_values_that_are_no_spectrum(values: np.ndarray) -> None:
    with pytest.raises(PredictionError, match="51 non-negative values"):
        dos_from_target(values, 1)


def test_printed_values(records: dict[str, dict[str, Any]]) -> None:
    for name, (formula, values) in PRINTED.items():
        record = records[name]
        assert record["formula"] == formula
        found = spectrum_target(
            np.array(record["dos_frequencies"]), np.array(record["dos_densities"])
        )
        np.testing.assert_allclose(found[: len(values)], values, atol=1e-9)
        np.testing.assert_array_equal(found, record["target"])


def test_targets_of_all_records(records: dict[str, dict[str, Any]]) -> None:
    targets = np.array([r["target"] for r in records.values()])
    assert targets.shape == (1446, 51)
    assert (targets.max(axis=1) == 1.0).all()
    assert targets.min() == 0.0
    assert len(records["mp-2667"]["dos_frequencies"]) == 94  # CsAu
