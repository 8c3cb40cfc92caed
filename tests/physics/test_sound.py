"""Long acoustic waves against springs whose velocities of sound are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.dipole import COULOMB
from phonodos.physics.sound import (
    SoundWaves,
    elastic_debye_temperature,
    long_waves,
    products,
    sound_of,
    sound_waves,
)
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING

SQUARE = WAVENUMBER_PER_SQRT_SPRING**2
WAVES = np.array([[0.3, 0.0, 0.0], [0.1, -0.2, 0.4], [0.5, 0.5, -0.5], [0.0, 1.2, 0.3]])
SIDE = 4.0  # [A], of cubic cells


def cartesian_waves() -> np.ndarray:
    reciprocal = 2.0 * np.pi / SIDE * np.eye(3)
    return np.asarray(long_waves(reciprocal) @ reciprocal)


def cubic_matrices(mass: float) -> np.ndarray:
    """Neighbours along the axes of a cubic lattice, 2 eV/A^2 along the bond and 0.5 across."""
    matrices = np.zeros((6, 3, 3), complex)
    for axis in range(3):
        spring = np.full(3, 0.5)
        spring[axis] = 2.0
        bend = 2.0 * (1.0 - np.cos(cartesian_waves()[:, axis] * SIDE))
        matrices += bend[:, None, None] * np.diag(spring) / mass
    return matrices


def cubic_springs(mass: float) -> SoundWaves:
    return sound_waves(cubic_matrices(mass), np.array([mass]), SIDE**3)


def test_one_atom_along_the_axes() -> None:
    found = cubic_springs(20.0).squares(np.array([[0.1, 0.0, 0.0]]))[0]
    expected = SQUARE * (0.1 * SIDE) ** 2 * np.array([0.5, 0.5, 2.0]) / 20.0
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_noise_at_gamma_of_one_atom_is_no_optic_mode() -> None:
    """Constants that cancel leave rounding, which is not to be divided by."""
    noise = 1e-19 * np.diag([-1.0, 2.0, 2.0])  # minus a third of its trace is an eigenvalue
    pulls = cubic_matrices(20.0)
    found = sound_of(noise, pulls, np.array([20.0]), SIDE**3).squares(WAVES)
    np.testing.assert_allclose(found, cubic_springs(20.0).squares(WAVES), rtol=1e-9)


def test_two_atoms_of_a_chain_move_in_phase() -> None:
    """w^2 = K (d q)^2 / (m + M) with two unequal springs in a row: from the coupling to optics."""
    m, heavy, near, far, d = 10.0, 30.0, 1.5, 3.0, 4.0
    q = cartesian_waves()[:, 0]
    bare = np.zeros((6, 6, 6), complex)
    link = -(near + far * np.exp(-1j * q * d)) / np.sqrt(m * heavy)
    # Phases of full vectors: the second atom lies at d / 3.
    phase = np.exp(1j * q * d / 3.0)
    for k in range(3):
        bare[:, k, k], bare[:, 3 + k, 3 + k] = (near + far) / m, (near + far) / heavy
        bare[:, k, 3 + k], bare[:, 3 + k, k] = link * phase, (link * phase).conj()
    sound = sound_waves(bare, np.array([m, heavy]), SIDE**3)
    found = sound.squares(np.array([[0.01, 0.0, 0.0]]))[0]
    in_series = near * far / (near + far)
    np.testing.assert_allclose(found, SQUARE * in_series * (0.01 * d) ** 2 / (m + heavy), rtol=1e-4)
    np.testing.assert_allclose(sound.mass_shares, [0.25, 0.75])


def random_sound(rng: np.random.Generator) -> SoundWaves:
    return SoundWaves(
        rng.normal(size=(6, 6)), rng.normal(size=(6, 3)), np.array([3.0, 2, 2.5, 0, 0, 0]),
        np.array([1.0]),
    )  # fmt: skip


def test_squares_are_eigenvalues_with_the_field(rng: np.random.Generator) -> None:
    sound = random_sound(rng)
    pairs = products(WAVES)
    place = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]
    pull = pairs @ sound.polarisation
    matrices = (pairs @ sound.stiffness)[:, place]
    matrices += pull[:, :, None] * pull[:, None, :] / (pairs @ sound.screening)[:, None, None]
    np.testing.assert_allclose(sound.squares(WAVES), np.linalg.eigvalsh(matrices), atol=1e-9)


def test_the_field_stiffens(rng: np.random.Generator) -> None:
    sound = random_sound(rng)
    plain = replace(sound, polarisation=np.zeros((6, 3)))
    assert (sound.squares(WAVES) >= plain.squares(WAVES) - 1e-12).all()
    assert sound.squares(WAVES).sum() > plain.squares(WAVES).sum() + 1e-3


def test_axes_are_a_matter_of_counting(rng: np.random.Generator) -> None:
    sound, axes = random_sound(rng), rng.normal(size=(3, 3))
    np.testing.assert_allclose(
        sound.along(axes).squares(WAVES), sound.squares(WAVES @ axes), rtol=1e-9, atol=1e-9
    )


def test_equal_eigenvalues_and_none() -> None:
    sound = SoundWaves(
        np.outer([1.0, 1, 1, 0, 0, 0], [4.0, 4, 4, 0, 0, 0]), np.zeros((6, 3)),
        np.ones(6), np.array([1.0]),
    )  # fmt: skip
    np.testing.assert_allclose(sound.squares(np.array([[0.0, 0, 2.0]])), [[16.0] * 3])
    np.testing.assert_array_equal(sound.squares(np.zeros((1, 3))), 0.0)


def test_debye_temperature_of_one_velocity() -> None:
    """With one velocity in all directions k theta = hbar c (6 pi^2 n / V)^(1/3) exactly."""
    velocity = 50.0  # [cm^-1 A]
    alike = np.outer([1.0, 1, 1, 0, 0, 0], velocity**2 * np.array([1.0, 1, 1, 0, 0, 0]))
    sound = SoundWaves(alike, np.zeros((6, 3)), np.ones(6), np.full(2, 0.5))
    theta = elastic_debye_temperature(sound, 40.0, directions=50)
    expected = KELVIN_PER_WAVENUMBER * velocity * (6.0 * np.pi**2 * 2 / 40.0) ** (1 / 3)
    assert theta == pytest.approx(expected, rel=1e-12)
    assert np.isnan(elastic_debye_temperature(replace(sound, stiffness=-alike), 40.0))


def test_debye_temperature_converges_with_directions() -> None:
    sound = cubic_springs(20.0)
    few, many = (elastic_debye_temperature(sound, SIDE**3, n) for n in (500, 8000))
    assert few == pytest.approx(many, rel=1e-3)


def test_less_than_whole_matrices_gives_the_same_waves(rng: np.random.Generator) -> None:
    """Of a polar crystal: D(q) with its field against D(0) without, and what pulls translations."""
    masses, q = np.array([10.0, 30.0]), cartesian_waves()
    born = np.array([np.eye(3), -np.eye(3)]) + 0.1 * np.array([[[0, 1, 0], [1, 0, 0], [0, 0, 1]]])
    eps, volume = np.diag([3.0, 4.0, 5.0]), SIDE**3
    rigid = np.kron(np.sqrt(masses / masses.sum())[:, None], np.eye(3))
    spring = rng.normal(size=(6, 6))
    spring = spring @ spring.T
    spring -= rigid @ (rigid.T @ spring)  # translations are free at q = 0
    spring -= (spring @ rigid) @ rigid.T
    slope = np.cross(np.eye(3)[:, None], np.eye(3)[None])  # of D(q), odd in q and in the atoms
    odd = np.einsum("qc,cab->qab", q, slope)
    matrices = np.zeros((6, 6, 6), complex)
    matrices[:, :3, 3:], matrices[:, 3:, :3] = 0.2j * odd, -0.2j * odd.swapaxes(1, 2)
    matrices += spring + 0.1 * (q**2).sum(axis=1)[:, None, None] * np.eye(6)
    pulls = matrices @ rigid
    neutral = (born - born.mean(axis=0)) / np.sqrt(masses)[:, None, None]
    along = np.einsum("qa,iab->qib", q, neutral).reshape(6, 6)
    weights = np.einsum("qa,ab,qb->q", q, eps, q) * volume / (4.0 * np.pi * COULOMB)
    matrices += along[:, :, None] * along[:, None, :] / weights[:, None, None]
    wanted = sound_waves(matrices, masses, volume, born, eps)
    found = sound_of(spring, pulls, masses, volume, born, eps)
    np.testing.assert_allclose(found.squares(WAVES), wanted.squares(WAVES), rtol=1e-5)
