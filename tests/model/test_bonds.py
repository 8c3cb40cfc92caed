"""Bonds: every pair of atoms once, known from both ends."""

import numpy as np
import pytest
import torch

from phonodos.errors import StructureError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.physics.crystal import Crystal

SKEW = np.array([[1, 4, 0], [0, 1, 0], [-3, 0, 1]])


@pytest.fixture(params=["triclinic", "one atom", "skewed", "left-handed", "flat"])
def crystal(request: pytest.FixtureRequest, low_symmetry: Crystal) -> Crystal:
    one = Crystal.ordered(2.9 * np.eye(3), [[0.1, 0.2, 0.3]], ["Po"])
    cell, coords = low_symmetry.cell, low_symmetry.frac_coords
    return {
        "triclinic": low_symmetry,
        "one atom": one,
        "skewed": Crystal(SKEW @ cell, coords @ np.linalg.inv(SKEW), low_symmetry.occupancy),
        "left-handed": Crystal(-cell, coords, low_symmetry.occupancy),
        "flat": Crystal.ordered(
            np.diag([2.5, 20.0, 3.1]), [[0, 0, 0], [0.5, 0.07, 0.5]], ["C", "C"]
        ),
    }[str(request.param)]


def test_both_directions_of_a_bond(crystal: Crystal) -> None:
    bonded = bond_crystal(crystal, 5.0)
    edges = bonded.graph.edge_index
    assert 2 * len(bonded.forward) == edges.shape[1]
    assert sorted([*bonded.forward.tolist(), *bonded.backward.tolist()]) == list(
        range(edges.shape[1])
    )
    vectors = bonded.graph.edge_vectors
    np.testing.assert_allclose(vectors[bonded.forward], -vectors[bonded.backward], atol=1e-9)
    assert np.array_equal(edges[:, bonded.forward], edges[::-1, bonded.backward])


def test_vectors_are_those_of_positions_images_and_cell(crystal: Crystal) -> None:
    bonded = bond_crystal(crystal, 5.0)
    i, j = bonded.ends
    wanted = bonded.positions[j] - bonded.positions[i] + bonded.images @ bonded.cells[0]
    np.testing.assert_allclose(bonded.vectors, wanted, rtol=0, atol=1e-9)
    assert np.linalg.norm(bonded.vectors, axis=1).max() < 5.0
    assert bonded.masses.tolist() == pytest.approx(crystal.masses.tolist())


def test_batches_keep_crystals_apart(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    singles = [bond_crystal(c, 4.5) for c in (rock_salt, low_symmetry, rock_salt)]
    batch = collate_bonded(singles)
    assert batch.atom_counts == (2, 4, 2)
    assert batch.first_atoms == [0, 2, 6]
    first = 0
    for k, single in enumerate(singles):
        n = single.bond_counts[0]
        own = slice(first, first + n)
        np.testing.assert_array_equal(batch.vectors[own], single.vectors)
        assert (batch.graph.batch[batch.ends[0][own]] == k).all()
        assert (batch.graph.batch[batch.ends[1][own]] == k).all()
        edges = batch.graph.edge_index
        assert np.array_equal(edges[:, batch.forward[own]], edges[::-1, batch.backward[own]])
        first += n
    assert first == len(batch.forward) == sum(batch.bond_counts)


def test_types_and_devices_follow(low_symmetry: Crystal) -> None:
    bonded = bond_crystal(low_symmetry, 4.0).to(dtype=torch.float32)
    for tensor in (bonded.cells, bonded.positions, bonded.vectors, bonded.masses):
        assert tensor.dtype == torch.float32
    assert bonded.images.dtype == torch.int64
    plain = bond_crystal(low_symmetry, 4.0).to(dtype=np.float32)
    assert plain.cells.dtype == plain.graph.fractions.dtype == np.float32
    assert plain.images.dtype == np.int64
    for ours, theirs in (
        (plain.vectors, bonded.vectors), (plain.masses, bonded.masses), (plain.ends, bonded.ends),
    ):  # fmt: skip
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_no_bond_at_all_is_an_error() -> None:
    with pytest.raises(StructureError, match="no atom has a neighbour"):
        bond_crystal(Crystal.ordered(20 * np.eye(3), [[0.0] * 3], ["Ar"]), 5.0)
