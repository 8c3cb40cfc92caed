"""Waves as products of powers are the cosines and sines they stand for."""

import numpy as np
import pytest

from phonodos.model.plane_waves import FEW, PlaneWaves, plane_waves
from phonodos.physics.lattice_vectors import reciprocal


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    cell = np.diag([4.0, 5.0, 7.0]) + rng.normal(scale=0.4, size=(3, 3))
    steps = rng.integers(-6, 7, size=(40, 3))
    return steps @ reciprocal(cell), rng.random((5, 3)) @ cell, cell


def test_are_exponentials(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    vectors, positions, cell = case
    angles = vectors @ positions.T
    waves = PlaneWaves.of(vectors, positions, cell)
    assert waves.shape == (40, 5)
    assert waves.are_few
    np.testing.assert_allclose(waves.at(slice(None)), np.exp(1j * angles), atol=1e-12)
    some = np.array([7, 3, 3, 39])
    even, odd = waves.parts(some)
    np.testing.assert_allclose(even, np.cos(angles[some]), atol=1e-12)
    np.testing.assert_allclose(odd, np.sin(angles[some]), atol=1e-12)
    (even,), (odd,) = plane_waves(vectors[None], positions[None], cell[None])
    np.testing.assert_allclose(even + 1j * odd, np.exp(1j * angles), atol=1e-12)


def test_asking_leaves_the_tables_as_they_are(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    waves = PlaneWaves.of(*case)
    first = waves.at(slice(None))
    np.testing.assert_array_equal(waves.at(slice(None)), first)


def test_without_vectors_there_are_no_waves() -> None:
    waves = PlaneWaves.of(np.zeros((0, 3)), np.zeros((4, 3)), np.eye(3))
    assert waves.at(slice(None)).shape == (0, 4)


def test_many_are_not_kept(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    vectors, positions, cell = case
    many = np.tile(positions, (FEW // (40 * 5) + 1, 1))
    assert not PlaneWaves.of(vectors, many, cell).are_few
