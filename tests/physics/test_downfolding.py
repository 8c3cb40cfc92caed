"""The dynamical matrix folded onto rigid translations, and where a mesh takes it from."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.acoustic import SoundOnMesh
from phonodos.physics.crystal import Crystal
from phonodos.physics.downfolding import PLACES, downfolded
from phonodos.physics.mesh import QMesh, irreducible_mesh
from phonodos.physics.sound import sound_waves
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

SQUARE = WAVENUMBER_PER_SQRT_SPRING**2
MASSES = np.array([24.0, 16.0])
CELLS = {
    "fcc": 2.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "hexagonal": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 4.2]]),
    "triclinic": np.array([[3.0, 0, 0], [0.4, 3.3, 0], [-0.5, 0.6, 3.6]]),
}


def rigid() -> np.ndarray:
    return np.kron(np.sqrt(MASSES / MASSES.sum())[:, None], np.eye(3))


def hermitian(rng: np.random.Generator, size: int) -> np.ndarray:
    found = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    return np.asarray(found + found.conj().T)


def coupled(rng: np.random.Generator, strength: float) -> np.ndarray:
    """A matrix whose translations are slow, and coupled to fast modes."""
    whole, _ = np.linalg.qr(np.concatenate([rigid(), rng.normal(size=(6, 3))], axis=1))
    slow = hermitian(rng, 3).real / 10.0 + np.diag([1.0, 2.0, 3.0])
    coupling = strength * rng.normal(size=(3, 3))
    inner = np.block([[slow, coupling], [coupling.T, 40.0 * np.eye(3)]])
    turn = np.eye(6)
    turn[:3, :3] = rigid().T @ whole[:, :3]
    return np.asarray(whole @ turn.T @ inner @ turn @ whole.T)


def test_without_coupling_it_is_the_block(rng: np.random.Generator) -> None:
    matrix = coupled(rng, 0.0).astype(complex)
    found = downfolded(matrix[None], MASSES, np.ones((1, 1, 2), complex))
    block = SQUARE * (rigid().T @ matrix @ rigid()).real
    np.testing.assert_allclose(found[0, 0][PLACES], block, rtol=1e-9)


def test_its_eigenvalues_are_those_of_slow_modes(rng: np.random.Generator) -> None:
    matrix = coupled(rng, 2.0).astype(complex)
    found = downfolded(matrix[None], MASSES, np.ones((1, 1, 2), complex))[0, 0]
    exact = np.linalg.eigvalsh(matrix)[:3]
    block = np.linalg.eigvalsh((rigid().T @ matrix @ rigid()).real)
    errors = [np.abs(x / exact - 1).max() for x in (np.linalg.eigvalsh(found[PLACES]) / SQUARE,)]
    assert errors[0] < 0.01
    assert np.abs(block / exact - 1).max() > 5.0 * errors[0]


def test_phases_move_it_to_another_zone(rng: np.random.Generator) -> None:
    matrix = coupled(rng, 2.0).astype(complex)
    phases = np.exp(1j * rng.uniform(0.0, 6.0, 2))
    turn = np.repeat(phases, 3)
    moved = turn.conj()[:, None] * matrix * turn
    there = downfolded(matrix[None], MASSES, phases[None, None])
    here = downfolded(moved[None], MASSES, np.ones((1, 1, 2), complex))
    np.testing.assert_allclose(there, here, rtol=1e-9)


def test_of_no_matrices_there_are_none() -> None:
    nothing = np.zeros((0, 6, 6), complex)
    assert downfolded(nothing, MASSES, np.zeros((0, 4, 2), complex)).shape == (0, 4, 6)


def mesh_of(name: str) -> QMesh:
    return irreducible_mesh(Crystal.ordered(CELLS[name], [[0.0] * 3], ["Cu"]), 24.0)


def matrices_at(name: str, q: np.ndarray) -> np.ndarray:
    """Springs of one atom a cell, to every neighbour within 6 A; they do not turn with q + G."""
    steps = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = steps @ CELLS[name]
    lengths = np.linalg.norm(vectors, axis=1)
    kept = (lengths > 0.0) & (lengths < 6.0)
    springs = np.exp(-lengths[kept])[:, None, None] * np.einsum(
        "ka,kb->kab", vectors[kept], vectors[kept]
    )
    waves = 1.0 - np.cos(2.0 * np.pi * q @ steps[kept].T)
    return np.tensordot(waves, springs, axes=(-1, 0)).astype(complex)


def coordinates(mesh: QMesh) -> list[np.ndarray]:
    steps = mesh.surroundings.steps
    return [(s + h / 2.0) / n for s, h, n in zip(steps, mesh.shift, mesh.divisions, strict=True)]


def folded_of(name: str, mesh: QMesh) -> np.ndarray:
    around = mesh.surroundings
    matrices = matrices_at(name, mesh.qpoints[around.chosen])
    return downfolded(matrices, np.ones(1), np.ones((*around.waves.shape[:2], 1), complex))


@pytest.mark.parametrize("name", CELLS)
def test_surroundings_lead_from_irreducible_points_to_all(name: str) -> None:
    mesh = mesh_of(name)
    around = mesh.surroundings
    moved = around.waves - mesh.qpoints[around.chosen][:, None]
    np.testing.assert_allclose(moved, np.rint(moved), atol=1e-9)
    grid = np.stack(np.meshgrid(*coordinates(mesh), indexing="ij"), axis=-1)
    wanted = SQUARE * matrices_at(name, grid @ mesh.axes).real
    found = around.spread(folded_of(name, mesh))[..., PLACES]
    np.testing.assert_allclose(found, wanted, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.parametrize("name", CELLS)
def test_it_carries_the_branches_between_the_points(name: str) -> None:
    """Ends of rays, where sorted frequencies alone are interpolated ten times worse."""
    mesh = mesh_of(name)
    assert mesh.is_fine
    reciprocal = 2.0 * np.pi * np.linalg.inv(CELLS[name]).T
    long = (
        1e-3
        * np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
        @ np.linalg.inv(reciprocal)
    )
    volume = abs(float(np.linalg.det(CELLS[name])))
    sound = sound_waves(matrices_at(name, long), np.ones(1), volume).along(reciprocal)
    w = np.sqrt(np.linalg.eigvalsh(matrices_at(name, mesh.qpoints)) * SQUARE)
    errors = []
    for folded in (folded_of(name, mesh), None):
        carried = SoundOnMesh.of(mesh, w, sound, folded)
        assert carried is not None
        rays = carried.rays()
        assert rays is not None
        ends = np.concatenate([carried._face(k)[1] for k in range(3)])
        exact = np.sqrt(np.linalg.eigvalsh(matrices_at(name, ends @ mesh.axes)) * SQUARE)
        errors.append(np.abs(rays.ends / exact - 1.0).max())
    assert errors[0] < 0.02
    assert errors[0] < 0.5 * errors[1]


def test_a_matrix_that_is_not_positive_is_not_taken() -> None:
    mesh = mesh_of("fcc")
    w = np.full((len(mesh.qpoints), 3), 80.0)
    sound = sound_waves(matrices_at("fcc", 1e-3 * np.eye(6, 3)), np.ones(1), 40.0)
    stable = replace(sound, stiffness=np.outer([1.0, 1, 1, 0, 0, 0], [1.0, 1, 1, 0, 0, 0]))
    carried = SoundOnMesh.of(mesh, w, stable, -folded_of("fcc", mesh))
    assert carried is not None
    assert not carried.smooth
