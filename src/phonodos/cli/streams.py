"""Standard output and error that may be closed, full or left by their reader: work goes on.

What cannot be shown is dropped, and said once at the end; a command is never stopped by it.
"""

import errno
import os
import sys
from contextlib import suppress
from io import StringIO
from typing import Any, TextIO


class Stream:
    """A text stream whose failures are remembered instead of raised."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self.name = stream, name
        self.error: OSError | None = None
        # A terminal that cannot show a character gets another one instead of an error.
        with suppress(AttributeError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, unless an earlier attempt failed."""
        if self.error is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Flush, unless an earlier attempt failed."""
        if self.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._drop(error)

    @property
    def left(self) -> bool:
        """Whether the reader at the other end is gone, which is its own choice."""
        return self.error is not None and self.error.errno in (errno.EPIPE, errno.ESHUTDOWN)

    def _drop(self, error: OSError) -> None:
        self.error = error
        # What is still in the buffer must not fail once more when Python flushes it at exit.
        with suppress(OSError, ValueError):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)


class Closed(Stream):
    """A stream that was closed before the program began."""

    def __init__(self, name: str) -> None:
        super().__init__(StringIO(), name)
        self.missed = False

    def write(self, text: str) -> int:
        """Drop the text, and remember that there was some."""
        if not isinstance(text, str):
            raise TypeError(f"a text stream takes no {type(text).__name__}")
        self.missed = self.missed or bool(text.strip())
        return len(text)


def open_streams() -> tuple[Stream, Stream]:
    """Put streams that do not fail in the place of standard output and error; return them.

    Numbers of files that are closed (``>&-``) are given to the null device: the next file to be
    opened would get that number, and whatever a library prints.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                sink = os.open(os.devnull, os.O_RDWR)
                if sink != number:
                    os.dup2(sink, number)
                    os.close(sink)
                os.set_inheritable(number, True)
    out, err = (
        Closed(name) if stream is None else Stream(stream, name)
        for stream, name in ((sys.stdout, "standard output"), (sys.stderr, "standard error"))
    )
    sys.stdout, sys.stderr = out, err
    return out, err


def tell_lost(out: Stream) -> bool:
    """Say on standard error what could not be shown; return whether it is a loss.

    A reader that left (``| head``) and a stream that was closed on purpose are none.
    """
    out.flush()
    reason = None
    if isinstance(out, Closed) and out.missed:
        reason = "it is closed"
    elif out.error is not None and not out.left:
        reason = out.error.strerror or str(out.error)
    if reason is not None:
        print(f"{out.name}: {reason}; what was to be shown there is lost", file=sys.stderr)
    return reason is not None and not isinstance(out, Closed)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is there and a terminal."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False
