"""The flagship's network: a crystal in, its lattice dynamics out.

Short-range force constants of every bond, Born charges of every atom and the dielectric tensor of
the crystal; `dynamics` makes frequencies of them. The design is ours; what it must obey is physics:
rotation and inversion, the symmetry of second derivatives, neutrality, a dielectric tensor above 1.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from phonodos.model.arrays import (
    Array,
    constant,
    in_pieces,
    indices_like,
    library_of,
    like,
    softplus,
    split,
    sums_at,
    taken,
)
from phonodos.model.bonds import BondedCrystals
from phonodos.model.irreps import AXIAL, SCALAR, TENSOR, Irreps, parse_irreps
from phonodos.model.layers import Features, spherical_harmonics
from phonodos.model.multipoles import DEGREE as MULTIPOLE_DEGREE
from phonodos.model.multipoles import Multipoles
from phonodos.model.neighbours import Around, around
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
from phonodos.model.parameters import Parameters, Table, linear
from phonodos.model.radial import polynomial_cutoff
from phonodos.model.springs import SpringHead, base_stiffness
from phonodos.model.tensors import mixed_matrix, split_scalars
from phonodos.model.trunk import (
    BondFeatures,
    Dense,
    ElementFeatures,
    IrrepLinear,
    Surroundings,
    TrunkLayer,
    element_scalars,
)

MOST_COPIES = 16
LATER = {"copies": 1, "head_multipoles": 0}  # settings of later releases, where they say nothing


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
    head_multipoles: int = Field(
        0,
        ge=0,
        le=WIDEST,
        description="octupoles (and hexadecapoles) of neighbours an atom gives to the pair head",
    )
    charge_hidden: Width = Field(64)
    copies: int = Field(
        1, ge=1, le=MOST_COPIES, description="networks of this size whose mean is the answer"
    )

    @model_serializer(mode="wrap")
    def _as_before(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what earlier releases do not know, where there is none of it."""
        found: dict[str, Any] = written(self)
        for name, nothing in LATER.items():
            if found.get(name) == nothing:
                found.pop(name)
        return found

    @property
    def degree(self) -> int:
        """Highest degree of the spherical harmonics that any part of the network sees."""
        return max(self.lmax, MULTIPOLE_DEGREE) if self.head_multipoles else self.lmax


class Lattice(NamedTuple):
    """Output of the network for a batch: what a harmonic crystal is made of."""

    force_constants: Array  # (bonds, 3, 3) short-range, Phi_ij of the forward edge [eV/A^2]
    born: Array  # (n, 3, 3) Born charges [e], first index field, second displacement
    dielectric: Array  # (n_crystals, 3, 3) electronic
    stiffness: Array  # (bonds,) usual size of a force constant [eV/A^2], weights of the sum rule


class Parts:
    """What a configuration is made of: trunk, pair head and charge heads, and their parameters."""

    def __init__(self, config: LatticeConfig) -> None:
        self.elements = ElementFeatures("elements", config.learned, config.tabulated)
        self.bonds = BondFeatures(config.bessel, config.gaussians, config.cutoff)
        n_elements, n_radial = self.elements.n_features, self.bonds.n_features
        radial = [n_radial + 2 * n_elements, *config.radial_hidden]
        irreps = [((config.embedding, SCALAR),), *map(parse_irreps, config.hidden)]
        self.layers = [
            TrunkLayer(f"layers.{k}", before, after, config.lmax, radial, n_elements)
            for k, (before, after) in enumerate(pairwise(irreps))
        ]
        last = irreps[-1]
        self.springs = SpringHead(
            "springs", last, config.head, n_radial, n_elements, config.head_hidden,
            config.head_mixed, config.head_multipoles,
        )  # fmt: skip
        self.multipoles = (
            Multipoles("multipoles", last, config.head_multipoles, radial)
            if config.head_multipoles
            else None
        )
        axial = AXIAL in [ir for _, ir in last]
        self.charges = ChargeHead("charges", last, n_elements, config.charge_hidden, axial)
        self.table: Table = (
            *self.elements.table,
            *linear("embedding", n_elements, config.embedding),
            *(line for layer in self.layers for line in layer.table),
            *self.springs.table,
            *self.charges.table,
            *(() if self.multipoles is None else self.multipoles.table),
        )


