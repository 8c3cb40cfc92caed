"""Notes of a sweep: what holds for every composition is said once, the rest with its place."""

from types import SimpleNamespace

import numpy as np
import pytest

from phonodos.cli.alloy_notes import notes_of
from phonodos.model.header import WeightHeader
from phonodos.physics.alloy import Alloy, alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.prediction.prediction import Prediction

KNOWN = SimpleNamespace(
    name="known", header=WeightHeader(name="known", training_formulas=("NaCl",))
)


@pytest.fixture
def mixed(rock_salt: Crystal) -> Alloy:
    other = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["K", "Cl"])
    return alloy_of(rock_salt, other)


def predictions(crystal: Crystal, *warnings: tuple[str, ...]) -> list[Prediction]:
    w = np.arange(0.0, 101.0)
    dos = PhononDos(w, np.full(101, 0.06), 2)
    return [Prediction(crystal, dos, None, "known", texts) for texts in warnings]


def test_assumptions_and_extrapolation(mixed: Alloy, rock_salt: Crystal) -> None:
    found = {"embedding": predictions(rock_salt, (), ())}
    notes = notes_of(KNOWN, mixed, [0.0, 1.0], found)
    assert notes[0].startswith("embedding: a mixed site")
    assert notes[1].startswith("it assumes no disorder")
    assert [n for n in notes if "extrapolation" in n] == [
        "KCl (x = 1) was not in the training data of known: towards it the sweep is an "
        "extrapolation"
    ]
    assert len(notes) == 4


def test_doubts_have_a_place(mixed: Alloy, rock_salt: Crystal) -> None:
    one = {"embedding": predictions(rock_salt, ("old",), ("old", "soft"))}
    assert notes_of(KNOWN, mixed, [0.0, 0.5], one)[-2:] == ["old", "x = 0.5: soft"]
    two = one | {"vca": predictions(rock_salt, (), ("soft",))}
    assert notes_of(KNOWN, mixed, [0.0, 0.5], two)[-2:] == [
        "x = 0 (embedding), x = 0.5 (embedding): old",
        "x = 0.5 (embedding), x = 0.5 (vca): soft",
    ]
