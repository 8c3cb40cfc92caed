"""`PhononDos`: the phonon density of states of one cell, and the grids it lives on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import PredictionError

VISIBLE_FRACTION = 1e-3  # of the maximum: what counts as the end of the spectrum
HIGHEST_FREQUENCY = 10_000.0  # [cm^-1]; H2, the stiffest of all, vibrates at 4,400
IMAGINARY_THRESHOLD = -10.0  # [cm^-1]; above it a negative frequency is numerical noise at Gamma


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

    Raises
    ------
    PredictionError
        If shapes do not match, the axis does not rise, or a value is not finite.
    """

    frequencies: NDArray[np.float64]
    densities: NDArray[np.float64]
    n_atoms: int
    projected: NDArray[np.float64] | None = None

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
    def imaginary_fraction(self) -> float:
        """Share of the states below -10 cm^-1."""
        below = self.frequencies < IMAGINARY_THRESHOLD
        if below.sum() < 2:
            return 0.0
        part = np.trapezoid(self.densities[below], self.frequencies[below])
        return float(part / self.integral)

    def positive(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return frequencies > 0 [cm^-1] and their densities, starting from an exact zero point."""
        keep = self.frequencies > 0.0
        at_zero = np.interp(0.0, self.frequencies, self.densities, left=0.0)
        w = np.concatenate([[0.0], self.frequencies[keep]])
        return w, np.concatenate([[at_zero], self.densities[keep]])

    def per_cells(self, multiplicity: float, n_atoms: int) -> "PhononDos":
        """Return the spectrum of a cell that holds `multiplicity` of this one (no projection)."""
        return PhononDos(self.frequencies, self.densities * multiplicity, n_atoms)
