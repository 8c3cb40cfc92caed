"""What weights were taught before a run began from them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader
from phonodos.model.weights import add_to_header, read_header
from phonodos.training.checkpoint import CHECKPOINT_NAME, read_checkpoint
from phonodos.training.config import TrainConfig
from phonodos.training.loop import BEST_NAME, fit
from phonodos.training.origin import Origin, origin_of, with_origin

Configure = Callable[..., TrainConfig]
OWN = {"train": ("a", "b"), "valid": ("c",), "test": ("d",)}
HEADER = {
    "name": "old", "split": OWN, "training_formulas": ("A", "B", "E"), "predicted_formulas": ("P",),
    "more_splits": ({"parts": ("train",), "train": ("e",), "valid": ("f",), "test": ()},),
}  # fmt: skip


TAUGHT, JUDGED = frozenset({"A", "C"}), frozenset({"A", "D"})


def test_what_was_taught_before_is_stated() -> None:
    """The polymorph A, which the run trains on and is judged by, as its start was, is no harm."""
    origin = origin_of(WeightHeader.of(HEADER), [OWN], TAUGHT, JUDGED)
    assert origin == Origin("old", ["e"], ["B", "E"], ["P"])
    new = {"name": "new", "split": OWN, "training": {}, "training_formulas": ["A", "C"]}
    header = WeightHeader.of(with_origin(new, origin))
    assert header.training_formulas == ("A", "C")
    assert header.earlier_formulas == ("B", "E")
    assert header.predicted_formulas == ("P",)
    assert header.taught_formulas == {"A", "B", "C", "E", "P"}
    assert header.trained_ids == {"a", "b", "e"}
    assert header.training["started_from"] == "old"
    assert with_origin(new, None) == new
    later = origin_of(header, [OWN], TAUGHT, JUDGED)
    assert (later.ids, later.formulas, later.predicted) == (["e"], ["B", "E"], ["P"])


@pytest.mark.parametrize("part", ["valid", "test"])
def test_what_judges_must_not_have_been_taught(part: str) -> None:
    splits = [OWN, {"train": ("x",), "valid": (), "test": (), part: ("e",)}]
    with pytest.raises(WeightsError, match="can start from old") as told:
        origin_of(WeightHeader.of(HEADER), splits, TAUGHT, JUDGED)
    assert "1 materials" in told.value.reason


@pytest.mark.parametrize("formula", ["B", "P"])
def test_nor_its_formula_by_calculations_or_predictions(formula: str) -> None:
    with pytest.raises(WeightsError, match="can start from old") as told:
        origin_of(WeightHeader.of(HEADER), [OWN], TAUGHT, JUDGED | {formula})
    assert f"1 formulas of the valid or test part: {formula}" in told.value.reason


def test_a_run_and_its_resumption_inherit(configure: Configure) -> None:
    """A run that goes on knows it too, without the file that it began from."""
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    add_to_header(init, {"predicted_formulas": ["CsF"], "training_formulas": ["KI"]})
    fit(configure("second", init=str(init), epochs=1))
    init.unlink()
    second = configure("second").folder
    fit(configure("second", init=str(init), epochs=2), resume=True)
    origin = read_checkpoint(second)[1].origin
    assert origin is not None
    assert origin.predicted == ["CsF"]
    header = read_header(second / BEST_NAME)
    assert header.predicted_formulas == ("CsF",)
    assert header.earlier_formulas == ("KI",)
    assert "MgO" in header.training_formulas
    assert header.training["started_from"] == "tiny"


def test_a_run_does_not_start_from_what_knows_its_judges(configure: Configure) -> None:
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    turned = {"train": ["SiSi-1"], "valid": ["NaCl-1"], "test": ["MgO-1"]}
    split = read_header(init).split
    add_to_header(init, {"split": {**turned, "train": [*split["valid"], *split["test"]]}})
    with pytest.raises(WeightsError, match="no run with these data can start from tiny"):
        fit(configure("second", init=str(init), epochs=1))
    assert not configure("second").folder.exists()


def test_a_run_of_before_is_told_its_origin(configure: Configure) -> None:
    """Checkpoints of older versions hold none: it is looked up where the file is still there."""
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    add_to_header(init, {"predicted_formulas": ["CsF"]})
    second = configure("second", init=str(init), epochs=1)
    fit(second)
    _forget_origin(second.folder)
    fit(configure("second", init=str(init), epochs=2), resume=True)
    origin = read_checkpoint(second.folder)[1].origin
    assert origin is not None
    assert origin.predicted == ["CsF"]
    _forget_origin(second.folder)
    init.unlink()
    fit(configure("second", init=str(init), epochs=3), resume=True)
    assert read_checkpoint(second.folder)[1].origin is None


def _forget_origin(folder: Path) -> None:
    path = folder / CHECKPOINT_NAME
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
    progress = json.loads(metadata["progress"])
    del progress["origin"]
    save_file(load_file(path), path, {**metadata, "progress": json.dumps(progress)})
