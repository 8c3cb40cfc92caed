"""Members of archives and folders: read in one pass, nothing is unpacked to disk."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from phonodos.errors import DataError, PhonodosError
from phonodos.structures.unpacking import DAMAGE, Metered, decompressed, plain, read_bounded

MOST_LINKS = 1000  # of one archive; each is looked for from its start
# What a damaged or cut-off archive makes the readers say; a zip with a password: RuntimeError.
ARCHIVE_DAMAGE = (*DAMAGE, tarfile.TarError, zipfile.BadZipFile, RuntimeError, ValueError)


def read_members(source: Path, suffix: str = ".json") -> Iterator[tuple[str, bytes | DataError]]:
    """Yield stem and content of every file that ends in `suffix`, or why it has none.

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

    def wanted(path: str) -> bool:
        # "._name" are the attributes that macOS packs beside every file.
        name = PurePosixPath(path).name
        return name.endswith(suffix) and not name.startswith("._")

    with _damage_named(source):
        if source.is_dir():
            for path in sorted(source.rglob(f"*{suffix}")):
                if wanted(path.name) and path.is_file():
                    yield plain(path.name).removesuffix(suffix), _content(path)
        elif source.name.endswith(suffix):
            yield plain(source.name).removesuffix(suffix), _content(source)
        else:
            for name, content in archive_members(source, wanted):
                yield PurePosixPath(name).name.removesuffix(suffix), content


def _content(path: Path) -> bytes | DataError:
    try:
        with path.open("rb") as stream:
            return read_bounded(stream, path.name)
    except DataError as err:
        return err
    except OSError as err:
        return DataError(f"{path.name} cannot be read", err.strerror or str(err), "check the file")


def archive_members(
    source: Path | io.BytesIO, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, bytes | DataError]]:
    """Yield path and content of the files in a zip or tar of any compression that are wanted.

    Nothing is unpacked to disk. In the place of a file that is too large stands the error; a link
    is followed within the archive, and left out if it leads nowhere.

    Raises
    ------
    ARCHIVE_DAMAGE
        If the archive is damaged, cut off, locked, or none.
    DataError
        If what lies between its files is too large.
    """
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as pack:
            for info in sorted(pack.infolist(), key=lambda info: info.filename):
                if not info.is_dir() and wanted(info.filename):
                    with pack.open(info) as stream:
                        yield plain(info.filename), _bounded(stream, info.filename)
        return
    with decompressed(source) as stream:
        metered = Metered(stream, "what lies between the files of the archive")
        with tarfile.open(fileobj=cast(IO[bytes], metered), mode="r:") as archive:
            links = 0
            for member in archive:
                metered.allow(member.size)
                if not (wanted(member.name) and (member.isfile() or _is_link(member))):
                    continue
                links += not member.isfile()
                if links > MOST_LINKS:
                    raise tarfile.TarError(f"it has more than {MOST_LINKS} links")
                try:
                    file = archive.extractfile(member)
                except (KeyError, RecursionError):  # a link that leads nowhere, or to itself
                    continue
                if file is not None:
                    metered.allow(metered.limit)
                    yield plain(member.name), _bounded(file, member.name)
                    metered.allow(member.size)
        metered.drain()


def check_archive_size(source: Path, files: int, size: int) -> None:
    """Refuse an archive of many or large files before anything of it is unpacked to be kept.

    Parameters
    ----------
    source
        zip or tar of any compression.
    files, size
        How many files it may hold, and how many bytes they may have together, unpacked.

    Raises
    ------
    DataError
        If it holds more, or is damaged.
    """
    with _damage_named(source):
        if zipfile.is_zipfile(source):
            # Its list is read whole by whoever opens it: a million names take a gigabyte.
            found = _listed(source) // _SHORTEST_ENTRY
            if found <= files * _SPACIOUS:
                with zipfile.ZipFile(source) as pack:
                    members = [info for info in pack.infolist() if not info.is_dir()]
                found, unpacked = len(members), sum(info.file_size for info in members)
        else:
            found, unpacked = _measured(source, files, size)
    if found > files:
        raise DataError(
            f"{source.name}: an archive of more than {files} files",
            f"at most {files} are read from one archive here",
            "divide it, or use phonodos screen on a machine of your own",
        )
    if unpacked > size:
        raise DataError(
            f"{source.name}: an archive of too large files",
            f"unpacked they have more than {size >> 20} MiB together",
            "divide it, or use phonodos screen on a machine of your own",
        )


_SHORTEST_ENTRY = 46  # [bytes] of a file in the list of a zip, without its name
_SPACIOUS = 20  # times as long as that is an entry with a long name and more


def _listed(source: Path) -> int:
    """Return how long the list of the files in a zip is [bytes], as the zip itself says."""
    with source.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - 22 - (1 << 16)))
        tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 16:
        raise zipfile.BadZipFile("it has no end")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def _measured(source: Path, files: int, size: int) -> tuple[int, int]:
    """Return number and total size of the files in a tar, as soon as either exceeds its limit."""
    found = unpacked = 0
    with decompressed(source) as stream:
        # What is passed over counts as well: it has to be decompressed.
        metered = Metered(stream, "what lies between the files of the archive")
        with tarfile.open(fileobj=cast(IO[bytes], metered), mode="r:") as archive:
            for member in archive:
                metered.allow(member.size)
                found, unpacked = found + 1, unpacked + member.size
                if found > files or unpacked > size:
                    break
    return found, unpacked


def names_in(source: Path) -> list[str] | None:
    """Return the paths of the files in an archive, in its order and without reading them.

    None where only reading everything would tell (a compressed tar), or nothing can be read.
    """
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as pack:
                return [info.filename for info in pack.infolist() if not info.is_dir()]
        with tarfile.open(source, "r:") as tar:
            return [member.name for member in tar if member.isfile()]
    except ARCHIVE_DAMAGE:  # or not there
        return None


def _is_link(member: tarfile.TarInfo) -> bool:
    return member.issym() or member.islnk()


def _bounded(stream: IO[bytes], name: str) -> bytes | DataError:
    try:
        return read_bounded(stream, plain(PurePosixPath(name).name))
    except DataError as err:
        return err


def check_archive(source: Path) -> None:
    """Read an archive from end to end.

    Raises
    ------
    DataError
        If it is damaged, cut off, no archive, or there is no file in it.
    """
    found = False
    with _damage_named(source):
        for _, content in archive_members(source, lambda _: True):
            if isinstance(content, PhonodosError):
                raise content
            found = True
        if not found:
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
    except ARCHIVE_DAMAGE as err:
        raise DataError(
            f"{source} cannot be read as an archive",
            "it is a page of HTML, not the archive itself"
            if is_html(source)
            else f"it is damaged, cut off, or neither tar nor zip ({err})",
            "download it again, with phonodos data fetch or by browser",
        ) from err
