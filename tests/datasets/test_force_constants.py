"""Commensurate points, and constants of a supercell shared by shortest vectors."""

import numpy as np
import pytest
from phonopy.harmonic.dynmat_to_fc import get_commensurate_points

from phonodos.datasets.force_constants import SupercellConstants, commensurate_points, separate


@pytest.mark.parametrize(
    "supercell",
    [
        np.eye(3, dtype=int),
        np.diag([2, 3, 4]),
        np.array([[-2, 2, 2], [2, -2, 2], [2, 2, -2]]),
        np.array([[2, 2, 0], [-1, 1, 0], [0, 0, 3]]),
        np.array([[1, 3, 0], [0, 2, 1], [-4, 0, 1]]),
        np.array([[0, 1, 0], [2, 0, 0], [0, 0, 3]]),  # left-handed
    ],
)
def test_commensurate_points(supercell: np.ndarray) -> None:
    points = commensurate_points(supercell)
    assert len(points) == round(abs(np.linalg.det(supercell)))
    turns = points @ supercell.T  # along every vector of the supercell
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)
    assert ((points >= 0.0) & (points < 1.0)).all()
    assert len(np.unique(points.round(6), axis=0)) == len(points)
    # phonopy's columns are our rows, and it takes right-handed ones only.
    right_handed = supercell.T * round(np.sign(np.linalg.det(supercell)))
    theirs = np.mod(get_commensurate_points(right_handed).round(9), 1.0)
    assert set(map(tuple, theirs.round(6).tolist())) == set(map(tuple, points.round(6).tolist()))


def chain() -> SupercellConstants:
    """One atom of a chain along x, four cells: neighbours at 3 A, the far one at 6 A twice."""
    constants = np.zeros((1, 4, 3, 3))
    for atom, spring in enumerate((4.6, -2.0, -0.6, -2.0)):
        constants[0, atom] = spring * np.eye(3)
    return SupercellConstants(
        cell=np.diag([3.0, 20.0, 20.0]),
        frac_coords=np.zeros((1, 3)),
        supercell=np.diag([4, 1, 1]),
        constants=constants,
        kinds=np.zeros(4, dtype=int),
        vectors=np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [-2, 0, 0], [-1, 0, 0]], dtype=float),
        multiplicity=np.array([[[1, 0]], [[1, 1]], [[2, 2]], [[1, 4]]]),
    )


def test_equivalent_vectors_share_a_constant() -> None:
    found = separate(chain(), None, None, cutoff=100.0)
    assert not found.has_nac
    assert sorted(found.images[:, 0].tolist()) == [-2, -1, 1, 2]
    for image, tensor in zip(found.images[:, 0], found.tensors, strict=True):
        np.testing.assert_allclose(tensor, (-2.0 if abs(image) == 1 else -0.3) * np.eye(3))
    np.testing.assert_allclose(found.on_site[0], -4.6 * np.eye(3))


def test_the_cutoff_leaves_the_on_site_term_whole() -> None:
    found = separate(chain(), None, None, cutoff=6.0)  # shorter than, not as long as
    assert sorted(found.images[:, 0].tolist()) == [-1, 1]
    np.testing.assert_allclose(found.on_site[0], -4.6 * np.eye(3))


def test_dipoles_of_a_neutral_chain_change_nothing() -> None:
    found = separate(chain(), np.zeros((1, 3, 3)), 2.0 * np.eye(3), cutoff=100.0)
    assert found.has_nac
    expected = separate(chain(), None, None, cutoff=100.0)
    np.testing.assert_allclose(found.tensors, expected.tensors)
