"""The dipole term: Hermitian, periodic up to its phase, turns with the crystal, splits LO-TO."""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.dipole import COULOMB, dipole_term

Array = np.ndarray


@pytest.fixture
def polar(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """A skewed cell of three atoms with general, neutral Born charges and an anisotropic eps."""
    cell = np.array([[4.0, 0.3, -0.2], [1.1, 4.6, 0.4], [-0.7, 0.5, 5.2]])
    coords = rng.random((3, 3))
    born = rng.normal(size=(3, 3, 3))
    eps = np.array([[6.0, 0.4, 0.1], [0.4, 3.0, -0.2], [0.1, -0.2, 2.0]])
    return cell, coords, born - born.mean(axis=0), eps


def test_hermitian_and_conjugate(polar: tuple[Array, ...], rng: np.random.Generator) -> None:
    q = rng.normal(size=(4, 3))
    matrices = dipole_term(q, *polar).reshape(4, 9, 9)
    np.testing.assert_allclose(matrices, matrices.conj().transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(
        matrices.conj(), dipole_term(-q, *polar).reshape(4, 9, 9), atol=1e-12
    )
    assert np.abs(matrices.imag).max() > 1e-3


def test_periodic_up_to_the_phase(polar: tuple[Array, ...], rng: np.random.Generator) -> None:
    cell, coords = polar[:2]
    q = rng.normal(size=3)
    shift = 2 * np.pi * np.linalg.inv(cell) @ [1, -2, 1]
    first, second = dipole_term(np.array([q, q + shift]), *polar)
    phase = np.exp(-1j * coords @ cell @ shift)
    expected = phase[:, None, None, None] * first * phase.conj()[None, None, :, None]
    np.testing.assert_allclose(second, expected, atol=1e-6)


def test_limit_at_gamma(polar: tuple[Array, ...]) -> None:
    """What a direction adds at Gamma is 4 pi e^2 / V (n.Z_i)(n.Z_j) / n.eps.n: LO-TO splitting."""
    cell, _, born, eps = polar
    direction = np.array([0.6, -0.48, 0.64])
    at, near = dipole_term(np.array([np.zeros(3), 1e-5 * direction]), *polar)
    charge = np.einsum("a,iab->ib", direction, born)
    expected = 4 * np.pi * 14.39964548 / abs(np.linalg.det(cell))
    expected *= np.einsum("ia,jb->iajb", charge, charge) / (direction @ eps @ direction)
    np.testing.assert_allclose(near - at, expected, atol=1e-4)


def test_turns_with_the_crystal(polar: tuple[Array, ...], rng: np.random.Generator) -> None:
    cell, coords, born, eps = polar
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    q = rng.normal(size=(2, 3))
    turned = dipole_term(
        q @ turn.T, cell @ turn.T, coords, turn @ born @ turn.T, turn @ eps @ turn.T
    )
    expected = np.einsum("ab,qibjc,dc->qiajd", turn, dipole_term(q, *polar), turn)
    np.testing.assert_allclose(turned, expected, atol=1e-10)


def test_point_charges_do_not_shift_together(rock_salt: Crystal) -> None:
    """Cubic rock salt: the whole term vanishes by symmetry at Gamma, but for its self part."""
    born = np.array([np.eye(3), -np.eye(3)])
    term = dipole_term(
        np.zeros((1, 3)), rock_salt.cell, rock_salt.frac_coords, born, 2.0 * np.eye(3)
    )[0].real
    for i in range(2):
        for j in range(2):
            block = term[i, :, j, :]
            np.testing.assert_allclose(block, block[0, 0] * np.eye(3), atol=1e-10)


def test_coulomb_constant() -> None:
    assert pytest.approx(27.211386245988 * 0.529177210903, rel=1e-9) == COULOMB


def test_strongly_anisotropic_tensors_stay_small(rock_salt: Crystal) -> None:
    """The sum runs over an ellipsoid: a metal in the plane does not make it endless."""
    born = np.array([np.eye(3), -np.eye(3)])
    eps = np.diag([1.1, 170.0, 8.0])
    term = dipole_term(np.full((1, 3), 0.1), rock_salt.cell, rock_salt.frac_coords, born, eps)
    assert np.isfinite(term).all()
