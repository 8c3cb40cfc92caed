"""The trunk: elements known by their properties, features that turn as their irreps say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from e3nn import o3

from phonodos.model.graph import build_graph
from phonodos.model.layers import Features, flatten, spherical_harmonics
from phonodos.model.radial import polynomial_cutoff
from phonodos.model.trunk import (
    BondFeatures,
    ElementFeatures,
    ElementLinear,
    IrrepLinear,
    Surroundings,
    TrunkLayer,
    element_scalars,
)
from phonodos.physics.crystal import Crystal

CUTOFF = 4.5
BEFORE, AFTER = o3.Irreps("5x0e+3x1o+2x1e+2x2e"), o3.Irreps("4x0e+2x1o+2x1e+3x2e")


def random_features(n: int, irreps: o3.Irreps) -> Features:
    return {ir: torch.randn(n, ir.dim, mul, dtype=torch.float64) for mul, ir in irreps}


def turned(features: Features, turn: torch.Tensor) -> Features:
    return {
        ir: torch.einsum("ab,nbk->nak", o3.Irrep(ir).D_from_matrix(turn), x)
        for ir, x in features.items()
    }


def surroundings(crystal: Crystal, bonds: BondFeatures, elements: ElementFeatures) -> Surroundings:
    graph = build_graph(crystal, CUTOFF).to(dtype=torch.float64)
    features, radii = elements(graph.fractions)
    i, j = graph.edge_index
    distances = graph.edge_vectors.norm(dim=1)
    radial = bonds(distances, distances - radii[i] - radii[j])
    fade = polynomial_cutoff(distances, CUTOFF)[:, None]
    edges = torch.cat([radial, features[i], features[j]], dim=1)
    return Surroundings(features, graph, edges, fade, spherical_harmonics(graph.edge_vectors, 2))


@pytest.fixture
def elements() -> ElementFeatures:
    torch.manual_seed(4)
    return ElementFeatures(3, 4).double().requires_grad_(False)


def test_a_mixed_site_is_the_mean_of_its_elements(elements: ElementFeatures) -> None:
    fractions = torch.zeros(3, 118, dtype=torch.float64)
    fractions[0, 28], fractions[1, 78] = 1.0, 1.0
    fractions[2, 28], fractions[2, 78] = 0.7, 0.3
    features, radii = elements(fractions)
    torch.testing.assert_close(features[2], 0.7 * features[0] + 0.3 * features[1])
    assert float(radii[2]) == pytest.approx(0.7 * float(radii[0]) + 0.3 * float(radii[1]))
    assert float((features[0] - features[1]).abs().max()) > 1e-2


def test_heavy_hydrogen_has_the_bonds_of_hydrogen(elements: ElementFeatures) -> None:
    graphs = [
        build_graph(Crystal.ordered(3 * np.eye(3), [[0.0] * 3, [0.3] * 3], ["O", s]), 4.0)
        for s in ("H", "D", "T")
    ]
    light, heavy, heaviest = (elements(torch.from_numpy(g.fractions))[0] for g in graphs)
    assert torch.equal(light, heavy)
    assert torch.equal(light, heaviest)


def test_bond_features_fade_out_smoothly() -> None:
    bonds = BondFeatures(5, 6, CUTOFF).double()
    r = torch.linspace(0.5, CUTOFF + 0.5, 2001, dtype=torch.float64)
    values = bonds(r, r - 2.5)
    assert (values[r >= CUTOFF] == 0.0).all()
    assert float((values[1:] - values[:-1]).abs().max()) < 0.03
    slope = (values[1:] - values[:-1]) / (r[1] - r[0])
    assert float(slope[r[1:] > CUTOFF - 0.01].abs().max()) < 1e-2


def test_linear_maps_mix_channels_only() -> None:
    torch.manual_seed(5)
    x = random_features(3, BEFORE)
    linear = IrrepLinear(BEFORE, o3.Irreps("2x0e+4x1o+1x3o")).double()
    y = linear(x)
    assert {str(ir): v.shape[1:] for ir, v in y.items()} == {"0e": (1, 2), "1o": (3, 4)}
    turn = o3.rand_matrix(dtype=torch.float64)
    torch.testing.assert_close(flatten(linear(turned(x, turn))), flatten(turned(y, turn)))


def test_self_connections_are_linear_in_the_element() -> None:
    torch.manual_seed(6)
    x = random_features(2, BEFORE)
    layer = ElementLinear(BEFORE, AFTER, 4).double()
    a, b = torch.randn(2, 2, 4, dtype=torch.float64)
    mixed = flatten(layer(x, 0.7 * a + 0.3 * b))
    wanted = 0.7 * flatten(layer(x, a)) + 0.3 * flatten(layer(x, b))
    torch.testing.assert_close(mixed, wanted)
    ir = o3.Irrep("1o")
    weight = layer.weights["1o"].view(4, 3, 2)
    torch.testing.assert_close(layer(x, a)[ir], torch.einsum("na,nmi,aio->nmo", a, x[ir], weight))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_layers_are_equivariant(
    elements: ElementFeatures, low_symmetry: Crystal, sign: float
) -> None:
    torch.manual_seed(7)
    bonds = BondFeatures(5, 6, CUTOFF).double()
    radial = [bonds.n_features + 2 * elements.n_features, 8]
    layer = TrunkLayer(BEFORE, AFTER, 2, radial, elements.n_features).double()
    layer.requires_grad_(False)
    turn = sign * o3.rand_matrix(dtype=torch.float64)
    x = random_features(low_symmetry.n_atoms, BEFORE)
    other = replace(low_symmetry, cell=low_symmetry.cell @ turn.numpy().T)
    before = layer(x, surroundings(low_symmetry, bonds, elements), 20.0)
    after = layer(turned(x, turn), surroundings(other, bonds, elements), 20.0)
    assert {str(ir) for ir in before} == {"0e", "1o", "1e", "2e"}
    for ir, wanted in turned(before, turn).items():
        assert float(wanted.abs().max()) > 1e-3
        torch.testing.assert_close(after[ir], wanted, atol=1e-5, rtol=1e-5)


def test_messages_shrink_with_the_number_of_neighbours(
    elements: ElementFeatures, low_symmetry: Crystal
) -> None:
    torch.manual_seed(8)
    bonds = BondFeatures(5, 6, CUTOFF).double()
    radial = [bonds.n_features + 2 * elements.n_features, 8]
    layer = TrunkLayer(BEFORE, AFTER, 2, radial, elements.n_features).double()
    layer.requires_grad_(False)
    around = surroundings(low_symmetry, bonds, elements)
    x = random_features(low_symmetry.n_atoms, BEFORE)
    few, many = (layer.convolution(x, around, n) for n in (10.0, 40.0))
    torch.testing.assert_close(flatten(few), 2.0 * flatten(many))


def test_atoms_start_as_scalars() -> None:
    (block,) = element_scalars(torch.ones(3, 4), torch.nn.Linear(4, 6)).values()
    assert block.shape == (3, 1, 6)
