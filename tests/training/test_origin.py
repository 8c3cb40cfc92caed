"""What weights were taught before a run began from them."""

from collections.abc import Callable

import pytest

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader
from phonodos.model.weights import add_to_header, read_header
from phonodos.training.checkpoint import read_checkpoint
from phonodos.training.config import TrainConfig
from phonodos.training.loop import BEST_NAME, fit
from phonodos.training.origin import origin_of, with_origin

Configure = Callable[..., TrainConfig]
OWN = {"train": ("a", "b"), "valid": ("c",), "test": ("d",)}
HEADER = {
    "name": "old", "split": OWN, "training_formulas": ("A", "B", "E"), "predicted_formulas": ("P",),
    "more_splits": ({"parts": ("train",), "train": ("e",), "valid": ("f",), "test": ()},),
}  # fmt: skip


def test_what_was_taught_before_is_stated() -> None:
    origin = origin_of(WeightHeader.of(HEADER), [OWN])
    assert origin == {"name": "old", "ids": ["e"], "formulas": ["A", "B", "E"], "predicted": ["P"]}
    new = {"name": "new", "split": OWN, "training": {}, "training_formulas": ["A", "C"]}
    header = WeightHeader.of(with_origin(new, origin))
    assert header.training_formulas == ("A", "B", "C", "E")
    assert header.predicted_formulas == ("P",)
    assert header.trained_ids == {"a", "b", "e"}
    assert header.training["started_from"] == "old"
    assert with_origin(new, {}) == new


@pytest.mark.parametrize("part", ["valid", "test"])
def test_what_judges_must_not_have_been_taught(part: str) -> None:
    splits = [OWN, {"train": ("x",), "valid": (), "test": (), part: ("e",)}]
    with pytest.raises(WeightsError, match="can start from old") as told:
        origin_of(WeightHeader.of(HEADER), splits)
    assert "1 materials" in told.value.reason


def test_a_run_and_its_resumption_inherit(configure: Configure) -> None:
    """A run that goes on knows it too, without the file that it began from."""
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    add_to_header(init, {"predicted_formulas": ["CsF"], "training_formulas": ["KI"]})
    fit(configure("second", init=str(init), epochs=1))
    init.unlink()
    second = configure("second").folder
    fit(configure("second", init=str(init), epochs=2), resume=True)
    assert read_checkpoint(second)[1].origin["predicted"] == ["CsF"]
    header = read_header(second / BEST_NAME)
    assert header.predicted_formulas == ("CsF",)
    assert {"KI", "MgO"} <= set(header.training_formulas)
    assert header.training["started_from"] == "tiny"


def test_a_run_does_not_start_from_what_knows_its_judges(configure: Configure) -> None:
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    turned = {"train": ["SiSi-1"], "valid": ["NaCl-1"], "test": ["MgO-1"]}
    split = read_header(init).split
    add_to_header(init, {"split": {**turned, "train": [*split["valid"], *split["test"]]}})
    with pytest.raises(WeightsError, match="no run with these data can start from tiny"):
        fit(configure("second", init=str(init), epochs=1))
