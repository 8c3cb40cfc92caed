"""The flagship's trunk: element features, bond features and gated equivariant convolutions.

A convolution here is depthwise: every path of the tensor product keeps its channels apart, its
weights a function of the distance and of the elements at both ends, and one matrix an irrep mixes
the summed messages. Features are blocks `{irrep: (n, 2l+1, multiplicity)}` as in `layers`.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, constant, folded, in_pieces, library_of, silu
from phonodos.model.couplings import coupling
from phonodos.model.irreps import SCALAR, Irrep, Irreps, multiplicities, products
from phonodos.model.layers import Features, Gate, Path, add, path_degrees
from phonodos.model.neighbours import Around, Channel, EdgeWeights, depthwise
from phonodos.model.parameters import (
    Fixed,
    Normal,
    Parameter,
    Parameters,
    Table,
    dense,
)
from phonodos.model.radial import bessel, evenly, polynomial_cutoff
from phonodos.physics import elements
from phonodos.physics.elements import N_ELEMENTS

CLOSEST, FARTHEST, WIDTH = -0.6, 3.0, 0.4  # of the Gaussians of the reduced distance [A]


def affine(p: Parameters, name: str, x: Array) -> Array:
    """Return x (n, a) times a matrix (b, a), plus a bias."""
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


class Dense:
    """An MLP with SiLU between its layers."""

    def __init__(self, name: str, sizes: list[int]) -> None:
        self.names = [f"{name}.{2 * k}" for k in range(len(sizes) - 1)]
        self.table = dense(name, sizes)

    def __call__(self, p: Parameters, x: Array) -> Array:
        """Return (n, last size) of (n, first size)."""
        return affine(p, self.names[-1], self.hidden(p, x))

    def hidden(self, p: Parameters, x: Array) -> Array:
        """Return (n, last hidden size): what the last layer is applied to."""
        for name in self.names[:-1]:
            x = silu(affine(p, name, x))
        return x

    def last(self, p: Parameters) -> tuple[Array, Array]:
        """Return matrix (last size, last hidden size) and bias of the last layer."""
        name = self.names[-1]
        return p[f"{name}.weight"], p[f"{name}.bias"]


class ElementFeatures:
    """Learned numbers of an element beside an MLP on its tabulated properties.

    Neighbours in the periodic table are neighbours here, so an element that training never showed
    is still known by its properties. A mixed site has the mean of its elements by fraction.
    """

    def __init__(self, name: str, learned: int, tabulated: int, hidden: int = 32) -> None:
        self.name, self.n_features = name, learned + tabulated
        self.mlp = Dense(f"{name}.mlp", [elements.N_PROPERTIES, hidden, tabulated])
        table, radii = elements.standardised_properties(), elements.covalent_radii()
        self.table: Table = (
            Parameter(f"{name}.learned", (N_ELEMENTS, learned), Normal(0.3)),
            Parameter(f"{name}.properties", table.shape, Fixed(table)),
            Parameter(f"{name}.radii", radii.shape, Fixed(radii)),
            *self.mlp.table,
        )

    def __call__(self, p: Parameters, fractions: Array) -> tuple[Array, Array]:
        """Return (n, features) and (n,) covalent radii [A] of sites with (n, 118) fractions."""
        known = self.mlp(p, p[f"{self.name}.properties"])
        table = library_of(known).concatenate([p[f"{self.name}.learned"], known], 1)
        return fractions @ table, fractions @ p[f"{self.name}.radii"]


class BondFeatures:
    """Radial functions of a bond: Bessel functions of r, Gaussians of r minus both radii."""

    def __init__(self, n_bessel: int, n_gauss: int, cutoff: float) -> None:
        self.cutoff, self.n_features = cutoff, n_bessel + n_gauss
        self.n_bessel, self.n_gauss = n_bessel, n_gauss

    def __call__(self, distances: Array, reduced: Array) -> Array:
        """Return (m, features), all of them smoothly zero at the cutoff."""
        lib = library_of(distances)
        centres = constant(evenly, CLOSEST, FARTHEST, self.n_gauss, of=reduced)
        gauss = lib.exp(-(((reduced[:, None] - centres) / WIDTH) ** 2))
        fade = polynomial_cutoff(distances, self.cutoff)[:, None]
        waves = bessel(distances, self.n_bessel, self.cutoff)
        return lib.concatenate([waves, gauss], 1) * fade


class Surroundings(NamedTuple):
    """What a trunk layer needs to know of atoms and edges."""

    elements: Array  # (n, a) element features of the atoms whose neighbours are summed over
    around: Around
    edges: Array  # (u, r) radial functions and the elements of both ends, of distinct edges
    fade: Array  # (u, 1) cutoff function


class IrrepLinear:
    """One matrix an irrep; irreps without a counterpart are dropped."""

    def __init__(self, name: str, irreps_in: Irreps, irreps_out: Irreps) -> None:
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.names = {ir: f"{name}.weights.{ir}" for ir in n_out if ir in n_in}
        self.table: Table = tuple(
            Parameter(found, (n_in[ir], n_out[ir]), Normal(n_in[ir] ** -0.5))
            for ir, found in self.names.items()
        )

    def __call__(self, p: Parameters, x: Features) -> Features:
        """Return the mapped features."""
        return {ir: folded(b, p[self.names[ir]]) for ir, b in x.items() if ir in self.names}


class ElementLinear:
    """One matrix an irrep that depends linearly on the element: the self-connection."""

    def __init__(self, name: str, irreps_in: Irreps, irreps_out: Irreps, n_elements: int) -> None:
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.names = {ir: f"{name}.weights.{ir}" for ir in n_out if ir in n_in}
        self.table: Table = tuple(
            Parameter(
                found,
                (n_elements * n_in[ir], n_out[ir]),
                Normal((n_elements * n_in[ir]) ** -0.5),
            )
            for ir, found in self.names.items()
        )

    def __call__(
        self, p: Parameters, x: Features, elements: Array, kinds: Sequence[Array] = ()
    ) -> Features:
        """Return sum_a elements_a W_a x for every irrep on both sides.

        `kinds` are the atoms of equal elements, all of them: each kind has one matrix then. It is
        for NumPy, where that is quicker; gradients want no such loop.
        """
        out = {}
        for ir, block in x.items():
            if ir not in self.names:
                continue
            weights = p[self.names[ir]]
            if not kinds:
                outer = block[:, :, None, :] * elements[:, None, :, None]
                out[ir] = folded(outer.reshape(*block.shape[:2], -1), weights)
                continue
            firsts = elements[[atoms[0] for atoms in kinds]]
            every = firsts @ weights.reshape(elements.shape[1], -1)
            out[ir] = np.empty((*block.shape[:2], weights.shape[1]), dtype=block.dtype)
            for atoms, matrix in zip(kinds, every, strict=True):
                one = matrix.reshape(block.shape[2], -1)
                out[ir][atoms] = folded(block.take(atoms, axis=0), one)
        return out


@cache
def _coupled(first: int, degree: int, third: int) -> NDArray[np.float64]:
    """Return (c, b a) what couples a sum of harmonics b times features a, features of order one."""
    found = coupling(first, degree, third) * ((2 * third + 1) * (2 * first + 1)) ** 0.5
    return np.ascontiguousarray(found.transpose(2, 1, 0)).reshape(2 * third + 1, -1)


class DepthwiseConvolution:
    """sum_j w(r_ij, elements) x_j (x) Y(r_ij), every path apart, then mixed by one matrix."""

    def __init__(
        self, name: str, irreps_in: Irreps, irreps_out: Irreps, lmax: int, radial: list[int]
    ) -> None:
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.paths = [
            Path(source, degree, target)
            for target in n_out
            for source in n_in
            for degree in range(lmax + 1)
            if target in products(source, Irrep(degree, (-1) ** degree))
        ]
        self.sources = list(n_in)
        self.channels = [
            Channel(self.sources.index(source), source.dim, degree, n_in[source])
            for source, degree, _ in self.paths
        ]
        self.radial = Dense(f"{name}.radial", [*radial, sum(c.size for c in self.channels)])
        fan_in: dict[Irrep, int] = {}
        for path in self.paths:
            fan_in[path.target] = fan_in.get(path.target, 0) + n_in[path.source]
        summed = tuple((size, ir) for ir, size in fan_in.items())
        self.before = IrrepLinear(f"{name}.before", irreps_in, irreps_in)
        self.mix = IrrepLinear(f"{name}.mix", summed, irreps_out)
        self.table = (*self.radial.table, *self.before.table, *self.mix.table)

    def __call__(
        self, p: Parameters, x: Features, near: Surroundings, neighbours: float
    ) -> Features:
        """Return the mixed messages of every atom, divided by the root of `neighbours`."""
        hidden = in_pieces(
            lambda some: self.radial.hidden(p, near.edges[some]), len(near.edges), of=near.edges
        )
        weights = EdgeWeights(hidden, *self.radial.last(p), near.fade)
        before = near.around.everywhere(self.before(p, x))
        # Summed before it is coupled: sum_j Y_b x_a for every atom, all paths of a degree at once.
        sums = depthwise([before[ir] for ir in self.sources], weights, self.channels, near.around)
        summed: dict[Irrep, list[Array]] = {}
        for path, outer in zip(self.paths, sums, strict=True):
            coupled = constant(_coupled, *path_degrees(path), of=outer) @ outer
            summed.setdefault(path.target, []).append(coupled)
        scale, join = neighbours**-0.5, library_of(near.edges).concatenate
        return self.mix(p, {ir: join(found, 2) * scale for ir, found in summed.items()})


class TrunkLayer:
    """Convolution plus self-connection, gated; a skip connection where the irreps allow it."""

    def __init__(
        self, name: str, irreps_in: Irreps, irreps_out: Irreps, lmax: int, radial: list[int],
        n_elements: int,
    ) -> None:  # fmt: skip
        self.gate = Gate(irreps_out)
        inside = self.gate.irreps_in
        self.convolution = DepthwiseConvolution(
            f"{name}.convolution", irreps_in, inside, lmax, radial
        )
        self.self_connection = ElementLinear(
            f"{name}.self_connection", irreps_in, inside, n_elements
        )
        self.table = (*self.convolution.table, *self.self_connection.table)

    def __call__(
        self, p: Parameters, x: Features, near: Surroundings, neighbours: float
    ) -> Features:
        """Return the new features of every atom."""
        messages = self.convolution(p, x, near, neighbours)
        plain = isinstance(near.elements, np.ndarray)
        kinds = near.around.graph.atoms_by_kind if plain else ()
        both = add([messages, self.self_connection(p, x, near.elements, kinds)], 0.5**0.5)
        return self.gate(both)


def element_scalars(p: Parameters, name: str, elements: Array) -> Features:
    """Return the scalars every atom starts with."""
    return {SCALAR: silu(affine(p, name, elements))[:, None, :]}
