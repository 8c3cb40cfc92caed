"""The paper's network as e3nn's documentation would write it: the yardstick for ours.

`FullyConnectedTensorProduct` with weights of every edge from `FullyConnectedNet`, `scatter` by
`index_add`, `o3.Linear` for the edge of zero length, `e3nn.nn.Gate`. `copy_weights` fills it with
the parameters of a `SpectrumNetwork` under torch, after which both must give the same numbers.
"""

import torch
from e3nn import nn as enn
from e3nn import o3
from torch import Tensor, nn
from torch.nn import functional

from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import Irrep
from phonodos.model.layers import Convolution
from phonodos.model.radial import gaussians, smooth_cutoff
from phonodos.model.spectrum import parts_of
from phonodos.training.module import NetworkModule


class PlainConvolution(nn.Module):
    def __init__(self, irreps_in: o3.Irreps, irreps_out: o3.Irreps, radial: list[int]) -> None:
        super().__init__()
        harmonics = o3.Irreps.spherical_harmonics(1)
        self.product = o3.FullyConnectedTensorProduct(
            irreps_in, harmonics, irreps_out, internal_weights=False, shared_weights=False
        )
        self.radial = enn.FullyConnectedNet([*radial, self.product.weight_numel], functional.silu)
        self.itself = o3.Linear(irreps_in, irreps_out)

    def forward(self, x: Tensor, graph: CrystalGraph, basis: Tensor, y: Tensor, fade: Tensor):
        centre, neighbour = graph.edge_index
        weights = self.radial(basis) * fade[:, None]
        messages = self.product(x[neighbour], y, weights)
        out = torch.zeros(len(x), messages.shape[1], dtype=x.dtype).index_add(0, centre, messages)
        return (out + self.itself(x)) / 40.0**0.5


class PlainNetwork(nn.Module):
    def __init__(self, ours: NetworkModule) -> None:
        super().__init__()
        self.config = ours.config
        self.embedding = nn.Linear(118, 64)
        self.gates, self.convolutions = nn.ModuleList(), nn.ModuleList()
        irreps = o3.Irreps("64x0e")
        for hidden in [o3.Irreps(h) for h in self.config.hidden]:
            scalars = o3.Irreps([(m, i) for m, i in hidden if i.l == 0])
            gated = o3.Irreps([(m, i) for m, i in hidden if i.l > 0])
            gates = o3.Irreps([(sum(m for m, _ in gated), "0e")])
            gate = enn.Gate(scalars, [functional.silu], gates, [torch.sigmoid], gated)
            self.gates.append(gate)
            self.convolutions.append(
                PlainConvolution(irreps, gate.irreps_in.simplify(), [10, 100, 100, 100])
            )
            irreps = gate.irreps_out
        self.convolutions.append(PlainConvolution(irreps, o3.Irreps("51x0e"), [10, 100, 100, 100]))

    def forward(self, graph: CrystalGraph) -> Tensor:
        distances = graph.edge_vectors.norm(dim=1)
        config = self.config
        basis = gaussians(distances, config.radial_basis, config.cutoff, config.radial_width)
        fade = smooth_cutoff(distances, self.config.cutoff, self.config.cutoff_width)
        y = o3.spherical_harmonics(
            [0, 1], graph.edge_vectors, normalize=True, normalization="component"
        )
        x = functional.relu(self.embedding(graph.site_masses))
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x, graph, basis, y, fade)
            if index < len(self.gates):
                x = self.gates[index](x)
        total = torch.zeros(graph.n_crystals, x.shape[1], dtype=x.dtype)
        return functional.relu(total.index_add(0, graph.batch, x))


@torch.no_grad()
def copy_weights(plain: PlainNetwork, ours: NetworkModule) -> None:
    """Give `plain` the parameters of `ours`."""
    p, parts = ours.flat(), parts_of(ours.config)
    plain.embedding.weight.copy_(p["embedding.weight"])
    plain.embedding.bias.copy_(p["embedding.bias"])
    for layer, theirs in enumerate(plain.convolutions):
        linear = list(theirs.radial.children())
        for mine, other in zip(parts.radials[layer].table, linear[:-1], strict=True):
            other.weight.copy_(p[mine.name])
        linear[-1].weight.copy_(_edge_weights(p, parts.convolutions[layer], theirs.product))
        flat = []
        for ins in theirs.itself.instructions:
            ir = theirs.itself.irreps_in[ins.i_in].ir
            flat.append(p[f"self_connections.{layer}.weights.{ir}"].flatten())
        theirs.itself.weight.copy_(torch.cat(flat))


def _edge_weights(
    p: dict[str, Tensor], ours: Convolution, product: o3.FullyConnectedTensorProduct
) -> Tensor:
    """Return ours in the order of e3nn's instructions: (hidden, weight_numel)."""
    columns = []
    for ins in product.instructions:
        source, target = product.irreps_in1[ins.i_in1].ir, product.irreps_out[ins.i_out].ir
        degree = product.irreps_in2[ins.i_in2].ir.l
        start = 0
        for path in ours.paths[Irrep(target.l, target.p)]:
            width = ours.n_in[path.source]
            if (path.source, path.degree) == (Irrep(source.l, source.p), degree):
                block = p[ours.weight(path.target)][:, start : start + width, :]
                columns.append(block.flatten(1))
            start += width
    return torch.cat(columns, dim=1)
