"""Whatever goes wrong with one crystal is its own named failure, at every stage."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.errors import PhonodosError, PredictionError, StructureError
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.physics.crystal import Crystal
from phonodos.prediction import predictor as home
from phonodos.prediction.answers import LatticeAnswers, SpectrumAnswers
from phonodos.prediction.failures import failed, name_of, named, without_frames
from phonodos.prediction.predictor import Predictor
from phonodos.time_limit import TimeLimitExceeded, can_interrupt, time_limit

HEADER = {"name": "small", "training_elements": {}}
SMALL = LatticeConfig(
    embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
    head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
)  # fmt: skip
ERRORS: dict[str, Callable[[], Exception]] = {
    "value": lambda: ValueError("odd"),
    "memory": lambda: MemoryError("14 TiB"),
    "recursion": lambda: RecursionError("too deep"),
    "runtime": lambda: RuntimeError("odd\nin two lines"),
    "division": lambda: ZeroDivisionError("by zero"),
    "floating point": lambda: FloatingPointError("underflow"),
    "unicode": lambda: UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "bad"),
    "overflow": lambda: OverflowError(34, "too large"),
    "assertion": lambda: AssertionError(),
    "key": lambda: KeyError("Na"),
    "index": lambda: IndexError(7),
    "attribute": lambda: AttributeError("no such thing"),
    "type": lambda: TypeError("of another"),
    "system": lambda: OSError(28, "No space left on device"),
    "timeout": lambda: TimeoutError(),
    "linear algebra": lambda: np.linalg.LinAlgError("singular"),
    "torch": lambda: torch.OutOfMemoryError("allocator"),
    "torch, linear algebra": lambda: torch.linalg.LinAlgError("did not converge"),
    "stop": lambda: StopIteration("too soon"),
    "ours": lambda: PredictionError("bad: no", "none", "none"),
    "empty": lambda: Exception(),
}


def of_crystal(x: Any, *_: Any) -> bool:
    return getattr(x, "name", "") == "bad"


def in_batch(crystals: Any, *_: Any) -> bool:
    return any(of_crystal(c) for c in crystals)


def answer_raises(kind: type, method: str, guilty: Callable[..., bool]) -> Callable[..., None]:
    def patch(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> None:
        original = getattr(kind, method)

        def wrapped(self: Any, *arguments: Any) -> Any:
            if guilty(*arguments):
                raise error()
            return original(self, *arguments)

        monkeypatch.setattr(kind, method, wrapped)

    return patch


def function_raises(name: str, guilty: Callable[..., bool]) -> Callable[..., None]:
    def patch(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> None:
        original = getattr(home, name)

        def wrapped(*arguments: Any) -> Any:
            if guilty(*arguments):
                raise error()
            return original(*arguments)

        monkeypatch.setattr(home, name, wrapped)

    return patch


STAGES: dict[str, Callable[..., None]] = {
    "reading": function_raises("as_crystal", of_crystal),
    "primitive cell": function_raises("primitive_cell", of_crystal),
    "graph": answer_raises(LatticeAnswers, "graph", of_crystal),
    "network": answer_raises(LatticeAnswers, "answer", in_batch),
    "dynamics": answer_raises(LatticeAnswers, "_finish", of_crystal),
    "prediction": function_raises("Prediction", of_crystal),
}


@pytest.fixture(scope="module")
def model() -> Predictor:
    return Predictor([LatticeNetwork.untrained(SMALL)], HEADER)


@pytest.fixture(scope="module")
def wanted() -> dict[str, np.ndarray]:
    """Densities of each crystal alone, by name; filled when first asked for."""
    return {}


@pytest.fixture
def crystals(rock_salt: Crystal, perovskite: Crystal) -> list[Crystal]:
    bad = Crystal(rock_salt.cell * 1.02, rock_salt.frac_coords, rock_salt.occupancy, "bad")
    return [rock_salt, bad, perovskite]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("stage", STAGES)
def test_only_the_guilty_one_fails(
    stage: str, error: str, model: Predictor, crystals: list[Crystal],
    wanted: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for c in (crystals[0], crystals[2]):
        if c.name not in wanted:
            wanted[c.name] = next(model.predict_many([c])).dos.densities
    STAGES[stage](monkeypatch, ERRORS[error])
    first, failure, last = model.predict_many(crystals, errors="yield")
    for found, densities in ((first, wanted["NaCl"]), (last, wanted["SrTiO3"])):
        np.testing.assert_allclose(found.dos.densities, densities, rtol=1e-9, atol=1e-12)
    original = ERRORS[error]()
    assert isinstance(failure, StructureError if stage == "reading" else PredictionError) or (
        error == "ours"
    )
    assert failure.summary.startswith("bad: ")
    if error != "ours":
        assert type(original).__name__ in failure.reason
        assert type(failure.__cause__) is type(original)
        assert "\n" not in failure.reason
    with pytest.raises(PhonodosError, match=r"^bad: ") as caught:
        list(model.predict_many(crystals))
    assert error == "ours" or type(caught.value.__cause__) is type(original)


@pytest.mark.parametrize("stage", ["graph", "answer", "_finish"])
def test_networks_of_spectra_too(
    stage: str, crystals: list[Crystal], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Predictor([SpectrumNetwork.untrained(SpectrumConfig(), seed=1)], HEADER)
    guilty = in_batch if stage == "answer" else of_crystal
    answer_raises(SpectrumAnswers, stage, guilty)(monkeypatch, ERRORS["memory"])
    first, failure, last = model.predict_many(crystals, errors="yield")
    assert first.dos.integral == pytest.approx(6.0)
    assert last.dos.integral == pytest.approx(15.0)
    assert "more memory than there is" in failure.reason


def test_an_interrupt_of_the_user_ends_the_run(
    model: Predictor, crystals: list[Crystal], monkeypatch: pytest.MonkeyPatch
) -> None:
    STAGES["graph"](monkeypatch, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        list(model.predict_many(crystals, errors="yield"))


@pytest.mark.skipif(not can_interrupt(), reason="no interval timers here")
@pytest.mark.parametrize("stage", ["reading", "graph", "network", "dynamics"])
def test_what_never_ends_fails_in_its_place(
    stage: str, model: Predictor, crystals: list[Crystal], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever() -> Exception:
        while True:
            time.sleep(0.001)

    list(model.predict_many(crystals))  # warm
    STAGES[stage](monkeypatch, forever)
    first, failure, last = model.predict_many(crystals, errors="yield", timeout=4.0)
    assert first.dos.integral == pytest.approx(6.0)
    assert last.dos.integral == pytest.approx(15.0)
    assert isinstance(failure, TimeLimitExceeded)
    assert failure.summary == "bad: took longer than 4 s"
    with pytest.raises(TimeLimitExceeded, match="took longer"):
        model.predict(crystals[1], timeout=0.2)


def test_names_of_inputs(rock_salt: Crystal) -> None:
    assert name_of(rock_salt) == "NaCl"
    assert name_of("a/b.cif") == "a/b.cif"
    assert name_of(Path("a", "b.cif")) == os.path.join("a", "b.cif")  # noqa: PTH118
    assert name_of(7) == "a int"


def test_named_blocks() -> None:
    with pytest.raises(PredictionError, match="NaCl: failed") as caught, named("NaCl"):
        raise KeyError("x")
    assert isinstance(caught.value.__cause__, KeyError)
    ours = StructureError("NaCl: no", "none", "none")
    with pytest.raises(StructureError) as caught_ours, named("other"):
        raise ours
    assert caught_ours.value is ours


def test_failures_that_are_kept_hold_nothing_alive() -> None:
    def raising() -> Iterator[None]:
        raise ValueError("odd")
        yield

    try:
        next(raising())
    except ValueError as err:
        failure = without_frames(failed(err, "NaCl"))
    assert failure.__cause__ is not None
    assert failure.__cause__.__traceback__ is None


def test_a_failure_that_is_its_own_cause_comes_to_an_end() -> None:
    one, two = PredictionError("x", "y", "z"), ValueError("y")
    one.__cause__, two.__context__ = two, one
    with time_limit(5.0):
        assert without_frames(one) is one
