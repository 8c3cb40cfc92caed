"""The density of states of a phonopy calculation: symmetry saves work and changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.data.calculations import find_calculations
from phonodos.data.phonondb_record import calculated_dos
from phonodos.data.phonopy_calculation import PhonopyCalculation, read_calculation
from phonodos.physics import mesh


@pytest.fixture(scope="module")
def rock_salt_springs(spring_files: Path) -> PhonopyCalculation:
    return read(spring_files)


def read(folder: Path) -> PhonopyCalculation:
    (found,) = find_calculations(folder)
    return read_calculation(found.files(), found.name)


def each_by_itself(
    _: object, divisions: tuple[int, int, int], shift: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Stand in for the reduction by symmetry: every point of the mesh is the only one."""
    count = np.arange(np.prod(divisions))
    return 2 * np.stack(np.unravel_index(count, divisions), axis=1) + shift, count


def test_symmetry_changes_nothing(
    rock_salt_springs: PhonopyCalculation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = calculated_dos(rock_salt_springs, 14.0)
    few = len(rock_salt_springs.phonon.qpoints.frequencies)
    monkeypatch.setattr(mesh, "_orbits_of", each_by_itself)
    plain = calculated_dos(rock_salt_springs, 14.0)
    assert len(rock_salt_springs.phonon.qpoints.frequencies) > 4 * few
    np.testing.assert_allclose(whole.frequencies, plain.frequencies)
    np.testing.assert_allclose(whole.densities, plain.densities, atol=1e-6)
    # Eigenvectors of equal frequencies are any of their space: shares agree in the mean only.
    assert whole.projected_distance(plain) < 0.5


def test_axis_leaves_room_for_smoothing(rock_salt_springs: PhonopyCalculation) -> None:
    dos = calculated_dos(rock_salt_springs)
    assert dos.integral == pytest.approx(6.0, abs=1e-9)
    assert dos.frequencies[0] == -2.0
    highest = rock_salt_springs.phonon.qpoints.frequencies.max() / 0.0299792458
    assert highest + 100.0 <= dos.frequencies[-1] < highest + 110.0
    assert dos.imaginary_fraction == 0.0


def test_mean_square_frequency_is_exact(rock_salt_springs: PhonopyCalculation) -> None:
    """The second moment is the trace of the dynamical matrix on average, whatever the mesh."""
    dos = calculated_dos(rock_salt_springs)
    mean = np.trapezoid(dos.densities * dos.frequencies**2, dos.frequencies)
    itself = rock_salt_springs.constants.constants[[0, 1], [0, 32]]  # constants of an atom itself
    assert rock_salt_springs.constants.kinds[[0, 32]].tolist() == [0, 1]
    masses = rock_salt_springs.crystal.masses
    trace = np.trace(itself, axis1=1, axis2=2) / masses
    assert mean == pytest.approx(521.4709**2 * trace.sum(), rel=5e-3)


def test_imaginary_modes_lie_below_zero(spring_files: Path) -> None:
    calculation = read(spring_files)
    calculation.phonon.force_constants = -calculation.phonon.force_constants
    dos = calculated_dos(calculation, 12.0)
    assert dos.imaginary_fraction > 0.9
    assert dos.is_unstable
    assert dos.integral == pytest.approx(6.0, abs=1e-9)


def test_isotopes_of_one_element_are_told_apart(spring_files: Path) -> None:
    """A cell of four formula units, one sodium heavy: not every sodium has the same share."""
    calculation = read(spring_files)
    masses = np.array(calculation.phonon.primitive.masses)
    calculation.phonon.primitive.masses = masses * [4.0, 1.0]
    heavy = calculated_dos(calculation, 12.0)
    assert heavy.mean_frequency < 0.9 * calculated_dos(read(spring_files), 12.0).mean_frequency


def test_every_atom_has_three_modes(shared: Path) -> None:
    """GeSe2: equivalent atoms trade places, and the mean over their orbit keeps their number."""
    found = next(
        c
        for c in find_calculations(shared / "phonondb2018" / "phonondb-2018-nac.tar")
        if c.name == "mp-10074"
    )
    dos = calculated_dos(read_calculation(found.files(), found.name), 16.0)
    assert dos.projected is not None
    np.testing.assert_allclose(np.trapezoid(dos.projected, dos.frequencies), 3.0, atol=1e-9)
