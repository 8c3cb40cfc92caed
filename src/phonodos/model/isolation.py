"""`undisturbed`: our numbers and the host program's settings do not touch each other."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from phonodos.model.threads import blas, loaded_torch, one_thread_of, torch_threads
from phonodos.time_limit import deferring

LEFT_BY_IMPORTS = "TORCHINDUCTOR_"  # variables that torch sets when parts of it are imported
THREADS = "OMP_NUM_THREADS"  # where it is set, whoever set it has chosen
BLAS_THREADS = (THREADS, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
@deferring
def undisturbed(*, quiet: bool = False) -> Iterator[None]:
    """Compute in float32, without autocast, on one thread of the CPU; leave all as it was found.

    One crystal gains nothing from more threads, and where others compute beside us they wait for
    each other: a hundred times longer. OMP_NUM_THREADS, where it is set, says otherwise.

    What belongs to the thread (numpy's handling of floating-point errors; torch's autocast,
    inference mode, default device and number of threads) is set and put back for the thread. What
    belongs to the process (the threads of BLAS, warning filters; default dtype, random generator
    and environment variables of torch) is put back when the last thread that is inside leaves.
    Nothing is said to a torch that nobody has loaded.

    Parameters
    ----------
    quiet
        Whether warnings of libraries are silenced, so that a host program that turns warnings into
        errors gets the same answers.
    """
    with ExitStack() as stack:
        stack.enter_context(_process.shared(quiet))
        stack.enter_context(np.errstate(all="ignore"))  # NaN and infinity are looked for by us
        if loaded_torch() is not None:
            stack.enter_context(_of_torchs_thread())
        yield


@contextmanager
@deferring
def _of_torchs_thread() -> Iterator[None]:
    torch = loaded_torch()
    with ExitStack() as stack:
        if THREADS not in os.environ:
            stack.enter_context(one_thread_of(torch_threads()))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


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
    known = {name for name in os.environ if name.startswith(LEFT_BY_IMPORTS)}
    try:
        with ExitStack() as stack:
            if not any(name in os.environ for name in BLAS_THREADS):
                stack.enter_context(one_thread_of(blas()))
            if loaded_torch() is not None:
                stack.enter_context(_of_torchs_process())
            stack.enter_context(warnings.catch_warnings())
            if quiet:
                warnings.simplefilter("ignore")
            yield
    finally:
        for name in [n for n in os.environ if n.startswith(LEFT_BY_IMPORTS) and n not in known]:
            del os.environ[name]


@contextmanager
@deferring
def _of_torchs_process() -> Iterator[None]:
    torch = loaded_torch()
    dtype, random = torch.get_default_dtype(), torch.get_rng_state()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_rng_state(random)


_process = _Process()
