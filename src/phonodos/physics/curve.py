"""`Curve`: a spectrum known up to a factor, such as a measured one, and what can be read off it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError
from phonodos.physics.dos import STEP as FINE
from phonodos.physics.dos import Gap, last_occupied, sampled, wasserstein, widest_gap
from phonodos.physics.target import TARGET_GRID, spectrum_target

Array = NDArray[np.float64]

PROMINENCE = 0.05  # of the own maximum: how far a peak stands above its surroundings
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))  # of a Gaussian, in standard deviations


@dataclass(frozen=True, eq=False)
class Curve:
    """Intensity against frequency, in arbitrary units.

    Parameters
    ----------
    frequencies
        (m,) rising, not negative [cm^-1].
    values
        (m,) intensities; their scale means nothing.

    Raises
    ------
    DataError
        If shapes differ, there are fewer than three points, the axis does not rise or is negative,
        a value is not finite, or nothing is positive.
    """

    frequencies: Array
    values: Array

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

    def scaled(self) -> "Curve":
        """Return the curve over its own maximum."""
        return Curve(self.frequencies, self.values / self.values.max())

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
        if not (0.0 <= constant < np.inf and 0.0 <= relative < np.inf):
            raise ConfigError(
                f"resolution of {constant:g} cm^-1 and {100 * relative:g} %",
                "a width is a finite number that is not negative",
                "write for example --resolution 3% or --resolution 20",
            )
        if constant == relative == 0.0:
            return self
        source = np.arange(self.frequencies[0], self.frequencies[-1] + FINE / 2, FINE)
        weights = self.on(source)
        sigma = np.maximum(np.hypot(constant, relative * source) / FWHM, 1e-3)
        reach = self.frequencies[-1] + 4.0 * sigma[-1]
        axis = np.arange(0.0, reach + FINE, FINE)
        # Every point is smeared over its neighbours: what it carries stays the same in sum.
        kernel = np.exp(
            -0.5 * ((axis[:, None] - source[None]) / np.maximum(sigma, 0.3 * FINE)) ** 2
        )
        return Curve(axis, kernel / kernel.sum(axis=0) @ weights)

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
        raise DataError(
            "the two curves have nothing in common",
            f"their axes overlap from {low:g} to {high:g} cm^-1",
            "check the unit of the reference (cm-1, meV or THz)",
        )
    return float(wasserstein(parts[0][None], parts[1][None], FINE)[0])
