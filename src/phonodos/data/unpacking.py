"""Opening files, compressed or not, without ever unpacking more than a stated size.

A few kilobytes of gzip, xz or bzip2 can stand for gigabytes. Everything that is read whole is read
in pieces and given up at `largest_content`, and an archive is given up when all that came out of it
exceeds `ARCHIVE_FACTOR` times that.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from phonodos.errors import ConfigError, DataError

LARGEST_MB = 256  # [MiB] of one file or member, unpacked; the largest CIF ever seen has 60
ARCHIVE_FACTOR = 256  # all members of an archive together, in units of the largest one: 64 GiB
LIMIT_VARIABLE = "PHONODOS_MAX_SIZE"  # [MiB], set by --max-size
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".bz2": bz2.open,
}
# What a damaged or cut-off file makes the openers say.
DAMAGE = (OSError, EOFError, lzma.LZMAError, zlib.error)
_PIECE = 1 << 20


def largest_content() -> int:
    """Return how many bytes one file or member may have when unpacked.

    Raises
    ------
    ConfigError
        If the environment variable PHONODOS_MAX_SIZE is no positive number of MiB.
    """
    text = os.environ.get(LIMIT_VARIABLE, "") or str(LARGEST_MB)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 10**9):
        raise ConfigError(
            f"{LIMIT_VARIABLE}={text[:40]} is no size",
            "it is the largest unpacked file in MiB, a whole number from 1 on",
            f"unset it (then {LARGEST_MB}), or give for example 2048",
        )
    return int(text) * (1 << 20)


def too_large(what: str, limit: int) -> DataError:
    """Return the error that something is larger than the limit."""
    return DataError(
        f"{what} is too large",
        f"unpacked it has more than {limit >> 20} MiB, the limit for one file",
        f"split it, or raise the limit: --max-size or {LIMIT_VARIABLE}, in MiB",
    )


def read_bounded(stream: IO[bytes], what: str, limit: int | None = None) -> bytes:
    """Return all bytes of a stream.

    Raises
    ------
    DataError
        As soon as it has given more than `limit` (by default `largest_content`) bytes.
    """
    limit = largest_content() if limit is None else limit
    pieces: list[bytes] = []
    held = 0
    while piece := stream.read(_PIECE):
        held += len(piece)
        if held > limit:
            raise too_large(what, limit)
        pieces.append(piece)
    return b"".join(pieces)


def unpacked(path: Path) -> bytes:
    """Return the content of a file, decompressed as its suffix says.

    Raises
    ------
    DataError
        If it is too large, or a device or socket.
    OSError, EOFError, LZMAError, zlib.error
        If it cannot be read or is damaged (`DAMAGE`).
    """
    with opened(path) as stream:
        return read_bounded(stream, path.name)


def opened(path: Path) -> IO[bytes]:
    """Open a file for its bytes, decompressed as its suffix says; raises as `unpacked` does.

    A pipe may be given by name (``<(command)`` of a shell) and is read to its end; devices never
    end, and sockets give nothing.
    """
    kind = path.stat().st_mode
    if stat.S_ISBLK(kind) or stat.S_ISSOCK(kind) or (stat.S_ISCHR(kind) and not _is_input(path)):
        raise DataError(
            f"{path.name} is no file",
            "it is a device or a socket, which has no end or no content",
            "give a file, or pipe text into '-'",
        )
    return cast(IO[bytes], OPENERS.get(path.suffix.lower(), open)(path, "rb"))


def _is_input(path: Path) -> bool:
    return str(path) in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def lines(stream: IO[bytes], what: str) -> Iterator[bytes]:
    """Yield the lines of a stream of any length; raises `DataError` at an overlong line."""
    limit = largest_content()
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            raise too_large(f"a line of {what}", limit)
        yield line


class Counted(io.RawIOBase):
    """A stream that gives up when more came out of it than an archive may hold.

    Reading raises `DataError` then, also where members are only skipped.
    """

    def __init__(self, stream: IO[bytes], what: str) -> None:
        super().__init__()
        self.stream, self.what = stream, what
        self.limit = ARCHIVE_FACTOR * largest_content()
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        piece = self.stream.read(_PIECE if size is None or size < 0 else size)
        self.given += len(piece)
        if self.given > self.limit:
            raise too_large(self.what, self.limit)
        return piece

    def readable(self) -> bool:
        """Return that it can be read."""
        return True


def text_of(data: bytes) -> str:
    """Decode UTF-8, UTF-16 where a byte order mark says so, else Latin-1 (old author names)."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def plain(text: str) -> str:
    """Return a text that every encoding of Unicode can hold: lone surrogates become escapes.

    Names of files that are not UTF-8 and ids of careless JSON hold such halves.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
