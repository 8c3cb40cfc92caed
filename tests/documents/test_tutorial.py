"""The tutorial and the page of observables: their commands run, and print what the pages say.

`python tests/documents/test_tutorial.py` writes the output of every command into the pages anew.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from phonodos.cli.main import app
from phonodos.physics.crystal import Crystal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
OBSERVABLES = ROOT / "docs" / "observables.md"
WROTE = r"^wrote .*(?:\n  .*)*"  # its names are wrapped
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def console_blocks(text: str) -> list[str]:
    """Return the blocks of commands with their output."""
    return re.findall(r"^```console\n(.*?)^```", text, re.M | re.S)


def sessions(block: str) -> Iterator[tuple[str, str]]:
    """Yield every command of a block and the output below it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run(command: str) -> str:
    done = CliRunner().invoke(app, shlex.split(command)[1:], env=ENVIRONMENT)
    assert done.exit_code == 0, f"{command}: {done.output}"
    return done.stdout


def same(found: str, written: str) -> bool:
    """Return whether two texts are alike, numbers within two of their last digit or 1 %."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", written).split():
        return False
    for a, b in zip(NUMBER.findall(found), NUMBER.findall(written), strict=True):
        digit = 10.0 ** -len(b.partition(".")[2])
        if abs(float(a) - float(b)) > max(2.01 * digit, 0.01 * abs(float(b))):
            return False
    return True


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_the_page_shows(clone: Path) -> None:
    blocks = console_blocks(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 5
    for block in blocks:
        for command, output in sessions(block):
            found = run(command)
            assert same(found, output), f"{command}:\n{found}"
    made = {path.parent.name for path in clone.rglob("alloy.png")}
    assert made == {"Mg3Sb2-Mg3Bi2", "SrTiO3-alloy"}


@pytest.mark.usefixtures("clone")
def test_what_the_page_of_observables_shows() -> None:
    blocks = console_blocks(OBSERVABLES.read_text(encoding="utf-8"))
    shown = [pair for block in blocks for pair in sessions(block)]
    assert len(shown) >= 7
    for command, output in shown:
        found = run(f"{command} --no-plot" if "--no-plot" not in command else command)
        found = re.sub(WROTE, "", found, flags=re.M)
        wanted = re.sub(WROTE, "", output, flags=re.M)
        assert same(found, wanted), f"{command}:\n{found}"


def test_the_rest_runs(clone: Path, make_record: Callable[..., dict[str, Any]]) -> None:
    """Commands on data run with six salts in the place of the data set."""
    (clone / "records").mkdir()
    fcc = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    salts = ("Na Cl", "K Br", "Mg O", "Ca O", "Li F", "Na F")
    for i, (a, salt) in enumerate(zip((5.64, 6.6, 4.21, 4.81, 4.03, 4.62), salts, strict=True)):
        crystal = Crystal.ordered(a * fcc, [[0.0] * 3, [0.5] * 3], salt.split())
        record = json.dumps(make_record(crystal, f"mp-{i + 1}"))
        (clone / "records" / f"mp-{i + 1}.json").write_text(record)
    run("phonodos data prepare dfpt2018 records -o data.parquet")
    run("phonodos data split data.parquet -o split.json --valid 0.3 --test 0.3")
    text = PAGE.read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).splitlines()
    commands = [line for line in lines if line.startswith("phonodos ")]
    assert len(commands) == 3
    for command in commands:
        # The tests of screening start processes; one is enough here.
        run(command + (" --engine serial" if " screen " in command else ""))
    assert (clone / "figures" / "parity.png").is_file()
    assert (clone / "screening" / "components.png").is_file()


def test_likeness() -> None:
    assert same("a 1.01 b\n", "a 1.02  b")
    assert same("w 1000", "w 1009")
    assert not same("a 1.01 b", "a 1.04 b")
    assert not same("a 1.01 b", "c 1.01 b")
    assert not same("a -1", "a 2")


def _rewrite() -> None:
    """Run the commands in a folder of their own and write their output into the pages."""
    for page in (PAGE, OBSERVABLES):
        _rewrite_page(page)


def _rewrite_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(ROOT / "examples", folder / "examples", dirs_exist_ok=True)
    for block in console_blocks(text):
        shown = ""
        for command, _ in sessions(block):
            done = subprocess.run(
                [sys.executable, "-m", *shlex.split(command)], cwd=folder, text=True,
                env=os.environ | ENVIRONMENT, capture_output=True, check=True,
            )  # fmt: skip
            shown += f"$ {command}\n{done.stdout}"
        text = text.replace(f"```console\n{block}```", f"```console\n{shown}```", 1)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
