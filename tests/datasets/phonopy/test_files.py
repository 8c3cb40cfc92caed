"""The input files of a phonopy calculation: what their tags mean, and what no cell can be."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets.phonopy.files import (
    LARGEST_SUPERCELL,
    check_supercell,
    read_conf,
    read_parts,
)
from phonodos.errors import DataError

POSCAR = """NaCl
1.0
5.6 0 0
0 5.6 0
0 0 5.6
Na Cl
1 1
Direct
0 0 0
0.5 0.5 0.5
"""


def test_tags_of_phonopy_conf() -> None:
    supercell, primitive = read_conf(
        "dim = 2 2 1  # a comment\nPRIMITIVE_AXES = 0 1/2 1/2 1/2 0 1/2 1/2 1/2 0\n"
    )
    np.testing.assert_array_equal(supercell, np.diag([2, 2, 1]))
    np.testing.assert_array_equal(primitive, [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    supercell, primitive = read_conf("DIM = 1 1 0 -1 1 0 0 0 2\nPRIMITIVE_AXIS = f\n")
    np.testing.assert_array_equal(supercell, [[1, 1, 0], [-1, 1, 0], [0, 0, 2]])
    assert primitive == "F"
    assert read_conf("DIM = 1 1 1\n")[1] == "auto"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ATOM_NAME = Na\n", "no DIM"),
        ("DIM = 2 2\n", "3 or 9 whole numbers"),
        ("DIM = 2 2 0\n", "span a cell"),
        ("DIM = 2_0 2 2\n", "3 or 9 whole numbers"),
        ("DIM = 2 2 2\nPRIMITIVE_AXES = 1 0 0 0 1 0 0 0 1/0\n", "not 9 numbers"),
        ("DIM = 2 2 2\nPRIMITIVE_AXES = 1 2 3\n", "not 9 numbers"),
    ],
)
def test_tags_without_sense(text: str, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        read_conf(text)
    assert reason in caught.value.reason


def test_supercells_no_calculation_was_made_in() -> None:
    check_supercell(np.diag([2, 2, 2]), 8)
    check_supercell(np.array([10, 10, 10]), LARGEST_SUPERCELL // 1000 - 1)
    with pytest.raises(DataError, match="a supercell of"):
        check_supercell(np.array([10, 10, 10]), LARGEST_SUPERCELL // 1000 + 1)
    # Of volume one, but phonopy would fill a huge box before cutting it out.
    with pytest.raises(DataError, match="a supercell of"):
        check_supercell(np.array([[1, 10**6, 10**6], [0, 1, 10**6], [0, 0, 1]]), 2)
    with pytest.raises(DataError, match="no supercell"):
        check_supercell(np.full((3, 3), np.nan), 2)


def test_a_folder_with_cell_and_supercell(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no cell"):
        read_parts(tmp_path)
    (tmp_path / "POSCAR").write_text(POSCAR)
    with pytest.raises(DataError, match="no supercell"):
        read_parts(tmp_path)
    (tmp_path / "phonopy.conf").write_text("DIM = 2 2 2\n")
    parts = read_parts(tmp_path)
    np.testing.assert_allclose(parts.unit_cell.cell, 5.6 * np.eye(3))
    assert list(parts.unit_cell.symbols) == ["Na", "Cl"]
    np.testing.assert_array_equal(parts.supercell, np.diag([2, 2, 2]))
    assert (parts.primitive, parts.nac, parts.constants) == ("auto", None, None)
    # The cell made for phonopy is read before the other one.
    (tmp_path / "POSCAR-unitcell").write_text(POSCAR.replace("5.6", "5.7"))
    np.testing.assert_allclose(read_parts(tmp_path).unit_cell.cell, 5.7 * np.eye(3))


def test_a_broken_cell_is_named(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(POSCAR.replace("1 1\n", "1 900\n"))
    (tmp_path / "phonopy.conf").write_text("DIM = 2 2 2\n")
    with pytest.raises(DataError, match="POSCAR is not readable"):
        read_parts(tmp_path)
