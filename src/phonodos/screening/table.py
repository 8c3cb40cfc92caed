"""Tables of results on disk: their header, their rows, and how they grow."""

import json
import os
import re
import stat
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonodos.datasets.growing import Form, GrowingTable, damaged, read_columns, table_of
from phonodos.errors import LONGEST_REASON, ConfigError, DataError
from phonodos.screening.rows import (
    EXTRA_SETTING,
    METADATA_KEY,
    SCHEMA_VERSION,
    Row,
    columns_of,
    schema,
)
from phonodos.studies.readings import READINGS

if TYPE_CHECKING:
    import pyarrow as pa


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in the header of a table of results.

    Raises
    ------
    DataError
        If the file is missing, no Parquet, no table of results, or of another version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is no file", "it is a folder or a device", "choose a file")
        found = pq.read_schema(path)
    except FileNotFoundError:
        raise DataError(f"no results {path}", "the file does not exist", "check the path") from None
    except (pa.ArrowException, OSError, RecursionError) as err:
        raise damaged(path, err) from err
    text = (found.metadata or {}).get(METADATA_KEY)
    if text is None:
        raise DataError(
            f"{path} is no table of results",
            "it has no header of phonodos screen: another program or command wrote it",
            "choose another file; it is left as it is",
        )
    settings = _header(text, path)
    version = settings.get("schema_version")
    wanted = columns_of(settings) if version == SCHEMA_VERSION else {}
    missing = set(wanted) - set(found.names)
    if version != SCHEMA_VERSION or missing:
        raise DataError(
            f"{path} is a table of results of another schema",
            f"it is of version {version}, this phonodos writes {SCHEMA_VERSION}"
            if version != SCHEMA_VERSION
            else f"columns are missing: {', '.join(sorted(missing))}",
            "screen again into another file; this one is left as it is",
        )
    return settings


def _header(text: bytes, path: Path) -> dict[str, Any]:
    """Return the settings in a header; raises `DataError` if they are not what we write."""
    wrong = "it is no JSON object"
    try:
        settings = json.loads(text)
        if isinstance(settings, dict):
            settings = EARLIER | settings
            if settings.get("schema_version") != SCHEMA_VERSION:
                return settings
            unlike = [key for key, kind in SETTINGS.items() if not kind(settings.get(key))]
            if not unlike:
                return settings
            wrong = f"these settings are missing or make no sense: {', '.join(unlike)}"
    except (ValueError, RecursionError) as err:
        wrong = str(err)[:LONGEST_REASON]
    raise DataError(
        f"{path} has a damaged header", wrong, "choose another file; it is left as it is"
    )


def _are_temperatures(value: object) -> bool:
    numbers = value if isinstance(value, list) else [None]
    return all(isinstance(t, int | float) and 0.0 <= t < 1e5 for t in numbers)


# What tables say that were made before there was the choice.
EARLIER: dict[str, Any] = {
    "check": True,
    "metal": False,
    "isotopes": [],
    "vacancies": "refuse",
    EXTRA_SETTING: [],
}
# What a header says, and whether that makes sense.
SETTINGS: dict[str, Callable[[Any], bool]] = {
    "temperatures": _are_temperatures,
    "model": lambda v: isinstance(v, str),
    "model_hash": lambda v: isinstance(v, str),
    "members": lambda v: v is None or isinstance(v, int),
    "source": lambda v: isinstance(v, str),
    "check": lambda v: isinstance(v, bool),
    "metal": lambda v: isinstance(v, bool),
    "vacancies": lambda v: isinstance(v, str),
    "isotopes": lambda v: isinstance(v, list) and all(isinstance(text, str) for text in v),
    EXTRA_SETTING: lambda v: isinstance(v, list) and all(name in READINGS for name in v),
    "shard": lambda v: re.fullmatch(r"[1-9]\d{0,8}/[1-9]\d{0,8}", str(v)) is not None,
}


def writable_output(path: Path) -> Path:
    """Return where a table of results is to be written: a link is followed, and stays.

    Raises
    ------
    ConfigError
        If that is no name of a file, or there is something that is no file.
    """
    try:
        found = path.resolve() if path.is_symlink() else path
        known = stat.S_IFMT(found.stat().st_mode) if found.exists() else stat.S_IFREG
        reason = "" if known == stat.S_IFREG else KINDS.get(known, "it is a device")
        if not path.name or path.name == "..":
            reason = "there is no name of a file in it"
        # The longest name that lies beside it for a time.
        os.lstat(found.with_name(found.name + ".partial")) if not reason else None
    except (FileNotFoundError, NotADirectoryError):
        reason = ""
    except (OSError, RuntimeError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
    if reason:
        raise ConfigError(
            f"no table can be written to '{path}'", reason, "give a file, such as -o table.parquet"
        )
    return found


KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
}


def _fitting(row: Row, form: "pa.Schema") -> Row:
    """Return a row in valid UTF-8; failed, with the reason, if a number does not fit its column."""
    plain = {key: _valid(value) for key, value in row.items()}
    try:
        table_of([plain], form)
    except Exception as err:
        kept = ("id", "source", "digest", "position", "model", "model_hash")
        reason = " ".join(f"the row cannot be written: {type(err).__name__}: {err}".split())
        return {key: plain.get(key) for key in kept} | {
            "status": "failed",
            "reason": _valid(reason[:LONGEST_REASON]),
        }
    return plain


def _valid(value: Any) -> Any:
    """Return text without what UTF-8 cannot hold (lone surrogates), anything else as it is."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_valid(part) for part in value]
    return value


# What a run commits, and takes up again: unfinished parts, and a finished table.
FORM = Form(
    schema,
    read_settings,
    ("id", "digest", "status"),
    "choose another output with -o, or remove it first",
    goes_on=True,
    fit=_fitting,
)


def finish(table: GrowingTable, dropped: Collection[str] = ()) -> int:
    """Make the output of what was committed, in the order of the source; return its rows.

    Parameters
    ----------
    table
        A growing table of the form `FORM`.
    dropped
        Ids to leave out.

    Raises
    ------
    DataError
        If the disk refuses; the parts stay.
    """
    table.commit()
    if table.tables == [table.output] and not dropped:  # there is nothing new
        table.remove()
        return len(table.done)
    return table.finish(ordered_ids(table.tables, dropped))


def ordered_ids(paths: Sequence[Path], dropped: Collection[str] = ()) -> list[str]:
    """Return the ids in tables but for some, in the order of the source.

    Where an id comes twice the later row counts.
    """
    places: dict[str, int] = {}
    for name, place in read_columns(paths, ("id", "position")):
        places.pop(name, None)  # among equal positions, too, the later row decides
        places[name] = place
    return sorted((name for name in places if name not in dropped), key=places.__getitem__)
