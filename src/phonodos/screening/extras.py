"""Extras: columns of what is read off the force constants, for ranking by it (`--with`)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonodos.datasets.growing import Row
from phonodos.physics.dos import MENTIONED_SHARE
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.prediction.prediction import Prediction
from phonodos.studies.readings import READINGS, left_out, reading
from phonodos.time_limit import TimeLimitExceeded

if TYPE_CHECKING:
    from phonodos.physics.infrared import GammaModes
    from phonodos.studies.displacements import DisplacementStudy
    from phonodos.studies.elastic import ElasticStudy
    from phonodos.studies.modes import ModeStudy

Pairs = dict[str, tuple[Any, Any]]  # column: number and standard deviation of the members

# reading: column: meaning and unit; `..._std` beside each
VALUES: dict[str, dict[str, str]] = {
    "modes": {
        "eps_inf": "a third of the trace of the dielectric tensor of the electrons [1]",
        "eps_0": "a third of the trace of the static dielectric tensor, cell clamped [1]",
        "eps_ionic": "eps_0 - eps_inf: what the ions add [1]",
        "lowest_infrared": "lowest infrared-active mode at Gamma, TO, imaginary negative [cm^-1]",
    },
    "elastic": {
        "bulk_modulus": "bulk modulus, mean of Voigt's and Reuss's [GPa]",
        "shear_modulus": "shear modulus, mean of Voigt's and Reuss's [GPa]",
        "elastic_debye_temperature": "Debye temperature of the velocities of sound [K]",
        "sound_velocity": "mean velocity of sound <v^-3>^(-1/3) [m/s]",
    },
    "displacements": {
        "u_iso_300": "U_iso at 300 K, mean over the sites [A^2]",
        "u_iso_300_max": "U_iso at 300 K of the site where it is largest [A^2]",
    },
}
assert tuple(VALUES) == READINGS
SPREADS = "_std"


def extra_columns(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return name -> (type, unit) of the columns of these readings, spreads included."""
    found = {}
    for name in names:
        for column, unit in VALUES[name].items():
            found[column] = ("double", unit)
            deviation = f"standard deviation of the members of: {unit}"
            found[column + SPREADS] = ("double", deviation)
    return found


def extra_row(prediction: Prediction, names: Sequence[str]) -> tuple[Row, list[str]]:
    """Return the cells of these readings, and what is to be said of them.

    A number that is not defined is None: eps of metals, eps_0 with a soft mode, moduli of unstable
    crystals, displacements where more than 0.1 % of the modes are imaginary, all of networks that
    predict a spectrum only. What fails leaves its cells empty, and the reason is among the words.

    Raises
    ------
    TimeLimitExceeded
        If it is the time of the crystal that has run out.
    """
    from phonodos.model.isolation import undisturbed
    from phonodos.studies.harmonic import number

    row: Row = {}
    words: list[str] = []
    for name in names:
        try:
            with undisturbed(quiet=True):
                found, more = _NUMBERS[name](prediction)
        except TimeLimitExceeded:
            raise
        except Exception as error:  # MemoryError and RecursionError too: the row is still due
            words.append(left_out(name, error))
            continue
        words += [text for text in more if text not in prediction.warnings]
        for column, (value, deviation) in found.items():
            row[column] = number(value)
            row[column + SPREADS] = None if row[column] is None else number(deviation)
    return row, words


def _modes(prediction: Prediction) -> tuple[Pairs, list[str]]:
    from phonodos.studies.harmonic import spread

    study: ModeStudy = reading("modes", prediction)  # type: ignore[assignment]
    found: Pairs = {}
    if not study.metal:
        for column, of in _DIELECTRIC.items():
            found[column] = (of(study.modes), spread(of(m) for m in study.members))
    seen = [s for s in study.sets if s.infrared]
    if seen:  # sets ascend
        found["lowest_infrared"] = (seen[0].frequency, seen[0].spread)
    return found, study.warnings


def _third(tensor: Any) -> float:
    return float(np.trace(tensor)) / 3.0


_DIELECTRIC: "dict[str, Callable[[GammaModes], float]]" = {
    "eps_inf": lambda modes: _third(modes.dielectric),
    "eps_0": lambda modes: _third(modes.static),
    "eps_ionic": lambda modes: _third(modes.static - modes.dielectric),
}


def _elastic(prediction: Prediction) -> tuple[Pairs, list[str]]:
    study: ElasticStudy = reading("elastic", prediction)  # type: ignore[assignment]
    found: Pairs = {
        f"{name}_modulus": (study.moduli[name], study.moduli_spread[name])
        for name in ("bulk", "shear")
    }
    found["elastic_debye_temperature"] = (study.debye_temperature, study.debye_temperature_spread)
    found["sound_velocity"] = (study.mean_velocity, study.mean_velocity_spread)
    # What is known of the weights is the same in every row, and on the page of the columns.
    return found, [text for text in study.warnings if text != study.known_error]


def _displacements(prediction: Prediction) -> tuple[Pairs, list[str]]:
    from phonodos.studies.harmonic import spread

    study: DisplacementStudy = reading(  # type: ignore[assignment]
        "displacements", prediction, [ROOM_TEMPERATURE]
    )
    if study.left_out > MENTIONED_SHARE:  # a sum without its largest terms is no rank
        return {}, study.warnings
    each = [np.trace(u[0], axis1=-2, axis2=-1) / 3.0 for u in study.members]
    mean, largest = study.u_iso[0].mean(), study.u_iso[0].max()
    return {
        "u_iso_300": (mean, spread(u.mean() for u in each)),
        "u_iso_300_max": (largest, spread(u.max() for u in each)),
    }, study.warnings


_NUMBERS: dict[str, Callable[[Prediction], tuple[Pairs, list[str]]]] = {
    "modes": _modes,
    "elastic": _elastic,
    "displacements": _displacements,
}
