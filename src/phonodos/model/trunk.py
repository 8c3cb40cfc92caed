"""The flagship's trunk: element features, bond features and gated equivariant convolutions.

A convolution here is depthwise: every path of the tensor product keeps its channels apart, its
weights a function of the distance and of the elements at both ends, and one matrix an irrep mixes
the summed messages. Features are blocks `{irrep: (n, 2l+1, multiplicity)}` as in `layers`.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import SCALAR, Irrep, Irreps, multiplicities, products
from phonodos.model.layers import (
    Features,
    Gate,
    Path,
    add,
    coupling_tensor,
    sum_over_neighbours,
)
from phonodos.model.radial import BesselBasis, polynomial_cutoff
from phonodos.physics import elements
from phonodos.physics.elements import N_ELEMENTS

CLOSEST, FARTHEST, WIDTH = -0.6, 3.0, 0.4  # of the Gaussians of the reduced distance [A]


class ElementFeatures(nn.Module):
    """Learned numbers of an element beside an MLP on its tabulated properties.

    Neighbours in the periodic table are neighbours here, so an element that training never showed
    is still known by its properties. A mixed site has the mean of its elements by fraction.
    """

    properties: Tensor
    radii: Tensor

    def __init__(self, learned: int, tabulated: int, hidden: int = 32) -> None:
        super().__init__()
        self.n_features = learned + tabulated
        self.learned = nn.Parameter(0.3 * torch.randn(N_ELEMENTS, learned))
        table = torch.from_numpy(elements.standardised_properties()).float()
        radii = torch.from_numpy(elements.covalent_radii()).float()
        self.register_buffer("properties", table)
        self.register_buffer("radii", radii)
        self.mlp = nn.Sequential(
            nn.Linear(elements.N_PROPERTIES, hidden), nn.SiLU(),
            nn.Linear(hidden, tabulated),
        )  # fmt: skip

    def forward(self, fractions: Tensor) -> tuple[Tensor, Tensor]:
        """Return (n, features) and (n,) covalent radii [A] of sites with (n, 118) fractions."""
        table = torch.cat([self.learned, self.mlp(self.properties)], dim=1)
        return fractions @ table, fractions @ self.radii


class BondFeatures(nn.Module):
    """Radial functions of a bond: Bessel functions of r, Gaussians of r minus both radii."""

    centres: Tensor

    def __init__(self, n_bessel: int, n_gauss: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff, self.n_features = cutoff, n_bessel + n_gauss
        self.bessel = BesselBasis(n_bessel, cutoff)
        self.register_buffer(
            "centres", torch.linspace(CLOSEST, FARTHEST, n_gauss), persistent=False
        )

    def forward(self, distances: Tensor, reduced: Tensor) -> Tensor:
        """Return (m, features), all of them smoothly zero at the cutoff."""
        gauss = torch.exp(-(((reduced[:, None] - self.centres) / WIDTH) ** 2))
        fade = polynomial_cutoff(distances, self.cutoff)[:, None]
        return torch.cat([self.bessel(distances), gauss], dim=1) * fade


class Surroundings(NamedTuple):
    """What a trunk layer needs to know of atoms and edges."""

    elements: Tensor  # (n, a) element features
    graph: CrystalGraph
    edges: Tensor  # (u, r) radial functions and the elements of both ends, of distinct edges
    fade: Tensor  # (u, 1) cutoff function
    harmonics: dict[int, Tensor]  # {l: (m, 2l+1)}


def dense(sizes: list[int]) -> nn.Sequential:
    """Return an MLP with SiLU between its layers."""
    layers: list[nn.Module] = []
    for index, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.Linear(a, b)] if index == 0 else [nn.SiLU(), nn.Linear(a, b)]
    return nn.Sequential(*layers)


class IrrepLinear(nn.Module):
    """One matrix an irrep; irreps without a counterpart are dropped."""

    def __init__(self, irreps_in: Irreps, irreps_out: Irreps) -> None:
        super().__init__()
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.weights = nn.ParameterDict(
            {
                str(ir): nn.Parameter(torch.randn(n_in[ir], n_out[ir]) * n_in[ir] ** -0.5)
                for ir in n_out
                if ir in n_in
            }
        )

    def forward(self, x: Features) -> Features:
        """Return the mapped features."""
        return {ir: b @ self.weights[str(ir)] for ir, b in x.items() if str(ir) in self.weights}


class ElementLinear(nn.Module):
    """One matrix an irrep that depends linearly on the element: the self-connection."""

    def __init__(self, irreps_in: Irreps, irreps_out: Irreps, n_elements: int) -> None:
        super().__init__()
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.weights = nn.ParameterDict(
            {
                str(ir): nn.Parameter(
                    torch.randn(n_elements * n_in[ir], n_out[ir]) * (n_elements * n_in[ir]) ** -0.5
                )
                for ir in n_out
                if ir in n_in
            }
        )

    def forward(self, x: Features, elements: Tensor) -> Features:
        """Return sum_a elements_a W_a x for every irrep on both sides."""
        out = {}
        for ir, block in x.items():
            if str(ir) in self.weights:
                outer = block[:, :, None, :] * elements[:, None, :, None]
                out[ir] = outer.flatten(2) @ self.weights[str(ir)]
        return out


class DepthwiseConvolution(nn.Module):
    """sum_j w(r_ij, elements) x_j (x) Y(r_ij), every path apart, then mixed by one matrix."""

    def __init__(self, irreps_in: Irreps, irreps_out: Irreps, lmax: int, radial: list[int]) -> None:
        super().__init__()
        self.n_in = multiplicities(irreps_in)
        n_out = multiplicities(irreps_out)
        self.paths = [
            Path(source, degree, target)
            for target in n_out
            for source in self.n_in
            for degree in range(lmax + 1)
            if target in products(source, Irrep(degree, (-1) ** degree))
        ]
        self.sizes = [self.n_in[path.source] for path in self.paths]
        self.radial = dense([*radial, sum(self.sizes)])
        fan_in: dict[Irrep, int] = {}
        for path, size in zip(self.paths, self.sizes, strict=True):
            fan_in[path.target] = fan_in.get(path.target, 0) + size
            coupling = coupling_tensor(path.source.l, path.degree, path.target.l)
            scaled = coupling * (path.target.dim * path.source.dim) ** 0.5
            self.register_buffer(_name(path), scaled, persistent=False)
        summed = tuple((size, ir) for ir, size in fan_in.items())
        self.before = IrrepLinear(irreps_in, irreps_in)
        self.mix = IrrepLinear(summed, irreps_out)

    def forward(self, x: Features, around: Surroundings, neighbours: float) -> Features:
        """Return the mixed messages of every atom, divided by the root of `neighbours`."""
        others = around.graph.edge_index[1]
        weights = (self.radial(around.edges) * around.fade).index_select(0, around.graph.alike)
        at_edges = {ir: b.index_select(0, others) for ir, b in self.before(x).items()}
        # Summed before it is coupled: sum_j Y_b x_a for every atom, all paths of a degree at once.
        columns: dict[int, list[Tensor]] = {}
        for path, weight in zip(self.paths, weights.split(self.sizes, dim=1), strict=True):
            weighted = at_edges[path.source] * weight[:, None, :]
            columns.setdefault(path.degree, []).append(weighted.flatten(1))
        outer = {
            degree: iter(self._outer(degree, found, around)) for degree, found in columns.items()
        }
        summed: dict[Irrep, list[Tensor]] = {}
        for path, size in zip(self.paths, self.sizes, strict=True):
            product = next(outer[path.degree]).reshape(len(around.elements), -1, size)
            coupling = getattr(self, _name(path)).transpose(0, 1).flatten(0, 1)  # (b a, c)
            summed.setdefault(path.target, []).append(coupling.T @ product)
        scale = neighbours**-0.5
        mixed: Features = self.mix(
            {ir: torch.cat(found, dim=2) * scale for ir, found in summed.items()}
        )
        return mixed

    def _outer(
        self, degree: int, columns: list[Tensor], around: Surroundings
    ) -> tuple[Tensor, ...]:
        """Return (n, 2l+1, columns) sums over neighbours of harmonics times every column block."""
        widths = [block.shape[1] for block in columns]
        total = sum_over_neighbours(
            around.harmonics[degree], torch.cat(columns, dim=1), around.graph
        )
        return torch.split(total, widths, dim=2)


def _name(path: Path) -> str:
    return f"coupling_{path.source}_{path.degree}_{path.target}"


class TrunkLayer(nn.Module):
    """Convolution plus self-connection, gated; a skip connection where the irreps allow it."""

    def __init__(
        self, irreps_in: Irreps, irreps_out: Irreps, lmax: int, radial: list[int],
        n_elements: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.gate = Gate(irreps_out)
        self.convolution = DepthwiseConvolution(irreps_in, self.gate.irreps_in, lmax, radial)
        self.self_connection = ElementLinear(irreps_in, self.gate.irreps_in, n_elements)

    def forward(self, x: Features, around: Surroundings, neighbours: float) -> Features:
        """Return the new features of every atom."""
        messages = self.convolution(x, around, neighbours)
        both = add([messages, self.self_connection(x, around.elements)], 0.5**0.5)
        gated: Features = self.gate(both)
        return gated


def element_scalars(elements: Tensor, embedding: nn.Module) -> Features:
    """Return the scalars every atom starts with."""
    return {SCALAR: functional.silu(embedding(elements))[:, None, :]}
