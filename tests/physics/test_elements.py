"""The table of elements."""

import math

import pytest

from phonodos.errors import StructureError
from phonodos.physics import elements


def test_118_elements_in_order() -> None:
    symbols = elements.symbols()
    assert len(symbols) == 118
    assert (symbols[0], symbols[25], symbols[117]) == ("H", "Fe", "Og")
    assert [elements.atomic_number(s) for s in symbols] == list(range(1, 119))


@pytest.mark.parametrize(
    ("symbol", "mass"), [("H", 1.008), ("O", 15.999), ("Pb", 207.2), ("D", 2.0141), ("T", 3.016)]
)
def test_masses(symbol: str, mass: float) -> None:
    assert elements.atomic_mass(symbol) == pytest.approx(mass, abs=1e-3)


def test_isotopes_are_hydrogen_with_another_mass() -> None:
    assert elements.atomic_number("D") == elements.atomic_number("T") == 1
    assert elements.electronegativity("D") == elements.electronegativity("H")


def test_every_element_has_a_mass() -> None:
    masses = [elements.atomic_mass(s) for s in elements.symbols()]
    assert all(mass > 0.5 and math.isfinite(mass) for mass in masses)


@pytest.mark.parametrize(
    ("symbol", "value"), [("H", 2.20), ("F", 3.98), ("Cs", 0.79), ("Au", 2.54), ("Lr", 1.3)]
)
def test_electronegativities(symbol: str, value: float) -> None:
    assert elements.electronegativity(symbol) == pytest.approx(value)


def test_noble_gases_sort_last() -> None:
    assert elements.electronegativity("Ar") == math.inf


@pytest.mark.parametrize("symbol", ["X", "Vac", "Q", "Uue", "", "sr"])
def test_what_is_no_element(symbol: str) -> None:
    assert not elements.is_element(symbol)
    with pytest.raises(StructureError) as caught:
        elements.atomic_number(symbol)
    assert caught.value.reason
    assert caught.value.fix
