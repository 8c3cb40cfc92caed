"""Damaged files of five formats: crystals that make sense or errors with a name, at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from corpus import FORMATS, corpus
from fuzz import Fuzz, distances, doubts_of, doubts_of_prediction
from phonodos.errors import StructureError
from phonodos.model.bond_lengths import TrainingLengths
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
FUZZ = Path(__file__).parent / "fuzz.py"
SHORT, LONG = 300, 7200  # cases of a format
FORMS = list(FORMATS)


def run(*words: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, FUZZ, "--json", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode in (0, 1), done.stderr
    return {total["format"]: total for total in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def short() -> dict[str, dict[str, Any]]:
    """Sums of a few hundred cases a format, always the same ones."""
    return run("--cases", str(SHORT))


@pytest.mark.parametrize("form", FORMS)
def test_damaged_files(short: dict[str, dict[str, Any]], form: str) -> None:
    total = short[form]
    assert total["cases"] == SHORT
    assert min(total["accepted"], total["refused"]) > SHORT / 10
    assert total["predicted"] > 0
    assert total["wrong"] == {}


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_many_damaged_files(form: str) -> None:
    total = run(form, "--cases", str(LONG), "--seed", "2", "--workers", str(os.cpu_count()))[form]
    print(json.dumps(total, indent=1))
    assert total["cases"] == LONG
    assert total["wrong"] == {}


@pytest.mark.parametrize("form", FORMS)
def test_cases_are_always_the_same(form: str, tmp_path: Path) -> None:
    one, two, other = (Fuzz(form, seed, [], 10, tmp_path) for seed in (1, 1, 2))
    found = [one.input(n) for n in range(20)]
    assert found == [two.input(n) for n in range(20)]
    assert found != [other.input(n) for n in range(20)]
    whole = {text.encode() for text, _ in corpus(form)}
    assert sum(data in whole for _, data in found) < 10


def fake(crystal: Crystal, **changes: Any) -> Any:
    """Return what looks like a crystal and was never checked."""
    names = ("cell", "frac_coords", "occupancy", "n_atoms", "positions")
    return SimpleNamespace(**{name: getattr(crystal, name) for name in names} | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"cell": np.full((3, 3), np.nan)}, ["numbers that are not finite"]),
        (
            {"cell": 0.5 * np.eye(3), "positions": np.array([[0, 0, 0], [0.25] * 3])},
            ["nonsense: too dense"],
        ),
        ({"cell": 100.0 * np.eye(3)}, ["nonsense: too thin"]),
        ({"cell": np.diag([1.0, 1.0, 1e4])}, ["nonsense: a long axis"]),
        (
            {"cell": np.diag([0.1, 10.0, 10.0])},
            ["nonsense: flat", "nonsense: atoms upon each other"],
        ),
        ({"frac_coords": np.full((2, 3), 1e7)}, ["nonsense: a site far away"]),
        ({"positions": np.array([[0, 0, 0.1], [0, 0, 0.4]])}, ["nonsense: atoms upon each other"]),
        (
            {"positions": np.array([[0, 0, 0], [5.7, 2.9, 2.9]])},
            ["nonsense: atoms upon each other"],
        ),
        ({"occupancy": ({"Na": 0.9}, {"Cl": 1.0})}, ["nonsense: occupancies"]),
    ],
)
def test_nonsense_is_seen(rock_salt: Crystal, changes: dict[str, Any], found: list[str]) -> None:
    assert doubts_of(fake(rock_salt, **changes)) == found


def test_nonsense_in_a_prediction_is_seen(rock_salt: Crystal) -> None:
    w = np.arange(0.0, 301.0)
    dos = PhononDos(w, np.full(301, 6.0 / 300.0), 2)
    known = TrainingLengths(shortest={"Na-Cl": 2.7}, emptiest=25.0)
    answer: Any = SimpleNamespace(dos=dos, crystal=rock_salt, warnings=())
    assert doubts_of_prediction(answer, known) == []
    for changes, found in (
        ({"frequencies": w * np.nan}, "a density that is not finite"),
        ({"densities": -dos.densities}, "a negative density"),
        ({"frequencies": 2 * w, "integral": 12.0}, "not 3N states"),
        ({"frequencies": 100 * w}, "frequencies out of range"),
    ):
        values = {k: getattr(dos, k) for k in ("frequencies", "densities", "integral")} | changes
        answer.dos = SimpleNamespace(**values)
        assert f"nonsense: {found}" in doubts_of_prediction(answer, known)


def scaled(crystal: Crystal, factor: float) -> Crystal:
    return Crystal.ordered(factor * crystal.cell, crystal.frac_coords, crystal.symbols)


@pytest.mark.parametrize(
    ("factor", "shortest", "warning", "found"),
    [
        (1.0, {"Na-Cl": 2.7}, "", []),
        (0.85, {"Na-Cl": 2.7}, "", ["close atoms without a word"]),
        (0.85, {"Na-Cl": 2.7}, "Na and Cl are 2.39 A apart", []),
        (0.4, {"Na-Cl": 2.7}, "1.13 A apart", ["atoms closer than in any crystal"]),
        (0.4, {}, "1.13 A apart", ["atoms closer than in any crystal"]),
        (1.4, {}, "", ["vacuum without a word"]),
        (1.4, {}, "62 A^3 an atom, in training 25 at most", []),
    ],
)
def test_what_distances_forbid_is_seen(
    rock_salt: Crystal, factor: float, shortest: dict[str, float], warning: str, found: list[str]
) -> None:
    known = TrainingLengths(shortest=shortest, emptiest=25.0)
    dos = PhononDos(np.arange(0.0, 301.0), np.full(301, 6.0 / 300.0), 2)
    crystal = scaled(rock_salt, factor)
    answer: Any = SimpleNamespace(dos=dos, crystal=crystal, warnings=(warning,))
    assert doubts_of_prediction(answer, known) == [f"nonsense: {name}" for name in found]


@pytest.mark.parametrize("seed", range(5))
def test_distances_of_any_cell(seed: int) -> None:
    """Against all images within four cells, however skewed the cell is."""
    rng = np.random.default_rng(seed)
    cell = rng.normal(size=(3, 3)) + 4.0 * np.eye(3)
    skewed = np.array([[1, 2, 0], [0, 1, 3], [0, 0, 1]]) @ cell
    crystal: Any = SimpleNamespace(cell=skewed, positions=rng.random((4, 3)) @ cell)
    steps = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3), axis=-1).reshape(-1, 3) @ cell
    apart = crystal.positions[:, None] - crystal.positions
    lengths = np.linalg.norm(apart[:, :, None] + steps, axis=-1)
    lengths[lengths < 1e-9] = np.inf
    np.testing.assert_allclose(distances(crystal), lengths.min(axis=-1), rtol=1e-9)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ZeroDivisionError("x"), "ZeroDivisionError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (StructureError("broken", "MemoryError: no room", "less"), "more than 1 GB"),
    ],
)
def test_what_is_raised_is_seen(
    error: BaseException, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def iter_crystals(_: Path) -> Any:
        if not isinstance(error, StructureError):
            raise error
        yield error

    monkeypatch.setattr("fuzz.iter_crystals", iter_crystals)
    (wrong,) = Fuzz("cif", 1, [], 10, tmp_path)(1)["wrong"]
    assert found in wrong


def test_writing_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def iter_crystals(path: Path) -> Any:
        path.with_suffix(".journal").write_text("x")
        return iter(())

    monkeypatch.setattr("fuzz.iter_crystals", iter_crystals)
    assert Fuzz("cif", 1, [], 10, tmp_path)(1)["wrong"] == ["reading wrote"]
