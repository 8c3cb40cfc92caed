"""Constants that are far from symmetric: refused of unknown origin, believed of a data base."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets.phonopy.calculation import read_calculation
from phonodos.datasets.phonopy.folders import Calculation, find_calculations
from phonodos.errors import DataError


@pytest.fixture
def odd(spring_files: Path, tmp_path: Path) -> Calculation:
    """A calculation whose DIM has the right number of atoms and the wrong shape."""
    folder = shutil.copytree(spring_files, tmp_path / "odd")
    conf = folder / "phonopy.conf"
    conf.write_text(conf.read_text().replace("2 2 2", "4 2 1"))
    (found,) = find_calculations(folder)
    return found


def test_a_supercell_of_another_shape_is_refused(odd: Calculation) -> None:
    with pytest.raises(DataError, match="do not fit the supercell") as caught:
        read_calculation(odd.files(), odd.name)
    assert "symmetric FORCE_CONSTANTS" in caught.value.fix


def test_published_supercells_are_believed(odd: Calculation) -> None:
    """Ten calculations of phonondb are as far from symmetric as this one."""
    constants = read_calculation(odd.files(), odd.name, known_sound=True).phonon.force_constants
    assert np.isfinite(constants).all()
    assert np.abs(constants.sum(axis=1)).max() < 1e-6


def test_symmetric_ones_pass(spring_files: Path) -> None:
    (found,) = find_calculations(spring_files)
    constants = read_calculation(found.files(), found.name).phonon.force_constants
    assert np.abs(constants.sum(axis=1)).max() < 1e-6
