"""The network of Chen et al. (2021): a crystal graph in, 51 values of the phonon spectrum out.

Scalars 118 -> 64, three gated convolutions with parity, lmax 1,
64x0e -> 32x0e + 32x1o -> 32x0e + 32x1o + 32x1e -> 51x0e, summed over atoms, ReLU, own maximum 1.
One deviation from the paper: messages fade smoothly at the cutoff (`cutoff_width`; 0 restores the
sharp cutoff of the original, whose prediction jumps when a neighbour crosses it).
"""

import copy
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import SCALAR, Irreps, parse_irreps
from phonodos.model.layers import (
    Convolution,
    Features,
    Gate,
    Neighbourhood,
    Path,
    SelfConnection,
    add,
    spherical_harmonics,
)
from phonodos.model.network import (
    MOST_LAYERS,
    WIDEST,
    Cutoff,
    IrrepsText,
    Neighbours,
    Network,
    NetworkConfig,
    Width,
)
from phonodos.model.radial import GaussianBasis, RadialMLP, compress
from phonodos.physics.elements import N_ELEMENTS
from phonodos.physics.target import TARGET_GRID


class SpectrumConfig(NetworkConfig):
    """Every hyperparameter of the paper's network; the defaults are the paper's."""

    kind: Literal["spectrum"] = "spectrum"
    cutoff: Cutoff = Field(5.0, description="neighbours closer than this [A]")
    cutoff_width: float = Field(
        1.0, ge=0, le=20.0, description="range of the fade-out [A]; 0 = sharp"
    )
    embedding: Width = Field(64, description="scalars an atom starts with")
    hidden: tuple[IrrepsText, ...] = Field(
        ("32x0e+32x1o", "32x0e+32x1o+32x1e"),
        max_length=MOST_LAYERS,
        description="irreps after each gated convolution",
    )
    lmax: int = Field(1, ge=0, le=4, description="highest degree of the spherical harmonics")
    radial_basis: int = Field(10, gt=1, le=WIDEST, description="Gaussians on 0 to cutoff")
    radial_width: float = Field(0.8, gt=0, le=100.0, description="width of a Gaussian in spacings")
    radial_hidden: tuple[Width, ...] = Field((100, 100, 100), min_length=1, max_length=MOST_LAYERS)
    neighbours: Neighbours = Field(40.0, description="messages are divided by its square root")
    readout: Literal["sum", "mean"] = Field(
        "sum", description="sum: ReLU of the sum over atoms; mean: mean over atoms of their ReLU"
    )


class SpectrumNetwork(Network):
    """The paper's network; `forward` gives values up to a factor, `normalise` the spectrum."""

    config: SpectrumConfig

    def __init__(self, config: SpectrumConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Linear(N_ELEMENTS, config.embedding)
        self.basis = GaussianBasis(config.radial_basis, config.cutoff, config.radial_width)
        self.gates = nn.ModuleList([Gate(parse_irreps(irreps)) for irreps in config.hidden])
        self.radials = nn.ModuleList()
        self.convolutions = nn.ModuleList()
        self.self_connections = nn.ModuleList()
        for before, after in self.layer_irreps():
            self.radials.append(
                RadialMLP(self.basis, config.radial_hidden, config.cutoff, config.cutoff_width)
            )
            self.convolutions.append(
                Convolution(before, after, config.lmax, config.radial_hidden[-1])
            )
            self.self_connections.append(SelfConnection(before, after))

    def layer_irreps(self) -> list[tuple[Irreps, Irreps]]:
        """Return the irreps before every convolution and after it, gates included."""
        first: Irreps = ((self.config.embedding, SCALAR),)
        last: Irreps = ((TARGET_GRID.n, SCALAR),)
        inputs = [first, *map(parse_irreps, self.config.hidden)]
        gates = [gate for gate in self.gates if isinstance(gate, Gate)]
        outputs = [*(gate.irreps_in for gate in gates), last]
        return list(zip(inputs, outputs, strict=True))

    def hidden_features(self, graph: CrystalGraph) -> list[Features]:
        """Return the features of all atoms after the embedding and after every layer."""
        distances = torch.linalg.vector_norm(graph.edge_vectors[graph.distinct], dim=1)
        around = Neighbourhood(graph, spherical_harmonics(graph.edge_vectors, self.config.lmax))
        embedded = functional.relu(self.embedding(graph.site_masses))
        x: Features = {SCALAR: embedded[:, None, :]}
        layers = [x]
        for index, convolution in enumerate(self.convolutions):
            radial = self.radials[index](distances).index_select(0, graph.alike)
            messages = convolution(x, radial, around)
            x = add([messages, self.self_connections[index](x)], self.config.neighbours**-0.5)
            if index < len(self.gates):
                x = self.gates[index](x)
            layers.append(x)
        return layers

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Return (n_crystals, 51) non-negative values, not yet normalised."""
        per_atom = self.hidden_features(graph)[-1][SCALAR][:, 0, :]
        if self.config.readout == "mean":
            per_atom = functional.relu(per_atom)
        total = per_atom.new_zeros(graph.n_crystals, TARGET_GRID.n)
        total = total.index_add(0, graph.batch, per_atom)
        if self.config.readout == "mean":
            return total / torch.bincount(graph.batch, minlength=graph.n_crystals)[:, None]
        return functional.relu(total)


@torch.no_grad()
def radial_functions(
    network: SpectrumNetwork, layer: int, distances: NDArray[np.float64]
) -> dict[Path, NDArray[np.float64]]:
    """Return {path: (m, channels in, channels out)} weights of a convolution at distances [A].

    W(r) of sum_j W(|r_ij|) x_j (x) Y(r_ij), the path normalisation included: what Figure 1 d of the
    paper calls learned radial functions. Without a unit, as the features are.
    """
    convolution, radial = network.convolutions[layer], network.radials[layer]
    assert isinstance(convolution, Convolution)
    hidden = radial(torch.from_numpy(distances).to(network.embedding.weight))
    found: dict[Path, NDArray[np.float64]] = {}
    for target, paths in convolution.paths.items():
        weight = convolution.weights[str(target)]
        scale = (target.dim / weight.shape[1] / convolution.n_hidden) ** 0.5
        values = torch.einsum("mh,hio->mio", hidden, weight * scale).double().cpu().numpy()
        ends = np.cumsum([convolution.n_in[path.source] for path in paths])
        found.update(zip(paths, np.split(values, ends[:-1], axis=1), strict=True))
    return found


def normalise(values: Tensor) -> Tensor:
    """Return each row divided by its maximum; a row of zeros stays zero."""
    return values / values.amax(dim=1, keepdim=True).clamp_min(torch.finfo(values.dtype).tiny)


def compressed(network: SpectrumNetwork) -> SpectrumNetwork:
    """Return a network of the same function that predicts several times faster.

    The hundred radial functions of every layer are replaced by the few that span them, read from a
    table instead of computed; the convolution's weights absorb the change of basis.
    """
    fast = copy.deepcopy(network).requires_grad_(False)
    for index, (radial, convolution) in enumerate(
        zip(network.radials, fast.convolutions, strict=True)
    ):
        assert isinstance(radial, RadialMLP)
        assert isinstance(convolution, Convolution)
        fast.radials[index], matrix = compress(radial)
        convolution.change_radial(matrix)
    return fast
