"""Tables of results on disk: written whole or not at all, read in pieces, joined in order."""

import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import LONGEST_REASON, ConfigError, DataError
from phonodos.screening.rows import METADATA_KEY, SCHEMA_VERSION, Row, columns, schema

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 2048  # rows in a row group
Unit = tuple[Path, int]  # a row group of a file


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
    wanted = columns(settings["temperatures"]) if version == SCHEMA_VERSION else {}
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


# What a header says, and whether that makes sense.
SETTINGS: dict[str, Callable[[Any], bool]] = {
    "temperatures": _are_temperatures,
    "model": lambda v: isinstance(v, str),
    "model_hash": lambda v: isinstance(v, str),
    "members": lambda v: v is None or isinstance(v, int),
    "source": lambda v: isinstance(v, str),
    "shard": lambda v: re.fullmatch(r"[1-9]\d{0,8}/[1-9]\d{0,8}", str(v)) is not None,
}


def damaged(path: Path, err: Exception) -> DataError:
    """Return the error to raise where a Parquet file cannot be read."""
    return DataError(
        f"{path} is not a readable Parquet file",
        " ".join(str(err).split())[:LONGEST_REASON],
        "remove it and give the same command again: its rows are computed anew"
        if path.parent.suffix == ".parts"
        else "choose another file; it is left as it is",
    )


def is_parquet(path: Path) -> bool:
    """Return whether a file has the header of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return True


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


def write_rows(path: Path, rows: Sequence[Row], settings: Mapping[str, Any]) -> None:
    """Write rows as a table that is there whole or not at all, even if the power fails.

    Raises
    ------
    OSError
        If the disk refuses; nothing is left behind.
    """
    import pyarrow.parquet as pq

    form = schema(settings)
    try:
        table = _table(rows, form)
    except Exception:  # a text or number that Arrow has no place for: of one row, not of all
        table = _table([_fitting(row, form) for row in rows], form)
    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)
        settle(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _table(rows: Sequence[Row], form: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pydict({n: [r.get(n) for r in rows] for n in form.names}, schema=form)


def _fitting(row: Row, form: "pa.Schema") -> Row:
    """Return a row in valid UTF-8; failed, with the reason, if a number does not fit its column."""
    plain = {key: _valid(value) for key, value in row.items()}
    try:
        _table([plain], form)
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


def settle(partial: Path, path: Path) -> None:
    """Rename a file that is on the disk to its last byte."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def read_ids(paths: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield id, digest and status of every row; raises `DataError` if a table is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        try:
            table = pq.read_table(
                path, columns=["id", "digest", "status"], page_checksum_verification=True
            )
        except (pa.ArrowException, OSError) as err:
            raise damaged(path, err) from err
        yield from zip(*(table.column(i).to_pylist() for i in range(3)), strict=True)


def join(
    paths: Sequence[Path],
    output: Path,
    settings: Mapping[str, Any],
    dropped: Collection[str] = (),
) -> int:
    """Write one table of the rows of several, in the order of the source; return their number.

    Where an id comes twice the later row counts. Memory holds the ids and some 2000 rows.

    Parameters
    ----------
    paths
        Tables of results; `output` may be one of them.
    output
        The table to write, whole or not at all.
    settings
        Its header.
    dropped
        Ids to leave out.

    Raises
    ------
    DataError
        If a table is damaged or the disk refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    units, chosen = _order(paths, dropped)
    partial = output.with_name(output.name + ".partial")
    form = schema(settings)
    try:
        with pq.ParquetWriter(
            partial, form, compression="zstd", write_page_checksum=True
        ) as writer:
            for first in range(0, len(chosen), GROUP):
                rows = _gather(units, chosen[first : first + GROUP])
                writer.write_table(rows.select(form.names).cast(form), GROUP)
        settle(partial, output)
    except pa.ArrowException as err:
        partial.unlink(missing_ok=True)
        raise damaged(output, err) from err
    except OSError as err:
        partial.unlink(missing_ok=True)
        raise DataError(
            f"{output} cannot be written",
            err.strerror or str(err),
            "make room or choose another place; every row is safe in "
            + ", ".join(sorted({str(path.parent) for path in paths})),
        ) from err
    finally:
        _unit.cache_clear()
    return len(chosen)


def _order(paths: Sequence[Path], dropped: Collection[str]) -> tuple[list[Unit], NDArray[np.int64]]:
    """Return the row groups and, in the order of the source, (row group, row) of every row."""
    import pyarrow.parquet as pq

    units: list[Unit] = []
    last: dict[str, tuple[int, int, int]] = {}  # id: position, unit, row
    for path in paths:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, columns=["id", "position"])
                names, places = (found.column(i).to_pylist() for i in range(2))
                for row, (name, place) in enumerate(zip(names, places, strict=True)):
                    last[name] = (place, len(units), row)
                units.append((path, group))
    kept = [value for name, value in last.items() if name not in dropped]
    table = np.array(kept, dtype=np.int64).reshape(-1, 3)
    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    return units, table[order, 1:]


def _gather(units: Sequence[Unit], chosen: NDArray[np.int64]) -> "pa.Table":
    """Return the chosen (unit, row) pairs as a table, in their order."""
    import pyarrow as pa

    pieces, order = [], []
    for unit in np.unique(chosen[:, 0]):
        here = np.flatnonzero(chosen[:, 0] == unit)
        pieces.append(_unit(units[unit]).take(pa.array(chosen[here, 1])))
        order.append(here)
    back = np.argsort(np.concatenate(order))
    return pa.concat_tables(pieces).take(pa.array(back))


@lru_cache(maxsize=32)
def _unit(unit: Unit) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, group = unit
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read_row_group(group)
    except (pa.ArrowException, OSError) as err:
        raise damaged(path, err) from err
