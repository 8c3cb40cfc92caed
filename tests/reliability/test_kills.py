"""Killed at seeded moments, screening and data sets come out the same to the bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
KILLS = Path(__file__).parent / "kills.py"


def run(*words: object) -> tuple[dict[str, int], str]:
    done = subprocess.run(
        [sys.executable, KILLS, *map(str, words)], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.stdout, said
    return json.loads(done.stdout.splitlines()[-1]), said


@pytest.mark.parametrize("what", ["screen", "prepare"])
def test_kills(what: str) -> None:
    """A worker, the command, and a worker of that which goes on."""
    found, said = run(what, "both", "--kills", 3, "--seed", 3, "--imported", "--size", 0.25)
    assert found["kills"] >= 3
    assert found["wrong"] == 0, said


@pytest.mark.long
@pytest.mark.parametrize(
    ("what", "victim", "kills"),
    [("screen", "parent", 15), ("screen", "worker", 15)]
    + [("prepare", "parent", 10), ("prepare", "worker", 10)],
)
def test_fifty_kills(what: str, victim: str, kills: int) -> None:
    found, said = run(what, victim, "--kills", kills)
    print(said)
    assert found["kills"] >= kills
    assert found["wrong"] == 0, said
