"""Frequencies at Gamma of a stored band path: to which direction they belong."""

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal

GAMMA_STEP = 2e-3  # [1/A], far enough for a direction, too short for any dispersion
Array = NDArray[np.float64]


def step_along_path(qpoints: Array, frequencies: Array, crystal: Crystal) -> Array:
    """Return the path with every exact Gamma moved a little towards its own neighbour.

    The stored values at Gamma hold the non-analytic term for the direction of the path; of two
    neighbours the one with the closer frequencies gives that direction.
    """
    moved = qpoints.copy()
    reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.cell).T
    for k in np.flatnonzero(np.abs(qpoints).max(axis=1) < 1e-9):
        sides = [j for j in (k - 1, k + 1) if 0 <= j < len(qpoints) and np.abs(qpoints[j]).any()]
        if not sides:
            continue
        near = min(sides, key=lambda j: float(np.abs(frequencies[j] - frequencies[k]).sum()))
        moved[k] = qpoints[near] * (GAMMA_STEP / np.linalg.norm(qpoints[near] @ reciprocal))
    return moved
