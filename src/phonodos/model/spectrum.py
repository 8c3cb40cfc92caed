"""The network of Chen et al. (2021): a crystal graph in, 51 values of the phonon spectrum out.

Scalars 118 -> 64, three gated convolutions with parity, lmax 1,
64x0e -> 32x0e + 32x1o -> 32x0e + 32x1o + 32x1e -> 51x0e, summed over atoms, ReLU, own maximum 1.
One deviation from the paper: messages fade smoothly at the cutoff (`cutoff_width`; 0 restores the
sharp cutoff of the original, whose prediction jumps when a neighbour crosses it).
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field

from phonodos.model.arrays import (
    Array,
    indices_like,
    library_of,
    like,
    sums_at,
    taken,
)
from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import SCALAR, Irreps, parse_irreps
from phonodos.model.layers import (
    Convolution,
    Features,
    Gate,
    SelfConnection,
    add,
    spherical_harmonics,
)
from phonodos.model.neighbours import around
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
from phonodos.model.parameters import Table, linear
from phonodos.model.radial import RadialMLP, compress, looked_up
from phonodos.model.trunk import affine
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


class Parts:
    """What a configuration is made of: radial functions, convolutions and gates of every layer."""

    def __init__(self, config: SpectrumConfig) -> None:
        self.gates = [Gate(parse_irreps(irreps)) for irreps in config.hidden]
        first: Irreps = ((config.embedding, SCALAR),)
        last: Irreps = ((TARGET_GRID.n, SCALAR),)
        inputs = [first, *map(parse_irreps, config.hidden)]
        outputs = [*(gate.irreps_in for gate in self.gates), last]
        # The irreps before every convolution and after it, gates included.
        self.irreps = list(zip(inputs, outputs, strict=True))
        n, hidden = config.radial_basis, config.radial_hidden
        self.radials, self.convolutions, self.self_connections = [], [], []
        self.table: Table = linear("embedding", N_ELEMENTS, config.embedding)
        for k, (before, after) in enumerate(self.irreps):
            self.radials.append(
                RadialMLP(f"radials.{k}", n, hidden, config.cutoff, config.cutoff_width,
                          config.radial_width)
            )  # fmt: skip
            self.convolutions.append(
                Convolution(f"convolutions.{k}", before, after, config.lmax, hidden[-1])
            )
            self.self_connections.append(SelfConnection(f"self_connections.{k}", before, after))
            for part in (self.radials[k], self.convolutions[k], self.self_connections[k]):
                self.table += part.table


parts_of = lru_cache(maxsize=16)(Parts)


class SpectrumNetwork(Network):
    """The paper's network; it gives values up to a factor, `normalise` the spectrum."""

    config: SpectrumConfig

    @classmethod
    def table(cls, config: SpectrumConfig) -> Table:
        """Return the parameters of a configuration."""
        return parts_of(config).table

    def hidden_features(self, graph: CrystalGraph) -> list[Features]:
        """Return the features of all atoms after the embedding and after every layer."""
        p, parts = self.parameters, parts_of(self.config)
        vectors = like(graph.edge_vectors, p["embedding.weight"])
        lib = library_of(vectors)
        distinct = taken(vectors, indices_like(graph.distinct, vectors))
        distances = lib.sqrt((distinct**2).sum(axis=1))
        near = around(graph, vectors, spherical_harmonics(vectors, self.config.lmax))
        embedded = affine(p, "embedding", like(graph.site_masses, vectors))
        x: Features = {SCALAR: lib.clip(embedded, 0.0, None)[:, None, :]}
        layers = [x]
        for k, convolution in enumerate(parts.convolutions):
            messages = convolution(p, x, self.radial(k, distances), near)
            both = [messages, parts.self_connections[k](p, x)]
            x = add(both, self.config.neighbours**-0.5)
            if k < len(parts.gates):
                x = parts.gates[k](x)
            layers.append(x)
        return layers

    def radial(self, layer: int, distances: Array) -> Array:
        """Return the radial functions of a layer at (u,) distances [A]."""
        return parts_of(self.config).radials[layer](self.parameters, distances)

    def __call__(self, graph: CrystalGraph) -> Array:
        """Return (n_crystals, 51) non-negative values, not yet normalised."""
        per_atom = self.hidden_features(graph)[-1][SCALAR][:, 0, :]
        lib, mean = library_of(per_atom), self.config.readout == "mean"
        if mean:
            per_atom = lib.clip(per_atom, 0.0, None)
        batch = indices_like(graph.batch, per_atom)
        total = sums_at(graph.n_crystals, batch, per_atom)
        if mean:
            return total / sums_at(graph.n_crystals, batch, lib.ones_like(per_atom[:, :1]))
        return lib.clip(total, 0.0, None)


def normalise(values: Array) -> Array:
    """Return each row divided by its maximum; a row of zeros stays zero."""
    lib = library_of(values)
    return values / lib.clip(lib.amax(values, 1), lib.finfo(values.dtype).tiny, None)[:, None]


class CompressedSpectrum(SpectrumNetwork):
    """The same function with radial functions from tables: for predictions."""

    def radial(self, layer: int, distances: Array) -> Array:
        """Return the few functions that span the learned ones of a layer."""
        table = self.parameters[f"radials.{layer}.table"]
        return looked_up(table, distances, self.config.cutoff)


def compressed(network: SpectrumNetwork) -> SpectrumNetwork:
    """Return a network of the same function that predicts several times faster.

    The hundred radial functions of every layer are replaced by the few that span them, read from a
    table instead of computed; the convolution's weights absorb the change of basis.
    """
    parts, kept = parts_of(network.config), dict(network.parameters)
    for k, (radial, convolution) in enumerate(zip(parts.radials, parts.convolutions, strict=True)):
        table, matrix = compress(radial, kept)
        for line in radial.table:
            del kept[line.name]
        kept[f"radials.{k}.table"] = table.astype(network.dtype)
        for line in convolution.table:
            weight = np.tensordot(matrix, kept[line.name].astype(np.float64), 1)
            kept[line.name] = weight.astype(network.dtype)
    return CompressedSpectrum(network.config, kept)
