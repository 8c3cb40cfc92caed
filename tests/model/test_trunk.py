"""The trunk: elements known by their properties, features that turn as their irreps say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.spatial.transform import Rotation

from phonodos.model.graph import build_graph
from phonodos.model.irreps import Irrep, Irreps, parse_irreps
from phonodos.model.layers import Features, flatten, spherical_harmonics
from phonodos.model.neighbours import around
from phonodos.model.parameters import Parameters, Table, drawn
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
BEFORE, AFTER = parse_irreps("5x0e+3x1o+2x1e+2x2e"), parse_irreps("4x0e+2x1o+2x1e+3x2e")
ELEMENTS, BONDS = ElementFeatures("elements", 3, 4), BondFeatures(5, 6, CUTOFF)
KNOWN = drawn(ELEMENTS.table, np.random.default_rng(4), np.float64)


def parameters(table: Table, seed: int) -> Parameters:
    return drawn(table, np.random.default_rng(seed), np.float64)


def random_features(n: int, irreps: Irreps, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    return {ir: rng.normal(size=(n, ir.dim, mul)) for mul, ir in irreps}


def turned(features: Features, turn: np.ndarray) -> Features:
    matrix = torch.from_numpy(turn)
    return {ir: o3.Irrep(str(ir)).D_from_matrix(matrix).numpy() @ x for ir, x in features.items()}


def surroundings(crystal: Crystal) -> Surroundings:
    graph = build_graph(crystal, CUTOFF)
    features, radii = ELEMENTS(KNOWN, np.asarray(graph.fractions))
    vectors, distinct = np.asarray(graph.edge_vectors), np.asarray(graph.distinct)
    i, j = np.asarray(graph.edge_index)[:, distinct]
    distances = np.linalg.norm(vectors[distinct], axis=1)
    radial = BONDS(distances, distances - radii[i] - radii[j])
    fade = polynomial_cutoff(distances, CUTOFF)[:, None]
    edges = np.concatenate([radial, features[i], features[j]], axis=1)
    near = around(graph, vectors, spherical_harmonics(vectors, 2))
    return Surroundings(features, near, edges, fade)


def layer() -> TrunkLayer:
    radial = [BONDS.n_features + 2 * ELEMENTS.n_features, 8]
    return TrunkLayer("layer", BEFORE, AFTER, 2, radial, ELEMENTS.n_features)


def test_a_mixed_site_is_the_mean_of_its_elements() -> None:
    fractions = np.zeros((3, 118))
    fractions[0, 28], fractions[1, 78] = 1.0, 1.0
    fractions[2, 28], fractions[2, 78] = 0.7, 0.3
    features, radii = ELEMENTS(KNOWN, fractions)
    np.testing.assert_allclose(features[2], 0.7 * features[0] + 0.3 * features[1])
    assert float(radii[2]) == pytest.approx(0.7 * float(radii[0]) + 0.3 * float(radii[1]))
    assert np.abs(features[0] - features[1]).max() > 1e-2


def test_heavy_hydrogen_has_the_bonds_of_hydrogen() -> None:
    graphs = [
        build_graph(Crystal.ordered(3 * np.eye(3), [[0.0] * 3, [0.3] * 3], ["O", s]), 4.0)
        for s in ("H", "D", "T")
    ]
    light, heavy, heaviest = (ELEMENTS(KNOWN, np.asarray(g.fractions))[0] for g in graphs)
    assert np.array_equal(light, heavy)
    assert np.array_equal(light, heaviest)


def test_bond_features_fade_out_smoothly() -> None:
    r = np.linspace(0.5, CUTOFF + 0.5, 2001)
    values = BONDS(r, r - 2.5)
    assert (values[r >= CUTOFF] == 0.0).all()
    assert np.abs(values[1:] - values[:-1]).max() < 0.03
    slope = (values[1:] - values[:-1]) / (r[1] - r[0])
    assert np.abs(slope[r[1:] > CUTOFF - 0.01]).max() < 1e-2


def test_linear_maps_mix_channels_only() -> None:
    x = random_features(3, BEFORE, 5)
    linear = IrrepLinear("maps", BEFORE, parse_irreps("2x0e+4x1o+1x3o"))
    p = parameters(linear.table, 5)
    y = linear(p, x)
    assert {str(ir): v.shape[1:] for ir, v in y.items()} == {"0e": (1, 2), "1o": (3, 4)}
    turn = Rotation.random(random_state=5).as_matrix()
    there, back = flatten(linear(p, turned(x, turn))), flatten(turned(y, turn))
    np.testing.assert_allclose(there, back, rtol=1e-6, atol=1e-6)


def test_self_connections_are_linear_in_the_element() -> None:
    x = random_features(2, BEFORE, 6)
    linear = ElementLinear("itself", BEFORE, AFTER, 4)
    p = parameters(linear.table, 6)
    a, b = np.random.default_rng(7).normal(size=(2, 2, 4))
    mixed = flatten(linear(p, x, 0.7 * a + 0.3 * b))
    wanted = 0.7 * flatten(linear(p, x, a)) + 0.3 * flatten(linear(p, x, b))
    np.testing.assert_allclose(mixed, wanted, atol=1e-12)
    ir = Irrep(1, -1)
    weight = p["itself.weights.1o"].reshape(4, 3, 2)
    one = np.einsum("na,nmi,aio->nmo", a, x[ir], weight)
    np.testing.assert_allclose(linear(p, x, a)[ir], one, atol=1e-12)


def test_atoms_of_a_kind_share_a_matrix() -> None:
    linear = ElementLinear("itself", BEFORE, AFTER, 4)
    p, x = parameters(linear.table, 6), random_features(5, BEFORE, 3)
    elements = np.random.default_rng(7).normal(size=(2, 4))[[0, 1, 1, 0, 1]]
    kinds = [np.array([0, 3]), np.array([1, 2, 4])]
    for ir, wanted in linear(p, x, elements).items():
        np.testing.assert_allclose(linear(p, x, elements, kinds)[ir], wanted, atol=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_layers_are_equivariant(low_symmetry: Crystal, sign: float) -> None:
    whole = layer()
    p = parameters(whole.table, 7)
    turn = sign * Rotation.random(random_state=7).as_matrix()
    x = random_features(low_symmetry.n_atoms, BEFORE, 7)
    other = replace(low_symmetry, cell=low_symmetry.cell @ turn.T)
    before = whole(p, x, surroundings(low_symmetry), 20.0)
    after = whole(p, turned(x, turn), surroundings(other), 20.0)
    assert {str(ir) for ir in before} == {"0e", "1o", "1e", "2e"}
    for ir, wanted in turned(before, turn).items():
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(after[ir], wanted, atol=1e-5, rtol=1e-5)


def test_messages_shrink_with_the_number_of_neighbours(low_symmetry: Crystal) -> None:
    convolution = layer().convolution
    p, near = parameters(convolution.table, 8), surroundings(low_symmetry)
    x = random_features(low_symmetry.n_atoms, BEFORE, 8)
    few, many = (convolution(p, x, near, n) for n in (10.0, 40.0))
    np.testing.assert_allclose(flatten(few), 2.0 * flatten(many), rtol=1e-12)


def test_atoms_start_as_scalars() -> None:
    p = {"embedding.weight": np.ones((6, 4)), "embedding.bias": np.zeros(6)}
    (block,) = element_scalars(p, "embedding", np.ones((3, 4))).values()
    assert block.shape == (3, 1, 6)
