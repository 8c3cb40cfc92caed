"""Measures of accuracy: on the 51 points ("own-max": over its own maximum) and on the whole axis.

Every function takes (n, ...) arrays of n materials, reference first. Definitions that differ in the
literature are stated with each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.dos import PhononDos
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.physics.thermodynamics import thermal_properties

Array = NDArray[np.float64]

ROOM_TEMPERATURE = 300.0  # [K]
CLOSE = 0.10  # relative error of the mean frequency that counts as within 10 %
IMAGINARY_SHARE = 0.01  # of the states below -10 cm^-1 that makes a material unstable
VISIBLE = 0.02  # of the own maximum: below it a point of the spectrum counts as empty


def squared_errors(reference: Array, predicted: Array) -> Array:
    """Return the (n,) mean squared error over the points of own-maximum spectra."""
    return np.asarray(np.mean((predicted - reference) ** 2, axis=1))


def absolute_errors(reference: Array, predicted: Array) -> Array:
    """Return the (n,) mean absolute error over the points of own-maximum spectra."""
    return np.asarray(np.mean(np.abs(predicted - reference), axis=1))


def r2(reference: Array, predicted: Array) -> float:
    """Return 1 - SSE / SST over all points of all materials, SST about the grand mean."""
    rest = np.sum((predicted - reference) ** 2)
    return float(1.0 - rest / np.sum((reference - reference.mean()) ** 2))


def wasserstein(reference: Array, predicted: Array, step: float = TARGET_GRID.step) -> Array:
    """Return the (n,) Wasserstein distances [cm^-1] of spectra of unit sum on an equidistant axis.

    step x sum |difference of the cumulative sums|.
    """
    a, b = (_unit_sum(x) for x in (reference, predicted))
    return np.asarray(step * np.abs(np.cumsum(b - a, axis=1)).sum(axis=1))


def mean_frequencies(spectra: Array) -> Array:
    """Return the (n,) mean frequencies [cm^-1] of (n, 51) spectra, sum w g / sum g."""
    return np.asarray(_unit_sum(spectra) @ TARGET_GRID.frequencies)


def _unit_sum(spectra: Array) -> Array:
    """An empty spectrum (of a network in training) counts as one with all states at the start."""
    total = spectra.sum(axis=1, keepdims=True)
    start = np.arange(spectra.shape[1]) == 0
    return np.where(total > 0.0, spectra / np.where(total > 0.0, total, 1.0), start)


def heat_capacities(spectra: Array) -> Array:
    """Return the (n,) C_V(300 K) [J/(K mol of atoms)] of (n, 51) spectra scaled to 3N.

    All states are put into 0-1000 cm^-1, in references as in predictions, so that the difference
    shows the network's error without that of the short axis.
    """
    found = [thermal_properties(dos_from_target(s, 1), [ROOM_TEMPERATURE]) for s in spectra]
    return np.array([t.heat_capacity[0] for t in found])


def spectrum_scores(reference: Array, predicted: Array) -> dict[str, float]:
    """Return every measure on the 51 points: MSE, MAE, R2, WD, and those of the mean frequency."""
    truth, found = mean_frequencies(reference), mean_frequencies(predicted)
    error = np.abs(found - truth)
    return {
        "mse": float(squared_errors(reference, predicted).mean()),
        "mae": float(absolute_errors(reference, predicted).mean()),
        "r2": r2(reference, predicted),
        "wd": float(wasserstein(reference, predicted).mean()),
        "mean_frequency_mae": float(error.mean()),
        "within_10_percent": float(np.mean(error / truth < CLOSE)),
    }


@dataclass(frozen=True)
class Gap:
    """An empty stretch of a spectrum between two occupied ones [cm^-1]."""

    position: float  # its middle
    width: float


def largest_gap(spectrum: Array) -> Gap | None:
    """Return the widest gap of one (51,) own-maximum spectrum, or None.

    Two or more consecutive points below 0.02 with points above on both sides; the width is the
    number of such points times the spacing.
    """
    occupied = np.flatnonzero(spectrum >= VISIBLE)
    empty = np.diff(occupied) - 1
    if len(empty) == 0 or empty.max() < 2:
        return None
    widest = int(np.argmax(empty))
    below, above = TARGET_GRID.frequencies[occupied[[widest, widest + 1]]]
    return Gap((below + above) / 2.0, float(empty[widest] * TARGET_GRID.step))


def cut_off(spectrum: Array) -> float:
    """Return the last frequency [cm^-1] at which an own-maximum spectrum is at least 0.02."""
    return float(TARGET_GRID.frequencies[np.flatnonzero(spectrum >= VISIBLE)[-1]])


def gap_scores(reference: Array, predicted: Array) -> dict[str, float | int | None]:
    """Return the detection, position and width MAE [cm^-1] of the largest gap, cut-off MAE [cm^-1].

    Position and width are compared where both spectra have a gap.
    """
    truth, found = ([largest_gap(s) for s in x] for x in (reference, predicted))
    both = [(a, b) for a, b in zip(truth, found, strict=True) if a and b]
    ends = [abs(cut_off(a) - cut_off(b)) for a, b in zip(reference, predicted, strict=True)]
    detection = detection_scores(
        np.array([g is not None for g in truth]), np.array([g is not None for g in found])
    )
    return {
        "gaps": sum(g is not None for g in truth),
        **{f"gap_{name}": detection[name] for name in ("precision", "recall", "f1")},
        "gap_position_mae": _mean([abs(a.position - b.position) for a, b in both]),
        "gap_width_mae": _mean([abs(a.width - b.width) for a, b in both]),
        "cut_off_mae": _mean(ends),
    }


def detection_scores(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> dict[str, float | None]:
    """Return precision, recall and F1 of a yes-or-no property; None where undefined."""
    hits = float(np.sum(truth & found))
    return {
        "precision": hits / float(found.sum()) if found.any() else None,
        "recall": hits / float(truth.sum()) if truth.any() else None,
        "f1": 2 * hits / float(truth.sum() + found.sum()) if (truth | found).any() else None,
    }


@dataclass(frozen=True)
class FullAxis:
    """Quantities of one spectrum on its whole axis; thermodynamics per mole of atoms."""

    mean_frequency: float  # [cm^-1]
    max_frequency: float  # [cm^-1]
    heat_capacity: float  # C_V(300 K) [J/(K mol of atoms)]
    entropy: float  # S(300 K) [J/(K mol of atoms)]
    imaginary: bool  # more than 1 % of the states below -10 cm^-1


def full_axis(dos: PhononDos) -> FullAxis:
    """Return the quantities of a spectrum that need its whole axis."""
    t = thermal_properties(dos, [ROOM_TEMPERATURE])
    return FullAxis(
        mean_frequency=dos.mean_frequency,
        max_frequency=dos.max_frequency,
        heat_capacity=float(t.heat_capacity[0]) / dos.n_atoms,
        entropy=float(t.entropy[0]) / dos.n_atoms,
        imaginary=dos.imaginary_fraction > IMAGINARY_SHARE,
    )


def full_wasserstein(reference: PhononDos, predicted: PhononDos) -> float:
    """Return the Wasserstein distance [cm^-1] of two spectra of unit integral, whole axes."""
    low = min(reference.frequencies[0], predicted.frequencies[0])
    high = max(reference.frequencies[-1], predicted.frequencies[-1])
    axis = np.arange(np.floor(low), np.ceil(high) + 1.0)
    sampled = [
        np.interp(axis, d.frequencies, d.densities, left=0.0, right=0.0)
        for d in (reference, predicted)
    ]
    return float(wasserstein(sampled[0][None], sampled[1][None], step=1.0)[0])


@dataclass(frozen=True)
class Coverage:
    """How often the reference lay in the stated interval, and the binomial error of that share."""

    share: float
    error: float
    n: int


def coverage(truth: Array, low: Array, high: Array) -> Coverage:
    """Return the share of `truth` inside [low, high] and its binomial standard error."""
    inside = float(np.mean((truth >= low) & (truth <= high)))
    return Coverage(inside, float(np.sqrt(inside * (1.0 - inside) / len(truth))), len(truth))


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
