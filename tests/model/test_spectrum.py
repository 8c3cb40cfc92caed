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
from phonodos.model.layers import Neighbourhood, spherical_harmonics
from phonodos.model.spectrum import (
    SpectrumConfig,
    SpectrumNetwork,
    compressed,
    normalise,
    radial_functions,
)
from phonodos.physics.crystal import Crystal


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
    network = SpectrumNetwork(SpectrumConfig())
    wanted = [
        ("64x0e", "64x0e+32x1o"),
        ("32x0e+32x1o", "96x0e+32x1o+32x1e"),
        ("32x0e+32x1o+32x1e", "51x0e"),
    ]
    assert network.layer_irreps() == [(parse_irreps(a), parse_irreps(b)) for a, b in wanted]
    after = ["32x0e+32x1o", "32x0e+32x1o+32x1e"]
    assert [g.irreps_out for g in network.gates] == [parse_irreps(text) for text in after]
    per_edge = [sum(p.numel() for p in c.parameters()) / 100 for c in network.convolutions]
    assert per_edge == [6144, 9216, 3264]


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_equal_to_plain_e3nn(
    plain: ModuleType, width: float, perovskite: Crystal, rng: np.random.Generator
) -> None:
    torch.manual_seed(0)
    ours = SpectrumNetwork(SpectrumConfig(cutoff_width=width)).double()
    theirs = plain.PlainNetwork(ours).double()
    plain.copy_weights(theirs, ours)
    odd = Crystal.ordered(
        4 * np.eye(3) + rng.normal(size=(3, 3)), rng.random((4, 3)), ["Na", "Cl", "O", "H"]
    )
    graph = collate([build_graph(c, 5.0) for c in (perovskite, odd)])
    a, b = ours(graph), theirs(graph)
    assert float(a.detach().max()) > 0.0
    assert float((a - b).detach().abs().max()) < 1e-7 * float(b.detach().max())
    # The gradient too, on a parameter of the first layer that everything passes through.
    a.square().sum().backward()
    b.square().sum().backward()
    torch.testing.assert_close(
        ours.embedding.weight.grad, theirs.embedding.weight.grad, rtol=1e-6, atol=1e-9
    )


def test_readouts_differ_where_atoms_disagree(perovskite: Crystal) -> None:
    torch.manual_seed(0)
    network = SpectrumNetwork(SpectrumConfig())
    other = SpectrumNetwork(SpectrumConfig(readout="mean"))
    other.load_state_dict(network.state_dict())
    graph = build_graph(perovskite, 5.0).to(dtype=torch.float32)
    with torch.no_grad():
        a, b = normalise(network(graph)), normalise(other(graph))
    assert float((a - b).abs().max()) > 1e-3
    for values in (a, b):
        assert float(values.min()) >= 0.0
        assert float(values.max()) == pytest.approx(1.0)


def test_zero_output_stays_zero() -> None:
    assert (normalise(torch.zeros(2, 51)) == 0.0).all()


def test_unknown_hyperparameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="cutof"):
        SpectrumConfig.model_validate({"cutof": 4.0})


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_compressed_network_gives_the_same_spectra(
    width: float, perovskite: Crystal, rock_salt: Crystal
) -> None:
    torch.manual_seed(0)
    network = SpectrumNetwork(SpectrumConfig(cutoff_width=width))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    fast = compressed(network)
    graph = collate([build_graph(c, 5.0) for c in (perovskite, rock_salt)]).to(dtype=torch.float32)
    with torch.no_grad():
        a, b = normalise(network(graph)), normalise(fast(graph))
    assert float((a - b).abs().max()) < 1e-5
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert sum(p.numel() for p in fast.parameters()) < 0.5 * sum(
        p.numel() for p in network.parameters()
    )


def test_radial_functions_are_the_weights_of_the_convolution(perovskite: Crystal) -> None:
    torch.manual_seed(0)
    network = SpectrumNetwork(SpectrumConfig()).double()
    graph = collate([build_graph(perovskite, 5.0)])
    around = Neighbourhood(graph, spherical_harmonics(graph.edge_vectors, 1))
    distances = graph.edge_vectors.norm(dim=1)
    x = network.hidden_features(graph)[0]
    with torch.no_grad():
        wanted = network.convolutions[0](x, network.radials[0](distances), around)
    centres, neighbours = graph.edge_index
    for path, weights in radial_functions(network, 0, distances.numpy()).items():
        scalars = x[path.source][neighbours, 0].detach()
        message = torch.einsum("mi,mio->mo", scalars, torch.from_numpy(weights))
        y = around.harmonics[path.degree] * path.target.dim**-0.5  # the coupling of l = 0
        found = torch.zeros_like(wanted[path.target]).index_add(
            0, centres, y[:, :, None] * message[:, None, :]
        )
        torch.testing.assert_close(found, wanted[path.target], rtol=1e-9, atol=1e-9)
    fast = radial_functions(compressed(network), 0, distances.numpy())
    for path, weights in radial_functions(network, 0, distances.numpy()).items():
        np.testing.assert_allclose(fast[path], weights, atol=1e-5 * np.abs(weights).max())
