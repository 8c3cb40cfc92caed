"""The density of states on a mesh: symmetry saves work and changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.data import mesh_dos as module
from phonodos.data.calculations import find_calculations
from phonodos.data.mesh_dos import mesh_dos, mesh_numbers
from phonodos.data.phonopy_calculation import PhonopyCalculation, read_calculation
from phonodos.data.space_group import SpaceGroup, asymmetry, space_group


@pytest.fixture(scope="module")
def rock_salt_springs(spring_files: Path) -> PhonopyCalculation:
    (found,) = find_calculations(spring_files)
    return read_calculation(found.files(), found.name)


def test_mesh_numbers() -> None:
    assert mesh_numbers(np.diag([5.0, 7.0, 100.0]), 35.0) == (7, 5, 1)
    skewed = np.array([[3.0, 0, 0], [-3.0, 3.0, 0], [0, 0, 3.0]])
    assert mesh_numbers(skewed, 30.0) == (14, 10, 10)


def test_symmetry_changes_nothing(
    rock_salt_springs: PhonopyCalculation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = mesh_dos(rock_salt_springs, (5, 5, 5))
    identity = SpaceGroup(np.eye(3, dtype=int)[None], np.eye(3)[None], np.array([[0, 1]]))
    monkeypatch.setattr(module, "space_group", lambda _: identity)
    plain = mesh_dos(rock_salt_springs, (5, 5, 5))
    np.testing.assert_allclose(whole.frequencies, plain.frequencies)
    # Eigenvectors of equal frequencies are any of their space: shares agree in the mean only.
    np.testing.assert_allclose(whole.densities, plain.densities, atol=1e-6)
    assert whole.projected is not None
    assert plain.projected is not None
    np.testing.assert_allclose(
        np.cumsum(whole.projected, axis=1), np.cumsum(plain.projected, axis=1), atol=0.02
    )


def test_axis_leaves_room_for_smoothing(rock_salt_springs: PhonopyCalculation) -> None:
    dos = mesh_dos(rock_salt_springs, (3, 3, 3))
    assert dos.integral == pytest.approx(6.0, abs=1e-9)
    assert dos.frequencies[0] in (-2.0, -3.0)
    last = dos.frequencies[dos.densities > 0][-1]
    assert 97.0 < dos.frequencies[-1] - last < 101.0
    assert dos.imaginary_fraction == 0.0


def test_mean_square_frequency_is_exact(rock_salt_springs: PhonopyCalculation) -> None:
    """The second moment is the trace of the dynamical matrix on average, whatever the mesh."""
    dos = mesh_dos(rock_salt_springs, (7, 7, 7))
    mean = np.trapezoid(dos.densities * dos.frequencies**2, dos.frequencies)
    itself = rock_salt_springs.constants.constants[[0, 1], [0, 32]]  # constants of an atom itself
    assert rock_salt_springs.constants.kinds[[0, 32]].tolist() == [0, 1]
    masses = rock_salt_springs.crystal.masses
    trace = np.trace(itself, axis1=1, axis2=2) / masses
    assert mean == pytest.approx(521.4709**2 * trace.sum(), rel=5e-3)


def test_imaginary_modes_lie_below_zero(spring_files: Path) -> None:
    (found,) = find_calculations(spring_files)
    calculation = read_calculation(found.files(), found.name)
    calculation.phonon.force_constants = -calculation.phonon.force_constants
    dos = mesh_dos(calculation, (3, 3, 3))
    assert dos.imaginary_fraction > 0.9
    assert dos.integral == pytest.approx(6.0, abs=1e-9)


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
    whole = mesh_dos(calculation, (4, 4, 4))
    assert whole.projected is not None
    sums = np.trapezoid(whole.projected, whole.frequencies)
    np.testing.assert_allclose(sums, 3.0, atol=1e-9)
