"""Irreps as Cartesian 3x3 tensors, and products of irreps channel by channel."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, constant, library_of
from phonodos.model.couplings import coupling
from phonodos.model.irreps import SCALAR
from phonodos.model.layers import Features, harmonic_product


@cache
def _basis(degree: int) -> NDArray[np.float64]:
    # (2l+1, 9): symmetric traceless for l = 2, antisymmetric for l = 1, Frobenius norm 1.
    found = coupling(1, 1, degree) * (2 * degree + 1) ** 0.5
    return np.ascontiguousarray(found.transpose(2, 0, 1)).reshape(-1, 9)


def to_matrix(block: Array, degree: int) -> Array:
    """Return (n, k, 3, 3) Cartesian tensors of (n, 2l+1, k) features of degree 1 (1e) or 2 (2e).

    Degree 2 gives symmetric traceless tensors, degree 1 antisymmetric ones; the Frobenius norm of
    a tensor is the norm of its feature.
    """
    found = block.swapaxes(1, 2) @ constant(_basis, degree, of=block)
    return found.reshape(*found.shape[:2], 3, 3)


def mixed_matrix(block: Array, coefficients: Array, degree: int) -> Array:
    """Return (n, 3, 3): the sum over channels of `coefficients` (n, k) times their tensors."""
    return from_vector(channel_sums(block, coefficients), degree)


def channel_sums(block: Array, coefficients: Array) -> Array:
    """Return (n, 2l+1): the sum over channels of `coefficients` (n, k) times features."""
    return library_of(block).einsum("nmk,nk->nm", block, coefficients)


def from_vector(vector: Array, degree: int) -> Array:
    """Return (n, 3, 3) Cartesian tensors of (n, 2l+1) features, as `to_matrix`."""
    return (vector @ constant(_basis, degree, of=vector)).reshape(-1, 3, 3)


def scalar_product(block: Array, harmonic: Array, degree: int) -> Array:
    """Return (n, k): the `unit_product` to scalars of features and harmonics of one degree."""
    return library_of(block).einsum("nmk,nm->nk", block, harmonic) * (2 * degree + 1) ** -0.5


def unit_product(block: Array, harmonic: Array, triple: tuple[int, int, int]) -> Array:
    """Return (n, 2 l3 + 1, k) of (n, 2 l1 + 1, k) features and (n, 2 l2 + 1) harmonics.

    Normalised so that features and harmonics of unit components give unit components.
    """
    if triple[0] == 0:
        return harmonic[:, :, None] * block
    return harmonic_product(block, harmonic, *triple) * (2 * triple[2] + 1) ** 0.5


def split_scalars(features: Features) -> Array:
    """Return the (n, k) scalars of features."""
    return features[SCALAR][:, 0, :]
