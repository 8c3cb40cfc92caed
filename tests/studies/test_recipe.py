"""A recipe says what was done: its lines of Python run, and give the same numbers."""

import contextlib
import io
import json
import shlex
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from phonodos.physics.isotopes import Isotope
from phonodos.prediction.predictor import load
from phonodos.prediction.quasirandom import Arrangements
from phonodos.studies.recipe import Recipe, recipe_of
from phonodos.studies.report import report


def run(lines: str) -> dict[str, Any]:
    """Return the report that lines of Python make."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()) as printed:
        warnings.simplefilter("ignore")
        exec(compile(lines, "recipe", "exec"), names)
    assert "mean frequency" in printed.getvalue()
    found: dict[str, Any] = names["report"]
    return found


@pytest.mark.parametrize("file", ["MgO.cif", '-it\'s "a" $HOME; <b>.cif'])
def test_the_lines_of_python_run(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(examples / "MgO.cif", tmp_path / file)
    choices: dict[str, Any] = {"members": 1, "isotopes": ["O=O18"], "metal": True}
    wanted = report(Path(file), "lattice", **choices).to_dict()
    assert "--isotope O=O18" in wanted["command"]
    assert run(wanted["python"]) | {"command": "", "python": ""} == {
        **json.loads(json.dumps(wanted)), "command": "", "python": ""
    }  # fmt: skip


def test_the_words_of_the_command() -> None:
    recipe = Recipe(
        "-a b.cif", "my weights.safetensors", 2, True, False, "fill", ("Na=23.0", "O=O18"),
        Arrangements(16, 2, 7),
    )  # fmt: skip
    assert shlex.split(recipe.command()) == [
        "phonodos", "predict", "./-a b.cif", "--model", "my weights.safetensors", "--members", "2",
        "--metal", "--no-check", "--vacancies", "fill", "--isotope", "Na=23.0", "--isotope",
        "O=O18", "--disorder", "sqs", "--sqs-atoms", "16", "--sqs-number", "2", "--sqs-seed", "7",
        "--format", "html",
    ]  # fmt: skip
    assert "Arrangements(atoms=16, number=2, seed=7)" in recipe.python()
    compile(recipe.python(), "recipe", "exec")


def test_what_a_predictor_tells(tmp_path: Path) -> None:
    whole = recipe_of("x.cif", load("chen2021"))
    assert whole.command() == "phonodos predict x.cif --model chen2021 --format html"
    isotopes = (Isotope("O", 17.999), Isotope("O", 17.9992, 3), "H=D")
    said = recipe_of("x.cif", load("lattice", members=1, check=False, vacancies="fill"), isotopes)
    assert (said.members, said.check, said.vacancies) == (1, False, "fill")
    assert said.isotopes == ("O=17.999", "3=O18", "H=D")
    own = tmp_path / "chen2021.safetensors"
    shutil.copy(load("chen2021").path or "", own)
    assert recipe_of("x.cif", load(own)).model == str(own)
