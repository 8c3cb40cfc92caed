"""The crystals that weights have learned worst: off by much, stable or soft by mistake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardest import hardest
from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.errors import PredictionError
from phonodos.physics.crystal import Crystal

PATH = np.array([[0.0, 0, 0], [0.3, 0, 0.3], [0.5, 0, 0.5]])


class Model:
    """Says 100 cm^-1 of every branch, but of caesium an imaginary one, and nothing of potassium."""

    def predict_many(self, crystals: list[Crystal], **_: Any) -> Iterator[Any]:
        for crystal in crystals:
            if "K" in crystal.composition:
                yield PredictionError("no", "reason", "fix")
            else:
                yield Answer(crystal)


class Answer:
    def __init__(self, crystal: Crystal) -> None:
        self.crystal, self.lattice, self.max_frequency = crystal, self, 100.0
        self.born_charges, self.dielectric, self.metal = np.zeros((2, 3, 3)), np.eye(3), True

    def frequencies(self, qpoints: np.ndarray) -> np.ndarray:
        w = np.full((len(qpoints), 6), 100.0)
        w[:, 0] = -12.0 if "Cs" in self.crystal.composition else 100.0
        return w


@pytest.fixture
def records(tmp_path: Path) -> Dataset:
    """Rock salts: right, 20 cm^-1 off, unstable at X, of one element, of potassium, of caesium."""
    cell = 5.6 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    right = np.full((3, 6), 100.0)
    unstable = right.copy()
    unstable[-1, 0] = -30.0
    found = [
        {
            "id": name, "source": "own", "formula": "".join(species), "n_atoms": 2,
            "species": species, "cell": cell.ravel().tolist(),
            "frac_coords": [0.0] * 3 + [0.5] * 3, "band_qpoints": PATH.ravel().tolist(),
            "band_frequencies": bands.ravel().tolist(),
            "dos_frequencies": np.linspace(0.0, 200.0, 41).tolist(),
            "dos_densities": [1.0] * 41, "target": [1.0] * 51,
        }
        for name, species, bands in (
            ("right", ["Na", "Cl"], right), ("off", ["Na", "F"], right + 20.0),
            ("unstable", ["Li", "F"], unstable), ("single", ["Si", "Si"], right + 20.0),
            ("silent", ["K", "Br"], right + 20.0), ("soft", ["Cs", "Cl"], right),
        )
    ]  # fmt: skip
    write_dataset(tmp_path / "own.parquet", found, {})
    return Dataset.open(tmp_path / "own.parquet")


def test_off_or_unstable(records: Dataset) -> None:
    model: Any = Model()
    assert hardest(records, model, error=60.0) == ["unstable", "soft"]
    assert hardest(records, model, error=19.0)[:2] == ["off", "unstable"]
    assert hardest(records, model, error=60.0, without=["LiF"]) == ["soft"]
