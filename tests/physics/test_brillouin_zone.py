"""Special points from a known symmetry are those seekpath finds by its own search."""

import warnings

import numpy as np
import pytest
import seekpath
import spglib

from phonodos.errors import StructureError
from phonodos.physics import brillouin_zone as home
from phonodos.physics import path as paths
from phonodos.physics.brillouin_zone import lattice_shape, special_lines
from phonodos.physics.crystal import Crystal
from phonodos.physics.path import band_path

CELLS = {  # space group, conventional sides and angles, of every kind of lattice
    "cP1": (195, (4, 4, 4)), "cP2": (221, (4, 4, 4)), "cF1": (202, (5, 5, 5)),
    "cF2": (225, (5, 5, 5)), "cI1": (229, (4, 4, 4)), "tP1": (123, (4, 4, 5)),
    "tI1": (139, (5, 5, 4)), "tI2": (139, (4, 4, 7)), "oP1": (47, (4, 5, 6)),
    "oF1": (69, (3, 6, 7)), "oF2": (69, (7, 6, 3)), "oF3": (69, (5, 6, 7)),
    "oI1": (71, (4, 5, 6)), "oI2": (71, (6, 5, 4)), "oI3": (71, (4, 6, 5)),
    "oC1": (65, (4, 5, 6)), "oC2": (65, (5, 4, 6)), "oA1": (38, (4, 5, 6)),
    "oA2": (38, (4, 6, 5)), "hP1": (147, (4, 4, 6)), "hP2": (191, (4, 4, 6)),
    "hR1": (166, (4, 4, 9)), "hR2": (166, (6, 6, 4)), "mP1": (10, (4, 5, 6, 105)),
    "mC1": (12, (6, 4, 5, 105)), "mC2": (12, (4, 6, 7, 105)), "mC3": (12, (6, 6.5, 3, 125)),
}  # fmt: skip
SYMPREC = 1e-3


def cell_of(number: int, sides: tuple[float, ...]) -> np.ndarray:
    a, b, c, *beta = sides
    if 143 <= number <= 194:
        return np.array([[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, c]])
    angle = np.radians(beta[0] if beta else 90.0)
    return np.array([[a, 0, 0], [0, b, 0], [c * np.cos(angle), 0, c * np.sin(angle)]])


def structure_of(number: int, sides: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """One general and one special set of atoms of a space group, in its conventional cell."""
    hall = next(k for k in range(1, 531) if spglib.get_spacegroup_type(k).number == number)
    found = spglib.get_symmetry_from_database(hall)
    coords, kinds = np.zeros((0, 3)), []
    for kind, place in ((1, (0.0, 0.0, 0.0)), (2, (0.13, 0.22, 0.34))):
        every = np.mod(found["rotations"] @ place + found["translations"], 1.0)
        every = np.unique(every.round(6) % 1.0, axis=0)
        coords = np.concatenate([coords, every])
        kinds += [kind] * len(every)
    return cell_of(number, sides), coords, kinds


@pytest.mark.parametrize("shape", CELLS)
def test_points_and_lines_are_those_of_seekpath(shape: str) -> None:
    structure = spglib.find_primitive(structure_of(*CELLS[shape]), symprec=SYMPREC)
    dataset = spglib.get_symmetry_dataset(structure, symprec=SYMPREC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = seekpath.get_path_orig_cell(structure, symprec=SYMPREC)
        name = seekpath.get_path(structure, symprec=SYMPREC)["bravais_lattice_extended"]
    points, lines = special_lines(dataset, structure[0])
    assert name[:2] == shape[:2]  # spglib may sort the axes, and the number change with them
    assert lines == wanted["path"]
    assert points.keys() == wanted["point_coords"].keys()
    for label, q in points.items():
        np.testing.assert_allclose(q, wanted["point_coords"][label], atol=1e-9)


def test_triclinic_points_depend_on_the_lattice_alone(rng: np.random.Generator) -> None:
    """All angles acute or all obtuse, whichever of them is alone at first."""
    coords = np.array([[0.0, 0.0, 0.0], [0.3, 0.4, 0.1], [0.7, 0.6, 0.9]])
    shapes = set()
    for _ in range(30):
        cell = np.diag([4.0, 5.0, 6.0]) + rng.normal(0.0, 0.7, (3, 3))
        structure = (cell, coords, [1, 2, 2])
        dataset = spglib.get_symmetry_dataset(structure, symprec=SYMPREC)
        assert dataset.number == 2
        points, lines = special_lines(dataset, cell)
        wanted = seekpath.get_path_orig_cell(structure, symprec=SYMPREC)
        assert lines == wanted["path"]
        assert points.keys() == wanted["point_coords"].keys()
        shapes.add(tuple(lines))
        for label, q in points.items():
            np.testing.assert_allclose(q, wanted["point_coords"][label], atol=1e-9)
    assert len(shapes) == 2


def test_shapes_change_where_the_zone_does() -> None:
    right = np.zeros(3)
    assert lattice_shape("tI", 139, np.array([4.0, 4.0, 3.999]), right) == "tI1"
    assert lattice_shape("tI", 139, np.array([4.0, 4.0, 4.001]), right) == "tI2"
    for shape in ("oF1", "oF2", "oF3", "oI1", "oI2", "oI3", "oC1", "oC2", "oA1", "oA2"):
        number, sides = CELLS[shape]
        assert lattice_shape(shape[:2], number, np.array(sides, float), right) == shape
    assert lattice_shape("hP", 162, np.ones(3), right) == "hP1"
    assert lattice_shape("hP", 164, np.ones(3), right) == "hP2"


def test_without_symmetry_there_is_no_path(
    rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "symmetry_dataset", lambda *_: None)
    with pytest.raises(StructureError, match="no path") as err:
        band_path(rock_salt)
    assert "no symmetry is found" in err.value.reason


@pytest.mark.parametrize("function", ["get_symmetry_dataset", "niggli_reduce"])
def test_a_lattice_spglib_refuses_has_no_path(
    function: str, low_symmetry: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spglib, function, lambda *_: None)
    with pytest.raises(ValueError, match="cell"):
        home._triclinic(low_symmetry.cell)
