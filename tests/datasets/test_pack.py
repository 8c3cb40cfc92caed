"""Packed data sets: the same numbers to single precision, every bond once, and much smaller."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from phonodos.datasets.card import summarise
from phonodos.datasets.columns import COLUMNS, NOT_TAUGHT
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import ForceConstants
from phonodos.datasets.pack import one_direction, pack
from phonodos.datasets.preparation import prepare
from phonodos.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def whole(small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("pack") / "whole.parquet"
    prepare("phonondb", small_files, output, workers=1, cutoff=4.5)
    return output


def by_edge(constants: ForceConstants | None) -> dict[tuple[int, ...], np.ndarray]:
    assert constants is not None
    edges = np.column_stack([constants.centres, constants.neighbours, constants.images])
    found = dict(zip(map(tuple, edges.tolist()), constants.tensors, strict=True))
    assert len(found) == len(edges)
    return found


def test_what_training_reads_comes_back(whole: Path, tmp_path: Path) -> None:
    report = pack(whole, tmp_path / "packed.parquet")
    assert report.records == 1
    assert report.bytes_before == whole.stat().st_size
    assert report.bytes_after == report.output.stat().st_size < report.bytes_before
    before, after = Dataset.open(whole), Dataset.open(report.output)
    assert after.ids == before.ids
    assert after.crystal(0).symbols == before.crystal(0).symbols
    np.testing.assert_array_equal(after.crystal(0).cell, before.crystal(0).cell)
    np.testing.assert_array_equal(after.dos(0).frequencies, before.dos(0).frequencies)
    np.testing.assert_allclose(after.dos(0).densities, before.dos(0).densities, rtol=1e-6)
    np.testing.assert_allclose(after.targets, before.targets, atol=1e-7)
    for name in ("born_charges", "dielectric"):
        ours, theirs = after.tensor(name, 0), before.tensor(name, 0)
        assert ours is not None
        assert ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    ours, theirs = after.force_constants(0), before.force_constants(0)
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(ours.on_site, theirs.on_site, rtol=1e-6)
    np.testing.assert_array_equal(ours.supercell, theirs.supercell)
    assert ours.has_nac
    found, expected = by_edge(ours), by_edge(theirs)
    assert found.keys() == expected.keys()
    for edge, tensor in found.items():
        np.testing.assert_allclose(tensor, expected[edge], atol=1e-6)


def test_the_rest_is_absent_and_said_to_be(whole: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(pack(whole, tmp_path / "packed.parquet").output)
    names = pq.read_schema(tmp_path / "packed.parquet").names
    assert set(names) == set(COLUMNS) - NOT_TAUGHT
    assert dataset.column("thermo_entropy") == [None]
    assert dataset.dos(0).projected is None
    assert dataset.provenance["packed"] == "single precision, every bond once"
    assert dataset.provenance["cutoff_A"] == 4.5
    assert summarise(dataset)["columns"]["projected_densities"] == 0
    stored = len(dataset.column("force_constant_centres")[0])
    assert 2 * stored == len(Dataset.open(whole).column("force_constant_centres")[0])


def test_shorter_bonds_alone(whole: Path, tmp_path: Path) -> None:
    short = Dataset.open(pack(whole, tmp_path / "packed.parquet", cutoff=3.0).output)
    constants = short.force_constants(0)
    assert constants is not None
    assert np.bincount(constants.centres).tolist() == [6, 6]  # 2.82 A; the next are at 3.99 A
    assert short.provenance["cutoff_A"] == 3.0
    longer = Dataset.open(pack(whole, tmp_path / "packed.parquet", cutoff=9.0).output)
    assert longer.provenance["cutoff_A"] == 4.5  # nothing is known beyond


def test_packed_in_place_and_again(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "d.parquet"
    place.write_bytes(whole.read_bytes())
    pack(place, place)
    once = by_edge(Dataset.open(place).force_constants(0))
    pack(place, place)
    twice = by_edge(Dataset.open(place).force_constants(0))
    assert list(tmp_path.iterdir()) == [place]
    assert once.keys() == twice.keys()
    assert all(np.array_equal(once[edge], twice[edge]) for edge in once)


def test_edges_of_one_end_only() -> None:
    edges = np.array([[0, 1, 0, 0, 0], [1, 0, 0, 0, 1], [1, 1, 0, 2, -1], [0, 0, 0, -1, 3]])
    tensors = np.arange(36.0).reshape(4, 3, 3)
    found, moved = one_direction(edges, tensors)
    assert found.tolist() == [[0, 0, 0, -1, 3], [0, 1, 0, 0, -1], [0, 1, 0, 0, 0], [1, 1, 0, -2, 1]]
    expected = [tensors[3], tensors[1].T, tensors[0], tensors[2].T]
    np.testing.assert_array_equal(moved, expected)


def test_what_cannot_be_packed(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cutoff 0 A"):
        pack(whole, tmp_path / "packed.parquet", cutoff=0.0)
    with pytest.raises(DataError, match="no data set"):
        pack(tmp_path / "absent", tmp_path / "packed.parquet")
    with pytest.raises(DataError, match="cannot be written"):
        pack(whole, tmp_path)


def test_a_full_disk_leaves_the_data_set_as_it_was(
    whole: Path, tmp_path: Path, full_disk: Callable[..., AbstractContextManager[None]]
) -> None:
    copy = tmp_path / "data.parquet"
    copy.write_bytes(whole.read_bytes())
    with full_disk(100), pytest.raises(DataError, match="cannot be written"):
        pack(copy, copy)
    assert copy.read_bytes() == whole.read_bytes()
    assert list(tmp_path.iterdir()) == [copy]
