"""A teacher of strain, with the embedded atoms of ASE for a potential."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT

from phonodos.datasets.dataset import Dataset, crystal_row, write_dataset
from phonodos.datasets.splits import Split
from phonodos.physics.crystal import Crystal
from phonodos.training.strain import read_teacher
from strain_teacher import TooCostlyError, done, drawn, line_of, lines, strains_of, supercell_of

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
CRYSTALS = [
    Crystal.ordered(a * FCC, [[0.0] * 3], [x], x)
    for x, a in (("Al", 4.0), ("Cu", 3.6), ("Ag", 4.06), ("Au", 4.06), ("Pd", 3.88))
]
ALL = ("isotropic", "uniaxial", "shear")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    rows = [crystal_row(c, c.name, "own") for c in CRYSTALS]
    write_dataset(folder / "data.parquet", rows, {})
    parts = {"train": ("Al", "Cu", "Ag"), "valid": ("Au",), "test": ("Pd",)}
    Split(parts).write(folder / "split.json")
    return folder


@pytest.fixture(scope="module")
def copper() -> dict[str, object]:
    crystal = CRYSTALS[1]
    return line_of(crystal, strains_of(crystal, ALL, 0.01), EMT(), 160, 40)


def test_strains_are_of_one_size() -> None:
    for crystal in CRYSTALS:
        rest, *others = strains_of(crystal, ALL, 0.02)
        assert rest == 0.0
        assert others[:2] == [-0.02, 0.02]
        tensors = [np.array(e) for e in others[2:]]
        assert [round(float(np.linalg.norm(t)), 9) for t in tensors] == [0.02] * 3
        assert [round(float(np.trace(t)), 9) for t in tensors] == [-0.02, 0.02, 0.0]
        along = crystal.cell[2] / np.linalg.norm(crystal.cell[2])
        np.testing.assert_allclose(tensors[1] @ along, 0.02 * along)


def test_copper_hardens_under_pressure(copper: dict[str, object]) -> None:
    w = np.array(copper["frequencies"])
    assert w.shape == (6, 5**3, 3)
    assert 200.0 < w.max() < 330.0  # highest of copper: 240 cm^-1
    np.testing.assert_allclose(w[:, 0], 0.0, atol=1.0)  # Gamma comes first
    square = (np.sign(w) * w**2).mean(axis=(1, 2))
    gamma = -np.log(square[2] / square[1]) / 6.0 / 0.02
    assert 1.5 < gamma < 2.7  # copper: 2.0
    # The trace of a cubic crystal's gamma is three times that of one axis, and shear has none.
    axis = -np.log(square[4] / square[3]) / 2.0 / 0.02
    assert axis == pytest.approx(gamma, rel=0.02)
    assert abs(np.log(square[5] / square[0])) < 0.01


def test_what_is_written_is_what_training_reads(
    copper: dict[str, object], data: Path, tmp_path: Path
) -> None:
    import torch

    (tmp_path / "t.jsonl").write_text(json.dumps(copper) + "\n")
    records = Dataset.open(data / "data.parquet")
    (sample,) = read_teacher(tmp_path / "t.jsonl", [records], 6.0, torch.float64)
    assert sample.id == "Cu"
    assert len(sample.crystals) == 6


def test_only_training_crystals_in_shards(data: Path) -> None:
    files = data / "data.parquet", data / "split.json"
    whole = drawn(*files, 24, (1, 1))
    assert sorted(c.name for c in whole) == ["Ag", "Al", "Cu"]
    parts = [drawn(*files, 24, (k, 2)) for k in (1, 2)]
    assert sorted(c.name for part in parts for c in part) == ["Ag", "Al", "Cu"]
    assert drawn(*files, 0, (1, 1)) == []


def test_costly_ones_are_left_out_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(TooCostlyError, match="its supercell has 64 atoms"):
        supercell_of(CRYSTALS[0], 50)
    with pytest.raises(TooCostlyError, match="displacements"):
        line_of(CRYSTALS[0], [0.0], EMT(), 160, 1)
    asked = Namespace(
        kinds=["isotropic"], size=0.01, supercell=160, displacements=40, time_limit=np.inf
    )
    strange = Crystal.ordered(4.0 * FCC, [[0.0] * 3], ["Xe"], "Xe")  # which EMT does not know
    found = list(lines([strange, CRYSTALS[0]], EMT(), asked))
    assert [line["id"] for line in found] == ["Al"]
    assert "Xe" in capsys.readouterr().err
    asked.time_limit = -1.0
    assert list(lines([CRYSTALS[0]], EMT(), asked)) == []


def test_a_line_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    assert done(path) == set()
    path.write_text('{"id": "Al"}\n{"id": "C')
    assert done(path) == {"Al"}
    assert path.read_text() == '{"id": "Al"}\n'
