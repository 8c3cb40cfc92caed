"""Neutron weights: tabulated cross-sections, sums over sites, what has none."""

import numpy as np
import pytest

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass
from phonodos.physics.neutron import cross_section, neutron_curve, neutron_weights

AXIS = np.arange(0.0, 101.0)


def projected(crystal: Crystal) -> PhononDos:
    """Return a spectrum in which atom k vibrates at 20 (k + 1) cm^-1 only."""
    rows = [np.exp(-((AXIS - 20.0 * (k + 1)) ** 2)) for k in range(crystal.n_atoms)]
    rows = [3.0 * row / np.trapezoid(row, AXIS) for row in rows]
    return PhononDos(AXIS, np.sum(rows, axis=0), crystal.n_atoms, np.array(rows))


@pytest.mark.parametrize(
    ("symbol", "barn"), [("H", 82.02), ("D", 7.64), ("O", 4.232), ("U", 8.908), ("V", 5.1)]
)
def test_cross_sections(symbol: str, barn: float) -> None:
    """Values of Rauch and Waschkowski and of Sears, Neutron News 3 (1992)."""
    assert cross_section(symbol) == pytest.approx(barn, rel=0.01)


def test_weights_of_pure_and_mixed_sites(rock_salt: Crystal) -> None:
    sodium = cross_section("Na") / atomic_mass("Na")
    chlorine, bromine = (cross_section(s) / atomic_mass(s) for s in ("Cl", "Br"))
    np.testing.assert_allclose(neutron_weights(rock_salt), [sodium, chlorine])
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 1.0}, {"Cl": 0.25, "Br": 0.75}))
    np.testing.assert_allclose(neutron_weights(mixed), [sodium, 0.25 * chlorine + 0.75 * bromine])


def test_the_curve_is_the_weighted_sum(rock_salt: Crystal) -> None:
    curve = neutron_curve(projected(rock_salt), rock_salt)
    at = curve.on(np.array([20.0, 40.0]))
    sodium, chlorine = neutron_weights(rock_salt)
    assert at[0] / at[1] == pytest.approx(sodium / chlorine, rel=1e-6)


def test_a_spectrum_without_projection(rock_salt: Crystal) -> None:
    whole = projected(rock_salt)
    with pytest.raises(DataError, match="not projected"):
        neutron_curve(PhononDos(AXIS, whole.densities, 2), rock_salt)


@pytest.mark.parametrize("symbol", ["Po", "Ds", "Fm"])
def test_elements_without_scattering_length(rock_salt: Crystal, symbol: str) -> None:
    crystal = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Na", symbol])
    with pytest.raises(StructureError, match=f"no neutron scattering length is known for {symbol}"):
        neutron_weights(crystal)
