"""Irreps as Cartesian 3x3 tensors, and products of irreps channel by channel."""

from functools import cache

import torch
from torch import Tensor, nn

from phonodos.model.couplings import coupling
from phonodos.model.irreps import SCALAR
from phonodos.model.layers import Features, coupling_tensor


@cache
def _basis(degree: int) -> Tensor:
    # (2l+1, 3, 3): symmetric traceless for l = 2, antisymmetric for l = 1, Frobenius norm 1.
    with torch.inference_mode(False):  # it is kept, and training needs it after a prediction
        found = coupling(1, 1, degree) * (2 * degree + 1) ** 0.5
        return torch.from_numpy(found).permute(2, 0, 1).contiguous()


def to_matrix(block: Tensor, degree: int) -> Tensor:
    """Return (n, k, 3, 3) Cartesian tensors of (n, 2l+1, k) features of degree 1 (1e) or 2 (2e).

    Degree 2 gives symmetric traceless tensors, degree 1 antisymmetric ones; the Frobenius norm of
    a tensor is the norm of its feature.
    """
    basis = _basis(degree).to(block)
    return torch.einsum("nmk,mab->nkab", block, basis)


def mixed_matrix(block: Tensor, coefficients: Tensor, degree: int) -> Tensor:
    """Return (n, 3, 3): the sum over channels of `coefficients` (n, k) times their tensors."""
    summed = torch.bmm(block, coefficients[:, :, None])[:, :, 0]
    return (summed @ _basis(degree).to(block).flatten(1)).view(-1, 3, 3)


class HarmonicProduct(nn.Module):
    """Features times spherical harmonics, channel by channel, for chosen (l1, l2, l3).

    Normalised so that features and harmonics of unit components give unit components.
    """

    def __init__(self, triples: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.triples = triples
        for a, b, c in triples:
            scaled = coupling_tensor(a, b, c) * (2 * c + 1) ** 0.5
            self.register_buffer(f"coupling_{a}{b}{c}", scaled, persistent=False)

    def forward(self, block: Tensor, harmonic: Tensor, triple: tuple[int, int, int]) -> Tensor:
        """Return (n, 2 l3 + 1, k) of (n, 2 l1 + 1, k) and (n, 2 l2 + 1)."""
        if triple[0] == 0:
            return harmonic[:, :, None] * block
        turn = torch.einsum(
            "nb,abc->nca", harmonic, getattr(self, "coupling_{}{}{}".format(*triple))
        )
        return torch.bmm(turn, block)


def split_scalars(features: Features) -> Tensor:
    """Return the (n, k) scalars of features."""
    return features[SCALAR][:, 0, :]
