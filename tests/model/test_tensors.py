"""Irreps as 3x3 tensors."""

from functools import partial

import pytest
import torch
from e3nn import o3

from phonodos.model.tensors import (
    HarmonicProduct,
    _basis,
    mixed_matrix,
    split_scalars,
    to_matrix,
)

assert_close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)
TRIPLES = [(0, 2, 2), (2, 2, 0), (1, 1, 0), (2, 2, 2), (1, 1, 2), (2, 2, 1), (1, 1, 1)]


def block(degree: int, n: int = 4, k: int = 3) -> torch.Tensor:
    torch.manual_seed(degree)
    return torch.randn(n, 2 * degree + 1, k, dtype=torch.float64)


@pytest.mark.parametrize(("degree", "sign"), [(2, 1.0), (1, -1.0)])
def test_symmetry_norm_and_rotation(degree: int, sign: float) -> None:
    x = block(degree)
    m = to_matrix(x, degree)
    assert m.shape == (4, 3, 3, 3)
    torch.testing.assert_close(m, sign * m.mT)
    assert float(m.diagonal(dim1=-2, dim2=-1).sum(-1).abs().max()) < 1e-12
    torch.testing.assert_close(m.norm(dim=(-2, -1)), x.norm(dim=1))
    turn = o3.rand_matrix(dtype=torch.float64)
    irrep = o3.Irrep(degree, 1)
    rotated = torch.einsum("ab,nbk->nak", irrep.D_from_matrix(turn), x)
    assert_close(to_matrix(rotated, degree), turn @ m @ turn.T)


@pytest.mark.parametrize("degree", [1, 2])
def test_mixed_matrix_is_a_sum_over_channels(degree: int) -> None:
    x = block(degree)
    weights = torch.randn(4, 3, dtype=torch.float64)
    wanted = torch.einsum("nk,nkab->nab", weights, to_matrix(x, degree))
    torch.testing.assert_close(mixed_matrix(x, weights, degree), wanted)


@pytest.mark.parametrize("triple", TRIPLES)
def test_products_are_equivariant_and_of_order_one(triple: tuple[int, int, int]) -> None:
    a, b, c = triple
    product = HarmonicProduct(TRIPLES).double()
    x, y = block(a, n=4000, k=1), block(b, n=4000, k=1)[:, :, 0] * 1.0
    if a == b:
        y = torch.randn_like(y)
    z = product(x, y, triple)
    assert z.shape == (4000, 2 * c + 1, 1)
    assert float(z.square().mean()) == pytest.approx(1.0, rel=0.15)
    turn = o3.rand_matrix(dtype=torch.float64)
    d = [o3.Irrep(degree, 1).D_from_matrix(turn) for degree in triple]
    rotated = product(torch.einsum("ab,nbk->nak", d[0], x), y @ d[1].T, triple)
    assert_close(rotated, torch.einsum("ab,nbk->nak", d[2], z))


def test_scalars_are_split_off() -> None:
    features = {o3.Irrep("0e"): torch.ones(2, 1, 5), o3.Irrep("1o"): torch.zeros(2, 3, 4)}
    assert split_scalars(features).shape == (2, 5)


def test_a_prediction_does_not_spoil_training() -> None:
    _basis.cache_clear()
    with torch.inference_mode():
        mixed_matrix(block(2), torch.ones(4, 3, dtype=torch.float64), 2)
    given = block(2).requires_grad_()
    mixed_matrix(given, torch.ones(4, 3, dtype=torch.float64), 2).square().sum().backward()
    assert given.grad is not None
    assert given.grad.abs().max() > 0.1
