"""Couplings and harmonics against e3nn's, whose phases the weights are made for."""

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.spatial.transform import Rotation

from phonodos.model.couplings import coupling, representation
from phonodos.model.irreps import Irrep
from phonodos.model.layers import spherical_harmonics


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(5))
def test_couplings_are_those_of_e3nn(first: int, second: int) -> None:
    for third in range(abs(first - second), min(first + second, 6) + 1):
        theirs = o3.wigner_3j(first, second, third, dtype=torch.float64).numpy()
        np.testing.assert_allclose(coupling(first, second, third), theirs, atol=1e-14)


def test_what_does_not_couple() -> None:
    with pytest.raises(ValueError, match="degrees 1 and 1 do not couple to 3"):
        coupling(1, 1, 3)


@pytest.mark.parametrize("lmax", range(5))
def test_harmonics_are_those_of_e3nn(lmax: int) -> None:
    torch.manual_seed(0)
    vectors = torch.randn(50, 3, dtype=torch.float64)
    found = spherical_harmonics(vectors, lmax)
    assert list(found) == list(range(lmax + 1))
    for degree, values in found.items():
        theirs = o3.spherical_harmonics(degree, vectors, True, normalization="component")
        torch.testing.assert_close(values, theirs, rtol=0.0, atol=1e-13)
    assert spherical_harmonics(vectors.float(), lmax)[lmax].dtype == torch.float32


@pytest.mark.parametrize("degree", range(5))
def test_representations_turn_harmonics(degree: int) -> None:
    turns = Rotation.random(6, random_state=1).as_matrix()
    turns[3:] *= -1.0
    vectors = np.random.default_rng(2).normal(size=(7, 3))
    found = representation(turns, Irrep(degree, (-1) ** degree))
    before = spherical_harmonics(vectors, max(degree, 1))[degree]
    for turn, matrix in zip(turns, found, strict=True):
        after = spherical_harmonics(vectors @ turn.T, max(degree, 1))[degree]
        np.testing.assert_allclose(before @ matrix.T, after, atol=1e-12)
    other = representation(turns, Irrep(degree, -((-1) ** degree)))
    signs = np.where(np.arange(6) < 3, 1.0, -1.0)[:, None, None]  # of inversion
    np.testing.assert_allclose(other, signs * found, atol=1e-12)
