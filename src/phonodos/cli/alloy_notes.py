"""The notes below the table of an alloy: assumptions, extrapolation, reasons for doubt."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonodos.physics.alloy import Alloy
    from phonodos.prediction.mixtures import Method
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor

Sweep = dict["Method", list["Prediction"]]  # a prediction a composition


def notes_of(
    predictor: "AnyPredictor", mixed: "Alloy", compositions: list[float], found: Sweep
) -> list[str]:
    """Return what a sweep assumes, what is outside the training data, and the reasons for doubt."""
    from phonodos.prediction.mixtures import ASSUMPTIONS, BOTH_ASSUME

    notes = [f"{m}: {ASSUMPTIONS[m]}" for m in found]
    if "sqs" not in found:
        notes.append(f"{'both assume' if len(found) > 1 else 'it assumes'} {BOTH_ASSUME}")
    notes.append("S and F are those of the vibrations: without configurational entropy")
    seen = set(predictor.header.training_formulas)
    for crystal, x in ((mixed.first, 0), (mixed.second, 1)):
        if crystal.formula not in seen:
            notes.append(
                f"{crystal.formula} (x = {x}) was not in the training data of {predictor.name}: "
                "towards it the sweep is an extrapolation"
            )
    return [*notes, *_doubts_of(compositions, found)]


def _doubts_of(compositions: list[float], found: Sweep) -> Iterator[str]:
    """Yield every reason for doubt once, with the places it is of unless it is of all."""
    places: dict[str, list[str]] = {}
    for method, each in found.items():
        of = f" ({method})" if len(found) > 1 else ""
        for x, prediction in zip(compositions, each, strict=True):
            for text in prediction.warnings:
                places.setdefault(text, []).append(f"x = {x:g}{of}")
    for text, where in places.items():
        everywhere = len(where) == len(found) * len(compositions)
        yield text if everywhere else f"{', '.join(where)}: {text}"
