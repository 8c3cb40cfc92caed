"""`GrowingTable`: rows committed to disk in small tables, so that a killed run can go on.

Data sets that are prepared and tables of a screening grow so: the rows lie in numbered Parquet
files in ``<output>.parts``, under a lock, until one table is made of them.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import LONGEST_REASON, ConfigError, DataError
from phonodos.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa
    from filelock import FileLock

ROWS = 512  # in a part
SECONDS = 4.0  # after which fewer rows are written too: on the disk 5 s after they were computed
HELD = 8  # times `ROWS` are kept in memory while the disk refuses
GROUP = 2048  # rows in a row group of the table
PARTS = ".parts"

Row = dict[str, Any]  # a column that is not there is null
Unit = tuple[Path, int]  # a row group of a file


def _as_it_is(row: Row, _: "pa.Schema") -> Row:
    return row


@dataclass(frozen=True)
class Form:
    """What the tables of one kind of work look like.

    Attributes
    ----------
    schema
        Function: settings -> Arrow schema of a part, with the settings in the metadata.
    settings
        Function: path of a part -> its settings. `DataError` if it is none of ours.
    noted
        Columns that are known of every row while the table grows; the first one, a text, tells
        rows apart.
    otherwise
        What to do where there are rows of other settings, in the words of an error.
    goes_on
        Whether a finished output is taken up again; else it is replaced at the end.
    fit
        Function (row, schema) -> row: what to write of a row that Arrow has no place for.
    """

    schema: Callable[[Mapping[str, Any]], "pa.Schema"]
    settings: Callable[[Path], dict[str, Any]]
    noted: tuple[str, ...]
    otherwise: str
    goes_on: bool = False
    fit: Callable[[Row, "pa.Schema"], Row] = _as_it_is


class GrowingTable:
    """Committed rows beside the output: those of earlier runs and of this one.

    A clock of its own commits them: a row is on the disk 5 s after it was added, whatever the rest
    of the program is busy with.

    Parameters
    ----------
    output
        The table to be; the parts lie in ``<output>.parts`` with a lock.
    settings
        What the rows depend on.
    form
        What the tables look like.
    resume
        Whether to go on with rows that are there; else they are thrown away.

    Attributes
    ----------
    output, settings
        As given.
    folder, tables
        Where the parts lie; the tables that hold the committed rows, in the order they were made.
    done
        First noted column of every committed row of earlier runs -> the other noted ones.

    Raises
    ------
    DataError
        If the output or a part is none of our tables, another run is writing it, or the disk
        refuses.
    ConfigError
        If there are rows of other settings.
    """

    def __init__(
        self, output: Path, settings: Mapping[str, Any], form: Form, *, resume: bool = True
    ) -> None:
        self.output, self._form = output, form
        self.settings = json.loads(json.dumps(dict(settings)))
        self._schema = form.schema(self.settings)
        self.folder = output.with_name(output.name + PARTS)
        kept = [output] if form.goes_on and output.exists() else []
        for path in kept:  # before anything is made beside it
            self._compare(path, form.settings(path))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise DataError(
                f"{self.folder} cannot be made",
                err.strerror or str(err),
                "choose another place with -o",
            ) from err
        self._lock = _locked(self.folder)
        self._rows: list[Row] = []
        self._mutex = threading.RLock()  # over the rows and the files: the clock writes as well
        self._due, self._over = threading.Event(), threading.Event()
        try:
            self.tables = [*kept, *self._earlier(resume)]
            self.done = {row[0]: row[1:] for row in read_columns(self.tables, form.noted)}
        except BaseException:
            self._lock.release()
            raise
        self._clock = threading.Thread(target=self._tick, name="commits", daemon=True)
        self._clock.start()

    def _earlier(self, resume: bool) -> list[Path]:
        """Return the sound parts of earlier runs; remove what is damaged or half written."""
        found = []
        for path in self.folder.glob("*.parquet"):
            if path.is_dir() or not path.stem.isdecimal():
                raise DataError(
                    f"{path} is none of our files",
                    "it is a folder" if path.is_dir() else "ours are called 000001.parquet, ...",
                    "move it elsewhere, or choose another output with -o",
                )
            if not (resume and is_parquet(path)):
                path.unlink()  # a damaged part: its rows are computed again
                continue
            self._compare(self.folder, self._form.settings(path))
            try:
                list(read_columns([path], self._form.noted))
            except DataError:
                path.unlink()
                continue
            found.append(path)
        for path in self.folder.glob("*.partial"):
            path.unlink()
        return sorted(found, key=lambda path: int(path.stem))

    def _compare(self, place: Path, there: Mapping[str, Any]) -> None:
        here = self.settings
        differing = [key for key in here if there.get(key) != here[key]]
        if differing:
            shown = "; ".join(f"{key}: {there.get(key)}, now {here[key]}" for key in differing)
            raise ConfigError(
                f"{place} belongs to another run",
                f"it was made with other settings ({shown})",
                self._form.otherwise,
            )

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows; they are committed at the latest 512 rows or 5 s later.

        Raises
        ------
        DataError
            If the disk goes on refusing.
        """
        with self._mutex:
            self._rows += rows
            self._due.set()
            if len(self._rows) < ROWS:
                return
            try:
                self._write()
            except DataError as err:
                if len(self._rows) > HELD * ROWS:
                    raise self._refused(err) from err

    def commit(self) -> None:
        """Write what was added; raises `DataError` if the disk refuses."""
        try:
            self._write()
        except DataError as err:
            raise self._refused(err) from err

    def _write(self) -> None:
        with self._mutex:
            if self._rows:
                numbers = [int(path.stem) for path in self.folder.glob("*.parquet")]
                path = self.folder / f"{max(numbers, default=0) + 1:06d}.parquet"
                write_rows(path, self._rows, self._schema, self._form.fit)
                self.tables.append(path)
                self._rows = []
            self._due.clear()
            if self._over.is_set():  # it was rung for the end, not for rows
                self._due.set()

    def _tick(self) -> None:
        while self._due.wait() and not self._over.wait(SECONDS):
            # The rows are still there: an error is told when more are added, or at the end.
            with suppress(Exception):
                self._write()

    def column(self, name: str, keys: Iterable[str]) -> list[Any]:
        """Return the values of a column in the committed rows of these keys, in their order."""
        values = dict(read_columns(self.tables, (self._form.noted[0], name)))
        return [values[key] for key in keys]

    def finish(
        self, keys: Sequence[str], schema: "pa.Schema | None" = None, group: int = GROUP
    ) -> int:
        """Make the output of the rows of these keys, remove the parts, and return their number.

        Parameters
        ----------
        keys
            First noted column of the rows, in the order they are to have.
        schema
            Arrow schema of the output, with its metadata; by default that of a part.
        group
            Rows in a row group; some of those are held in memory at a time.

        Raises
        ------
        DataError
            If the disk refuses; the parts stay.
        """
        self.commit()
        try:
            n = join(
                self.tables,
                self.output,
                schema or self._schema,
                keys,
                key=self._form.noted[0],
                group=group,
                within=self.folder,
            )
        except DataError as err:
            fix = f"{err.fix}; the rows are safe in {self.folder}"
            raise DataError(err.summary, err.reason, fix) from err
        self.remove()
        return n

    def remove(self) -> None:
        """Remove the parts: the output holds what is in them, or is not wanted."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let another run at the output; an empty folder of parts is removed."""
        self._over.set()
        self._due.set()
        self._clock.join()
        if not any(self.folder.glob("*.parquet")):
            self.remove()
        self._lock.release()

    def _refused(self, err: DataError) -> DataError:
        return DataError(
            f"{self.folder} takes no more rows",
            err.reason,
            "make room and give the same command again: it goes on with what is missing",
        )


