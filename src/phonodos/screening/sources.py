"""Sources: every structure of a folder, a file of many or a table, one at a time and unbuilt.

A source is read as a stream where its format allows it (folders, JSON lines, Parquet, ASE db), so a
million crystals need no more memory than one; a broken entry stands in its place as an entry that
cannot be built.
"""

import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from phonodos.data.structure_files import crystal_from_mapping
from phonodos.data.structures import OPENERS, is_structure_file, open_entries, split_name
from phonodos.errors import DataError, PhonodosError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.table_source import count_rows, table_rows

# What a compressed file that was cut off, or text in another encoding, makes the readers say.
_DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
_ID_KEYS = ("material_id", "id", "entry_id", "name", "uid")


@dataclass(frozen=True)
class Entry:
    """One structure of a source, not built yet.

    Attributes
    ----------
    label
        Its id: its own if it has one, else the name of the file and a number.
    source
        File (and entry) it comes from.
    build
        Function (name) -> `Crystal`; raises `StructureError`.
    """

    label: str
    source: str
    build: Callable[[str], Crystal]


def entries(path: Path) -> Iterator[Entry]:
    """Yield the structures of a folder (its subfolders too), a structure file or a Parquet table.

    Files: everything `phonodos predict` reads, with any number of structures (extxyz, ASE db, JSON
    lines, a JSON list of pymatgen structures, an OPTIMADE response saved as JSON, ...).

    Raises
    ------
    DataError
        If there is nothing at `path`, the folder has no structure file, or the table lacks columns.
    StructureError
        If a single file cannot be read at all.
    """
    if path.is_dir():
        yield from _folder(path)
    elif not path.is_file():
        raise DataError(f"nothing at {path}", "there is no such file or folder", "check the path")
    elif path.suffix.lower() in (".parquet", ".pq"):
        for number, (label, build) in enumerate(table_rows(path)):
            own = label or f"{path.stem}-{number}"
            yield Entry(own, f"{path.name}, {own}", build)
    else:
        yield from _file(path, path.name, inside=False)


def count(path: Path) -> int | None:
    """Return how many structures there are, if that is quick to find out, else None.

    Of a folder, the number of its structure files, which may hold several each.
    """
    if path.is_dir():
        return sum(1 for _ in _structure_files(path))
    if path.suffix.lower() in (".parquet", ".pq"):
        return count_rows(path)
    if _is_lines(path):
        try:
            with _opened(path) as stream:
                return sum(1 for line in stream if line.strip())
        except _DAMAGE:
            return None
    return None


def _folder(folder: Path) -> Iterator[Entry]:
    found = False
    for path in _structure_files(folder):
        inner = path.relative_to(folder)
        found = True
        try:
            yield from _file(path, str(inner), inside=True)
        except PhonodosError as error:
            yield Entry(split_name(path.name)[0], str(inner), partial(_raise, error))
    if not found:
        raise DataError(
            f"{folder}: no structure file in this folder",
            "no name in it or its subfolders ends like that of a structure file",
            "give another folder, or one file",
        )


def _structure_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        # A link that leads nowhere is a structure that cannot be read, and is told of.
        there = path.is_file() or (path.is_symlink() and not path.exists())
        if not hidden and there and is_structure_file(path):
            yield path


def _file(path: Path, where: str, *, inside: bool) -> Iterator[Entry]:
    """Yield the entries of one file; errors of the whole file are raised."""
    stem = split_name(path.name)[0]
    try:
        found = _lines(path) if _is_lines(path) else open_entries(path)
        head = list(islice(found, 2))
    except StructureError as error:
        raise StructureError(f"{where}: {error.summary}", error.reason, error.fix) from None
    if not head:
        raise StructureError(
            f"{where}: holds no structure", "it has no entries", "write it again, or leave it out"
        )
    many = len(head) > 1
    stream = chain(head, found)
    index = 0
    while True:
        try:
            label, build = next(stream)
        except StopIteration:
            return
        except StructureError as error:
            yield Entry(f"{stem}-{index}", f"{where}, entry {index}", partial(_raise, error))
            return
        # Numbers are the places in an ASE data base, and no names to meet a crystal by again.
        own = label if label and not label.isdigit() else f"{stem}-{label or index}"
        if not many:
            own = stem if inside or not label or label.isdigit() else label
        elif inside and label:
            own = f"{stem}-{label}"
        yield Entry(own, f"{where}, {label or f'entry {index}'}" if many else where, build)
        index += 1


def _is_lines(path: Path) -> bool:
    return split_name(path.name)[1] == ".jsonl"


def _opened(path: Path) -> Any:
    return OPENERS.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8-sig")


def _lines(path: Path) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
    """Yield the records of JSON lines as they are read."""
    number = 0
    try:
        with _opened(path) as stream:
            for line in stream:
                number += 1
                if line.strip():
                    yield _line(line)
    except _DAMAGE as error:
        raise StructureError(
            f"cannot be read after line {number}",
            getattr(error, "strerror", None) or str(error) or type(error).__name__,
            "copy or download the file again; the lines before are screened",
        ) from None


def _line(line: str) -> tuple[str, Callable[[str], Crystal]]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        broken = StructureError("a line is not JSON", str(error), "write the line again")
        return "", partial(_raise, broken)
    if not isinstance(record, dict):
        wrong = StructureError(
            "a line without a structure",
            f"it holds a {type(record).__name__}",
            "give one JSON object a line",
        )
        return "", partial(_raise, wrong)
    inner = record.get("metadata")
    places = [inner, record] if isinstance(inner, dict) else [record]
    found = (place[key] for place in places for key in _ID_KEYS if key in place)
    label = next((str(value) for value in found if value not in (None, "")), "")
    return label, partial(crystal_from_mapping, record)


def _raise(error: PhonodosError, name: str) -> Crystal:  # noqa: ARG001 - the shape of a build
    raise error
