"""Readings: what is read off the force constants of a prediction, by the name of its command."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phonodos.errors import ConfigError, PredictionError, failure_of

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction
    from phonodos.studies.displacements import DisplacementStudy
    from phonodos.studies.elastic import ElasticStudy
    from phonodos.studies.modes import ModeStudy

    Reading = ModeStudy | ElasticStudy | DisplacementStudy

READINGS = ("modes", "elastic", "displacements")


def reading_names(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of readings, each once, in the order of `READINGS`.

    Parameters
    ----------
    wanted
        Names, or one text of them with commas between: ``modes,elastic``.

    Raises
    ------
    ConfigError
        If one is not known.
    """
    parts = wanted.split(",") if isinstance(wanted, str) and wanted.strip() else list(wanted)
    names = [str(part).strip() for part in parts]
    for name in names:
        if name not in READINGS:
            raise ConfigError(
                f"--with {name[:40]!r} is not known",
                f"what can be read off force constants beside the spectrum: {', '.join(READINGS)}",
                f"write for example --with {','.join(READINGS[:2])}",
            )
    return tuple(name for name in READINGS if name in names)


def reading(
    name: str, prediction: "Prediction", temperatures: Sequence[float] | None = None
) -> "Reading":
    """Return the study of that name of a prediction.

    Parameters
    ----------
    name
        One of `READINGS`.
    prediction
        Of a network of lattice dynamics.
    temperatures
        Of displacements [K]; those of `phonodos.displacements` if None.

    Raises
    ------
    PhonodosError
        As the study of that name.
    """
    if name == "modes":
        from phonodos.studies.modes import modes

        return modes(prediction)
    if name == "elastic":
        from phonodos.studies.elastic import elastic

        return elastic(prediction)
    from phonodos.studies.displacements import TEMPERATURES, displacements

    return displacements(prediction, TEMPERATURES if temperatures is None else temperatures)


def left_out(name: str, error: Exception) -> str:
    """Return in one line which reading there is not, and why."""
    failure = failure_of(error, "", PredictionError, "leave it out")
    return f"{name} left out: {failure.reason}"
