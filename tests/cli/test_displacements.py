"""`phonodos displacements`: table, files, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_files_and_table(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("displacements", examples / "MgO.cif", "-T", "300", "--model", lattice_weights)
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "displacements.csv", "displacements.json", "displacements_300K.cif",
        "displacements.png", "displacements.pdf",
    }  # fmt: skip
    record = json.loads((tmp_path / "MgO" / "displacements.json").read_text())
    assert record["sites"] == ["Mg"] * 4 + ["O"] * 4
    assert f"{record['U_iso_A2'][0][0]:.4f}" in done.stdout
    assert (tmp_path / "MgO" / "displacements_300K.cif").read_text().startswith("# predicted by")


@pytest.mark.parametrize(
    ("words", "message"),
    [(["-T", "-5"], "temperatures -5 K"), ([], "chen2021 has no displacements")],
)
def test_what_is_refused(
    phonodos: Phonodos, examples: Path, words: list[str], message: str
) -> None:
    done = phonodos("displacements", examples / "MgO.cif", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "fix:" in done.stderr
