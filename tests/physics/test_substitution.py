"""Substitution rules: what is understood, what they make of a parent, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.substitution import bond_scale, parse_substitution, substituted


@pytest.mark.parametrize(
    ("text", "x", "fractions"),
    [
        ("Sb=Sb{1-x}Bi{x}", 0.25, {"Sb": 0.75, "Bi": 0.25}),
        ("Sb=Sb{1-x}Bi{x}", 0.0, {"Sb": 1.0}),
        ("Sb = Bi{x} Sb{1-x}", 1.0, {"Bi": 1.0}),
        ("Ti=Ti{1-x/2}Zr{0.5*x}", 0.5, {"Ti": 0.75, "Zr": 0.25}),
        ("O=O{1-2x/4}S{x/4}Se{x/4}", 1.0, {"O": 0.5, "S": 0.25, "Se": 0.25}),
        ("Na=K", 0.3, {"K": 1.0}),
    ],
)
def test_rules(text: str, x: float, fractions: dict[str, float]) -> None:
    assert parse_substitution(text).at(x) == pytest.approx(fractions)


@pytest.mark.parametrize(
    "text",
    [
        "", "Sb", "Sb=", "Sb=Sb{1-x}Bi{y}", "Sb=Sb{1-x}Bi{x*x}", "Sb=Sb{1-x}Bi{2x}",
        "Sb=Sb{1-2x}Bi{2x}", "Sb=Sb{0.5}", "Xx=Bi", "Sb=Xx{x}Sb{1-x}", "Sb=Sb{x}Sb{1-x}",
        "Sb=Sb{1-x}Bi{__import__}", "Sb=Sb{1-x}+Bi{x}", "Sb=Sb{1-xx}Bi{x}",
    ],
)  # fmt: skip
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ConfigError, match="is no substitution"):
        parse_substitution(text)


def test_the_lattice_follows_radii(perovskite: Crystal) -> None:
    rules = [parse_substitution("Ti=Ti{1-x}Zr{x}"), parse_substitution("Sr=Sr{1-x/2}Ba{x/2}")]
    alloy = substituted(perovskite, rules)
    mixed = alloy.mixture(0.5)
    scale = bond_scale(perovskite, alloy.second)
    assert 1.04 < scale < 1.07  # a of SrZrO3 / a of SrTiO3 is 1.058
    np.testing.assert_allclose(alloy.second.cell, scale * perovskite.cell)
    np.testing.assert_allclose(mixed.cell, (1.0 + scale) / 2.0 * perovskite.cell)
    assert (mixed.frac_coords == perovskite.frac_coords).all()
    assert (alloy.mixture(0.0).cell == perovskite.cell).all()
    assert (alloy.mixture(1.0).cell == alloy.second.cell).all()
    assert alloy.lattice_of == "radii"
    assert f"the parent's times {scale:.4f}" in alloy.notes[0]
    assert dict(mixed.occupancy[0]) == {"Sr": 0.75, "Ba": 0.25}
    assert dict(mixed.occupancy[1]) == {"Ti": 0.5, "Zr": 0.5}
    assert mixed.occupancy[2:] == perovskite.occupancy[2:]
    assert alloy.mixture(0.0).symbols == perovskite.symbols


def test_an_absent_element(perovskite: Crystal) -> None:
    with pytest.raises(StructureError, match="SrTiO3 holds no Sb"):
        substituted(perovskite, [parse_substitution("Sb=Bi")])


def test_the_lattice_of_the_other_end(perovskite: Crystal) -> None:
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    end = Crystal.ordered(
        1.058 * perovskite.cell @ turn, perovskite.frac_coords, ["Sr", "Zr", "O", "O", "O"], "end"
    )
    alloy = substituted(perovskite, [parse_substitution("Ti=Ti{1-x}Zr{x}")], end)
    np.testing.assert_allclose(alloy.second.cell, 1.058 * perovskite.cell, atol=1e-12)
    assert alloy.lattice_of == "cell end"
    assert alloy.notes[0].startswith("lattice of x = 1: that of end; fractional coordinates")
    small = Crystal.ordered(4.1 * np.eye(3), [[0.0] * 3], ["Zr"])
    with pytest.raises(StructureError, match="has 1 sites and SrTiO3 5"):
        substituted(perovskite, [parse_substitution("Ti=Zr")], small)
    far = replace(end, cell=2.0 * end.cell)
    with pytest.raises(StructureError, match="do not correspond"):
        substituted(perovskite, [parse_substitution("Ti=Zr")], far)


def test_a_rule_that_changes_the_parent_at_once(perovskite: Crystal) -> None:
    alloy = substituted(perovskite, [parse_substitution("Ti=Zr")])
    np.testing.assert_allclose(alloy.first.cell, alloy.second.cell)
    assert alloy.notes[0].endswith("by radii")


def test_bonds_by_their_strength(perovskite: Crystal) -> None:
    """Ti-O is short and holds the lattice; Sr has little to say."""
    titanium, strontium = (
        bond_scale(perovskite, substituted(perovskite, [parse_substitution(rule)]).second)
        for rule in ("Ti=Zr", "Sr=Ba")
    )
    assert 1.0 < strontium < 1.03  # a of BaTiO3 / a of SrTiO3 is 1.026
    assert strontium < titanium
    apart = Crystal.ordered(15.0 * np.eye(3), [[0.0] * 3], ["Na"])
    other = Crystal.ordered(15.0 * np.eye(3), [[0.0] * 3], ["K"])
    assert bond_scale(apart, other) == pytest.approx(2.03 / 1.66)
    assert bond_scale(apart, apart) == 1.0
