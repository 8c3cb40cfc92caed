"""Options that commands share: `--disorder`, temperatures, widths."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from phonodos.cli.options import parse_resolution, temperature_range
from phonodos.errors import ConfigError
from phonodos.physics.units import MEV_PER_WAVENUMBER
from phonodos.prediction import quasirandom

Phonodos = Callable[..., Result]
SQS = ("--disorder", "sqs", "--sqs-atoms", "10", "--sqs-number", "1")


def test_predict(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    files = (examples / "Cu0.7Au0.3.cif", examples / "NaCl.cif")
    words = ("predict", *files, "--no-plot", "--json")
    mixed, pure = json.loads(phonodos(*words, *SQS).stdout)["results"]
    average, alone = json.loads(phonodos(*words).stdout)["results"]
    assert mixed["warnings"][0].startswith("sqs: mean of 1 special quasi-random structure of 10")
    assert mixed["formula"] == average["formula"] == "Cu0.7Au0.3"
    assert mixed["mean_frequency"]["value"] != average["mean_frequency"]["value"]
    assert pure["warnings"] == alone["warnings"]
    one, other = (each["mean_frequency"]["value"] for each in (pure, alone))
    assert one == pytest.approx(other, rel=1e-4)


def test_thermo(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    done = phonodos("thermo", examples / "Cu0.7Au0.3.cif", "--tmax", "300", "--tstep", "300", *SQS)
    assert done.exit_code == 0, done.output
    assert "special quasi-random structure of 10" in " ".join(done.stdout.split())


def test_alloy(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    answer = json.loads(phonodos("alloy", *ends, "--x", "0,0.5", *SQS, "--json").stdout)
    assert [row["method"] for row in answer["results"]] == ["sqs", "sqs"]
    notes = " ".join(answer["notes"])
    assert "sqs: whole atoms fill the mixed sites" in notes
    assert "of 10 atoms (Bi2Mg6Sb2)" in notes
    assert "no disorder" not in notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--disorder", "both"], "--disorder both is not known"),
        (["--sqs-atoms", "16"], "--sqs-atoms without quasi-random structures"),
        (["--disorder", "sqs", "--project", "site"], "do not go together"),
    ],
)
def test_refused(phonodos: Phonodos, examples: Path, words: list[str], message: str) -> None:
    done = phonodos("predict", examples / "NaCl.cif", *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_methods_are_of_averages(phonodos: Phonodos, examples: Path) -> None:
    pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")
    ends = (examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif")
    done = phonodos("alloy", *ends, "--method", "vca", *SQS)
    assert done.exit_code == 2
    assert "--method and --disorder sqs do not go together" in " ".join(done.stderr.split())


def test_without_the_library(
    phonodos: Phonodos, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> None:
        raise ConfigError("absent", "not installed", "pip install 'phonodos[sqs]'")

    monkeypatch.setattr(quasirandom, "_library", absent)
    done = phonodos("thermo", examples / "NaCl.cif", "--disorder", "sqs")
    assert done.exit_code == 2
    assert "pip install 'phonodos[sqs]'" in done.stderr


def test_temperatures_end_where_the_step_meets_the_end() -> None:
    assert temperature_range(0, 100, 50) == [0, 50, 100]
    assert temperature_range(0, 120, 50) == [0, 50, 100]
    assert temperature_range(0, 1, 0.1)[-1] == pytest.approx(1.0)
    assert temperature_range(300, 300, 50) == [300]


@pytest.mark.parametrize(
    "numbers", [(-1, 10, 1), (10, 0, 1), (0, 10, 0), (0, 1e9, 1), (0, float("inf"), 1)]
)
def test_impossible_temperatures(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="no temperatures"):
        temperature_range(*numbers)


def test_widths() -> None:
    assert parse_resolution("3%", 1.0) == (0.0, 0.03)
    assert parse_resolution("2", MEV_PER_WAVENUMBER) == (pytest.approx(16.13, rel=1e-3), 0.0)
    for text in ("-3%", "wide", "", "3 cm", "nan"):
        with pytest.raises(ConfigError, match="is no width"):
            parse_resolution(text, 1.0)


@pytest.mark.parametrize("text", ["101%", "1001"])
def test_widths_that_leave_nothing(text: str) -> None:
    with pytest.raises(ConfigError, match="is too wide"):
        parse_resolution(text, 1.0)
