"""Radial bases, the smooth cutoff and the radial MLP."""

from collections.abc import Callable

import pytest
import torch
from e3nn.math import normalize2mom
from e3nn.nn import FullyConnectedNet
from torch.nn import functional

from phonodos.model.radial import (
    UNIT_SIGMOID,
    UNIT_SILU,
    GaussianBasis,
    RadialMLP,
    compress,
    smooth_cutoff,
)


def test_gaussians_peak_at_their_centres() -> None:
    basis = GaussianBasis(10, 5.0, 0.8)
    values = basis(torch.linspace(0, 5, 10))
    assert (values.argmax(dim=1) == torch.arange(10)).all()
    inside = basis(torch.linspace(1, 4, 301))
    assert (inside.square().sum(dim=1) - 0.5).abs().max() < 0.05


def test_cutoff_is_one_inside_zero_outside_and_twice_differentiable() -> None:
    r = torch.linspace(3.5, 5.5, 2001, dtype=torch.float64)
    f = smooth_cutoff(r, 5.0, 1.0)
    assert (f[r <= 4.0] == 1.0).all()
    assert (f[r >= 5.0] == 0.0).all()
    step = float(r[1] - r[0])
    slope = torch.diff(f) / step
    curvature = torch.diff(slope) / step
    assert float(slope.max()) <= 0.0
    assert float(torch.diff(curvature).abs().max()) < 0.1  # a jump would be of order 10


def test_mlp_is_the_hidden_part_of_e3nns() -> None:
    torch.manual_seed(0)
    basis = GaussianBasis(10, 5.0)
    ours = RadialMLP(basis, (20, 30), cutoff=5.0, fade=0.0)
    theirs = FullyConnectedNet([10, 20, 30, 4], torch.nn.functional.silu)
    for mine, layer in zip(ours.weights, theirs.children(), strict=False):
        layer.weight.data.copy_(mine)
    last = list(theirs.children())[-1].weight
    r = torch.linspace(0.5, 5.0, 7)
    torch.testing.assert_close(ours(r) @ last / 30**0.5, theirs(basis(r)), rtol=1e-4, atol=1e-5)


def test_compressed_functions_are_the_same_functions() -> None:
    torch.manual_seed(0)
    radial = RadialMLP(GaussianBasis(10, 5.0), (100, 100, 100), cutoff=5.0, fade=1.0)
    table, matrix = compress(radial)
    assert radial.weights[0].dtype == torch.float32
    assert matrix.shape[0] < 50
    r = torch.rand(500) * 5.0
    wanted = radial(r).detach()
    assert float((table(r) @ matrix - wanted).abs().max()) < 1e-5 * float(wanted.abs().max())
    assert float((table(torch.tensor([5.0])) @ matrix).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("function", "factor"), [(functional.silu, UNIT_SILU), (torch.sigmoid, UNIT_SIGMOID)]
)
def test_unit_moments_are_those_of_the_gaussian_integral_and_of_e3nn(
    function: Callable[[torch.Tensor], torch.Tensor], factor: float
) -> None:
    z = torch.linspace(-12.0, 12.0, 20_001, dtype=torch.float64)
    weight = torch.exp(-(z**2) / 2.0) / (2.0 * torch.pi) ** 0.5
    moment = float(torch.trapezoid(function(z) ** 2 * weight, z))
    assert factor == pytest.approx(moment**-0.5, rel=2e-3)
    assert factor == normalize2mom(function).cst  # to the bit
