"""The door for structures: files, standard input and objects of other programs into `Crystal`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from phonodos.errors import PhonodosError, StructureError, failure_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.isotopes import Isotope, with_isotopes
from phonodos.physics.overlap import check_overlap
from phonodos.structures.entries import Entry, entries, split_name
from phonodos.structures.frames import FrameRow
from phonodos.structures.json_records import (
    crystal_from_mapping,
    crystal_from_text,
    holds_structure,
)
from phonodos.structures.objects import (
    crystal_from_atoms,
    crystal_from_calculation,
    crystal_from_jarvis,
    crystal_from_phonopy,
    crystal_from_structure,
    kind_of,
)
from phonodos.structures.occupancies import check_vacancies, filling
from phonodos.structures.occupancies import vacancies as policy
from phonodos.structures.tables import crystal_of_row

_OVERLONG = 80  # characters of an entry's id that go into a name


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
    return [replace(c, name=name + c.name.removeprefix("stdin")) for c in read_crystals("-", text)]


def iter_crystals(
    path: str | Path,
    text: str | None = None,
    *,
    vacancies: str | None = None,
    most_atoms: int | None = None,
) -> Iterator[Crystal | StructureError]:
    """Yield every structure of a source, or in its place the error that it is broken.

    Formats: CIF (ordered or disordered, many blocks), POSCAR, XDATCAR, extxyz, JSON (pymatgen, ASE,
    JARVIS and OPTIMADE, records and pandas tables that hold them, JSON lines), ASE db, Parquet
    tables, phonopy.yaml and relatives; all but db and Parquet also compressed (gz, xz, lzma, bz2);
    folders and archives (zip, tar) of them. The format follows from the name of the file, else from
    its contents. Errors that concern the whole file are yielded as well. Sites that are partly
    vacant are refused, or with ``vacancies="fill"`` filled by the elements on them, with a note.
    Crystals of more than `most_atoms` are refused before their distances are looked at.
    """
    held = check_vacancies(vacancies) if vacancies else "fill" if filling() else "refuse"
    source = "standard input" if str(path) == "-" else str(path)
    stem = "stdin" if str(path) == "-" else split_name(Path(path).name)[0]
    seen: set[str] = set()
    stream = entries(path, text)
    while True:
        try:
            entry = next(stream)
        except StopIteration:
            return
        except PhonodosError as error:
            yield _located(error, source, stem)
            return
        name = _name(entry, seen)
        try:
            with policy(held):
                crystal = entry.build(name, most_atoms)
        except PhonodosError as error:
            yield _located(error, entry.source, name)
        else:
            yield crystal


def _name(entry: Entry, seen: set[str]) -> str:
    """Return the name of an entry: that of its file, and its own id or number if not alone."""
    if entry.alone:
        return entry.stem
    name = f"{entry.stem}-{_clean(entry.own) or entry.index}"
    name = f"{name}-{entry.index}" if name in seen else name
    seen.add(name)
    return name


def read_crystal(path: str | Path, *, vacancies: str = "refuse") -> Crystal:
    """Read the one structure in a file; raises as `as_crystal` does."""
    return as_crystal(Path(path), vacancies=vacancies)


def as_crystal(
    x: object, *, vacancies: str | None = None, isotopes: Sequence[Isotope | str] = ()
) -> Crystal:
    """Turn a path, a `Crystal`, or an object of another program into a `Crystal`.

    Parameters
    ----------
    x
        A path, a `Crystal`, a pymatgen Structure or what carries one (an entry, a document of the
        Materials Project), ASE or JARVIS Atoms, Phonopy or Phono3py, PhonopyAtoms, or a dictionary
        as JSON files hold it. Lengths are in Angstrom; Phonopy objects are taken in the unit of
        their calculator, which PhonopyAtoms do not know.
    vacancies
        ``refuse`` or ``fill``: what to do where a site is partly vacant. None is as around.
    isotopes
        Masses other than those of the structure, as `with_isotopes` takes them.

    Raises
    ------
    StructureError
        If the structure is broken, the path holds more than one, atoms are not periodic, the
        object is of another kind, or it has no place for an isotope.
    ConfigError
        If a text names no isotope.
    """
    if isotopes:
        return with_isotopes(as_crystal(x, vacancies=vacancies), isotopes)
    if vacancies is not None:
        with policy(vacancies):
            return as_crystal(x)
    if isinstance(x, PhonodosError):
        raise x
    if isinstance(x, FrameRow):
        return replace(as_crystal(x.content), name=x.name) if x.name else as_crystal(x.content)
    if isinstance(x, Path) or (isinstance(x, str) and "\n" not in x):
        return _only_one(x)
    if isinstance(x, Crystal):
        check_overlap(x)
        return x
    try:
        crystal = _converted(x)
        check_overlap(crystal)
    except Exception as error:
        fix = "check the object; a file of the structure may be read instead"
        failure = failure_of(error, f"the {type(x).__name__}", StructureError, fix)
        if failure is error:  # an error that is its own cause has no end for who follows causes
            raise
        raise failure from error
    return crystal


def _only_one(x: str | Path) -> Crystal:
    first = list(islice(iter_crystals(x), 2))
    for crystal in first:
        if isinstance(crystal, StructureError):
            raise crystal
    if len(first) > 1:
        raise StructureError(
            f"{x} holds several structures",
            "one was asked for, and which of them is meant is open",
            "use predict_many, or phonodos.structures.reading.read_crystals and choose one",
        )
    return first[0]  # type: ignore[return-value]  # errors have been raised above


def _converted(x: Any) -> Crystal:
    """Return the crystal of an object of another program, of a dictionary or of a text."""
    converters: dict[str, Callable[[Any], Crystal]] = {
        "structure": crystal_from_structure,
        "atoms": crystal_from_atoms,
        "phonopy": crystal_from_phonopy,
        "calculation": crystal_from_calculation,
        "jarvis": crystal_from_jarvis,
    }
    kind = kind_of(x)
    if kind in converters:
        return converters[kind](x)
    if isinstance(x, str):
        return crystal_from_text(x)
    if isinstance(x, Mapping) and not kind:
        if holds_structure(x):
            return crystal_from_mapping(x)
        if {"cell", "frac_coords", "species"} <= x.keys():
            return crystal_of_row(x["cell"], x["frac_coords"], list(x["species"]), "")
    inner = getattr(x, "structure", None)  # of entries and of documents of the Materials Project
    if not kind and kind_of(inner) == "structure":
        return crystal_from_structure(inner, str(getattr(x, "material_id", None) or ""))
    reasons = {
        "molecule": "a molecule has no lattice",
        "frame": "a table holds many structures",
        "series": "a column holds many structures",
    }
    raise StructureError(
        f"a {type(x).__name__} is not a crystal",
        reasons.get(kind, "nothing is known about its kind"),
        "use predict_many"
        if kind in ("frame", "series")
        else "give a path, a Crystal, a pymatgen Structure, ASE Atoms, Phonopy or PhonopyAtoms",
    )


def _clean(label: str) -> str:
    """Make an entry's id fit for a file name."""
    return re.sub(r"[^\w.+()-]+", "_", label).strip("._")[:_OVERLONG]


def _located(error: PhonodosError, where: str, name: str) -> StructureError:
    summary = error.summary.removeprefix(f"{name}: ").removeprefix(f"{where}: ")
    return StructureError(f"{where}: {summary}", error.reason, error.fix)
