"""`PhononDos`: the phonon density of states of one cell, and what can be read off a spectrum.

The functions at the end take any spectrum, scaled or not: gap, end and distance mean the same
wherever they are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import PredictionError

VISIBLE_FRACTION = 1e-3  # of the maximum: the highest frequency lies where the density exceeds it
EMPTY_FRACTION = 0.02  # of the maximum: below it a point counts as empty, for gaps and cut-offs
NARROWEST_GAP = 30.0  # [cm^-1]; of the points every 20 cm^-1 two must be empty
HIGHEST_FREQUENCY = 10_000.0  # [cm^-1]; H2, the stiffest of all, vibrates at 4,400
IMAGINARY_THRESHOLD = -10.0  # [cm^-1]; above it a negative frequency is numerical noise at Gamma
MENTIONED_SHARE = 1e-3  # of imaginary states; less is not worth a line
UNSTABLE_SHARE = 0.01  # of the states below -10 cm^-1; a spectrum alone with more is unstable
STEP = 1.0  # [cm^-1], of the axis on which spectra are made and compared
# Near zero, for thermodynamics at a few K: a step of 1 would cost 5 % of the entropy at 2 K.
FINE_STEP, FINE_TO = 0.2, 10.0  # [cm^-1]


def check_frequencies(frequencies: NDArray[np.float64], who: str = "") -> None:
    """Raise if a frequency, real or imaginary (negative), is larger than any vibration has.

    Raises
    ------
    PredictionError
        Names the largest one.
    """
    largest = float(np.abs(frequencies).max(initial=0.0))
    if not largest <= HIGHEST_FREQUENCY:
        raise PredictionError(
            f"{who}: frequencies of {largest:,.0f} cm^-1"
            if who
            else f"frequencies of {largest:,.0f} cm^-1",
            f"no vibration has more than {HIGHEST_FREQUENCY:,.0f} cm^-1: atoms are far too close "
            "to each other, or the crystal is far outside of what the network was trained on",
            "check the lattice vectors and their unit (Angstrom)",
        )


@dataclass(frozen=True)
class Gap:
    """An empty stretch of a spectrum between two occupied ones.

    Attributes
    ----------
    low, high
        Its edges [cm^-1], halfway between the last occupied and the first empty point.
    """

    low: float
    high: float

    @property
    def position(self) -> float:
        """Its middle [cm^-1]."""
        return (self.low + self.high) / 2.0

    @property
    def width(self) -> float:
        """Its width [cm^-1]: on an equidistant axis the number of empty points times the step."""
        return self.high - self.low


@dataclass(frozen=True)
class FrequencyGrid:
    """`n` equidistant frequencies [cm^-1] from `start` with spacing `step`."""

    start: float
    step: float
    n: int

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """(n,) frequencies [cm^-1]."""
        return self.start + self.step * np.arange(self.n, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class PhononDos:
    """Phonon density of states of one cell of `n_atoms` atoms.

    Parameters
    ----------
    frequencies
        (m,) rising frequencies [cm^-1]; imaginary modes lie at negative ones.
    densities
        (m,) densities [states / cm^-1 per cell]; the trapezoidal integral is 3 n_atoms.
    n_atoms
        Number of atoms in the cell.
    projected
        (n_atoms, m) share of every atom, or None; their sum is `densities`.
    highest
        Highest frequency of the states [cm^-1] before they were smoothed, of several spectra the
        mean; None where it is not known.

    Raises
    ------
    PredictionError
        If shapes do not match, the axis does not rise, or a value is not finite.
    """

    frequencies: NDArray[np.float64]
    densities: NDArray[np.float64]
    n_atoms: int
    projected: NDArray[np.float64] | None = None
    highest: float | None = None

    def __post_init__(self) -> None:
        frequencies = np.asarray(self.frequencies, dtype=np.float64)
        densities = np.asarray(self.densities, dtype=np.float64)
        object.__setattr__(self, "frequencies", frequencies)
        object.__setattr__(self, "densities", densities)
        if frequencies.ndim != 1 or frequencies.shape != densities.shape or len(frequencies) < 2:
            raise PredictionError(
                "a density of states needs one density for every frequency",
                f"got {frequencies.shape} frequencies and {densities.shape} densities",
                "pass two one-dimensional arrays of the same length, at least two points",
            )
        if not (np.isfinite(frequencies).all() and np.isfinite(densities).all()):
            raise PredictionError(
                "the density of states holds values that are not finite",
                "a NaN or an infinity came out of a network or a file",
                "report the crystal; a damaged input file shows the same",
            )
        if (np.diff(frequencies) <= 0).any():
            raise PredictionError(
                "the frequency axis does not rise",
                "frequencies of a density of states must be strictly increasing",
                "sort the points by frequency and remove duplicates",
            )
        if self.projected is not None:
            projected = np.asarray(self.projected, dtype=np.float64)
            object.__setattr__(self, "projected", projected)
            if projected.shape != (self.n_atoms, len(frequencies)):
                raise PredictionError(
                    "projected densities do not fit the crystal",
                    f"{projected.shape} values: {self.n_atoms} atoms, {len(frequencies)} points",
                    "give one row of densities for every atom",
                )

    @property
    def integral(self) -> float:
        """Number of states per cell; 3 n_atoms for a complete spectrum."""
        return float(np.trapezoid(self.densities, self.frequencies))

    @property
    def is_fine(self) -> bool:
        """Whether the axis has the points near zero that temperatures of a few K need."""
        near = self.frequencies[(self.frequencies >= 0.0) & (self.frequencies <= FINE_TO)]
        return len(near) > 1 and float(np.diff(near).max()) < STEP / 2.0

    @property
    def mean_frequency(self) -> float:
        """First moment over the positive frequencies [cm^-1]; 0 if no state has one."""
        w, g = self.positive()
        states = float(np.trapezoid(g, w))
        return float(np.trapezoid(w * g, w)) / states if states > 0.0 else 0.0

    @property
    def max_frequency(self) -> float:
        """Highest frequency whose density exceeds a thousandth of the largest [cm^-1].

        At least the mean: a few states spread over a wide range can lie below that threshold.
        """
        visible = self.densities > VISIBLE_FRACTION * self.densities.max()
        return max(float(self.frequencies[visible][-1]), self.mean_frequency)

    @property
    def largest_frequency(self) -> float:
        """Highest frequency of the states [cm^-1]; that of the density where only it is known.

        Smoothing, and the mean of several spectra, move the end of a density up: `max_frequency`
        is what can be compared with densities from elsewhere.
        """
        return self.max_frequency if self.highest is None else self.highest

    @property
    def imaginary_fraction(self) -> float:
        """Share of the states below -10 cm^-1."""
        below = self.frequencies < IMAGINARY_THRESHOLD
        if below.sum() < 2:
            return 0.0
        part = np.trapezoid(self.densities[below], self.frequencies[below])
        return float(part / self.integral)

    @property
    def is_unstable(self) -> bool:
        """Whether more than 1 % of the states lie below -10 cm^-1: all that a spectrum tells.

        A mode that is soft at one wave vector has a smaller share (`prediction.stability`).
        """
        return self.imaginary_fraction > UNSTABLE_SHARE

    def gap(self) -> Gap | None:
        """Return the widest gap at positive frequencies, or None, as `widest_gap` finds it."""
        return widest_gap(*self.positive())

    def cut_off(self) -> float:
        """Return the last frequency [cm^-1] whose density is at least 2 % of the largest."""
        return last_occupied(*self.positive())

    def distance(self, other: "PhononDos") -> float:
        """Return the Wasserstein distance [cm^-1] of both, each of unit integral, whole axes."""
        axis = common_axis([self, other])
        a, b = self.on(axis)[None], other.on(axis)[None]
        return float(wasserstein(a, b, STEP)[0])

    def projected_distance(self, other: "PhononDos") -> float:
        """Return the mean over atoms of the Wasserstein distances [cm^-1] of projected spectra."""
        axis = common_axis([self, other])
        return float(wasserstein(self.projected_on(axis), other.projected_on(axis), STEP).mean())

    def on(self, axis: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the densities on another axis [cm^-1], linear in between, 0 outside."""
        return sampled(axis, self.frequencies, self.densities)

    def projected_on(self, axis: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n_atoms, m) projected densities on another axis; there must be some."""
        assert self.projected is not None
        return np.stack([sampled(axis, self.frequencies, row) for row in self.projected])

    def finer(self, step: float = STEP) -> "PhononDos":
        """Return the same spectrum with points at most `step` [cm^-1] apart (no projection)."""
        if np.diff(self.frequencies).max() <= step:
            return self
        w, g = sliced(self.frequencies, self.densities, step)
        return PhononDos(w, g, self.n_atoms, highest=self.highest)

    def positive(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return frequencies > 0 [cm^-1] and their densities, starting from an exact zero point."""
        keep = self.frequencies > 0.0
        at_zero = np.interp(0.0, self.frequencies, self.densities, left=0.0)
        w = np.concatenate([[0.0], self.frequencies[keep]])
        return w, np.concatenate([[at_zero], self.densities[keep]])

    def per_cells(self, multiplicity: float, n_atoms: int) -> "PhononDos":
        """Return the spectrum of a cell that holds `multiplicity` of this one (no projection)."""
        densities = self.densities * multiplicity
        return PhononDos(self.frequencies, densities, n_atoms, highest=self.highest)