def _locked(folder: Path) -> "FileLock":
    """Return a lock on a folder of parts; the system unlocks it when the process ends.

    Raises
    ------
    DataError
        If another process holds it, or no file can be made there.
    """
    from filelock import FileLock, Timeout

    lock, holder = FileLock(folder / "lock"), folder / "holder"
    try:
        lock.acquire(timeout=0)
        holder.write_text(str(os.getpid()), encoding="ascii")
    except Timeout:
        raise DataError(
            f"{folder}: another run is writing this output",
            f"process {_holder(holder)} holds it",
            "wait until it ends, or choose another output with -o",
        ) from None
    except OSError as err:
        lock.release()
        raise DataError(
            f"{folder / 'lock'} cannot be made",
            err.strerror or str(err),
            "choose another place with -o",
        ) from err
    return lock


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def damaged(path: Path, err: Exception) -> DataError:
    """Return the error to raise where a Parquet file cannot be read."""
    return DataError(
        f"{path} is not a readable Parquet file",
        " ".join(str(err).split())[:LONGEST_REASON],
        "remove it and give the same command again: its rows are computed anew"
        if path.parent.suffix == PARTS
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


def table_of(rows: Sequence[Row], schema: "pa.Schema") -> "pa.Table":
    """Return rows as an Arrow table; keys that are no columns are left out.

    Raises
    ------
    Exception
        What Arrow raises of a text or number that does not fit its column.
    """
    import pyarrow as pa

    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.Table.from_pydict(columns, schema=schema)


def write_rows(
    path: Path,
    rows: Sequence[Row],
    schema: "pa.Schema",
    fit: Callable[[Row, "pa.Schema"], Row] = _as_it_is,
) -> None:
    """Write rows as a table that is there whole or not at all, even if the power fails.

    Raises
    ------
    DataError
        If the disk refuses; nothing is left behind.
    """
    import pyarrow.parquet as pq

    try:
        table = table_of(rows, schema)
    except Exception:  # a text or number that Arrow has no place for: of one row, not of all
        table = table_of([fit(row, schema) for row in rows], schema)
    with replacing(path, durable=True) as partial:
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)


