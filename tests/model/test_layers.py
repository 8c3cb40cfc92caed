"""Layers against e3nn's own, and the irreps they are made of."""

import pytest
import torch
from e3nn import nn as enn
from e3nn import o3

from phonodos.model.graph import CrystalGraph, build_graph
from phonodos.model.layers import (
    Convolution,
    Gate,
    Neighbourhood,
    flatten,
    spherical_harmonics,
    sum_over_neighbours,
)
from phonodos.physics.crystal import Crystal


def star(vectors: torch.Tensor) -> CrystalGraph:
    """One atom with edges to itself along `vectors`."""
    edges = torch.zeros(2, len(vectors), dtype=torch.long)
    sites = torch.zeros(1, 118, dtype=vectors.dtype)
    return CrystalGraph(sites, sites, edges, vectors, torch.zeros(1, dtype=torch.long), 1)


def test_convolution_paths_are_the_admissible_ones() -> None:
    layer = Convolution(
        o3.Irreps("32x0e+32x1o"), o3.Irreps("96x0e+32x1o+32x1e"), lmax=1, n_radial=100
    )
    weights = sum(p.numel() for p in layer.parameters())
    assert weights == 100 * 9216  # weights an edge would need in the plain form
    assert {str(ir): len(p) for ir, p in layer.paths.items()} == {"0e": 2, "1o": 2, "1e": 1}


def test_irreps_that_no_path_reaches_are_absent() -> None:
    layer = Convolution(o3.Irreps("4x0e"), o3.Irreps("4x0e+4x1e"), lmax=1, n_radial=2)
    assert [str(ir) for ir in layer.paths] == ["0e"]


@pytest.mark.parametrize("lmax", [1, 2])
def test_convolution_equals_e3nn_tensor_product(lmax: int) -> None:
    torch.manual_seed(0)
    irreps_in, irreps_out = o3.Irreps("5x0e+3x1o+2x1e"), o3.Irreps("4x0e+6x1o+2x1e")
    layer = Convolution(irreps_in, irreps_out, lmax, n_radial=1).double()
    harmonics = o3.Irreps.spherical_harmonics(lmax)
    product = o3.FullyConnectedTensorProduct(
        irreps_in, harmonics, irreps_out, internal_weights=False, shared_weights=False
    ).double()
    x = {o3.Irrep(i): torch.randn(1, o3.Irrep(i).dim, m).double() for m, i in irreps_in}
    vectors = torch.randn(7, 3).double()
    around = Neighbourhood(star(vectors), spherical_harmonics(vectors, lmax))
    ours = flatten(layer(x, torch.ones(7, 1).double(), around))
    parts = []
    for ins in product.instructions:
        source, target = irreps_in[ins.i_in1].ir, irreps_out[ins.i_out].ir
        start = 0
        for path in layer.paths[target]:
            width = layer.n_in[path.source]
            if (path.source, path.degree) == (source, harmonics[ins.i_in2].ir.l):
                parts.append(layer.weights[str(target)][0, start : start + width].flatten())
            start += width
    y = o3.spherical_harmonics(harmonics, vectors, normalize=True, normalization="component")
    theirs = product(flatten(x).expand(7, -1), y, torch.cat(parts).expand(7, -1)).sum(0)
    torch.testing.assert_close(ours[0], theirs, rtol=1e-6, atol=1e-6)


def test_gate_equals_e3nn_gate() -> None:
    torch.manual_seed(0)
    ours = Gate(o3.Irreps("4x0e+3x1o+2x1e"))
    theirs = enn.Gate("4x0e", [torch.nn.functional.silu], "5x0e", [torch.sigmoid], "3x1o+2x1e")
    assert ours.irreps_in == theirs.irreps_in.simplify()
    x = {i: torch.randn(6, i.dim, m) for m, i in ours.irreps_in}
    torch.testing.assert_close(flatten(ours(x)), theirs(flatten(x)), rtol=1e-5, atol=1e-6)


def test_sum_over_neighbours_and_its_gradient(perovskite: Crystal) -> None:
    """Against the plain sum over edges; atoms without neighbours get zeros."""
    torch.manual_seed(0)
    graph = build_graph(perovskite, 2.5).to(dtype=torch.float64)  # Sr has no neighbour within 2.5 A
    assert int(graph.neighbour_counts.min()) == 0
    m = graph.edge_index.shape[1]
    radial = torch.randn(m, 3, dtype=torch.float64, requires_grad=True)
    products = torch.randn(m, 4, dtype=torch.float64, requires_grad=True)
    outer = radial[:, :, None] * products[:, None, :]
    wanted = torch.zeros(5, 3, 4, dtype=torch.float64).index_add(0, graph.edge_index[0], outer)
    found = sum_over_neighbours(radial, products, graph)
    torch.testing.assert_close(found, wanted)
    assert float(found[0].detach().abs().max()) == 0.0
    assert torch.autograd.gradcheck(
        lambda a, b: sum_over_neighbours(a, b, graph), (radial, products)
    )


def test_padded_form_equals_the_segment_form(
    perovskite: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accelerators take the padded product; its numbers must be the same."""
    torch.manual_seed(0)
    graph = build_graph(perovskite, 2.5).to(dtype=torch.float64)
    m = graph.edge_index.shape[1]
    radial, products = torch.randn(m, 3), torch.randn(m, 4)
    wanted = sum_over_neighbours(radial, products, graph)
    monkeypatch.setattr("phonodos.model.layers.SEGMENT_DEVICES", ())
    torch.testing.assert_close(sum_over_neighbours(radial, products, graph), wanted)
