"""Weights that are served, and the examples, which are those of the repository."""

from pathlib import Path

import pytest

from phonodos.errors import WeightsError
from phonodos.service.models import EXAMPLES, examples, model_list, model_record, served

FOLDER = Path(__file__).parent.parent.parent / "examples"


def test_examples_are_those_of_the_repository() -> None:
    found = examples()["examples"]
    assert [one["name"] for one in found] == list(EXAMPLES)
    assert len(found) == 6
    for one in found:
        assert one["text"] == (FOLDER / one["filename"]).read_text(encoding="utf-8")
        assert one["formula"] == one["name"]


def test_weights_that_are_served(lattice_weights: Path) -> None:
    name, models = served(None)
    assert name == "lattice"
    assert {"lattice", "lattice-paper", "chen2021"} <= models.keys()
    found = model_list(name, models)
    assert found["default"] == "lattice"
    assert all(one["summary"] for one in found["models"])
    name, models = served(str(lattice_weights))
    assert models[name] == str(lattice_weights)
    assert name == "small"
    with pytest.raises(WeightsError):
        served("none")


def test_what_is_known_of_weights(lattice_weights: Path) -> None:
    _, models = served(None)
    found = model_record("lattice", models["lattice"])
    assert found["card"]["markdown"].startswith("#")
    assert found["elements"]["O"]["n_train"] > 1000
    assert model_record("small", str(lattice_weights))["card"]["markdown"] is None
