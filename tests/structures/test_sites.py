"""Symbols with decorations, isotopes by mass, shared sites."""

import numpy as np
import pytest

from phonodos.errors import StructureError
from phonodos.structures.sites import element_symbol, isotope, label_symbol, shared_sites


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        *(("Sr2+", "Sr"), ("O2-", "O"), ("O-2", "O"), ("Fe3.5+", "Fe"), ("Na+", "Na")),
        *(("CL1-", "Cl"), ("fe", "Fe"), ("Cu1", "Cu"), ("D", "D"), ("T", "T"), ("Sr0+", "Sr")),
        *(("Vac", "Vac"), ("OH", "OH"), ("X", "X"), ("", ""), ("2H", "D"), ("Uue", "Uue")),
        *(("10B", "B[10.012937]"), ("B-10", "B[10.012937]"), ("16O2-", "O"), ("1H", "H")),
        *(("300Li", "300Li"), ("O-17", "O[16.999132]"), ("C-99", "C-99"), ("0X", "0X")),
        *(("Cval", "C"), ("Siva", "Si"), ("HISO", "H")),
    ],
)
def test_element_symbols(text: str, symbol: str) -> None:
    assert element_symbol(text) == symbol


@pytest.mark.parametrize(
    ("label", "symbol"),
    [
        ("Sr1", "Sr"),
        ("O1A", "O"),
        ("CL(2)", "Cl"),
        ("MgM1", "Mg"),
        ("OA", "O"),
        ("Vac", "Vac"),
        ("1", "1"),
    ],
)
def test_label_symbols(label: str, symbol: str) -> None:
    assert label_symbol(label) == symbol


def test_isotopes_by_mass() -> None:
    assert [isotope("H", m) for m in (1.008, 2.014, 3.016)] == ["H", "D", "T"]
    assert isotope("Tc", 98.9) == "Tc"
    assert isotope("U", 235.0439).startswith("U[235.04")
    assert isotope("U", 238.0508) == "U"
    assert isotope("X", 1.0) == "X"
    assert isotope("B", 10.0129) == "B[10.0129]"
    assert isotope("Ge", 72.59) == "Ge"  # the mass of older tables
    assert isotope("Si", 27.9769) == "Si[27.9769]"  # an isotope, 0.4 % lighter than silicon
    for symbol, mass in (("B", 100.0), ("H", 9.5), ("Cl", 0.0), ("Cl", float("nan"))):
        with pytest.raises(StructureError, match=f"atom of {symbol}"):
            isotope(symbol, mass)


def test_full_atoms_at_one_place_are_kept_apart() -> None:
    """They are left for the overlap check, which names both."""
    coords = np.zeros((2, 3))
    assert shared_sites(4.0 * np.eye(3), coords, ["Sr", "Ca"], [1.0, 1.0], "x").n_atoms == 2
    shared = shared_sites(4.0 * np.eye(3), coords, ["Sr", "Ca"], [0.5, 0.5], "x")
    assert dict(shared.occupancy[0]) == {"Sr": 0.5, "Ca": 0.5}


@pytest.mark.parametrize("label", ["O-H", "O-H3", "O(H)", "OH1", "OW1", "W1", "HO1", "Wat2"])
def test_labels_of_hydroxyl_and_water_are_refused(label: str) -> None:
    with pytest.raises(StructureError, match="hydroxyl or water") as caught:
        label_symbol(label)
    assert "do not delete" in caught.value.fix


def test_a_formula_decides_what_a_label_means() -> None:
    assert label_symbol("W1", {"W", "O"}) == "W"
    assert label_symbol("HO1", {"Ho", "O"}) == "Ho"
    assert label_symbol("Ow1", {"O", "H"}) == "O"
    assert label_symbol("Hw", {"O", "H"}) == "H"
    assert label_symbol("Ala", {"Al", "O"}) == "Al"
