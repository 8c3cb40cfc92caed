"""Limits of Born charges and dielectric tensors: what is believed, and what breaks the symmetry."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets.phonopy.calculation import PhonopyCalculation, read_calculation
from phonodos.datasets.phonopy.folders import find_calculations
from phonodos.datasets.soundness import (
    asymmetry,
    breaks_neutrality,
    soft_at_gamma,
    sound_born_charges,
    sound_dielectric,
)


@pytest.fixture(scope="module")
def rock_salt_springs(spring_files: Path) -> PhonopyCalculation:
    (found,) = find_calculations(spring_files)
    return read_calculation(found.files(), found.name)


def test_asymmetry_of_rock_salt(rock_salt_springs: PhonopyCalculation) -> None:
    group, cell = rock_salt_springs.space_group, rock_salt_springs.crystal.cell
    born = np.array([np.eye(3), -np.eye(3)])
    assert asymmetry(group, cell, born, 2 * np.eye(3)) < 1e-9
    assert asymmetry(group, cell, born + np.diag([0.1, 0, 0]), 2 * np.eye(3)) == pytest.approx(0.1)
    assert asymmetry(group, cell, born, np.diag([3.0, 2.0, 1.0])) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("mean", "smallest", "sound"), [(59.0, 2.0, True), (61.0, 2.0, False), (5.0, 0.9, False)]
)
def test_dielectric_tensors(mean: float, smallest: float, sound: bool) -> None:
    turn = np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.diag([3.0, 1.0, 2.0]))[0]
    rest = (3.0 * mean - smallest) / 2.0
    tensor = turn @ np.diag([smallest, rest, rest]) @ turn.T
    assert sound_dielectric(tensor) is sound


def test_born_charges() -> None:
    charges = np.array([11.0 * np.eye(3), -11.0 * np.eye(3)])
    assert sound_born_charges(charges)
    assert not sound_born_charges(1.1 * charges)
    assert not breaks_neutrality(charges)
    assert not breaks_neutrality(charges + 0.09 * np.eye(3))
    assert breaks_neutrality(charges + 0.11 * np.eye(3))


@pytest.mark.parametrize(
    ("gamma", "soft"),
    [
        ([-0.3, 0.0, 0.2, 90.0, 100.0, 110.0], False),  # acoustic ones as computed
        ([-40.0, -0.1, 0.0, 0.1, 100.0, 110.0], True),
        ([0.0, 0.0, 0.0, 0.5, 100.0, 110.0], True),
        ([-0.4, -0.3, -0.2, 1.1, 100.0, 110.0], False),
    ],
)
def test_soft_optic_modes_at_gamma(gamma: list[float], soft: bool) -> None:
    qpoints = np.array([[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    frequencies = np.array([[-50.0, 10.0, 20.0, 30.0, 40.0, 50.0], gamma])
    assert soft_at_gamma(qpoints, frequencies) is soft
    assert not soft_at_gamma(qpoints[:1], frequencies[:1])  # Gamma is not among them
