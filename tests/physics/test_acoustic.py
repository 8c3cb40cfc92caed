"""Acoustic states around Gamma: interpolation, blocks of cells, rays."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.acoustic import (
    FINER,
    AcousticRays,
    SoundOnMesh,
    cubic,
    in_block,
    lattice_products,
    signed_root,
)
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import QMesh, irreducible_mesh
from phonodos.physics.sound import SoundWaves, products

CELLS = {
    "fcc": 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "hexagonal": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 5.2]]),
    "slab": np.diag([3.0, 3.1, 40.0]),
}
ALIKE = np.outer([1.0, 1, 1, 0, 0, 0], [1.0, 1, 1, 0, 0, 0])


def mesh_of(name: str) -> QMesh:
    return irreducible_mesh(Crystal.ordered(CELLS[name], [[0.0] * 3], ["Cu"]), 24.0)


def sound_of(name: str, velocity: float = 100.0) -> SoundWaves:
    """The same velocity [cm^-1 A] in all directions, q in fractions."""
    cartesian = SoundWaves(velocity**2 * ALIKE, np.zeros((6, 3)), np.ones(6), np.ones(1))
    return cartesian.along(2.0 * np.pi * np.linalg.inv(CELLS[name]).T)


def test_the_cubic_follows_parabolas() -> None:
    x = np.arange(-1.0, 7.0)
    between = (np.arange(5)[:, None] + (np.arange(FINER) + 0.5) / FINER)[..., None]
    found = cubic((3.0 - x + 0.5 * x**2)[:, None], 0)
    np.testing.assert_allclose(found, 3.0 - between + 0.5 * between**2)


def test_the_cubic_keeps_signs() -> None:
    assert cubic(np.array([[9.0], [0.0], [0.0], [9.0]]), 0).min() == 0.0
    assert cubic(np.array([[9.0], [0.0], [-1.0], [9.0]]), 0).min() < 0.0


def test_signed_roots() -> None:
    np.testing.assert_array_equal(signed_root(np.array([4.0, -9.0, 0.0])), [2.0, -3.0, 0.0])


def test_lattice_products_are_periodic_and_begin_like_products(rng: np.random.Generator) -> None:
    q = rng.uniform(-0.5, 0.5, (20, 3))
    np.testing.assert_allclose(lattice_products(q + [1, -2, 0]), lattice_products(q), atol=1e-12)
    np.testing.assert_allclose(lattice_products(1e-3 * q), products(1e-3 * q), rtol=1e-4)


@pytest.mark.parametrize("name", CELLS)
def test_rays_fill_the_block(name: str) -> None:
    """The cells left out and the rays that stand in for them have the same volume."""
    mesh, sound = mesh_of(name), sound_of(name)
    w = np.sqrt(sound.along(mesh.axes).squares_of(lattice_products(coordinates(mesh))))
    carried = SoundOnMesh.of(mesh, w, sound)
    assert carried is not None
    rays = carried.rays()
    assert rays is not None
    assert rays.volumes.sum() == pytest.approx(in_block(mesh).mean(), rel=1e-12)
    assert rays.nearest.max() < mesh.places.size
    (a, b, c), near = carried.near()
    assert near.min() > 0.0
    assert near.shape[:3] == np.broadcast(a, b, c).shape


def coordinates(mesh: QMesh) -> np.ndarray:
    """Return the irreducible wave vectors along the axes of the mesh."""
    return np.asarray(mesh.qpoints @ np.linalg.inv(mesh.axes))


def test_an_unstable_wave_or_state_has_no_rays() -> None:
    mesh, sound = mesh_of("fcc"), sound_of("fcc")
    w = np.full((len(mesh.qpoints), 3), 80.0)
    assert SoundOnMesh.of(mesh, w, replace(sound, stiffness=-sound.stiffness)) is None
    carried = SoundOnMesh.of(mesh, np.where(np.arange(3) == 0, -w, w), sound)
    assert carried is not None
    assert carried.rays() is None


@pytest.mark.parametrize("end", [60.0, 100.0, 130.0, 30.0])
def test_rays_count_every_state_once(end: float) -> None:
    """What the density holds and what the samples hold are three branches of the volume."""
    rays = AcousticRays(
        np.full(2, 0.1), np.full((2, 3), end), np.full((2, 3), 100.0), np.zeros(2, dtype=int)
    )
    w, states, along = rays.samples()
    axis = np.linspace(0.0, rays.exact_to, 4001)
    total = np.trapezoid(rays.density(axis), axis) + states.sum()
    assert total == pytest.approx(0.6, rel=2e-3)
    assert w.max() <= max(end, 100.0)
    assert len(along) == len(w)


def test_straight_rays_start_as_the_square_of_the_frequency() -> None:
    rays = AcousticRays(
        np.ones(1), np.full((1, 3), 50.0), np.full((1, 3), 50.0), np.zeros(1, dtype=int)
    )
    w = np.array([-1.0, 0.0, 1.0, 4.0, 16.0])
    np.testing.assert_allclose(rays.density(w), [0.0, 0.0, *(9.0 * w[2:] ** 2 / 50.0**3)])
    assert rays.window(np.array([0.0, rays.exact_to, 40.0])).max() == 0.0
