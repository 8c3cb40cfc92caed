"""Predictors that a process keeps: the same one for the same weights, another for others."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phonodos.errors import WeightsError
from phonodos.prediction import predictor
from phonodos.workflows.loaded import loaded


def test_weights_are_loaded_once(lattice_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    shutil.copy(lattice_weights, path)
    first = loaded(path)
    assert loaded(str(path)) is first
    assert loaded(first) is first
    metal = loaded(path, metal=True)
    assert metal is not first
    assert metal.metal
    path.touch()
    assert loaded(path) is not first


def test_threads_that_start_together_load_once(
    lattice_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.safetensors"
    shutil.copy(lattice_weights, path)
    load, calls = predictor.load, []

    def counted(*given: object, **more: object) -> object:
        calls.append(given)
        return load(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(predictor, "load", counted)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(loaded, [path] * 8))
    assert len(set(map(id, found))) == 1
    assert len(calls) == 1


def test_unknown_weights() -> None:
    with pytest.raises(WeightsError):
        loaded("nothing of this name")
