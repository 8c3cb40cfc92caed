"""Branches beside those of a reference: multiplets go with multiplets of their size."""

import numpy as np

from phonodos.training.branches import SAME, matched_branches

# Cubic ZrO2 at X [cm^-1]: calculated, and as a network that does not know the unstable mode has it.
REFERENCE = np.array([-204.0, 128, 128, 304, 304, 352, 550, 550, 680])
FOUND = np.array([142.0, 142, 225, 268, 270, 270, 574, 574, 678])


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
