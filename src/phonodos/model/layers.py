"""Equivariant layers: the convolution over neighbours and the gate.

Features are kept as one block an irrep, `{irrep: (n, 2l+1, multiplicity)}`, so that every
contraction over channels is a matrix product. `flatten` gives e3nn's layout. A layer knows its
sizes and the names of its parameters (`table`); it is called with the parameters of the network.

The convolution is e3nn's fully connected tensor product of neighbour features with spherical
harmonics, its weights a learned function of distance, summed over neighbours. Written that way the
last, linear layer of the radial MLP is applied to every edge. Because it is linear, the sum over
neighbours can go before it: with hidden radial features h_k(r),

    sum_j [sum_k h_k(r_ij) W_k] (x_j (x) Y_ij) = sum_k W_k [sum_j h_k(r_ij) (x_j (x) Y_ij)],

one small matrix product an atom instead of one an edge; the numbers are the same.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import (
    Array,
    constant,
    folded,
    library_of,
    sigmoid,
    silu,
    split,
    taken,
)
from phonodos.model.couplings import coupling, raising
from phonodos.model.irreps import SCALAR, Irrep, Irreps, multiplicities, products
from phonodos.model.neighbours import Around, edge_chunks, segment_products, segment_sums
from phonodos.model.parameters import Normal, Parameter, Parameters, Table
from phonodos.model.radial import UNIT_SIGMOID, UNIT_SILU

Features = dict[Irrep, Array]


def flatten(features: Features) -> Array:
    """Return features in e3nn's flat layout, irreps in the order of the mapping."""
    blocks = [x.swapaxes(1, 2).reshape(len(x), -1) for x in features.values()]
    return library_of(blocks[0]).concatenate(blocks, 1)


@cache
def _raising(degree: int) -> NDArray[np.float64]:
    return raising(degree).reshape(-1, 2 * degree + 3)


def spherical_harmonics(vectors: Array, lmax: int) -> dict[int, Array]:
    """Return {l: (m, 2l+1)} spherical harmonics of the directions, component normalised.

    Those of degree 1 are sqrt(3) times x, y, z; higher ones are products of lower ones.
    """
    lib = library_of(vectors)
    lengths = lib.sqrt((vectors**2).sum(axis=1))
    unit = vectors / lib.clip(lengths, 1e-12, None)[:, None]
    found = {0: lib.ones_like(unit[:, :1]), 1: 3.0**0.5 * unit}
    for degree in range(1, lmax):
        product = (found[degree][:, :, None] * found[1][:, None, :]).reshape(len(unit), -1)
        found[degree + 1] = product @ constant(_raising, degree, of=unit)
    return {degree: found[degree] for degree in range(lmax + 1)}


class Path(NamedTuple):
    """One way two irreps multiply to a third: input, degree of the harmonic, output."""

    source: Irrep
    degree: int
    target: Irrep


@cache
def turning(first: int, degree: int, third: int) -> NDArray[np.float64]:
    """Return (2b+1, (2c+1)(2a+1)) the `coupling` of a, b, c as a map of harmonics to matrices."""
    plain = coupling(first, degree, third).transpose(1, 2, 0)
    return plain.reshape(2 * degree + 1, -1)


