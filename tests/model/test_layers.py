"""Layers against e3nn's own, and the irreps they are made of."""

import numpy as np
import pytest
import torch
from e3nn import nn as enn
from e3nn import o3

from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import parse_irreps
from phonodos.model.layers import Convolution, Gate, SelfConnection, flatten, spherical_harmonics
from phonodos.model.neighbours import around
from phonodos.model.parameters import drawn


def star(vectors: np.ndarray) -> CrystalGraph:
    """One atom with edges to itself along `vectors`."""
    edges = np.zeros((2, len(vectors)), dtype=np.int64)
    sites = np.zeros((1, 118))
    return CrystalGraph(sites, sites, edges, vectors, np.zeros(1, dtype=np.int64), 1)


def test_convolution_paths_are_the_admissible_ones() -> None:
    before, after = parse_irreps("32x0e+32x1o"), parse_irreps("96x0e+32x1o+32x1e")
    layer = Convolution("layer", before, after, lmax=1, n_radial=100)
    weights = sum(int(np.prod(line.shape)) for line in layer.table)
    assert weights == 100 * 9216  # weights an edge would need in the plain form
    assert {str(ir): len(p) for ir, p in layer.paths.items()} == {"0e": 2, "1o": 2, "1e": 1}


def test_irreps_that_no_path_reaches_are_absent() -> None:
    layer = Convolution("layer", parse_irreps("4x0e"), parse_irreps("4x0e+4x1e"), 1, 2)
    assert [str(ir) for ir in layer.paths] == ["0e"]


@pytest.mark.parametrize("lmax", [1, 2])
def test_convolution_equals_e3nn_tensor_product(lmax: int, rng: np.random.Generator) -> None:
    texts = "5x0e+3x1o+2x1e", "4x0e+6x1o+2x1e"
    irreps_in, irreps_out = map(o3.Irreps, texts)
    layer = Convolution("layer", *map(parse_irreps, texts), lmax, n_radial=1)
    p = drawn(layer.table, rng, np.float64)
    harmonics = o3.Irreps.spherical_harmonics(lmax)
    product = o3.FullyConnectedTensorProduct(
        irreps_in, harmonics, irreps_out, internal_weights=False, shared_weights=False
    ).double()
    x = {ir: rng.normal(size=(1, ir.dim, m)) for m, ir in parse_irreps(texts[0])}
    vectors = rng.normal(size=(7, 3))
    graph = star(vectors)
    near = around(graph, vectors, spherical_harmonics(vectors, lmax))
    ours = flatten(layer(p, x, np.ones((len(graph.distinct), 1)), near))
    parts = []
    for ins in product.instructions:
        source, target = irreps_in[ins.i_in1].ir, irreps_out[ins.i_out].ir
        start = 0
        for path in layer.paths[target]:
            width = layer.n_in[path.source]
            if (path.source, path.degree) == (source, harmonics[ins.i_in2].ir.l):
                parts.append(p[layer.weight(target)][0, start : start + width].ravel())
            start += width
    y = o3.spherical_harmonics(
        harmonics, torch.from_numpy(vectors), normalize=True, normalization="component"
    )
    flat, weights = (torch.from_numpy(a) for a in (flatten(x), np.concatenate(parts)))
    theirs = product(flat.expand(7, -1), y, weights.expand(7, -1)).sum(0)
    np.testing.assert_allclose(ours[0], theirs.numpy(), rtol=1e-6, atol=1e-6)


def test_gate_equals_e3nn_gate(rng: np.random.Generator) -> None:
    ours = Gate(parse_irreps("4x0e+3x1o+2x1e"))
    theirs = enn.Gate("4x0e", [torch.nn.functional.silu], "5x0e", [torch.sigmoid], "3x1o+2x1e")
    assert ours.irreps_in == theirs.irreps_in.simplify()
    x = {i: rng.normal(size=(6, i.dim, m)).astype(np.float32) for m, i in ours.irreps_in}
    wanted = theirs(torch.from_numpy(flatten(x))).numpy()
    np.testing.assert_allclose(flatten(ours(x)), wanted, rtol=1e-5, atol=1e-6)


def test_self_connections_keep_the_irreps_of_both_sides(rng: np.random.Generator) -> None:
    before, after = parse_irreps("5x0e+3x1o"), parse_irreps("2x0e+2x1e")
    layer = SelfConnection("itself", before, after)
    p = drawn(layer.table, rng, np.float64)
    x = {ir: rng.normal(size=(4, ir.dim, m)) for m, ir in before}
    (block,) = layer(p, x).values()
    wanted = x[before[0][1]][:, 0] @ p["itself.weights.0e"] / 5**0.5
    np.testing.assert_allclose(block[:, 0], wanted)
