"""Stability judged: what the lowest frequency is worth, and how often the verdict is right.

A reference is unstable if it has a mode below -20 cm^-1 away from Gamma. How probable that is, by
the lowest predicted frequency, is fitted as a logistic function on materials held back from
training; what is said of the fit comes from materials that were left out of it, one by one.

How probable depends on how many crystals are unstable at all. A part of a data set may have been
picked by that: it then tells how either kind looks, not how frequent it is. So materials are
weighted such that unstable ones have the share that they have in a part which was not picked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.model.header import StabilityEntry
from phonodos.physics.mesh import REACH, ROOM_BELOW, SMOOTHING
from phonodos.physics.path import lengths_from_gamma
from phonodos.prediction.stability import UNSTABLE_BELOW, Stability, Verdict, verdict_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEWEST_UNSTABLE = 5  # materials: with fewer there is nothing to fit
AWAY = 0.05  # [1/A], from Gamma: closer the interpolation of a reference can fail
# Between these lowest frequencies [cm^-1] the probability changes. Above zero it is the frequency
# of sound at the first point of a mesh, which says nothing of instability; far below, a network
# that errs is no surer for erring more. (Of eight pairs the one of largest likelihood, left out.)
LOWEST_FROM, LOWEST_TO = -60.0, 0.0
RIDGE = 1e-3  # keeps the slope finite where both kinds do not overlap
STEPS = 50
SHARE = "share"  # of unstable crystals, in a header's entry
# A verdict is spoken where it is right this often, by the probability itself and, all such verdicts
# together, on materials left out of the fit.
RIGHT_UNSTABLE, RIGHT_STABLE = 0.5, 0.9
THRESHOLDS = np.round(np.arange(0.02, 0.99, 0.01), 2)


def reference_lowest(records: Dataset, index: int) -> float | None:
    """Return the lowest frequency [cm^-1] of a reference away from Gamma; None if not known.

    That of the stored bands; without bands the lowest state of the density of states, whose axis
    begins where smoothing it ends (`physics.mesh.dos_from_frequencies`), to 1 cm^-1.
    """
    stored = records.bands(index)
    if stored is not None:
        qpoints, frequencies = stored
        length = lengths_from_gamma(qpoints, records.crystal(index).reciprocal_cell)
        return lowest_away(length, frequencies)
    if "smoothing_cm-1" not in records.provenance:
        return None
    return float(records.dos(index).frequencies[0]) + ROOM_BELOW + REACH * SMOOTHING


def lowest_away(lengths: Array, frequencies: Array) -> float | None:
    """Return the lowest of (q, 3n) frequencies [cm^-1] farther than 0.05 1/A from Gamma, if any.

    Parameters
    ----------
    lengths
        (q,) distance of the wave vectors from Gamma [1/A].
    frequencies
        Imaginary ones negative.
    """
    away = frequencies[lengths > AWAY]
    return float(away.min()) if away.size else None


def fit_stability(lowest: Array, truth: Array, share: float | None = None) -> StabilityEntry | None:
    """Return the logistic function of the lowest frequency, and the thresholds of the verdict.

    ``unstable`` is spoken where that is more probable than not, ``stable`` where the probability to
    be unstable is below a tenth; and only as far as such verdicts were right as often on
    probabilities that were found for every material without it (leave-one-out).

    Parameters
    ----------
    lowest
        (n,) predicted lowest frequency, mean over members [cm^-1].
    truth
        (n,) lowest frequency of the references [cm^-1].
    share
        Of crystals that are unstable, where the materials were picked by it; None: as they are.

    Returns
    -------
    None with fewer than 5 unstable or stable materials.
    """
    unstable = truth < UNSTABLE_BELOW
    if min(int(unstable.sum()), int((~unstable).sum())) < FEWEST_UNSTABLE:
        return None
    weights = weights_for(unstable, share)
    left_out = left_out_probabilities(lowest, unstable, weights)
    above, below = thresholds(left_out, unstable, weights)
    intercept, slope = logistic(_cut(lowest), unstable, weights)
    return StabilityEntry.model_validate({
        "intercept": intercept,
        "slope": slope,
        "lowest_from": LOWEST_FROM,
        "lowest_to": LOWEST_TO,
        "unstable_above": above,
        "stable_below": below,
        "materials": len(truth),
        "unstable_materials": int(unstable.sum()),
        SHARE: round(float(weights[unstable].sum() / weights.sum()), 4),
    })  # fmt: skip


def weights_for(unstable: Flags, share: float | None) -> Array:
    """Return (n,) weights, mean 1, by which unstable materials have a share of all."""
    weights = np.ones(len(unstable))
    if share is not None:
        weights = np.where(unstable, share / unstable.mean(), (1.0 - share) / (~unstable).mean())
    return weights


def logistic(lowest: Array, unstable: Flags, weights: Array | None = None) -> tuple[float, float]:
    """Return a, b of 1 / (1 + exp(-(a + b w))) of largest likelihood, by Newton; b at most 0."""
    x = np.stack([np.ones_like(lowest), lowest / 10.0], axis=1)
    each = np.ones(len(lowest)) if weights is None else weights
    found = np.zeros(2)
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -50.0, 50.0)))
        slope = x.T @ (each * (unstable - p)) - RIDGE * found
        curvature = (x * (each * p * (1.0 - p))[:, None]).T @ x + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        found += step * min(1.0, 5.0 / float(np.abs(step).max() or 1.0))
    return float(found[0]), min(float(found[1]) / 10.0, 0.0)


def left_out_probabilities(lowest: Array, unstable: Flags, weights: Array | None = None) -> Array:
    """Return the (n,) probabilities of materials by fits to all others."""
    w = _cut(lowest)
    each = np.ones(len(w)) if weights is None else weights
    found = np.empty_like(w)
    for k in range(len(w)):
        rest = np.arange(len(w)) != k
        a, b = logistic(w[rest], unstable[rest], each[rest])
        found[k] = 1.0 / (1.0 + np.exp(-(a + b * w[k])))
    return found


def thresholds(
    probability: Array, unstable: Flags, weights: Array | None = None
) -> tuple[float, float]:
    """Return above which probability ``unstable`` is spoken, and below which ``stable``."""
    each = np.ones(len(probability)) if weights is None else weights

    def right(spoken: Flags, kind: Flags, wanted: float) -> bool:
        total = float(each[spoken].sum())
        return total > 0.0 and float(each[spoken & kind].sum()) >= wanted * total

    above = [
        t
        for t in THRESHOLDS
        if t >= RIGHT_UNSTABLE and right(probability > t, unstable, RIGHT_UNSTABLE)
    ]
    below = [
        t
        for t in THRESHOLDS
        if t <= 1.0 - RIGHT_STABLE + 1e-9 and right(probability < t, ~unstable, RIGHT_STABLE)
    ]
    return float(min(above, default=1.0)), float(max(below, default=0.0))


def turning_points(entry: StabilityEntry) -> tuple[float, float]:
    """Return the lowest frequencies [cm^-1] below which a crystal is called unstable, above stable.

    Infinite for a verdict that is spoken always or never.
    """

    def probability(w: float) -> float:
        return 1.0 / (1.0 + math.exp(-(entry.intercept + entry.slope * w)))

    def where(wanted: float) -> float:
        if wanted > probability(entry.lowest_from):
            return -math.inf
        if wanted < probability(entry.lowest_to):
            return math.inf
        if entry.slope == 0.0:
            return -math.inf
        return (math.log(wanted / (1.0 - wanted)) - entry.intercept) / entry.slope

    return where(entry.unstable_above), where(entry.stable_below)


def _cut(lowest: Array) -> Array:
    return np.clip(lowest, LOWEST_FROM, LOWEST_TO)


@dataclass(frozen=True)
class Confusion:
    """How many materials of either kind got which verdict.

    Attributes
    ----------
    unstable_unstable, unstable_unsure, unstable_stable
        References that are unstable, by verdict.
    stable_unstable, stable_unsure, stable_stable
        References that are stable, by verdict.
    """

    unstable_unstable: int
    unstable_unsure: int
    unstable_stable: int
    stable_unstable: int
    stable_unsure: int
    stable_stable: int

    @classmethod
    def of(cls, unstable: Sequence[bool], verdicts: Sequence[Verdict]) -> "Confusion":
        """Return the counts for references and verdicts of n materials."""
        pairs = list(zip(unstable, verdicts, strict=True))
        words: tuple[Verdict, ...] = ("unstable", "unsure", "stable")
        return cls(*(pairs.count((kind, word)) for kind in (True, False) for word in words))

    @property
    def missed(self) -> float | None:
        """Share of the unstable references that were called stable."""
        n = self.unstable_unstable + self.unstable_unsure + self.unstable_stable
        return self.unstable_stable / n if n else None

    @property
    def false_alarms(self) -> float | None:
        """Share of the stable references that were called unstable."""
        n = self.stable_unstable + self.stable_unsure + self.stable_stable
        return self.stable_unstable / n if n else None

    def to_dict(self) -> dict[str, float | int | None]:
        """Return counts and rates."""
        return {**asdict(self), "missed": self.missed, "false_alarms": self.false_alarms}


def stability_section(
    found: Sequence[Stability | None],
    truth: Sequence[float | None],
    old: Sequence[bool],
    path: Sequence[float | None] = (),
) -> dict[str, Any]:
    """Return confusion matrix and rates of the verdict, and of three rules without a calibration.

    They are the share of states, and the lowest frequency below -20 cm^-1, as in references: that
    on the path of the reference, and that of the mesh and the special points.

    Parameters
    ----------
    found
        Predicted stability.
    truth
        Lowest frequency of the references [cm^-1]; None where not known, which is left out.
    old
        Whether more than 1 % of the predicted states lie below -10 cm^-1.
    path
        Lowest predicted frequency on the path of the reference [cm^-1]; None without a path.

    Returns
    -------
    Nothing for networks of spectra, or where no reference is known.
    """
    rows = [
        (w < UNSTABLE_BELOW, s, before, on_path)
        for s, w, before, on_path in zip(
            found, truth, old, path or [None] * len(found), strict=True
        )
        if s is not None and w is not None
    ]
    if not rows:
        return {}
    unstable, judged, before, paths = zip(*rows, strict=True)
    known = [(kind, w) for kind, w in zip(unstable, paths, strict=True) if w is not None]
    by_share: list[Verdict] = ["unstable" if share else "stable" for share in before]
    section: dict[str, Any] = {
        "materials": len(rows),
        "verdict": Confusion.of(unstable, [s.verdict for s in judged]).to_dict(),
        "share": Confusion.of(unstable, by_share).to_dict(),
        "anywhere": _by_yes_or_no(unstable, [s.lowest < UNSTABLE_BELOW for s in judged]),
    }
    if known:
        kinds, lowest = zip(*known, strict=True)
        section["path"] = _by_yes_or_no(kinds, [w < UNSTABLE_BELOW for w in lowest])
    return {"stability": section}


def _by_yes_or_no(unstable: Sequence[bool], called: Sequence[bool]) -> dict[str, Any]:
    """Return counts and rates of a rule that is never unsure."""
    verdicts: list[Verdict] = ["unstable" if yes else "stable" for yes in called]
    counts = Confusion.of(unstable, verdicts).to_dict()
    return {name: value for name, value in counts.items() if "unsure" not in name}


def left_out_verdicts(
    lowest: Array, truth: Array, entry: StabilityEntry, share: float | None = None
) -> tuple[Mapping[str, float | int | None], Array]:
    """Return counts and rates of verdicts by leave-one-out, and the (n,) probabilities."""
    unstable = truth < UNSTABLE_BELOW
    weights = weights_for(unstable, share)
    probability = left_out_probabilities(lowest, unstable, weights)
    verdicts = [verdict_of(w, p, entry) for w, p in zip(lowest, probability, strict=True)]
    return Confusion.of(unstable.tolist(), verdicts).to_dict(), probability
