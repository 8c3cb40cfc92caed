"""Two Debye temperatures of a prediction: of the second moment, and of the velocities of sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.physics.thermodynamics import debye_temperature
from phonodos.prediction.prediction import Prediction
from phonodos.studies.elastic import elastic
from phonodos.studies.harmonic import number, spread

KINDS = {"moment": ("moment",), "elastic": ("elastic",), "both": ("moment", "elastic")}
NAMES = {"moment": "debye_temperature", "elastic": "elastic_debye_temperature"}
FORMULAS = {
    "moment": "2nd moment, k theta = hbar sqrt(5 <w^2> / 3)",
    "elastic": "elastic, k theta = hbar (6 pi^2 n / V)^(1/3) <1/v^3>^(-1/3), v of sound",
}
NO_FORCES = "the prediction is a density of states without force constants: it knows no sound"
UNSTABLE = "a long wave is imaginary: the crystal is elastically unstable"


@dataclass(frozen=True)
class DebyeTemperature:
    """A Debye temperature of a crystal.

    Attributes
    ----------
    kind
        ``moment``: k theta = hbar sqrt(5 <w^2> / 3), of the density of states (`debye_temperature`
        in `phonodos.physics.thermodynamics`); or ``elastic``: of the velocities of sound, which
        rules C_V at T -> 0 (`elastic_debye_temperature` in `phonodos.physics.sound`).
    value
        [K]; None where there is none.
    spread
        Standard deviation of the members of an ensemble [K]; None of one, or if a member has none.
    reason
        Why there is no value; None where there is one.
    """

    kind: str
    value: float | None
    spread: float | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """The name of the number in records: ``debye_temperature`` is that of the moment."""
        return NAMES[self.kind]

    def __str__(self) -> str:
        """Return ``2nd moment, k theta = ...: 750+-3 K``, or the reason why there is none."""
        if self.value is None:
            return f"{FORMULAS[self.kind]}: none, {self.reason}"
        wide = "" if self.spread is None else f"+-{self.spread:.0f}"
        return f"{FORMULAS[self.kind]}: {self.value:.0f}{wide} K"

    def to_dict(self) -> dict[str, Any]:
        """Return value, spread, unit, formula and reason, fit for JSON."""
        return {
            "value": self.value,
            "spread": self.spread,
            "unit": "K",
            "formula": FORMULAS[self.kind],
            "reason": self.reason,
        }


def debye_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds that ``moment``, ``elastic`` or ``both`` ask for.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if text not in KINDS:
        raise ConfigError(
            f"--debye {text} is not known",
            "a Debye temperature is that of the second moment of the spectrum, or the elastic one "
            "of the velocities of sound",
            "write --debye moment, --debye elastic or --debye both",
        )
    return KINDS[text]


def debye_temperatures(
    prediction: Prediction, kinds: Sequence[str] = KINDS["both"]
) -> tuple[DebyeTemperature, ...]:
    """Return the Debye temperatures of these kinds, in their order.

    Where there is no elastic one (a density of states only, a molecule or layer in a box, an
    imaginary wave) its value is None, and the reason is told.

    Raises
    ------
    PredictionError
        If there are no states at real frequencies.
    """
    makers = {"moment": _moment, "elastic": _elastic}
    return tuple(makers[kind](prediction) for kind in kinds)


def _moment(prediction: Prediction) -> DebyeTemperature:
    wide = number(spread(debye_temperature(dos) for dos in prediction.members))
    return DebyeTemperature("moment", debye_temperature(prediction.dos), wide)


def _elastic(prediction: Prediction) -> DebyeTemperature:
    if prediction.lattice is None:
        return DebyeTemperature("elastic", None, reason=NO_FORCES)
    try:
        study = elastic(prediction)
    except (StructureError, PredictionError) as error:
        return DebyeTemperature("elastic", None, reason=error.reason)
    if not np.isfinite(study.debye_temperature):
        return DebyeTemperature("elastic", None, reason=UNSTABLE)
    return DebyeTemperature(
        "elastic", study.debye_temperature, number(study.debye_temperature_spread)
    )
