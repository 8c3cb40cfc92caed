"""What is known of the weights that a service has, and six crystals to begin with."""

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from phonodos.model.header import WeightHeader
from phonodos.model.weights import available, read_header, weights_path
from phonodos.prediction.predictor import DEFAULT_WEIGHTS

SUMMARIES = {"lattice": "lattice dynamics", "spectrum": "density of states"}
# Stable to the default weights, and of interest: a salt, a covalent crystal, sapphire, a polar
# semiconductor, a thermoelectric, an alloy whose sites two elements share.
EXAMPLES = ("NaCl", "Si", "Al2O3", "ZnO", "Mg3Sb2", "Cu0.7Au0.3")


def served(model: str | None) -> tuple[str, dict[str, str]]:
    """Return the name of the default weights, and name -> file of all that are served.

    Parameters
    ----------
    model
        Released name or path of the default weights.

    Raises
    ------
    WeightsError
        If there are none of that name, or the file is damaged.
    """
    path = weights_path(model or DEFAULT_WEIGHTS)
    name = read_header(path).name
    return name, {**{known: str(weights_path(known)) for known in available()}, name: str(path)}


def model_list(default: str, models: dict[str, str]) -> dict[str, Any]:
    """Return the weights that are served, in short."""
    return {
        "default": default,
        "models": [
            {"name": name, "summary": _summary(header), "kind": header.kind}
            for name, header in ((name, _header(path)) for name, path in models.items())
        ],
    }


def model_record(name: str, path: str) -> dict[str, Any]:
    """Return what is known of weights: the card, metrics, and of every element how often it was
    trained on and how wrong spectra with it are.
    """
    header = _header(path)
    card = Path(path).with_suffix(".md")
    errors = _errors(path)
    return {
        "name": name,
        "kind": header.kind,
        "summary": _summary(header),
        "card": {
            "markdown": card.read_text(encoding="utf-8") if card.is_file() else None,
            "network": dict(header.network),
            "members": header.held,
            "training_formulas": len(header.training_formulas),
            "parts": {part: len(ids) for part, ids in header.split.items()},
            "versions": dict(header.versions),
        },
        "metrics": dict(header.metrics),
        "elements": {
            element: {"n_train": n, **errors.get(element, _NO_ERROR)}
            for element, n in sorted(header.training_elements.items())
        },
    }


_NO_ERROR = {"error": None, "unit": None, "measure": None, "n": 0}


def _errors(path: str) -> dict[str, dict[str, Any]]:
    """Return the errors by element that lie beside a weight file, none where they do not."""
    beside = Path(path).with_suffix(".elements.json")
    if not beside.is_file():
        return {}
    record = json.loads(beside.read_text(encoding="utf-8"))
    shared = {"unit": record["unit"], "measure": record["measure"]}
    return {element: {**numbers, **shared} for element, numbers in record["elements"].items()}


@lru_cache(maxsize=16)
def _header(path: str) -> WeightHeader:
    return read_header(Path(path))


def _summary(header: WeightHeader) -> str:
    kind = SUMMARIES.get(header.kind or "", "unknown kind")
    copies = header.network.get("copies", 1)
    several = f", mean of {header.held * copies} networks" if header.held * copies > 1 else ""
    sizes = [len(part.get("train", ())) for part in (header.split, *header.more_splits)]
    return f"{kind}{several}, trained on {sum(sizes)} crystals"


@lru_cache(maxsize=1)
def examples() -> dict[str, Any]:
    """Return the examples: name, formula, file name and text."""
    from phonodos.structures.reading import as_crystal

    folder = Path(str(files("phonodos"))) / "service" / "examples"
    found = []
    for name in EXAMPLES:
        path = folder / f"{name}.cif"
        text = path.read_text(encoding="utf-8")
        formula = as_crystal(path).written_formula
        found.append({"name": name, "formula": formula, "filename": path.name, "text": text})
    return {"examples": found}
