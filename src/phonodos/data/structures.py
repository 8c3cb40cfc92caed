"""The door for structures: files, standard input and objects of other programs into `Crystal`."""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from phonodos.data.cif import read_cif
from phonodos.data.structure_files import (
    Entries,
    read_ase_db,
    read_extxyz,
    read_json,
    read_poscar,
)
from phonodos.data.structure_objects import (
    crystal_from_atoms,
    crystal_from_phonopy,
    crystal_from_structure,
    kind_of,
    read_phonopy,
)
from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.overlap import check_overlap

_READERS = {
    "cif": read_cif,
    "poscar": read_poscar,
    "extxyz": read_extxyz,
    "json": read_json,
    "phonopy": read_phonopy,
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
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".bz2": bz2.open,
}
_FORMATS = "CIF, POSCAR, extxyz, JSON of pymatgen or ASE, ASE db, phonopy.yaml"
_OVERLONG = 80  # characters of an entry's id that go into a name


def is_structure_file(path: str | Path) -> bool:
    """Return whether the name of a file is that of a structure file (to list a folder)."""
    stem, suffix, _ = split_name(Path(path).name)
    return suffix in _SUFFIXES or bool(re.match(r"(POSCAR|CONTCAR)", stem))


def read_crystals(path: str | Path, text: str | None = None) -> list[Crystal]:
    """Read every structure in a file; the first that is broken is an error.

    The name of a crystal is the stem of the file, followed by the entry's own id or its index
    (from 0) where the file holds several.

    Parameters
    ----------
    path
        A structure file (see `iter_crystals`), or "-" for `text`.
    text
        The contents, where they come from elsewhere (standard input).

    Raises
    ------
    StructureError
        Names the file, and the entry where there are several.
    """
    crystals = []
    for crystal in iter_crystals(path, text):
        if isinstance(crystal, StructureError):
            raise crystal
        crystals.append(crystal)
    return crystals


def read_text(text: str, name: str = "stdin") -> list[Crystal]:
    """Read every structure in a text whose format is found by looking at it."""
    return [
        Crystal(c.cell, c.frac_coords, c.occupancy, name + c.name.removeprefix("stdin"))
        for c in read_crystals("-", text)
    ]


def iter_crystals(path: str | Path, text: str | None = None) -> Iterator[Crystal | StructureError]:
    """Yield every structure in a file, or in its place the error that it is broken.

    Formats: CIF (ordered or disordered, many blocks), POSCAR, extxyz, JSON (pymatgen structures
    and entries, ASE data bases, plain records, JSON lines), ASE db, phonopy.yaml and relatives;
    all but db also compressed (gz, xz, lzma, bz2). The format follows from the name of the file,
    else from its contents. Errors that concern the whole file are raised at the first step.
    """
    source = "standard input" if str(path) == "-" else str(path)
    stem = "stdin" if str(path) == "-" else split_name(Path(path).name)[0]
    try:
        entries = open_entries(path, text)
        head = list(islice(entries, 2))
        if not head:
            raise StructureError("holds no structure", "it has no entries", "write it again")
    except StructureError as error:
        yield _located(error, source, stem)
        return
    seen: set[str] = set()
    rest = chain(head, entries)
    index = -1
    while True:
        try:
            label, build = next(rest)
        except StopIteration:
            break
        except StructureError as error:
            yield _located(error, f"{source}, after entry {index}", stem)
            return
        index += 1
        name, where = stem, source
        if len(head) > 1:
            name = f"{stem}-{_clean(label) or index}"
            name = f"{name}-{index}" if name in seen else name
            where = f"{source}, entry {label or index}"
            seen.add(name)
        try:
            crystal = build(name)
            check_overlap(crystal)
        except StructureError as error:
            yield _located(error, where, name)
        else:
            yield crystal


def read_crystal(path: str | Path) -> Crystal:
    """Read the one structure in a file; raises as `as_crystal` does."""
    return as_crystal(Path(path))


