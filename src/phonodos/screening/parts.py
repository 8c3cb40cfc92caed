"""`Parts`: the rows of a run, committed to disk in small tables, so that a killed run can go on."""

import json
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from phonodos.errors import ConfigError, DataError
from phonodos.screening.lock import Lock
from phonodos.screening.rows import Row
from phonodos.screening.table import is_parquet, join, read_ids, read_settings, write_rows

ROWS = 512  # in a part
SECONDS = 5.0  # after which fewer rows are written too
HELD = 8 * ROWS  # rows kept in memory while the disk refuses


class Parts:
    """Committed rows beside the output: those of earlier runs and of this one.

    Parameters
    ----------
    output
        The table to be; the parts lie in ``<output>.parts`` with a lock.
    settings
        What the rows depend on.

    Raises
    ------
    DataError
        If the output is no table of results, another run is writing it, or the disk refuses.
    ConfigError
        If there are rows of other settings.
    """

    def __init__(self, output: Path, settings: Mapping[str, Any]) -> None:
        self._output = output
        self.settings = json.loads(json.dumps(dict(settings)))
        self._folder = output.with_name(output.name + ".parts")
        if output.exists():  # before anything is made beside it
            _compare(output, read_settings(output), self.settings)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise DataError(
                f"{self._folder} cannot be made",
                err.strerror or str(err),
                "choose another place with -o",
            ) from err
        self._lock = Lock(self._folder / "lock")
        self._rows: list[Row] = []
        self._since = time.monotonic()
        try:
            self._tables = [*([output] if output.exists() else []), *self._earlier()]
            self.done = {i: (d, status) for i, d, status in read_ids(self._tables)}
        except BaseException:
            self._lock.release()
            raise

    def _earlier(self) -> list[Path]:
        found = []
        for path in sorted(self._folder.glob("*.parquet")):
            if not is_parquet(path):
                path.unlink()  # a damaged part: its rows are computed again
                continue
            _compare(self._folder, read_settings(path), self.settings)
            found.append(path)
        for path in self._folder.glob("*.partial"):
            path.unlink()
        return found

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows; they are committed at the latest 512 rows or 5 s later.

        Raises
        ------
        DataError
            If the disk goes on refusing.
        """
        self._rows += rows
        if len(self._rows) < ROWS and time.monotonic() - self._since < SECONDS:
            return
        try:
            self._write()
        except OSError as err:
            if len(self._rows) > HELD:
                raise self._refused(err) from err
            self._since = time.monotonic()  # tried again with the next rows

    def commit(self) -> None:
        """Write what was added; raises `DataError` if the disk refuses."""
        try:
            self._write()
        except OSError as err:
            raise self._refused(err) from err

    def _write(self) -> None:
        if self._rows:
            numbers = [int(path.stem) for path in self._folder.glob("*.parquet")]
            path = self._folder / f"{max(numbers, default=0) + 1:06d}.parquet"
            write_rows(path, self._rows, self.settings)
            self._tables.append(path)
            self._rows = []
        self._since = time.monotonic()

    def finish(self, dropped: Collection[str] = ()) -> int:
        """Make the output of all parts, remove them, and return the number of rows.

        Raises
        ------
        DataError
            If the disk refuses; the parts stay.
        """
        self.commit()
        n = len(self.done)
        if self._tables != [self._output] or dropped:
            n = join(self._tables, self._output, self.settings, dropped)
        shutil.rmtree(self._folder, ignore_errors=True)
        return n

    def close(self) -> None:
        """Let another run at the output; an empty folder of parts is removed."""
        if not any(self._folder.glob("*.parquet")):
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    def _refused(self, err: OSError) -> DataError:
        return DataError(
            f"{self._folder} takes no more rows",
            err.strerror or str(err),
            "make room and give the same command again: it goes on with what is missing",
        )


def _compare(place: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if rows were made with other settings than those of this run."""
    differing = [key for key in here if there.get(key) != here[key]]
    if differing:
        shown = "; ".join(f"{key}: {there.get(key)}, now {here[key]}" for key in differing)
        raise ConfigError(
            f"{place} belongs to another run",
            f"it was made with other settings ({shown})",
            "choose another output with -o, or remove it first",
        )
