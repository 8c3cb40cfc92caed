"""`one_thread`: computing on one thread, whatever NumPy's BLAS and torch were told before.

OpenBLAS reads the environment once, when NumPy is imported; in a process that is not ours it has
as many threads as there are cores. Its own functions are asked instead, through the library that
NumPy is linked with. Other libraries (Accelerate, those of Windows) are left as they are.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from phonodos.time_limit import deferring

GETTERS = ("openblas_get_num_threads", "MKL_Get_Max_Threads")
SETTERS = ("openblas_set_num_threads", "MKL_Set_Num_Threads")


class Threads(NamedTuple):
    """How a library is asked for its number of threads, and told another one."""

    get: Callable[[], int]
    set: Callable[[int], object]


@cache
def blas() -> Threads | None:
    """Return the threads of the library that NumPy's linear algebra is linked with, if it has."""
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)
    except (AttributeError, OSError):
        return None
    names = zip(GETTERS, SETTERS, strict=True)
    for getter, setter in names:
        for before in ("scipy_", ""):
            for after in ("64_", ""):
                try:
                    get = getattr(library, f"{before}{getter}{after}")
                    return Threads(get, getattr(library, f"{before}{setter}{after}"))
                except AttributeError:
                    continue
    return None


def loaded_torch() -> Any:
    """Return torch if it is imported, and to the end; else None."""
    torch = sys.modules.get("torch")
    if torch is None or getattr(torch.__spec__, "_initializing", False):
        return None
    return torch


@contextmanager
@deferring
def one_thread() -> Iterator[None]:
    """Compute on one thread of the CPU; BLAS and torch get back what they had."""
    with one_thread_of(blas()), one_thread_of(torch_threads()):
        yield


def stay_on_one_thread() -> None:
    """Compute on one thread from now on: for processes of our own, whatever their environment."""
    for library in (blas(), torch_threads()):
        if library is not None:
            library.set(1)


def torch_threads() -> Threads | None:
    """Return the threads of torch, if it is loaded."""
    torch = loaded_torch()
    return None if torch is None else Threads(torch.get_num_threads, torch.set_num_threads)


@contextmanager
@deferring
def one_thread_of(library: Threads | None) -> Iterator[None]:
    """Let one library compute on one thread meanwhile."""
    with ExitStack() as stack:
        if library is not None and (before := library.get()) != 1:
            stack.callback(library.set, before)
            library.set(1)
        yield
