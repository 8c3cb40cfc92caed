"""Structures handed over in Python, many at once: data frames, columns, paths of files of many."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.ids import ID_KEYS
from phonodos.structures.json_records import HOLDERS, RESULTS, holds_structure
from phonodos.structures.objects import kind_of

_PARTS = ("cell", "frac_coords", "species")
_LOOKED_AT = 20  # rows, to find the column of structures


@dataclass(frozen=True)
class FrameRow:
    """The structure in one row of a data frame, not converted yet, and its id ("" for none)."""

    content: Any
    name: str


def is_single(x: object) -> bool:
    """Return whether an object is one structure, though some can be iterated over."""
    many = ("", "frame", "series")
    return isinstance(x, Crystal | str | Path | Mapping) or kind_of(x) not in many


def rows_of(x: Any) -> Iterable[Any]:
    """Return what to predict of a data frame, one item a row; anything else as it is.

    Structures are taken from the column ``structure`` (or ``atoms``, ``cif``, ``poscar``, or the
    only one that holds any), or from ``cell``, ``frac_coords`` and ``species``; ids from
    ``material_id`` and its like, else from an index of texts.

    Raises
    ------
    StructureError
        If no column, or several, hold structures.
    """
    if kind_of(x) != "frame":
        return x  # type: ignore[no-any-return]
    columns = {str(name): name for name in x.columns}
    held = next((columns[key] for key in (*HOLDERS, *RESULTS) if key in columns), None)
    if held is None and not set(_PARTS) <= set(columns):
        held = _column_of_structures(x, columns)
    own = next((columns[key] for key in ID_KEYS if key in columns), None)
    return _rows(x, held, own)


def _column_of_structures(frame: Any, columns: Mapping[str, Any]) -> Any:
    found = [
        name
        for name in columns.values()
        if any(_is_structure(value) for value in list(frame[name].head(_LOOKED_AT)))
    ]
    if len(found) == 1:
        return found[0]
    named = ", ".join(list(columns)[:10])
    raise StructureError(
        f"a table in which {'no column holds' if not found else 'several columns hold'} structures",
        f"its columns are {named}",
        'give one of them: predict_many(table["structure"])',
    )


def _is_structure(value: object) -> bool:
    if isinstance(value, Mapping):
        return holds_structure(value)
    return isinstance(value, Crystal) or kind_of(value) in (
        "structure",
        "atoms",
        "phonopy",
        "jarvis",
    )


def _rows(frame: Any, held: Any, own: Any) -> Iterator[FrameRow]:
    index = list(getattr(frame, "index", ()))
    ids = list(frame[own]) if own is not None else [i if isinstance(i, str) else "" for i in index]
    names = ["" if i is None or i != i else str(i) for i in ids] or [""] * len(frame)
    if held is not None:
        contents: list[Any] = list(frame[held])
    else:
        parts = zip(*(list(frame[part]) for part in _PARTS), strict=True)
        contents = [dict(zip(_PARTS, row, strict=True)) for row in parts]
    return (FrameRow(x, name) for x, name in zip(contents, names, strict=True))
