"""Real matrices made at once are those that complex ones are turned into."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.model import centred_sums, plane_waves
from phonodos.model.centred_sums import CentredSums
from phonodos.physics.crystal import Crystal
from phonodos.physics.inversion import real_form
from phonodos.prediction.lattice_dynamics import LatticeDynamics

IMAGES = np.array([0, 3, 4, 1, 2, 5])
POINTS = np.array([[0.23, 0.41, -0.17], [0.0, 0.0, 0.0], [0.5, 0.31, 0.0], [0.5, 0.0, 0.5]])


@pytest.fixture
def centred() -> Crystal:
    """A triclinic cell with pairs of atoms, one atom on the centre, and one between two cells."""
    cell = np.array([[4.6, 0.3, 0.1], [-0.2, 5.1, 0.4], [0.5, 0.2, 5.6]])
    half = np.array([[0.13, 0.21, 0.34], [0.27, 0.62, 0.11]])
    coords = np.concatenate([[[0.0] * 3], half, -half, [[0.5, 0.0, 0.0]]]) + [0.1, 0.05, 0.2]
    return Crystal.ordered(cell, coords, ["Ti", "O", "Mg", "O", "Mg", "Sr"])


def sums_of(lattice: LatticeDynamics, images: np.ndarray = IMAGES) -> CentredSums:
    return CentredSums(lattice._sums, images)


@pytest.mark.parametrize("several", [1, 10**6])  # dipole terms of many at a time, or one by one
@pytest.mark.parametrize("metal", [False, True])
def test_matrices_are_those_of_the_real_form(
    several: int, metal: bool, centred: Crystal,
    lattice_of: Callable[[Crystal], LatticeDynamics], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(centred_sums, "SEVERAL", several)
    lattice = lattice_of(centred)
    if metal:
        lattice.harmonic.born[...] = 0.0
    q = POINTS @ centred.reciprocal_cell
    wanted = real_form(lattice._sums.matrices(q), IMAGES)
    assert wanted is not None
    sums = sums_of(lattice)
    found = sums.matrices(q)
    np.testing.assert_allclose(found, found.swapaxes(1, 2), atol=1e-12)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_matrices_of_more_at_a_time_are_the_same(
    centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    q = POINTS @ centred.reciprocal_cell
    sums = sums_of(lattice_of(centred))
    whole = sums.matrices(q)
    monkeypatch.setattr(centred_sums, "CHUNK", 1)
    np.testing.assert_allclose(sums.matrices(q), whole, atol=1e-13 * np.abs(whole).max())


@pytest.mark.parametrize("few", [0, 10**6])  # waves made again, or kept
def test_terms_of_a_large_cell_go_in_parts(
    few: int, centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    q = POINTS @ centred.reciprocal_cell
    sums = sums_of(lattice_of(centred))
    whole = sums.matrices(q)
    for name, value in {"SEVERAL": 10**6, "TERMS": 7}.items():
        monkeypatch.setattr(centred_sums, name, value)
    monkeypatch.setattr(plane_waves, "FEW", few)
    again = sums_of(lattice_of(centred))
    np.testing.assert_allclose(again.matrices(q), whole, atol=1e-12 * np.abs(whole).max())
    assert ("_waves" in vars(again)) == bool(few)


def test_what_breaks_the_symmetry_is_seen(
    centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    lattice = lattice_of(centred)
    assert sums_of(lattice).are_exact
    assert not sums_of(lattice, np.array([0, 4, 3, 2, 1, 5])).are_exact
    harmonic = lattice.harmonic
    kept = harmonic.born.copy()
    harmonic.born[0, 1] += 0.3 * np.eye(3)  # of one atom of a pair
    harmonic.born[0, 5] -= 0.3 * np.eye(3)
    assert not sums_of(LatticeDynamics(centred, harmonic)).are_exact
    harmonic.born[...] = kept
    assert sums_of(LatticeDynamics(centred, harmonic)).are_exact
    harmonic.positions[0, 1] += 1e-3
    assert not sums_of(LatticeDynamics(centred, harmonic)).are_exact
    harmonic.positions[0, 1] -= 1e-3
    assert sums_of(LatticeDynamics(centred, harmonic)).are_exact
    stiff = int(np.argmax((harmonic.firsts == 1) & (harmonic.seconds == 2)))
    harmonic.force_constants[stiff] *= 1.01
    assert not sums_of(LatticeDynamics(centred, harmonic)).are_exact


def test_frequencies_of_what_breaks_it_are_those_of_complex_matrices(
    centred: Crystal, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    lattice = lattice_of(centred)
    lattice.harmonic.force_constants[::5] *= 1.2
    assert lattice._centred is None
    assert lattice.frequencies(POINTS) == pytest.approx(lattice.modes(POINTS)[0], abs=1e-4)
