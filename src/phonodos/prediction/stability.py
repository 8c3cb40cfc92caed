"""`Stability`: whether a crystal is predicted to be stable, by its lowest frequency anywhere.

One wave vector with an imaginary mode makes a crystal unstable, however few states lie there. The
lowest frequency is looked for on the mesh of the density of states and at the points of
`phonodos.physics.special_points`, by every member of an ensemble. What it is worth was measured on
materials held back from training and is kept in the weight file: a logistic function of it is the
probability that the reference has a mode below -20 cm^-1.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from phonodos.model.dynamics import frequencies, is_above
from phonodos.model.header import StabilityEntry, WeightHeader
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import QMesh
from phonodos.physics.special_points import NEAR, SpecialPoints, most_points, special_points
from phonodos.physics.units import FREQUENCY_DIGITS, per_wavenumber
from phonodos.prediction.lattice_dynamics import LatticeDynamics

Array = NDArray[np.float64]
Verdict = Literal["stable", "unstable", "unsure"]
HEADER_KEY: Final = "stability"
UNSTABLE_BELOW: Final = -20.0  # [cm^-1], lowest frequency of a reference that counts as unstable
EQUAL = 0.01  # [cm^-1], by which equivalent wave vectors may differ: the first one is named


@dataclass(frozen=True)
class Stability:
    """The lowest frequency of a crystal, and what it says.

    Attributes
    ----------
    lowest
        Mean over the members of the lowest frequency that each has anywhere [cm^-1]; imaginary
        ones negative.
    spread
        Standard deviation (n - 1) of the members' [cm^-1]; 0 for a single one.
    qpoint
        Where the mean over members is lowest, in fractions of the reciprocal lattice vectors of the
        primitive cell.
    label
        Name of that point if it is a special one, ``near GAMMA`` around Gamma, else None.
    probability
        That the reference has a mode below -20 cm^-1; None for weights that were not calibrated
        with this number of members.
    verdict
        ``stable``, ``unstable`` or ``unsure``.
    """

    lowest: float
    spread: float
    qpoint: tuple[float, float, float]
    label: str | None
    probability: float | None
    verdict: Verdict

    @property
    def is_unstable(self) -> bool:
        """Whether the verdict is ``unstable``."""
        return self.verdict == "unstable"

    @property
    def place(self) -> str:
        """The wave vector in words: ``X``, or its three fractions."""
        if self.label is not None:
            return self.label.replace("GAMMA", "Gamma")
        return "q = ({:.3f} {:.3f} {:.3f})".format(*(x + 0.0 for x in np.round(self.qpoint, 3)))

    @property
    def whereabouts(self) -> str:
        """The place as the end of a sentence: ``at X``, or ``near Gamma``."""
        return self.place if self.label == NEAR else f"at {self.place}"

    def text(self, unit: str = "cm-1") -> str:
        """Return it in words, frequencies in ``cm-1``, ``THz`` or ``meV``."""
        digits, factor = FREQUENCY_DIGITS[unit], per_wavenumber(unit)
        lowest, spread = (f"{x * factor:z.{digits}f}" for x in (self.lowest, self.spread))
        found = f"{self.verdict}, lowest frequency {lowest} (s.d. {spread}) {unit}"
        found += f" {self.whereabouts}"
        if self.probability is None:
            return f"{found}, not calibrated"
        return f"{found}, unstable with probability {self.probability:.2f}"

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON, frequencies in ``cm-1``, ``THz`` or ``meV``."""
        factor = per_wavenumber(unit)
        scaled = {"lowest": self.lowest * factor, "spread": self.spread * factor, "unit": unit}
        return {**asdict(self), **scaled, "qpoint": list(self.qpoint)}


def search_points(lattice: LatticeDynamics, mesh: QMesh) -> SpecialPoints:
    """Return where the lowest frequency is looked for beside a mesh."""
    return special_points(lattice.crystal, most_points(len(mesh.qpoints)))


def surveyed(
    members: Sequence[LatticeDynamics],
    mesh: QMesh,
    points: SpecialPoints,
    entry: StabilityEntry | None,
    *,
    projected: bool = False,
) -> tuple[tuple[PhononDos, ...], Stability]:
    """Return the spectra of members on a mesh, and the stability by the same frequencies.

    Parameters
    ----------
    members
        The same crystal by one network each, at least one.
    mesh, points
        Wave vectors of the spectrum, and others.
    entry
        What the weight file says of the lowest frequency.
    projected
        Whether the share of every atom in the spectra is wanted.
    """
    found = [m.dos_and_lowest(mesh, projected=projected) for m in members]
    on_mesh = np.array([lowest for _, lowest in found])
    each = np.concatenate([_beside(members, points, on_mesh), on_mesh], axis=1)
    qpoints = np.concatenate([points.qpoints, mesh.qpoints])
    labels = [*points.labels, *([None] * len(mesh.qpoints))]
    return tuple(dos for dos, _ in found), stability_of(each, qpoints, labels, entry)


