"""The records of a run: which are taught and judged, and what the weights will say of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from phonodos.datasets.dataset import write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import DataError
from phonodos.model.header import WeightHeader
from phonodos.training.config import EmphasisConfig, TrainConfig
from phonodos.training.data import emphasised, open_data, weight_header
from phonodos.training.loop import fit
from phonodos.training.losses import make_task

Configure = Callable[..., TrainConfig]


def test_parts_are_taught_and_judged_as_the_split_says(configure: Configure, data: Path) -> None:
    taught, valid, header = open_data(configure("run"))
    split = Split.read(data / "split.json").parts
    assert [set(d.ids) for d in taught] == [set(split["train"])]
    assert set(valid.ids) == set(split["valid"])
    assert header == {"split": {name: list(ids) for name, ids in split.items()}}


def test_a_part_that_the_split_does_not_have(configure: Configure, data: Path) -> None:
    place = {"dataset": data / "data.parquet", "split": data / "split.json", "parts": ["learn"]}
    with pytest.raises(DataError, match="has no part 'learn'") as caught:
        open_data(configure("run", data=place))
    assert "train, valid, test" in caught.value.reason


def test_weights_say_what_they_were_taught(configure: Configure) -> None:
    config = configure("run")
    taught, valid, _ = open_data(config)
    header = weight_header(config, taught)
    symbols = [set(c.composition) for c in taught[0].crystals()]
    assert header["training_elements"] == {
        s: sum(s in each for each in symbols) for s in sorted(set().union(*symbols))
    }
    assert header["training_formulas"] == sorted(taught[0].formulas)
    assert not set(valid.formulas) & set(header["training_formulas"])
    assert header["training_bonds"]["Na-Cl"] == 1
    assert header["training"]["data"]["citation"] == "nobody"
    # Settings, but no path: a path would say where something lay, not what it was.
    settings = header["training"]["config"]
    assert settings["epochs"] == 3
    assert "folder" not in settings
    assert "data" not in settings


def test_predictions_that_teach_do_not_count_as_known(
    configure: Configure, data: Path, tmp_path: Path
) -> None:
    """Their elements, bonds and lengths are not those of calculations; their formulas are told."""
    row = {
        "id": "predicted/x", "source": "predicted", "formula": "KF", "n_atoms": 2,
        "species": ["K", "F"], "cell": [0.0, 2.7, 2.7, 2.7, 0.0, 2.7, 2.7, 2.7, 0.0],
        "frac_coords": [0.0, 0.0, 0.0, 0.5, 0.5, 0.5],
    }  # fmt: skip
    write_dataset(tmp_path / "p.parquet", [row], {"predicted_by": {"weights": "lattice"}})
    split = Split.read(data / "split.json").parts
    Split({**split, "train": ("predicted/x",)}).write(tmp_path / "p.json")
    more = {"dataset": tmp_path / "p.parquet", "split": tmp_path / "p.json"}
    config = configure("run", more=[more])
    taught, _, ids = open_data(config)
    assert [d.is_predicted for d in taught] == [False, True]
    header = WeightHeader.of({**weight_header(config, taught), **ids})
    alone = weight_header(config, taught[:1])
    for key in ("training_elements", "training_bonds", "training_formulas"):
        assert header[key] == alone[key]
    assert "predicted_formulas" not in alone
    assert header.predicted_formulas == ("KF",)
    assert header.taught_formulas == {*alone["training_formulas"], "KF"}
    assert "predicted/x" in header.trained_ids
    assert header.training["more_data"][0]["predicted_by"] == {"weights": "lattice"}


def test_some_crystals_are_drawn_more_often(configure: Configure, tmp_path: Path) -> None:
    config = configure("run")
    samples = make_task(config).samples(open_data(config)[0][0])
    first, *others = [s.id for s in samples]
    path = tmp_path / "hardest.json"
    path.write_text(json.dumps([first]))
    found = emphasised(samples, EmphasisConfig(ids=path, times=3))
    assert sorted(s.id for s in found) == sorted([first] * 3 + others)
    path.write_text(json.dumps([first, first]))
    twice = emphasised(samples, EmphasisConfig(ids=path, times=3))
    assert sorted(s.id for s in twice) == sorted([first] * 5 + others)
    often = configure("often", emphasis={"ids": path, "times": 3})
    assert weight_header(often, open_data(often)[0])["training"]["config"]["emphasis"] == {
        "ids": "hardest.json", "times": 3
    }  # fmt: skip
    assert fit(often).finished


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "cannot be read"),
        ("{}", "holds no ids"),
        ("[1]", "holds no ids"),
        ('["nobody"]', "names 1 crystals that are not taught"),
    ],
)
def test_lists_of_ids_that_are_none(
    configure: Configure, tmp_path: Path, text: str, words: str
) -> None:
    config = configure("run")
    samples = make_task(config).samples(open_data(config)[0][0])
    path = tmp_path / "ids.json"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        emphasised(samples, EmphasisConfig(ids=path, times=2))
