"""Tables of results on disk: written whole or not at all, read in pieces, joined in order."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError
from phonodos.screening.columns import METADATA_KEY, SCHEMA_VERSION, columns, schema
from phonodos.screening.rows import Row

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
        found = pq.read_schema(path)
    except FileNotFoundError:
        raise DataError(f"no results {path}", "the file does not exist", "check the path") from None
    except (pa.ArrowException, OSError) as err:
        raise DataError(
            f"{path} is not a readable Parquet file", str(err), "choose another file"
        ) from err
    text = (found.metadata or {}).get(METADATA_KEY)
    if text is None:
        raise DataError(
            f"{path} is no table of results",
            "it has no header of phonodos screen: another program or command wrote it",
            "choose another file; it is left as it is",
        )
    settings: dict[str, Any] = json.loads(text)
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


def is_parquet(path: Path) -> bool:
    """Return whether a file has the header of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return True


def write_rows(path: Path, rows: Sequence[Row], settings: Mapping[str, Any]) -> None:
    """Write rows as a table that is there whole or not at all, even if the power fails.

    Raises
    ------
    OSError
        If the disk refuses; nothing is left behind.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    form = schema(settings)
    table = pa.Table.from_pydict({n: [r.get(n) for r in rows] for n in form.names}, schema=form)
    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(table, partial, compression="zstd")
        settle(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def settle(partial: Path, path: Path) -> None:
    """Rename a file that is on the disk to its last byte."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def read_ids(paths: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield id, digest and status of every row."""
    import pyarrow.parquet as pq

    for path in paths:
        table = pq.read_table(path, columns=["id", "digest", "status"])
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
        If the disk refuses.
    """
    import pyarrow.parquet as pq

    units, chosen = _order(paths, dropped)
    partial = output.with_name(output.name + ".partial")
    form = schema(settings)
    try:
        with pq.ParquetWriter(partial, form, compression="zstd") as writer:
            for first in range(0, len(chosen), GROUP):
                rows = _gather(units, chosen[first : first + GROUP])
                writer.write_table(rows.select(form.names).cast(form), GROUP)
        settle(partial, output)
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
        with pq.ParquetFile(path) as file:
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
    import pyarrow.parquet as pq

    path, group = unit
    with pq.ParquetFile(path) as file:
        return file.read_row_group(group)
