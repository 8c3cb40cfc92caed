"""`Parts`: the rows of a run, committed to disk in small tables, so that a killed run can go on."""

import json
import os
import shutil
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from phonodos.errors import ConfigError, DataError
from phonodos.screening.rows import Row
from phonodos.screening.table import is_parquet, join, read_ids, read_settings, write_rows

ROWS = 512  # in a part
SECONDS = 4.0  # after which fewer rows are written too: on the disk 5 s after they were computed
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
        self._lock = _locked(self._folder)
        self._rows: list[Row] = []
        self._mutex = threading.RLock()  # over the rows and the files: the clock writes as well
        self._due, self._over = threading.Event(), threading.Event()
        try:
            self._tables = [*([output] if output.exists() else []), *self._earlier()]
            self.done = {i: (d, status) for i, d, status in read_ids(self._tables)}
        except BaseException:
            self._lock.release()
            raise
        self._clock = threading.Thread(target=self._tick, name="commits", daemon=True)
        self._clock.start()

    def _earlier(self) -> list[Path]:
        found = []
        for path in sorted(self._folder.glob("*.parquet")):
            if path.is_dir() or not path.stem.isdecimal():
                raise DataError(
                    f"{path} is none of our files",
                    "it is a folder" if path.is_dir() else "ours are called 000001.parquet, ...",
                    "move it elsewhere, or choose another output with -o",
                )
            if not is_parquet(path):
                path.unlink()  # a damaged part: its rows are computed again
                continue
            _compare(self._folder, read_settings(path), self.settings)
            try:
                list(read_ids([path]))
            except DataError:
                path.unlink()
                continue
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
        with self._mutex:
            self._rows += rows
            self._due.set()
            if len(self._rows) < ROWS:
                return
            try:
                self._write()
            except OSError as err:
                if len(self._rows) > HELD:
                    raise self._refused(err) from err

    def commit(self) -> None:
        """Write what was added; raises `DataError` if the disk refuses."""
        try:
            self._write()
        except OSError as err:
            raise self._refused(err) from err

    def _write(self) -> None:
        with self._mutex:
            if self._rows:
                numbers = [int(path.stem) for path in self._folder.glob("*.parquet")]
                path = self._folder / f"{max(numbers, default=0) + 1:06d}.parquet"
                write_rows(path, self._rows, self.settings)
                self._tables.append(path)
                self._rows = []
            self._due.clear()

    def _tick(self) -> None:
        """Commit rows when they are due, whatever the rest of the program is busy with."""
        while self._due.wait() and not self._over.wait(SECONDS):
            try:
                self._write()
            except Exception:  # the rows are still there: told when they are added to or committed
                continue

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
        self._over.set()
        self._due.set()
        self._clock.join()
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


def _locked(folder: Path) -> FileLock:
    """Return a lock on a folder of parts; the system unlocks it when the process ends.

    Raises
    ------
    DataError
        If another process holds it, or no file can be made there.
    """
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
