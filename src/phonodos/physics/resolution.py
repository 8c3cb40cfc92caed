"""`Resolution`: how wide an instrument sees a line, against the energy that a neutron gives away.

Widths are full widths at half maximum of a Gaussian. Of instruments there is what is published:

TOSCA (ISIS): a Gaussian of standard deviation 2.5 + 0.005 w + 1e-7 w^2 [cm^-1], as Abins has it
(Mantid, `AbinsParameters.py`; K. Dymkowski et al., Physica B 551, 443, 2018).

Chopper spectrometers (ARCS, SEQUOIA, MAPS, MARI, MERLIN): energies are measured by two flights, and
an error of time at moderator or chopper changes both. With L1 from moderator to chopper, L3 on to
the sample and L2 to the detector, r = (1 - E / Ei)^(3/2), the errors in E are proportional to
1 + r (L1 + L3) / L2 for the chopper and to 1 + r L3 / L2 for the moderator (kinematics; the form of
C. G. Windsor, Pulsed Neutron Scattering, 1981, used for 4SEASONS by R. Kajimoto et al., J. Phys.
Soc. Jpn. 80, SB025, 2011). Their size depends on slits and speed of the chopper, so the width at
the elastic line is given by whoever measured it, and half of its square is taken to come from each.
Flight paths are those of the instrument definitions of PyChop (Mantid).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.physics.units import MEV_PER_WAVENUMBER

Array = NDArray[np.float64]

FWHM: Final = 2.0 * np.sqrt(2.0 * np.log(2.0))  # of a Gaussian, in standard deviations
TOSCA: Final = (2.5, 0.005, 1e-7)  # standard deviation [cm^-1] in powers of the frequency
HIGHEST_SHARE: Final = 0.99  # of the incident energy: slower neutrons do not arrive
NARROWEST: Final = 0.3  # of a step: a Gaussian below it is the point itself
REACH: Final = 6.5  # standard deviations, beyond which a Gaussian is left out
BLOCK: Final = 128  # points that are smeared at once


class FlightPaths(NamedTuple):
    """Lengths of a chopper spectrometer [m]."""

    moderator_chopper: float
    chopper_sample: float
    sample_detector: float


CHOPPERS: Final = {
    "ARCS": FlightPaths(11.61, 2.0, 3.0),
    "MAPS": FlightPaths(10.1, 1.9, 6.0),
    "MARI": FlightPaths(10.05, 1.689, 4.022),
    "MERLIN": FlightPaths(10.0, 1.82, 2.5),
    "SEQUOIA": FlightPaths(18.01, 2.0, 5.5),
}
INSTRUMENTS: Final = ("TOSCA", *CHOPPERS)


@dataclass(frozen=True, eq=False)
class Resolution:
    """Full width at half maximum against energy transfer.

    Attributes
    ----------
    label
        In words, for tables and figures.
    constant, relative
        Width [cm^-1], and as a share of the frequency; both and the table add in squares.
    table
        Energy transfers (m,) rising [cm^-1] and widths (m,) [cm^-1], linear in between and
        constant outside; None for none. Where it starts at 0 or above, energy gain is as loss.
    highest
        Largest energy transfer that can be measured [cm^-1]; None for no bound.

    Raises
    ------
    ConfigError
        If a width is negative or not finite, or the table does not rise.
    """

    label: str = "none"
    constant: float = 0.0
    relative: float = 0.0
    table: tuple[Array, Array] | None = None
    highest: float | None = None

    def __post_init__(self) -> None:
        if not (0.0 <= self.constant < np.inf and 0.0 <= self.relative < np.inf):
            raise ConfigError(
                f"resolution of {self.constant:g} cm^-1 and {100 * self.relative:g} %",
                "a width is a finite number that is not negative",
                "write for example --resolution 3% or --resolution 20",
            )
        if self.table is None:
            return
        w, widths = (np.asarray(x, dtype=np.float64) for x in self.table)
        object.__setattr__(self, "table", (w, widths))
        sound = w.ndim == 1 and w.shape == widths.shape and len(w) > 1
        if not sound or not (np.isfinite(w).all() and np.isfinite(widths).all()):
            raise _no_table("it needs two rows or more of finite numbers")
        if (np.diff(w) <= 0.0).any() or (widths < 0.0).any():
            raise _no_table("energy transfers must rise, and widths must not be negative")

    @property
    def is_sharp(self) -> bool:
        """Whether nothing is broadened."""
        return self.constant == self.relative == 0.0 and self.table is None

    def widths(self, frequencies: Array) -> Array:
        """Return full widths at half maximum [cm^-1] at energy transfers [cm^-1] (< 0: gain)."""
        w = np.asarray(frequencies, dtype=np.float64)
        found = np.asarray(np.hypot(self.constant, self.relative * w))
        if self.table is None:
            return found
        there = np.abs(w) if self.table[0][0] >= 0.0 else w
        return np.asarray(np.hypot(found, np.interp(there, *self.table)))


def instrument_resolution(
    name: str,
    incident: float | None = None,
    elastic: float | None = None,
    elastic_share: float | None = None,
) -> Resolution:
    """Return the resolution of a named instrument.

    Parameters
    ----------
    name
        One of `INSTRUMENTS`, in any case.
    incident
        Incident energy of a chopper spectrometer [meV].
    elastic, elastic_share
        Its width at the elastic line: [cm^-1], or as a share of the incident energy.

    Raises
    ------
    ConfigError
        If the instrument is unknown, or its settings are missing, superfluous or absurd.
    """
    known = name.strip().upper()
    if known not in INSTRUMENTS:
        raise ConfigError(
            f"--instrument {name[:30]} is not known",
            f"there are {', '.join(INSTRUMENTS)}: of others no formula of the width is at hand",
            "give its widths with --resolution: a number, a share (3%), or a file of two columns",
        )
    if known == "TOSCA":
        if incident is not None or elastic is not None or elastic_share is not None:
            raise ConfigError(
                "--instrument TOSCA with settings of a chopper spectrometer",
                "its resolution is one curve: it selects final energies, and all its widths are "
                "known",
                "leave --incident-energy and --resolution out",
            )
        w = np.linspace(0.0, 5000.0, 501)
        widths = FWHM * sum(c * w**k for k, c in enumerate(TOSCA))
        return Resolution("TOSCA", table=(w, np.asarray(widths)))
    return _chopper(known, incident, elastic, elastic_share)


def _chopper(
    name: str, incident: float | None, elastic: float | None, share: float | None
) -> Resolution:
    if incident is None or not (1.0 <= incident <= 10_000.0):
        raise ConfigError(
            f"--instrument {name} without an incident energy"
            if incident is None
            else f"an incident energy of {incident:g} meV",
            "the width of a chopper spectrometer is a curve below its incident energy "
            "(1 to 10,000 meV)",
            f"write for example --instrument {name} --incident-energy 100 --resolution 3%",
        )
    energy = incident / MEV_PER_WAVENUMBER
    width = share * energy if share else elastic
    if not width or not 0.0 < width < energy / 2.0:
        raise ConfigError(
            f"--instrument {name} without its width at the elastic line"
            if not width
            else f"a width of {width * MEV_PER_WAVENUMBER:g} meV at {incident:g} meV",
            "it depends on slits and speed of the chopper: a vanadium run or the calculator of "
            "the instrument tells it",
            "give it with --resolution: 3% of the incident energy, or a number in --units",
        )
    paths = CHOPPERS[name]
    w = np.linspace(-energy, HIGHEST_SHARE * energy, 400)
    slowed = (1.0 - w / energy) ** 1.5
    behind = paths.chopper_sample / paths.sample_detector
    whole = (paths.moderator_chopper + paths.chopper_sample) / paths.sample_detector
    terms = [(1.0 + slowed * x) / (1.0 + x) for x in (whole, behind)]
    label = f"{name}, Ei {incident:g} meV"
    table = (w, width * np.sqrt((terms[0] ** 2 + terms[1] ** 2) / 2.0))
    return Resolution(label, table=table, highest=HIGHEST_SHARE * energy)


def broadened(
    axis: Array, source: Array, rows: Array, resolution: Resolution, step: float
) -> Array:
    """Return rows of values as an instrument with Gaussian resolution sees them.

    Every point is smeared over its neighbours on the axis: what it carries stays the same in sum.

    Parameters
    ----------
    axis
        (m,) equidistant energy transfers of the answer [cm^-1].
    source
        (s,) energy transfers of what is smeared, of the same step [cm^-1].
    rows
        (k, s) values.
    resolution
        Full widths at half maximum.
    step
        Of both axes [cm^-1].
    """
    sigma = np.maximum(resolution.widths(source) / FWHM, NARROWEST * step)
    found = np.zeros((len(rows), len(axis)))
    for first in range(0, len(source), BLOCK):
        part = slice(first, first + BLOCK)
        reach = REACH * float(sigma[part].max()) + step
        low, high = source[part][0] - reach, source[part][-1] + reach
        places = slice(*np.searchsorted(axis, (low, high)))
        near = axis[places]
        if not len(near):
            continue
        kernel = np.exp(-0.5 * ((near[:, None] - source[part]) / sigma[part]) ** 2)
        sums = kernel.sum(axis=0)
        kernel /= np.where(sums > 0.0, sums, 1.0)
        found[:, places] += rows[:, part] @ kernel.T
    return found


def _no_table(reason: str) -> ConfigError:
    return ConfigError(
        "this is no table of widths",
        reason,
        "give two columns: energy transfer and full width at half maximum, in the same unit",
    )
