"""The host program's settings: what they are makes no difference, and they stay what they are."""

import json
import os
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from phonodos.model.isolation import undisturbed
from phonodos.time_limit import TimeLimitExceeded, time_limit

# Sets something, loads and predicts; prints the answers, and which settings it found changed.
PROGRAM = """
import contextlib, json, os, random, sys, warnings
import numpy as np, torch
warnings.simplefilter("default")
settings, path = sys.argv[1:]
context = contextlib.ExitStack()
if "double before" in settings: torch.set_default_dtype(torch.float64)
if "numpy raises" in settings: np.seterr(all="raise")
if "warnings are errors" in settings: warnings.simplefilter("error")
if "default device" in settings: torch.set_default_device("meta")
if "autocast" in settings: context.enter_context(torch.autocast("cpu", torch.bfloat16))
if "inference mode" in settings: context.enter_context(torch.inference_mode())
if "no gradients" in settings: context.enter_context(torch.no_grad())
torch.manual_seed(0); np.random.seed(0); random.seed(0)

def found():
    return [str(torch.get_default_dtype()), torch.get_rng_state().tolist()[:40],
            np.random.get_state()[1].tolist(), random.getstate()[1][:9], np.geterr(),
            [str(f) for f in warnings.filters], dict(os.environ), torch.get_num_threads(),
            torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"), str(torch.get_default_device())]

with context:
    before = found()
    import phonodos
    answers = []
    for name in ("lattice", "chen2021"):
        model = phonodos.load(name)
        if "double after" in settings: torch.set_default_dtype(torch.float64)
        p = next(model.predict_many([path]))
        answers += [p.dos.mean_frequency, p.dos.max_frequency]
        answers += p.thermal_properties([5.0, 300.0]).heat_capacity.tolist()
        if "double after" in settings: torch.set_default_dtype(torch.float32)
    changed = [i for i, (a, b) in enumerate(zip(before, found())) if a != b]
print(json.dumps([answers, changed]))
"""
SETTINGS = (
    "double before, warnings are errors, no gradients",
    "double after, numpy raises, autocast",
    "default device, inference mode",
)


def run(setting: str, examples: Path) -> tuple[list[float], list[int]]:
    command = [sys.executable, "-c", PROGRAM, setting, str(examples / "NaCl.cif")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers, changed = json.loads(done.stdout)
    return answers, changed


@pytest.fixture(scope="module")
def plain(examples: Path) -> list[float]:
    answers, changed = run("nothing", examples)
    assert changed == []
    return answers


@pytest.mark.parametrize("setting", SETTINGS)
def test_host_and_answers_leave_each_other_alone(
    setting: str, examples: Path, plain: list[float]
) -> None:
    answers, changed = run(setting, examples)
    assert changed == []
    assert answers == pytest.approx(plain, rel=1e-9)


def test_settings_inside_and_afterwards() -> None:
    torch.manual_seed(1)
    state, filters = torch.get_rng_state(), list(warnings.filters)
    torch.set_default_dtype(torch.float64)
    try:
        with np.errstate(all="raise"), torch.autocast("cpu", torch.bfloat16), undisturbed():
            assert torch.get_default_dtype() == torch.float32
            assert not torch.is_autocast_enabled("cpu")
            assert np.float64(1.0) / np.float64(0.0) == np.inf
            torch.rand(3)
            warnings.simplefilter("ignore")
            os.environ["TORCHINDUCTOR_OF_A_TEST"] = "1"
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    assert warnings.filters == filters
    assert "TORCHINDUCTOR_OF_A_TEST" not in os.environ


def test_one_thread_unless_somebody_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        with undisturbed(), undisturbed():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        with undisturbed():
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


WITHOUT = """
import sys, warnings
import numpy as np
from phonodos.model.isolation import undisturbed
filters = list(warnings.filters)
np.seterr(all="raise")
with undisturbed(quiet=True):
    assert np.float64(1.0) / np.float64(0.0) == np.inf
    warnings.warn("of a library")
assert warnings.filters == filters
print("torch" in sys.modules)
"""


def test_a_torch_that_nobody_loaded_stays_unloaded() -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr[-2000:]


def test_quiet_is_for_warnings_that_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with undisturbed(quiet=True):
            warnings.warn("of a library", DeprecationWarning, stacklevel=1)
        with undisturbed(), pytest.raises(DeprecationWarning):
            warnings.warn("of ours", DeprecationWarning, stacklevel=1)


def test_put_back_after_an_error() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(ZeroDivisionError), undisturbed():
            _ = 1 / 0
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_last_thread_puts_the_settings_back() -> None:
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with undisturbed():
            entered.set()
            leave.wait(60)

    torch.set_default_dtype(torch.float64)
    try:
        thread = threading.Thread(target=stay)
        thread.start()
        assert entered.wait(60)
        with undisturbed():
            assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_dtype() == torch.float32  # the other one is still inside
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_no_alarm_leaves_it_half_done() -> None:
    """Alarms at random moments, most of the time spent going in and out."""
    moments = random.Random(5)
    filters = list(warnings.filters)

    def in_and_out(seconds: float) -> None:
        with time_limit(seconds):
            while True:
                with undisturbed(quiet=True):
                    pass

    for _ in range(200):
        with pytest.raises(TimeLimitExceeded):
            in_and_out(moments.uniform(1e-4, 2e-3))
        assert torch.get_default_dtype() == torch.float32
        assert warnings.filters == filters
