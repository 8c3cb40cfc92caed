"""Measures of accuracy: on the 51 points ("own-max": over its own maximum) and on the whole axis.

Every function takes (n, ...) arrays of n materials, reference first. Definitions that differ in the
literature are stated with each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.evaluation.measures import TEMPERATURES
from phonodos.physics.dos import Gap, PhononDos, last_occupied, unit_sum, widest_gap
from phonodos.physics.dos import wasserstein as distances
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import ROOM_TEMPERATURE

Array = NDArray[np.float64]

COARSE_FROM = 10.0  # [K], from where on a spectrum on an axis of 1 cm^-1 gives C_V and S to 0.5 %
CLOSE = 0.10  # relative error of the mean frequency that counts as within 10 %


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


def wasserstein(reference: Array, predicted: Array) -> Array:
    """Return the (n,) Wasserstein distances [cm^-1] of (n, 51) spectra of unit sum."""
    return distances(reference, predicted, TARGET_GRID.step)


def mean_frequencies(spectra: Array) -> Array:
    """Return the (n,) mean frequencies [cm^-1] of (n, 51) spectra, sum w g / sum g."""
    return np.asarray(unit_sum(spectra) @ TARGET_GRID.frequencies)


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


def largest_gap(spectrum: Array) -> Gap | None:
    """Return the widest gap of one (51,) spectrum: two or more consecutive empty points."""
    return widest_gap(TARGET_GRID.frequencies, spectrum)


def cut_off(spectrum: Array) -> float:
    """Return the last frequency [cm^-1] at which a (51,) spectrum has 2 % of its maximum."""
    return last_occupied(TARGET_GRID.frequencies, spectrum)


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
        imaginary=dos.is_unstable,
    )


def thermal_errors(reference: PhononDos, predicted: PhononDos) -> Array:
    """Return the (2, t) relative errors [%] of C_V and S at `measures.TEMPERATURES`.

    NaN where the reference itself says nothing: everywhere if it is unstable, below 10 K if its
    axis has steps of 1 cm^-1. (60 spectra of dfpt2018 against the tables of the data set: C_V and S
    are off by 0.5 and 2.8 % at 5 K, 0.1 and 0.5 % at 10 K, 0.02 and 0.1 % at 20 K.)
    """
    found = []
    for dos in (reference, predicted):
        t = thermal_properties(dos, TEMPERATURES)
        found.append(np.stack([t.heat_capacity, t.entropy]) / dos.n_atoms)
    good = np.array(TEMPERATURES) >= (0.0 if reference.is_fine else COARSE_FROM)
    good = good & (not reference.is_unstable) & (found[0] > 0.0)
    away = np.abs(found[1] - found[0])
    return 100.0 * np.divide(away, found[0], out=np.full_like(away, np.nan), where=good)


def thermal_scores(errors: Array) -> dict[str, dict[str, float | None]]:
    """Return medians of (n, 2, t) errors [%] over materials, by quantity and temperature [K]."""
    return {
        name: {
            str(t): float(np.median(known)) if len(known := each[np.isfinite(each)]) else None
            for t, each in zip(TEMPERATURES, errors[:, k].T, strict=True)
        }
        for k, name in enumerate(("heat_capacity", "entropy"))
    }


@dataclass(frozen=True)
class Coverage:
    """How often the reference lay in the stated interval, and the binomial error of that share."""

    share: float
    error: float
    n: int


def coverage(truth: Array, low: Array, high: Array) -> Coverage:
    """Return the share of `truth` inside [low, high] and its binomial standard error."""
    inside = float(np.mean((truth >= low) & (truth <= high)))
    return Coverage(inside, binomial_error(inside, len(truth)), len(truth))


def binomial_error(share: float, n: int) -> float:
    """Return the standard error sqrt(p (1 - p) / n) of a share of `n` independent cases."""
    return float(np.sqrt(share * (1.0 - share) / n))


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def spearman(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return Spearman's rank correlation of two rows; None where a row is constant or short."""
    from scipy.stats import spearmanr

    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(first) < 3 or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return None
    return float(spearmanr(first, second).statistic)
