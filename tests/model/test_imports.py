"""Packages hidden from imports: for one thread, for a moment, and only what is not loaded."""

import importlib
import sys
import threading
from pathlib import Path

import pytest

from phonodos.model.imports import hidden


@pytest.fixture
def greedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that loads another one if it finds it; both are forgotten before every import."""
    (tmp_path / "heavy_one.py").write_text("")
    (tmp_path / "greedy_one.py").write_text(
        "try:\n    import heavy_one\n    FOUND = True\nexcept ImportError:\n    FOUND = False\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    return "greedy_one"


def forget() -> None:
    for name in ("greedy_one", "heavy_one"):
        sys.modules.pop(name, None)


def test_hidden_and_then_in_sight(greedy: str) -> None:
    before = list(sys.meta_path)
    with hidden("heavy_one"):
        assert not importlib.import_module(greedy).FOUND
    assert "heavy_one" not in sys.modules
    assert sys.meta_path == before
    forget()
    assert importlib.import_module(greedy).FOUND


def test_what_is_loaded_stays_in_sight(greedy: str) -> None:
    importlib.import_module("heavy_one")
    with hidden("heavy_one"):
        assert importlib.import_module(greedy).FOUND


def test_other_threads_find_it(greedy: str) -> None:
    found: list[bool] = []
    with hidden("heavy_one"):
        other = threading.Thread(target=lambda: found.append(importlib.import_module(greedy).FOUND))
        other.start()
        other.join()
    assert found == [True]


def test_in_sight_again_after_an_error() -> None:
    before = list(sys.meta_path)
    with pytest.raises(ZeroDivisionError), hidden("heavy_one"):
        _ = 1 / 0
    assert sys.meta_path == before
