"""One wave vector at a time, the sums are those of all at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from phonodos.model import lattice_sums, plane_waves
from phonodos.model.bonds import bond_crystal
from phonodos.model.dynamics import settled, settled_matrices
from phonodos.model.harmonic import HarmonicCrystals, harmonic_of
from phonodos.model.lattice import Lattice
from phonodos.model.lattice_sums import LatticeSums
from phonodos.physics.crystal import Crystal

Array = np.ndarray
POINTS = np.array(
    [[0.21, -0.13, 0.37], [0.5, 0.0, -0.5], [0.0, 0.0, 0.0], [1e-3, 0.0, -2e-3], [0.5, 0.0, 0.25]]
)


@pytest.fixture
def springs(low_symmetry: Crystal, rng: np.random.Generator) -> HarmonicCrystals:
    """Four atoms, unequal masses, charges, several bonds between the same atoms."""
    bonded = bond_crystal(low_symmetry, 5.0)
    born = rng.normal(size=(low_symmetry.n_atoms, 3, 3))
    n = len(bonded.forward)
    constants = 0.3 * rng.normal(size=(n, 3, 3)) - 4.0 * np.eye(3)
    lattice = Lattice(
        constants, born - born.mean(axis=0), np.diag([4.0, 3.0, 6.0])[None], np.ones(n)
    )
    return harmonic_of(bonded, lattice, 0)


def sums_of(springs: HarmonicCrystals, points: Array = POINTS) -> LatticeSums:
    return LatticeSums(*settled(springs), points @ springs.reciprocal[0])


def assert_same(found: Array, wanted: Array) -> None:
    np.testing.assert_allclose(found, wanted, atol=1e-13 * np.abs(wanted).max())


@pytest.mark.parametrize("several", [1, 10**6])  # at a time, or one by one
def test_matrices_are_those_of_all_wave_vectors_at_once(
    several: int, springs: HarmonicCrystals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lattice_sums, "SEVERAL", several)
    wanted = settled_matrices(*settled(springs), POINTS[None])[0]
    sums = sums_of(springs)
    assert_same(sums.matrices(sums.reach), wanted)
    assert_same(sums.matrices(sums.reach[1:3]), wanted[1:3])


@pytest.mark.parametrize("few", [0, 10**6])  # waves made again, or kept
def test_terms_of_a_large_cell_go_in_parts(
    few: int, springs: HarmonicCrystals, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settled_matrices(*settled(springs), POINTS[None])[0]
    for name, value in {"SEVERAL": 10**6, "TERMS": 7}.items():
        monkeypatch.setattr(lattice_sums, name, value)
    monkeypatch.setattr(plane_waves, "FEW", few)
    sums = sums_of(springs)
    assert_same(sums.matrices(sums.reach), wanted)
    assert ("_waves" in vars(sums)) == bool(few)


def test_without_charges_there_are_bonds_only(springs: HarmonicCrystals) -> None:
    metal = replace(springs, born=np.zeros_like(springs.born))
    wanted = settled_matrices(*settled(metal), POINTS[None])[0]
    sums = sums_of(metal)
    assert_same(sums.matrices(sums.reach), wanted)
    rigid = np.kron(np.sqrt(metal.masses[0] / metal.masses.sum())[:, None], np.eye(3))
    np.testing.assert_allclose(sums.pulls(sums.reach), wanted @ rigid, atol=1e-13)


def test_pulls_are_matrices_times_translations(springs: HarmonicCrystals) -> None:
    sums = sums_of(springs)
    rigid = np.kron(np.sqrt(springs.masses[0] / springs.masses.sum())[:, None], np.eye(3))
    found = sums.pulls(sums.reach)
    np.testing.assert_allclose(found, sums.matrices(sums.reach) @ rigid, atol=1e-13)
    assert np.abs(found[2]).max() < 1e-10  # at q = 0 nothing pulls


def test_long_sums_go_in_parts(springs: HarmonicCrystals, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = sums_of(springs)
    whole = sums.matrices(sums.reach)
    monkeypatch.setattr("phonodos.model.lattice_sums.CHUNK", 1)
    assert_same(sums.matrices(sums.reach), whole)


def test_equivalent_to_its_opposite_a_matrix_is_real_but_for_phases(
    springs: HarmonicCrystals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the terms of the dipole sum are taken there, and only there."""
    taken: list[Array] = []
    plain = LatticeSums._put_real

    def counted(sums: LatticeSums, wave: Array, *rest: Any) -> None:
        taken.append(wave)
        plain(sums, wave, *rest)

    monkeypatch.setattr(lattice_sums, "SEVERAL", 10**6)
    monkeypatch.setattr(LatticeSums, "_put_real", counted)
    sums = sums_of(springs)
    sums.matrices(sums.reach)
    np.testing.assert_array_equal(taken, sums.reach[[1, 2]])
