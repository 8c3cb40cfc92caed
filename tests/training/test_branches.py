"""Branches beside those of a reference: multiplets go with multiplets of their size.

Of few branches those along lines from Gamma are known by where they come from.
"""

from itertools import pairwise

import numpy as np

from phonodos.training.branches import (
    SAME,
    branches_along,
    branches_of_path,
    followed,
    lines_from_gamma,
    matched_branches,
)

# Cubic ZrO2 at X [cm^-1]: calculated, and as a network that does not know the unstable mode has it.
REFERENCE = np.array([-204.0, 128, 128, 304, 304, 352, 550, 550, 680])
FOUND = np.array([142.0, 142, 225, 268, 270, 270, 574, 574, 678])
# Ends, at Gamma and at X, of the branches of cubic ZrO2 along Delta [cm^-1]: two transverse
# acoustic ones, that of Zr along the wave vector, optic ones; the unstable one is of oxygen.
ENDS = [
    (0, 128),
    (0, 128),
    (0, 353),
    (246, 304),
    (246, 304),
    (567, -204),
    (567, 550),
    (567, 550),
    (651, 680),
]
ZR, OXYGEN = 2, 5
STEPS = 24


def along_delta(ends: list[tuple[int, int]]) -> np.ndarray:
    """Return (k, m) frequencies, unsorted, whose signed squares are waves along the line."""
    waves = (1.0 - np.cos(np.pi * np.linspace(0.0, 1.0, STEPS)))[:, None] / 2.0
    first, last = np.array(ends, dtype=float).T
    squares = first * np.abs(first) * (1.0 - waves) + last * np.abs(last) * waves
    return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)))


def swapped() -> np.ndarray:
    """Return what a network finds that has the wrong mode go soft: Zr along the wave vector."""
    ends = list(ENDS)
    ends[ZR], ends[OXYGEN] = (0, -101), (553, 315)
    return along_delta(ends)


def test_a_single_mode_is_not_compared_with_a_doublet() -> None:
    (places,) = matched_branches(FOUND[None], REFERENCE[None])
    np.testing.assert_array_equal(places, [2, 0, 1, 4, 5, 3, 6, 7, 8])
    np.testing.assert_array_equal(FOUND[places][[0, 5, 8]], [225, 268, 678])


def test_what_is_in_its_place_stays() -> None:
    for row in (REFERENCE, np.array([3.0, 40, 90, 91])):
        (places,) = matched_branches(row[None] + 0.01, row[None])
        np.testing.assert_array_equal(places, np.arange(len(row)))


def test_rounding_does_not_split_a_multiplet() -> None:
    shaken = FOUND + 0.1 * SAME * np.array([0, 1, 0, 0, 0, 1, 1, 0, 0])
    found, wanted = (matched_branches(row[None], REFERENCE[None]) for row in (shaken, FOUND))
    np.testing.assert_array_equal(found, wanted)


def test_branches_that_meet_by_accident_leave_the_order() -> None:
    met = FOUND.copy()
    met[2] = met[1]  # a triplet: the reference has none
    (places,) = matched_branches(met[None], REFERENCE[None])
    np.testing.assert_array_equal(places, np.arange(9))


def test_every_row_is_a_permutation_of_its_own() -> None:
    rng = np.random.default_rng(3)
    reference, found = rng.uniform(5, 60, (2, 40, 6)).cumsum(axis=2)
    reference[::2, 1], found[::2, 4] = reference[::2, 0], found[::2, 3]
    places = matched_branches(found, reference)
    np.testing.assert_array_equal(np.sort(places, axis=1), np.tile(np.arange(6), (40, 1)))
    np.testing.assert_array_equal(places[1::2], np.tile(np.arange(6), (20, 1)))
    for row in places[::2]:
        np.testing.assert_array_equal(row, [3, 4, 0, 1, 2, 5])


def test_branches_are_followed_through_crossings() -> None:
    for curves in (along_delta(ENDS), swapped()):
        rows = np.sort(curves, axis=1)
        found = np.take_along_axis(rows, followed(rows), axis=1)
        np.testing.assert_allclose(found, curves[:, np.lexsort((curves[1], curves[0]))])


def test_an_unstable_branch_is_known_by_where_it_comes_from() -> None:
    """At X alone the mode of oxygen would be compared with that of Zr, which is lower."""
    own, reference = np.sort(swapped(), axis=1), np.sort(along_delta(ENDS), axis=1)
    places = branches_along(own, reference)
    np.testing.assert_array_equal(np.sort(places, axis=1), np.tile(np.arange(9), (STEPS, 1)))
    beside = np.take_along_axis(own, places, axis=1)[-1]
    assert dict(zip(reference[-1].round(), beside.round(), strict=True))[-204.0] == 315.0
    assert dict(zip(reference[-1].round(), beside.round(), strict=True))[353.0] == -101.0
    (by_size,) = matched_branches(own[-1:], reference[-1:])
    assert own[-1, by_size[0]].round() == -101.0


def test_other_lines_wait_until_the_lines_from_gamma_are_right() -> None:
    rest = np.tile(np.arange(9.0) * 60.0 - 100.0, (5, 1))
    reference = np.concatenate([np.sort(along_delta(ENDS), axis=1), rest])
    lines = [(0, STEPS - 1)]
    for curves, right in ((swapped(), False), (along_delta(ENDS) + 1.0, True)):
        own = np.concatenate([np.sort(curves, axis=1), rest])
        places, known = branches_of_path(own, reference, lines, below=-15.0)
        assert known[:STEPS].all()
        assert (known[STEPS:] == right).all()
        np.testing.assert_array_equal(places[STEPS:], np.tile(np.arange(9), (5, 1)))
        # What no imaginary branch shows says nothing of the order.
        assert branches_of_path(own, reference, lines, below=-300.0)[1].all()


def test_lines_that_begin_or_end_at_gamma() -> None:
    corners = np.array([[0.0, 0, 0], [0.5, 0, 0.5], [0.5, 0.25, 0.75], [0, 0, 0], [0.5, 0.5, 0.5]])
    parts = [a + (b - a) * np.linspace(0, 1, 11)[:-1, None] for a, b in pairwise(corners)]
    path = np.concatenate([*parts, corners[-1:]])
    at_gamma = np.linalg.norm(path, axis=1) < 1e-9
    assert lines_from_gamma(path, at_gamma) == [(0, 10), (20, 30), (30, 40)]
    jump = np.concatenate([path[:11], path[30:]])  # nothing lies between its ends
    assert lines_from_gamma(jump, np.linalg.norm(jump, axis=1) < 1e-9) == [(0, 10), (11, 21)]
    assert lines_from_gamma(path[:6], at_gamma[:6]) == []  # too short
