"""The limits of a trial: what breaks one is found, named, and costs the others nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")

TRIALS = """
import os, signal, time
import trials

trials.CPU_SECONDS, trials.WALL_SECONDS, trials.GIGABYTE = 1.0, 30.0, 2**28

def trial(number):
    if number == 1:
        while True:
            pass
    if number == 2:
        try:
            held = b"x" * (2 * trials.GIGABYTE)
        except MemoryError:
            return {"wrong": ["refused"]}
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 4:
        time.sleep(3600)
    if number == 5:
        held = b"x" * (3 * trials.GIGABYTE // 4)
    return {"wrong": []}

for report in sorted(trials.run(trial, range(8), 2), key=lambda r: r["number"]):
    print(report["number"], ", ".join(report["wrong"]))
"""


def test_every_kind_of_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRIALS],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.splitlines() == [
        "0 ",
        "1 more than 1 s",
        "2 refused",
        "3 the process ended by SIGSEGV",
        "4 stuck",
        "5 ",
        "6 ",
        "7 ",
    ]
