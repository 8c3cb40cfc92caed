"""Whole atoms for shared sites: exact where it can be, stated and bounded where it cannot."""

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.stoichiometry import (
    LARGEST_ROUNDING,
    agrees,
    mixed_kinds,
    whole_atoms,
)


def fcc(**occupancy: float) -> Crystal:
    cell = 1.9 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal(cell, np.zeros((1, 3)), (occupancy,))


@pytest.mark.parametrize(
    ("gold", "atoms", "count", "wanted"),
    [
        (0.25, 32, 32, {"Cu": 24, "Au": 8}),
        (0.25, 31, 28, {"Cu": 21, "Au": 7}),  # the largest exact one, not the largest
        (0.5, 3, 2, {"Cu": 1, "Au": 1}),
        (0.3333, 32, 30, {"Cu": 20, "Au": 10}),  # a third, as files write it
    ],
)
def test_the_largest_exact_number(
    gold: float, atoms: int, count: int, wanted: dict[str, int]
) -> None:
    found, counts = whole_atoms("x", fcc(Cu=1.0 - gold, Au=gold), atoms)
    assert found == count
    assert counts == {0: wanted}


def test_rounding_stays_within_its_bound() -> None:
    found, counts = whole_atoms("x", fcc(Cu=0.703, Au=0.297), 32)
    assert sum(counts[0].values()) == found
    assert 16 < found <= 32  # small cells round well by chance
    assert abs(counts[0]["Au"] / found - 0.297) <= LARGEST_ROUNDING


@pytest.mark.parametrize(
    ("gold", "atoms", "reason"),
    [(0.01, 32, "an element would be lost"), (0.4, 3, "an occupancy would change by")],
)
def test_what_cannot_be_held_is_refused_with_what_can(gold: float, atoms: int, reason: str) -> None:
    cell = fcc(Cu=1.0 - gold, Au=gold)
    with pytest.raises(StructureError, match="x: ") as caught:
        whole_atoms("x", cell, atoms)
    assert reason in caught.value.reason
    needed = int(caught.value.fix.split("--sqs-atoms ")[1].split(",")[0])
    assert whole_atoms("x", cell, needed)[0] == needed  # the advice works


def test_a_cell_that_is_too_large(rock_salt: Crystal) -> None:
    with pytest.raises(StructureError, match="the primitive cell has 2 atoms"):
        whole_atoms("x", rock_salt, 1)


def test_kinds_of_mixed_sites(rock_salt: Crystal) -> None:
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0}))
    assert mixed_kinds(mixed) == {0: (1, {"Na": 0.5, "K": 0.5})}
    assert mixed_kinds(rock_salt) == {}


@pytest.mark.parametrize(
    ("actual", "fraction", "same"),
    [(1 / 3, 0.333, True), (0.5, 0.52, False), (0.0, 0.001, False), (0.001, 0.001, True)],
)
def test_occupancies_of_files(actual: float, fraction: float, same: bool) -> None:
    assert agrees(actual, fraction) is same
