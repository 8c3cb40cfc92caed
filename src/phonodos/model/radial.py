"""Radial functions h_k(r): learned ones, and the same ones tabulated and compressed."""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

# Factors that give f(z), z standard normal, a second moment of 1. e3nn finds them with a million
# seeded numbers, so the last digits are its own; weights are made for these.
UNIT_SILU, UNIT_SIGMOID = 1.6791767923989418, 1.8467055342154763


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


class BesselBasis(nn.Module):
    """`n` spherical Bessel functions sin(k pi r / cutoff) / r, scaled to order one."""

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.register_buffer("orders", torch.arange(1, n + 1) * torch.pi, persistent=False)

    orders: Tensor

    def forward(self, distances: Tensor) -> Tensor:
        """Return (m, n) values at (m,) distances [A]."""
        r = distances[:, None].clamp_min(1e-3)
        waves: Tensor = torch.sin(self.orders * r / self.cutoff) / r
        return waves * float((self.cutoff / 2.0) ** 0.5)


def polynomial_cutoff(distances: Tensor, cutoff: float) -> Tensor:
    """Return (m,) (1-u)^3 (1 + 3u + 6u^2), u = r / cutoff: 1 at 0, 0 beyond, C2 everywhere."""
    u = (distances / cutoff).clamp(0.0, 1.0)
    return (1.0 - u) ** 3 * (1.0 + 3.0 * u + 6.0 * u**2)


class RadialMLP(nn.Module):
    """Learned functions of the distance: bias-free layers of SiLU on a radial basis, faded out.

    The hidden part of e3nn's `FullyConnectedNet`: every layer divides by the root of its number of
    inputs and rescales its activation to a unit second moment, so weights drawn from a standard
    normal keep the signal at order one. A `fade` [A] of 0 leaves the cutoff sharp.
    """

    def __init__(
        self, basis: GaussianBasis, hidden: tuple[int, ...], cutoff: float, fade: float
    ) -> None:
        super().__init__()
        self.basis, self.cutoff, self.fade = basis, cutoff, fade
        sizes = [len(basis.centres), *hidden]
        self.weights = nn.ParameterList(
            [nn.Parameter(torch.randn(a, b)) for a, b in pairwise(sizes)]
        )

    def forward(self, distances: Tensor) -> Tensor:
        """Return (m, last hidden) features at (m,) distances [A]."""
        h: Tensor = self.basis(distances)
        for weight in self.weights:
            h = functional.silu(h @ (weight * weight.shape[0] ** -0.5)) * UNIT_SILU
        if self.fade == 0.0:
            return h
        return h * smooth_cutoff(distances, self.cutoff, self.fade)[:, None]


class RadialTable(nn.Module):
    """Functions of the distance tabulated on 0 to `cutoff` [A], cubic between the points."""

    coefficients: Tensor

    def __init__(self, values: Tensor, cutoff: float) -> None:
        super().__init__()
        slope = torch.gradient(values, dim=0, edge_order=2)[0]
        left, right = values[:-1], values[1:]
        a, b = slope[:-1], slope[1:]
        cubic = torch.cat([left, a, 3 * (right - left) - 2 * a - b, 2 * (left - right) + a + b], 1)
        self.register_buffer("coefficients", cubic)  # (intervals, 4 k), powers 0 to 3
        self.per_angstrom = (len(values) - 1) / cutoff

    def forward(self, distances: Tensor) -> Tensor:
        """Return (m, k) values at (m,) distances [A]."""
        place = distances * self.per_angstrom
        interval = place.long().clamp_max(len(self.coefficients) - 1)
        t = (place - interval)[:, None]
        c0, c1, c2, c3 = self.coefficients.index_select(0, interval).chunk(4, dim=1)
        return c0 + t * (c1 + t * (c2 + t * c3))


@torch.no_grad()
def compress(
    radial: RadialMLP, n: int = 2001, tolerance: float = 1e-6
) -> tuple[RadialTable, Tensor]:
    """Return a table of a few functions and a (k, hidden) matrix: table(r) @ matrix = radial(r).

    A hundred smooth functions of one distance span far fewer dimensions. The principal axes of
    their values on a fine grid with singular values above `tolerance` of the largest are kept.
    """
    first = radial.weights[0]
    grid = torch.linspace(0.0, radial.cutoff, n, dtype=torch.float64, device=first.device)
    values = copy.deepcopy(radial).double()(grid)
    square, axes = torch.linalg.eigh(values.T @ values / n)
    kept = square > tolerance**2 * square[-1]
    kept[-1] = True  # even of functions that are zero everywhere
    size = (
        square[kept].clamp_min(1e-30).sqrt()
    )  # functions of order one: their size sits in the matrix
    table = RadialTable(values @ axes[:, kept] / size, radial.cutoff)
    return table.to(first.dtype), (axes[:, kept] * size).T.to(first.dtype)
