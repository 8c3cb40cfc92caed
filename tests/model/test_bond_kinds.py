"""Which elements touch."""

import numpy as np

from phonodos.model.bond_kinds import REACH, bond_kinds, bond_name, count_bond_kinds
from phonodos.model.graph import build_graph
from phonodos.physics.crystal import Crystal


def kinds(crystal: Crystal) -> set[str]:
    return bond_kinds(crystal, build_graph(crystal, REACH))


def test_salt_touches_between_unlike_atoms_only(rock_salt: Crystal) -> None:
    (name,) = kinds(rock_salt)
    assert name == bond_name(rock_salt.composition)


def test_metals_touch_themselves() -> None:
    aluminium = Crystal.ordered(
        4.05 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]), [[0.0] * 3], ["Al"]
    )
    assert kinds(aluminium) == {"Al-Al"}


def test_perovskite(perovskite: Crystal) -> None:
    assert kinds(perovskite) == {"Sr-O", "Ti-O"}


def test_each_element_of_a_mixed_site_counts_and_heavy_hydrogen_is_hydrogen() -> None:
    cell = 2.5 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    mixed = Crystal(
        cell, np.array([[0.0] * 3, [0.15, 0.15, 0.15]]), ({"D": 1.0}, {"C": 0.5, "N": 0.5})
    )
    assert kinds(mixed) == {"H-C", "H-N"}


def test_counts_are_of_crystals_not_of_bonds(rock_salt: Crystal, perovskite: Crystal) -> None:
    counts = count_bond_kinds([rock_salt, rock_salt, perovskite])
    assert counts[bond_name(rock_salt.composition)] == 2
    assert counts["Ti-O"] == 1


def test_choice_of_the_cell_does_not_matter(perovskite: Crystal) -> None:
    doubled = Crystal(
        perovskite.cell * np.array([[2.0], [1], [1]]),
        np.concatenate([perovskite.frac_coords, perovskite.frac_coords + [1.0, 0, 0]])
        / np.array([2.0, 1, 1]),
        perovskite.occupancy * 2,
    )
    assert kinds(doubled) == kinds(perovskite)
