"""The card of a data set: where it comes from, what is in it, how its targets were made."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from phonodos.datasets.columns import COLUMNS
from phonodos.datasets.dataset import Dataset
from phonodos.datasets.sources import SOURCES


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Return what there is to say about a data set; every value fits into JSON.

    Counts are numbers of records; frequencies are in cm^-1.
    """
    species = dataset.column("species")
    elements = Counter(symbol for sites in species for symbol in set(sites))
    n_atoms = np.array(dataset.column("n_atoms"))
    highest = _highest_frequencies(dataset)
    flags = [name for name, (kind, _) in COLUMNS.items() if kind == "bool"]
    known = dict(dataset.provenance)
    return {
        "sources": [_source(entry, known) for entry in known.pop("sources", [])],
        "records": len(dataset),
        "formulas": len(set(dataset.formulas)),
        "elements": dict(sorted(elements.items(), key=lambda item: (-item[1], item[0]))),
        "n_atoms": {
            "min": int(n_atoms.min()),
            "median": float(np.median(n_atoms)),
            "max": int(n_atoms.max()),
        },
        "highest_frequency_cm-1": highest,
        "flags": {name: int(dataset.mask(name).sum()) for name in flags},
        "columns": {name: dataset.present(name) for name in COLUMNS},
        **{key: value for key, value in known.items() if key != "records"},
    }


def markdown(name: str, card: Mapping[str, Any]) -> str:
    """Return the card of `summarise` as Markdown, headed by the name of the data set."""
    return "\n".join(_lines(name, card)) + "\n"


def _highest_frequencies(dataset: Dataset) -> dict[str, float] | None:
    """Return what there is to say about the highest frequency of every record [cm^-1]."""
    bands = dataset.column("band_frequencies")
    has_dos = [kind is not None for kind in dataset.column("dos_frequencies")]
    highest = [
        max(values) if values else dataset.dos(index).max_frequency
        for index, values in enumerate(bands)
        if values or has_dos[index]
    ]
    if not highest:
        return None
    return {
        "median": round(float(np.median(highest)), 1),
        "max": round(max(highest), 1),
        "records_above_1000": sum(value > 1000.0 for value in highest),
    }


def _source(entry: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a source; of a user's own calculations only what is in the file."""
    source = SOURCES.get(entry.get("kind", ""))
    if source is None or known.get("citation", "") is None:
        return dict(entry)
    return {
        **entry,
        "title": source.title,
        "home": source.home,
        "citation": source.citation,
        "licence": source.licence,
    }


def _lines(name: str, card: Mapping[str, Any]) -> Iterator[str]:
    atoms, highest = card["n_atoms"], card["highest_frequency_cm-1"]
    yield f"# Data set {name}"
    yield ""
    yield (
        f"{card['records']} materials ({card['formulas']} formulas, {len(card['elements'])} "
        f"elements), {atoms['min']} to {atoms['max']} atoms in the cell (median "
        f"{atoms['median']:g})."
    )
    if highest:
        yield (
            f"Highest frequency {highest['max']:g} cm^-1 (median over the materials "
            f"{highest['median']:g} cm^-1); {highest['records_above_1000']} materials have one "
            "above 1000 cm^-1."
        )
    yield from ("", "## Sources", "")
    for source in card["sources"]:
        yield f"- {source.get('title', source.get('name'))}"
        for key in ("kind", "name", "sha256", "home", "citation", "licence"):
            yield f"  - {key}: {source.get(key) or 'unknown'}"
    yield from (f"- {key}: {card[key]}" for key in ("functional", "made_by") if key in card)
    if card.get("failed"):
        yield from ("", "## Records left out", "")
        yield from (f"- {record}: {reason}" for record, reason in card["failed"].items())
    yield from ("", "## Flags and masks", "", "| column | true | meaning |", "|---|---|---|")
    for column, count in card["flags"].items():
        yield f"| `{column}` | {count} | {COLUMNS[column][1]} |"
    if card.get("tensor_frames"):
        yield from ("", "## Frames the Born charges and dielectric tensors were given in", "")
        yield from (f"- {frame}: {count}" for frame, count in card["tensor_frames"].items())
    if card.get("target"):
        yield from ("", "## Recipe of the targets", "")
        yield from (f"- {key}: {value}" for key, value in card["target"].items())
    yield from ("", "## Columns", "", "| column | type | records | content |", "|---|---|---|---|")
    for column, count in card["columns"].items():
        kind, meaning = COLUMNS[column]
        yield f"| `{column}` | {kind} | {count} | {meaning} |"
    yield from ("", "## Elements", "", "Number of materials that hold each.", "")
    yield ", ".join(f"{element} {count}" for element, count in card["elements"].items())
