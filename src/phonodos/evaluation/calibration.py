"""Calibration: how wide an interval must be for nine of ten references to lie inside.

Errors on materials by which weights were chosen flatter them. Training takes the epoch that does
best on the valid part of its first data set, so these materials are not used where there are enough
others (`held_back`). No interval is stated for some predictions (`Prediction.outside`); those are
left out of the fit too: what is fitted is what is stated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.errors import DataError
from phonodos.evaluation.metrics import FullAxis, coverage, spectrum_scores
from phonodos.evaluation.stability import FEWEST_UNSTABLE, fit_stability, reference_lowest
from phonodos.files import check_replaceable
from phonodos.model.header import StabilityEntry, WeightHeader
from phonodos.model.weights import read_header, rewrite_header
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import target_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import load
from phonodos.prediction.stability import HEADER_KEY as STABILITY_KEY
from phonodos.prediction.stability import UNSTABLE_BELOW, probability_of, verdict_of
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
UNSTABLE = "unstable"  # among the reasons of `Prediction.outside`
DATA, HELD_BACK = "data", "held_back"  # keys beside factor and floor of a calibration


def calibrate(
    references: Sequence[PhononDos], predictions: Sequence[Prediction]
) -> dict[str, Calibration]:
    """Return the calibration of every quantity from materials that were held back from training.

    Predictions for which no interval is stated are left out.

    Raises
    ------
    DataError
        If there are fewer than 30 other materials.
    """
    pairs = [(r, p) for r, p in zip(references, predictions, strict=True) if not p.outside]
    references, predictions = [r for r, _ in pairs], [p for _, p in pairs]
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


def held_back(header: WeightHeader, ids: Sequence[str]) -> list[bool]:
    """Return which of (n,) materials had no say in which epoch of training the weights are from."""
    chose = set(header.split.get("valid", ()))
    return [name not in chose for name in ids]


def calibrate_weights(
    path: Path, records: Sequence[Dataset], part: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """Calibrate all members of a weight file, and the first alone; write it into the header.

    What the lowest frequency says of stability is calibrated first, on all records that tell, since
    no interval is stated for unstable crystals; how frequent those are the first data set says.
    Intervals are fitted on the materials that chose no epoch (`held_back`); where fewer than 30 of
    them are left, on all, and ``held_back`` beside the factor is False.

    The scores of all members on the first data set become its metrics.

    Parameters
    ----------
    path
        Weight file; its tensors stay to the bit.
    records
        Materials that training did not see.
    part
        What they are called in the header's metrics, such as ``valid``.

    Returns
    -------
    By number of members and quantity: factor, floor, number of materials, their data sets, and
    whether they were held back.

    Raises
    ------
    DataError
        If there are fewer than 30 materials, a member was trained on one, or the file cannot be
        written.
    PredictionError
        If the network gives no answer for one.
    """
    header = read_header(path)
    _check_unseen(path, header, records)
    check_replaceable(path)
    references = [data.dos(k) for data in records for k in range(len(data))]
    lows = [reference_lowest(data, k) for data in records for k in range(len(data))]
    apart = held_back(header, [name for data in records for name in data.ids])
    sources = [name for data in records for name in data.column("source")]
    found, scores, stability = {}, {}, {}
    for members in sorted({1, header.held}):
        predictor = load(path, members=members)
        predictions = [p for data in records for p in predictor.predict_many(data.crystals())]
        if (entry := calibrate_stability(lows, predictions, len(records[0]))) is not None:
            stability[str(members)] = entry.model_dump(mode="json")
        stated = [judged_by(p, entry) for p in predictions]
        found[str(members)] = _fitted(references, stated, apart, sources)
        targets = np.stack([target_of(p.dos) for p in predictions[: len(records[0])]])
        scores = spectrum_scores(records[0].targets, targets)
    metrics = {**header.metrics, part: scores}
    changes = {HEADER_KEY: found, STABILITY_KEY: stability, "metrics": metrics}
    rewrite_header(path, changes)
    return found


def _check_unseen(path: Path, header: WeightHeader, records: Sequence[Dataset]) -> None:
    known = sorted({name for data in records for name in data.ids} & header.trained_ids)
    if known:
        raise DataError(
            f"{path.name} was trained on {len(known)} of these materials",
            "errors on training materials say nothing of new ones: " + ", ".join(known[:5]),
            "take them out of that part of the split",
        )


def _fitted(
    references: Sequence[PhononDos],
    predictions: Sequence[Prediction],
    apart: Sequence[bool],
    sources: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Return the calibrations as the header keeps them, and what they were fitted on."""
    usable = [a and not p.outside for a, p in zip(apart, predictions, strict=True)]
    enough = sum(usable) >= FEWEST
    picked = usable if enough else [not p.outside for p in predictions]
    fitted = calibrate(list(compress(references, picked)), list(compress(predictions, picked)))
    about = {DATA: sorted(set(compress(sources, picked))), HELD_BACK: enough}
    return {name: {**entry, **about} for name, entry in as_header(fitted).items()}


def judged_by(prediction: Prediction, entry: StabilityEntry | None) -> Prediction:
    """Return a prediction as weights make it whose header says `entry` of the lowest frequency.

    Probability and verdict follow from it, and whether an interval is stated: none is for unstable
    crystals. Networks of spectra say nothing of stability.
    """
    found = prediction.stability
    if found is None:
        return prediction
    probability = None if entry is None else probability_of(found.lowest, entry)
    verdict = verdict_of(found.lowest, probability, entry)
    outside = tuple(reason for reason in prediction.outside if reason != UNSTABLE)
    if verdict == UNSTABLE:
        outside += (UNSTABLE,)
    judged = replace(found, probability=probability, verdict=verdict)
    return replace(prediction, stability=judged, outside=outside)


def calibrate_stability(
    truth: Sequence[float | None], predictions: Sequence[Prediction], unpicked: int | None = None
) -> StabilityEntry | None:
    """Return what the lowest frequency is worth, by references whose own is known [cm^-1].

    The first `unpicked` materials were not picked by their stability: theirs is the share of
    unstable ones (all, by default). None for networks of spectra, and where there are too few
    unstable ones (`fit_stability`).
    """
    rows = [
        (p.stability.lowest, w)
        for w, p in zip(truth, predictions, strict=True)
        if w is not None and p.stability is not None
    ]
    if not rows:
        return None
    lowest, known = np.array(rows).T
    first = [w for w in truth[:unpicked] if w is not None]
    few = sum(w < UNSTABLE_BELOW for w in first) < FEWEST_UNSTABLE
    share = None if few else float(np.mean(np.array(first) < UNSTABLE_BELOW))
    return fit_stability(lowest, known, share)


def interval_section(
    found: Sequence[Mapping[str, Interval]], truth: Sequence[FullAxis]
) -> dict[str, Any]:
    """Return how often the references lay inside the stated intervals, and how wide those are.

    Counted are the predictions that state one (``stated``). Nothing for weights without calibrated
    intervals.
    """
    pairs = [(intervals, t) for intervals, t in zip(found, truth, strict=True) if intervals]
    if not pairs:
        return {}
    section = {}
    for name in UNITS:
        low, high = (np.array([getattr(f[name], end) for f, _ in pairs]) for end in ("low", "high"))
        inside = coverage(np.array([getattr(t, name) for _, t in pairs]), low, high)
        section[name] = {
            "stated": inside.n,
            "coverage": inside.share,
            "coverage_error": inside.error,
            "half_width": float(np.mean((high - low) / 2.0)),
        }
    return {"intervals": section}
