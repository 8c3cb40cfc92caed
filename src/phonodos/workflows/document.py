"""`predict_document`: a plain function from a structure to a document of texts and numbers.

Any decorator of a workflow engine can wrap it: arguments and answer can be pickled and written as
JSON, and the weights are loaded once in a process.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from phonodos.errors import ConfigError, PhonodosError
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.structures.tables import species_texts
from phonodos.studies.readings import left_out, reading, reading_names
from phonodos.time_limit import TimeLimitExceeded
from phonodos.workflows.loaded import loaded

if TYPE_CHECKING:
    from pathlib import Path

    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor

    Model = AnyPredictor | str | Path | None


def predict_document(
    structure: Any,
    *,
    model: "Model" = None,
    members: int | None = None,
    metal: bool = False,
    vacancies: str = "refuse",
    temperatures: Sequence[float] = (ROOM_TEMPERATURE,),
    per: str = "formula",
    extra: str | Sequence[str] = (),
    timeout: float | None = None,
) -> dict[str, Any]:
    """Predict one structure and return everything as a dictionary fit for JSON.

    Parameters
    ----------
    structure
        As `Predictor.predict` takes it, or a document of this function.
    model, members, metal, vacancies
        See `phonodos.load`; the weights are loaded once in a process.
    temperatures
        Of the thermodynamic functions [K].
    per
        Amount of substance: ``atom``, ``formula``, ``cell``, ``kg`` or ``cm3``.
    extra
        Studies to add by their names: ``modes``, ``elastic``, ``displacements``. One that fails is
        None, and ``warnings`` say why.
    timeout
        Longest time to read, and longest time to compute it [s]; in the main thread only.

    Returns
    -------
    ``status`` ``ok``; ``name``, ``cell`` [A], ``frac_coords`` and ``species``; ``provenance``
    (program, weights and their SHA-256); what `Prediction.to_dict` gives (numbers with their units,
    intervals, stability, ``warnings``, ``dos`` in cm^-1); ``thermal``; the studies.

    Raises
    ------
    PhonodosError
        As `phonodos.load` and `Predictor.predict`.
    """
    found = predict_documents(
        [structure], model=model, members=members, metal=metal, vacancies=vacancies,
        temperatures=temperatures, per=per, extra=extra, timeout=timeout, errors="raise",
    )  # fmt: skip
    return next(found)


def predict_documents(
    structures: Any,
    *,
    model: "Model" = None,
    members: int | None = None,
    metal: bool = False,
    vacancies: str = "refuse",
    temperatures: Sequence[float] = (ROOM_TEMPERATURE,),
    per: str = "formula",
    extra: str | Sequence[str] = (),
    timeout: float | None = None,
    errors: str = "document",
) -> Iterator[dict[str, Any]]:
    """Yield one document a structure, in order, computed in batches.

    Parameters
    ----------
    structures
        As `Predictor.predict_many` takes them: a list, a data frame, a path of a file of many.
    model, members, metal, vacancies, temperatures, per, extra, timeout
        See `predict_document`.
    errors
        With ``document`` a structure that fails is a document too, with ``status`` ``failed`` and
        the ``error`` (``kind``, ``summary``, ``reason``, ``fix``); with ``raise`` it ends the work.

    Raises
    ------
    PhonodosError
        As `phonodos.load`; of a structure with ``errors="raise"``; `ConfigError` if `errors` is
        neither of the two.
    """
    if errors not in ("document", "raise"):
        raise ConfigError(
            f"errors={errors!r} is not known",
            "a structure that fails is a document that says so, or ends the work",
            'write errors="document" or errors="raise"',
        )
    names = reading_names(extra)
    predictor = loaded(model, members=members, metal=metal, vacancies=vacancies)
    for answer in predictor.predict_many(structures, errors="yield", timeout=timeout):
        if not isinstance(answer, PhonodosError):
            yield _document(answer, temperatures, per, names)
        elif errors == "raise":
            raise answer
        else:
            yield {
                "status": "failed",
                "error": {
                    "kind": type(answer).__name__,
                    "summary": answer.summary,
                    "reason": answer.reason,
                    "fix": answer.fix,
                },
                "provenance": predictor.provenance.record(),
            }


def _document(
    prediction: "Prediction", temperatures: Sequence[float], per: str, names: Sequence[str]
) -> dict[str, Any]:
    from phonodos.results.provenance import Provenance
    from phonodos.results.spectra import thermal_record

    crystal = prediction.crystal
    thermal = prediction.thermal_properties(list(temperatures)).per(per, crystal)
    studies, more = studied(prediction, names)
    warnings = [*prediction.warnings, *more]
    origin = prediction.provenance or Provenance(prediction.model)
    return {
        "status": "ok",
        "name": crystal.name,
        "cell": crystal.cell.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
        "species": species_texts(crystal),
        **prediction.to_dict(per=per),
        "thermal": thermal_record(thermal, crystal),
        **studies,
        "warnings": warnings,
        "provenance": origin.warned(warnings).record(),
    }


def studied(
    prediction: "Prediction", names: Sequence[str]
) -> tuple[dict[str, dict[str, Any] | None], list[str]]:
    """Return the studies of these names as dictionaries, and their own words of doubt.

    One that fails is None, and the reason is among the words.
    """
    from phonodos.model.isolation import undisturbed

    found: dict[str, dict[str, Any] | None] = {}
    words: list[str] = []
    for name in names:
        try:
            with undisturbed(quiet=True):
                found[name] = record = reading(name, prediction).to_dict()
        except TimeLimitExceeded:
            raise
        except Exception as error:  # the prediction is still due
            found[name] = None
            words.append(left_out(name, error))
        else:
            words += [text for text in record["warnings"] if text not in prediction.warnings]
    return found, list(dict.fromkeys(words))
