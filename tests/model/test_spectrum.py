"""The paper's network: its irreps, its numbers against plain e3nn, its readouts."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from phonodos.model.graph import build_graph, collate
from phonodos.model.irreps import parse_irreps
from phonodos.model.spectrum import (
    SpectrumConfig,
    SpectrumNetwork,
    compressed,
    normalise,
    parts_of,
)
from phonodos.physics.crystal import Crystal
from phonodos.training.module import NetworkModule


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "plain_network.py"
    spec = importlib.util.spec_from_file_location("plain_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_irreps_are_the_papers() -> None:
    parts = parts_of(SpectrumConfig())
    wanted = [
        ("64x0e", "64x0e+32x1o"),
        ("32x0e+32x1o", "96x0e+32x1o+32x1e"),
        ("32x0e+32x1o+32x1e", "51x0e"),
    ]
    assert parts.irreps == [(parse_irreps(a), parse_irreps(b)) for a, b in wanted]
    after = ["32x0e+32x1o", "32x0e+32x1o+32x1e"]
    assert [g.irreps_out for g in parts.gates] == [parse_irreps(text) for text in after]
    per_edge = [sum(int(np.prod(line.shape)) for line in c.table) / 100 for c in parts.convolutions]
    assert per_edge == [6144, 9216, 3264]


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_equal_to_plain_e3nn(
    plain: ModuleType, width: float, perovskite: Crystal, rng: np.random.Generator
) -> None:
    torch.manual_seed(0)
    config = SpectrumConfig(cutoff_width=width)
    ours = NetworkModule(SpectrumNetwork, config).double()
    theirs = plain.PlainNetwork(ours).double()
    plain.copy_weights(theirs, ours)
    odd = Crystal.ordered(
        4 * np.eye(3) + rng.normal(size=(3, 3)), rng.random((4, 3)), ["Na", "Cl", "O", "H"]
    )
    graph = collate([build_graph(c, 5.0) for c in (perovskite, odd)]).to(dtype=torch.float64)
    a, b = ours(graph), theirs(graph)
    assert float(a.detach().max()) > 0.0
    assert float((a - b).detach().abs().max()) < 1e-7 * float(b.detach().max())
    # The gradient too, on a parameter of the first layer that everything passes through.
    a.square().sum().backward()
    b.square().sum().backward()
    torch.testing.assert_close(
        ours.flat()["embedding.weight"].grad, theirs.embedding.weight.grad, rtol=1e-6, atol=1e-9
    )


def test_readouts_differ_where_atoms_disagree(perovskite: Crystal) -> None:
    network = SpectrumNetwork.untrained(SpectrumConfig())
    other = SpectrumNetwork(SpectrumConfig(readout="mean"), network.parameters)
    graph = build_graph(perovskite, 5.0)
    a, b = normalise(network(graph)), normalise(other(graph))
    assert np.abs(a - b).max() > 1e-3
    for values in (a, b):
        assert float(values.min()) >= 0.0
        assert float(values.max()) == pytest.approx(1.0)


def test_zero_output_stays_zero() -> None:
    assert (normalise(np.zeros((2, 51))) == 0.0).all()


def test_unknown_hyperparameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="cutof"):
        SpectrumConfig.model_validate({"cutof": 4.0})


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_compressed_network_gives_the_same_spectra(
    width: float, perovskite: Crystal, rock_salt: Crystal
) -> None:
    network = SpectrumNetwork.untrained(SpectrumConfig(cutoff_width=width)).to(dtype=np.float32)
    before = {k: v.copy() for k, v in network.parameters.items()}
    fast = compressed(network)
    graph = collate([build_graph(c, 5.0) for c in (perovskite, rock_salt)])
    a, b = normalise(network(graph)), normalise(fast(graph))
    assert np.abs(a - b).max() < 1e-5
    assert all(np.array_equal(before[k], v) for k, v in network.parameters.items())
    sizes = [
        sum(v.size for name, v in n.parameters.items() if name.startswith("convolutions"))
        for n in (fast, network)
    ]
    assert sizes[0] < 0.5 * sizes[1]
