"""The lesson of strain: a network's own ratios leave no loss, others do."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import DataError
from phonodos.model.bonds import bond_crystal
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import strained
from phonodos.prediction.lattice_dynamics import lattice_dynamics
from phonodos.training.config import TrainConfig
from phonodos.training.loop import fit
from phonodos.training.module import NetworkModule
from phonodos.training.strain import StrainSample, read_teacher, strain_loss

SMALL: dict[str, Any] = {
    "kind": "lattice", "embedding": 8, "hidden": ("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"),
    "radial_hidden": (16,), "head": (8, 4, 4), "head_hidden": (16,), "head_mixed": 4,
    "charge_hidden": 8,
}  # fmt: skip
STRAINS = (-0.02, 0.0, 0.02)
WAVES = np.array([[0.0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0.5]])
ONES = np.full((3, 3), 0.01)
FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
CRYSTALS = [
    Crystal.ordered(a * FCC, [[0.0] * 3, second], [x, y], f"{x}{y}")
    for x, y, a, second in (
        ("Na", "Cl", 5.64, [0.5] * 3), ("Mg", "O", 4.21, [0.5] * 3), ("Ga", "As", 5.65, [0.25] * 3),
        ("K", "Br", 6.6, [0.5] * 3),
    )
]  # fmt: skip


def made(seed: int) -> NetworkModule:
    torch.manual_seed(seed)
    return NetworkModule(LatticeNetwork, LatticeConfig.model_validate(SMALL)).double()


def answered(
    network: NetworkModule, crystal: Crystal, strains: Sequence[Any] = STRAINS
) -> list[list[list[float]]]:
    found = []
    for e in strains:
        there = strained(crystal, np.array(e) if isinstance(e, list) else e)
        bonded = bond_crystal(there, 6.0)
        dynamics = lattice_dynamics(there, bonded, network.frozen()(bonded))
        found.append(dynamics.frequencies(WAVES).tolist())
    return found


def line(name: str, frequencies: Any, **other: Any) -> str:
    values = {"id": name, "strains": STRAINS, "qpoints": WAVES.tolist()}
    return json.dumps(values | {"frequencies": frequencies} | other) + "\n"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dataset, NetworkModule]:
    """A teacher file that holds what a network itself says, the data set, and the network."""
    folder = tmp_path_factory.mktemp("strain")
    network = made(3)
    rows = [
        {
            "id": c.name, "source": "own", "formula": c.formula, "n_atoms": 2,
            "species": list(c.symbols), "cell": c.cell.ravel().tolist(),
            "frac_coords": c.frac_coords.ravel().tolist(), "target": np.linspace(0, 1, 51).tolist(),
            "dos_frequencies": np.linspace(0.0, 500.0, 60).tolist(),
            "dos_densities": np.linspace(0.0, 0.024, 60).tolist(),
        }
        for c in CRYSTALS
    ]  # fmt: skip
    write_dataset(folder / "data.parquet", rows, {})
    Split({"train": ("NaCl", "MgO"), "valid": ("GaAs",), "test": ("KBr",)}).write(
        folder / "split.json"
    )
    with gzip.open(folder / "teacher.jsonl.gz", "wt") as file:
        for crystal in CRYSTALS[:2]:
            file.write(line(crystal.name, answered(network, crystal)))
    return folder / "teacher.jsonl.gz", Dataset.open(folder / "data.parquet"), network


def loss(network: NetworkModule, samples: list[StrainSample], factor: float = 1.0) -> float:
    generator = torch.Generator().manual_seed(0)
    return float(strain_loss(network, samples, factor, generator).detach())


def test_own_ratios_leave_no_loss(teacher: tuple[Path, Dataset, NetworkModule]) -> None:
    path, dataset, network = teacher
    samples = read_teacher(path, [dataset], 6.0, torch.float64)
    assert [s.id for s in samples] == ["NaCl", "MgO"]
    assert loss(network, samples) < 1e-9
    assert loss(made(4), samples) > 1e-3


def test_strain_of_any_direction(
    teacher: tuple[Path, Dataset, NetworkModule], tmp_path: Path
) -> None:
    """Along an axis and in shear: own ratios leave no loss, and none is taught as another."""
    _, dataset, network = teacher
    uniaxial = np.diag([0.0, 0.0, 0.02]).tolist()
    shear = [[0.0, 0.01, 0.0], [0.01, 0.0, 0.0], [0.0, 0.0, 0.0]]
    strains = [0.0, -0.02, uniaxial, shear]
    found = answered(network, CRYSTALS[1], strains)
    path = tmp_path / "t.jsonl"
    path.write_text(line("MgO", found, strains=strains))
    samples = read_teacher(path, [dataset], 6.0, torch.float64)
    np.testing.assert_allclose(samples[0].strains, [-0.02, 0.02 / 3**0.5, 0.01 * (2 / 3) ** 0.5])
    assert loss(network, samples) < 1e-9
    path.write_text(line("MgO", found, strains=[0.0, -0.02, shear, uniaxial]))
    assert loss(network, read_teacher(path, [dataset], 6.0, torch.float64)) > 1e-3


def test_values_are_not_taught_but_ratios(
    teacher: tuple[Path, Dataset, NetworkModule],
) -> None:
    """A teacher that is too soft by a tenth everywhere says the same; a larger gamma does not."""
    path, dataset, network = teacher
    samples = read_teacher(path, [dataset], 6.0, torch.float64)
    softer = [replace(s, squares=0.81 * s.squares, acoustic=0.81 * s.acoustic) for s in samples]
    assert loss(network, softer) == pytest.approx(loss(network, samples), abs=1e-9)
    assert loss(network, samples, factor=1.5) > 1e-3


def test_gamma_is_what_is_compared(teacher: tuple[Path, Dataset, NetworkModule]) -> None:
    """All squares of the strained cells by exp(-6 d e): every gamma is off by d = 0.1."""
    path, dataset, network = teacher
    (sample, _) = read_teacher(path, [dataset], 6.0, torch.float64)
    factor = np.exp(-6.0 * 0.1 * np.concatenate([[0.0], sample.strains]))[:, None]
    other = replace(sample, squares=factor * sample.squares, acoustic=factor * sample.acoustic)
    # Huber of 0.1 is 0.005: whole once, and half of it each for wave vectors and sound.
    assert loss(network, [other]) == pytest.approx(0.005 * 2.0, rel=1e-6)


def test_a_step_lowers_the_loss(teacher: tuple[Path, Dataset, NetworkModule]) -> None:
    path, dataset, _ = teacher
    samples = read_teacher(path, [dataset], 6.0, torch.float64)
    network = made(5)
    before = loss(network, samples)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(8):
        optimizer.zero_grad()
        value = strain_loss(network, samples, 1.0, torch.Generator().manual_seed(0))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss(network, samples) < 0.8 * before


def test_a_run_takes_its_teacher_along(
    teacher: tuple[Path, Dataset, NetworkModule], tmp_path: Path
) -> None:
    path, dataset, _ = teacher
    config = TrainConfig.model_validate({
        "name": "own", "folder": tmp_path / "run", "network": SMALL, "epochs": 1,
        "data": {"dataset": dataset.path, "split": dataset.path.parent / "split.json"},
        "strain": {"teacher": path, "factor": 1.2}, "dtype": "float64", "batch_size": 2,
        "losses": {"bands": 0, "dos": 0, "tensors": 0}, "optimizer": {"lr": 0.01},
    })  # fmt: skip
    steps: list[dict[str, Any]] = []
    assert fit(config, report=steps.append).finished
    assert max(s.get("steps", 0) for s in steps) == 2  # two records, two lessons
    assert sum(s["loss"] > 0.0 for s in steps if "loss" in s) >= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON with an id"),
        ("[]", "no JSON with an id"),
        (line("NaCl", [[[1.0] * 6]]), "frequencies are of shape"),
        (line("NaCl", np.ones((3, 3, 6)).tolist(), strains=[0.1, 0.2, 0.3]), "must hold 0 once"),
        (line("NaCl", np.full((3, 3, 6), np.nan).tolist()), "not finite"),
        (line("NaCl", None), "frequencies are of shape"),
        (line("NaCl", np.ones((2, 3, 6)).tolist(), strains=[0.0, [0.1, 0.2]]), "no tensor"),
        (line("NaCl", np.ones((2, 3, 6)).tolist(), strains=[0.0, 0.5]), "a strain of 0.5"),
        (
            line("NaCl", np.ones((2, 3, 6)).tolist(), strains=[0.0, np.triu(ONES).tolist()]),
            "not symmetric",
        ),
    ],
)
def test_what_is_no_teacher_is_said(
    text: str, message: str, teacher: tuple[Path, Dataset, NetworkModule], tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text(text)
    with pytest.raises(DataError, match="line 1: not a crystal") as caught:
        read_teacher(tmp_path / "bad.jsonl", [teacher[1]], 6.0, torch.float64)
    assert message in caught.value.reason


def test_only_crystals_of_training_are_taught(
    teacher: tuple[Path, Dataset, NetworkModule], tmp_path: Path
) -> None:
    _, dataset, _ = teacher
    (tmp_path / "t.jsonl").write_text(line("GaAs", np.ones((3, 3, 6)).tolist()))
    taught = dataset.select(["NaCl", "MgO"])
    with pytest.raises(DataError, match="teaches strain of GaAs, which the run is not trained on"):
        read_teacher(tmp_path / "t.jsonl", [taught], 6.0, torch.float64)
    with pytest.raises(DataError, match="cannot be read"):
        read_teacher(tmp_path / "none.jsonl.gz", [taught], 6.0, torch.float64)


def test_a_spectrum_network_is_not_taught_strain(tmp_path: Path) -> None:
    values = {"name": "x", "folder": tmp_path, "data": {"dataset": "a", "split": "b"}}
    make: Callable[..., TrainConfig] = TrainConfig.model_validate
    with pytest.raises(ValidationError, match="only a network of kind lattice"):
        make(values | {"strain": {"teacher": "t.jsonl"}})
