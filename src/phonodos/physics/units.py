"""Units: cm^-1, Angstrom, amu, eV and K inside; everything else is converted at the doors.

Constants are the exact values of the 2019 SI, the unified atomic mass unit that of CODATA 2018.
"""

import math
from typing import Final, NamedTuple

from phonodos.errors import ConfigError

PLANCK: Final = 6.62607015e-34  # [J s]
BOLTZMANN: Final = 1.380649e-23  # [J/K]
AVOGADRO: Final = 6.02214076e23  # [1/mol]
ELEMENTARY_CHARGE: Final = 1.602176634e-19  # [C]
SPEED_OF_LIGHT: Final = 299792458.0  # [m/s]
ATOMIC_MASS: Final = 1.66053906660e-27  # [kg]
GAS_CONSTANT: Final = BOLTZMANN * AVOGADRO  # [J/(K mol)]

JOULE_PER_WAVENUMBER: Final = PLANCK * SPEED_OF_LIGHT * 100.0  # [J cm]
EV_PER_WAVENUMBER: Final = JOULE_PER_WAVENUMBER / ELEMENTARY_CHARGE  # [eV cm]
WAVENUMBER_PER_EV: Final = 1.0 / EV_PER_WAVENUMBER  # [cm^-1/eV], 8065.544
KELVIN_PER_WAVENUMBER: Final = JOULE_PER_WAVENUMBER / BOLTZMANN  # [K cm], h c / k_B
THZ_PER_WAVENUMBER: Final = SPEED_OF_LIGHT * 100.0 * 1e-12  # [THz cm]
MEV_PER_WAVENUMBER: Final = EV_PER_WAVENUMBER * 1e3  # [meV cm]
ROOM_TEMPERATURE: Final = 300.0  # [K], of every number that is given at one temperature
STANDARD_TEMPERATURE: Final = 298.15  # [K], of tables of thermodynamics

# sqrt(eV / (A^2 amu)) as a wavenumber: the frequency of a unit mass on a unit spring, 521.4709.
WAVENUMBER_PER_SQRT_SPRING: Final = (
    math.sqrt(ELEMENTARY_CHARGE / ATOMIC_MASS) * 1e10 / (2.0 * math.pi * SPEED_OF_LIGHT * 100.0)
)


class FrequencyUnit(NamedTuple):
    """A unit that frequencies are shown in; a further one is a further line of the table below."""

    per_wavenumber: float
    label: str  # for mathtext
    digits: int  # of a frequency in words
    names: tuple[str, ...] = ()  # other ways to write it in a file


_UNITS: Final = {
    "cm-1": FrequencyUnit(1.0, "cm$^{-1}$", 0, ("cm^-1", "cm^{-1}", "1/cm")),
    "THz": FrequencyUnit(THZ_PER_WAVENUMBER, "THz", 2),
    "meV": FrequencyUnit(MEV_PER_WAVENUMBER, "meV", 1),
}
FREQUENCY_UNITS: Final = {name: unit.per_wavenumber for name, unit in _UNITS.items()}
FREQUENCY_LABELS: Final = {name: unit.label for name, unit in _UNITS.items()}
FREQUENCY_DIGITS: Final = {name: unit.digits for name, unit in _UNITS.items()}
UNIT_SPELLINGS: Final = {
    word.lower(): name for name, unit in _UNITS.items() for word in (name, *unit.names)
}


def per_wavenumber(unit: str) -> float:
    """Return how many of `unit` one cm^-1 is: 1 ``cm-1``, 0.02998 ``THz``, 0.124 ``meV``.

    Raises
    ------
    ConfigError
        If the unit is none of the three.
    """
    try:
        return FREQUENCY_UNITS[unit]
    except KeyError:
        raise ConfigError(
            f"unknown frequency unit '{unit}'",
            "frequencies are shown in one of " + ", ".join(FREQUENCY_UNITS),
            "choose one of them, for example --units THz",
        ) from None
