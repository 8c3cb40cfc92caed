"""What the weights that a run starts from were taught: the weights it makes were taught it too."""

from collections.abc import Mapping, Sequence
from typing import Any

from phonodos.errors import WeightsError
from phonodos.model.header import WeightHeader, judged_ids, trained_ids

Ids = Mapping[str, Sequence[str]]


def origin_of(header: WeightHeader, splits: Sequence[Ids]) -> dict[str, Any]:
    """Return what a run inherits of the weights it starts from, fit for JSON.

    Parameters
    ----------
    header
        Of these weights.
    splits
        Ids by part of the data sets of the run, as weight files have them.

    Returns
    -------
    Their name, the ids they were trained on and the run does not train on, and the formulas they
    were taught by calculations and by predictions.

    Raises
    ------
    WeightsError
        If they were trained on a material that judges the run.
    """
    if both := sorted(header.trained_ids & judged_ids(splits)):
        raise WeightsError(
            f"no run with these data can start from {header.name}",
            f"it was trained on {len(both)} materials of the valid or test part: "
            + ", ".join(both[:5]),
            "start from other weights, or use the split of these (it is in their header)",
        )
    return {
        "name": header.name,
        "ids": sorted(header.trained_ids - trained_ids(splits)),
        "formulas": sorted(header.training_formulas),
        "predicted": sorted(header.predicted_formulas),
    }


def with_origin(header: Mapping[str, Any], origin: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header that states as taught what its origin was; as it is without one.

    What is known of elements, bonds and distances stays that of the run: what was taught before may
    have been forgotten, and what was seen may still not judge.
    """
    if not origin:
        return dict(header)
    found = {**header, "training": {**header["training"], "started_from": origin["name"]}}
    for key, inherited in (("training_formulas", "formulas"), ("predicted_formulas", "predicted")):
        if both := {*header.get(key, ()), *origin[inherited]}:
            found[key] = sorted(both)
    if origin["ids"]:
        before = {"parts": ["train"], "train": list(origin["ids"]), "valid": [], "test": []}
        found["more_splits"] = [*header.get("more_splits", ()), before]
    return found
