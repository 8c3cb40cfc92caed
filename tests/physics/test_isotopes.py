"""Isotopes by element and by site."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.alloy import alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass
from phonodos.physics.isotopes import (
    Isotope,
    alloy_with_isotopes,
    check_sites,
    element_formula,
    read_isotope,
    read_isotopes,
    with_isotopes,
)

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
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(isotopes: list[Isotope], said: str) -> None:
    with pytest.raises(StructureError, match=said):
        with_isotopes(QUARTZ, isotopes)


@pytest.mark.parametrize(
    ("isotopes", "said"),
    [
        ([Isotope("O", 18.0), Isotope("O", 17.0)], "O is given two masses"),
        (["2=O18", "2=O17"], "2 is given two masses"),
    ],
)
def test_two_masses_are_refused(isotopes: list[Isotope | str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_isotopes(QUARTZ, isotopes)


def test_the_notes_tell_of_them_once() -> None:
    plain = replace(QUARTZ, notes=("read with care",))
    heavy = with_isotopes(with_isotopes(plain, ["O=17.5"]), ["O=17.999", "3=O17"])
    assert heavy.notes[0] == "read with care"
    assert heavy.notes[1].startswith("isotopes: O = 17.999 amu, O = 16.9991")
    assert heavy.notes[1].endswith("amu on site 3")
    assert len(heavy.notes) == 2
    assert with_isotopes(plain, []) is plain
    assert element_formula(heavy) == element_formula(plain) == plain.formula == "SiO2"
    assert "[" in heavy.formula


def test_a_text_is_no_list_of_letters() -> None:
    assert read_isotopes("O=17.999") == (Isotope("O", 17.999),)


def test_sites_are_those_of_one_crystal() -> None:
    check_sites(read_isotopes(["O=O18"]))
    with pytest.raises(ConfigError, match="site 3 of more than one crystal"):
        check_sites(read_isotopes(["3=O18"]))


def test_an_alloy_has_them_in_the_ends_that_hold_the_element() -> None:
    second = Crystal.ordered(QUARTZ.cell, QUARTZ.frac_coords[[1, 0, 2]], ["O", "Ge", "O"])
    alloy = alloy_of(QUARTZ, second)
    heavy = alloy_with_isotopes(alloy, ["Ge=Ge76", "O=17.5", "2=O18"])
    assert heavy.notes == (
        "isotopes: Ge = 75.921403 amu, O = 17.5 amu, O = 17.99916 amu on site 2",
    )
    masses = [round(float(m), 1) for m in heavy.first.masses]
    assert masses == [28.1, 18.0, 17.5]
    assert [round(float(heavy.second.masses[k]), 1) for k in heavy.partners] == [75.9, 18.0, 17.5]
    assert alloy_with_isotopes(alloy, []) is alloy
    for text in ("S=34.0", "1=S34", "9=O18"):
        with pytest.raises(StructureError):
            alloy_with_isotopes(alloy, [text])
