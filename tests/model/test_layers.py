"""Layers against e3nn's own, and the irreps they are made of."""

import pytest
import torch
from e3nn import nn as enn
from e3nn import o3

from phonodos.model.layers import Convolution, Gate, Neighbourhood, flatten, spherical_harmonics


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
    around = Neighbourhood(
        torch.zeros(7, dtype=torch.long), torch.arange(7)[None], spherical_harmonics(vectors, lmax)
    )
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
