"""The paper's 51-point spectrum: from a density of states to the training target and back."""

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import PredictionError
from phonodos.physics.dos import FrequencyGrid, PhononDos, common_axis, sampled

TARGET_GRID = FrequencyGrid(start=0.0, step=20.0, n=51)
SMOOTHING_WINDOW = 101  # points of the 1 cm^-1 axis of the data
SMOOTHING_ORDER = 3
RECIPE = {
    "smoothing": "savitzky-golay",
    "window": SMOOTHING_WINDOW,
    "order": SMOOTHING_ORDER,
    "start_cm-1": TARGET_GRID.start,
    "step_cm-1": TARGET_GRID.step,
    "points": TARGET_GRID.n,
    "normalisation": "own maximum",
}


def spectrum_target(
    frequencies: NDArray[np.float64], densities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (51,) target of Chen et al. (2021): smoothed, sampled at 0, 20, ..., 1000 cm^-1.

    Savitzky-Golay (window 101, order 3; the longest odd window that fits where there are fewer
    points) on the axis as given, linear interpolation (zero beyond the axis), negatives to zero,
    divided by its own maximum. The axis is meant to be the 1 cm^-1 axis of the data.

    Parameters
    ----------
    frequencies, densities
        (m,) axis [cm^-1] and density in any unit.

    Raises
    ------
    PredictionError
        If nothing of the spectrum lies within 0-1000 cm^-1, or there are too few points to smooth.
    """
    from scipy.signal import savgol_filter

    window = min(SMOOTHING_WINDOW, len(frequencies) - (1 - len(frequencies) % 2))
    if window <= SMOOTHING_ORDER:
        raise PredictionError(
            f"{len(frequencies)} points are too few to smooth",
            f"the Savitzky-Golay filter of order {SMOOTHING_ORDER} needs more points than that",
            "give the density of states on a 1 cm^-1 axis",
        )
    smooth = savgol_filter(densities, window, SMOOTHING_ORDER)
    points = np.clip(sampled(TARGET_GRID.frequencies, frequencies, smooth), 0.0, None)
    if not points.max() > 0.0:
        raise PredictionError(
            "the spectrum is zero between 0 and 1000 cm^-1",
            "no state lies on the 51 points of the paper's target",
            "check the unit of the frequency axis (cm^-1 is expected)",
        )
    target: NDArray[np.float64] = points / points.max()
    return target


def target_of(dos: PhononDos) -> NDArray[np.float64]:
    """Return the (51,) own-maximum target of a density of states (a 51-point one as it is)."""
    if len(dos.frequencies) == TARGET_GRID.n and np.allclose(
        dos.frequencies, TARGET_GRID.frequencies
    ):
        values: NDArray[np.float64] = dos.densities / dos.densities.max()
        return values
    if dos.is_fine:
        axis = common_axis([dos])
        return spectrum_target(axis, dos.on(axis))
    return spectrum_target(dos.frequencies, dos.densities)


def dos_from_target(values: NDArray[np.float64], n_atoms: int) -> PhononDos:
    """Return the density of states of 51 values given up to a factor (paper, text of Fig. 1).

    The trapezoidal integral over 0-1000 cm^-1 is set to 3 n_atoms, so states above 1000 cm^-1 are
    missing from the spectrum and their number is spread over the rest.
    """
    values = np.asarray(values, dtype=np.float64)
    total = np.trapezoid(values, dx=TARGET_GRID.step)
    if values.shape != (TARGET_GRID.n,) or not total > 0.0 or (values < 0.0).any():
        raise PredictionError(
            "51 non-negative values, not all zero, make a spectrum",
            f"got shape {values.shape} with integral {total:g} cm^-1",
            "report the crystal: its prediction is empty",
        )
    return PhononDos(TARGET_GRID.frequencies, values * (3.0 * n_atoms / total), n_atoms)
