"""Space groups: operations that fit, permute atoms, and average tensors to what symmetry allows."""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.space_group import SpaceGroup, find_space_group

TOLERANCE = 0.01  # [A]


@pytest.fixture
def bismuth_telluride() -> Crystal:
    """Rhombohedral Bi2Te3 (a 4.386, c 30.497 A), c along z."""
    a, c = 4.386, 30.497
    turns = np.radians([90.0, 210.0, 330.0])
    across = a / np.sqrt(3.0)
    cell = np.column_stack([across * np.cos(turns), across * np.sin(turns), np.full(3, c / 3.0)])
    positions = [[x, x, x] for x in (0.400, 0.600, 0.0, 0.212, 0.788)]
    return Crystal.ordered(cell, positions, ["Bi", "Bi", "Te", "Te", "Te"])


def group_of(crystal: Crystal) -> SpaceGroup:
    kinds = [sorted(set(crystal.symbols)).index(symbol) for symbol in crystal.symbols]
    return find_space_group(crystal.cell, crystal.frac_coords, kinds, TOLERANCE)


def test_the_average_over_the_group_is_a_projection(
    bismuth_telluride: Crystal, rng: np.random.Generator
) -> None:
    group, cell = group_of(bismuth_telluride), bismuth_telluride.cell
    assert len(group.rotations) == 12
    once = group.average(rng.normal(size=(5, 3, 3)), cell)
    np.testing.assert_allclose(group.average(once, cell), once, atol=1e-7)
    np.testing.assert_allclose(once[0], once[1], atol=1e-7)  # inversion swaps the bismuths
    assert np.abs(once[0]).max() > 1e-3
    several = rng.normal(size=(2, 4, 5, 3, 3))
    each = np.array([[group.average(x, cell) for x in row] for row in several])
    np.testing.assert_allclose(group.average(several, cell), each, atol=1e-12)
    one = group.average(rng.normal(size=(3, 3)), cell)
    np.testing.assert_allclose(one, np.diag([one[0, 0], one[0, 0], one[2, 2]]), atol=1e-7)
    with pytest.raises(ValueError, match="atoms"):
        SpaceGroup(group.rotations, group.translations).average(once, cell)


def test_atoms_go_where_the_operations_send_them(bismuth_telluride: Crystal) -> None:
    group, coords = group_of(bismuth_telluride), bismuth_telluride.frac_coords
    assert group.permutations is not None
    symbols = np.array(bismuth_telluride.symbols)
    assert len({tuple(row) for row in group.permutations.tolist()}) == 2
    for turn, shift, images in zip(
        group.rotations, group.translations, group.permutations, strict=True
    ):
        gaps = coords @ turn.T + shift - coords[images]
        np.testing.assert_allclose(gaps, np.rint(gaps), atol=1e-6)
        assert sorted(images) == list(range(5))
        assert (symbols[images] == symbols).all()


def test_rotations_are_rotations(bismuth_telluride: Crystal) -> None:
    group = group_of(bismuth_telluride)
    turns = group.cartesian(bismuth_telluride.cell)
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-6
    )
    assert group.fit(bismuth_telluride.cell)
    stretched = bismuth_telluride.cell * [[1.0], [1.0], [1.1]]  # one vector of the three
    assert not group.fit(stretched)


def test_where_nothing_is_found_the_identity_is_left() -> None:
    """Two atoms at one place are no crystal to spglib."""
    group = find_space_group(np.eye(3), np.zeros((2, 3)), [1, 1], TOLERANCE)
    assert group.permutations is not None
    assert (len(group.rotations), group.permutations.tolist()) == (1, [[0, 1]])
