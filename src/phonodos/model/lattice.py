"""The flagship's network: a crystal in, its lattice dynamics out.

Short-range force constants of every bond, Born charges of every atom and the dielectric tensor of
the crystal; `dynamics` makes frequencies of them. The design is ours; what it must obey is physics:
rotation and inversion, the symmetry of second derivatives, neutrality, a dielectric tensor above 1.
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from phonodos.model.bonds import BondedCrystals
from phonodos.model.irreps import AXIAL, SCALAR, TENSOR, Irreps, parse_irreps
from phonodos.model.layers import Features, spherical_harmonics
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
from phonodos.model.radial import polynomial_cutoff
from phonodos.model.springs import SpringHead, base_stiffness
from phonodos.model.tensors import mixed_matrix, split_scalars
from phonodos.model.trunk import (
    BondFeatures,
    ElementFeatures,
    IrrepLinear,
    Surroundings,
    TrunkLayer,
    dense,
    element_scalars,
)


class LatticeConfig(NetworkConfig):
    """Every hyperparameter of the flagship's network."""

    kind: Literal["lattice"] = "lattice"
    cutoff: Cutoff = Field(6.0, description="bonds shorter than this [A]")
    learned: int = Field(8, ge=0, le=WIDEST, description="learned numbers an element")
    tabulated: int = Field(
        16, ge=0, le=WIDEST, description="numbers an element from its properties"
    )
    bessel: int = Field(10, gt=1, le=WIDEST, description="Bessel functions of the distance")
    gaussians: int = Field(10, gt=1, le=WIDEST, description="Gaussians of the reduced distance")
    embedding: Width = Field(48, description="scalars an atom starts with")
    hidden: tuple[IrrepsText, ...] = Field(
        ("48x0e+24x1o+16x2e", "48x0e+24x1o+16x1e+16x2e"),
        max_length=MOST_LAYERS,
        description="irreps after each layer",
    )
    lmax: int = Field(2, ge=2, le=4, description="highest degree of the spherical harmonics")
    radial_hidden: tuple[Width, ...] = Field((64, 64), min_length=1, max_length=MOST_LAYERS)
    neighbours: Neighbours = Field(49.0, description="messages are divided by its square root")
    head: tuple[Width, Width, Width] = Field(
        (32, 12, 12), description="scalars, vectors, tensors an atom gives to the pair head"
    )
    head_hidden: tuple[Width, ...] = Field((128, 96), min_length=1, max_length=MOST_LAYERS)
    head_mixed: Width = Field(8, description="tensors a bond is expanded in, each parity")
    charge_hidden: Width = Field(64)


class Lattice(NamedTuple):
    """Output of the network for a batch: what a harmonic crystal is made of."""

    force_constants: Tensor  # (bonds, 3, 3) short-range, Phi_ij of the forward edge [eV/A^2]
    born: Tensor  # (n, 3, 3) Born charges [e], first index field, second displacement
    dielectric: Tensor  # (n_crystals, 3, 3) electronic
    stiffness: Tensor  # (bonds,) usual size of a force constant [eV/A^2], weights of the sum rule


