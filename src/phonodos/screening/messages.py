"""Messages: chunks and rows as JSON text, for workers on other machines. Numbers stay exact."""

import json
from dataclasses import replace
from typing import Any

import numpy as np

from phonodos.errors import PhonodosError, StructureError
from phonodos.screening.chunks import Chunk, Lost
from phonodos.screening.items import Item
from phonodos.screening.rows import Row
from phonodos.structures.tables import crystal_of_row, species_texts


def chunk_text(chunk: Chunk) -> str:
    """Return a chunk as text."""
    return json.dumps([_record(item) for item in chunk.items])


def read_chunk(text: str) -> Chunk:
    """Return the chunk in a text of `chunk_text`."""
    return Chunk(tuple(_item(record) for record in json.loads(text)))


def answer_text(found: Row | Lost) -> str:
    """Return a row, or why and whether too late there are no more of them, as text."""
    answer = [found.reason, found.late] if isinstance(found, Lost) else _plain(found)
    return json.dumps(answer)


def read_answer(text: str) -> Row | tuple[str, bool]:
    """Return what `answer_text` was given, arrays as lists; of a `Lost`, its reason and `late`."""
    found = json.loads(text)
    return (str(found[0]), bool(found[1])) if isinstance(found, list) else found


def _record(item: Item) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": item.id,
        "position": item.position,
        "source": item.source,
        "digest": item.digest,
    }
    if isinstance(item.content, PhonodosError):
        error = item.content
        return record | {"error": [error.summary, error.reason, error.fix]}
    crystal = item.content
    return record | {
        "cell": crystal.cell.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
        "species": species_texts(crystal),
        "name": crystal.name,
        "notes": list(crystal.notes),
    }


def _item(record: dict[str, Any]) -> Item:
    origin = (record["id"], record["position"], record["source"], record["digest"])
    if "error" in record:
        return Item(*origin, StructureError(*record["error"]))
    numbers = record["cell"], record["frac_coords"], record["species"]
    crystal = crystal_of_row(*numbers, record["name"])
    return Item(*origin, replace(crystal, notes=tuple(record["notes"])))


def _plain(row: Row) -> Row:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
