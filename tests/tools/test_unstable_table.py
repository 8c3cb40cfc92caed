"""The table of unstable crystals: which they are, and what is said of them."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.errors import PredictionError
from unstable_table import rows, unstable_of

PATH = [[0.0, 0, 0], [0.5, 0, 0.5]]


@pytest.fixture
def records(tmp_path: Path) -> Dataset:
    """Three rock salts whose lowest frequencies at X are -80, -50 and -19 cm^-1."""
    cell = 5.6 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    found = [
        {
            "id": f"s-{k}", "source": "own", "formula": formula, "n_atoms": 2, "species": species,
            "cell": cell.ravel().tolist(), "frac_coords": [0.0] * 3 + [0.5] * 3,
            "band_qpoints": np.ravel(PATH).tolist(),
            "band_frequencies": [-300.0, *[0.0] * 5, lowest, *[100.0] * 5],
        }
        for k, (formula, species, lowest) in enumerate(
            (("NaCl", ["Na", "Cl"], -80.0), ("KBr", ["K", "Br"], -50.0), ("KI", ["K", "I"], -19.0))
        )
    ]  # fmt: skip
    write_dataset(tmp_path / "own.parquet", found, {})
    return Dataset.open(tmp_path / "own.parquet")


def test_unstable_ones_by_formula(records: Dataset) -> None:
    assert unstable_of(records, []) == {"s-0": -80.0, "s-1": -50.0}
    assert unstable_of(records, ["KBr", "KI"]) == {"s-1": -50.0}


def test_rows(records: Dataset) -> None:
    class Model:
        def predict_many(self, crystals: Any, **_: Any) -> Iterator[Any]:
            for crystal in crystals:
                if "Na" in crystal.composition:
                    yield SimpleNamespace(stability=SimpleNamespace(lowest=-31.4, verdict="unsure"))
                else:
                    yield PredictionError("no", "reason", "fix")

    model: Any = Model()
    assert list(rows(records, unstable_of(records, []), [model])) == [
        ["s-0", "NaCl", "-80", "-31 (unsure)"], ["s-1", "KBr", "-50", "–"]
    ]  # fmt: skip
