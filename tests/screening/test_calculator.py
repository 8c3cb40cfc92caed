"""The calculator: one crystal's fault is its row's, everything else is the chunk's."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import WeightsError
from phonodos.model.weights import rewrite_header, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.source import Chunk, Item, digest_of

Make = Callable[..., Crystal]


@pytest.fixture(scope="module")
def calculator() -> Calculator:
    return Calculator(Recipe.of(None, None, (300.0,)))


def chunk_of(*crystals: Crystal) -> Chunk:
    return Chunk(tuple(Item(c.name, i, "f", digest_of(c), c) for i, c in enumerate(crystals)))


def test_rows_equal_single_predictions(calculator: Calculator, crystal_number: Make) -> None:
    crystals = [crystal_number(i) for i in range(9)]
    rows = calculator.rows(chunk_of(*crystals))
    assert isinstance(rows, list)
    for crystal, row in zip(crystals, rows, strict=True):
        (prediction,) = calculator.predictor.predict_many([crystal])
        dos = prediction.dos
        # Rounding decides which cells of a soft crystal are halved last.
        atol = 2e-4 * dos.densities.max()
        np.testing.assert_allclose(row["dos_densities"], dos.densities, rtol=1e-4, atol=atol)
        assert row["model"] == calculator.predictor.name
        assert row["seconds"] > 0.0
        assert set(row["model_hash"]) <= set("0123456789abcdef")


def test_a_crystal_that_fails_alone(calculator: Calculator, crystal_number: Make) -> None:
    box = Crystal.ordered(20.0 * np.eye(3), [[0, 0, 0]], ["Ar"], name="box")
    rows = calculator.rows(chunk_of(crystal_number(1), box, crystal_number(2)))
    assert isinstance(rows, list)
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    assert "box" in rows[1]["reason"]
    assert rows[1]["formula"] == "Ar"
    (row,) = calculator.stream(chunk_of(box))
    assert calculator.failure is not None
    assert calculator.failure.reason in row["reason"]
    next(calculator.stream(chunk_of(crystal_number(1))))
    assert calculator.failure is None


def test_a_lack_of_memory_is_the_chunk_s(
    calculator: Calculator, crystal_number: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError("no 64 GiB")

    monkeypatch.setattr(calculator.predictor, "predict_many", greedy)
    reason = calculator.rows(chunk_of(crystal_number(1)))
    assert isinstance(reason, str)
    assert "MemoryError: no 64 GiB" in reason


def test_training_in_further_data_sets_is_known(crystal_number: Make, tmp_path: Path) -> None:
    path = tmp_path / "more.safetensors"
    ids = {"parts": ["train"], "train": ["odd"], "valid": ["w"], "test": ["u"]}
    path.write_bytes(weights_path("chen2021").read_bytes())
    rewrite_header(path, {"more_splits": [ids], "training_formulas": []})
    recipe = Recipe.of(path, None, (300.0,), check=False)
    crystals = [replace(crystal_number(k), name=name) for k, name in enumerate(("odd", "u"))]
    rows = Calculator(recipe).rows(chunk_of(*crystals))
    assert isinstance(rows, list)
    assert [row["in_training"] for row in rows] == [True, False]


def test_training_is_known_by_formula_and_id(calculator: Calculator, examples: Path) -> None:
    from phonodos.structures.reading import read_crystal

    seen = set(calculator.predictor.header["training_formulas"])
    crystal = read_crystal(examples / "MgO.cif")
    assert "MgO" in seen
    odd = Crystal.ordered(crystal.cell, crystal.frac_coords, ["Th"] * 4 + ["Po"] * 4, "ThPo")
    own = calculator.predictor.header["split"]["train"][0]
    named = Crystal(odd.cell, odd.frac_coords, odd.occupancy, own)
    rows = calculator.rows(chunk_of(crystal, odd, named))
    assert isinstance(rows, list)
    assert [row["in_training"] for row in rows] == [True, False, True]
    assert "never seen in training" in rows[1]["trust"]


def test_weights_are_found_by_name_elsewhere_and_never_mistaken() -> None:
    recipe = Recipe.of(None, None, (300.0,))
    moved = replace(recipe, weights="elsewhere/x.safetensors")
    assert moved.located() == recipe.located()
    with pytest.raises(WeightsError, match="not the weight file of this run"):
        replace(recipe, digest="0" * 16).located()
    with pytest.raises(WeightsError, match="no weights named"):
        Recipe.of("nothing", None, (300.0,))


def test_a_worker_loads_no_more_than_it_needs() -> None:
    """Every module it does not need is memory times the number of workers."""
    code = """
import sys
import numpy as np
from phonodos.physics.crystal import Crystal
from phonodos.screening.calculator import Recipe, start_calculator
from phonodos.screening.ray_engine import chunk_text, read_chunk
from phonodos.screening.source import Chunk, Item
work = start_calculator(Recipe.of(None, 1, (300.0,)))
crystal = Crystal.ordered(4.1 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Cs", "Cl"])
(row,) = work(read_chunk(chunk_text(Chunk((Item("a", 0, "f", "0", crystal),)))))
assert row["status"] == "ok", row
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "phonodos.model.lattice_sums" in loaded
    unwanted = {
        "filelock", "matplotlib", "numpy.ma", "numpy.polynomial", "numpy.random", "phonopy",
        "phonodos.structures.cif.reading", "phonodos.structures.poscar", "pyarrow", "scipy",
        "sqlite3", "torch", "yaml",
    }  # fmt: skip
    assert loaded & unwanted == set()
