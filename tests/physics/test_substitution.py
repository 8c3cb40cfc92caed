"""Substitution rules: what is understood, what they make of a parent, what is refused."""

import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.substitution import parse_substitution, substituted


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


def test_a_parent_keeps_its_geometry(perovskite: Crystal) -> None:
    rules = [parse_substitution("Ti=Ti{1-x}Zr{x}"), parse_substitution("Sr=Sr{1-x/2}Ba{x/2}")]
    alloy = substituted(perovskite, rules)
    mixed = alloy.mixture(0.5)
    assert (mixed.cell == perovskite.cell).all()
    assert dict(mixed.occupancy[0]) == {"Sr": 0.75, "Ba": 0.25}
    assert dict(mixed.occupancy[1]) == {"Ti": 0.5, "Zr": 0.5}
    assert mixed.occupancy[2:] == perovskite.occupancy[2:]
    assert alloy.mixture(0.0).symbols == perovskite.symbols


def test_an_absent_element(perovskite: Crystal) -> None:
    with pytest.raises(StructureError, match="SrTiO3 holds no Sb"):
        substituted(perovskite, [parse_substitution("Sb=Bi")])
