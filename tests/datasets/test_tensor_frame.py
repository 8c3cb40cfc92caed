"""Born charges given in the frame of a standard cell are turned into the frame of the cell."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from phonodos.datasets.tensor_frame import find_frame, matching_rotations

EPS = np.diag([9.0, 9.0, 5.0])


@pytest.fixture
def bismuth_telluride() -> Structure:
    """Rhombohedral Bi2Te3 (a 4.386, c 30.497 A), oriented as a CIF has it: c along z."""
    a, c = 4.386, 30.497
    side = np.sqrt(a**2 / 3 + c**2 / 9)
    angle = np.degrees(2 * np.arcsin(a / 2 / side))
    positions = [[x, x, x] for x in (0.400, 0.600, 0.0, 0.212, 0.788)]
    lattice = Lattice.from_parameters(side, side, side, angle, angle, angle)
    return Structure(lattice, ["Bi", "Bi", "Te", "Te", "Te"], positions)


def threefold_axis(structure: Structure) -> np.ndarray:
    axis = structure.lattice.matrix.sum(axis=0)
    return axis / np.linalg.norm(axis)


def uniaxial(values: tuple[float, float], axis: np.ndarray) -> np.ndarray:
    """Tensor with values across and along an axis."""
    along = np.outer(axis, axis)
    return values[0] * (np.eye(3) - along) + values[1] * along


def test_a_rhombohedral_crystal_is_turned_onto_its_threefold_axis(bismuth_telluride):
    charges = [(4.0, 3.0), (4.0, 3.0), (-3.2, -2.0), (-2.4, -2.0), (-2.4, -2.0)]
    # The standard cell (Setyawan, Curtarolo 2010): two vectors mirrored at the xz plane, the third
    # in it. The threefold axis is their sum.
    angle = np.radians(bismuth_telluride.lattice.alpha)
    third = np.cos(angle) / np.cos(angle / 2)
    axis = np.array([2 * np.cos(angle / 2) + third, 0.0, np.sqrt(1 - third**2)])
    axis /= np.linalg.norm(axis)
    own = threefold_axis(bismuth_telluride)
    assert abs(axis @ own) < 0.9  # otherwise there would be nothing to turn
    standard = np.array([uniaxial(v, axis) for v in charges])
    eps = uniaxial((9.0, 5.0), axis)
    frame = find_frame(bismuth_telluride, standard, eps)
    q = frame.rotation
    np.testing.assert_allclose(q @ q.T, np.eye(3), atol=1e-12)
    expected = np.array([uniaxial(v, own) for v in charges])
    np.testing.assert_allclose(q @ standard @ q.T, expected, atol=1e-4)
    np.testing.assert_allclose(q @ eps @ q.T, uniaxial((9.0, 5.0), own), atol=1e-4)
    assert frame.name == "primitive standard"
    assert frame.cell_residual > 0.2
    assert frame.residual < 1e-4


def test_tensors_in_the_frame_of_the_cell_stay_as_they_are(bismuth_telluride):
    axis = threefold_axis(bismuth_telluride)
    own = np.array([uniaxial((4.0 - i, 3.0 - i), axis) for i in (0.0, 0.0, 8.0, 6.0, 6.0)])
    frame = find_frame(bismuth_telluride, own, uniaxial((9.0, 5.0), axis))
    assert frame.name == "cell"
    np.testing.assert_allclose(frame.rotation, np.eye(3), atol=1e-12)
    assert frame.residual == frame.cell_residual < 1e-4


def test_an_orthorhombic_crystal_is_decided_by_the_metric():
    """Standard axes are sorted by length; every permutation passes the symmetry test."""
    structure = Structure(np.diag([5.0, 3.0, 4.0]), ["Pb", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    given = np.array([np.diag([3.1, 4.1, 5.1]), -np.diag([3.1, 4.1, 5.1])])  # for 3, 4 and 5 A
    frame = find_frame(structure, given, np.diag([3.0, 4.0, 5.0]))
    turned = frame.rotation @ given @ frame.rotation.T
    np.testing.assert_allclose(turned[0], np.diag([5.1, 3.1, 4.1]), atol=1e-12)
    assert frame.cell_residual < 1e-12
    assert frame.name == "primitive standard"


def test_a_cubic_crystal_has_nothing_to_turn(rock_salt):
    structure = Structure(rock_salt.cell, rock_salt.symbols, rock_salt.frac_coords)
    born = np.array([1.1 * np.eye(3), -1.1 * np.eye(3)])
    frame = find_frame(structure, born, 2.4 * np.eye(3))
    np.testing.assert_allclose(frame.rotation @ born @ frame.rotation.T, born, atol=1e-12)
    assert frame.residual < 1e-12


def test_garbage_fits_no_frame(bismuth_telluride, rng):
    frame = find_frame(bismuth_telluride, 100 * rng.normal(size=(5, 3, 3)), EPS)
    assert frame.residual > 1.0


def test_rotations_between_cells_of_one_metric(rng):
    cell = rng.normal(size=(3, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    found = matching_rotations(cell, cell @ turn)
    # cell Q = P standard; the identity and minus the identity are always among the axes.
    np.testing.assert_allclose(found[0], turn, atol=1e-9)
    assert any(np.allclose(q, -turn) for q in found)
    assert matching_rotations(cell, 1.1 * cell) == []
    assert len(matching_rotations(np.eye(3), np.eye(3))) == 48
