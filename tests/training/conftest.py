"""A data set of nine textbook crystals with made-up smooth spectra, and a small network for it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from phonodos.datasets.dataset import write_dataset
from phonodos.datasets.splits import Split
from phonodos.model.weights import read_header
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import TARGET_GRID
from phonodos.training import loop
from phonodos.training.checkpoint import read_checkpoint
from phonodos.training.config import TrainConfig

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
HALF, QUARTER = [0.5] * 3, [0.25] * 3

# elements, cell over a [A], second site, a [A], made-up position of the main peak [cm^-1]
TEXTBOOK: list[tuple[tuple[str, str], np.ndarray, list[float], float, float]] = [
    (("Na", "Cl"), FCC, HALF, 5.64, 180.0),
    (("Mg", "O"), FCC, HALF, 4.21, 420.0),
    (("Li", "F"), FCC, HALF, 4.03, 380.0),
    (("Ca", "S"), FCC, HALF, 5.69, 230.0),
    (("Ga", "As"), FCC, QUARTER, 5.65, 240.0),
    (("Zn", "S"), FCC, QUARTER, 5.41, 290.0),
    (("Cs", "Cl"), np.eye(3), HALF, 4.12, 110.0),
    (("K", "Br"), FCC, HALF, 6.60, 120.0),
    (("Si", "Si"), FCC, QUARTER, 5.43, 470.0),
]
IDS = [f"{''.join(dict.fromkeys(symbols))}-1" for symbols, *_ in TEXTBOOK]
TRAIN, VALID, TEST = IDS[:6], IDS[6:8], IDS[8:]
SMALL = {"kind": "spectrum", "embedding": 4, "hidden": ("3x0e+2x1o",), "radial_hidden": (6,)}


def made_up_row(index: int) -> dict[str, Any]:
    symbols, shape, second, a, peak = TEXTBOOK[index]
    crystal = Crystal.ordered(a * shape, [[0.0] * 3, second], list(symbols), IDS[index])
    w = TARGET_GRID.frequencies
    spectrum = np.exp(-(((w - peak) / 60) ** 2)) + 0.5 * np.exp(-(((w - peak / 2) / 40) ** 2))
    density = spectrum * 6 / np.trapezoid(spectrum, w)
    return {
        "id": IDS[index],
        "source": "made up",
        "formula": crystal.formula,
        "n_atoms": 2,
        "species": list(symbols),
        "cell": crystal.cell.ravel().tolist(),
        "frac_coords": crystal.frac_coords.ravel().tolist(),
        "dos_frequencies": w.tolist(),
        "dos_densities": density.tolist(),
        "target": (spectrum / spectrum.max()).tolist(),
    }


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with data.parquet and split.json."""
    folder = tmp_path_factory.mktemp("textbook")
    rows = [made_up_row(i) for i in range(len(TEXTBOOK))]
    write_dataset(folder / "data.parquet", rows, {"citation": "nobody"})
    Split({"train": tuple(TRAIN), "valid": tuple(VALID), "test": tuple(TEST)}).write(
        folder / "split.json"
    )
    return folder


@pytest.fixture
def configure(data: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """Return a function that makes the configuration of a short run in the folder of that name."""

    def make(folder: str, **changes: Any) -> TrainConfig:
        values: dict[str, Any] = {
            "name": "tiny",
            "folder": tmp_path / folder,
            "data": {"dataset": data / "data.parquet", "split": data / "split.json"},
            "network": SMALL,
            "epochs": 3,
            "batch_size": 2,
        }
        return TrainConfig.model_validate(values | changes)

    return make


def lines_without_seconds(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / loop.LOG_NAME).read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


@pytest.fixture
def log_of() -> Callable[[Path], list[dict[str, Any]]]:
    """Return a function: the log of a run folder without the seconds, which no two runs share."""
    return lines_without_seconds


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Losses and measures to the last bit, every tensor of the checkpoint, the best weights."""

    def check(a: Path, b: Path) -> None:
        assert lines_without_seconds(a) == lines_without_seconds(b)
        ours, theirs = read_checkpoint(a)[2], read_checkpoint(b)[2]
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
        best, other = (load_file(folder / loop.BEST_NAME) for folder in (a, b))
        assert all(torch.equal(best[key], other[key]) for key in best)
        headers = [read_header(folder / loop.BEST_NAME) for folder in (a, b)]
        assert headers[0]["metrics"] == headers[1]["metrics"]

    return check


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by one second whenever the loop looks at it."""
    now = iter(range(10**6))
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
