"""Which predicted branch stands beside which of the reference.

References hold frequencies without eigenvectors, and by their order alone a doublet may be compared
with half of a doublet and a single mode: in cubic ZrO2 the mode that is unstable at X lies, where a
network does not know it, above a doublet, which is then drawn towards the mean of both and takes
the mode's instability to other wave vectors (docs/decisions/0026). What is degenerate in a
prediction is so by symmetry, and in the reference as well; so multiplets are compared with
multiplets of their size.
"""

import numpy as np
from numpy.typing import NDArray

SAME = 0.5  # [cm^-1], between neighbours of a multiplet: rounding, and noise of the reference

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def matched_branches(found: Array, reference: Array) -> Places:
    """Return which predicted branch stands beside each of the reference.

    Multiplets of a size are matched in their order. Where prediction and reference do not have as
    many of every size (two that meet by accident), all branches are matched in their order.

    Parameters
    ----------
    found, reference
        (q, m) frequencies [cm^-1], ascending, imaginary ones negative.

    Returns
    -------
    (q, m) places in the rows of `found`.
    """
    places = np.tile(np.arange(found.shape[1]), (len(found), 1))
    for row in np.flatnonzero((np.diff(found, axis=1) < SAME).any(axis=1)):
        own, wanted = _sizes(found[row]), _sizes(reference[row])
        if sorted(own) == sorted(wanted) and own != wanted:
            places[row, _by_size(wanted)] = _by_size(own)
    return places


def _sizes(row: Array) -> list[int]:
    """Return the number of branches of each multiplet of a row, ascending in frequency."""
    ends = np.flatnonzero(np.diff(row) >= SAME) + 1
    return [int(size) for size in np.diff([0, *ends, len(row)])]


def _by_size(sizes: list[int]) -> Places:
    """Return the places of branches, multiplets of one branch first, then of two, and so on."""
    each = np.repeat(sizes, sizes)
    return np.argsort(each, kind="stable")
