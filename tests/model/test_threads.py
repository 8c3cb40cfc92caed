"""Threads of NumPy's BLAS and of torch: one while we compute, and then as before."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from phonodos.model.isolation import BLAS_THREADS, undisturbed
from phonodos.model.threads import Threads, blas, one_thread, one_thread_of, stay_on_one_thread

LIBRARY = blas()
needs_blas = pytest.mark.skipif(LIBRARY is None, reason="NumPy's BLAS does not tell its threads")


@pytest.fixture
def two() -> Threads:
    """NumPy's BLAS with two threads."""
    assert LIBRARY is not None
    before = LIBRARY.get()
    LIBRARY.set(2)
    yield LIBRARY
    LIBRARY.set(before)


@needs_blas
def test_one_thread_and_then_as_before(two: Threads) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert (two.get(), torch.get_num_threads()) == (1, 1)
            assert np.allclose(np.eye(300) @ np.eye(300), np.eye(300))
            with one_thread():
                assert two.get() == 1
            assert two.get() == 1
        assert (two.get(), torch.get_num_threads()) == (2, 2)
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert (two.get(), torch.get_num_threads()) == (2, 2)
    finally:
        torch.set_num_threads(before)


@needs_blas
@pytest.mark.parametrize("chosen", [None, *BLAS_THREADS])
def test_predictions_take_one_unless_somebody_chose(
    two: Threads, chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv(chosen, "2")
    with undisturbed(), undisturbed(quiet=True):
        assert two.get() == (2 if chosen else 1)
    assert two.get() == 2


@needs_blas
def test_a_worker_stays_on_one(two: Threads) -> None:
    stay_on_one_thread()
    assert two.get() == 1


def test_a_library_that_does_not_tell_is_left_alone() -> None:
    with one_thread_of(None):
        pass


SEEN = """
import json, sys
import numpy as np
import phonodos.prediction.predictor as p
from phonodos.model.threads import blas
seen = set()
plain = np.linalg.eigvalsh
def watched(*words, **more):
    seen.add(blas().get())
    return plain(*words, **more)
np.linalg.eigvalsh = watched
blas().set(3)
next(p.load("lattice", members=1).predict_many([sys.argv[1]]))
print(json.dumps([sorted(seen), blas().get()]))
"""


@needs_blas
def test_many_threads_do_not_reach_a_prediction(examples: Path) -> None:
    """On the matrices of a crystal they would wait for each other longer than they compute."""
    kept = {k: v for k, v in os.environ.items() if k not in BLAS_THREADS}
    done = subprocess.run(
        [sys.executable, "-c", SEEN, str(examples / "MgO.cif")],
        capture_output=True, text=True, check=True, timeout=300, env=kept,
    )  # fmt: skip
    assert json.loads(done.stdout) == [[1], 3]
