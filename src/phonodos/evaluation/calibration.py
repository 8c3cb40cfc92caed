"""Calibration: how wide an interval must be for nine of ten references to lie inside."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.errors import DataError
from phonodos.evaluation.metrics import FullAxis, coverage, spectrum_scores
from phonodos.evaluation.stability import fit_stability, reference_lowest
from phonodos.files import check_replaceable
from phonodos.model.header import StabilityEntry
from phonodos.model.weights import read_header, rewrite_header
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import target_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import load
from phonodos.prediction.stability import HEADER_KEY as STABILITY_KEY
from phonodos.prediction.uncertainty import (
    HEADER_KEY,
    LEVEL,
    UNITS,
    Calibration,
    Interval,
    as_header,
    quantities,
    spreads,
)

Array = NDArray[np.float64]
FEWEST = 30  # materials: with fewer the ninth decile is a guess
FLOORS = 40  # values of the floor that are tried


def calibrate(
    references: Sequence[PhononDos], predictions: Sequence[Prediction]
) -> dict[str, Calibration]:
    """Return the calibration of every quantity from materials that were held back from training.

    Raises
    ------
    DataError
        If there are fewer than 30 materials.
    """
    if len(references) < FEWEST:
        raise DataError(
            f"{len(references)} materials are too few to calibrate on",
            f"with fewer than {FEWEST} the width that holds nine of ten references is a guess",
            "give more data, or a part with more materials",
        )
    truth = [quantities(dos) for dos in references]
    found = [quantities(p.dos) for p in predictions]
    spread = [spreads(p.members) for p in predictions]

    def column(rows: list[dict[str, float]], name: str) -> Array:
        return np.array([row[name] for row in rows])

    return {
        name: fit_calibration(
            np.abs(column(found, name) - column(truth, name)), column(spread, name)
        )
        for name in UNITS
    }


def fit_calibration(errors: Array, spread: Array) -> Calibration:
    """Return the calibration with the narrowest intervals that hold nine of ten `errors`.

    Of all floors the one is taken whose intervals have the smallest mean logarithmic width: on the
    same coverage, the sharpest statement.

    Parameters
    ----------
    errors
        (n,) absolute errors.
    spread
        (n,) standard deviations of the members; zeros for a single network.
    """
    typical = float(np.median(errors))
    widest = max(typical, float(np.quantile(errors, LEVEL)), 1e-12)
    floors = [widest] if not spread.any() else widest * np.geomspace(0.02, 3.0, FLOORS)
    tried = []
    for floor in floors:
        scale = np.hypot(spread, floor)
        factor = conformal_quantile(errors / scale)
        tried.append((float(np.log(factor * scale).mean()), factor, float(floor)))
    _, factor, floor = min(tried)
    return Calibration(factor, floor, len(errors))


def conformal_quantile(scores: Array, level: float = LEVEL) -> float:
    """Return the k-th smallest of n scores, k = ceil((n + 1) level): what a new one stays below."""
    n = len(scores)
    k = min(math.ceil((n + 1) * level), n)
    return float(np.sort(scores)[k - 1])


def calibrate_weights(
    path: Path, records: Sequence[Dataset], part: str
) -> dict[str, dict[str, dict[str, float | int]]]:
    """Calibrate all members of a weight file, and the first alone; write it into the header.

    What the lowest frequency says of stability is calibrated too, where the records tell.

    The scores of all members on the first data set become its metrics.

    Parameters
    ----------
    path
        Weight file; its tensors stay to the bit.
    records
        Materials that training did not see.
    part
        What they are called in the header's metrics, such as ``valid``.

    Raises
    ------
    DataError
        If there are fewer than 30 materials, or the file cannot be written.
    PredictionError
        If the network gives no answer for one.
    """
    header = read_header(path)
    check_replaceable(path)
    references = [data.dos(k) for data in records for k in range(len(data))]
    counts = sorted({1, header.held})
    lows = [reference_lowest(data, k) for data in records for k in range(len(data))]
    found, scores, stability = {}, {}, {}
    for members in counts:
        predictor = load(path, members=members)
        predictions = [p for data in records for p in predictor.predict_many(data.crystals())]
        found[str(members)] = as_header(calibrate(references, predictions))
        if (entry := calibrate_stability(lows, predictions)) is not None:
            stability[str(members)] = entry.model_dump(mode="json")
        targets = np.stack([target_of(p.dos) for p in predictions[: len(records[0])]])
        scores = spectrum_scores(records[0].targets, targets)
    metrics = {**header.metrics, part: scores}
    changes = {HEADER_KEY: found, STABILITY_KEY: stability, "metrics": metrics}
    rewrite_header(path, changes)
    return found


def calibrate_stability(
    truth: Sequence[float | None], predictions: Sequence[Prediction]
) -> StabilityEntry | None:
    """Return what the lowest frequency is worth, by references whose own is known [cm^-1].

    None for networks of spectra, and where there are too few unstable ones (`fit_stability`).
    """
    rows = [
        (p.stability.lowest, w)
        for w, p in zip(truth, predictions, strict=True)
        if w is not None and p.stability is not None
    ]
    if not rows:
        return None
    lowest, known = np.array(rows).T
    return fit_stability(lowest, known)


def interval_section(
    found: Sequence[Mapping[str, Interval]], truth: Sequence[FullAxis]
) -> dict[str, Any]:
    """Return how often the references lay inside the stated intervals, and how wide those are.

    Nothing for weights without calibrated intervals.
    """
    if not found or not all(found):
        return {}
    section = {}
    for name in UNITS:
        low, high = (np.array([getattr(f[name], end) for f in found]) for end in ("low", "high"))
        inside = coverage(np.array([getattr(t, name) for t in truth]), low, high)
        section[name] = {
            "coverage": inside.share,
            "coverage_error": inside.error,
            "half_width": float(np.mean((high - low) / 2.0)),
        }
    return {"intervals": section}
