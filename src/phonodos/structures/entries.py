"""`Entry`: the one stream of structures, of a file, a folder, an archive or a table, unbuilt.

Read as a stream where the format allows it (folders, archives, JSON lines, Parquet, ASE db), so a
million crystals need no more memory than one. A broken entry stands in its place as an entry that
cannot be built; whatever a reader raises becomes the failure of the entry it was reading.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from phonodos.errors import DataError, PhonodosError, StructureError, failure_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.overlap import check_overlap
from phonodos.structures.archives import ARCHIVE_DAMAGE, archive_members
from phonodos.structures.builds import Build, Entries, failed
from phonodos.structures.look import format_of, unknown
from phonodos.structures.unpacking import (
    DAMAGE,
    OPENERS,
    decompress,
    lines,
    opened,
    plain,
    readable,
    text_of,
    unpacked,
)


def _reader(module: str, name: str) -> Callable[[str], Entries]:
    """Return a reader that is imported when it first reads: workers get crystals, and need none."""

    def read(text: str) -> Entries:
        found: Entries = getattr(import_module(f"phonodos.structures.{module}"), name)(text)
        return found

    return read


READERS: dict[str, Callable[[str], Entries]] = {
    "cif": _reader("cif.reading", "read_cif"),
    "poscar": _reader("poscar", "read_poscar"),
    "extxyz": _reader("extxyz", "read_extxyz"),
    "json": _reader("json_records", "read_json"),
    "phonopy": _reader("objects", "read_phonopy"),
}
_SUFFIXES = {
    ".cif": "cif",
    ".mcif": "cif",
    ".vasp": "poscar",
    ".poscar": "poscar",
    ".contcar": "poscar",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".json": "json",
    ".jsonl": "json",
    ".yaml": "phonopy",
    ".yml": "phonopy",
    ".db": "db",
}
TABLES = (".parquet", ".pq")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.lzma")
FIX = "check the file with the program that wrote it; if it is sound, please report this"


@dataclass(frozen=True)
class Entry:
    """One structure of a source, not built yet.

    Attributes
    ----------
    own
        Its own id, or "".
    stem
        Name of its file without endings.
    index
        Its place in the file, from 0.
    alone
        Whether the file holds no other.
    inside
        Whether the file lies in a folder or archive that was given.
    source
        File and entry it comes from, for messages.
    make
        Function (name) -> `Crystal`; may raise anything. Use `build`.
    """

    own: str
    stem: str
    index: int
    alone: bool
    inside: bool
    source: str
    make: Build

    @property
    def label(self) -> str:
        """Its id in a table: its own if it has one, else the name of the file and a number.

        Numbers are the places in an ASE data base, and no names to meet a crystal by again.
        """
        named = self.own and not self.own.isdecimal()
        if self.alone:
            return self.own if named and not self.inside else self.stem
        if self.own and (self.inside or not named):
            return f"{self.stem}-{self.own}"
        return self.own or f"{self.stem}-{self.index}"

    def build(self, name: str, most_atoms: int | None = None) -> Crystal:
        """Return the crystal, with a name.

        Raises
        ------
        PhonodosError
            If there is none, whatever the reader raised, it has more than `most_atoms`, or two of
            its atoms are at one place.
        """
        try:
            crystal = self.make(name)
            if most_atoms is not None and crystal.n_atoms > most_atoms:
                raise too_many_atoms(crystal, most_atoms)
            check_overlap(crystal)
        except Exception as error:
            raise readable(failure_of(error, "", StructureError, FIX)) from error
        return crystal


def too_many_atoms(crystal: Crystal, most: int) -> StructureError:
    """Return the error of a crystal of more atoms than are taken."""
    return StructureError(
        f"{crystal.n_atoms} atoms",
        f"crystals of at most {most} atoms are taken here",
        "give the primitive cell, predict it on a machine of your own with phonodos predict, or "
        "start the service with a larger --max-atoms",
    )


def entries(path: str | Path, text: str | None = None) -> Iterator[Entry]:
    """Yield the structures of a source.

    What goes wrong with a source after its first entry (an archive that is cut off, damaged pages
    of a table) is its last entry, one that cannot be built.

    Parameters
    ----------
    path
        A folder (its subfolders too), an archive (zip, tar) of structure files, a Parquet table, a
        structure file, or "-" for `text`.
    text
        The contents, where they come from elsewhere (standard input).

    Raises
    ------
    DataError
        If there is nothing at `path`, no structure file in a folder or archive, or the table lacks
        columns.
    StructureError
        If a single file cannot be read at all.
    """
    stream = _entries(path, text)
    last: Entry | None = None
    while True:
        try:
            entry = next(stream)
        except StopIteration:
            return
        except Exception as error:
            wrong = failure_of(error, "" if last else plain(str(path)), StructureError, FIX)
            if last is None:
                raise wrong from error
            where = f"{plain(Path(path).name)}, after {last.source}"
            stem = plain(Path(path).name)
            yield Entry("", stem, last.index + 1, False, False, where, partial(failed, wrong))
            return
        last = entry
        yield entry


def _entries(path: str | Path, text: str | None) -> Iterator[Entry]:
    if text is not None or str(path) == "-":
        yield from _numbered(partial(open_entries, "-", text), "stdin", "standard input", False)
        return
    path = Path(path)
    if path.is_dir():
        yield from _each(_folder(path), f"{path}: no structure file in this folder")
    elif path.suffix.lower() in TABLES and path.is_file():
        from phonodos.structures.tables import table_rows

        stem = plain(path.stem)
        for number, (own, build) in enumerate(table_rows(path)):
            where = f"{plain(path.name)}, {plain(own) or f'{stem}-{number}'}"
            yield Entry(plain(own), stem, number, False, False, where, build)
    elif path.name.lower().endswith(ARCHIVES) and path.is_file():
        yield from _each(_archive(path), f"{path}: no structure file in this archive")
    else:
        stem = plain(split_name(path.name)[0])
        yield from _numbered(partial(open_entries, path), stem, plain(str(path)), False)


def open_entries(path: str | Path, text: str | None = None) -> Entries:
    """Return (own id or "", make) of every structure in a file (see `entries`).

    Raises
    ------
    StructureError
        If the file cannot be read or is in no known format; later also at a step.
    """
    if text is None and str(path) == "-":
        raise StructureError("no text", "a structure was to come from there", "pipe a file into it")
    if text is not None:
        return iter(READERS[format_of(text)](text))
    path = Path(path)
    stem, suffix, _ = split_name(path.name)
    kind = _SUFFIXES.get(suffix, "")
    if kind == "db" and path.is_file() and path.stat().st_size:
        from phonodos.structures.ase_rows import read_sqlite

        return read_sqlite(path)
    if suffix == ".jsonl":
        return _json_lines(path)
    return _of_text(_read_file(path), stem, kind)


def count(path: Path) -> int | None:
    """Return how many structures there are, if that is quick to find out, else None.

    Of a folder, the number of its structure files, which may hold several each.
    """
    if path.is_dir():
        return sum(1 for _ in structure_files(path))
    if path.suffix.lower() in TABLES:
        from phonodos.structures.tables import count_rows

        return count_rows(path)
    if split_name(path.name)[1] == ".jsonl":
        try:
            with opened(path) as stream:
                found = lines(stream, path.name)
                return sum(1 for line in found if isinstance(line, DataError) or line.strip())
        except (*DAMAGE, DataError):
            return None
    return None


def is_structure_file(path: str | Path) -> bool:
    """Return whether the name of a file is that of a structure file (to list a folder)."""
    stem, suffix, _ = split_name(Path(path).name)
    return suffix in _SUFFIXES or bool(re.match(r"(POSCAR|CONTCAR)", stem))


def structure_files(folder: Path) -> Iterator[Path]:
    """Yield the structure files of a folder and its subfolders in order; hidden ones are not."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        # A link that leads nowhere is a structure that cannot be read, and is told of.
        there = path.is_file() or (path.is_symlink() and not path.exists())
        if not hidden and there and is_structure_file(path):
            yield path


