"""`strain`: a crystal at several volumes, V = V0 (1 + e)^3, and its Grueneisen parameter."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from phonodos.errors import ConfigError
from phonodos.model.header import StrainScore
from phonodos.physics.crystal import Crystal
from phonodos.physics.isotopes import Isotope
from phonodos.physics.strain import Gruneisen, gruneisen, strained
from phonodos.physics.thermodynamics import left_out, omega_log
from phonodos.prediction.doubts import stability_doubts
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.structures.reading import as_crystal
from phonodos.studies.mode_gruneisen import ModeGruneisen, check_modes, mode_gruneisen

STRAINS = (-0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03)
TOLERATED = 0.35  # mean |gamma - DFT| of weights that need no warning


@dataclass(frozen=True)
class StrainPoint:
    """A crystal at one volume.

    Attributes
    ----------
    strain
        Linear strain e.
    volume
        Of the cell [A^3].
    mean_frequency, omega_log, max_frequency
        <w>, exp <ln w> over the density of states, and the largest frequency (mean over members)
        [cm^-1], over the modes with real frequencies.
    imaginary_share
        Share of the states at imaginary frequencies, which the means leave out.
    """

    strain: float
    volume: float
    mean_frequency: float
    omega_log: float
    max_frequency: float
    imaginary_share: float


COLUMNS = (  # names of the fields of a point where they are written, with their units
    "strain", "volume_A^3", "mean_frequency_cm-1", "omega_log_cm-1", "max_frequency_cm-1",
    "imaginary_share",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class StrainStudy:
    """A crystal at several volumes; no atom is relaxed.

    Attributes
    ----------
    crystal
        The crystal as given, at e = 0.
    predictions
        One a strain.
    points
        What is read off each of them.
    gruneisen
        Grueneisen parameters -d ln w / d ln V at V0: average over modes, and of the mean frequency.
    judged
        How the weights did in exams on strain; None where they sat none.
    modes
        Grueneisen parameters of single modes, where they were asked for.
    """

    crystal: Crystal
    predictions: tuple[Prediction, ...]
    points: tuple[StrainPoint, ...]
    gruneisen: Gruneisen
    judged: StrainScore | None = None
    modes: ModeGruneisen | None = None

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt, each once; imaginary modes are in `points` and are not among them."""
        texts = (
            text
            for p in self.predictions
            for text in p.warnings
            if p.stability is None or text not in stability_doubts(p.stability)
        )
        return list(dict.fromkeys([*texts, *strain_doubts(self.judged)]))

    def table(self) -> tuple[tuple[str, ...], list[tuple[float, ...]]]:
        """Return the names of the columns, which hold the units, and a row a strain."""
        return COLUMNS, [astuple(point) for point in self.points]

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON: a list a column of `table`, in the order of strains."""
        names, rows = self.table()
        series = {name: list(values) for name, *values in zip(names, *rows, strict=True)}
        return {
            "formula": self.crystal.written_formula,
            **series,
            "gruneisen_mode_average": self.gruneisen.mode_average,
            "gruneisen_mean_frequency": self.gruneisen.mean_frequency,
            "judged_on_strain": None
            if self.judged is None
            else self.judged.model_dump(mode="json"),
            **({} if self.modes is None else {"gruneisen_by_mode": self.modes.to_dict()}),
            "warnings": self.warnings,
        }


def strain_doubts(judged: StrainScore | None) -> list[str]:
    """Return why the Grueneisen parameters of weights deserve less trust, from their exams."""
    if judged is None:
        return [
            "these weights were never judged on strain: how frequencies answer to the volume is "
            "unknown (phonodos models calibrate --strain-file)"
        ]
    if judged.gamma_mae > TOLERATED:
        return [
            f"in exams on strain gamma erred by {judged.gamma_mae:.2f} on average: more than "
            f"{TOLERATED:g}, of values between 0.5 and 2"
        ]
    return []


def check_judged(judged: StrainScore | None, what: str, *, accept: bool = False) -> None:
    """Raise `ConfigError` where weights are too bad under strain for `what`, or never judged.

    Parameters
    ----------
    judged
        How the weights did in exams on strain; None where they sat none.
    what
        What would rest on their response to strain, in the words of the error.
    accept
        Whether their error is accepted: nothing is refused then.
    """
    if accept or not (doubts := strain_doubts(judged)):
        return
    raise ConfigError(
        f"no {what} from these weights",
        doubts[0],
        "choose weights that were judged better (phonodos models list), or say "
        "--accept-strain-error (accept_strain_error=True) and take its error for what it is",
    )


def check_strains(strains: Sequence[float]) -> None:
    """Raise `ConfigError` unless there are two different strains within 20 %."""
    gruneisen(strains, [1.0] * len(strains), [1.0] * len(strains))


def strain(
    crystal: Any,
    strains: Sequence[float] = STRAINS,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
    by_mode: bool = False,
) -> StrainStudy:
    """Predict a crystal at several volumes, V = V0 (1 + e)^3.

    Parameters
    ----------
    crystal
        A path, or a structure as `Predictor.predict` takes it.
    strains
        Linear strains e: two or more different ones within 20 %.
    model, members
        A predictor, or weights and number of members as `load` takes them.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.
    by_mode
        Whether Grueneisen parameters of single modes are wanted too.

    Raises
    ------
    ConfigError
        If the strains give no slope, or make no sense of a crystal, or the network has no modes.
    StructureError
        If the structure cannot be read or makes no sense.
    PredictionError
        If the network gives no spectrum at a strain.
    """
    check_strains(strains)
    whole = as_crystal(crystal, isotopes=isotopes)
    crystals = [strained(whole, e) for e in strains]
    predictor = as_predictor(model, members, metal=metal)
    if by_mode:
        check_modes(predictor)
    found = tuple(predictor.predict_many(crystals))
    points = tuple(
        StrainPoint(
            float(e), c.volume, p.dos.mean_frequency, omega_log(p.dos), p.max_frequency,
            left_out(p.dos),
        )
        for e, c, p in zip(strains, crystals, found, strict=True)
    )  # fmt: skip
    slopes = gruneisen(strains, [p.omega_log for p in points], [p.mean_frequency for p in points])
    modes = mode_gruneisen(whole, predictor) if by_mode else None
    return StrainStudy(whole, found, points, slopes, predictor.header.strain, modes)
