"""Sums over neighbours in torch, with their gradients: imported where arrays are torch's."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from phonodos.model.neighbours import Around, Columns, summed_in_chunks

Floats = NDArray[np.floating[Any]]


def padded_product(radial: Tensor, products: Tensor, slots: Tensor) -> Tensor:
    """Return (n, k, c) as `segment_product`, from (n, most) edges of atoms, padded by m."""
    h = torch.cat([radial, radial.new_zeros(1, radial.shape[1])])[slots]
    z = torch.cat([products, products.new_zeros(1, products.shape[1])])[slots]
    return torch.bmm(h.transpose(1, 2), z)


def segment_product(radial: Tensor, products: Tensor, first: list[int]) -> Tensor:
    """Return (n, k, c): sum over the edges of every atom of radial (m, k) x products (m, c)."""
    found: Tensor = _SegmentProduct.apply(radial, products, first)  # type: ignore[no-untyped-call]
    return found


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


def depthwise_sums(
    blocks: list[Tensor], weights: Tensor, every: list[Columns], around: Around
) -> dict[int, Tensor]:
    """Return {l: (n, 2l+1, width)} sums of `depthwise` with their gradients, on a CPU.

    `weights` (u, all sizes) are those of the distinct edges, `every` the columns of all degrees,
    `around` in NumPy. Forward it is NumPy's sum over chunks of edges, and the gradient goes through
    the same chunks: what has a row an edge and a column a product is many times larger than the
    cache, and writing it out is most of a step.
    """
    found = _DepthwiseSums.apply(every, around, weights, *blocks)  # type: ignore[no-untyped-call]
    return {columns.degree: sums for columns, sums in zip(every, found, strict=True)}


class _DepthwiseSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, every: list[Columns], around: Around, weights: Tensor, *blocks: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(weights, *blocks)
        ctx.every, ctx.around = every, around
        arrays, found = [block.detach().numpy() for block in blocks], []
        for columns in every:
            own = weights.detach().numpy().take(columns.weights, axis=1)
            put = columns.weights_of(own, len(around.alike))
            found.append(summed_in_chunks(columns.of_features(arrays), put, columns, around))
        return tuple(map(torch.from_numpy, found))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        weights, *blocks = (saved.detach().numpy() for saved in ctx.saved_tensors)
        around, m = ctx.around, len(ctx.around.alike)
        by_neighbour, by_kind = around.summing
        at_edges = [np.zeros((m, block[0].size), block.dtype) for block in blocks]
        of_weights = np.empty_like(weights)
        for columns, gradient in zip(ctx.every, gradients, strict=True):
            own, slope = weights.take(columns.weights, axis=1), gradient.contiguous().numpy()
            each = _slopes_in_chunks(blocks, own, slope, columns, around, at_edges)
            of_weights[:, columns.weights] = by_kind @ each
        of_blocks = [
            (by_neighbour @ slope).reshape(block.shape)
            for slope, block in zip(at_edges, blocks, strict=True)
        ]
        return None, None, *map(torch.from_numpy, [of_weights, *of_blocks])


def _slopes_in_chunks(
    blocks: list[Floats], weights: Floats, slopes: Floats, columns: Columns, around: Around,
    at_edges: list[Floats],
) -> Floats:  # fmt: skip
    """Return (m, sizes) slopes of the weights of edges; add those of features to `at_edges`.

    `slopes` (n, 2l+1, width) are of the sums of one degree, `weights` (u, sizes) its own.
    """
    m, first = len(around.alike), around.first
    features, put = columns.of_features(blocks), columns.weights_of(weights, m)
    found = np.empty((m, weights.shape[1]), weights.dtype)
    harmonics = around.harmonics[columns.degree]
    # Of one column and one row, which `matmul` is slow at.
    product = np.multiply if columns.degree == 0 else np.matmul
    most = max((edges.stop - edges.start for _, edges in around.chunks), default=0)
    rooms = np.empty((3, most, columns.width), dtype=weights.dtype)
    for atoms, edges in around.chunks:
        slope, near, weight = rooms[:, : edges.stop - edges.start]
        for atom in atoms:
            a, b = first[atom], first[atom + 1]
            out = slope[a - edges.start : b - edges.start]
            product(harmonics[a:b], slopes[atom], out=out)
        features.take(around.neighbours[edges], axis=0, out=near, mode="clip")
        put(around.alike[edges], weight)
        near *= slope
        columns.sum_components(near, found[edges])
        slope *= weight
        for channel, place in columns.parts:
            at_edges[channel.source][edges] += slope[:, place]
    return found
