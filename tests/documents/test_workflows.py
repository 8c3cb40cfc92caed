"""The page on workflows: its examples run, engines where they are installed, the SLURM script.

`python tests/documents/test_workflows.py` writes what the examples print into the page anew.
"""

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonodos.prediction import predictor

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "workflows.md"
SCRIPT = ROOT / "examples" / "slurm_array.sh"
BLOCK = re.compile(r"^```pycon\n(.*?)^```", re.M | re.S)
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
TEXT = PAGE.read_text(encoding="utf-8")
ENGINES = {
    re.findall(r"(?:import|from) (\w+)", block)[0]: block
    for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
}
# What the page says that they print.
PRINTED = {
    "distributed": "[754, 665]",
    "parsl": "[754, 665]",
    "jobflow": "['ok', 'ok', 'failed']",
}


def run(source: str, names: dict[str, Any]) -> str:
    """Return what one example prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "docs/workflows.md", "single"), names)
    return printed.getvalue()


def same(found: str, shown: str) -> bool:
    """Return whether two outputs are alike, numbers within 1 %."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", shown).split():
        return False
    pairs = zip(NUMBER.findall(found), NUMBER.findall(shown), strict=True)
    return all(abs(float(a) - float(b)) <= 0.01 * abs(float(b)) for a, b in pairs)


def test_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(predictor, "DEFAULT_WEIGHTS", "lattice")  # other tests have quicker ones
    names: dict[str, Any] = {}
    seen = 0
    for block in BLOCK.findall(TEXT):
        for example in doctest.DocTestParser().get_examples(block):
            found = run(example.source, names)
            assert same(found, example.want), f"{example.source}{found}"
            seen += 1
    assert seen > 10


@pytest.mark.parametrize("library", ENGINES)
def test_engines(library: str, tmp_path: Path) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install '.[workflows]'")
    (tmp_path / "script.py").write_text(ENGINES[library])
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert same(last, PRINTED[library]), last
    assert f"`{PRINTED[library]}`" in TEXT


def test_every_engine_is_run() -> None:
    assert ENGINES.keys() == PRINTED.keys()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
class TestSlurm:
    """The body of the script, run as SLURM runs it, by the phonodos of this process."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        (tmp_path / "in").mkdir()
        for name in ("Si", "NaCl", "MgO"):
            shutil.copy(ROOT / "examples" / f"{name}.cif", tmp_path / "in")
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "phonodos"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phonodos "$@"\n')
        program.chmod(0o755)
        return tmp_path

    def job(self, place: Path, source: str, **variables: str) -> int:
        path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
        words = [source, "tables", "--engine", "serial", "--model", "chen2021"]
        done = subprocess.run(
            ["bash", SCRIPT, *words], cwd=place, env=os.environ | variables | {"PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode

    def test_jobs_share_the_work(self, place: Path) -> None:
        (place / "in" / "broken.cif").write_text("data_x\n_cell_length_a 4\n")
        for number in ("1", "2"):
            variables = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": "2"}
            assert self.job(place, "in", **variables) == 0  # a ruin is named, and ends nothing
        tables = sorted((place / "tables").glob("part-*.parquet"))
        assert [path.name for path in tables] == ["part-1.parquet", "part-2.parquet"]
        found = [name for path in tables for name in pq.read_table(path)["id"].to_pylist()]
        assert sorted(found) == ["MgO", "NaCl", "Si", "broken"]

    def test_one_job_again(self, place: Path) -> None:
        variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1"}
        assert self.job(place, "in", **variables, PHONODOS_SHARDS="3") == 0
        assert pq.read_table(place / "tables" / "part-3.parquet")["id"].to_pylist() == ["Si"]
        assert self.job(place, "in", **variables) == 2  # there is no shard 3/1

    def test_a_source_that_is_not_there(self, place: Path) -> None:
        variables = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "1"}
        assert self.job(place, "gone", **variables) == 4


def rewrite() -> None:
    """Write what the examples print into the page."""
    names: dict[str, Any] = {}

    def shown(match: re.Match[str]) -> str:
        lines = []
        for example in doctest.DocTestParser().get_examples(match[1]):
            first, *rest = example.source.splitlines()
            lines += [f">>> {first}", *(f"... {line}" for line in rest)]
            lines += run(example.source, names).splitlines()
        return "\n".join(["```pycon", *lines, "```"])

    PAGE.write_text(BLOCK.sub(shown, TEXT), encoding="utf-8")


if __name__ == "__main__":
    os.chdir(ROOT)
    rewrite()
