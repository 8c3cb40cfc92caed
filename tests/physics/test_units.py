"""Conversions against their textbook values and against scipy's constants."""

import pytest
from scipy import constants

from phonodos.errors import ConfigError
from phonodos.physics import units


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (units.PLANCK, "Planck constant"),
        (units.BOLTZMANN, "Boltzmann constant"),
        (units.AVOGADRO, "Avogadro constant"),
        (units.ELEMENTARY_CHARGE, "elementary charge"),
        (units.SPEED_OF_LIGHT, "speed of light in vacuum"),
        (units.ATOMIC_MASS, "atomic mass constant"),
        (units.GAS_CONSTANT, "molar gas constant"),
    ],
)
def test_constants(ours: float, name: str) -> None:
    assert ours == pytest.approx(constants.physical_constants[name][0], rel=1e-8)


@pytest.mark.parametrize(
    ("value", "textbook"),
    [
        (units.WAVENUMBER_PER_EV, 8065.544),
        (1 / units.THZ_PER_WAVENUMBER, 33.35641),
        (units.MEV_PER_WAVENUMBER, 0.1239842),
        (units.KELVIN_PER_WAVENUMBER, 1.438777),  # the second radiation constant
        (units.JOULE_PER_WAVENUMBER * units.AVOGADRO, 11.96266),
        (units.WAVENUMBER_PER_SQRT_SPRING, 521.4709),
    ],
)
def test_conversions(value: float, textbook: float) -> None:
    assert value == pytest.approx(textbook, rel=1e-6)


def test_units_agree_with_each_other() -> None:
    """One energy in three units: h nu, h c / lambda, and meV."""
    thz, mev = units.per_wavenumber("THz"), units.per_wavenumber("meV")
    assert units.PLANCK * thz * 1e12 == pytest.approx(units.JOULE_PER_WAVENUMBER, rel=1e-14)
    assert mev * 1e-3 * units.ELEMENTARY_CHARGE == pytest.approx(units.JOULE_PER_WAVENUMBER)
    assert mev / thz == pytest.approx(4.135667, rel=1e-6)  # [meV/THz]
    assert units.per_wavenumber("cm-1") == 1.0
    assert set(units.FREQUENCY_LABELS) == set(units.FREQUENCY_UNITS)


def test_unknown_unit() -> None:
    with pytest.raises(ConfigError, match="unknown frequency unit 'Hz'") as caught:
        units.per_wavenumber("Hz")
    assert all(unit in caught.value.reason for unit in units.FREQUENCY_UNITS)


@pytest.mark.parametrize("name", units.FREQUENCY_UNITS)
def test_every_unit_has_all_that_is_shown(name: str) -> None:
    """A unit is added in one place: factor, label, digits and spelling come with it."""
    assert units.FREQUENCY_LABELS[name]
    # The digits resolve about a wavenumber, and no more than a hundredth of one.
    assert 0.01 < 10.0 ** -units.FREQUENCY_DIGITS[name] / units.per_wavenumber(name) <= 1.0
    assert units.UNIT_SPELLINGS[name.lower()] == name
    assert "1/cm" in units.UNIT_SPELLINGS
