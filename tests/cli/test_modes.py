"""`phonodos modes`: table, files, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_files_and_table(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("modes", examples / "MgO.cif", "--model", lattice_weights)
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "modes.csv", "modes.json", "infrared.csv", "modes.png", "modes.pdf"
    }  # fmt: skip
    assert "T1u" in done.stdout
    assert json.loads((tmp_path / "MgO" / "modes.json").read_text())["point_group"] == "m-3m"
    lines = (tmp_path / "MgO" / "infrared.csv").read_text().splitlines()
    numbers = [line.split(",") for line in lines if not line.startswith(("#", "frequency"))]
    assert {len([float(x) for x in row]) for row in numbers} == {10}


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--damping", "-5"], "a damping of -5"), ([], "chen2021 has no modes at Gamma")],
)
def test_what_is_refused(
    phonodos: Phonodos, examples: Path, words: list[str], message: str
) -> None:
    done = phonodos("modes", examples / "MgO.cif", *words)
    assert done.exit_code == 2
    assert message in done.stderr
