"""Where torch is not installed, all but training works; where it is, predictions leave it alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# As `sitecustomize` it runs at the start of every Python process, workers of a pool too.
BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "e3nn"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Absent())
"""
# Runs lists of words as commands, one after the other; tells how they ended and what was loaded.
PROGRAM = """
import json, sys
from typer.testing import CliRunner
from phonodos.cli.main import app
found = []
for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, words)
    told = done.output + "".join(map(repr, [done.exception] if done.exception else []))
    found.append([done.exit_code, told[-1500:]])
print(json.dumps([found, [name for name in ("torch", "e3nn") if name in sys.modules]]))
"""


def run(folder: Path, commands: list[list[str]], *, blocked: bool) -> tuple[list[list], list[str]]:
    """Return exit code and output of commands in another process, and which of both it loaded."""
    environment = dict(os.environ)
    if blocked:
        (folder / "block").mkdir()
        (folder / "block" / "sitecustomize.py").write_text(BLOCK)
        paths = [str(folder / "block"), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        capture_output=True, text=True, cwd=folder, env=environment, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found, loaded = json.loads(done.stdout.splitlines()[-1])
    return found, loaded


@pytest.fixture
def commands(examples: Path, tmp_path: Path, lattice_weights: Path) -> list[list[str]]:
    w = np.arange(0.0, 600.0, 4.0)
    np.savetxt(tmp_path / "dos.txt", np.column_stack([w, np.exp(-(((w - 300) / 90) ** 2))]))
    salt, model = str(examples / "MgO.cif"), ["--model", str(lattice_weights)]
    ends = [str(examples / f"Mg3{x}2.cif") for x in ("Sb", "Bi")]
    return [
        ["predict", salt, "--no-plot", "--members", "1"],
        ["predict", str(examples / "Cu0.7Au0.3.cif"), "--no-plot", "--model", "chen2021"],
        ["bands", salt, "--no-plot", *model],
        ["thermo", salt, *model],
        ["alloy", *ends, "--x", "0,0.5", "--json", *model],
        ["strain", salt, "-e", "0,0.01", "--json", *model],
        ["compare", salt, "dos.txt", "--reference-units", "cm-1", "--json", *model],
        ["screen", salt, "-o", "table.parquet", "--engine", "serial", *model],
        ["modes", salt, "--no-plot", *model],
        ["models", "show", "lattice"],
        ["train", "none.toml"],
    ]


def test_all_but_training_works(commands: list[list[str]], tmp_path: Path) -> None:
    found, loaded = run(tmp_path, commands, blocked=True)
    assert loaded == []
    *others, trained = zip(commands, found, strict=True)
    for words, (code, told) in others:
        assert code == 0, (words, told)
    _, (code, told) = trained
    assert code == 2, told
    assert "needs torch" in told
    assert "pip install '.[train]'" in told


def test_predictions_leave_an_installed_torch_alone(
    commands: list[list[str]], tmp_path: Path
) -> None:
    found, loaded = run(tmp_path, commands[:5], blocked=False)
    assert [code for code, _ in found] == [0] * 5, found
    assert loaded == []
