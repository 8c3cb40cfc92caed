"""Several networks in one weight file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from phonodos.errors import WeightsError
from phonodos.model.ensemble import join_members
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.weights import load_member, load_networks, save_network
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load

SMALL = LatticeConfig(
    embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
    head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
)  # fmt: skip
HEADER = {
    "target": {}, "split": {"train": ["a"], "valid": ["b"], "test": ["c"]}, "training": {},
    "training_elements": {"Na": 20, "Cl": 20}, "training_formulas": ["NaCl"],
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in range(3):
        torch.manual_seed(seed)
        paths.append(tmp_path / f"{seed}.safetensors")
        save_network(paths[-1], LatticeNetwork(SMALL), {"name": f"m{seed}", **HEADER})
    return paths


def test_members_average_and_spread(files: list[Path], tmp_path: Path, rock_salt: Crystal) -> None:
    output = tmp_path / "all.safetensors"
    assert join_members(files, output, "all")["members"] == 3
    whole = load(output).predict(rock_salt)
    singles = [load(path).predict(rock_salt) for path in files]
    assert len(whole.members) == 3
    mean = np.mean([p.dos.mean_frequency for p in singles])
    assert whole.dos.mean_frequency == pytest.approx(mean, rel=0.02)
    assert whole.dos.integral == pytest.approx(6.0)
    assert whole.lattice is not None
    charges = [p.lattice.born_charges for p in singles if p.lattice is not None]
    np.testing.assert_allclose(whole.lattice.born_charges, np.mean(charges, axis=0), atol=1e-6)


def test_one_member_is_loaded(files: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "all.safetensors"
    join_members(files, output, "all")
    found, alone = LatticeNetwork(SMALL), LatticeNetwork(SMALL)
    load_member(found, output, 2)
    load_member(alone, files[1])
    for a, b in zip(found.state_dict().values(), alone.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(WeightsError, match="has no member 2"):
        load_member(found, files[0], 2)


def test_fewer_members_can_be_asked_for(
    files: list[Path], tmp_path: Path, rock_salt: Crystal
) -> None:
    output = tmp_path / "all.safetensors"
    join_members(files, output, "all")
    one = load(output, members=1).predict(rock_salt)
    assert one.members == ()
    alone = load(files[0]).predict(rock_salt)
    np.testing.assert_allclose(one.dos.densities, alone.dos.densities, atol=1e-6)
    with pytest.raises(WeightsError, match="has no 4 members"):
        load(output, members=4)


def test_half_precision_halves_the_file(files: list[Path], tmp_path: Path) -> None:
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    join_members(files, full, "x")
    join_members(files, half, "x", half=True)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    networks, _ = load_networks(half)  # the reference answers are those of the rounded tensors
    assert next(networks[0].parameters()).dtype == torch.float32


def test_other_networks_are_refused(files: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_network(
        other, LatticeNetwork(SMALL.model_copy(update={"head_mixed": 2})), {"name": "o", **HEADER}
    )
    with pytest.raises(WeightsError, match="differ in 'network'"):
        join_members([files[0], other], tmp_path / "x.safetensors", "x")