class Convolution:
    """sum_j W(|r_ij|) x_j (x) Y(r_ij), every admissible path, scaled like e3nn's tensor product.

    Parameters
    ----------
    name
        Of its parameters: ``name.weights.IRREP``.
    irreps_in, irreps_out
        Irreps of the features before and after.
    lmax
        Highest degree of the spherical harmonics.
    n_radial
        Number of hidden radial features h_k(r) that it is scaled for. It takes any number that
        its weights have.
    """

    def __init__(
        self, name: str, irreps_in: Irreps, irreps_out: Irreps, lmax: int, n_radial: int
    ) -> None:
        self.name, self.n_hidden = name, n_radial
        self.n_in = multiplicities(irreps_in)
        self.n_out = multiplicities(irreps_out)
        self.paths: dict[Irrep, list[Path]] = {ir: [] for ir in self.n_out}
        for source in self.n_in:
            for degree in range(lmax + 1):
                for target in products(source, Irrep(degree, (-1) ** degree)):
                    if target in self.paths:
                        self.paths[target].append(Path(source, degree, target))
        self.paths = {ir: found for ir, found in self.paths.items() if found}
        self.table: Table = tuple(
            Parameter(self.weight(ir), (n_radial, self.fan_in(ir), self.n_out[ir]), Normal())
            for ir in self.paths
        )

    def weight(self, target: Irrep) -> str:
        """Return the name of the weights of an irrep."""
        return f"{self.name}.weights.{target}"

    def fan_in(self, target: Irrep) -> int:
        """Return the number of channels over all paths to an irrep."""
        return sum(self.n_in[path.source] for path in self.paths[target])

    def __call__(self, p: Parameters, x: Features, radial: Array, around: Around) -> Features:
        """Return the summed messages of every atom; `radial` (u, k) is of the distinct edges."""
        pooled = self._pooled(x, radial, around)
        out: Features = {}
        start, n, k = 0, len(pooled), radial.shape[1]
        for target in self.paths:
            fan_in = self.fan_in(target)
            width = target.dim * fan_in
            weight = p[self.weight(target)]
            # Path normalisation of e3nn: component norm, every path element counted once.
            scale = (target.dim / fan_in / self.n_hidden) ** 0.5
            part = pooled[:, :, start : start + width].reshape(n, k, target.dim, -1)
            part = part.swapaxes(1, 2).reshape(n * target.dim, -1)
            mixed = part @ weight.reshape(-1, weight.shape[2])
            out[target] = (mixed * scale).reshape(n, target.dim, -1)
            start += width
        return out

    def _pooled(self, x: Features, radial: Array, around: Around) -> Array:
        """Return (n, k, c) sums over neighbours of radial functions times products."""
        if not isinstance(radial, np.ndarray):
            every = slice(None)
            return segment_sums(
                taken(radial, around.alike), self._products(x, around, every), around
            )
        width = sum(ir.dim * self.fan_in(ir) for ir in self.paths)
        out = np.zeros((around.n_atoms, radial.shape[1], width), dtype=radial.dtype)
        for atoms, edges in edge_chunks(around):
            found = self._products(x, around, edges)
            segment_products(out, radial.take(around.alike[edges], axis=0), found, around, atoms)
        return out

    def _products(self, x: Features, around: Around, edges: slice) -> Array:
        """Return (m, all paths and channels) products of neighbour features with harmonics."""
        neighbours = around.neighbours[edges]
        at_edges = {ir: taken(block, neighbours) for ir, block in x.items()}
        lib, columns = library_of(around.vectors), []
        for found in self.paths.values():
            blocks = []
            for path in found:
                source, y = at_edges[path.source], around.harmonics[path.degree][edges]
                if path.degree == 0:  # Y_0 = 1, and the coupling is the unit matrix / sqrt(2l+1)
                    blocks.append(source * path.source.dim**-0.5)
                    continue
                blocks.append(harmonic_product(source, y, *path_degrees(path)))
            columns.append(lib.concatenate(blocks, 2).reshape(len(neighbours), -1))
        return lib.concatenate(columns, 1)


def path_degrees(path: Path) -> tuple[int, int, int]:
    """Return the three degrees of a path."""
    return path.source.l, path.degree, path.target.l


def harmonic_product(block: Array, harmonic: Array, first: int, second: int, third: int) -> Array:
    """Return (m, 2c+1, k) of (m, 2a+1, k) features and (m, 2b+1) harmonics, their `coupling`."""
    turn = harmonic @ constant(turning, first, second, third, of=harmonic)
    turn = turn.reshape(-1, 2 * third + 1, 2 * first + 1)
    return turn * block if first == 0 else turn @ block


class SelfConnection:
    """One linear map an irrep from every atom to itself: the edge of zero length of the paper."""

    def __init__(self, name: str, irreps_in: Irreps, irreps_out: Irreps) -> None:
        self.name = name
        n_in, n_out = multiplicities(irreps_in), multiplicities(irreps_out)
        self.table: Table = tuple(
            Parameter(f"{name}.weights.{ir}", (n_in[ir], n_out[ir]), Normal())
            for ir in n_out
            if ir in n_in
        )

    def __call__(self, p: Parameters, x: Features) -> Features:
        """Return the mapped features of every irrep that occurs on both sides."""
        found = {}
        for ir, block in x.items():
            weight = p.get(f"{self.name}.weights.{ir}")
            if weight is not None:
                found[ir] = folded(block, weight * block.shape[2] ** -0.5)
        return found


class Gate:
    """SiLU on scalars; every other irrep times the sigmoid of a scalar of its own.

    The scalars of the input are first the kept ones, then the gates in the order of the gated
    irreps. Activations have unit second moment, as in e3nn's `Gate`.
    """

    def __init__(self, irreps_out: Irreps) -> None:
        n = multiplicities(irreps_out)
        self.n_scalars = n[SCALAR]
        self.gated = {ir: mul for ir, mul in n.items() if ir.l > 0}
        self.irreps_in: Irreps = (
            (self.n_scalars + sum(self.gated.values()), SCALAR),
            *((m, i) for i, m in self.gated.items()),
        )
        self.irreps_out = irreps_out

    def __call__(self, x: Features) -> Features:
        """Return the gated features; irreps that no path reached are absent."""
        kept, *gates = split(x[SCALAR], [self.n_scalars, *self.gated.values()], 2)
        out = {SCALAR: silu(kept) * UNIT_SILU}
        for ir, gate in zip(self.gated, gates, strict=True):
            out[ir] = x[ir] * (sigmoid(gate) * UNIT_SIGMOID)
        return out


def add(parts: Iterable[Features], scale: float) -> Features:
    """Return the sum of features over `parts`, times `scale`."""
    total: Features = {}
    for part in parts:
        for ir, block in part.items():
            total[ir] = total[ir] + block if ir in total else block
    return {ir: block * scale for ir, block in total.items()}
