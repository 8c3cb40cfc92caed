"""What the weights that a run starts from were taught: the weights it makes were taught it too."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader, judged_ids, trained_ids

Ids = Mapping[str, Sequence[str]]
SHOWN = 5


@dataclass(config=ConfigDict(extra="forbid"), frozen=True)
class Origin:
    """What a run inherits of the weights it starts from.

    Attributes
    ----------
    name
        Their name.
    ids
        What they were trained on and the run is not.
    formulas, predicted
        What only they were taught, and what they were taught by predictions of others.
    """

    name: str
    ids: list[str] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)


def origin_of(
    header: WeightHeader, splits: Sequence[Ids], taught: frozenset[str], judged: frozenset[str]
) -> Origin:
    """Return what a run inherits of the weights with this header.

    Parameters
    ----------
    header
        Of the weights it starts from.
    splits
        Ids by part of the data sets of the run, as weight files have them.
    taught, judged
        Formulas that the run trains on, and those of its valid and test part. They may share some:
        polymorphs of the paper's split.

    Raises
    ------
    WeightsError
        If the weights were taught a material that judges the run, or a formula that does and that
        the run does not train on itself.
    """
    ids = sorted(header.trained_ids & judged_ids(splits))
    formulas = sorted((header.taught_formulas - taught) & judged)
    if ids or formulas:
        both, what = (ids, "materials") if ids else (formulas, "formulas")
        raise WeightsError(
            f"no run with these data can start from {header.name}",
            f"it was taught {len(both)} {what} of the valid or test part: "
            + ", ".join(both[:SHOWN]),
            "start from other weights, or use the split of these (it is in their header)",
        )
    calculated = {*header.training_formulas, *header.earlier_formulas} - taught
    return Origin(
        header.name,
        sorted(header.trained_ids - trained_ids(splits)),
        sorted(calculated),
        sorted(header.predicted_formulas),
    )


def with_origin(header: Mapping[str, Any], origin: Origin | None) -> dict[str, Any]:
    """Return a header that states as taught what its origin was; as it is without one.

    What is known of elements, bonds, distances and formulas stays that of the run: what was taught
    before may have been forgotten, and must not judge all the same.
    """
    if origin is None:
        return dict(header)
    found = {**header, "training": {**header["training"], "started_from": origin.name}}
    if origin.formulas:
        found["earlier_formulas"] = origin.formulas
    if predicted := {*header.get("predicted_formulas", ()), *origin.predicted}:
        found["predicted_formulas"] = sorted(predicted)
    if origin.ids:
        before = {"parts": ["train"], "train": origin.ids, "valid": [], "test": []}
        found["more_splits"] = [*header.get("more_splits", ()), before]
    return found
