"""`Lock`: one run at a time writes an output; a lock whose holder is gone is free."""

import os
import sys
from pathlib import Path
from typing import IO

from phonodos.errors import DataError


class Lock:
    """A locked file; the system unlocks it when the process ends, however it ends.

    Raises
    ------
    DataError
        If another process holds it, or no file can be made there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._taken()
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def _taken(self) -> IO[str]:
        while True:
            try:
                file = self._path.open("a+", encoding="ascii")
            except OSError as err:
                raise DataError(
                    f"{self._path} cannot be made",
                    err.strerror or str(err),
                    "choose another place with -o",
                ) from err
            try:
                _lock(file)
                # The run before may have removed the file between the two calls.
                if self._path.exists() and os.path.samestat(
                    os.fstat(file.fileno()), self._path.stat()
                ):
                    return file
            except OSError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                file.close()
                raise DataError(
                    f"{self._path.parent}: another run is writing this output",
                    f"process {holder} holds {self._path.name}",
                    "wait until it ends, or choose another output with -o",
                ) from None
            file.close()

    def release(self) -> None:
        """Give it back."""
        self._file.close()


def _lock(file: IO[str]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
