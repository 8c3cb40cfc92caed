"""Strain: volumes, Grueneisen parameters of known laws, refusals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import gruneisen, linear_strain, mode_gammas, strained


def test_volume(rock_salt: Crystal) -> None:
    for e in (-0.03, 0.0, 0.05):
        crystal = strained(rock_salt, e)
        assert crystal.volume == pytest.approx(rock_salt.volume * (1 + e) ** 3)
        assert np.array_equal(crystal.frac_coords, rock_salt.frac_coords)


def test_along_one_axis_and_in_shear(rock_salt: Crystal) -> None:
    stretched = strained(rock_salt, np.diag([0.0, 0.0, 0.02]))
    assert stretched.volume == pytest.approx(rock_salt.volume * 1.02)
    np.testing.assert_allclose(stretched.cell[:, :2], rock_salt.cell[:, :2])
    sheared = strained(rock_salt, 0.01 * np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(
        sheared.cell[:, 0] - rock_salt.cell[:, 0], 0.01 * rock_salt.cell[:, 1]
    )
    assert sheared.volume == pytest.approx(rock_salt.volume * (1 - 1e-4))
    whole = strained(rock_salt, 0.02 * np.eye(3))
    np.testing.assert_allclose(whole.cell, strained(rock_salt, 0.02).cell)


def test_the_isotropic_strain_of_equal_size() -> None:
    assert linear_strain(-0.02 * np.eye(3)) == pytest.approx(-0.02)
    assert linear_strain(np.diag([0.0, 0.0, 0.03])) == pytest.approx(0.03 / 3**0.5)
    assert linear_strain(np.array([[0.0, 0.03, 0], [0.03, 0, 0], [0, 0, 0]])) > 0.0
    assert linear_strain(np.zeros((3, 3))) == 0.0


@pytest.mark.parametrize("gamma", [1.6, -0.4])
@pytest.mark.parametrize("strains", [[-0.03, -0.01, 0.0, 0.02], [-0.01, 0.01]])
def test_a_power_law_is_recovered(gamma: float, strains: list[float]) -> None:
    volume = (1 + np.array(strains)) ** 3
    found = gruneisen(strains, 100 * volume**-gamma, 200 * volume ** (-2 * gamma))
    assert found.mode_average == pytest.approx(gamma, rel=1e-9)
    assert found.mean_frequency == pytest.approx(2 * gamma, rel=1e-9)


def test_the_slope_is_that_at_zero_strain() -> None:
    strains = np.array([-0.03, -0.02, 0.0, 0.01, 0.03])
    v = 3 * np.log1p(strains)
    w = np.exp(-1.5 * v - 3.0 * v**2)
    assert gruneisen(strains, w, w).mode_average == pytest.approx(1.5, rel=1e-9)


def test_refusals(rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError, match="no slope"):
        gruneisen([0.01, 0.01], [1.0, 1.0], [1.0, 1.0])
    for e in (-0.5, 0.3, float("nan")):
        with pytest.raises(ConfigError, match="a strain of"):
            strained(rock_salt, e)
    for tensor in (np.triu(0.01 * np.ones((3, 3))), np.zeros((2, 2)), np.full((3, 3), np.nan)):
        with pytest.raises(ConfigError, match="not symmetric"):
            strained(rock_salt, tensor)
    with pytest.raises(ConfigError, match=r"a strain of 0\.3"):
        strained(rock_salt, np.diag([0.0, 0.3, 0.0]))


def springs(v: float) -> NDArray[np.complex128]:
    """Three modes with gamma 0.5, 2 and -1 whose frequencies cross at v = 1.02."""
    gammas, squares = np.array([0.5, 2.0, -1.0]), np.array([1.0, 1.1, 0.9])
    turn = np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 1.5 + 1j * np.eye(3))[0]
    return np.asarray(turn @ np.diag(squares * v ** (-2.0 * gammas)) @ turn.conj().T)


def change(v: float, step: float = 1e-4) -> NDArray[np.complex128]:
    return (springs(v * np.exp(step)) - springs(v * np.exp(-step))) / (2.0 * step)


def test_modes_keep_their_gammas_across_crossings() -> None:
    for v, order in ((1.0, [-1.0, 0.5, 2.0]), (1.1, [2.0, 0.5, -1.0])):
        found = mode_gammas(springs(v)[None], change(v)[None])
        np.testing.assert_allclose(found, [order], atol=1e-6)


def test_the_mean_of_mode_gammas_is_the_slope_of_the_mean() -> None:
    def mean(v: float) -> float:
        return 0.5 * float(np.log(np.linalg.eigvalsh(springs(v))).mean())

    slope = -(mean(np.exp(1e-4)) - mean(np.exp(-1e-4))) / 2e-4
    assert mode_gammas(springs(1.0)[None], change(1.0)[None]).mean() == pytest.approx(slope)


def test_modes_of_one_frequency_are_told_apart_by_strain() -> None:
    turn = np.linalg.qr(np.array([[1.0, 2.0], [3.0, -1.0]]))[0]
    slopes = turn @ np.diag([-4.0, 2.0]) @ turn.T
    found = mode_gammas(np.eye(2, dtype=complex)[None], slopes.astype(complex)[None])
    np.testing.assert_allclose(found, [[-1.0, 2.0]], atol=1e-12)


def test_modes_without_a_real_frequency_have_none() -> None:
    matrix = np.diag([-1.0, 0.0, 4.0]).astype(complex)[None]
    found = mode_gammas(matrix, -matrix)
    assert np.isnan(found[0, :2]).all()
    assert found[0, 2] == pytest.approx(0.5)
