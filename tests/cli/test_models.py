"""`phonodos models`: what comes with the package, and what is inside."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from phonodos.cli.models import _facts
from phonodos.model.header import WeightHeader
from phonodos.model.weights import read_header, weights_path

Phonodos = Callable[..., Result]


def test_list(phonodos: Phonodos) -> None:
    done = phonodos("models", "list")
    assert done.exit_code == 0
    assert "chen2021  (default)" in done.stdout
    listed = {
        m["name"]: m for m in json.loads(phonodos("models", "list", "--json").stdout)["models"]
    }
    assert listed["chen2021"]["default"] is True
    valid = listed["chen2021"]["metrics"]["valid"]
    assert f"on valid: mse {valid['mse']:.4g}" in done.stdout
    assert f"wd {valid['wd']:.4g} cm^-1" in done.stdout


def test_show_by_name_and_by_path(phonodos: Phonodos, tmp_path: Path) -> None:
    by_name = phonodos("models", "show", "chen2021")
    assert by_name.exit_code == 0
    text = " ".join(by_name.stdout.split())
    assert "learned 1218 crystals" in text
    assert "kept aside: 152 valid, 76 test" in text
    valid = read_header(weights_path("chen2021")).metrics["valid"]
    assert f"on valid mse {valid['mse']:.4g}" in text
    lines = by_name.stdout.splitlines()
    assert len(lines) <= 15
    assert max(map(len, lines[1:])) <= 80
    (tmp_path / "copy.safetensors").write_bytes(weights_path("chen2021").read_bytes())
    by_path = phonodos("models", "show", "copy.safetensors", "--json")
    assert json.loads(by_path.stdout) == {
        "path": "copy.safetensors",
        **read_header(weights_path("chen2021")),
    }


def test_card_is_shown(phonodos: Phonodos, tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(weights_path("chen2021").read_bytes())
    missing = phonodos("models", "show", "mine.safetensors", "--card")
    assert missing.exit_code == 2
    assert "mine.md is missing" in missing.stderr
    assert "--card" not in phonodos("models", "show", "mine.safetensors").stdout
    (tmp_path / "mine.md").write_text("# A card of mine\n")
    done = phonodos("models", "show", "mine.safetensors", "--card")
    assert done.stdout == "# A card of mine\n"
    assert "--card: the" in phonodos("models", "show", "mine.safetensors").stdout


def test_what_was_calibrated_and_examined_is_shown() -> None:
    header = WeightHeader.of(
        {
            "name": "x",
            "members": 2,
            "calibration": {"2": {"mean_frequency": {"factor": 1, "floor": 2, "materials": 40}}},
            "stability": {
                "2": {
                    "intercept": 0, "slope": -0.1, "lowest_from": -50, "lowest_to": 50,
                    "unstable_above": 0.8, "stable_below": 0.2, "materials": 90,
                    "unstable_materials": 12,
                }
            },
            "strain": {
                "gamma_mae": 0.22,
                "exams": [
                    {"name": "zno", "formula": "ZnO", "states": 9, "gamma_dft": 1.35, "gamma": 1.57}
                ],
            },
        }
    )  # fmt: skip
    found = dict(_facts(header))
    assert found["network"] == "unknown; 2 members"
    assert found["intervals"] == "of 90 %: mean_frequency (40 materials)"
    assert found["stability"] == "probability from 90 materials, 12 unstable"
    assert found["strain"] == "mean |gamma - DFT| 0.22: ZnO 1.57 (DFT 1.35)"


def test_unknown_name(phonodos: Phonodos) -> None:
    done = phonodos("models", "show", "chen2012")
    assert done.exit_code == 2
    assert "no weights named 'chen2012'" in done.stderr
    assert "chen2021" in done.stderr.splitlines()[1]


def test_card_is_made_from_weights_and_metrics(
    phonodos: Phonodos, workshop: Path, tmp_path: Path
) -> None:
    data, split = workshop / "data.parquet", workshop / "split.json"
    assert (
        phonodos("evaluate", "chen2021", "--data", data, "--split", split, "-o", "out").exit_code
        == 0
    )
    metrics = tmp_path / "out" / "metrics.json"
    done = phonodos("models", "card", "chen2021", "--metrics", metrics, "-o", "cards/mine.md")
    assert done.exit_code == 0, done.output
    card = (tmp_path / "cards" / "mine.md").read_text()
    assert card.startswith("# chen2021\n")
    n = json.loads(metrics.read_text())["n"]
    assert f"dfpt2018 valid, {n} materials" in card
    assert phonodos("models", "card", "chen2021", "--metrics", metrics).stdout == card


def test_a_card_needs_metrics_of_ours(phonodos: Phonodos, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    done = phonodos("models", "card", "chen2021", "--metrics", "other.json")
    assert done.exit_code == 4
    assert "other.json holds no metrics" in done.stderr
