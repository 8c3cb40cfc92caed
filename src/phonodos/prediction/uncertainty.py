"""How sure a prediction is: the spread of an ensemble's members, scaled to intervals that hold.

The half width of an interval is f sqrt(s^2 + b^2): s is the standard deviation of the members, b
the error that they share, and f is chosen on materials held back from training such that nine of
ten references lie inside (split conformal prediction: Vovk et al., Algorithmic Learning in a Random
World, Springer 2005). Both are kept in the weight file, for every number of members that was
measured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from phonodos.model.header import WeightHeader
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import ROOM_TEMPERATURE

LEVEL: Final = 0.9
UNITS: Final = {"mean_frequency": "cm^-1", "heat_capacity": "J/(K mol of atoms)"}
HEADER_KEY: Final = "calibration"


@dataclass(frozen=True)
class Interval:
    """A value and the interval in which the reference lies in `level` of all cases.

    Attributes
    ----------
    value, half_width
        In `unit`; the interval is value - half_width to value + half_width.
    unit
        ``cm^-1``, or ``J/(K mol of atoms)`` at 300 K.
    level
        Share of the references that lie inside, as measured when it was calibrated.
    """

    value: float
    half_width: float
    unit: str
    level: float = LEVEL

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + self.half_width

    def __contains__(self, reference: float) -> bool:
        return self.low <= reference <= self.high


@dataclass(frozen=True)
class Calibration:
    """What turns a spread into a half width, and on how many materials that was found.

    Attributes
    ----------
    factor, floor
        f and b of f sqrt(s^2 + b^2); `floor` in the unit of the quantity.
    materials
        Number of materials it was calibrated on.
    """

    factor: float
    floor: float
    materials: int

    def half_width(self, spread: float) -> float:
        """Return the half width of the interval for a standard deviation of the members."""
        return self.factor * math.hypot(spread, self.floor)


def quantities(dos: PhononDos) -> dict[str, float]:
    """Return the numbers that get intervals: wbar [cm^-1] and C_V(300 K) [J/(K mol of atoms)].

    Both are of the whole axis; imaginary modes are left out.
    """
    warm = thermal_properties(dos, [ROOM_TEMPERATURE])
    return {
        "mean_frequency": dos.mean_frequency,
        "heat_capacity": float(warm.heat_capacity[0]) / dos.n_atoms,
    }


def spreads(members: Sequence[PhononDos]) -> dict[str, float]:
    """Return the standard deviations (n - 1) of the members' numbers; zeros for a single one."""
    if len(members) < 2:
        return dict.fromkeys(UNITS, 0.0)
    found = [quantities(member) for member in members]
    return {name: float(np.std([f[name] for f in found], ddof=1)) for name in UNITS}


def intervals(
    dos: PhononDos, members: Sequence[PhononDos], calibrations: Mapping[str, Calibration]
) -> dict[str, Interval]:
    """Return the 90 % intervals of the calibrated quantities; empty without a calibration."""
    if not calibrations:
        return {}
    values, spread = quantities(dos), spreads(members)
    return {
        name: Interval(values[name], calibration.half_width(spread[name]), UNITS[name])
        for name, calibration in calibrations.items()
    }


def calibrations_of(header: WeightHeader, members: int) -> dict[str, Calibration]:
    """Return what a weight file says of the intervals of its first `members` networks.

    Empty where that number of members was never calibrated: a factor of other members would state
    a certainty that nobody measured.
    """
    entries = header.calibration.get(str(members), {})
    return {
        name: Calibration(entry.factor, entry.floor, entry.materials)
        for name, entry in entries.items()
        if name in UNITS
    }


def as_header(calibrations: Mapping[str, Calibration]) -> dict[str, dict[str, float | int]]:
    """Return calibrations in the form that `calibrations_of` reads."""
    return {name: asdict(calibration) for name, calibration in calibrations.items()}