def mean_of(spectra: Sequence[PhononDos]) -> PhononDos:
    """Return the mean of spectra of the same cell, on an axis that holds them all.

    It is projected if all of them are. Its largest frequency is the mean of theirs: the mean
    density ends where the last of them does.
    """
    first = spectra[0]
    if len(spectra) == 1:
        return first
    axis = first.frequencies
    if not all(np.array_equal(s.frequencies, axis) for s in spectra):
        axis = common_axis(spectra)
        if any(s.is_fine for s in spectra):
            axis = finer_axis(axis)
    density = np.mean([s.on(axis) for s in spectra], axis=0)
    projected = None
    if all(s.projected is not None for s in spectra):
        projected = np.mean([s.projected_on(axis) for s in spectra], axis=0)
    highest = float(np.mean([s.largest_frequency for s in spectra]))
    return PhononDos(axis, density, first.n_atoms, projected, highest)


def common_axis(spectra: Sequence[PhononDos]) -> NDArray[np.float64]:
    """Return whole wavenumbers [cm^-1] that hold the axes of all spectra."""
    low = min(s.frequencies[0] for s in spectra)
    high = max(s.frequencies[-1] for s in spectra)
    return np.arange(np.floor(low), np.ceil(high) + STEP, STEP)


def finer_axis(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an axis of whole wavenumbers [cm^-1] with points every 0.2 from 0 to 10."""
    pieces = round(STEP / FINE_STEP)
    fine = np.arange(round(FINE_TO / STEP) * pieces + 1) / pieces
    return np.concatenate([axis[axis < 0.0], fine, axis[axis > FINE_TO]])


def sampled(
    axis: NDArray[np.float64], frequencies: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return values on another axis [cm^-1], linear in between, 0 outside."""
    return np.asarray(np.interp(axis, frequencies, values, left=0.0, right=0.0))


def sliced(
    frequencies: NDArray[np.float64], values: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a spectrum with every interval cut into equal ones of at most `step` [cm^-1]."""
    pieces = np.maximum(np.ceil(np.diff(frequencies) / step).astype(int), 1)
    part = np.repeat(np.diff(frequencies) / pieces, pieces)
    count = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    fine = np.append(np.repeat(frequencies[:-1], pieces) + count * part, frequencies[-1])
    return fine, np.interp(fine, frequencies, values)


def widest_gap(frequencies: NDArray[np.float64], values: NDArray[np.float64]) -> Gap | None:
    """Return the widest stretch of empty points between occupied ones, or None.

    Empty is a point below 2 % of the maximum; a gap is wider than 30 cm^-1.

    Parameters
    ----------
    frequencies, values
        (m,) rising [cm^-1], and the spectrum in any unit.
    """
    occupied = np.flatnonzero(values >= EMPTY_FRACTION * values.max())
    middle = (frequencies[1:] + frequencies[:-1]) / 2.0
    last = occupied[:-1][np.diff(occupied) > 1]
    first = occupied[1:][np.diff(occupied) > 1]
    widths = middle[first - 1] - middle[last]
    if len(widths) == 0 or widths.max() <= NARROWEST_GAP:
        return None
    widest = int(np.argmax(widths))
    return Gap(float(middle[last[widest]]), float(middle[first[widest] - 1]))


def last_occupied(frequencies: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the last frequency [cm^-1] at which a spectrum has at least 2 % of its maximum."""
    return float(frequencies[values >= EMPTY_FRACTION * values.max()][-1])


def wasserstein(
    reference: NDArray[np.float64], predicted: NDArray[np.float64], step: float
) -> NDArray[np.float64]:
    """Return the (n,) Wasserstein distances [cm^-1] of (n, m) spectra on an equidistant axis.

    step x sum |difference of the cumulative sums|, each spectrum brought to unit sum.
    """
    a, b = (unit_sum(x) for x in (reference, predicted))
    return np.asarray(step * np.abs(np.cumsum(b - a, axis=1)).sum(axis=1))


def unit_sum(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, m) spectra over their sums.

    An empty spectrum (of a network in training) counts as one with all states at the start.
    """
    total = spectra.sum(axis=1, keepdims=True)
    start = np.arange(spectra.shape[1]) == 0
    return np.where(total > 0.0, spectra / np.where(total > 0.0, total, 1.0), start)
