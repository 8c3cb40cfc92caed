"""Sums over neighbours: the one operation with a body for NumPy and another for torch.

NumPy goes through the edges of a few atoms at a time, so that what is summed stays in the cache;
so does torch on a CPU, with a gradient of its own (`autograd`). On other devices, and where
directions of edges are varied, it takes all edges at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, indices_like, library_of, split, taken
from phonodos.model.graph import CrystalGraph
from phonodos.model.irreps import Irrep

if TYPE_CHECKING:
    from phonodos.model.representatives import Representatives

CHUNK = 256  # edges at a time: their products stay in the cache
AT_ONCE = 96  # of them where a product is as wide as a few thousand numbers
FEW = 2  # edges of a kind in the mean, from which on weights are made once a kind
LARGEST_TABLE = 2**22  # numbers of the weights that are made once a kind, 16 MB
SEGMENT_DEVICES = ("cpu",)  # elsewhere many small products wait for their launches


@dataclass(frozen=True, eq=False)
class Around:
    """What layers need to know of the surroundings of atoms.

    Attributes
    ----------
    graph
        Where it is from.
    vectors
        (m, 3) of the edges [A].
    neighbours
        (m,) atom at the far end.
    alike
        (m,) which of the distinct edges each is like.
    harmonics
        {l: (m, 2l+1)}.
    representatives
        What the graph holds the atoms of; None if it holds all.
    """

    graph: CrystalGraph
    vectors: Array
    neighbours: Array
    alike: Array
    harmonics: dict[int, Array]
    representatives: "Representatives | None" = None

    @property
    def n_atoms(self) -> int:
        """Number of atoms whose neighbours are summed over."""
        return self.graph.n_atoms

    def of_centres(self, values: Array) -> Array:
        """Return the rows of those atoms out of rows of all."""
        seen = self.representatives
        return values if seen is None else seen.of_centres(values)

    def everywhere(self, features: dict[Irrep, Array]) -> dict[Irrep, Array]:
        """Return features of all atoms, of those of the atoms whose neighbours are summed over."""
        seen = self.representatives
        return features if seen is None else seen.everywhere(features)

    def of_all_bonds(self, constants: Array, stiffness: Array) -> tuple[Array, Array]:
        """Return force constants and stiffness of all bonds, of those of the bonds looked at."""
        seen = self.representatives
        if seen is None:
            return constants, stiffness
        return seen.of_all_bonds(constants), seen.of_all_stiffness(stiffness)

    @property
    def first(self) -> list[int]:
        """First edge of every atom, and the number of edges at the end."""
        return self.graph.first_edges

    @cached_property
    def chunks(self) -> list[tuple[range, slice]]:
        """Atoms and their edges as wide products take them, `AT_ONCE` at a time."""
        return list(edge_chunks(self, min(CHUNK, AT_ONCE)))

    @property
    def is_varied(self) -> bool:
        """Whether torch keeps the gradient with respect to the directions of edges."""
        return any(getattr(h, "requires_grad", False) for h in self.harmonics.values())

    @cached_property
    def as_numpy(self) -> "Around":
        """The same surroundings in NumPy's arrays, of the same memory where it is torch's."""
        arrays = [self.vectors, self.neighbours, self.alike, *self.harmonics.values()]
        vectors, neighbours, alike, *harmonics = (
            a if isinstance(a, np.ndarray) else a.detach().numpy() for a in arrays
        )
        degrees = dict(zip(self.harmonics, harmonics, strict=True))
        return Around(self.graph, vectors, neighbours, alike, degrees, self.representatives)

    @cached_property
    def summing(self) -> tuple[Any, Any]:
        """Sparse (n, m) and (u, m) matrices of ones: sums over edges by neighbour and by kind.

        Neighbours are all atoms, whether those around them are summed over or not.
        """
        from scipy.sparse import csr_array

        m, found, seen = len(self.alike), [], self.representatives
        n_atoms = self.n_atoms if seen is None else len(seen.places)
        for places, size in ((self.neighbours, n_atoms), (self.alike, self.n_kinds)):
            starts = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=size))])
            order = np.argsort(places, kind="stable")
            ones = np.ones(m, self.vectors.dtype)
            found.append(csr_array((ones, order, starts), shape=(size, m)))
        return found[0], found[1]

    @property
    def n_kinds(self) -> int:
        """Number of distinct edges."""
        return len(self.graph.distinct)


def around(
    graph: CrystalGraph, vectors: Array, harmonics: dict[int, Array],
    representatives: "Representatives | None" = None,
) -> Around:  # fmt: skip
    """Return the surroundings in the library of the vectors, which are those of the graph."""
    neighbours, alike = (indices_like(x, vectors) for x in (graph.edge_index[1], graph.alike))
    return Around(graph, vectors, neighbours, alike, harmonics, representatives)


def edge_chunks(around: Around, most: int | None = None) -> Iterator[tuple[range, slice]]:
    """Return atoms and their edges, about `CHUNK` or at most so many of them at a time."""
    most = CHUNK if most is None else most
    first, n = around.first, around.n_atoms
    start = 0
    while start < n:
        end = start + 1
        while end < n and first[end + 1] - first[start] <= most:
            end += 1
        if first[end] > first[start]:
            yield range(start, end), slice(first[start], first[end])
        start = end


def segment_products(
    out: NDArray[np.floating], left: NDArray[np.floating], right: NDArray[np.floating],
    around: Around, atoms: range,
) -> None:  # fmt: skip
    """Put left^T right over the edges of every atom into ``out[atom]``; rows are those of a chunk.

    `left` (e, k) and `right` (e, c) hold the edges of `atoms` only.
    """
    first, turned = around.first, left.T
    start = first[atoms.start]
    for atom in atoms:
        a, b = first[atom] - start, first[atom + 1] - start
        np.matmul(turned[:, a:b], right[a:b], out=out[atom])


def segment_sums(radial: Array, products: Array, around: Around) -> Array:
    """Return (n, k, c): sum over the edges of every atom of radial (m, k) x products (m, c)."""
    if isinstance(radial, np.ndarray):
        out = np.zeros((around.n_atoms, radial.shape[1], products.shape[1]), dtype=radial.dtype)
        segment_products(out, radial, products, around, range(around.n_atoms))
        return out
    from phonodos.model.autograd import padded_product, segment_product

    if radial.device.type in SEGMENT_DEVICES:
        return segment_product(radial, products, around.first)
    return padded_product(radial, products, indices_like(around.graph.neighbour_slots, radial))


class Channel(NamedTuple):
    """A path of a depthwise product: features of which irrep, which harmonics, how many channels.

    `source` is the place of the features in what is given to `depthwise`.
    """

    source: int
    dim: int
    degree: int
    size: int


class EdgeWeights(NamedTuple):
    """Weights of the distinct edges, fade (hidden matrix^T + bias), the product not yet made.

    Where most edges are distinct it is made for the edges of a chunk, which stay in the cache.
    """

    hidden: Array  # (u, h)
    matrix: Array  # (all sizes, h)
    bias: Array  # (all sizes,)
    fade: Array  # (u, 1)

    def whole(self) -> Array:
        """Return (u, all sizes) weights."""
        return (self.hidden @ self.matrix.T + self.bias) * self.fade

    def joined(self) -> tuple[Array, Array]:
        """Return (u, h + 1) and (h + 1, all sizes) whose product the weights are, in NumPy."""
        found = np.empty((len(self.hidden), self.hidden.shape[1] + 1), dtype=self.hidden.dtype)
        np.multiply(self.hidden, self.fade, out=found[:, :-1])
        found[:, -1:] = self.fade
        return found, np.concatenate([self.matrix, self.bias[:, None]], axis=1).T


def depthwise(
    blocks: list[Array], weights: EdgeWeights, channels: list[Channel], around: Around
) -> list[Array]:
    """Return sum_j Y(r_ij) x_j w_ij of every channel, (n, (2l+1) dim, size), before coupling.

    Parameters
    ----------
    blocks
        Features of atoms, (n, dim, size) each.
    weights
        Of the distinct edges, those of all channels side by side.
    channels
        What is multiplied.
    around
        Surroundings of the atoms.
    """
    widths: dict[int, int] = {}
    for channel in channels:
        widths[channel.degree] = widths.get(channel.degree, 0) + channel.dim * channel.size
    totals: dict[int, Array]
    if isinstance(weights.hidden, np.ndarray):
        joined = weights.joined()
        totals = {
            degree: _in_chunks(blocks, joined, Columns(channels, degree), around)
            for degree in widths
        }
    elif weights.hidden.device.type in SEGMENT_DEVICES and not around.is_varied:
        from phonodos.model.autograd import depthwise_sums

        every = [Columns(channels, degree) for degree in widths]
        totals = depthwise_sums(blocks, weights.whole(), every, around.as_numpy)
    else:
        totals = _at_once(blocks, weights.whole(), channels, around)
    found, starts = [], dict.fromkeys(widths, 0)
    for _, dim, degree, size in channels:
        start = starts[degree]
        starts[degree] += dim * size
        part = totals[degree][:, :, start : starts[degree]]
        found.append(part.reshape(len(part), -1, size))
    return found


def _at_once(
    blocks: list[Array], weights: Array, channels: list[Channel], around: Around
) -> dict[int, Array]:
    at_edges = [taken(block, around.neighbours) for block in blocks]
    each = split(taken(weights, around.alike), [channel.size for channel in channels], 1)
    columns: dict[int, list[Array]] = {}
    for channel, weight in zip(channels, each, strict=True):
        weighted = at_edges[channel.source] * weight[:, None, :]
        columns.setdefault(channel.degree, []).append(weighted.reshape(len(weighted), -1))
    join = library_of(weights).concatenate
    return {
        degree: segment_sums(around.harmonics[degree], join(found, 1), around)
        for degree, found in columns.items()
    }


PutWeights = Callable[[NDArray[np.int64], NDArray[np.floating]], Any]


class Columns:
    """Where the channels of one degree of a depthwise product lie side by side."""

    def __init__(self, channels: list[Channel], degree: int) -> None:
        self.degree, self.width, at = degree, 0, 0
        self.parts: list[tuple[Channel, slice]] = []
        weights: list[NDArray[np.int64]] = []
        for channel in channels:
            if channel.degree == degree:
                width = channel.dim * channel.size
                self.parts.append((channel, slice(self.width, self.width + width)))
                self.width += width
                weights.append(np.arange(at, at + channel.size))
            at += channel.size
        self.weights = np.concatenate(weights)  # which of those of all channels

    def of_features(self, blocks: list[Array]) -> NDArray[np.floating]:
        """Return (n, width) features of atoms, once a channel that takes them."""
        rows = [blocks[channel.source].reshape(len(blocks[0]), -1) for channel, _ in self.parts]
        return np.concatenate(rows, axis=1)

    def put_weights(self, weights: NDArray[np.floating], out: NDArray[np.floating]) -> None:
        """Put (e, sizes) weights of edges into (e, width), once a component of features."""
        at = 0
        for channel, columns in self.parts:
            one = weights[:, None, at : at + channel.size]
            out[:, columns].reshape(len(out), channel.dim, -1)[...] = one
            at += channel.size

    def sum_components(self, products: NDArray[np.floating], out: NDArray[np.floating]) -> None:
        """Put sums over the components of features (e, width) into (e, sizes)."""
        at = 0
        for channel, columns in self.parts:
            blocks = products[:, columns].reshape(len(products), channel.dim, -1)
            np.einsum("eds->es", blocks, out=out[:, at : at + channel.size])
            at += channel.size

    def has_table(self, kinds: int, edges: int) -> bool:
        """Return whether weights are put into their columns once a kind of edge."""
        return FEW * kinds < edges and kinds * self.width < LARGEST_TABLE

    def weights_of(self, weights: NDArray[np.floating], edges: int) -> PutWeights:
        """Return what puts rows of the (u, sizes) weights of kinds of edges into their room."""
        if not self.has_table(len(weights), edges):
            return lambda kinds, out: self.put_weights(weights.take(kinds, axis=0), out)
        table = np.empty((len(weights), self.width), dtype=weights.dtype)
        self.put_weights(weights, table)
        return lambda kinds, out: table.take(kinds, axis=0, out=out, mode="clip")


def _in_chunks(
    blocks: list[Array], weights: tuple[Array, Array], columns: Columns, around: Around
) -> NDArray[np.floating]:
    """Return (n, 2l+1, width) sums over neighbours of one degree; `weights` are joined ones."""
    hidden, matrix = weights[0], weights[1].take(columns.weights, axis=1)
    if columns.has_table(len(hidden), len(around.alike)):
        put = columns.weights_of(hidden @ matrix, len(around.alike))
    else:

        def put(kinds: NDArray[np.int64], out: NDArray[np.floating]) -> None:
            columns.put_weights(hidden.take(kinds, axis=0) @ matrix, out)

    return summed_in_chunks(columns.of_features(blocks), put, columns, around)


def summed_in_chunks(
    features: NDArray[np.floating], put_weights: PutWeights, columns: Columns, around: Around
) -> NDArray[np.floating]:
    """Return (n, 2l+1, width) sums over neighbours of one degree, in NumPy.

    Features of atoms (n, width) and weights of edges are put into the same columns first: then an
    edge is a row picked from each, and their product one sweep. Channel by channel takes three
    times as long, all degrees at once half as long again: their weights do not stay in the cache.
    """
    width, harmonics = columns.width, around.harmonics[columns.degree]
    total = np.zeros((around.n_atoms, 2 * columns.degree + 1, width), dtype=features.dtype)
    most = max((edges.stop - edges.start for _, edges in around.chunks), default=0)
    room, space = np.empty((2, most, width), dtype=features.dtype)
    for atoms, edges in around.chunks:
        products, weight = room[: edges.stop - edges.start], space[: edges.stop - edges.start]
        # By default what is put out would go through a room of its own, to be checked.
        features.take(around.neighbours[edges], axis=0, out=products, mode="clip")
        put_weights(around.alike[edges], weight)
        products *= weight
        segment_products(total, harmonics[edges], products, around, atoms)
    return total
