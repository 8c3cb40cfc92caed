"""The table of element properties against the packages it was made from."""

import warnings

import numpy as np
import pytest

from phonodos.physics import element_properties, elements


def test_agrees_with_pymatgen_and_ase() -> None:
    from ase.data import covalent_radii
    from pymatgen.core import Element

    radii = element_properties.column("covalent_radius")
    chi = element_properties.column("electronegativity")
    energies = element_properties.column("ionisation_energy")
    numbers = element_properties.column("mendeleev_number")
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
    table = element_properties.standardised_properties()
    assert table.shape == (118, element_properties.N_PROPERTIES)
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table[:94, 0].mean(), 0.0, atol=1e-12)  # group: nothing missing
    np.testing.assert_allclose(table[:94, 0].std(), 1.0)
    assert np.abs(table[:94]).max() < 6.0


def test_every_element_has_a_radius() -> None:
    radii = element_properties.covalent_radii()
    assert radii.shape == (118,)
    assert radii.min() > 0.2
    missing = np.isnan(element_properties.column("covalent_radius"))
    assert (radii[missing] == element_properties.UNKNOWN_RADIUS).all()
    assert not missing[:94].any()
