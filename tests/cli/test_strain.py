"""`phonodos strain`: table, CSV, figure, exit codes."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import phonodos as package
from phonodos.model.weights import add_to_header
from phonodos.physics.strain import strained

Phonodos = Callable[..., Result]


def test_expansion_softens_rock_salts(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    files = [examples / f"{name}.cif" for name in ("NaCl", "MgO")]
    done = phonodos("strain", *files, "-e", "-0.02:0.02:0.01", "--json")
    assert done.exit_code == 0, done.output
    for result in json.loads(done.stdout)["results"]:
        means = result["mean_frequency_cm-1"]
        assert means == sorted(means, reverse=True)
        assert result["gruneisen_mean_frequency"] > 0.0
        assert result["strain"] == pytest.approx([-0.02, -0.01, 0, 0.01, 0.02])
        assert {p.name for p in (tmp_path / result["name"]).iterdir()} == {
            "strain.csv", "strain.png", "strain.pdf"
        }  # fmt: skip
    crystal = package.read_crystal(files[0])
    dos = package.load("chen2021").predict(strained(crystal, 0.01)).dos
    first = json.loads(done.stdout)["results"][0]
    study = package.strain(crystal, first["strain"], model="chen2021")
    assert {k: first[k] for k in study.to_dict()} == study.to_dict()
    assert first["mean_frequency_cm-1"][3] == pytest.approx(dos.mean_frequency, rel=1e-5)
    assert first["volume_A^3"][3] == pytest.approx(crystal.volume * 1.01**3)


def test_table_and_csv(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    done = phonodos("strain", examples / "NaCl.cif", "-e", "0,0.01", "--units", "THz")
    assert done.exit_code == 0, done.output
    assert "Grueneisen parameter -d ln w / d ln V at V0:" in done.stdout
    head, unit, *_ = done.stdout.splitlines()[1:]
    assert head.split()[:3] == ["strain", "volume", "mean"]
    assert unit.split()[:2] == ["A^3/cell", "THz"]
    with (tmp_path / "NaCl" / "strain.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    assert [float(row["strain"]) for row in rows] == [0.0, 0.01]


def test_one_broken_file_does_not_stop_the_others(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.cif").write_text("data_x\n_cell_length_a 1\n")
    done = phonodos("strain", "broken.cif", examples / "MgO.cif", "-e", "-0.01,0.01")
    assert done.exit_code == 3
    assert "MgO" in done.stdout
    assert "failed:" in done.stderr


def test_vacancies_are_filled_where_asked(phonodos: Phonodos, vacant: Path) -> None:
    words = ("strain", vacant, "-e", "-0.01,0.01", "--json")
    refused = phonodos(*words)
    assert refused.exit_code == 4
    assert "--vacancies fill" in refused.stderr
    filled = phonodos(*words, "--vacancies", "fill")
    assert filled.exit_code == 0, filled.output
    (result,) = json.loads(filled.stdout)["results"]
    assert any("vacancies were filled" in text for text in result["warnings"])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-e", "0.01"], 2, "one strain gives no slope"),
        (["-e", "wide"], 2, "no range of numbers"),
        (["-e", "-0.9:0:0.1"], 2, "a strain of -0.9"),
        (["--units", "eV"], 2, "unknown frequency unit"),
    ],
)
def test_what_is_refused(
    phonodos: Phonodos, examples: Path, words: list[str], code: int, message: str
) -> None:
    done = phonodos("strain", examples / "NaCl.cif", *words)
    assert done.exit_code == code, done.output
    assert message in done.stderr


def test_single_modes(
    phonodos: Phonodos, examples: Path, lattice_weights: Path, tmp_path: Path
) -> None:
    words = ("strain", examples / "NaCl.cif", "-e", "-0.01,0.01", "--by-mode")
    done = phonodos(*words, "--model", lattice_weights)
    assert done.exit_code == 0, done.output
    assert "point branch frequency" in done.stdout
    assert "weighted by heat capacity at 300 K" in done.stdout
    assert "never judged on strain" in done.stdout
    with (tmp_path / "NaCl" / "modes.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    assert {"GAMMA", "X", "L"} <= {row["point"] for row in rows}
    record = json.loads(phonodos(*words, "--model", lattice_weights, "--json").stdout)["results"][0]
    assert record["judged_on_strain"] is None
    assert record["gruneisen_by_mode"]["points"][0]["gruneisen"][0] is None
    refused = phonodos(*words)
    assert refused.exit_code == 2
    assert "has no single modes" in refused.stderr


def test_what_the_weights_were_judged_on(
    phonodos: Phonodos, examples: Path, lattice_weights: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copy(lattice_weights, weights)
    exam = {"name": "made", "formula": "ZnO", "gamma": 1.6, "gamma_dft": 1.4}
    add_to_header(weights, {"strain": {"gamma_mae": 0.2, "exams": [exam]}})
    words = ("strain", examples / "NaCl.cif", "-e", "-0.01,0.01", "--model", weights)
    done = phonodos(*words)
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "mean |gamma - DFT| of the mean frequency 0.20 (made: ZnO 1.60, DFT 1.40)" in text
    assert "other structure types can err more" in text
    assert "never judged" not in text
