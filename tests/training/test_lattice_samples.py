"""What a lattice network is taught of a record: what is sound, in its order, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.datasets.dfpt2018 import read_record
from phonodos.physics.crystal import Crystal
from phonodos.training.lattice_samples import lattice_samples

CUTOFF = 4.5


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row without what the whole archive decides."""
    return {key: value for key, value in read_record(record).items() if not key.startswith("_")}


@pytest.fixture
def rows(
    make_record: Callable[..., dict[str, Any]], rock_salt: Crystal, perovskite: Crystal
) -> list[dict[str, Any]]:
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
    return rows


@pytest.fixture
def dataset(tmp_path: Path, rows: list[dict[str, Any]]) -> Dataset:
    write_dataset(tmp_path / "data.parquet", rows, {"functional": "PBEsol"})
    return Dataset.open(tmp_path / "data.parquet")


def test_samples_hold_the_records_in_their_order(dataset: Dataset) -> None:
    salt, other = lattice_samples(dataset, CUTOFF, torch.float32, meshes=False)
    assert [salt.id, other.id] == list(dataset.ids)
    assert salt.crystal.atom_counts == (2,)
    assert other.crystal.atom_counts == (5,)
    assert salt.crystal.positions.dtype == torch.float32
    np.testing.assert_array_equal(salt.target, dataset.targets[0])
    assert salt.mean_frequency == pytest.approx(dataset.dos(0).mean_frequency)
    assert salt.band_frequencies is not None
    assert salt.band_qpoints is not None
    assert salt.band_frequencies.shape == (len(salt.band_qpoints), 6)
    assert np.all(np.diff(salt.band_frequencies, axis=1) >= 0.0)


def test_only_sound_tensors_and_known_constants_are_taught(dataset: Dataset) -> None:
    salt, other = lattice_samples(dataset, CUTOFF, torch.float64, meshes=False)
    assert salt.tensors.born is not None
    np.testing.assert_array_equal(salt.tensors.born, np.arange(18.0).reshape(2, 3, 3))
    assert salt.tensors.dielectric is not None
    np.testing.assert_array_equal(salt.tensors.dielectric, 2.5 * np.eye(3))
    assert salt.constants is not None
    np.testing.assert_array_equal(salt.constants.on_site, np.arange(18.0).reshape(2, 3, 3))
    i, j = (end[salt.constants.bonds] for end in salt.crystal.ends)
    for k, bond in enumerate(salt.constants.bonds.tolist()):
        image = salt.crystal.images[bond].tolist()
        edge = {(0, 1, -1): 0, (1, 0, 1): 1}[int(i[k]), int(j[k]), int(image[0])]
        wanted = np.arange(18.0).reshape(2, 3, 3)[edge]
        np.testing.assert_array_equal(salt.constants.tensors[k], wanted)
    assert len(salt.constants.bonds)
    assert other.constants is None


def test_broken_sum_rules_take_the_tensors_away(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    broken = [row | {"large_cnsr_break": True} for row in rows]
    write_dataset(tmp_path / "broken.parquet", broken, {"functional": "PBEsol"})
    salt, _ = lattice_samples(
        Dataset.open(tmp_path / "broken.parquet"), CUTOFF, torch.float64, meshes=False
    )
    assert salt.tensors.born is None
    assert salt.tensors.dielectric is None


def test_only_what_is_judged_gets_a_mesh(dataset: Dataset) -> None:
    taught = lattice_samples(dataset, CUTOFF, torch.float32, meshes=False)
    judged = lattice_samples(dataset, CUTOFF, torch.float32, meshes=True)
    assert all(sample.mesh is None for sample in taught)
    for sample in judged:
        assert sample.mesh is not None
        assert sample.mesh.weights.sum() == pytest.approx(1.0)


def test_nothing_is_written_beside_the_data_set(dataset: Dataset) -> None:
    lattice_samples(dataset, CUTOFF, torch.float32, meshes=False)
    assert [path.name for path in dataset.path.parent.iterdir()] == [dataset.path.name]