parts_of = lru_cache(maxsize=16)(Parts)


def copy_prefix(number: int) -> str:
    """Return what the names of the parameters of a copy, from 0, start with."""
    return f"copies.{number}."


class Places(NamedTuple):
    """Where atoms and their neighbours are, which all copies of a network see alike."""

    vectors: Array  # (edges, 3) [A]
    lengths: Array  # (edges,) [A]
    harmonics: dict[int, Array]  # by degree, (edges, 2l+1)
    near: Around
    distinct: Array  # (k,) edges of which every other one is a copy but for its direction
    bonds: Array  # (b,) edges that are bonds
    ends: tuple[Array, Array]  # (edges,) atoms i and j
    distances: Array  # (k,) lengths of distinct edges [A]
    fade: Array  # (k,) what is left of their messages near the cutoff

    @classmethod
    def of(cls, crystals: BondedCrystals, config: LatticeConfig, parameter: Array) -> "Places":
        """Return those of a batch, in arrays like a parameter."""
        graph = crystals.seen
        vectors = like(graph.edge_vectors, parameter)
        lengths = library_of(vectors).sqrt((vectors**2).sum(axis=1))
        distinct, bonds = (indices_like(x, vectors) for x in (graph.distinct, crystals.seen_bonds))
        i, j = (indices_like(end, vectors) for end in crystals.seen_ends)
        distances = taken(lengths, distinct)
        harmonics = spherical_harmonics(vectors, config.degree)
        near = around(graph, vectors, harmonics, crystals.representatives)
        fade = polynomial_cutoff(distances, config.cutoff)
        return cls(vectors, lengths, harmonics, near, distinct, bonds, (i, j), distances, fade)


class LatticeNetwork(Network):
    """Trunk, pair head and charge heads; see `LatticeConfig` for the sizes.

    With several `copies` the tensors are the means of theirs: one crystal follows from them, whose
    dynamics costs as much as that of one, and what is taught is the mean.
    """

    config: LatticeConfig

    @classmethod
    def table(cls, config: LatticeConfig) -> Table:
        """Return the parameters of a configuration."""
        table = parts_of(config).table
        if config.copies == 1:
            return table
        return tuple(
            line._replace(name=copy_prefix(k) + line.name)
            for k in range(config.copies)
            for line in table
        )

    def __call__(self, crystals: BondedCrystals) -> Lattice:
        """Return force constants, Born charges and dielectric tensors of a batch."""
        places = Places.of(crystals, self.config, next(iter(self.parameters.values())))
        first, *others = self.each
        total = first._one(crystals, places)
        for other in others:
            more = other._one(crystals, places)
            total = Lattice(*(a + b for a, b in zip(total, more, strict=True)))
        return Lattice(*(x / self.config.copies for x in total)) if others else total

    @property
    def each(self) -> "list[LatticeNetwork]":
        """The copies, as networks of one."""
        if self.config.copies == 1:
            return [self]
        single, held = self.config.model_copy(update={"copies": 1}), self.parameters.items()
        prefixes = map(copy_prefix, range(self.config.copies))
        return [
            LatticeNetwork(single, {k.removeprefix(p): x for k, x in held if k.startswith(p)})
            for p in prefixes
        ]

    def _one(self, crystals: BondedCrystals, places: Places) -> Lattice:
        """Return what one copy says, which this is."""
        p = self.parameters
        parts, near, bond = parts_of(self.config), places.near, places.bonds
        vectors, lengths, harmonics = places.vectors, places.lengths, places.harmonics
        lib = library_of(vectors)
        elements, radii = parts.elements(p, like(crystals.graph.fractions, vectors))
        i, j = (taken(end, places.distinct) for end in places.ends)
        distances, fade = places.distances, places.fade
        reduced = distances - taken(radii, i) - taken(radii, j)
        radial = parts.bonds(distances, reduced)
        edges = lib.concatenate([radial, taken(elements, i), taken(elements, j)], 1)
        own = near.of_centres(elements)
        surroundings = Surroundings(own, near, edges, fade[:, None])
        x = element_scalars(p, "embedding", own)
        for layer in parts.layers:
            x = layer(p, x, surroundings, self.config.neighbours)
        multipoles: Features = {}
        if parts.multipoles is not None:
            found = parts.multipoles(p, x, surroundings, self.config.neighbours)
            multipoles = near.everywhere(found)
        x = near.everywhere(x)
        alike = taken(near.alike, bond)
        base = taken(base_stiffness(distances, reduced, fade), alike)
        i, j = (taken(end, bond) for end in places.ends)

        def springs(some: slice) -> Array:
            edges, kinds = bond[some], alike[some]
            unit = taken(vectors, edges) / taken(lengths, edges)[:, None]
            at_bonds = {degree: taken(y, edges) for degree, y in harmonics.items() if degree}
            return parts.springs(
                p, kept, (i[some], j[some]), elements, taken(radial, kinds), base[some], unit,
                at_bonds,
            )  # fmt: skip

        kept = parts.springs.ends(p, x) | multipoles
        constants = in_pieces(springs, len(bond), of=vectors)
        born, dielectric = parts.charges(p, x, elements, crystals)
        constants, base = near.of_all_bonds(constants, base)
        return Lattice(constants, born, dielectric, base)


