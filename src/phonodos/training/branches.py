"""Which predicted branch stands beside which of the reference.

References hold frequencies without eigenvectors, and by their order alone a doublet may be compared
with half of a doublet and a single mode: in cubic ZrO2 the mode that is unstable at X lies, where a
network does not know it, above a doublet, which is then drawn towards the mean of both and takes
the mode's instability to other wave vectors (docs/decisions/0026). What is degenerate in a
prediction is so by symmetry, and in the reference as well; so multiplets are compared with
multiplets of their size.

That leaves open which of several single modes it is (in ZrO2 at X that of oxygen, not of Zr along
the wave vector). In crystals of few branches the lines from Gamma tell: a branch is followed
through its crossings, and is known by where it comes from.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

SAME = 0.5  # [cm^-1], between neighbours of a multiplet: rounding, and noise of the reference
APART = 5.0  # [cm^-1], between two predicted modes of which only one can be meant
FEWEST = 8  # steps of a line that branches are followed along
ELSEWHERE = 1e5  # [cm^-1], what sets branches of different degeneracy apart
BENT = 0.3  # of a step, by which the next may differ on a straight line

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Line = tuple[int, int]  # first and last place of its wave vectors in a path


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


def lines_from_gamma(qpoints: Array, at_gamma: NDArray[np.bool_]) -> list[Line]:
    """Return the straight lines of a path that begin or end at Gamma.

    Parameters
    ----------
    qpoints
        (k, 3) wave vectors in the order of the path.
    at_gamma
        (k,) which of them are Gamma.
    """
    steps = np.diff(qpoints, axis=0)
    sizes = np.linalg.norm(steps, axis=1)
    turns = np.linalg.norm(np.diff(steps, axis=0), axis=1) > BENT * np.maximum(
        sizes[1:], sizes[:-1]
    )
    corners = [0, *(np.flatnonzero(turns) + 1), len(steps)]
    lines = [(int(a), int(b)) for a, b in pairwise(corners)]
    return [(a, b) for a, b in lines if b - a >= FEWEST and (at_gamma[a] or at_gamma[b])]


def followed(frequencies: Array) -> Places:
    """Return (k, m) places of m branches along a line, each followed through its crossings.

    The signed squares of the next wave vector are given to the branches that, by the last two and
    three, are to be expected nearest: squares are smooth where branches of other symmetry cross.

    Parameters
    ----------
    frequencies
        (k, m) [cm^-1], ascending at each wave vector, imaginary ones negative.
    """
    squares = frequencies * np.abs(frequencies)
    places = np.tile(np.arange(squares.shape[1]), (len(squares), 1))
    past: list[Array] = []
    for here, place in zip(squares, places, strict=True):
        if len(past) > 1:
            expected = 2.0 * past[-1] - past[-2]
            if len(past) > 2:
                expected = expected + 0.5 * (past[-1] - 2.0 * past[-2] + past[-3])
            place[:] = linear_sum_assignment(np.abs(expected[:, None] - here[None, :]))[1]
        past.append(here[place])
    return places


def branches_along(found: Array, reference: Array) -> Places:
    """Return which predicted branch stands beside each of the reference along one line.

    Whole branches are compared with whole branches, by their mean distance, and those that are
    degenerate all along with such: arguments and result as those of `matched_branches`.
    """
    own, wanted = followed(found), followed(reference)
    f, r = np.take_along_axis(found, own, 1), np.take_along_axis(reference, wanted, 1)
    cost = np.abs(f[:, :, None] - r[:, None, :]).mean(axis=0)
    sizes, wanted_sizes = _degenerate(f), _degenerate(r)
    if sorted(sizes) == sorted(wanted_sizes):
        cost[sizes[:, None] != wanted_sizes[None, :]] += ELSEWHERE
    places = np.empty_like(own)
    mine, theirs = linear_sum_assignment(cost)
    np.put_along_axis(places, wanted[:, theirs], own[:, mine], axis=1)
    return places


def _degenerate(branches: Array) -> Places:
    """Return how many of (k, m) branches are each the same all along, itself included."""
    gaps = np.abs(branches[:, :, None] - branches[:, None, :]).mean(axis=0)
    return np.asarray((gaps < SAME).sum(axis=1))


def branches_of_path(
    found: Array, reference: Array, lines: Sequence[Line], below: float
) -> tuple[Places, NDArray[np.bool_]]:
    """Return which predicted branch stands beside each of the reference, and where that is known.

    On the lines branches are followed; elsewhere multiplets are matched (`matched_branches`). Where
    the lines show that multiplets in their order mean the wrong modes, nothing is known elsewhere.

    Parameters
    ----------
    found, reference
        (k, m) frequencies along the whole path [cm^-1], ascending, imaginary ones negative.
    lines
        Those of `lines_from_gamma`.
    below
        Branches of the reference below it are what counts [cm^-1].

    Returns
    -------
    (k, m) places in the rows of `found`, and (k,) whether they are known.
    """
    places = matched_branches(found, reference)
    known = np.ones(len(found), dtype=bool)
    for first, last in lines:
        line = slice(first, last + 1)
        along = branches_along(found[line], reference[line])
        gap = np.take_along_axis(found[line], along, 1)
        gap = np.abs(gap - np.take_along_axis(found[line], places[line], 1))
        if (gap[reference[line] < below] > APART).any():
            known[:] = False
        places[line] = along
    for first, last in lines:
        known[first : last + 1] = True
    return places, known
