"""Symmetry operations, written out and by name."""

import numpy as np
import pytest

from phonodos.structures.cif.symmetry import operations, parse_operation


@pytest.mark.parametrize(
    ("operation", "point", "image"),
    [
        ("x, y, z", (0.1, 0.2, 0.3), (0.1, 0.2, 0.3)),
        ("-y,x-y,z+1/3", (0.1, 0.2, 0.3), (-0.2, -0.1, 0.3 + 1 / 3)),
        ("1/2-X, +Y, .5+z", (0.1, 0.2, 0.3), (0.4, 0.2, 0.8)),
        ("z-3/4,-x+0.25,y", (0.1, 0.2, 0.3), (-0.45, 0.15, 0.2)),
    ],
)
def test_operations(operation: str, point: tuple[float, ...], image: tuple[float, ...]) -> None:
    rotation, translation = parse_operation(operation)
    assert rotation @ point + translation == pytest.approx(image)


@pytest.mark.parametrize(
    ("name", "count"),
    [("P 1", 1), ("P-1", 2), ("P 21/c", 4), ("R -3 c :R", 12), ("R -3 c :H", 36), ("Ia-3d", 96)],
)
def test_a_named_group_has_its_operations(name: str, count: int) -> None:
    (found,) = operations({"_symmetry_space_group_name_h-m": [name]})
    assert len(found.rotations) == count
    assert np.abs(np.linalg.det(found.rotations)) == pytest.approx(1.0)


def test_settings_the_name_leaves_open() -> None:
    assert len(operations({"_symmetry_space_group_name_h-m": ["R-3m"]})) == 2
    assert len(operations({"_space_group_it_number": ["227"]})) == 2
    assert len(operations({"_space_group_it_number": ["14"]})) == 1


def test_written_operations_win_over_a_smaller_group() -> None:
    block = {
        "_symmetry_equiv_pos_as_xyz": ["x,y,z", "-x,-y,-z", "x,y,z+1"],
        "_symmetry_space_group_name_h-m": ["P 1"],
    }
    (found,) = operations(block)
    assert len(found.rotations) == 2
    assert found.note == ""


def test_fewer_than_the_group_are_completed_or_left_open() -> None:
    block = {"_symmetry_equiv_pos_as_xyz": ["x,y,z"], "_symmetry_space_group_name_h-m": ["Fm-3m"]}
    (found,) = operations(block, 4.0 * np.eye(3))
    assert len(found.rotations) == 192
    assert "lists 1 of the 192" in found.note
    block["_symmetry_space_group_name_h-m"] = ["F d -3 m"]
    assert len(operations(block, 4.0 * np.eye(3))) == 2


def test_rhombohedral_axes_are_no_lost_centring() -> None:
    hexagonal = np.array([[4.0, 0, 0], [-2.0, np.sqrt(12.0), 0], [0, 0, 9.0]])
    rhombohedral = 4.0 * np.eye(3) + 0.5
    block = {
        "_symmetry_equiv_pos_as_xyz": ["x,y,z", "z,x,y", "y,z,x"],
        "_symmetry_space_group_name_h-m": ["R 3 :H"],
    }
    assert len(operations(block, rhombohedral)[0].rotations) == 3
    block["_symmetry_equiv_pos_as_xyz"] = ["x,y,z", "-y,x-y,z", "-x+y,-x,z"]
    assert len(operations(block, hexagonal)[0].rotations) == 9


def test_a_rotation_must_fit_the_cell() -> None:
    (cubic,) = operations({"_symmetry_space_group_name_h-m": ["P m -3 m"]})
    assert cubic.fit(4.0 * np.eye(3))
    assert cubic.fit(np.diag([4.0, 4.0, 4.004]))
    assert not cubic.fit(np.diag([4.0, 4.0, 4.4]))
