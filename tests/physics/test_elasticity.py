"""Elastic constants from long waves: moduli, rotations, what is unstable."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from phonodos.physics.elasticity import Elasticity, elasticity, turned, velocities
from phonodos.physics.sound import FIRST, SECOND, SoundWaves
from phonodos.physics.units import ATOMIC_MASS

DENSITY = 2000.0
METRES = 2.0 * math.pi * 299792458.0 * 100.0 * 1e-10


def cubic(c11: float, c12: float, c44: float) -> np.ndarray:
    found = np.diag([c11 - c12] * 3 + [c44] * 3)
    found[:3, :3] += c12
    return found


def waves(stiffness: np.ndarray) -> SoundWaves:
    """Return the long waves of a crystal with these constants, by Christoffel's equation."""
    place = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
    tensor = stiffness[place[:, :, None, None], place[None, None]]
    rows = np.zeros((6, 6))
    for p, (i, j) in enumerate(zip(FIRST, SECOND, strict=True)):
        matrix = tensor[:, i, :, j] if i == j else tensor[:, i, :, j] + tensor[:, j, :, i]
        rows[p] = matrix[FIRST, SECOND]
    rows *= 1e9 / DENSITY / METRES**2
    return SoundWaves(rows, np.zeros((6, 3)), np.ones(6), np.ones(1))


def volume_of(mass: float) -> float:
    return mass * ATOMIC_MASS / DENSITY * 1e30


def test_any_constants_come_back(rng: np.random.Generator) -> None:
    root = rng.normal(size=(6, 6))
    wanted = root @ root.T + 5.0 * np.eye(6)
    found = elasticity(waves(wanted), 30.0, volume_of(30.0), np.eye(3)[None])
    np.testing.assert_allclose(found.stiffness, wanted, rtol=1e-9)
    assert found.density == pytest.approx(DENSITY)
    assert found.misfit < 1e-9


def test_slopes_of_no_elastic_constants_are_told() -> None:
    sound = waves(cubic(170.0, 60.0, 80.0))
    sound.stiffness[0, 1] *= 3.0  # rho v^2 of xy waves is not that of yx waves: a stress
    found = elasticity(sound, 30.0, volume_of(30.0), np.eye(3)[None])
    assert found.misfit > 0.1


def test_moduli_of_silicon() -> None:
    """C_ij of Si give the K, G of the textbook (K 98 GPa, G_Hill 66.6, A_U 0.24)."""
    found = Elasticity(cubic(165.7, 63.9, 79.6), 2329.0).moduli
    assert found["bulk"] == pytest.approx((165.7 + 2 * 63.9) / 3)
    assert found["bulk_voigt"] == pytest.approx(found["bulk_reuss"])
    assert found["shear_voigt"] == pytest.approx((165.7 - 63.9 + 3 * 79.6) / 5)
    reuss = 5 * (165.7 - 63.9) * 79.6 / (4 * 79.6 + 3 * (165.7 - 63.9))
    assert found["shear_reuss"] == pytest.approx(reuss)
    assert found["anisotropy"] == pytest.approx(5 * found["shear_voigt"] / reuss - 5)
    k, g = found["bulk"], found["shear"]
    assert found["young"] == pytest.approx(2 * g * (1 + found["poisson"]))
    assert found["young"] == pytest.approx(3 * k * (1 - 2 * found["poisson"]))


def test_pymatgen_finds_the_same_moduli(rng: np.random.Generator) -> None:
    elastic = pytest.importorskip("pymatgen.analysis.elasticity.elastic")
    root = rng.normal(size=(6, 6))
    mine = Elasticity(10.0 * root @ root.T + 90.0 * np.eye(6), 1000.0)
    theirs = elastic.ElasticTensor.from_voigt(mine.stiffness)
    assert mine.moduli["bulk"] == pytest.approx(theirs.k_vrh, rel=1e-6)
    assert mine.moduli["shear"] == pytest.approx(theirs.g_vrh, rel=1e-6)
    assert mine.moduli["anisotropy"] == pytest.approx(theirs.universal_anisotropy, rel=1e-5)


def test_rotation_leaves_moduli(rng: np.random.Generator) -> None:
    root = rng.normal(size=(6, 6))
    before = Elasticity(root @ root.T + 5.0 * np.eye(6), 1000.0)
    turn = Rotation.from_rotvec([0.3, -0.7, 0.2]).as_matrix()
    after = before.turned(turn)
    assert after.lowest == pytest.approx(before.lowest)
    assert after.moduli == pytest.approx(before.moduli)
    np.testing.assert_allclose(turned(after.stiffness, turn.T), before.stiffness, atol=1e-9)
    axis = np.array([[0.6, 0.0, 0.8]])
    assert after.young(axis @ turn.T) == pytest.approx(before.young(axis))


def test_velocities_of_a_cubic_crystal() -> None:
    sound = waves(cubic(165.7, 63.9, 79.6))
    found = velocities(sound, np.array([[1.0, 0, 0], np.array([1.0, 1.0, 0.0]) / math.sqrt(2)]))
    root = [math.sqrt(c * 1e9 / DENSITY) for c in (79.6, 79.6, 165.7)]
    np.testing.assert_allclose(found[0], root, rtol=1e-6)
    slow = math.sqrt((165.7 - 63.9) / 2 * 1e9 / DENSITY)
    fast = math.sqrt((165.7 + 63.9 + 2 * 79.6) / 2 * 1e9 / DENSITY)
    np.testing.assert_allclose(found[1], [slow, root[0], fast], rtol=1e-6)


def test_an_unstable_crystal_has_no_moduli() -> None:
    found = Elasticity(cubic(100.0, 110.0, 50.0), 1000.0)
    assert not found.is_stable
    assert found.lowest == pytest.approx(-10.0)
    assert all(math.isnan(value) for value in found.moduli.values())
    slow = velocities(waves(found.stiffness), np.array([[1.0, 1.0, 0.0]]) / math.sqrt(2))
    assert np.isnan(slow[0, 0])
    assert np.isfinite(slow[0, 1:]).all()
