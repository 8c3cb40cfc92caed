"""Sums over the bonds of pairs of atoms: those of bonds one by one."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.model.bonds import bond_crystal
from phonodos.model.dynamics import settled, settled_matrices
from phonodos.model.harmonic import HarmonicCrystals, harmonic_of
from phonodos.model.lattice import Lattice
from phonodos.model.pair_sums import BondSums, BondTable, bond_pulls
from phonodos.physics.crystal import Crystal

Array = np.ndarray
POINTS = np.array([[0.21, -0.13, 0.37], [0.5, 0.0, -0.5], [0.0, 0.0, 0.0]])


@pytest.fixture
def springs(low_symmetry: Crystal, rng: np.random.Generator) -> tuple[HarmonicCrystals, Array]:
    """Four atoms without charges, some bonds listed from their other end."""
    bonded = bond_crystal(low_symmetry, 5.0)
    n = len(bonded.forward)
    bonds = np.where(np.arange(n) % 3 == 0, bonded.backward, bonded.forward)
    turned = replace(bonded, forward=bonds)
    lattice = Lattice(
        rng.normal(size=(n, 3, 3)), np.zeros((4, 3, 3)), np.eye(3)[None] * 3.0, np.ones(n)
    )
    return settled(harmonic_of(turned, lattice, 0))


def test_values_make_the_matrices(springs: tuple[HarmonicCrystals, Array]) -> None:
    harmonic, site = springs
    sums = BondSums.of(harmonic, site)
    assert (sums.pairs[0] <= sums.pairs[1]).all()
    even, odd = sums.values(POINTS @ harmonic.reciprocal[0])
    assert even.shape == odd.shape == (3, sums.n_values)
    found = even[:, sums.places] + 1j * odd[:, sums.places] * sums.signs
    wanted = settled_matrices(harmonic, site, POINTS[None])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(wanted).max())


def test_pairs_without_a_bond_have_zeros(springs: tuple[HarmonicCrystals, Array]) -> None:
    harmonic, site = springs
    sums = BondSums.of(harmonic, site)
    some = sums.picked(sums.pairs[0] == sums.pairs[1])
    even, odd = some.values(POINTS @ harmonic.reciprocal[0])
    found = even[:, some.places] + 1j * odd[:, some.places] * some.signs
    alone = np.kron(np.eye(4), np.ones((3, 3)))
    wanted = settled_matrices(harmonic, site, POINTS[None])[0] * alone
    np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(wanted).max())


def test_pulls_are_sums_over_second_atoms(
    springs: tuple[HarmonicCrystals, Array], rng: np.random.Generator
) -> None:
    harmonic, site = springs
    shares = rng.uniform(0.1, 1.0, 4)
    wanted = settled_matrices(harmonic, site, POINTS[None])[0] @ np.kron(shares[:, None], np.eye(3))
    found = bond_pulls(harmonic, site, POINTS @ harmonic.reciprocal[0], shares)
    np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(wanted).max())


def test_rows_of_a_table_are_as_long_as_the_longest(rng: np.random.Generator) -> None:
    keys, constants = np.array([7, 2, 7, 7]), rng.normal(size=(4, 3, 3))
    vectors, q = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    found, table = BondTable.of(keys, vectors, constants)
    assert found.tolist() == [2, 7]
    assert table.constants.shape == (2, 3, 9)
    waves = np.exp(1j * vectors @ q.T)[..., None] * constants.reshape(4, 1, 9)
    wanted = np.stack([waves[1], waves[[0, 2, 3]].sum(axis=0)])
    sums = table.sums(q)
    np.testing.assert_allclose(sums[:, :2] + 1j * sums[:, 2:], wanted, atol=1e-12)
