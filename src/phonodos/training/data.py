"""The records of a run: what is taught, what is judged, and what the weights will say of both."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split, shared_formulas
from phonodos.errors import DataError
from phonodos.model.bond_kinds import count_bond_kinds
from phonodos.model.bond_lengths import measure_lengths
from phonodos.model.weights import read_header, weights_path
from phonodos.physics.target import RECIPE
from phonodos.training.config import EmphasisConfig, TrainConfig
from phonodos.training.origin import Origin, origin_of


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_Named = TypeVar("_Named", bound=_HasId)


def open_data(config: TrainConfig) -> tuple[list[Dataset], Dataset, dict[str, Any]]:
    """Return the data sets to train on, the one to validate on, and the ids of every split.

    Raises
    ------
    DataError
        If a file cannot be read, or a further data set teaches a formula that the first one's
        valid or test part is to be judged on.
    """
    taught: list[Dataset] = []
    splits: list[Split] = []
    for data in (config.data, *config.more):
        dataset, split = Dataset.open(data.dataset), Split.read(data.split)
        unknown = [part for part in data.parts if part not in split.parts]
        if unknown:
            raise DataError(
                f"{data.split} has no part '{unknown[0]}'",
                "it has " + ", ".join(split.parts),
                "correct `parts` in the configuration",
            )
        ids = [name for part in data.parts for name in split.parts[part]]
        taught.append(dataset.select(ids))
        splits.append(split)
    first = Dataset.open(config.data.dataset)
    valid = first.select(splits[0].parts["valid"])
    judged = _judged_formulas(first, splits[0])
    for data, more in zip(config.more, taught[1:], strict=True):
        if both := shared_formulas(more.column("formula"), judged):
            raise DataError(
                f"{data.dataset} teaches {len(both)} formulas that are to be judged",
                "in its training part and in valid or test of the first: " + ", ".join(both[:5]),
                "remove these records from the training part of that split",
            )
    header: dict[str, Any] = {"split": _ids(splits[0])}
    if config.more:
        header["more_splits"] = [
            {"parts": list(data.parts), **_ids(split)}
            for data, split in zip(config.more, splits[1:], strict=True)
        ]
    return taught, valid, header


def emphasised(samples: Sequence[_Named], emphasis: EmphasisConfig) -> list[_Named]:
    """Return samples, followed by those of some ids `times` - 1 times more.

    An id that the list holds n times is drawn n times as much more.

    Raises
    ------
    DataError
        If the ids cannot be read, or one of them is not taught.
    """
    path = emphasis.ids
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise DataError(
            f"{path} cannot be read", str(err)[:200], "a JSON list of ids is expected"
        ) from err
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        raise DataError(f"{path} holds no ids", "a JSON list of texts is expected", "correct it")
    unknown = sorted(set(ids) - {sample.id for sample in samples})
    if unknown:
        raise DataError(
            f"{path} names {len(unknown)} crystals that are not taught",
            "in no training part: " + ", ".join(name[:40] for name in unknown[:5]),
            "leave them out of the list, or add their data set",
        )
    counts = Counter(ids)
    often = [sample for sample in samples for _ in range(counts[sample.id])]
    return [*samples, *often * (emphasis.times - 1)]


def run_origin(
    config: TrainConfig, taught: list[Dataset], provenance: dict[str, Any]
) -> Origin | None:
    """Return what a run inherits of the weights it starts from, as `origin_of`; None without."""
    if config.init is None:
        return None
    start = read_header(weights_path(config.init))
    splits = [provenance["split"], *provenance.get("more_splits", ())]
    formulas = frozenset(f for dataset in taught for f in dataset.formulas)
    judges = Dataset.open(config.data.dataset), Split.read(config.data.split)
    return origin_of(start, splits, formulas, frozenset(_judged_formulas(*judges)))


def _judged_formulas(dataset: Dataset, split: Split) -> set[str]:
    parts = (split.parts[part] for part in ("valid", "test"))
    return {formula for ids in parts for formula in dataset.select(ids).column("formula")}


def _ids(split: Split) -> dict[str, list[str]]:
    return {name: list(ids) for name, ids in split.parts.items()}


def weight_header(config: TrainConfig, taught: list[Dataset]) -> dict[str, Any]:
    """Return what a weight file says of its training: elements, formulas, settings, sources.

    What predictions taught is not known of a crystal: their formulas are listed apart, and
    elements, bonds and lengths are those of calculations.
    """
    elements: dict[str, int] = {}
    formulas: set[str] = set()
    crystals = [c for dataset in taught if not dataset.is_predicted for c in dataset.crystals()]
    predicted = {f for dataset in taught if dataset.is_predicted for f in dataset.formulas}
    for crystal in crystals:
        formulas.add(crystal.formula)
        for symbol in crystal.composition:
            elements[symbol] = elements.get(symbol, 0) + 1
    sources = [dataset.provenance for dataset in taught]
    settings = config.model_dump(mode="json", exclude={"folder", "data", "more", "network"})
    if config.strain is not None:  # likewise a name, not a path
        settings["strain"]["teacher"] = config.strain.teacher.name
    if config.emphasis is not None:
        settings["emphasis"]["ids"] = config.emphasis.ids.name
    if config.init is not None:
        settings["init"] = Path(config.init).name  # a path would say where it lay, not what it was
    return {
        "name": config.name,
        "target": RECIPE,
        "training_elements": dict(sorted(elements.items())),
        "training_bonds": count_bond_kinds(crystals),
        "training_lengths": measure_lengths(crystals).model_dump(),
        "training_formulas": sorted(formulas),
        **({"predicted_formulas": sorted(predicted)} if predicted else {}),
        "training": {
            "config": settings,
            "data": sources[0],
            **({"more_data": sources[1:]} if config.more else {}),
        },
    }
