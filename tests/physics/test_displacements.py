"""Mean squared displacements: one oscillator, limits, the convention of CIF files."""

import math

import numpy as np
import pytest

from phonodos.errors import ConfigError, PredictionError
from phonodos.physics.displacements import (
    check_temperatures,
    debye_waller,
    in_cif_convention,
    mean_squares,
)
from phonodos.physics.units import ATOMIC_MASS, BOLTZMANN, PLANCK, SPEED_OF_LIGHT


def einstein(w: float, mass: float, kelvin: list[float]) -> np.ndarray:
    found = mean_squares(
        np.ones(1), np.full((1, 3), w), np.eye(3, dtype=complex)[None], np.array([mass]), kelvin
    )
    return found.tensors[:, 0]


def test_an_oscillator() -> None:
    w, mass = 200.0, 30.0
    omega = 2.0 * math.pi * SPEED_OF_LIGHT * 100.0 * w
    zero = PLANCK / (2.0 * math.pi) / (2.0 * mass * ATOMIC_MASS * omega) * 1e20
    hot = BOLTZMANN * 5000.0 / (mass * ATOMIC_MASS * omega**2) * 1e20
    found = einstein(w, mass, [0.0, 5000.0])
    np.testing.assert_allclose(found[0], zero * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found[1], hot * np.eye(3), rtol=1e-3, atol=1e-12)


def test_heavier_atoms_move_less_at_rest() -> None:
    """On one spring w ~ m^(-1/2): zero-point U ~ m^(-1/2), and U of hot atoms knows no mass."""
    light, heavy = einstein(200.0, 1.0, [0.0, 8000.0]), einstein(100.0, 4.0, [0.0, 8000.0])
    assert heavy[0, 0, 0] == pytest.approx(light[0, 0, 0] / 2.0)
    assert heavy[1, 0, 0] == pytest.approx(light[1, 0, 0], rel=1e-3)


def test_imaginary_modes_are_left_out_and_told() -> None:
    vectors = np.eye(3, dtype=complex)[None]
    found = mean_squares(np.ones(1), np.array([[-50.0, 0.5, 100.0]]), vectors, np.ones(1), [0.0])
    assert found.left_out == pytest.approx(2 / 3)
    assert found.tensors[0, 0, 0, 0] == 0.0
    assert found.tensors[0, 0, 2, 2] > 0.0
    with pytest.raises(PredictionError, match="no modes at real frequencies"):
        mean_squares(np.ones(1), np.full((1, 3), -9.0), vectors, np.ones(1), [0.0])


@pytest.mark.parametrize("wrong", [[-1.0], [math.nan], []])
def test_temperatures_that_are_none(wrong: list[float]) -> None:
    with pytest.raises(ConfigError, match="temperatures"):
        check_temperatures(wrong)


def test_cif_convention_of_a_hexagonal_cell() -> None:
    """An isotropic U has U11 = U22 = U and U12 = U cos(gamma*) = U / 2."""
    cell = np.array([[3.0, 0, 0], [-1.5, 1.5 * math.sqrt(3), 0], [0, 0, 5.0]])
    found = in_cif_convention(0.01 * np.eye(3), cell)
    np.testing.assert_allclose(
        found, 0.01 * np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]), atol=1e-12
    )
    np.testing.assert_allclose(in_cif_convention(np.diag([1.0, 2, 3]), 4 * np.eye(3)),
                               np.diag([1.0, 2, 3]))  # fmt: skip


def test_debye_waller() -> None:
    found = debye_waller(0.02 * np.eye(3)[None], np.array([[0.0, 0, 0], [0, 0, 3.0]]))
    np.testing.assert_allclose(found, [[1.0, math.exp(-0.09)]])
