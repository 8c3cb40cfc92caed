"""`undisturbed`: our numbers and the host program's settings do not touch each other."""

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from phonodos.time_limit import deferring

LEFT_BY_IMPORTS = "TORCHINDUCTOR_"  # variables that torch sets when parts of it are imported
THREADS = "OMP_NUM_THREADS"  # where it is set, whoever set it has chosen


@contextmanager
@deferring
def undisturbed(*, quiet: bool = False) -> Iterator[None]:
    """Compute in float32, without autocast, on one thread of the CPU; leave all as it was found.

    One crystal gains nothing from more threads, and where others compute beside us they wait for
    each other: a hundred times longer. OMP_NUM_THREADS, where it is set, says otherwise.

    What belongs to the thread (autocast, inference mode, default device, numpy's handling of
    floating-point errors) is set and put back for the thread. What belongs to the process (default
    dtype, warning filters, torch's random generator, environment variables of torch) is put back
    when the last thread that is inside leaves.

    Parameters
    ----------
    quiet
        Whether warnings of libraries are silenced, so that a host program that turns warnings into
        errors gets the same answers.
    """
    with ExitStack() as stack:
        stack.enter_context(_process.shared(quiet))
        stack.enter_context(np.errstate(all="ignore"))  # NaN and infinity are looked for by us
        torch = loaded()
        if torch is None:
            yield
            return
        if THREADS not in os.environ and torch.get_num_threads() != 1:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def loaded() -> Any:
    """Return torch where the process has it, for its settings; None where nobody imported it."""
    return sys.modules.get("torch")


class _Process:
    """The settings of the process, held once however many threads are inside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.found = ExitStack()

    @contextmanager
    @deferring
    def shared(self, quiet: bool) -> Iterator[None]:
        with self.lock:
            if self.inside == 0:
                self.found.enter_context(_settings(quiet))
            self.inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if self.inside == 0:
                    self.found.close()


@contextmanager
@deferring
def _settings(quiet: bool) -> Iterator[None]:
    torch = loaded()
    if torch is not None:
        dtype, random = torch.get_default_dtype(), torch.get_rng_state()
        torch.set_default_dtype(torch.float32)
    known = {name for name in os.environ if name.startswith(LEFT_BY_IMPORTS)}
    try:
        with warnings.catch_warnings():
            if quiet:
                warnings.simplefilter("ignore")
            yield
    finally:
        if torch is not None:
            torch.set_default_dtype(dtype)
            torch.set_rng_state(random)
        for name in [n for n in os.environ if n.startswith(LEFT_BY_IMPORTS) and n not in known]:
            del os.environ[name]


_process = _Process()