@lru_cache(maxsize=256)  # asked three times for every file
def split_name(name: str) -> tuple[str, str, str]:
    """Split a file name into stem, format suffix and compression suffix."""
    path = Path(name)
    packed = path.suffix.lower() if path.suffix.lower() in OPENERS else ""
    if packed:
        path = Path(path.stem)
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES or suffix == ".txt":
        return path.stem, suffix, packed
    return path.name, "", packed


def _of_text(text: str, stem: str, kind: str) -> Entries:
    if not kind:
        kind = "poscar" if re.match(r"(POSCAR|CONTCAR|XDATCAR)", stem) else format_of(text)
    return iter(READERS[kind](text))


def _folder(folder: Path) -> Iterator[tuple[str, str, Callable[[], Entries]]]:
    for path in structure_files(folder):
        inner = plain(str(path.relative_to(folder)))
        yield plain(split_name(path.name)[0]), inner, partial(open_entries, path)


def _archive(path: Path) -> Iterator[tuple[str, str, Callable[[], Entries]]]:
    """Yield the structure files of an archive; nothing is unpacked to disk."""

    def wanted(name: str) -> bool:
        inner = PurePosixPath(name)
        hidden = any(part.startswith((".", "__MACOSX")) for part in inner.parts)
        return not hidden and is_structure_file(inner.name)

    try:
        for member, content in archive_members(path, wanted):
            name = PurePosixPath(member).name
            yield split_name(name)[0], f"{path.name}, {member}", partial(_member, name, content)
    except ARCHIVE_DAMAGE as err:
        raise StructureError(
            f"{path.name}: cannot be read as an archive",
            f"it is damaged, cut off, locked, or neither tar nor zip ({err})",
            "copy or download it again",
        ) from err


