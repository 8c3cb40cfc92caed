"""Opening files, compressed or not, without ever unpacking more than a stated size.

A few kilobytes of gzip, xz or bzip2 can stand for gigabytes. Everything that is read whole is read
in pieces and given up at `largest_content`; what is held of an archive at once, at `HELD_TOGETHER`
times that.
"""

import bz2
import gzip
import io
import lzma
import os
import select
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from phonodos.errors import ConfigError, DataError, PhonodosError

LARGEST_MB = 256  # [MiB] of one file or member, unpacked; the largest CIF ever seen has 60
HELD_TOGETHER = 8  # files of one archive that wait for each other, in units of the largest one
PIPE_WAIT = 300.0  # [s] that a pipe may take to give its first byte
LONGEST_WORDS = 600  # characters of each part of a message
LIMIT_VARIABLE = "PHONODOS_MAX_SIZE"  # [MiB], set by --max-size
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".bz2": bz2.open,
}
_MAGIC: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x5d\0\0", lzma.open),
)
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
            pieces.clear()  # an error keeps what its frames hold
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


def opened(path: Path, *, packed: bool = False) -> IO[bytes]:
    """Open a file for its bytes, decompressed as its suffix says; raises as `unpacked` does.

    A pipe may be given by name (``<(command)`` of a shell) and is read to its end; devices never
    end, and sockets give nothing. With `packed`, nothing is decompressed.
    """
    kind = path.stat().st_mode
    opener: Callable[..., Any] = open if packed else OPENERS.get(path.suffix.lower(), open)
    if stat.S_ISFIFO(kind):
        pipe = _pipe(path)
        return pipe if opener is open else cast(IO[bytes], opener(pipe, "rb"))
    if stat.S_ISBLK(kind) or stat.S_ISSOCK(kind) or (stat.S_ISCHR(kind) and not _is_input(path)):
        raise DataError(
            f"{path.name} is no file",
            "it is a device or a socket, which has no end or no content",
            "give a file, or pipe text into '-'",
        )
    return cast(IO[bytes], opener(path, "rb"))


def _pipe(path: Path) -> IO[bytes]:
    """Open a named pipe; a writer that never comes is not waited on for ever."""
    if not hasattr(select, "poll"):
        return path.open("rb")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    waiting = select.poll()
    waiting.register(handle, select.POLLIN | select.POLLHUP)
    if not waiting.poll(PIPE_WAIT * 1000.0):
        os.close(handle)
        raise DataError(
            f"{path.name} is a pipe that gives nothing",
            f"nothing was written to it for {PIPE_WAIT:g} s",
            "start the program that writes to it first, or give a file",
        )
    os.set_blocking(handle, True)
    return os.fdopen(handle, "rb")


def _is_input(path: Path) -> bool:
    return str(path) in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def lines(stream: IO[bytes], what: str) -> Iterator[bytes | DataError]:
    """Yield the lines of a stream; in the place of one that is too long, the error that it is."""
    limit = largest_content()
    while line := stream.readline(limit + 1):
        if len(line) <= limit:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_PIECE)
        yield too_large(f"a line of {what}", limit)


class Metered:
    """A stream of an archive of which only so much may be read from one member to the next.

    Long names and other headers have a size of their own, as large as a file claims; what is
    passed over costs no memory. Reading raises `DataError` beyond that.
    """

    def __init__(self, stream: IO[bytes], what: str) -> None:
        self.stream, self.what = stream, what
        self.limit = largest_content()
        self.allow(0)

    def allow(self, size: int) -> None:
        """Allow `size` bytes and what a file may hold from here on."""
        self.left = size + self.limit + _PIECE

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if size is None or size < 0 or size > self.left:
            raise too_large(self.what, self.limit)
        piece = self.stream.read(size)
        self.left -= len(piece)
        return piece

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        return self.stream.seek(place, whence)

    def tell(self) -> int:
        """Return the place."""
        return self.stream.tell()

    def drain(self) -> None:
        """Read to the end, where the checksum of the compression lies, behind that of the tar."""
        self.allow(0)
        while self.read(_PIECE):
            pass


def decompressed(source: Path | io.BytesIO) -> IO[bytes]:
    """Open a file or content for its bytes, decompressed as its first bytes say."""
    if isinstance(source, Path):
        with opened(source, packed=True) as file:
            start = file.read(6)
    else:
        source.seek(0)
        start = source.read(6)
        source.seek(0)
    for magic, opener in _MAGIC:
        if start.startswith(magic):
            return cast(IO[bytes], opener(source, "rb"))
    return source.open("rb") if isinstance(source, Path) else source


def decompress(name: str, content: bytes) -> bytes:
    """Return a content decompressed as its name says; raises as `unpacked` does."""
    opener = OPENERS.get(PurePosixPath(name).suffix)
    if opener is None:
        return content
    with opener(io.BytesIO(content), "rb") as stream:
        return read_bounded(stream, name)


def text_of(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 where a byte order mark says so.

    A line that is neither is Latin-1 (old author names), and the others are not touched by it.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(_line(line) for line in data.splitlines(keepends=True))


def _line(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def plain(text: str) -> str:
    """Return a text that every encoding of Unicode can hold: lone surrogates become escapes.

    Names of files that are not UTF-8 and ids of careless JSON hold such halves.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def readable(error: PhonodosError) -> PhonodosError:
    """Return an error with its words made `plain` and short: messages quote what files say."""
    words = (error.summary, error.reason, error.fix)
    if all(word.isascii() and len(word) <= LONGEST_WORDS for word in words):
        return error
    return type(error)(*(plain(word[:LONGEST_WORDS]) for word in words))
