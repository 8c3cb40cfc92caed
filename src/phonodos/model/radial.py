"""Radial functions: bases of the distance, smooth cutoffs, and the MLP on them."""

from itertools import pairwise

import torch
from e3nn.math import normalize2mom
from torch import Tensor, nn
from torch.nn import functional


class GaussianBasis(nn.Module):
    """`n` Gaussians at equal spacing on 0 to `cutoff` [A], of width `width` spacings.

    exp(-((r - r_k) / (width spacing))^2) / 1.423; with that constant, the one of e3nn's first
    releases, the sum of squares is about one half at any distance inside.
    """

    centres: Tensor

    def __init__(self, n: int, cutoff: float, width: float = 0.8) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.0, cutoff, n), persistent=False)
        self.sigma = width * cutoff / (n - 1)

    def forward(self, distances: Tensor) -> Tensor:
        """Return (m, n) values at (m,) distances [A]."""
        x = (distances[:, None] - self.centres) / self.sigma
        return torch.exp(-(x**2)) / 1.423085244900308


def smooth_cutoff(distances: Tensor, cutoff: float, width: float) -> Tensor:
    """Return (m,) 1 up to `cutoff - width`, 0 from `cutoff` on, with two continuous derivatives."""
    t = ((cutoff - distances) / width).clamp(0.0, 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


class RadialMLP(nn.Module):
    """Bias-free layers of SiLU on a radial basis: the hidden part of e3nn's `FullyConnectedNet`.

    Every layer divides by the root of its number of inputs and rescales its activation to a unit
    second moment, so weights drawn from a standard normal keep the signal at order one.
    """

    def __init__(self, n_in: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        sizes = [n_in, *hidden]
        self.weights = nn.ParameterList(
            [nn.Parameter(torch.randn(a, b)) for a, b in pairwise(sizes)]
        )
        self.scale = float(normalize2mom(functional.silu).cst)

    def forward(self, basis: Tensor) -> Tensor:
        """Return (m, last hidden) features of (m, n_in) basis values."""
        h = basis
        for weight in self.weights:
            h = functional.silu(h @ (weight * weight.shape[0] ** -0.5)) * self.scale
        return h