def _member(name: str, content: bytes | DataError) -> Entries:
    if isinstance(content, DataError):
        raise content
    stem, suffix, packed = split_name(name)
    kind = _SUFFIXES.get(suffix, "")
    if kind == "db":
        raise StructureError("a data base in an archive", "it is read in place", "unpack it first")
    try:
        content = decompress(packed, content)
    except DAMAGE as error:
        raise StructureError("cannot be read", f"{error}", "copy or download it again") from None
    return _of_text(_checked_text(content), stem, kind)


def _each(files: Iterator[tuple[str, str, Callable[[], Entries]]], empty: str) -> Iterator[Entry]:
    found = False
    for stem, where, open_file in files:
        found = True
        try:
            yield from _numbered(open_file, stem, where, True)
        except PhonodosError as error:
            yield Entry("", stem, 0, True, True, where, partial(failed, error))
    if not found:
        raise DataError(
            empty,
            "no name in it or its subfolders ends like that of a structure file",
            "give another folder or archive, or one file",
        )


def _numbered(
    open_file: Callable[[], Entries], stem: str, where: str, inside: bool
) -> Iterator[Entry]:
    """Yield the entries of one file; errors of the whole file are raised, named by `where`."""
    try:
        found = open_file()
        head = list(islice(found, 2))
    except Exception as error:
        wrong = readable(failure_of(error, "", StructureError, FIX))
        raise type(wrong)(f"{where}: {wrong.summary}", wrong.reason, wrong.fix) from error
    if not head:
        raise StructureError(
            f"{where}: holds no structure", "it has no entries", "write it again, or leave it out"
        )
    many = len(head) > 1
    stream = chain(head, found)
    index = 0
    while True:
        try:
            own, make = next(stream)
        except StopIteration:
            return
        except Exception as error:
            place = f"{where}, after entry {index - 1}" if index else where
            wrong = failure_of(error, "", StructureError, FIX)
            yield Entry("", stem, index, not many, inside, place, partial(failed, wrong))
            return
        place = f"{where}, entry {own or index}" if many else where
        yield Entry(plain(own), stem, index, not many, inside, place, make)
        index += 1


def _json_lines(path: Path) -> Entries:
    """Yield the records of JSON lines as they are read; a bad line costs itself alone."""
    from phonodos.structures.json_records import json_line

    number = 0
    try:
        with opened(path) as stream:
            for line in lines(stream, path.name):
                number += 1
                if isinstance(line, DataError):
                    yield "", partial(failed, line)
                elif text := text_of(line).strip():
                    yield from json_line(text)
    except DAMAGE as error:
        raise StructureError(
            f"cannot be read after line {number}",
            getattr(error, "strerror", None) or str(error) or type(error).__name__,
            "copy or download the file again; the lines before are kept",
        ) from None


def _read_file(path: Path) -> str:
    fix = "check the path" + ("; files in a folder are given one by one" if path.is_dir() else "")
    try:
        data = unpacked(path)
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StructureError("cannot be read", f"{reason}", fix) from None
    return _checked_text(data)


def _checked_text(data: bytes) -> str:
    if not data.strip():
        raise StructureError("is empty", "no byte of a structure is in it", "write the file again")
    text = text_of(data)
    if "\0" in text:
        raise unknown("it is a binary file")
    return text
