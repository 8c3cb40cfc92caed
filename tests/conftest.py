"""Shared fixtures: the real data if it is there, small textbook crystals always."""

import os
from pathlib import Path

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real data sets; the test skips, and says so, where it is absent."""
    folder = os.environ.get("PHONODOS_SHARED")
    if not folder:
        pytest.skip("real data absent: set PHONODOS_SHARED to the folder that holds dfpt2018/")
    path = Path(folder)
    if not (path / "dfpt2018").is_dir():
        pytest.skip(f"real data absent: no dfpt2018/ in PHONODOS_SHARED={folder}")
    return path


@pytest.fixture(scope="session")
def examples() -> Path:
    """Folder of the example structures that come with the repository."""
    return Path(__file__).parent.parent / "examples"


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers, the same in every test."""
    return np.random.default_rng(20210601)


@pytest.fixture
def rock_salt() -> Crystal:
    """Primitive cell of NaCl, a = 5.64 A."""
    cell = 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name="NaCl")


@pytest.fixture
def perovskite() -> Crystal:
    """Cubic SrTiO3, a = 3.905 A."""
    coords = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Crystal.ordered(3.905 * np.eye(3), coords, ["Sr", "Ti", "O", "O", "O"], name="SrTiO3")
