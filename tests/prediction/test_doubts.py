"""Reasons for doubt: bonds that training never showed."""

from typing import Any

import numpy as np

from phonodos.model.graph import build_graph
from phonodos.model.header import WeightHeader
from phonodos.physics.crystal import Crystal
from phonodos.prediction.doubts import bond_doubts

HEADER: dict[str, Any] = {
    "name": "made up",
    "training_elements": {"Na": 9, "Cl": 9, "K": 9},
    "training_bonds": {"Na-Cl": 1, "K-Cl": 3},
}


def salt(first: str, second: str) -> Crystal:
    cell = 2.7 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0.0] * 3, [0.5] * 3], [first, second])


def doubts(crystal: Crystal, header: dict[str, Any] = HEADER) -> list[str]:
    return bond_doubts(crystal, build_graph(crystal, 5.0), WeightHeader.of(header))


def test_a_bond_of_known_elements_that_was_never_seen_is_named() -> None:
    assert doubts(salt("Na", "Cl")) == []
    (text,) = doubts(salt("Na", "K"))
    assert "never seen in training: " in text
    assert "K-Na" in text


def test_an_unknown_element_is_not_named_again_by_its_bonds() -> None:
    assert doubts(salt("Na", "Br")) == []


def test_weights_that_do_not_count_bonds_say_nothing() -> None:
    assert doubts(salt("Na", "K"), {k: v for k, v in HEADER.items() if k != "training_bonds"}) == []
