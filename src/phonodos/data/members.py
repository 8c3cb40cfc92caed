"""Members of archives and folders: read in one pass, nothing is unpacked to disk."""

import bz2
import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from phonodos.errors import DataError

# What a damaged or cut-off archive makes the readers say; a zip with a password: RuntimeError.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
)


def read_members(source: Path, suffix: str = ".json") -> Iterator[tuple[str, bytes]]:
    """Yield stem and content of every file that ends in `suffix`.

    Parameters
    ----------
    source
        tar (any compression), zip, a folder (its subfolders too), or one such file.
    suffix
        What names of members end in.

    Raises
    ------
    DataError
        If the source does not exist, is no archive we can read, or is damaged.
    """
    if not source.exists():
        raise DataError(f"no archive {source}", "it does not exist", "check the path")
    with _damage_named(source):
        if source.is_dir():
            for path in sorted(source.rglob(f"*{suffix}")):
                if _wanted(path.name, suffix) and path.is_file():
                    yield path.name.removesuffix(suffix), path.read_bytes()
        elif source.name.endswith(suffix):
            yield source.name.removesuffix(suffix), source.read_bytes()
        else:
            yield from _archive_members(source, suffix)


def check_archive(source: Path) -> None:
    """Read an archive from end to end.

    Raises
    ------
    DataError
        If it is damaged, cut off, no archive, or there is no file in it.
    """
    with _damage_named(source):
        if not any([True for _ in _archive_members(source, "")]):  # noqa: C419  # to the end
            raise EOFError("no file in it")


def is_html(source: Path) -> bool:
    """Return whether a file is a web page."""
    if not source.is_file():
        return False
    with source.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<script"))


def sha256_of(source: Path) -> str | None:
    """Return the SHA-256 of a file; None for a folder."""
    if not source.is_file():
        return None
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _damage_named(source: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as err:
        raise DataError(
            f"{source} cannot be read as an archive",
            "it is a page of HTML, not the archive itself"
            if is_html(source)
            else f"it is damaged, cut off, or neither tar nor zip ({err})",
            "download it again, with phonodos data fetch or by browser",
        ) from err


def _archive_members(source: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    members = _zip_members if zipfile.is_zipfile(source) else _tar_members
    yield from members(source, suffix)


def _zip_members(source: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            path = PurePosixPath(name)
            if _wanted(path.name, suffix) and not name.endswith("/"):
                yield path.name.removesuffix(suffix), archive.read(name)


def _tar_members(source: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    with _decompressed(source) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and _wanted(path.name, suffix):
                    yield path.name.removesuffix(suffix), file.read()
        # The checksums of the compression are compared at its end, which lies behind the tar's.
        while stream.read(1 << 20):
            pass


def _decompressed(source: Path) -> IO[bytes]:
    """Open a file for reading, decompressed if its first bytes say so.

    tarfile could do it, but leaves the checksum of gzip alone.
    """
    with source.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(source, "rb"))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], bz2.open(source, "rb"))
    if start.startswith(b"\xfd7zXZ\0"):
        return cast(IO[bytes], lzma.open(source, "rb"))
    return source.open("rb")


def _wanted(name: str, suffix: str) -> bool:
    # "._name" are the attributes that macOS packs beside every file.
    return name.endswith(suffix) and not name.startswith("._")
