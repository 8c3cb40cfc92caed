"""Sound judged: the three lowest branches at long waves, beside those of DFPT bands.

The bands of dfpt2018 are of force constants that DFPT gives on a mesh of wave vectors, without a
supercell; close to Gamma they are what a reference has of sound. Sound is judged by them alone: the
constants of phonondb2018 are stored up to 7 A, which moves the slopes. How far two calculations
agree says docs/decisions/0017: to 9, 7 and 4 %, branch by branch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ratios = tuple[tuple[float, ...], ...]  # a row of three a wave vector
BRANCHES = 3  # by frequency: two transverse and one longitudinal where waves are long enough
# Length of the waves that are compared [1/A]: closer to Gamma references are interpolated worst,
# farther away optic branches come down.
FROM, TO = 0.06, 0.2
LEAST = 5.0  # [cm^-1], of the reference: softer ones are close to an instability


def sound_ratios(lengths: Array, reference: Array, predicted: Array) -> Ratios:
    """Return predicted over reference frequency of the three lowest branches at long waves.

    Parameters
    ----------
    lengths
        (q,) distance of the wave vectors from Gamma [1/A], 2 pi included.
    reference, predicted
        (q, 3n) frequencies [cm^-1], ascending, imaginary ones negative.

    Returns
    -------
    Three numbers for every wave vector between 0.06 and 0.2 1/A at which no branch of the reference
    is below 5 cm^-1.
    """
    good = (lengths > FROM) & (lengths < TO) & (reference[:, 0] > LEAST)
    found = predicted[good, :BRANCHES] / reference[good, :BRANCHES]
    return tuple(tuple(row) for row in found.tolist())


def sound_section(materials: Sequence[Ratios]) -> dict[str, Any]:
    """Return medians of the ratio and of its distance from 1, by branch, over all wave vectors.

    Parameters
    ----------
    materials
        What `sound_ratios` gave for every material; those without a wave vector do not count.

    Returns
    -------
    Nothing if there is no wave vector at all.
    """
    known = [rows for rows in materials if rows]
    if not known:
        return {}
    ratios = np.concatenate([np.array(rows) for rows in known])
    return {
        "sound": {
            "materials": len(known),
            "waves": len(ratios),
            "ratio": _by_branch(np.median(ratios, axis=0)),
            "error": _by_branch(np.median(np.abs(ratios - 1.0), axis=0)),
        }
    }


def _by_branch(values: Array) -> dict[str, float]:
    return {str(k): float(value) for k, value in enumerate(values, 1)}