def as_crystal(x: object) -> Crystal:
    """Turn a path, a `Crystal`, or an object of pymatgen, ASE or phonopy into a `Crystal`.

    Raises
    ------
    StructureError
        If the structure is broken, the path holds more than one, atoms are not periodic, or the
        object is of another kind.
    """
    if isinstance(x, str | Path):
        first = list(islice(iter_crystals(x), 2))
        for crystal in first:
            if isinstance(crystal, StructureError):
                raise crystal
        if len(first) > 1:
            raise StructureError(
                f"{x} holds several structures",
                "one was asked for, and which of them is meant is open",
                "use predict_many, or phonodos.data.structures.read_crystals and choose one",
            )
        return first[0]  # type: ignore[return-value]  # errors have been raised above
    if isinstance(x, Crystal):
        check_overlap(x)
        return x
    converters = {
        "structure": crystal_from_structure,
        "atoms": crystal_from_atoms,
        "phonopy": crystal_from_phonopy,
    }
    kind = kind_of(x)
    if kind not in converters:
        raise StructureError(
            f"a {type(x).__name__} is not a crystal",
            "a molecule has no lattice"
            if kind == "molecule"
            else "nothing is known about its kind",
            "give a path, a Crystal, a pymatgen Structure, ASE Atoms or PhonopyAtoms",
        )
    crystal = converters[kind](x)
    check_overlap(crystal)
    return crystal


def open_entries(path: str | Path, text: str | None = None) -> Entries:
    """Return (own id or "", build) of every structure in a file (see `iter_crystals`).

    Raises
    ------
    StructureError
        If the file cannot be read or is in no known format; later also at a step.
    """
    if text is None and str(path) == "-":
        raise StructureError("no text", "a structure was to come from there", "pipe a file into it")
    if text is not None:
        return iter(_READERS[_sniff(text)](text))
    path = Path(path)
    stem, suffix, _ = split_name(path.name)
    kind = _SUFFIXES.get(suffix, "")
    if kind == "db" and path.is_file() and path.stat().st_size:
        return read_ase_db(path, "db")
    text = _read_file(path)
    if not kind:
        kind = "poscar" if re.match(r"(POSCAR|CONTCAR)", stem) else _sniff(text)
    if kind == "json":
        return read_json(text, path)
    return iter(_READERS[kind](text))


def _read_file(path: Path) -> str:
    fix = "check the path" + ("; files in a folder are given one by one" if path.is_dir() else "")
    opener = OPENERS.get(path.suffix.lower(), open)
    try:
        with opener(path, "rb") as stream:
            data: bytes = stream.read()
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StructureError("cannot be read", f"{reason}", fix) from None
    if not data.strip():
        raise StructureError("is empty", "no byte of a structure is in it", "write the file again")
    if b"\0" in data:
        raise _unknown("it is a binary file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # author names in old CIFs


def _sniff(text: str) -> str:
    """Return the format of a text."""
    lines = text.lstrip("\ufeff").splitlines()
    if text.lstrip()[:1] in ("{", "["):
        return "json"
    if re.search(r"^\s*data_", text, re.M | re.I) and re.search(r"^\s*_\w", text, re.M):
        return "cif"
    if re.search(r"^(unit_cell|lattice):", text, re.MULTILINE):
        return "phonopy"
    numbers = [_floats(line) for line in lines[1:5]]
    if len(numbers) == 4 and numbers[0] in (1, 3) and all(n >= 3 for n in numbers[1:]):
        return "poscar"
    if len(lines) > 2 and lines[0].strip().isdigit():
        return "extxyz"
    raise _unknown("its contents look like none of the known formats")


def _floats(line: str) -> int:
    """Return how many numbers a line begins with."""
    number = r"[+-]?(?:\d+\.?\d*|\.\d+|nan)(?:[eE][+-]?\d+)?"
    match = re.match(rf"\s*((?:{number}\s+)*)", line + " ", re.IGNORECASE)
    return len(match.group(1).split()) if match else 0


def _unknown(reason: str) -> StructureError:
    return StructureError("is in no format known here", reason, f"give one of: {_FORMATS}")


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


def _clean(label: str) -> str:
    """Make an entry's id fit for a file name."""
    return re.sub(r"[^\w.+()-]+", "_", label).strip("._")[:_OVERLONG]


def _located(error: StructureError, where: str, name: str) -> StructureError:
    summary = error.summary.removeprefix(f"{name}: ")
    return StructureError(f"{where}: {summary}", error.reason, error.fix)
