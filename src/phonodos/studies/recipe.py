"""`Recipe`: a prediction as a line of the shell and as lines of Python, to be copied and run."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonodos.model.weights import available, weights_path
from phonodos.physics.isotopes import Isotope
from phonodos.prediction.disorder import QuasirandomPredictor
from phonodos.prediction.predictor import AnyPredictor, Predictor
from phonodos.prediction.quasirandom import Arrangements


@dataclass(frozen=True)
class Recipe:
    """What has to be said to predict a crystal again.

    Attributes
    ----------
    source
        Path of the structure file.
    model
        Released name, or path of a weight file.
    members
        How many members of an ensemble; None for all.
    metal, check, vacancies
        As `load` takes them.
    isotopes
        As `Predictor.predict` takes them, in words.
    disorder
        How quasi-random structures are made; None where shared sites are averaged.
    """

    source: str
    model: str
    members: int | None = None
    metal: bool = False
    check: bool = True
    vacancies: str = "refuse"
    isotopes: tuple[str, ...] = ()
    disorder: Arrangements | None = None

    def command(self) -> str:
        """Return the command that writes the report as one file, for a shell (POSIX)."""
        words = ["phonodos", "predict", self._file, "--model", self.model]
        words += [] if self.members is None else ["--members", str(self.members)]
        words += ["--metal"] if self.metal else []
        words += [] if self.check else ["--no-check"]
        words += [] if self.vacancies == "refuse" else ["--vacancies", self.vacancies]
        for isotope in self.isotopes:
            words += ["--isotope", isotope]
        if self.disorder is not None:
            words += ["--disorder", "sqs", "--sqs-atoms", str(self.disorder.atoms)]
            words += ["--sqs-number", str(self.disorder.number)]
            words += ["--sqs-seed", str(self.disorder.seed)]
        return shlex.join([*words, "--format", "html"])

    def python(self) -> str:
        """Return the lines of Python that make the prediction and the report of it."""
        choices = [
            repr(self.model),
            *([] if self.members is None else [f"members={self.members}"]),
            *(["metal=True"] if self.metal else []),
            *([] if self.check else ["check=False"]),
            *([] if self.vacancies == "refuse" else [f"vacancies={self.vacancies!r}"]),
        ]
        given = [repr(self._file)]
        given += [f"isotopes={list(self.isotopes)!r}"] if self.isotopes else []
        lines, made = ["import phonodos"], f"phonodos.load({', '.join(choices)})"
        if self.disorder is not None:
            lines += ["from phonodos.prediction.disorder import QuasirandomPredictor"]
            lines += ["from phonodos.prediction.quasirandom import Arrangements"]
            made = f"QuasirandomPredictor({made}, {self.disorder!r})"
        return "\n".join(
            [
                *lines,
                "",
                f"model = {made}",
                f"prediction = model.predict({', '.join(given)})",
                "print(prediction)",
                "report = phonodos.report(prediction, model).to_dict()",
                "",
            ]
        )

    @property
    def _file(self) -> str:
        """The path; one that a shell would take for an option or standard input, from here."""
        return f"./{self.source}" if self.source.startswith("-") else self.source


def recipe_of(
    source: str,
    predictor: AnyPredictor,
    isotopes: Sequence[Isotope | str] = (),
) -> Recipe:
    """Return the recipe of what a predictor says of the structure in a file."""
    inner = predictor.predictor if isinstance(predictor, QuasirandomPredictor) else predictor
    used = len(predictor.networks)
    return Recipe(
        source,
        _weights(predictor.path, predictor.name),
        None if used == predictor.header.held else used,
        predictor.metal,
        not isinstance(inner, Predictor) or inner.check,
        predictor.vacancies,
        tuple(_in_words(isotope) for isotope in isotopes),
        predictor.order if isinstance(predictor, QuasirandomPredictor) else None,
    )


def _weights(path: Path | None, name: str) -> str:
    """Return what `load` finds weights by: their name if they are released, else their path."""
    released = name in available() and path in (None, weights_path(name))
    return name if released or path is None else str(path)


def _in_words(isotope: Isotope | str) -> str:
    if isinstance(isotope, str):
        return isotope
    if isotope.site is None:
        return f"{isotope.element}={isotope.mass!r}"
    return f"{isotope.site}={isotope.element}{round(isotope.mass)}"