class LatticeNetwork(Network):
    """Trunk, pair head and charge heads; see `LatticeConfig` for the sizes."""

    config: LatticeConfig

    def __init__(self, config: LatticeConfig) -> None:
        super().__init__()
        self.config = config
        self.elements = ElementFeatures(config.learned, config.tabulated)
        self.bonds = BondFeatures(config.bessel, config.gaussians, config.cutoff)
        n_elements, n_radial = self.elements.n_features, self.bonds.n_features
        self.embedding = nn.Linear(n_elements, config.embedding)
        radial = [n_radial + 2 * n_elements, *config.radial_hidden]
        irreps = [((config.embedding, SCALAR),), *map(parse_irreps, config.hidden)]
        self.layers = nn.ModuleList(
            [
                TrunkLayer(before, after, config.lmax, radial, n_elements)
                for before, after in pairwise(irreps)
            ]
        )
        last = irreps[-1]
        self.springs = SpringHead(
            last, config.head, n_radial, n_elements, config.head_hidden, config.head_mixed
        )
        self.axial = AXIAL in [ir for _, ir in last]
        self.charges = ChargeHead(last, n_elements, config.charge_hidden, self.axial)

    def forward(self, crystals: BondedCrystals) -> Lattice:
        """Return force constants, Born charges and dielectric tensors of a batch."""
        own = self.embedding.weight
        crystals = crystals.to(device=own.device, dtype=own.dtype)
        graph = crystals.graph
        elements, radii = self.elements(graph.fractions)
        lengths = torch.linalg.vector_norm(graph.edge_vectors, dim=1)
        distances = lengths[graph.distinct]
        i, j = graph.edge_index[:, graph.distinct]
        reduced = distances - radii[i] - radii[j]
        fade = polynomial_cutoff(distances, self.config.cutoff)
        radial = self.bonds(distances, reduced)
        harmonics = spherical_harmonics(graph.edge_vectors, self.config.lmax)
        edges = torch.cat([radial, elements[i], elements[j]], dim=1)
        around = Surroundings(elements, graph, edges, fade[:, None], harmonics)
        x = element_scalars(elements, self.embedding)
        for layer in self.layers:
            x = layer(x, around, self.config.neighbours)
        bond, like = crystals.forward, graph.alike[crystals.forward]
        base = base_stiffness(distances, reduced, fade)[like]
        unit = graph.edge_vectors[bond] / lengths[bond, None]
        at_bonds = {degree: y[bond] for degree, y in harmonics.items()}
        springs = self.springs(x, crystals.ends, elements, radial[like], base, unit, at_bonds)
        born, dielectric = self.charges(x, elements, crystals)
        return Lattice(springs, born, dielectric, base)


class ChargeHead(nn.Module):
    """Born charges of atoms, neutral in sum, and the dielectric tensor of the crystal."""

    def __init__(self, irreps: Irreps, n_elements: int, hidden: int, axial: bool) -> None:
        super().__init__()
        n_scalars = next(mul for mul, ir in irreps if ir == SCALAR)
        self.axial = axial
        tensors = 8
        self.mlp = dense(
            [n_scalars + n_elements, hidden, 2 + 2 * tensors + (tensors if axial else 0)]
        )
        self.tensors = IrrepLinear(
            irreps, ((tensors, TENSOR), *([(tensors, AXIAL)] if axial else []))
        )
        self.n = tensors

    def forward(
        self, x: Features, elements: Tensor, crystals: BondedCrystals
    ) -> tuple[Tensor, Tensor]:
        """Return (n, 3, 3) Born charges [e] and (n_crystals, 3, 3) dielectric tensors."""
        values = self.mlp(torch.cat([split_scalars(x), elements], dim=1))
        kept = self.tensors(x)
        eye = torch.eye(3, dtype=values.dtype, device=values.device)
        quadrupole = kept[TENSOR]
        sizes = [1, 1, self.n, self.n] + ([self.n] if self.axial else [])
        charge, polarisability, to_born, to_eps, *to_skew = torch.split(values, sizes, dim=1)
        born = 2.0 * charge[:, :, None] * eye + mixed_matrix(quadrupole, to_born, 2)
        if self.axial:
            born = born + mixed_matrix(kept[AXIAL], to_skew[0], 1)
        batch, n = crystals.graph.batch, crystals.graph.n_crystals
        counts = torch.bincount(batch, minlength=n).to(values.dtype)
        born = born - _means(born, batch, counts)[batch]
        mean = 1.5 + _means(polarisability, batch, counts)[:, 0]
        traceless = _means(mixed_matrix(quadrupole, to_eps, 2), batch, counts)
        norm = traceless.square().sum(dim=(1, 2), keepdim=True).add(1e-12).sqrt()
        # Eigenvalues of the bounded part stay above -1, so those of eps stay above 1.
        shape = eye + traceless / (1.0 + norm)
        return born, eye + functional.softplus(mean)[:, None, None] * shape


def _means(values: Tensor, batch: Tensor, counts: Tensor) -> Tensor:
    total = values.new_zeros(len(counts), *values.shape[1:]).index_add(0, batch, values)
    return total / counts.view(-1, *[1] * (values.dim() - 1))
