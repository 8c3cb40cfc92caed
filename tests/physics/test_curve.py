"""Curves: what is read off them, how instruments blur them, how far two are apart."""

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.physics.curve import Curve, distance, fitted, sampled_like
from phonodos.physics.target import TARGET_GRID, spectrum_target

AXIS = np.arange(0.0, 801.0)


def lines(*centres: float, width: float = 10.0) -> Curve:
    return Curve(AXIS, sum(np.exp(-0.5 * ((AXIS - c) / width) ** 2) for c in centres))


def test_what_is_read_off() -> None:
    curve = lines(100, 160, 500)
    assert curve.peaks().tolist() == [100, 160, 500]
    assert curve.cut_off() == pytest.approx(500 + 10 * np.sqrt(2 * np.log(50)), abs=1)
    low, high = curve.largest_gap() or (0, 0)
    assert low == pytest.approx(160 + 28, abs=1.1)
    assert high == pytest.approx(500 - 28, abs=1.1)
    assert lines(100, 130).largest_gap() is None


def test_a_coarse_axis_has_no_gap_between_neighbours() -> None:
    coarse = Curve(np.array([0.0, 40.0, 80.0, 120.0]), np.array([0.0, 1.0, 1.0, 0.5]))
    assert coarse.largest_gap() is None
    assert coarse.peaks().tolist() == [40.0]


def test_scale_means_nothing() -> None:
    curve = lines(100, 300)
    big = Curve(AXIS, 1e6 * curve.values)
    assert big.peaks().tolist() == curve.peaks().tolist()
    assert distance(curve, big) == pytest.approx(0.0, abs=1e-9)
    assert curve.scaled().values.max() == 1.0


def test_constant_resolution_adds_in_squares() -> None:
    blurred = lines(300, width=10.0).broadened(constant=40.0)
    w, g = blurred.frequencies, blurred.values
    mean = (w * g).sum() / g.sum()
    spread = np.sqrt(((w - mean) ** 2 * g).sum() / g.sum())
    assert mean == pytest.approx(300, abs=0.1)
    assert spread == pytest.approx(np.hypot(10.0, 40.0 / 2.35482), rel=0.01)
    assert g.sum() == pytest.approx(lines(300).values.sum(), rel=1e-6)


def test_relative_resolution_grows_with_frequency() -> None:
    blurred = lines(100, 600, width=2.0).broadened(relative=0.1)
    at_100, at_600 = (blurred.on(np.array([c]))[0] for c in (100.0, 600.0))
    assert at_100 / at_600 == pytest.approx(6.0, rel=0.2)
    assert lines(100).broadened() is not None


def test_distance_of_shifted_lines() -> None:
    assert distance(lines(200), lines(230)) == pytest.approx(30.0, abs=0.1)
    short = Curve(AXIS[:401], lines(200).values[:401])
    assert distance(short, lines(230)) == pytest.approx(30.0, abs=0.1)


def test_nothing_in_common() -> None:
    with pytest.raises(DataError, match="nothing in common"):
        distance(lines(100), Curve(AXIS + 900.0, lines(100).values))


def test_like_with_like() -> None:
    fine = lines(210, 300)
    grid = Curve(TARGET_GRID.frequencies, np.ones(TARGET_GRID.n))
    np.testing.assert_allclose(
        sampled_like(fine, grid).values, spectrum_target(AXIS, fine.values), atol=1e-12
    )
    assert sampled_like(fine, lines(100)) is fine
    assert sampled_like(grid, grid) is grid


@pytest.mark.parametrize(
    ("w", "g", "message"),
    [
        ([0, 1], [1, 1], "three points"),
        ([0, 1, 2], [1, 1], "three points"),
        ([0, 2, 1], [1, 1, 1], "does not rise"),
        ([0, 1, 1], [1, 1, 1], "does not rise"),
        ([-1, 0, 1], [1, 1, 1], "is negative"),
        ([0, 1, 2], [1, np.nan, 1], "no finite numbers"),
        ([0, 1, 2], [0, 0, 0], "nowhere positive"),
    ],
)
def test_broken_curves(w: list[float], g: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Curve(np.array(w), np.array(g))


@pytest.mark.parametrize("width", [-1.0, float("nan"), float("inf")])
def test_impossible_widths(width: float) -> None:
    with pytest.raises(ConfigError, match="resolution"):
        lines(100).broadened(constant=width)


def test_a_part_and_its_errors() -> None:
    curve = Curve(AXIS, lines(200).values, 0.1 * np.ones(len(AXIS)))
    part = curve.within(150.0, 250.0).times(2.0)
    assert (part.frequencies[0], part.frequencies[-1]) == (150.0, 250.0)
    assert part.errors is not None
    np.testing.assert_allclose(part.errors, 0.2)
    with pytest.raises(DataError, match="2 points of a curve lie from 10 to 11"):
        curve.within(10.0, 11.0)
    with pytest.raises(DataError, match="nowhere positive from 10 to 50") as caught:
        Curve(AXIS, np.where(AXIS < 100.0, 0.0, 1.0)).within(10.0, 50.0)
    assert "--range" in caught.value.fix
    for errors in (-np.ones(len(AXIS)), np.ones(3), np.full(len(AXIS), np.nan)):
        with pytest.raises(DataError, match="no standard deviations"):
            Curve(AXIS, curve.values, errors)


@pytest.mark.parametrize("scale", ["max", "area", "fit"])
def test_a_curve_on_another_scale(scale: str) -> None:
    """A factor is found back; errors of the size of the noise give a chi^2 of one."""
    rng = np.random.default_rng(3)
    clean = lines(200, 400, width=30.0)
    assert fitted(clean, clean.times(7.0), scale).factor == pytest.approx(7.0)
    assert fitted(clean, clean.times(7.0), scale).chi_squared is None
    error = 0.01 * np.ones(len(AXIS))
    noisy = Curve(AXIS, 7.0 * clean.values + rng.normal(0.0, 0.01, len(AXIS)), error)
    found = fitted(clean, noisy, scale)
    assert found.factor == pytest.approx(7.0, rel=0.01)
    assert found.points == len(AXIS)
    if scale == "fit":
        assert found.chi_squared == pytest.approx(1.0, abs=0.15)
    error[:100] = 0.0  # not known
    assert fitted(clean, Curve(AXIS, noisy.values, error), scale).points == len(AXIS) - 100


def test_scales_that_are_refused() -> None:
    with pytest.raises(ConfigError, match="--scale height is not known"):
        fitted(lines(200), lines(200), "height")
    for scale in ("area", "fit"):
        with pytest.raises(DataError, match="nothing in common"):
            fitted(lines(200), Curve(AXIS + 900.0, lines(200).values), scale)
