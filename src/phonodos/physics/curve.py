"""`Curve`: a spectrum known up to a factor, such as a measured one, and what can be read off it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError
from phonodos.physics.dos import STEP as FINE
from phonodos.physics.dos import Gap, last_occupied, sampled, wasserstein, widest_gap
from phonodos.physics.resolution import FWHM as FWHM
from phonodos.physics.resolution import Resolution, broadened
from phonodos.physics.target import TARGET_GRID, spectrum_target

Array = NDArray[np.float64]

PROMINENCE = 0.05  # of the own maximum: how far a peak stands above its surroundings
ENDED = 1e-3  # of the own maximum
SCALES = ("max", "area", "fit")  # how two curves of unknown scale are brought together


@dataclass(frozen=True, eq=False)
class Curve:
    """Intensity against frequency, in arbitrary units.

    Parameters
    ----------
    frequencies
        (m,) rising, not negative [cm^-1].
    values
        (m,) intensities; their scale means nothing.
    errors
        (m,) standard deviations of the values; 0 where it is not known, None for none.

    Raises
    ------
    DataError
        If shapes differ, there are fewer than three points, the axis does not rise or is negative,
        a value is not finite, an error is negative, or nothing is positive.
    """

    frequencies: Array
    values: Array
    errors: Array | None = None

    def __post_init__(self) -> None:
        w = np.asarray(self.frequencies, dtype=np.float64)
        g = np.asarray(self.values, dtype=np.float64)
        object.__setattr__(self, "frequencies", w)
        object.__setattr__(self, "values", g)
        fix = "give two columns: rising frequencies and intensities"
        if w.ndim != 1 or w.shape != g.shape or len(w) < 3:
            raise DataError("a curve needs three points or more", f"{w.shape}, {g.shape}", fix)
        if not (np.isfinite(w).all() and np.isfinite(g).all()):
            raise DataError("a curve holds values that are no finite numbers", "NaN or inf", fix)
        if (np.diff(w) <= 0.0).any():
            row = int(np.argmax(np.diff(w) <= 0.0)) + 2
            raise DataError(
                "the frequency axis does not rise",
                f"point {row} lies at {w[row - 1]:g} cm^-1, after {w[row - 2]:g} cm^-1",
                "sort the points by frequency and remove duplicates",
            )
        if w[0] < 0.0:
            raise DataError(
                "the frequency axis is negative",
                f"it starts at {w[0]:g} cm^-1; energy gain and imaginary modes have no place here",
                "cut the file at zero",
            )
        if not g.max() > 0.0:
            raise DataError("a curve is nowhere positive", f"its maximum is {g.max():g}", fix)
        if self.errors is not None:
            e = np.asarray(self.errors, dtype=np.float64)
            object.__setattr__(self, "errors", e)
            if e.shape != g.shape or not (np.isfinite(e).all() and (e >= 0.0).all()):
                raise DataError(
                    "the errors of a curve are no standard deviations",
                    "they must be one finite number a point, not negative",
                    "correct the third column, or leave it out",
                )

    def scaled(self) -> "Curve":
        """Return the curve over its own maximum."""
        top = self.values.max()
        errors = None if self.errors is None else self.errors / top
        return Curve(self.frequencies, self.values / top, errors)

    def times(self, factor: float) -> "Curve":
        """Return the curve with values and errors times a positive factor."""
        errors = None if self.errors is None else self.errors * factor
        return Curve(self.frequencies, self.values * factor, errors)

    def within(self, low: float, high: float) -> "Curve":
        """Return the points from `low` to `high` [cm^-1], both included.

        Raises
        ------
        DataError
            If fewer than three are there, or none of them is positive.
        """
        inside = (self.frequencies >= low - 1e-9) & (self.frequencies <= high + 1e-9)
        if inside.sum() < 3:
            raise DataError(
                f"{inside.sum()} points of a curve lie from {low:g} to {high:g} cm^-1",
                f"the axis runs from {self.frequencies[0]:g} to {self.frequencies[-1]:g} cm^-1, "
                "and a curve needs three points or more",
                "widen --range (it is in --units)",
            )
        if not (top := self.values[inside].max()) > 0.0:
            raise DataError(
                f"a curve is nowhere positive from {low:g} to {high:g} cm^-1",
                f"the largest of its {inside.sum()} points there is {top:g}",
                "move or widen --range (it is in --units)",
            )
        errors = None if self.errors is None else self.errors[inside]
        return Curve(self.frequencies[inside], self.values[inside], errors)

    def on(self, axis: Array) -> Array:
        """Return the values on another axis [cm^-1], linear in between, 0 outside."""
        return sampled(axis, self.frequencies, self.values)

    def broadened(self, constant: float = 0.0, relative: float = 0.0) -> "Curve":
        """Return the curve as an instrument with Gaussian resolution sees it.

        Parameters
        ----------
        constant
            Full width at half maximum [cm^-1].
        relative
            Full width at half maximum as a share of the frequency; both add in squares.

        Raises
        ------
        ConfigError
            If a width is negative or not finite.
        """
        return self.seen_by(Resolution(constant=constant, relative=relative))

    def seen_by(self, resolution: Resolution) -> "Curve":
        """Return the curve as an instrument of this resolution sees it.

        What would be smeared below zero stays above it, and nothing is there beyond the largest
        energy transfer that the instrument can measure.
        """
        if resolution.is_sharp:
            return self
        source = np.arange(self.frequencies[0], self.frequencies[-1] + FINE / 2, FINE)
        widest = float(resolution.widths(source)[-1]) / FWHM
        reach = self.frequencies[-1] + 4.0 * max(widest, 1e-3)
        axis = np.arange(0.0, reach + FINE, FINE)
        values = broadened(axis, source, self.on(source)[None], resolution, FINE)[0]
        if resolution.highest is not None:
            axis, values = axis[axis <= resolution.highest], values[axis <= resolution.highest]
        return Curve(axis, values)

    def peaks(self) -> Array:
        """Return the frequencies [cm^-1] of peaks that stand out by 5 % of the maximum."""
        from scipy.signal import find_peaks

        padded = np.concatenate([[0.0], self.scaled().values, [0.0]])
        found, _ = find_peaks(padded, prominence=PROMINENCE)
        return np.asarray(self.frequencies[found - 1])

    def cut_off(self) -> float:
        """Return the last frequency [cm^-1] with at least 2 % of the maximum."""
        return last_occupied(self.frequencies, self.values)

    def gap(self) -> Gap | None:
        """Return the widest stretch below 2 % of the maximum, or None, as `widest_gap` finds it."""
        return widest_gap(self.frequencies, self.values)

    def largest_gap(self) -> tuple[float, float] | None:
        """Return both edges [cm^-1] of `gap`, or None."""
        found = self.gap()
        return None if found is None else (found.low, found.high)


def sampled_like(curve: Curve, reference: Curve) -> Curve:
    """Return a curve on the paper's 51 points, by its recipe, if the reference lives there.

    A spectrum smoothed and sampled every 20 cm^-1 is to be compared with its like. Where the
    reference has another axis, the curve comes back as it is.
    """
    grid = TARGET_GRID.frequencies

    def on_grid(c: Curve) -> bool:
        return len(c.frequencies) == len(grid) and np.allclose(c.frequencies, grid)

    if on_grid(curve) or not on_grid(reference):
        return curve
    axis = np.arange(0.0, curve.frequencies[-1] + FINE, FINE)
    return Curve(grid, spectrum_target(axis, curve.on(axis)))


@dataclass(frozen=True)
class Fit:
    """How well a curve meets the points of another.

    Attributes
    ----------
    factor
        By which the values of the first curve are multiplied.
    points
        Points of the second that the first has an answer to and whose error is known (all, without
        errors); beyond its end it answers with nothing if it has come down to nothing there.
    chi_squared
        Mean of ((first - second) / error)^2 over them; None without errors.
    """

    factor: float
    points: int
    chi_squared: float | None


def fitted(curve: Curve, reference: Curve, scale: str = "max") -> Fit:
    """Return the factor that brings a curve to the scale of a reference, and what remains.

    Parameters
    ----------
    curve, reference
        Both curves; where the reference has errors, points count by 1 / error^2.
    scale
        ``max`` (equal maxima), ``area`` (equal areas where both are known) or ``fit`` (least
        squares).

    Raises
    ------
    ConfigError
        If the scale is none of the three.
    DataError
        If the curves have nothing in common.
    """
    check_scale(scale)
    w = reference.frequencies
    # A curve that has come down to nothing is nothing beyond its end too.
    ended = curve.values[-1] < ENDED * curve.values.max()
    inside = (w >= curve.frequencies[0]) & (ended | (w <= curve.frequencies[-1]))
    y, errors = reference.values, reference.errors
    known = inside if errors is None else inside & (errors > 0.0)
    x = curve.on(w)
    weights = np.ones(known.sum()) if errors is None else 1.0 / errors[known] ** 2
    if scale == "max":
        factor = float(y.max() / curve.values.max())
    elif scale == "area":
        low = max(float(w[0]), float(curve.frequencies[0]))
        high = min(float(w[-1]), float(curve.frequencies[-1]))
        axis = np.arange(low, max(high, low) + FINE / 2, FINE)
        areas = [float(c.on(axis).sum()) for c in (reference, curve)]
        factor = areas[0] / areas[1] if areas[1] > 0.0 else 0.0
    else:
        square = float(weights @ x[known] ** 2)
        factor = float(weights @ (x[known] * y[known])) / square if square > 0.0 else 0.0
    if not factor > 0.0:
        raise _apart(curve, reference)
    if errors is None or not known.any():
        return Fit(factor, int(known.sum()), None)
    misses = (factor * x[known] - y[known]) ** 2 * weights
    return Fit(factor, int(known.sum()), float(misses.mean()))


def check_scale(scale: str) -> None:
    """Raise `ConfigError` unless a scale is one of ``max``, ``area``, ``fit``."""
    if scale not in SCALES:
        raise ConfigError(
            f"--scale {scale} is not known",
            "two curves are brought together by " + ", ".join(SCALES),
            "choose one of them, for example --scale area",
        )


def distance(a: Curve, b: Curve) -> float:
    """Return the Wasserstein distance [cm^-1] of two curves where both are known.

    Both are brought to unit area over the frequencies that both axes cover; negative noise counts
    as nothing.

    Raises
    ------
    DataError
        If the axes have no stretch in common where both are positive.
    """
    low = max(a.frequencies[0], b.frequencies[0])
    high = min(a.frequencies[-1], b.frequencies[-1])
    axis = np.arange(low, max(high, low) + FINE / 2, FINE)
    parts = [np.clip(c.on(axis), 0.0, None) for c in (a, b)]
    if len(axis) < 3 or min(p.sum() for p in parts) <= 0.0:
        raise _apart(a, b)
    return float(wasserstein(parts[0][None], parts[1][None], FINE)[0])


def _apart(a: Curve, b: Curve) -> DataError:
    low = max(a.frequencies[0], b.frequencies[0])
    high = min(a.frequencies[-1], b.frequencies[-1])
    return DataError(
        "the two curves have nothing in common",
        f"their axes overlap from {low:g} to {high:g} cm^-1",
        "check the unit of the reference (cm-1, meV or THz)",
    )
