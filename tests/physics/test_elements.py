"""The table of elements."""

import math
import warnings

import numpy as np
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


def test_agrees_with_pymatgen_and_ase() -> None:
    from ase.data import covalent_radii
    from pymatgen.core import Element

    radii = elements.column("covalent_radius")
    chi = elements.column("electronegativity")
    energies = elements.column("ionisation_energy")
    numbers = elements.column("mendeleev_number")
    for z, symbol in enumerate(elements.symbols()[:94], 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = Element(symbol)
            if not np.isnan(chi[z - 1]):
                assert chi[z - 1] == pytest.approx(float(theirs.X), rel=1e-3)
        assert energies[z - 1] == pytest.approx(float(theirs.ionization_energy), rel=1e-3)
        assert numbers[z - 1] == theirs.mendeleev_no
        assert radii[z - 1] == pytest.approx(covalent_radii[z], rel=1e-3)


def test_standardised_properties_are_of_order_one() -> None:
    table = elements.standardised_properties()
    assert table.shape == (118, elements.N_PROPERTIES)
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table[:94, 0].mean(), 0.0, atol=1e-12)  # group: nothing missing
    np.testing.assert_allclose(table[:94, 0].std(), 1.0)
    assert np.abs(table[:94]).max() < 6.0


def test_every_element_has_a_radius() -> None:
    radii = elements.covalent_radii()
    assert radii.shape == (118,)
    assert radii.min() > 0.2
    missing = np.isnan(elements.column("covalent_radius"))
    assert (radii[missing] == elements.UNKNOWN_RADIUS).all()
    assert not missing[:94].any()
