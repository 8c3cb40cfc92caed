"""Gamma of a stored path belongs to the neighbour with the closer frequencies."""

import numpy as np

from phonodos.physics.crystal import Crystal
from phonodos.physics.gamma_direction import GAMMA_STEP, step_along_path


def test_gamma_moves_towards_its_own_neighbour(rock_salt: Crystal) -> None:
    path = np.array([[0.2, 0, 0.2], [0.0, 0, 0], [0.0, 0, 0], [0.1, 0.1, 0.1]])
    values = np.array([[1.0, 100.0], [0.0, 100.0], [0.0, 150.0], [1.0, 150.0]])
    moved = step_along_path(path, values, rock_salt)
    for k, near in ((1, 0), (2, 3)):
        reciprocal = 2 * np.pi * np.linalg.inv(rock_salt.cell).T
        assert np.isclose(np.linalg.norm(moved[k] @ reciprocal), GAMMA_STEP)
        np.testing.assert_allclose(
            moved[k] / np.linalg.norm(moved[k]), path[near] / np.linalg.norm(path[near])
        )
