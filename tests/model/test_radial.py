"""Radial bases, the smooth cutoff and the radial MLP."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from e3nn.math import normalize2mom
from e3nn.nn import FullyConnectedNet
from torch.nn import functional

from phonodos.model.parameters import drawn
from phonodos.model.radial import (
    UNIT_SIGMOID,
    UNIT_SILU,
    RadialMLP,
    compress,
    gaussians,
    looked_up,
    smooth_cutoff,
)


def test_gaussians_peak_at_their_centres() -> None:
    values = gaussians(np.linspace(0, 5, 10), 10, 5.0, 0.8)
    assert (values.argmax(axis=1) == np.arange(10)).all()
    inside = gaussians(np.linspace(1, 4, 301), 10, 5.0, 0.8)
    assert np.abs((inside**2).sum(axis=1) - 0.5).max() < 0.05


def test_cutoff_is_one_inside_zero_outside_and_twice_differentiable() -> None:
    r = np.linspace(3.5, 5.5, 2001)
    f = smooth_cutoff(r, 5.0, 1.0)
    assert (f[r <= 4.0] == 1.0).all()
    assert (f[r >= 5.0] == 0.0).all()
    step = r[1] - r[0]
    slope = np.diff(f) / step
    curvature = np.diff(slope) / step
    assert slope.max() <= 1e-12
    assert np.abs(np.diff(curvature)).max() < 0.1  # a jump would be of order 10


def test_mlp_is_the_hidden_part_of_e3nns(rng: np.random.Generator) -> None:
    ours = RadialMLP("radial", 10, (20, 30), cutoff=5.0, fade=0.0)
    p = drawn(ours.table, rng)
    theirs = FullyConnectedNet([10, 20, 30, 4], torch.nn.functional.silu)
    for mine, layer in zip(p.values(), theirs.children(), strict=False):
        layer.weight.data.copy_(torch.from_numpy(mine))
    last = list(theirs.children())[-1].weight.detach().numpy()
    r = np.linspace(0.5, 5.0, 7, dtype=np.float32)
    wanted = theirs(torch.from_numpy(gaussians(r, 10, 5.0))).detach().numpy()
    np.testing.assert_allclose(ours(p, r) @ last / 30**0.5, wanted, rtol=1e-4, atol=1e-5)


def test_compressed_functions_are_the_same_functions(rng: np.random.Generator) -> None:
    radial = RadialMLP("radial", 10, (100, 100, 100), cutoff=5.0, fade=1.0)
    p = drawn(radial.table, rng)
    table, matrix = compress(radial, p)
    assert matrix.shape[0] < 50
    r = 5.0 * rng.random(500)
    wanted = radial(p, r)
    found = looked_up(table, r, 5.0) @ matrix
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert np.abs(looked_up(table, np.array([5.0]), 5.0) @ matrix).max() < 1e-5


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
