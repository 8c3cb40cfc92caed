"""The space group of a phonopy calculation: operations, images, asymmetry of tensors."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.datasets.phonopy.calculation import PhonopyCalculation, read_calculation
from phonodos.datasets.phonopy.folders import find_calculations
from phonodos.datasets.phonopy.space_group import asymmetry, space_group


@pytest.fixture(scope="module")
def rock_salt_springs(spring_files: Path) -> PhonopyCalculation:
    (found,) = find_calculations(spring_files)
    return read_calculation(found.files(), found.name)


def test_space_group_of_rock_salt(rock_salt_springs: PhonopyCalculation) -> None:
    group = space_group(rock_salt_springs)
    assert len(group.rotations) == 48
    assert (group.images == [0, 1]).all()
    products = group.cartesian @ group.cartesian.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), (48, 3, 3)), atol=1e-9)
    born = np.array([np.eye(3), -np.eye(3)])
    assert asymmetry(group, born, 2 * np.eye(3)) < 1e-9
    assert asymmetry(group, born + np.diag([0.1, 0, 0]), 2 * np.eye(3)) == pytest.approx(0.1)
    assert asymmetry(group, born, np.diag([3.0, 2.0, 1.0])) == pytest.approx(1.0)


def test_atoms_trade_places(shared: Path) -> None:
    """A zinc-blende-like site exchange: images of every operation are a permutation of equals."""
    found = next(
        c
        for c in find_calculations(shared / "phonondb2018" / "phonondb-2018-nac.tar")
        if c.name == "mp-10074"
    )
    calculation = read_calculation(found.files(), found.name)
    group = space_group(calculation)
    symbols = np.array(calculation.crystal.symbols)
    for images in group.images:
        assert sorted(images) == list(range(6))
        assert (symbols[images] == symbols).all()
    assert len({tuple(row) for row in group.images.tolist()}) > 1
