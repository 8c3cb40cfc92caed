"""The table of parameters: names, shapes and rules alone, and what does not fit it."""

import numpy as np
import pytest

from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.network import Network
from phonodos.model.parameters import (
    Fixed,
    Normal,
    Parameter,
    Uniform,
    dense,
    drawn,
    misfit,
    registered,
)
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork
from phonodos.model.storage import restored
from phonodos.model.weights import read_weights, weights_path


@pytest.mark.parametrize(
    ("weights", "network", "config"),
    [
        ("lattice-paper", LatticeNetwork, LatticeConfig),
        ("chen2021", SpectrumNetwork, SpectrumConfig),
    ],
)
def test_released_weights_fit_their_tables(
    weights: str, network: type[Network], config: type
) -> None:
    header, tensors = read_weights(weights_path(weights))
    prefix = header.prefix(0)
    held = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    own = restored(held)
    table = network.table(config.model_validate(header.network))
    assert misfit(table, own) == ""
    name = next(iter(own))
    assert misfit(table, {**own, "more": own[name]}) == "the network has no more"
    assert name in misfit(table, {k: v for k, v in own.items() if k != name})
    assert "is (3,), the network's is" in misfit(table, {**own, name: np.zeros(3)})


def test_values_follow_the_rules(rng: np.random.Generator) -> None:
    table = (
        Parameter("a", (400, 50), Normal(0.3)),
        Parameter("b", (400, 50), Uniform(0.5)),
        Parameter("c", (2,), Fixed(np.array([1.0, 2.0]))),
    )
    found = drawn(table, rng)
    assert found["a"].std() == pytest.approx(0.3, rel=0.02)
    assert 0.49 < np.abs(found["b"]).max() <= 0.5
    assert found["c"].tolist() == [1.0, 2.0]
    assert {x.dtype.name for x in found.values()} == {"float32"}


def test_matrices_of_irreps_are_registered_by_name() -> None:
    names = (
        "z.bias",
        "a.weights.1o",
        "a.weights.0e",
        "a.weights.1e",
        "r.weights.10",
        "r.weights.2",
    )
    table = tuple(Parameter(name, (1,), Normal()) for name in names)
    assert [line.name for line in registered(table)] == [
        "z.bias", "a.weights.0e", "a.weights.1e", "a.weights.1o", "r.weights.10", "r.weights.2",
    ]  # fmt: skip


def test_layers_of_a_dense_network_go_in_twos() -> None:
    assert [(line.name, line.shape) for line in dense("mlp", [3, 4, 2])] == [
        ("mlp.0.weight", (4, 3)), ("mlp.0.bias", (4,)),
        ("mlp.2.weight", (2, 4)), ("mlp.2.bias", (2,)),
    ]  # fmt: skip
