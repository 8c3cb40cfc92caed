"""Equivariant layers: the convolution over neighbours and the gate.

Features are kept as one block an irrep, `{irrep: (n, 2l+1, multiplicity)}`, so that every
contraction over channels is a matrix product. `flatten` gives e3nn's layout.

The convolution is e3nn's fully connected tensor product of neighbour features with spherical
harmonics, its weights a learned function of distance, summed over neighbours. Written that way the
last, linear layer of the radial MLP is applied to every edge. Because it is linear, the sum over
neighbours can go before it: with hidden radial features h_k(r),

    sum_j [sum_k h_k(r_ij) W_k] (x_j (x) Y_ij) = sum_k W_k [sum_j h_k(r_ij) (x_j (x) Y_ij)],

one small matrix product an atom instead of one an edge; the numbers are the same.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from phonodos.model.couplings import coupling, raising
from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import SCALAR, Irrep, Irreps, multiplicities, products
from phonodos.model.radial import UNIT_SIGMOID, UNIT_SILU

Features = dict[Irrep, Tensor]
SEGMENT_DEVICES = ("cpu",)  # elsewhere many small products wait for their launches


def flatten(features: Features) -> Tensor:
    """Return features in e3nn's flat layout, irreps in the order of the mapping."""
    return torch.cat([x.transpose(1, 2).flatten(1) for x in features.values()], dim=1)


def spherical_harmonics(vectors: Tensor, lmax: int) -> dict[int, Tensor]:
    """Return {l: (m, 2l+1)} spherical harmonics of the directions, component normalised.

    Those of degree 1 are sqrt(3) times x, y, z; higher ones are products of lower ones.
    """
    unit = functional.normalize(vectors, dim=1)
    found = {0: torch.ones_like(unit[:, :1]), 1: 3.0**0.5 * unit}
    for degree in range(1, lmax):
        product = (found[degree][:, :, None] * found[1][:, None, :]).flatten(1)
        found[degree + 1] = product @ torch.from_numpy(raising(degree)).to(unit).flatten(0, 1)
    return {degree: found[degree] for degree in range(lmax + 1)}


def coupling_tensor(first: int, second: int, third: int) -> Tensor:
    """Return the `coupling` of three degrees in torch's default type."""
    return torch.tensor(coupling(first, second, third), dtype=torch.get_default_dtype())


class Path(NamedTuple):
    """One way two irreps multiply to a third: input, degree of the harmonic, output."""

    source: Irrep
    degree: int
    target: Irrep


class Neighbourhood(NamedTuple):
    """What a convolution needs to know of the surroundings of every atom."""

    graph: CrystalGraph
    harmonics: dict[int, Tensor]  # {l: (m, 2l+1)}


class Convolution(nn.Module):
    """sum_j W(|r_ij|) x_j (x) Y(r_ij), every admissible path, scaled like e3nn's tensor product.

    Parameters
    ----------
    irreps_in, irreps_out
        Irreps of the features before and after.
    lmax
        Highest degree of the spherical harmonics.
    n_radial
        Number of hidden radial features h_k(r) that `forward` receives.
    """

    def __init__(self, irreps_in: Irreps, irreps_out: Irreps, lmax: int, n_radial: int) -> None:
        super().__init__()
        self.n_in = multiplicities(irreps_in)
        self.n_out = multiplicities(irreps_out)
        self.n_radial = self.n_hidden = n_radial
        self.paths: dict[Irrep, list[Path]] = {ir: [] for ir in self.n_out}
        for source in self.n_in:
            for degree in range(lmax + 1):
                for target in products(source, Irrep(degree, (-1) ** degree)):
                    if target in self.paths:
                        self.paths[target].append(Path(source, degree, target))
        self.paths = {ir: found for ir, found in self.paths.items() if found}
        self.weights = nn.ParameterDict(
            {
                str(ir): nn.Parameter(torch.randn(n_radial, self._fan_in(ir), self.n_out[ir]))
                for ir in self.paths
            }
        )
        for path in {p for found in self.paths.values() for p in found}:
            found = coupling_tensor(path.source.l, path.degree, path.target.l)
            self.register_buffer(_coupling_name(path), found, persistent=False)

    def _fan_in(self, target: Irrep) -> int:
        return sum(self.n_in[path.source] for path in self.paths[target])

    def forward(self, x: Features, radial: Tensor, around: Neighbourhood) -> Features:
        """Return the summed messages of every atom; `radial` is (m, n_radial)."""
        pooled = sum_over_neighbours(radial, self._products(x, around), around.graph)
        out: Features = {}
        start = 0
        for target in self.paths:
            width = target.dim * self._fan_in(target)
            weight = self.weights[str(target)]
            # Path normalisation of e3nn: component norm, every path element counted once.
            scale = (target.dim / self._fan_in(target) / self.n_hidden) ** 0.5
            part = pooled[:, :, start : start + width]
            n = part.shape[0]
            part = part.reshape(n, self.n_radial, target.dim, -1).transpose(1, 2)
            mixed = part.reshape(n * target.dim, -1) @ weight.flatten(0, 1)
            out[target] = (mixed * scale).view(n, target.dim, -1)
            start += width
        return out

    @torch.no_grad()
    def change_radial(self, matrix: Tensor) -> None:
        """Expect (m, k) radial functions b with b @ matrix = h from now on, instead of h."""
        self.n_radial = matrix.shape[0]
        for ir, weight in self.weights.items():
            mixed = torch.einsum("kh,hio->kio", matrix, weight)
            self.weights[ir] = nn.Parameter(mixed, requires_grad=False)

    def _products(self, x: Features, around: Neighbourhood) -> Tensor:
        """Return (m, all paths and channels) products of neighbour features with harmonics."""
        neighbours = around.graph.edge_index[1]
        at_edges = {ir: block.index_select(0, neighbours) for ir, block in x.items()}
        columns: list[Tensor] = []
        for found in self.paths.values():
            blocks = []
            for path in found:
                source, y = at_edges[path.source], around.harmonics[path.degree]
                if path.degree == 0:  # Y_0 = 1, and the coupling is the unit matrix / sqrt(2l+1)
                    blocks.append(source * path.source.dim**-0.5)
                    continue
                turn = torch.einsum("mb,abc->mca", y, getattr(self, _coupling_name(path)))
                blocks.append(turn * source if path.source.dim == 1 else torch.bmm(turn, source))
            columns.append(torch.cat(blocks, dim=2).flatten(1))
        return torch.cat(columns, dim=1)


