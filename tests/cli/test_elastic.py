"""`phonodos elastic`: table, files, JSON, what is refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_files_and_table(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("elastic", examples / "MgO.cif", "--model", lattice_weights)
    assert done.exit_code == 0, done.output
    assert "point group m-3m" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "elastic.csv", "elastic.json", "elastic.png", "elastic.pdf"
    }  # fmt: skip
    lines = (tmp_path / "MgO" / "elastic.csv").read_text().splitlines()
    assert lines[0].startswith("# predicted by phonodos")
    rows = {r["quantity"]: r for r in csv.DictReader(x for x in lines if x[0] != "#")}
    record = json.loads((tmp_path / "MgO" / "elastic.json").read_text())
    assert float(rows["C11"]["value"]) == pytest.approx(record["stiffness_GPa"][0][0], rel=1e-4)
    assert rows["C11"]["unit"] == "GPa"
    assert record["provenance"]["weights"] == "small"


def test_json_and_failures(
    phonodos: Phonodos, examples: Path, write_cif: Callable[..., Path], tmp_path: Path,
    lattice_weights: Path,
) -> None:  # fmt: skip
    # A molecule: 4 A wide cells hold it together in no direction once they are 20 A long.
    text = write_cif(tmp_path / "box.cif", "C 0 0 0 1", "O 0.05 0 0 1", a=20.0).read_text()
    (tmp_path / "box.cif").write_text(text.replace(" 4.0", " 20.0"))
    done = phonodos(
        "elastic", examples / "Si.cif", "box.cif", "--no-plot", "--json", "--no-check",
        "--model", lattice_weights,
    )  # fmt: skip
    assert done.exit_code == 3, done.output
    found = json.loads(done.stdout)
    assert found["results"][0]["files"] == ["elastic.csv", "elastic.json"]
    assert "of a molecule in a box" in found["failures"][0]["summary"]
    assert found["failures"][0]["fix"] == "give the crystal, without vacuum"


def test_a_spectrum_network_is_refused(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("elastic", examples / "MgO.cif")
    assert done.exit_code == 2
    assert "chen2021 has no elastic constants" in done.stderr
