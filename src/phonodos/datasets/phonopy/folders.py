"""Where phonopy calculations lie: archives of archives, zips, folders; nothing is unpacked."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from phonodos.datasets.phonopy.files import CELL_FILES, FILES, PHONOPY_FILES, WHAT_IT_NEEDS
from phonodos.errors import DataError
from phonodos.structures.archives import ARCHIVE_DAMAGE, archive_members, names_in
from phonodos.structures.unpacking import (
    DAMAGE,
    HELD_TOGETHER,
    OPENERS,
    decompress,
    largest_content,
    opened,
    plain,
    read_bounded,
    too_large,
)

ARCHIVES = (".tar", ".tar.lzma", ".tar.xz", ".tar.gz", ".tar.bz2", ".tgz", ".zip")
_NUMBER = re.compile(r"(?:materials-id|mp)-(\d+)(?![\d.])")
_PUBLISHED = re.compile(r"materials-id-\d+-|mp-\d+-20180417")


@dataclass(frozen=True)
class Calculation:
    """A calculation that was found: where it is, or what it is made of.

    Parameters
    ----------
    place
        Where in the source: a path.
    name
        ``mp-<number>`` where the names tell the entry of phonondb, else the path in the source.
    published
        Whether it is named like an entry of phonondb, version 2018-04-17.
    path
        Folder or archive on disk, or None.
    archive
        Content of an archive within the source, or None.
    members
        Files by name, or None.
    """

    place: str
    name: str
    published: bool = False
    path: Path | None = None
    archive: bytes | None = None
    members: Mapping[str, bytes | DataError] | None = None

    def files(self) -> dict[str, bytes]:
        """Return the content of every file that phonopy may need, decompressed.

        Raises
        ------
        DataError
            If an archive is damaged, or holds no calculation or several.
        """
        if self.members is not None:
            found = dict(self.members)
        elif self.path is not None and self.path.is_dir():
            found = {
                p.name: _read(p)
                for p in sorted(self.path.iterdir())
                if _wanted(p.name) and p.is_file()
            }
        else:
            found = _single(self.path if self.archive is None else io.BytesIO(self.archive or b""))
        files: dict[str, bytes] = {}
        for name, data in found.items():
            if isinstance(data, DataError):
                raise data
            try:
                files[_plain(name)] = decompress(name, data)
            except DAMAGE as err:
                raise DataError("a damaged file", str(err), "copy or download it again") from err
            _check_held(files.values(), "the calculation")
        return files


def _read(path: Path) -> bytes:
    with opened(path, packed=True) as stream:
        return read_bounded(stream, path.name)


def _check_held(contents: Iterable[bytes | DataError], what: str) -> None:
    limit = HELD_TOGETHER * largest_content()
    if sum(len(content) for content in contents if isinstance(content, bytes)) > limit:
        raise too_large(what, limit)


def find_calculations(source: Path) -> Iterator[Calculation]:
    """Yield the calculations in a source, in the order of its names.

    Parameters
    ----------
    source
        A folder of calculations, of archives, or of phonopy_params.yaml; a tar or zip of the same;
        or one calculation (folder, archive, yaml file).

    Raises
    ------
    DataError
        If the source does not exist, is damaged, or holds no calculation.
    """
    if not source.exists():
        raise DataError(f"no calculations {source}", "the path does not exist", "check the path")
    if source.is_dir():
        return _in_folder(source)
    if _wanted(source.name) and not source.name.endswith(ARCHIVES):
        members: dict[str, bytes | DataError] = {source.name: _read(source)}
        return iter([Calculation(source.name, *_naming(source.absolute().parent), members=members)])
    return _in_archive(source)


def count_calculations(source: Path) -> int | None:
    """Return how many calculations `find_calculations` will yield, broken ones among them.

    None where only reading everything would tell (a compressed tar) or nothing can be read.
    """
    if source.is_dir():
        return sum(1 for _ in _in_folder(source))
    if _wanted(source.name) and not source.name.endswith(ARCHIVES):
        return 1
    names = names_in(source)
    if names is None:
        return None
    paths = [PurePosixPath(name) for name in names if _relevant(name)]
    archives = sum(path.name.endswith(ARCHIVES) for path in paths)
    files: dict[PurePosixPath, list[str]] = {}
    for path in paths:
        if not path.name.endswith(ARCHIVES):
            files.setdefault(path.parent, []).append(path.name)
    return archives + sum(_is_calculation(names) for names in files.values())


def entry_name(path: str) -> str:
    """Return ``mp-<number>`` if the last part of a path says so, else the path.

    Of an absolute path, which says where on this machine something lies, the last part.
    """
    last = PurePosixPath(path).name
    match = _NUMBER.match(last)
    if match:
        return f"mp-{match.group(1)}"
    return last if path.startswith("/") and last else path


def _naming(path: str | Path) -> tuple[str, bool]:
    published = _PUBLISHED.match(PurePosixPath(path).name)
    return entry_name(str(path)), published is not None


def _in_folder(source: Path) -> Iterator[Calculation]:
    folders = {p.parent for p in source.rglob("*") if _wanted(p.name) and p.is_file()}
    archives = {p for p in source.rglob("*") if p.name.endswith(ARCHIVES) and p.is_file()}
    for path in sorted(folders | archives):
        inside = plain(path.relative_to(source).as_posix())
        if path in archives:
            yield Calculation(inside, *_naming(_stem(inside)), path=path)
        elif _is_calculation(p.name for p in path.iterdir()):
            name, published = _naming(path.absolute() if inside == "." else inside)
            yield Calculation(inside, name, published, path=path)


def _in_archive(source: Path) -> Iterator[Calculation]:
    """Yield archives within an archive, then the folders of files in it."""
    folders: dict[str, dict[str, bytes | DataError]] = {}
    inner = 0
    for path, content in _members(source):
        name = PurePosixPath(path).name
        if name.endswith(ARCHIVES):
            inner += 1
            if isinstance(content, bytes):
                yield Calculation(path, *_naming(_stem(path)), archive=content)
            else:
                yield Calculation(path, *_naming(_stem(path)), members={name: content})
        elif _wanted(name):
            folders.setdefault(str(PurePosixPath(path).parent), {})[name] = content
            _check_held((c for files in folders.values() for c in files.values()), source.name)
    found = {folder: files for folder, files in folders.items() if _is_calculation(files)}
    for folder, files in sorted(found.items()):
        name, published = _naming(folder)
        if len(found) == 1 and not inner and not _NUMBER.match(name):
            name, published = _naming(_stem(str(source.absolute())))
        yield Calculation(folder, name, published, members=files)


def _single(source: Path | io.BytesIO | None) -> dict[str, bytes | DataError]:
    assert source is not None
    folders: dict[str, dict[str, bytes | DataError]] = {}
    for path, content in _members(source):
        if _wanted(PurePosixPath(path).name):
            folder = folders.setdefault(str(PurePosixPath(path).parent), {})
            folder[PurePosixPath(path).name] = content
            _check_held((c for files in folders.values() for c in files.values()), "the archive")
    found = [files for files in folders.values() if _is_calculation(files)]
    if len(found) != 1:
        raise DataError(
            "no calculation in the archive" if not found else "several calculations in one archive",
            f"{len(found)} folders hold a cell" if found else "no cell and no phonopy yaml in it",
            WHAT_IT_NEEDS,
        )
    return found[0]


def _members(source: Path | io.BytesIO) -> Iterator[tuple[str, bytes | DataError]]:
    shown = source.name if isinstance(source, Path) else "the archive"
    try:
        yield from archive_members(source, _relevant)
    except ARCHIVE_DAMAGE as err:
        raise DataError(
            f"{shown} cannot be read",
            f"it is damaged, cut off, or neither tar nor zip ({err})",
            "download or copy it again",
        ) from err


def _relevant(path: str) -> bool:
    name = PurePosixPath(path).name
    return not name.startswith("._") and (name.endswith(ARCHIVES) or _wanted(name))


def _wanted(name: str) -> bool:
    return _plain(name) in FILES


def _plain(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix in OPENERS else name


def _stem(path: str) -> str:
    suffix = next((s for s in sorted(ARCHIVES, key=len, reverse=True) if path.endswith(s)), "")
    return path.removesuffix(suffix)


def _is_calculation(names: Iterable[str]) -> bool:
    plain = {_plain(name) for name in names}
    return bool(plain & {*PHONOPY_FILES, *CELL_FILES})