def _coupling_name(path: Path) -> str:
    return f"coupling_{path.source}_{path.degree}_{path.target}"


def sum_over_neighbours(radial: Tensor, products: Tensor, graph: CrystalGraph) -> Tensor:
    """Return (n, k, c): sum over the edges of every atom of radial (m, k) x products (m, c)."""
    if radial.device.type in SEGMENT_DEVICES:
        summed: Tensor = _SegmentProduct.apply(  # type: ignore[no-untyped-call]
            radial, products, graph.first_edges
        )
        return summed
    slots = graph.neighbour_slots
    h = torch.cat([radial, radial.new_zeros(1, radial.shape[1])])[slots]
    z = torch.cat([products, products.new_zeros(1, products.shape[1])])[slots]
    return torch.bmm(h.transpose(1, 2), z)


class _SegmentProduct(torch.autograd.Function):
    """One matrix product an atom over its own run of edges: no padding, no copies (for CPUs)."""

    @staticmethod
    def forward(ctx: Any, radial: Tensor, products: Tensor, first: list[int]) -> Tensor:
        ctx.save_for_backward(radial, products)
        ctx.first = first
        out = radial.new_empty(len(first) - 1, radial.shape[1], products.shape[1])
        for atom, (a, b) in enumerate(pairwise(first)):
            torch.mm(radial[a:b].T, products[a:b], out=out[atom])
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        radial, products = ctx.saved_tensors
        d_products = torch.empty_like(products)
        d_radial = torch.empty_like(radial) if ctx.needs_input_grad[0] else None
        for atom, (a, b) in enumerate(pairwise(ctx.first)):
            slope = gradients[0][atom]
            torch.mm(radial[a:b], slope, out=d_products[a:b])
            if d_radial is not None:
                torch.mm(products[a:b], slope.T, out=d_radial[a:b])
        return d_radial, d_products, None


class SelfConnection(nn.Module):
    """One linear map an irrep from every atom to itself: the edge of zero length of the paper."""

    def __init__(self, irreps_in: Irreps, irreps_out: Irreps) -> None:
        super().__init__()
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.weights = nn.ParameterDict(
            {str(ir): nn.Parameter(torch.randn(n_in[ir], n_out[ir])) for ir in n_out if ir in n_in}
        )

    def forward(self, x: Features) -> Features:
        """Return the mapped features of every irrep that occurs on both sides."""
        return {
            ir: block @ (self.weights[str(ir)] * block.shape[2] ** -0.5)
            for ir, block in x.items()
            if str(ir) in self.weights
        }


class Gate(nn.Module):
    """SiLU on scalars; every other irrep times the sigmoid of a scalar of its own.

    The scalars of the input are first the kept ones, then the gates in the order of the gated
    irreps. Activations have unit second moment, as in e3nn's `Gate`.
    """

    def __init__(self, irreps_out: Irreps) -> None:
        super().__init__()
        n = multiplicities(irreps_out)
        self.n_scalars = n[SCALAR]
        self.gated = {ir: mul for ir, mul in n.items() if ir.l > 0}
        self.irreps_in: Irreps = (
            (self.n_scalars + sum(self.gated.values()), SCALAR),
            *((m, i) for i, m in self.gated.items()),
        )
        self.irreps_out = irreps_out

    def forward(self, x: Features) -> Features:
        """Return the gated features; irreps that no path reached are absent."""
        sizes = [self.n_scalars, *self.gated.values()]
        kept, *gates = torch.split(x[SCALAR], sizes, dim=2)
        out = {SCALAR: functional.silu(kept) * UNIT_SILU}
        for ir, gate in zip(self.gated, gates, strict=True):
            out[ir] = x[ir] * (torch.sigmoid(gate) * UNIT_SIGMOID)
        return out


def add(parts: Iterable[Features], scale: float) -> Features:
    """Return the sum of features over `parts`, times `scale`."""
    total: Features = {}
    for part in parts:
        for ir, block in part.items():
            total[ir] = total[ir] + block if ir in total else block
    return {ir: block * scale for ir, block in total.items()}
