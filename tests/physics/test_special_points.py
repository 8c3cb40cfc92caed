"""Where soft modes are looked for: special points first, each once, not too many."""

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics import special_points as home
from phonodos.physics.crystal import Crystal
from phonodos.physics.special_points import NEAR, NEAR_GAMMA, most_points, special_points


def test_special_points_and_points_around_gamma_by_turns(rock_salt: Crystal) -> None:
    found = special_points(rock_salt, 100)
    assert found.labels[:4] == ("X", NEAR, "U", NEAR)
    assert {"X", "U", "L", "W"} <= set(found.labels)
    assert "GAMMA" not in found.labels
    near = found.qpoints[[label == NEAR for label in found.labels]]
    lengths = np.linalg.norm(near @ rock_salt.reciprocal_cell, axis=1)
    np.testing.assert_allclose(lengths, NEAR_GAMMA)
    assert None in found.labels  # points on the lines of the path


def test_every_point_once(rock_salt: Crystal, low_symmetry: Crystal) -> None:
    """K and U are one point of the zone but for a reciprocal lattice vector and a rotation."""
    for crystal in (rock_salt, low_symmetry):
        q = special_points(crystal, 1000).qpoints
        for sign in (1.0, -1.0):
            apart = q[:, None] - sign * q[None]
            apart = np.abs(apart - np.rint(apart)).max(axis=2) + np.eye(len(q))
            assert apart.min() > 1e-6


def test_as_many_as_wanted(rock_salt: Crystal) -> None:
    for most in (0, 1, 7):
        found = special_points(rock_salt, most)
        assert len(found.qpoints) == len(found.labels) == most
    whole, part = special_points(rock_salt, 100), special_points(rock_salt, 7)
    np.testing.assert_array_equal(whole.qpoints[:7], part.qpoints)


@pytest.mark.parametrize(("mesh", "most"), [(1, 1), (4, 4), (12, 9), (80, 16)])
def test_large_cells_get_few(mesh: int, most: int) -> None:
    assert most_points(mesh) == most


def test_without_a_path_there_are_none(rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StructureError("no path", "no symmetry", "none")

    monkeypatch.setattr(home, "band_path", refuse)
    assert special_points(rock_salt, 10).qpoints.shape == (0, 3)
