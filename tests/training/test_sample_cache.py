"""Samples on disk: the same to the bit, made again whenever anything differs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.datasets.dfpt2018 import read_record
from phonodos.physics.crystal import Crystal
from phonodos.training.lattice_samples import LatticeSample, lattice_samples
from phonodos.training.sample_cache import cached_samples

CUTOFF = 4.5


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row without what the whole archive decides."""
    return {key: value for key, value in read_record(record).items() if not key.startswith("_")}


@pytest.fixture
def dataset(
    tmp_path: Path, make_record: Callable[..., dict[str, Any]], rock_salt: Crystal,
    perovskite: Crystal,
) -> Dataset:  # fmt: skip
    rows = [row_of(make_record(c, f"mp-{k}")) for k, c in enumerate((rock_salt, perovskite))]
    n = rock_salt.n_atoms
    rows[0] |= {
        "born_charges": np.arange(9.0 * n).tolist(), "born_sound": True,
        "dielectric": (2.5 * np.eye(3)).ravel().tolist(), "dielectric_sound": True,
        "force_constant_centres": [0, 1], "force_constant_neighbours": [1, 0],
        "force_constant_images": [-1, 0, 0, 1, 0, 0],
        "force_constant_tensors": np.arange(18.0).tolist(),
        "on_site": np.arange(9.0 * n).tolist(), "supercell": np.eye(3, dtype=int).ravel().tolist(),
        "has_nac": True, "large_cnsr_break": False,
    }  # fmt: skip
    write_dataset(tmp_path / "data.parquet", rows, {"functional": "PBEsol"})
    return Dataset.open(tmp_path / "data.parquet")


def samples_of(dataset: Dataset, cutoff: float = CUTOFF) -> tuple[list[LatticeSample], bool]:
    """Return the samples, and whether they had to be made."""
    made: list[bool] = []

    def build() -> list[LatticeSample]:
        made.append(True)
        return lattice_samples(dataset, cutoff, torch.float32, meshes=False)

    return cached_samples(dataset, cutoff, torch.float32, build), bool(made)


def assert_equal(a: object, b: object) -> None:
    """Assert that two values are the same, to the bit, whatever they are made of."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)
    elif hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            assert_equal(getattr(a, name), getattr(b, name))
    else:
        assert a == b


def test_the_same_to_the_bit(dataset: Dataset) -> None:
    fresh, made = samples_of(dataset)
    assert made
    kept, made = samples_of(dataset)
    assert not made
    assert len(kept) == 2
    assert kept[0].tensors.born is not None
    assert kept[0].constants is not None
    assert kept[1].tensors.born is None
    assert kept[1].constants is None
    for a, b in zip(fresh, kept, strict=True):
        assert_equal(a, b)


def test_other_records_bonds_or_contents_are_made_anew(
    dataset: Dataset,
    tmp_path: Path,
    make_record: Callable[..., dict[str, Any]],
    low_symmetry: Crystal,
) -> None:
    samples_of(dataset)
    assert samples_of(dataset, cutoff=5.0)[1]
    found, made = samples_of(dataset.select(["mp-1"]))
    assert made
    assert [sample.id for sample in found] == ["mp-1"]
    write_dataset(tmp_path / "data.parquet", [row_of(make_record(low_symmetry, "mp-0"))], {})
    found, made = samples_of(Dataset.open(tmp_path / "data.parquet"))
    assert made
    assert found[0].crystal.atom_counts == (low_symmetry.n_atoms,)


def test_a_damaged_file_is_made_anew(dataset: Dataset, tmp_path: Path) -> None:
    samples_of(dataset)
    (path,) = (tmp_path / "data.parquet.samples").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert samples_of(dataset)[1]
    assert not samples_of(dataset)[1]


def test_where_nothing_can_be_written(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "data.parquet.samples").write_text("in the way")
    assert len(samples_of(dataset)[0]) == 2
    assert samples_of(dataset)[1]
