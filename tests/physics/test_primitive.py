"""The primitive cell: any supercell leads back to it, unrotated."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import irreducible_mesh, mass_kinds
from phonodos.physics.primitive import (
    SYMMETRY_TOLERANCE,
    PrimitiveCell,
    primitive_cell,
    space_group,
    symmetry_operations,
)
from phonodos.physics.space_group import find_space_group

MATRICES = [
    np.diag([2, 1, 1]),
    np.diag([2, 2, 3]),
    np.array([[1, 1, 0], [0, 2, 1], [0, 0, 1]]),
    np.array([[3, 1, -2], [0, 1, 5], [1, 0, 2]]),
    np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),
    np.array([[0, 1, 0], [2, 0, 0], [0, 0, 1]]),  # left-handed
]


def supercell(crystal: Crystal, matrix: np.ndarray, rng: np.random.Generator) -> Crystal:
    """Repeat a crystal over ``matrix @ cell``; sites shuffled and moved by lattice steps."""
    count = abs(round(np.linalg.det(matrix)))
    reach = np.arange(-12, 13)
    steps = np.array(np.meshgrid(reach, reach, reach)).reshape(3, -1).T
    inside = np.round(steps @ np.linalg.inv(matrix), 9)
    steps = steps[((inside >= 0) & (inside < 1)).all(axis=1)]
    assert len(steps) == count
    coords = (crystal.frac_coords[:, None] + steps).reshape(-1, 3) @ np.linalg.inv(matrix)
    sites = [site for site in crystal.occupancy for _ in range(count)]
    order = rng.permutation(len(coords))
    coords = coords[order] + rng.integers(-1, 2, size=coords.shape)
    return Crystal(matrix @ crystal.cell, coords, tuple(sites[i] for i in order), "big")


def alloy() -> Crystal:
    cell = 3.754 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal(cell, np.array([[0.1, 0.2, 0.3]]), ({"Cu": 0.7, "Au": 0.3},), "alloy")


def assert_same_places(big: Crystal, found: PrimitiveCell) -> None:
    """Every input site lies on its primitive site, up to a primitive lattice vector."""
    small = found.crystal
    gaps = (big.positions - small.positions[found.site_map]) @ np.linalg.inv(small.cell)
    assert np.abs((gaps - np.rint(gaps)) @ small.cell).max() < 1e-6
    lattice = big.cell @ np.linalg.inv(small.cell)
    assert np.abs(lattice - np.rint(lattice)).max() < 1e-9
    for i, site in enumerate(found.site_map):
        assert dict(big.occupancy[i]) == dict(small.occupancy[site])


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("kind", ["rock_salt", "perovskite", "alloy"])
def test_supercells_fold_back(
    kind: str, matrix: np.ndarray, rng: np.random.Generator, request: pytest.FixtureRequest
) -> None:
    crystal = alloy() if kind == "alloy" else request.getfixturevalue(kind)
    big = supercell(crystal, matrix, rng)
    found = primitive_cell(big)
    count = abs(round(np.linalg.det(matrix)))
    assert found.multiplicity == count
    assert found.crystal.n_atoms == crystal.n_atoms
    assert found.crystal.volume == pytest.approx(crystal.volume)
    assert found.crystal.composition == pytest.approx(
        {s: a / count for s, a in big.composition.items()}
    )
    assert found.crystal.name == "big"
    assert np.bincount(found.site_map).tolist() == [count] * crystal.n_atoms
    assert np.linalg.det(found.crystal.cell) * np.linalg.det(big.cell) > 0
    assert_same_places(big, found)


def test_not_rotated(rock_salt: Crystal, rng: np.random.Generator) -> None:
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = Crystal(rock_salt.cell @ turn, rock_salt.frac_coords, rock_salt.occupancy)
    found = primitive_cell(supercell(turned, np.diag([1, 2, 2]), rng))
    whole = found.crystal.cell @ np.linalg.inv(turned.cell)
    assert np.abs(whole - np.rint(whole)).max() < 1e-9


def test_a_primitive_cell_is_returned_as_it_is(rock_salt: Crystal, perovskite: Crystal) -> None:
    for crystal in (rock_salt, perovskite, alloy()):
        found = primitive_cell(crystal)
        assert found.crystal is crystal
        assert found.multiplicity == 1
        assert found.site_map.tolist() == list(range(crystal.n_atoms))


def test_copies_are_averaged(rock_salt: Crystal, rng: np.random.Generator) -> None:
    """Noise of a ten-thousandth of an Angstrom neither hides the lattice nor enters it."""
    big = supercell(rock_salt, np.diag([3, 2, 1]), rng)
    noise = rng.normal(scale=5e-5, size=(big.n_atoms, 3)) @ np.linalg.inv(big.cell)
    found = primitive_cell(Crystal(big.cell, big.frac_coords + noise, big.occupancy))
    assert found.multiplicity == 6
    whole = found.crystal.cell @ np.linalg.inv(rock_salt.cell)
    assert np.abs(whole - np.rint(whole)).max() < 1e-12
    assert np.ptp(found.crystal.positions, axis=0).max() == pytest.approx(2.82, abs=2e-4)


@pytest.mark.parametrize("second", [{"Cu": 0.6, "Au": 0.4}, {"Cu": 0.7, "Ag": 0.3}, {"Cu": 1.0}])
def test_different_mixtures_differ(second: dict[str, float]) -> None:
    coords = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    crystal = Crystal(3.0 * np.eye(3), coords, ({"Cu": 0.7, "Au": 0.3}, second))
    assert primitive_cell(crystal).multiplicity == 1


def test_isotopes_differ() -> None:
    coords = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    for symbols, count in ((["H", "H"], 2), (["D", "D"], 2), (["H", "D"], 1)):
        assert (
            primitive_cell(Crystal.ordered(3.0 * np.eye(3), coords, symbols)).multiplicity == count
        )


def test_a_crystal_spglib_refuses_is_its_own_primitive_cell() -> None:
    """Two atoms of one kind at one place: spglib gives up, we do not."""
    crystal = Crystal.ordered(3.0 * np.eye(3), np.zeros((2, 3)), ["H", "H"])
    found = primitive_cell(crystal)
    assert found.crystal is crystal
    assert found.multiplicity == 1
    assert space_group(crystal) is None


def test_space_groups(rock_salt: Crystal, perovskite: Crystal) -> None:
    assert space_group(rock_salt) == (225, "Fm-3m")
    assert space_group(perovskite) == (221, "Pm-3m")
    assert space_group(alloy()) == (225, "Fm-3m")


@pytest.mark.parametrize("k", [3, 30, 1000])
def test_very_skewed_cells_become_short_ones(rock_salt: Crystal, k: int) -> None:
    shear = np.array([[2.0, 0, 0], [2 * k, 1, 0], [0, k, 1]])  # of two cells
    cell = shear @ rock_salt.cell
    places = np.concatenate([rock_salt.positions, rock_salt.positions + rock_salt.cell[0]])
    crystal = Crystal.ordered(cell, places @ np.linalg.inv(cell), ["Na", "Cl"] * 2)
    found = primitive_cell(crystal)
    assert (found.multiplicity, found.crystal.n_atoms) == (2, 2)
    assert found.site_map.tolist() == [0, 1, 0, 1]
    assert np.linalg.norm(found.crystal.cell, axis=1) == pytest.approx([3.988] * 3, abs=1e-3)
    assert space_group(crystal) == (225, "Fm-3m")


def test_the_symmetry_is_sought_once_a_crystal(
    perovskite: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spglib

    searched = []
    plain = spglib.get_symmetry_dataset

    def counted(cell: object, symprec: float) -> object:
        searched.append(symprec)
        return plain(cell, symprec=symprec)

    monkeypatch.setattr(spglib, "get_symmetry_dataset", counted)
    for _ in range(3):
        assert space_group(perovskite) == (221, "Pm-3m")
        irreducible_mesh(perovskite, 20.0, kinds=mass_kinds(perovskite, perovskite.masses))
    assert len(searched) == 1
    space_group(perovskite, 0.01)
    uneven = perovskite.masses + np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    irreducible_mesh(perovskite, 20.0, kinds=mass_kinds(perovskite, uneven))
    space_group(replace(perovskite, name="another"))
    assert len(searched) == 4


def test_operations_are_those_of_a_search(perovskite: Crystal) -> None:
    found = symmetry_operations(perovskite)
    kinds = (0, 1, 2, 2, 2)
    wanted = find_space_group(perovskite.cell, perovskite.frac_coords, kinds, SYMMETRY_TOLERANCE)
    np.testing.assert_array_equal(found.rotations, wanted.rotations)
    np.testing.assert_array_equal(found.permutations, wanted.permutations)
    # One oxygen of another mass leaves fewer.
    assert len(symmetry_operations(perovskite, (0, 1, 2, 2, 3)).rotations) < len(found.rotations)
