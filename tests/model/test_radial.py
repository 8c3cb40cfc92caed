"""Radial bases, the smooth cutoff and the radial MLP."""

import torch
from e3nn.nn import FullyConnectedNet

from phonodos.model.radial import GaussianBasis, RadialMLP, smooth_cutoff


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
    ours = RadialMLP(10, (20, 30))
    theirs = FullyConnectedNet([10, 20, 30, 4], torch.nn.functional.silu)
    for mine, layer in zip(ours.weights, theirs.children(), strict=False):
        layer.weight.data.copy_(mine)
    last = list(theirs.children())[-1].weight
    x = torch.randn(5, 10)
    torch.testing.assert_close(ours(x) @ last / 30**0.5, theirs(x), rtol=1e-4, atol=1e-5)
