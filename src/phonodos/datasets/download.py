"""`Download`: a file from the network that goes on where it stopped."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from phonodos.datasets.sources import Source
from phonodos.errors import DataError
from phonodos.structures.archives import is_html, sha256_of

if TYPE_CHECKING:
    import requests

TIMEOUT = 30.0  # [s] without an answer or a byte
CHUNK = 1 << 16  # bytes

Progress = Callable[[int, int | None], None]  # bytes done, bytes in all if the server tells


class _Restart(Exception):  # noqa: N818  # a signal, no error
    """What lies on the disk is of no use to the server: begin again."""


class Download:
    """pooch's downloader that goes on where an earlier one stopped.

    A part is only continued where the server gave it a validator (ETag or date), so that two
    versions of a file are never glued together.
    """

    def __init__(self, partial: Path, source: Source, progress: Progress | None) -> None:
        self.partial, self.source, self.progress = partial, source, progress
        self.note = partial.with_name(partial.name + ".json")
        self.used = False
        self.sha256 = ""
        self.total: int | None = None
        self.done = 0
        self.began = False  # an answer has come
        self.file: IO[bytes] | None = None
        self.response: requests.Response | None = None

    def __call__(self, url: str, output_file: str, pooch: object) -> None:  # noqa: ARG002
        """Download `url` and move it to `output_file`."""
        self.used = True
        try:
            self._get(url)
        except _Restart:
            self._forget()
            self._get(url)
        finally:
            if self.partial.is_file() and not self.partial.stat().st_size:
                self._forget()
        if self.total is not None and self.done != self.total:
            self._forget()
            raise self.unusable(f"{self.done} bytes came where {self.total} were announced")
        if not self.done:
            raise self.unusable("nothing came")
        if is_html(self.partial):
            self._forget()
            raise self.unusable("a web page came, not an archive")
        self.sha256 = sha256_of(self.partial) or ""
        self.partial.replace(output_file)
        self._forget()

    def write(self, chunk: bytes) -> None:
        """Take a piece of the content."""
        assert self.file is not None
        self.file.write(chunk)
        self.done += len(chunk)
        if self.progress is not None:
            self.progress(self.done, self.total)

    def flush(self) -> None:
        """Write to the disk what was taken."""
        assert self.file is not None
        self.file.flush()

    def _get(self, url: str) -> None:
        from pooch import HTTPDownloader

        from phonodos.version import __version__

        validator = self._validator()
        headers = {"Accept-Encoding": "identity", "User-Agent": f"phonodos/{__version__}"}
        if validator:
            headers |= {
                "Range": f"bytes={self.partial.stat().st_size}-",
                "If-Range": validator,
            }
        with self.partial.open("ab" if validator else "wb") as self.file:
            self.done = self.file.tell()
            get = HTTPDownloader(
                chunk_size=CHUNK, timeout=TIMEOUT, headers=headers, hooks={"response": self._begin}
            )
            try:
                get(url, self, None)
            finally:
                if self.response is not None:
                    self.response.close()

    def _begin(self, response: "requests.Response", *_: object, **__: object) -> None:
        """Look at the answer before its content is read."""
        self.response, status = response, response.status_code
        if response.is_redirect:
            return
        if status == 416 and self.done:
            raise _Restart
        if status not in (200, 206) or "text/html" in response.headers.get("content-type", ""):
            raise self._refused(response)
        if status == 206 and _first_byte(response) != self.done:
            raise _Restart if self.done else self._refused(response)
        assert self.file is not None
        self.began = True
        if status == 200 and self.done:  # the server sends all of it
            self.file.truncate(0)
            self.done = 0
        length = response.headers.get("content-length", "")
        self.total = self.done + int(length) if length.isdigit() else None
        tag, date = (response.headers.get(name, "") for name in ("etag", "last-modified"))
        validator = date if tag.startswith("W/") or not tag else tag
        self.note.write_text(json.dumps({"validator": validator}), encoding="utf-8")

    def _validator(self) -> str:
        """Return by what the server recognises the version that the part is of; empty if none."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            if self.partial.stat().st_size:
                return str(json.loads(self.note.read_text(encoding="utf-8"))["validator"])
        return ""

    def _forget(self) -> None:
        self.partial.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.done = 0

    def _refused(self, response: "requests.Response") -> DataError:
        if response.status_code == 404:
            return self.unusable("there is nothing at this address (404 Not Found)")
        if response.status_code in (200, 206):
            return self.unusable("the server answered with a web page, not with the archive")
        words = f"{response.status_code} {response.reason}".strip()
        return self.unusable(f"the server answered '{words}', not with the archive")

    def unusable(self, reason: str) -> DataError:
        """Return what to tell about a download that gave no archive."""
        return DataError(f"{self.source.file} could not be downloaded", reason, self._by_browser())

    def _by_browser(self) -> str:
        return (
            f"open {self.source.home} in a browser, download the archive there, and run: "
            f"phonodos data prepare {self.source.kind} FILE -o {self.source.kind}.parquet"
        )

    def broken_off(self, err: Exception) -> DataError:
        """Return what to tell about a failed connection."""
        if not self.began:
            return DataError(
                f"{self.source.file} could not be downloaded",
                f"the address cannot be reached: {_cause(err)}",
                "check the network, or " + self._by_browser(),
            )
        return DataError(
            f"the download of {self.source.file} broke off after {self.done / 1e6:.1f} MB",
            _cause(err),
            "run the same command again: it goes on where it stopped if the server can do that",
        )


def _cause(err: Exception) -> str:
    """Return what the network said, without the names of classes around it."""
    inner = getattr(err.args[0], "reason", err.args[0]) if err.args else err
    text = str(inner)
    return text.partition("): ")[2] or text


def _first_byte(response: "requests.Response") -> int:
    """Return where the part that a 206 answer holds begins; -1 if it does not say."""
    words = response.headers.get("content-range", "").removeprefix("bytes").strip()
    start = words.partition("-")[0]
    return int(start) if start.isdigit() else -1
