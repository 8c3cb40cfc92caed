"""Lattice vectors: reciprocal, volume and planes, and the shortest of a lattice."""

import re

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.physics.lattice_vectors import (
    SKEWED,
    compact_basis,
    reciprocal,
    reduced_basis,
    volume_and_heights,
    whole_inverse,
)


def test_reciprocal_vectors_are_dual(rng: np.random.Generator) -> None:
    cell = 4.0 * np.eye(3) + rng.normal(size=(3, 3))
    np.testing.assert_allclose(reciprocal(cell) @ cell.T, 2.0 * np.pi * np.eye(3), atol=1e-12)


def test_planes_are_as_far_apart_as_reciprocal_vectors_say(rng: np.random.Generator) -> None:
    """d = 2 pi / |b|, and the volume is the determinant, of left-handed cells too."""
    cell = 4.0 * np.eye(3) + rng.normal(size=(3, 3))
    for given in (cell, cell[::-1]):
        volume, heights = volume_and_heights(given)
        assert volume == pytest.approx(abs(np.linalg.det(cell)))
        lengths = np.linalg.norm(reciprocal(given), axis=1)
        assert heights == pytest.approx(2.0 * np.pi / lengths)
    assert volume_and_heights(np.zeros((3, 3))) == (0.0, (0.0, 0.0, 0.0))


def test_only_very_skewed_cells_get_another_basis() -> None:
    near, far = (np.array([[1.0, 0, 0], [k, 1, 0], [0, 0, 1]]) for k in (SKEWED - 1, SKEWED + 1))
    np.testing.assert_array_equal(compact_basis(near), np.eye(3))
    assert np.linalg.norm(compact_basis(far) @ far, axis=1) == pytest.approx([1.0] * 3)
    given = np.array([[1, 0, 0], [-(int(SKEWED) + 1), 1, 0], [0, 0, 1]])
    assert compact_basis(far, given) is given


def test_whole_numbers_have_a_whole_inverse() -> None:
    basis = np.array([[1, 7, -3], [0, 1, 11], [0, 0, -1]])
    inverse = whole_inverse(basis)
    np.testing.assert_array_equal(inverse @ basis, np.eye(3))
    np.testing.assert_array_equal(inverse, np.rint(inverse))


def test_reduced_basis_undoes_a_shear(rng: np.random.Generator) -> None:
    for _ in range(20):
        cell = 4.0 * np.eye(3) + rng.normal(size=(3, 3))
        shear = np.array([[1, 7, -3], [0, 1, 11], [0, 0, 1]])
        basis = reduced_basis(shear @ cell)
        assert round(np.linalg.det(basis)) == 1
        short = basis @ shear @ cell
        assert np.linalg.norm(short, axis=1).max() <= 1.5 * np.linalg.norm(cell, axis=1).max()


def test_reduced_basis_of_a_flat_star(rng: np.random.Generator) -> None:
    """Three vectors at 120 degrees: no pair shortens another, but their sum is the short one."""
    star = np.array([[1.0, 0, 0.1], [-0.5, 0.75**0.5, 0.1], [-0.5, -(0.75**0.5), 0.1]]) * 7.0
    lengths = np.linalg.norm(reduced_basis(star) @ star, axis=1)
    assert lengths.min() == pytest.approx(2.1)
    for _ in range(50):
        cell = rng.normal(size=(3, 3))
        short = reduced_basis(cell) @ cell
        points = np.indices((5, 5, 5)).reshape(3, -1).T - 2
        all_lengths = np.sort(np.linalg.norm(points[points.any(axis=1)] @ short, axis=1))
        found = np.sort(np.linalg.norm(short, axis=1))
        assert found[0] == pytest.approx(all_lengths[0])
        for k, row in enumerate(short):  # Minkowski: no sum with the others is shorter
            rest = points[points[:, k] == 1] @ short
            assert np.linalg.norm(rest, axis=1).min() >= np.linalg.norm(row) * (1.0 - 1e-6)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0]]), "no volume"),
        (np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 1.0]]), "zero or not finite"),
        (np.array([[1.0, 0, 0], [0, np.nan, 0], [0, 0, 1.0]]), "zero or not finite"),
        (np.array([[2.82, 1e18, 0], [0, 2.82, 0], [0, 0, 2.82]]), "double precision"),
        (np.array([[1.0, 0, 0], [2**0.5, 1e-300, 0], [0, 0, 1.0]]), "double precision|volume"),
    ],
)
def test_what_cannot_be_reduced_says_so(cell: np.ndarray, reason: str) -> None:
    with pytest.raises(StructureError) as caught:
        reduced_basis(cell)
    assert re.search(reason, caught.value.reason)


def test_the_search_for_short_vectors_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonodos.physics.lattice_vectors.MOST_REDUCTIONS", 1)
    with pytest.raises(StructureError, match="does not end"):
        reduced_basis(np.array([[1.0, 0, 0], [7.0, 1, 0], [0, 11.0, 1]]))