class ChargeHead:
    """Born charges of atoms, neutral in sum, and the dielectric tensor of the crystal."""

    def __init__(
        self, name: str, irreps: Irreps, n_elements: int, hidden: int, axial: bool
    ) -> None:
        n_scalars = next(mul for mul, ir in irreps if ir == SCALAR)
        self.axial = axial
        tensors = 8
        out = 2 + 2 * tensors + (tensors if axial else 0)
        self.mlp = Dense(f"{name}.mlp", [n_scalars + n_elements, hidden, out])
        kept = ((tensors, TENSOR), *([(tensors, AXIAL)] if axial else []))
        self.tensors = IrrepLinear(f"{name}.tensors", irreps, kept)
        self.n = tensors
        self.table = (*self.mlp.table, *self.tensors.table)

    def __call__(
        self, p: Parameters, x: Features, elements: Array, crystals: BondedCrystals
    ) -> tuple[Array, Array]:
        """Return (n, 3, 3) Born charges [e] and (n_crystals, 3, 3) dielectric tensors."""
        lib = library_of(elements)
        values = self.mlp(p, lib.concatenate([split_scalars(x), elements], 1))
        kept = self.tensors(p, x)
        eye = constant(np.eye, 3, of=values)
        quadrupole = kept[TENSOR]
        sizes = [1, 1, self.n, self.n] + ([self.n] if self.axial else [])
        charge, polarisability, to_born, to_eps, *to_skew = split(values, sizes, 1)
        born = 2.0 * charge[:, :, None] * eye + mixed_matrix(quadrupole, to_born, 2)
        if self.axial:
            born = born + mixed_matrix(kept[AXIAL], to_skew[0], 1)
        batch, n = indices_like(crystals.graph.batch, values), crystals.graph.n_crystals
        counts = sums_at(n, batch, lib.ones_like(values[:, 0]))
        born = born - taken(_means(born, batch, counts), batch)
        mean = 1.5 + _means(polarisability, batch, counts)[:, 0]
        traceless = _means(mixed_matrix(quadrupole, to_eps, 2), batch, counts)
        norm = lib.sqrt((traceless**2).sum(axis=(1, 2)) + 1e-12)[:, None, None]
        # Eigenvalues of the bounded part stay above -1, so those of eps stay above 1.
        shape = eye + traceless / (1.0 + norm)
        return born, eye + softplus(mean)[:, None, None] * shape


def _means(values: Array, batch: Array, counts: Array) -> Array:
    total = sums_at(len(counts), batch, values)
    return total / counts.reshape(-1, *[1] * (values.ndim - 1))
