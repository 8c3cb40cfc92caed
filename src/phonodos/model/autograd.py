"""Sums over neighbours in torch, with their gradients: imported where arrays are torch's."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor


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
