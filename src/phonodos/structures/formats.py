"""Structure files other than CIF: POSCAR, extxyz, JSON (pymatgen, ASE, OPTIMADE, plain).

Every reader yields (label, build) pairs: the entry's own id ("" if it has none) and a function
that takes a name and returns the `Crystal`, so one broken entry does not hide the others.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import StringIO
from typing import Any

import numpy as np

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.ase_rows import is_ase_json, rows_of_json
from phonodos.structures.cif.reading import cell_from_parameters, read_cif
from phonodos.structures.objects import crystal_from_atoms
from phonodos.structures.optimade import crystal_from_optimade, is_optimade
from phonodos.structures.sites import crystal_of_species, element_symbol, number
from phonodos.structures.unpacking import plain

Build = Callable[[str], Crystal]
Entries = Iterator[tuple[str, Build]]

LINES_LOOKED_AT = 100  # to tell JSON lines from JSON that is cut off
LARGEST_ID = 10**18  # a number of more digits is no id
ID_KEYS = ("material_id", "id", "entry_id", "name", "uid")


def read_poscar(text: str) -> Entries:
    """Yield the one structure of a POSCAR or CONTCAR (VASP 5, or 4 with elements in the title)."""
    yield "", partial(_build_poscar, text.splitlines())


def _build_poscar(lines: list[str], name: str) -> Crystal:
    try:
        scale = [number(x) for x in lines[1].split("!")[0].split()]
        cell = np.array([[number(x) for x in line.split()[:3]] for line in lines[2:5]])
        at = 5 if re.match(r"\s*[\d+-]", lines[5]) else 6
        symbols = lines[0 if at == 5 else 5].split("!")[0].split()
        counts = [_count(x) for x in re.split(r"[!#]", lines[at])[0].split()]
        at += 2 if lines[at + 1].strip()[:1].lower() == "s" else 1  # selective dynamics
        cartesian = lines[at].strip()[:1].lower() in ("c", "k")
        rows = lines[at + 1 : at + 1 + sum(counts)]
        coords = np.array([[number(x) for x in row.split()[:3]] for row in rows]).reshape(-1, 3)
    except (IndexError, ValueError, OverflowError) as error:
        raise StructureError(
            "not a complete POSCAR",
            f"a number or a line is missing or out of place ({error})",
            "a POSCAR has a title, a scale, three lattice vectors, elements, counts, "
            "'Direct' or 'Cartesian', and a position a line",
        ) from None
    if cell.shape != (3, 3):
        raise StructureError(
            "not a complete POSCAR", "a lattice vector has fewer than three numbers", "add them"
        )
    # Potential names (Sr_sv, O/5a3f) begin with the element.
    symbols = [re.split(r"[_/]", symbol)[0] for symbol in symbols]
    if len(symbols) != len(counts) or len(coords) != sum(counts):
        raise StructureError(
            f"{len(symbols)} elements, {len(counts)} counts and {len(coords)} positions",
            "the line of elements, the line of counts and the positions do not match "
            "(VASP 4 files name the elements, if at all, in their title)",
            "write one element and one count a species, and a position for every atom",
        )
    if len(scale) not in (1, 3) or min(scale) == 0.0 or (len(scale) == 3 and min(scale) < 0.0):
        raise StructureError(
            f"impossible scale '{lines[1].strip()}'",
            "the second line is one factor, minus the volume, or three positive factors",
            "write 1.0 there and the lattice vectors in Angstrom",
        )
    volume = abs(float(np.linalg.det(cell)))
    if scale[0] < 0.0 and volume > 0.0:
        scale = [(-scale[0] / volume) ** (1.0 / 3.0)]
    cell = cell * np.array(scale)
    if cartesian and volume > 0.0:
        coords = coords * np.array(scale) @ np.linalg.inv(cell)
    return Crystal.ordered(cell, coords, np.repeat(symbols, counts).tolist(), name)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"'{text[:40]}' is no number of atoms")
    return int(text)


def read_extxyz(text: str) -> Entries:
    """Yield the frames of an extended XYZ file; a frame's own id is its label if it has one.

    Where frames begin and end is counted here, so that a broken frame costs itself alone.

    Raises
    ------
    StructureError
        At the step where a frame's number of atoms makes no sense: what follows has no place.
    """
    lines = text.splitlines()
    at = 0
    while at < len(lines) and lines[at].strip():
        word = lines[at].strip()
        n = int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else -1
        if n < 0 or at + 2 + n > len(lines):
            raise StructureError(
                "not a readable extended XYZ file",
                f"line {at + 1} ('{word[:40]}') should be the number of atoms of a frame, with a "
                "comment and as many lines after it",
                'a frame is: number of atoms, a line with Lattice="..." and Properties=..., '
                "and a line an atom",
            )
        end = at + 2 + n
        while end < len(lines) and end < at + 5 + n and lines[end].lstrip().startswith("VEC"):
            end += 1
        frame = lines[at:end]
        at = end
        yield from _frame(frame)


def _frame(frame: list[str]) -> Entries:
    from ase.io.extxyz import read_xyz

    try:
        _check_columns(frame)
        atoms = next(read_xyz(StringIO("\n".join(frame) + "\n"), index=0))
    # ASE reports broken text with whatever Python raised where it happened.
    except Exception as error:
        wrong = error if isinstance(error, StructureError) else StructureError(
            "not a readable extended XYZ frame",
            f"{type(error).__name__}: {error}",
            'a frame is: number of atoms, a line with Lattice="..." and Properties=..., '
            "and a line an atom",
        )  # fmt: skip
        yield "", partial(_fail, wrong)
        return
    yield _label(atoms.info), partial(crystal_from_atoms, atoms)


def _check_columns(frame: list[str]) -> None:
    """Refuse what would make ASE reserve columns that no line has, or read numbers as Python."""
    words = len(frame[2].split()) if len(frame) > 2 else 0
    found = re.search(r"Properties=\"?([^\s\"]*)", frame[1], re.IGNORECASE)
    widths = found.group(1).split(":")[2::3] if found else []
    if any(not w.isdecimal() or len(w) > 6 for w in widths) or sum(map(int, widths)) > max(
        words, 1
    ):
        raise StructureError(
            "Properties that do not fit the columns",
            f"they stand for {'+'.join(w[:12] for w in widths)} columns, and there are {words}",
            "write Properties=species:S:1:pos:R:3 with the columns that are there",
        )
    if any("_" in word for line in frame[2:] for word in line.split()[1:4]):
        raise StructureError(
            "a coordinate that is no number", "an underscore stands in it", "write plain numbers"
        )


def read_json(text: str) -> Entries:
    """Yield the structures of JSON text or JSON lines.

    Understood are pymatgen structures, lists and dictionaries of them, entries that hold one
    under "structure" (as a dictionary or as CIF text), plain records with ``lattice``,
    ``frac_coords`` and ``species``, OPTIMADE responses, and data bases written by ASE.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 or not any(map(_is_record, lines[:LINES_LOOKED_AT])):
            raise _not_json("not valid JSON", error) from None
        for line in lines:
            yield from json_line(line)
        return
    if is_ase_json(data):
        yield from rows_of_json(data)
    else:
        yield from _json_entries(data, "")


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def json_line(line: str) -> Entries:
    """Yield the structures of one line of JSON lines; a line that is none fails alone."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield "", partial(_fail, _not_json("a line is not JSON", error))
        return
    if not isinstance(record, dict):
        wrong = StructureError(
            "a line without a structure",
            f"it holds a {type(record).__name__}",
            "give one JSON object a line",
        )
        yield "", partial(_fail, wrong)
        return
    yield from _json_entries(record, "")


def _not_json(summary: str, error: Exception) -> StructureError:
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return StructureError(summary, reason[:300], "it may be cut off or damaged; write it again")


def _json_entries(data: Any, label: str) -> Entries:
    if isinstance(data, list):
        for item in data:
            yield from _json_entries(item, "")
        return
    if isinstance(data, dict) and not _holds_structure(data):
        for key in ("structures", "entries", "data"):
            if isinstance(data.get(key), list):
                yield from _json_entries(data[key], "")
                return
        if data and all(isinstance(v, dict) and _holds_structure(v) for v in data.values()):
            for key, value in data.items():
                yield from _json_entries(value, str(key))
            return
    if not isinstance(data, dict) or not _holds_structure(data):
        own = _label(data) if isinstance(data, dict) else ""
        yield label or own, partial(_fail, _no_structure())
        return
    record = data.get("metadata") if isinstance(data.get("metadata"), dict) else data
    yield label or _label(record) or _label(data), partial(crystal_from_mapping, data)


def _holds_structure(data: Mapping[str, Any]) -> bool:
    inner = data.get("metadata")
    return (
        "structure" in data
        or ("lattice" in data and ("sites" in data or "species" in data))
        or data.get("@class") == "Molecule"
        or (isinstance(inner, dict) and "structure" in inner)
        or is_optimade(data)
    )


def _label(record: Mapping[str, Any] | Any) -> str:
    for key in ID_KEYS:
        value = record.get(key)
        if isinstance(value, int) and abs(value) > LARGEST_ID:
            continue
        if isinstance(value, str | int | float) and value != "":
            return plain(str(value))
    return ""


def _no_structure() -> StructureError:
    return StructureError(
        "JSON without a crystal structure",
        "no lattice with sites was found in it",
        "give a pymatgen Structure (structure.as_dict()), a list of them, or an ASE data base",
    )


def _fail(error: StructureError, name: str) -> Crystal:  # noqa: ARG001 - the shape of a Build
    raise error


def crystal_from_mapping(data: Mapping[str, Any], name: str = "") -> Crystal:
    """Build a crystal from a pymatgen dictionary, an entry that holds one, or a plain record.

    Raises
    ------
    StructureError
        If a part is missing or of the wrong kind, for molecules, and as `Crystal` does.
    """
    if is_optimade(data):
        return crystal_from_optimade(data, name)
    metadata = data.get("metadata")
    inner = data.get("structure", metadata.get("structure") if isinstance(metadata, dict) else None)
    if isinstance(inner, str):
        return next(iter(read_cif(inner)))[1](name)
    if isinstance(inner, Mapping):
        return crystal_from_mapping(inner, name)
    if data.get("@class") == "Molecule" or "lattice" not in data:
        raise StructureError(
            "a molecule, not a crystal",
            "phonons need a lattice that repeats in three dimensions",
            "put the molecule into a periodic crystal",
        )
    try:
        cell = _json_cell(data["lattice"])
        if "sites" not in data:
            coords = np.array(data["frac_coords"], dtype=np.float64)
            return Crystal.ordered(cell, coords, [element_symbol(s) for s in data["species"]], name)
        coords = np.array([site["abc"] for site in data["sites"]], dtype=np.float64)
        species = [_json_species(site["species"]) for site in data["sites"]]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StructureError(
            "incomplete structure in JSON",
            f"{type(error).__name__}: {error}",
            "write it again with structure.as_dict() of pymatgen",
        ) from None
    return crystal_of_species(cell, coords, species, name)


def _json_cell(lattice: Any) -> Any:
    if not isinstance(lattice, Mapping):
        return np.array(lattice, dtype=np.float64)
    if not all(lattice.get("pbc", (True,))):
        raise StructureError(
            f"not periodic in all directions (pbc {lattice['pbc']})",
            "phonons need a lattice that repeats in three dimensions",
            "make the lattice periodic along all three vectors (a slab with its vacuum)",
        )
    if "matrix" in lattice:
        return np.array(lattice["matrix"], dtype=np.float64)
    return cell_from_parameters(
        *(float(lattice[k]) for k in ("a", "b", "c", "alpha", "beta", "gamma"))
    )


def _json_species(species: Any) -> dict[str, float]:
    site: dict[str, float] = {}
    for item in species:
        symbol = str(item["element"])
        site[symbol] = site.get(symbol, 0.0) + float(item.get("occu", 1.0))
    return site
