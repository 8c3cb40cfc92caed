"""Rank correlation."""

import numpy as np
from numpy.typing import ArrayLike


def spearman(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return Spearman's rank correlation of two rows; None where a row is constant or short."""
    from scipy.stats import spearmanr

    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(first) < 3 or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return None
    return float(spearmanr(first, second).statistic)


def shown(rho: float | None) -> str:
    """Return a coefficient with its sign and two digits, or a dash."""
    return "–" if rho is None else f"{rho:+.2f}"
