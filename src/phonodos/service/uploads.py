"""Bodies of requests: taken in piece by piece up to a limit, and files put where nobody named them.

A file lies under a name of the service's own in a folder that goes with its request.
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir, mkdtemp
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from phonodos.errors import PhonodosError
from phonodos.service.limits import Limits, megabytes
from phonodos.service.problems import Refused
from phonodos.service.tasks import UNNAMED, Stored
from phonodos.structures.entries import ARCHIVES, TABLES, split_name
from phonodos.structures.unpacking import plain

LONGEST_NAME = 120  # characters of a file's name that are kept
DRAINED = 1 << 29  # [bytes] of a body too large that are read and dropped before the answer
PREFIX = "phonodos-serve-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_PLAIN_NAMES = re.compile(r"POSCAR|CONTCAR|XDATCAR")


class Workspace:
    """The one folder that the service writes to, gone when it ends."""

    def __init__(self, parent: Path | None = None) -> None:
        for left in Path(parent or gettempdir()).glob(f"{PREFIX}*-*"):
            if not _alive(left.name.removeprefix(PREFIX).partition("-")[0]):
                shutil.rmtree(left, ignore_errors=True)  # of a service that was killed
        self.root = Path(mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))

    def make(self) -> Path:
        """Return a new folder in it."""
        return Path(mkdtemp(dir=self.root))

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield a new folder that goes with the block."""
        path = self.make()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Remove it and all that is in it."""
        shutil.rmtree(self.root, ignore_errors=True)


def _alive(pid: str) -> bool:
    """Return whether there is a process of that number; where nobody can tell, there is."""
    if os.name != "posix" or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@dataclass
class Body:
    """What a request holds.

    Attributes
    ----------
    fields
        Name -> values: texts of a form, whatever of JSON.
    files
        Name of the field -> files.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[Stored]] = field(default_factory=dict)


def shown_name(name: str) -> str:
    """Return the last part of a file's name, without what no screen shows, and not too long."""
    last = re.split(r"[/\\]", plain(name))[-1]
    clean = " ".join(_CONTROL.sub("", last).split())
    if len(clean) > LONGEST_NAME:
        ending = "".join(split_name(clean)[1:])
        clean = f"{clean[: LONGEST_NAME - len(ending)]}{ending}"
    return clean.strip(". ") or UNNAMED


def own_name(name: str, token: str) -> str:
    """Return the service's own name for a file: a token, and endings that are known here."""
    lower = name.lower()
    ending = next((end for end in (*ARCHIVES, *TABLES, ".jsonl") if lower.endswith(end)), None)
    if ending is None:
        _, suffix, compression = split_name(name)
        ending = f"{suffix}{compression}"
    found = _PLAIN_NAMES.match(name)
    return f"{found[0]}-{token}{ending}" if found else f"{token}{ending}"


def store(folder: Path, name: str, content: bytes) -> Stored:
    """Write a file of a request."""
    kept = _place(folder, name)
    Path(kept.path).write_bytes(content)
    return kept


def _place(folder: Path, name: str) -> Stored:
    shown, token = shown_name(name), f"u{token_hex(8)}"
    path = folder / own_name(shown, token)
    return Stored(str(path), path.name.removesuffix("".join(_endings(path.name))), shown)


def _endings(name: str) -> Iterator[str]:
    stem, _, ending = name.partition(".")
    yield f".{ending}" if ending and stem else ""


async def read_body(request: Request, folder: Path, limits: Limits) -> Body:
    """Return the body of a request, its files in `folder`.

    A form (``multipart/form-data``) with files and texts, or JSON (``application/json``).

    Raises
    ------
    Refused
        If it is neither, damaged, too large or too slow.
    ClientDisconnect
        If the other end is gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form(request, folder, limits)
    if kind == "application/json":
        return await _json(request, limits)
    await _drained(_bounded(request, DRAINED, limits))
    raise Refused(
        f"a body of the type '{kind[:60]}' is not understood" if kind else "a body without a type",
        "files come as multipart/form-data, structures and options also as application/json",
        "for example: curl -F file=@NaCl.cif http://127.0.0.1:8000/api/v1/predict",
        415,
    )


async def _json(request: Request, limits: Limits) -> Body:
    pieces = [piece async for piece in _bounded(request, limits.file_bytes, limits)]
    try:
        found = json.loads(b"".join(pieces))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise Refused("the body is no JSON", reason, "send an object of JSON") from None
    if not isinstance(found, dict):
        raise Refused(
            "the body is no object of JSON",
            f"it is a {type(found).__name__}",
            'send for example {"structure": "...", "filename": "NaCl.cif"}',
        )
    return Body(found)


async def _form(request: Request, folder: Path, limits: Limits) -> Body:
    stream = _cut(_bounded(request, limits.upload_bytes, limits))
    parser = MultiPartParser(
        request.headers, stream, max_files=limits.files, max_fields=limits.fields
    )
    try:
        form = await parser.parse()
    except _Cut as cut:
        raise cut.error from None
    except MultiPartException as error:
        await _drained(stream)
        raise Refused(
            "the form cannot be read",
            error.message,
            f"send multipart/form-data with at most {limits.files} files in fields called 'file'",
        ) from None
    body = Body()
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                body.files.setdefault(name, []).append(await _kept(value, folder, limits))
            else:
                body.fields.setdefault(name, []).append(value)
    finally:
        await form.close()
        for part in getattr(parser, "_files_to_close_on_error", ()):  # of a form without an end
            part.close()
    return body


async def _kept(value: UploadFile, folder: Path, limits: Limits) -> Stored:
    kept = _place(folder, value.filename or UNNAMED)
    most = limits.upload_bytes if kept.path.endswith(ARCHIVES) else limits.file_bytes
    if (value.size or 0) > most:
        raise _too_large(kept.name, most)
    await asyncio.to_thread(_copy, value.file, Path(kept.path))
    return kept


def _copy(source: Any, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _too_large(name: str, most: int) -> Refused:
    return Refused(
        f"{name} is too large",
        f"at most {megabytes(most)} are taken",
        "send the structure alone, or use phonodos on a machine of your own",
        413,
    )


async def _bounded(request: Request, most: int, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a body; raise `Refused` if it has more than `most` bytes, or is slow.

    What is too much is read and dropped first, up to a limit of its own: who sends hears the answer
    only when all is sent.
    """
    stated = request.headers.get("content-length", "")
    held = 0
    too_much = stated.isdecimal() and int(stated[:18]) > most
    due = asyncio.get_running_loop().time() + limits.upload_seconds
    stream = request.stream()
    while held <= DRAINED:
        try:
            async with asyncio.timeout_at(due):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Refused(
                "the request came too slowly",
                f"it was not there after {limits.upload_seconds:g} s",
                "try again, or send less",
                408,
            ) from None
        if piece is None:
            break
        held += len(piece)
        too_much = too_much or held > most
        if piece and not too_much:
            yield piece
    if too_much:
        raise _too_large("the request", most)


class _Cut(MultiPartException):
    """What ends a form early, in the one kind after which its parser closes its files."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


async def _cut(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in stream:
            yield piece
    except (PhonodosError, ClientDisconnect) as error:
        raise _Cut(error) from error


async def _drained(stream: AsyncGenerator[bytes, None]) -> None:
    """Drop what is still to come; raises as `_bounded` if that is too much."""
    try:
        async for _ in stream:
            pass
    except _Cut as cut:
        raise cut.error from None
