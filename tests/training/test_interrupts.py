"""A run stopped anywhere and resumed is the undisturbed run, bit by bit."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phonodos.training.checkpoint import read_checkpoint
from phonodos.training.config import TrainConfig
from phonodos.training.loop import fit

Configure = Callable[..., TrainConfig]
LogOf = Callable[[Path], list[dict[str, Any]]]
SameRun = Callable[[Path, Path], None]

STEPS = 3  # an epoch: six crystals in batches of two

SETTINGS: list[dict[str, Any]] = [
    {},
    {"average": 0.9, "dtype": "float64", "optimizer": {"clip": 0.1}},
    {
        "optimizer": {"kind": "muon"},
        "network": {"kind": "spectrum", "embedding": 16, "hidden": ("16x0e",)},
    },
]


@pytest.mark.parametrize("changes", SETTINGS, ids=["plain", "average, float64, clip", "muon"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])  # a session; an epoch has three
@pytest.mark.usefixtures("ticking")
def test_stopped_by_the_time_limit(
    configure: Configure,
    steps: int,
    changes: dict[str, Any],
    log_of: LogOf,
    assert_same_run: SameRun,
) -> None:
    whole = fit(configure("whole", **changes))
    config = configure("parts", **changes)
    limit = 3 * steps - 1  # the loop looks at the clock three times a step
    places = []
    result = fit(config, time_limit=limit)
    while not result.finished:
        assert (result.reason, result.epochs) == ("time limit", len(log_of(config.folder)))
        progress = read_checkpoint(config.folder)[1]
        places.append((progress.epoch, progress.step))
        result = fit(config, resume=True, time_limit=limit)
    assert places == [divmod(done, STEPS) for done in range(steps, 3 * STEPS, steps)]
    assert (result.best, result.best_epoch) == (whole.best, whole.best_epoch)
    assert_same_run(configure("whole").folder, config.folder)


def test_stopped_at_the_end_of_an_epoch(configure: Configure, assert_same_run: SameRun) -> None:
    fit(configure("whole"))
    config = configure("parts")

    def stop_after_an_epoch(event: dict[str, Any]) -> None:
        if "valid" in event:
            os.kill(os.getpid(), signal.SIGTERM)

    result = fit(config, report=stop_after_an_epoch)
    assert (result.reason, result.finished, result.epochs) == ("interrupted", False, 1)
    progress = read_checkpoint(config.folder)[1]
    assert (progress.epoch, progress.step) == (1, 0)
    assert fit(config, resume=True).finished
    assert_same_run(configure("whole").folder, config.folder)


CHILD = """
import json, os, signal, sys
from phonodos.training.config import TrainConfig
from phonodos.training.loop import fit

def stop(event):
    if (event.get("epoch"), event.get("step")) == (1, 2):
        os.kill(os.getpid(), signal.SIGINT)

print(fit(TrainConfig.model_validate(json.loads(sys.argv[1])), report=stop).reason)
"""


def test_interrupted_in_a_process_of_its_own(
    configure: Configure, assert_same_run: SameRun
) -> None:
    fit(configure("whole"))
    config = configure("parts")
    command = [sys.executable, "-c", CHILD, config.model_dump_json()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "interrupted"
    progress = read_checkpoint(config.folder)[1]
    assert (progress.epoch, progress.step) == (1, 2)
    assert fit(config, resume=True).finished
    assert_same_run(configure("whole").folder, config.folder)


def test_handlers_are_given_back(configure: Configure) -> None:
    before = signal.getsignal(signal.SIGINT)
    fit(configure("run", epochs=1))
    assert signal.getsignal(signal.SIGINT) is before
