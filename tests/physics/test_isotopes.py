"""Isotopes by element and by site."""

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass
from phonodos.physics.isotopes import Isotope, read_isotope, with_isotopes

QUARTZ = Crystal.ordered(
    5.0 * np.eye(3), np.linspace(0, 1, 3, endpoint=False)[:, None] * np.ones(3),
    ["Si", "O", "O"], "SiO2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "element", "mass", "site"),
    [
        ("O=17.999", "O", 17.999, None), ("O=O18", "O", 17.99916, None),
        ("3=O18", "O", 17.99916, 3), ("H=D", "H", 2.014102, None), (" 2 = T ", "H", 3.016049, 2),
        ("Si=28", "Si", 28.0, None),
    ],
)  # fmt: skip
def test_what_a_text_asks_for(text: str, element: str, mass: float, site: int | None) -> None:
    found = read_isotope(text)
    assert (found.element, found.site) == (element, site)
    assert found.mass == pytest.approx(mass, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("O", "no equals sign"), ("=17", "no equals sign"), ("O=", "no equals sign"),
        ("Xx=3", "neither an element nor"), ("O=heavy", "neither a mass nor an isotope"),
        ("O=O99", "no isotope of mass number 99"), ("O=Si30", "no isotope of O"),
        ("O=D", "isotope of H"), ("0=O18", "counted from 1"), ("3=18", "needs an isotope with"),
        ("O=-3", "weigh"), ("O=40", "weigh"), ("O=nan", "weigh"), ("D=2.1", "neither an element"),
        ("O=O", "no isotope of mass number (none given)"), ("²=O18", "neither an element nor"),
    ],
)  # fmt: skip
def test_what_names_no_isotope(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_isotope(text)
    assert said in caught.value.reason


def test_an_element_and_a_site() -> None:
    whole = with_isotopes(QUARTZ, [read_isotope("O=17.999")])
    assert [atomic_mass(s) for s in whole.symbols] == [atomic_mass("Si"), 17.999, 17.999]
    one = with_isotopes(QUARTZ, [read_isotope("O=17.0"), read_isotope("3=O18")])
    assert [round(atomic_mass(s), 2) for s in one.symbols] == [28.09, 17.0, 18.0]
    assert one.name == QUARTZ.name


def test_the_share_of_a_mixed_site_is_kept() -> None:
    mixed = Crystal(5.0 * np.eye(3), np.zeros((1, 3)), ({"Ge": 0.25, "Si": 0.75},), "x")
    heavy = with_isotopes(mixed, [read_isotope("Si=Si30")])
    assert sum(heavy.occupancy[0].values()) == pytest.approx(1.0)
    assert heavy.occupancy[0]["Ge"] == pytest.approx(0.25)
    assert not any(s == "Si" for s in heavy.occupancy[0])


@pytest.mark.parametrize(
    ("isotopes", "said"),
    [
        ([Isotope("Ge", 73.0)], "holds no Ge"), ([Isotope("O", 18.0, 9)], "has no site 9"),
        ([Isotope("O", 18.0, 1)], "site 1 of SiO2 is Si"),
        ([Isotope("O", 18.0), Isotope("O", 17.0)], "O is given two masses"),
        ([Isotope("O", 18.0, 2), Isotope("O", 17.0, 2)], "2 is given two masses"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(isotopes: list[Isotope], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_isotopes(QUARTZ, isotopes)
