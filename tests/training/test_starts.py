"""What a training starts from: copies that are members of a file, wider networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.errors import ConfigError, WeightsError
from phonodos.evaluation.card import runs_of
from phonodos.model.bonds import bond_crystal
from phonodos.model.ensemble import join_members
from phonodos.model.kinds import network_of
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.weights import (
    available,
    load_networks,
    read_header,
    read_member,
    save_network,
    weights_path,
)
from phonodos.physics.crystal import Crystal
from phonodos.training.config import read_config
from phonodos.training.module import NetworkModule
from phonodos.training.starts import started

CONFIGS = Path(__file__).parents[2] / "configs"
CONFIG = LatticeConfig(
    cutoff=4.0, embedding=6, hidden=("6x0e+3x1o+2x2e", "6x0e+3x1o+2x1e+2x2e"), head=(4, 2, 2),
    head_hidden=(8,), radial_hidden=(8,), head_mixed=2, charge_hidden=4,
)  # fmt: skip


@pytest.fixture
def three(write_networks: Callable[..., list[Path]], tmp_path: Path) -> Path:
    output = tmp_path / "three.safetensors"
    join_members(write_networks(CONFIG, 3), output, "three")
    return output


def module(**changes: object) -> NetworkModule:
    torch.manual_seed(7)
    return NetworkModule(LatticeNetwork, CONFIG.model_copy(update=changes))


def assert_alike(found: LatticeNetwork, wanted: list[LatticeNetwork], crystal: Crystal) -> None:
    bonded = bond_crystal(crystal, CONFIG.cutoff)
    means = [np.mean(x, axis=0) for x in zip(*(n(bonded) for n in wanted), strict=True)]
    for one, other in zip(found(bonded), means, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_copies_start_from_members(
    three: Path, low_symmetry: Crystal, tmp_path: Path, taught: dict[str, Any]
) -> None:
    """The answer is the mean of theirs, written and read as one network."""
    members = load_networks(three)[0]
    double = started(module(copies=2), three, 2).frozen()
    assert_alike(double, members[1:], low_symmetry)
    path = tmp_path / "double.safetensors"
    save_network(path, double, {"name": "double", **taught})
    assert_alike(read_member(path), members[1:], low_symmetry)
    again = started(module(copies=2), path, 1).frozen()  # of copies, from as many
    assert_alike(again, members[1:], low_symmetry)


def test_all_copies_learn(three: Path, low_symmetry: Crystal) -> None:
    double = started(module(copies=2), three, 1)
    bonded = bond_crystal(low_symmetry, CONFIG.cutoff).to(dtype=torch.float32)
    sum(x.square().sum() for x in double(bonded)[:3]).backward()
    for number in range(2):
        gradient = double.flat()[f"copies.{number}.embedding.weight"].grad
        assert gradient is not None
        assert (gradient != 0.0).any()


def test_copies_may_be_wider(three: Path, low_symmetry: Crystal) -> None:
    double = started(module(copies=2, embedding=9), three, 1).frozen()
    assert double.config.embedding == 9
    assert_alike(double, load_networks(three)[0][:2], low_symmetry)


def test_copies_of_copies_may_be_wider(
    three: Path, low_symmetry: Crystal, tmp_path: Path, taught: dict[str, Any]
) -> None:
    path = tmp_path / "double.safetensors"
    save_network(path, started(module(copies=2), three, 1).frozen(), {"name": "double", **taught})
    wide = started(module(copies=2, embedding=9), path, 1).frozen()
    assert wide.config.embedding == 9
    assert_alike(wide, load_networks(three)[0][:2], low_symmetry)


def test_there_are_enough_members(three: Path) -> None:
    with pytest.raises(WeightsError, match="has no member 4"):
        started(module(copies=2), three, 3)


def test_copies_are_of_one_kind(three: Path, tmp_path: Path, taught: dict[str, Any]) -> None:
    double = started(module(copies=2), three, 1).frozen()
    path = tmp_path / "double.safetensors"
    save_network(path, double, {"name": "double", **taught})
    with pytest.raises(ConfigError, match="cannot start from these weights"):
        started(module(copies=3), path, 1)


def test_networks_of_copies_are_members(
    three: Path, tmp_path: Path, taught: dict[str, Any]
) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for first, path in enumerate(paths, 1):
        double = started(module(copies=2), three, first).frozen()
        save_network(path, double, {"name": path.stem, **taught})
    output = tmp_path / "pair.safetensors"
    assert join_members(paths, output, "pair", bits=8)["members"] == 2
    assert [n.config.copies for n in load_networks(output)[0]] == [2, 2]
    with pytest.raises(WeightsError, match="differ in 'network'"):
        join_members([paths[0], three], output, "other")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_configuration_starts_as_it_stands(path: Path) -> None:
    """What `init` names is released, and has tensors for all of the network."""
    config = read_config(path)
    drawn = NetworkModule(*network_of(config.network.model_dump()))
    if config.init is not None:
        found = started(drawn, weights_path(config.init), config.init_member)
        assert found.config == config.network


@pytest.mark.parametrize("name", available())
def test_released_weights_name_the_configuration_they_were_trained_by(name: str) -> None:
    """Their cards say `phonodos train configs/NAME.toml`, with what else to set."""
    for run in runs_of(read_header(weights_path(name))):
        own = run["config"]
        config = read_config(CONFIGS / f"{own.get('name', name)}.toml").model_dump(mode="json")
        if own.get("losses") is not None:
            assert own["losses"].items() <= config["losses"].items()  # others came later
        assert (own["init"] is None) == (config["init"] is None)
        assert own["optimizer"]["kind"] == config["optimizer"]["kind"]