def read_columns(paths: Iterable[Path], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values in some columns of every row; raises `DataError` if a table is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                table = file.read(columns=list(names))
            columns = [table.column(name).to_pylist() for name in names]
        except (pa.ArrowException, OSError, KeyError) as err:
            raise damaged(path, err) from err
        yield from zip(*columns, strict=True)


def join(
    paths: Sequence[Path],
    output: Path,
    schema: "pa.Schema",
    keys: Sequence[str],
    *,
    key: str = "id",
    group: int = GROUP,
    within: Path | None = None,
) -> int:
    """Write one table of rows of several; return their number.

    The bytes depend on the rows and their order only, not on how the tables divide them. Memory
    holds the keys and some times `group` rows.

    Parameters
    ----------
    paths
        Tables; `output` may be one of them.
    output
        The table to write, whole or not at all.
    schema
        Its Arrow schema with the metadata.
    keys
        Which rows, in their order. Where a key comes twice in the tables the later row counts.
    key
        The column that they are in.
    group
        Rows in a row group.
    within
        Folder in which the table is written before it takes its place; that of `output` if None.

    Raises
    ------
    DataError
        If a table is damaged or the disk refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    units, places = _places(paths, key)
    chosen = np.array([places[name] for name in keys], dtype=np.int64).reshape(-1, 2)
    try:
        with (
            replacing(output, within=within, durable=True) as partial,
            pq.ParquetWriter(
                partial, schema, compression="zstd", write_page_checksum=True
            ) as writer,
        ):
            for first in range(0, len(chosen), group):
                rows = _gather(units, chosen[first : first + group])
                rows = rows.select(schema.names).cast(schema)
                writer.write_table(rows.combine_chunks(), group)
    except pa.ArrowException as err:
        raise damaged(output, err) from err
    finally:
        _unit.cache_clear()
    return len(chosen)


def _places(paths: Sequence[Path], key: str) -> tuple[list[Unit], dict[str, tuple[int, int]]]:
    """Return the row groups, and (row group, row) of every key."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    units: list[Unit] = []
    places: dict[str, tuple[int, int]] = {}
    for path in paths:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):
                    names = file.read_row_group(group, columns=[key]).column(0).to_pylist()
                    places |= {name: (len(units), row) for row, name in enumerate(names)}
                    units.append((path, group))
        except (pa.ArrowException, OSError) as err:
            raise damaged(path, err) from err
    return units, places


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
