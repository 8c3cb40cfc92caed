"""What is said of an alloy's sweep: what is assumed, what training did not hold, what to doubt."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from phonodos.physics.alloy import Alloy
from phonodos.physics.isotopes import element_formula
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.prediction.mixtures import ASSUMPTIONS, BOTH_ASSUME, VEGARD, Method
from phonodos.prediction.predictor import AnyPredictor
from phonodos.prediction.uncertainty import intervals, quantities

if TYPE_CHECKING:
    from phonodos.studies.alloy import AlloyPoint


def alloy_notes(
    predictor: AnyPredictor, mixed: Alloy, methods: Sequence[Method], points: Sequence["AlloyPoint"]
) -> tuple[str, ...]:
    """Return the notes of a study, in the order in which they are shown."""
    return (
        *mixed.notes,
        *_assumptions(methods, mixed),
        *_unseen(predictor, mixed),
        *_disagreements(points),
        *_read(mixed, points),
        *_doubts(points, len(methods)),
        *_without_intervals(points, len(methods)),
    )


def _assumptions(methods: Sequence[Method], mixed: Alloy) -> Iterator[str]:
    for method in methods:
        yield f"{method}: {ASSUMPTIONS[method]}"
    if "sqs" not in methods:
        who = "both assume" if len(methods) > 1 else "it assumes"
        yield f"{who} {BOTH_ASSUME}, and {VEGARD[mixed.lattice_of]}"
    yield "S and F are those of the vibrations: without configurational entropy"


def _unseen(predictor: AnyPredictor, mixed: Alloy) -> Iterator[str]:
    """Yield which end members lie outside of the training data."""
    seen = set(predictor.header.training_formulas)
    for crystal, x in ((mixed.first, 0), (mixed.second, 1)):
        if element_formula(crystal) not in seen:
            yield (
                f"{crystal.written_formula} (x = {x}) was not in the training data of "
                f"{predictor.name}: towards it the sweep is an extrapolation"
            )


def _disagreements(points: Sequence["AlloyPoint"]) -> Iterator[str]:
    """Yield where two methods differ by more than the interval of either would allow."""
    by_place: dict[float, list[AlloyPoint]] = {}
    for point in points:
        by_place.setdefault(point.x, []).append(point)
    for x, found in by_place.items():
        one, *others = (point.prediction for point in found)
        allowed = intervals(one.dos, one.members, one.calibrations)
        for name, interval in allowed.items():
            apart = max((abs(quantities(p.dos)[name] - interval.value) for p in others), default=0)
            if apart > interval.half_width:
                yield (
                    f"x = {x:g}: the methods differ by {apart:.3g} {interval.unit} in "
                    f"{name.replace('_', ' ')}, more than the 90 % interval of +-"
                    f"{interval.half_width:.2g}: at least one of them is wrong there"
                )


def _read(mixed: Alloy, points: Sequence["AlloyPoint"]) -> Iterator[str]:
    """Yield what was noted in reading the end members where no prediction says it."""
    said = {text for point in points for text in point.prediction.warnings}
    for text in dict.fromkeys((*mixed.first.notes, *mixed.second.notes)):
        if text not in said:
            yield text


def _doubts(points: Sequence["AlloyPoint"], n_methods: int) -> Iterator[str]:
    """Yield every reason for doubt once, with the places it is of unless it is of all."""
    yield from _placed_texts([(p, p.prediction.warnings) for p in points], n_methods)


def _without_intervals(points: Sequence["AlloyPoint"], n_methods: int) -> Iterator[str]:
    """Yield where no 90 % interval is stated of the prediction, and why."""
    said = [
        (p, [f"no interval is stated: {text}" for text in p.prediction.outside])
        for p in points
        if p.prediction.calibrations
    ]
    yield from _placed_texts(said, n_methods)
    if points[0].uncalibrated:
        yield (
            f"no interval of C_V is stated at {points[0].temperature:g} K: it was calibrated at "
            f"{ROOM_TEMPERATURE:g} K"
        )


def _placed_texts(
    said: Sequence[tuple["AlloyPoint", Sequence[str]]], n_methods: int
) -> Iterator[str]:
    """Yield every text once, with the places it is of unless it is of all."""
    places: dict[str, list[str]] = {}
    for point, texts in said:
        of = f" ({point.method})" if n_methods > 1 else ""
        for text in texts:
            places.setdefault(text, []).append(f"x = {point.x:g}{of}")
    for text, where in places.items():
        yield text if len(where) == len(said) else f"{', '.join(where)}: {text}"