def _beside(members: Sequence[LatticeDynamics], points: SpecialPoints, on_mesh: Array) -> Array:
    """Return (members, m) lowest frequencies at `points` beside those on a mesh.

    Infinite where they are higher, by every member, than at the point of the mesh where the mean is
    lowest or at one before, around Gamma where they are real: neither the lowest nor its place can
    be there.
    """
    best = on_mesh[:, np.argmin(on_mesh.mean(axis=0))]
    found = np.full((len(members), len(points.qpoints)), np.inf)
    lines = [_one_by_one(m.equivalent_matrices(points.qpoints)) for m in members]
    for k, label in enumerate(points.labels):
        near = label == NEAR
        above = [x + 2.0 * EQUAL for x in best]
        here = _lowest(lines, [min(x, 0.0) for x in above] if near else above)
        if here is None:
            continue
        for member in range(int(np.isinf(here).sum())):  # the first ones
            here[member] = members[member].frequencies(points.qpoints[k])[0, 0]
        found[:, k] = here
        if here.mean() < best.mean() and (not near or here.max() < 0.0):
            best = here
    return found


def _lowest(
    lines: Sequence[Iterator[Array | NDArray[np.complex128]]], bounds: Sequence[float]
) -> Array | None:
    """Return (members,) lowest frequencies of the next matrices; infinite before one is not above.

    None if all are. Matrices of a large cell are megabytes: that of one member is gone before the
    next is made.
    """
    found: list[float] = []
    for line, bound in zip(lines, bounds, strict=True):
        matrix = next(line)
        if found or not is_above(matrix, bound):
            found.append(frequencies(matrix)[0])
        del matrix
    if not found:
        return None
    return np.array([np.inf] * (len(lines) - len(found)) + found)


def _one_by_one(
    blocks: Iterator[Array | NDArray[np.complex128]],
) -> Iterator[Array | NDArray[np.complex128]]:
    """Yield the matrices in blocks of them; of what was yielded nothing is held."""
    for block in blocks:
        rest = list(block[::-1])
        del block
        while rest:
            yield rest.pop()


def stability_of(
    lowest: Array, qpoints: Array, labels: Sequence[str | None], entry: StabilityEntry | None
) -> Stability:
    """Return the stability by (members, m) lowest frequencies [cm^-1] at (m, 3) wave vectors.

    Around Gamma, where the acoustic modes of every crystal go to zero, only imaginary ones count.
    """
    near = np.array([label == NEAR for label in labels])
    lowest = np.where(near & (lowest >= 0.0), np.inf, lowest)
    mean = lowest.mean(axis=0)
    where = int(np.argmax(mean <= mean.min() + EQUAL))
    by_member = lowest.min(axis=1)
    value = float(by_member.mean())
    spread = float(by_member.std(ddof=1)) if len(by_member) > 1 else 0.0
    probability = None if entry is None else probability_of(value, entry)
    x, y, z = (float(component) for component in qpoints[where])
    return Stability(
        value, spread, (x, y, z), labels[where], probability, verdict_of(value, probability, entry)
    )


def probability_of(lowest: float, entry: StabilityEntry) -> float:
    """Return the probability that a crystal is unstable, by its lowest frequency [cm^-1].

    1 / (1 + exp(-(a + b w))), with w cut at the ends of what it was measured on.
    """
    w = min(max(lowest, entry.lowest_from), entry.lowest_to)
    return 1.0 / (1.0 + math.exp(-(entry.intercept + entry.slope * w)))


def verdict_of(lowest: float, probability: float | None, entry: StabilityEntry | None) -> Verdict:
    """Return the verdict; without a calibration what the lowest frequency [cm^-1] itself says.

    Imaginary modes above -20 cm^-1 are then ``unsure``.
    """
    if probability is None or entry is None:
        return "unstable" if lowest < UNSTABLE_BELOW else "unsure" if lowest < 0.0 else "stable"
    if probability > entry.unstable_above:
        return "unstable"
    return "stable" if probability < entry.stable_below else "unsure"


def entry_of(header: WeightHeader, members: int) -> StabilityEntry | None:
    """Return what a weight file says of the lowest frequency of its first `members` networks."""
    return header.stability.get(str(members))
