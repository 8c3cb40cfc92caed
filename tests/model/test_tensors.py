"""Irreps as 3x3 tensors."""

from functools import partial

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.spatial.transform import Rotation

from phonodos.model.irreps import Irrep
from phonodos.model.layers import spherical_harmonics
from phonodos.model.tensors import mixed_matrix, split_scalars, to_matrix, unit_product

assert_close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
TRIPLES = [(0, 2, 2), (2, 2, 0), (1, 1, 0), (2, 2, 2), (1, 1, 2), (2, 2, 1), (1, 1, 1)]


def block(degree: int, n: int = 4, k: int = 3) -> np.ndarray:
    return np.random.default_rng(degree).normal(size=(n, 2 * degree + 1, k))


def turning(degree: int, turn: np.ndarray) -> np.ndarray:
    return o3.Irrep(degree, 1).D_from_matrix(torch.from_numpy(turn)).numpy()


@pytest.mark.parametrize(("degree", "sign"), [(2, 1.0), (1, -1.0)])
def test_symmetry_norm_and_rotation(degree: int, sign: float) -> None:
    x = block(degree)
    m = to_matrix(x, degree)
    assert m.shape == (4, 3, 3, 3)
    assert_close(m, sign * m.swapaxes(2, 3))
    assert np.abs(np.trace(m, axis1=2, axis2=3)).max() < 1e-12
    assert_close(np.linalg.norm(m, axis=(2, 3)), np.linalg.norm(x, axis=1))
    turn = Rotation.random(random_state=1).as_matrix()
    assert_close(to_matrix(turning(degree, turn) @ x, degree), turn @ m @ turn.T)


@pytest.mark.parametrize("degree", [1, 2])
def test_mixed_matrix_is_a_sum_over_channels(degree: int) -> None:
    x = block(degree)
    weights = np.random.default_rng(0).normal(size=(4, 3))
    wanted = np.einsum("nk,nkab->nab", weights, to_matrix(x, degree))
    assert_close(mixed_matrix(x, weights, degree), wanted)


@pytest.mark.parametrize("triple", TRIPLES)
def test_products_are_equivariant_and_of_order_one(triple: tuple[int, int, int]) -> None:
    a, b, c = triple
    x = block(a, n=4000)
    vectors = np.random.default_rng(1).normal(size=(4000, 3))
    y = spherical_harmonics(vectors, 2)[b]
    z = unit_product(x, y, triple)
    assert float((z**2).mean()) == pytest.approx(1.0, abs=0.2)
    turn = Rotation.random(random_state=2).as_matrix()
    turned = unit_product(turning(a, turn) @ x, y @ turning(b, turn).T, triple)
    assert_close(turned, turning(c, turn) @ z)


def test_scalars_are_split_off() -> None:
    features = {Irrep(0, 1): np.ones((2, 1, 5)), Irrep(1, -1): np.zeros((2, 3, 4))}
    assert split_scalars(features).shape == (2, 5)


def test_a_prediction_does_not_spoil_training() -> None:
    """A constant that inference made first is part of a gradient afterwards."""
    from phonodos.model import arrays

    arrays._constants.clear()
    given, weights = torch.from_numpy(block(2)), torch.ones(4, 3, dtype=torch.float64)
    with torch.inference_mode():
        mixed_matrix(given, weights, 2)
    given.requires_grad_()
    mixed_matrix(given, weights, 2).square().sum().backward()
    assert given.grad is not None
    assert given.grad.abs().max() > 0.1
