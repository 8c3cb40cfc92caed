"""Structure files other than CIF: POSCAR, extxyz, JSON (pymatgen, ASE, plain) and ASE db.

Every reader yields (label, build) pairs: the entry's own id ("" if it has none) and a function
that takes a name and returns the `Crystal`, so one broken entry does not hide the others.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.data.cif import cell_from_parameters, read_cif
from phonodos.data.optimade import crystal_from_optimade, is_optimade
from phonodos.data.sites import crystal_of_species, element_symbol
from phonodos.data.structure_objects import crystal_from_atoms
from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal

Build = Callable[[str], Crystal]
Entries = Iterator[tuple[str, Build]]

_ID_KEYS = ("material_id", "id", "entry_id", "name", "uid")


def read_poscar(text: str) -> Entries:
    """Yield the one structure of a POSCAR or CONTCAR (VASP 5, or 4 with elements in the title)."""
    yield "", partial(_build_poscar, text.splitlines())


def _build_poscar(lines: list[str], name: str) -> Crystal:
    try:
        scale = [float(x) for x in lines[1].split("!")[0].split()]
        cell = np.array([[float(x) for x in line.split()[:3]] for line in lines[2:5]])
        at = 5 if re.match(r"\s*\d", lines[5]) else 6
        symbols = lines[0 if at == 5 else 5].split("!")[0].split()
        counts = [int(x) for x in re.split(r"[!#]", lines[at])[0].split()]
        at += 2 if lines[at + 1].strip()[:1].lower() == "s" else 1  # selective dynamics
        cartesian = lines[at].strip()[:1].lower() in ("c", "k")
        rows = lines[at + 1 : at + 1 + sum(counts)]
        coords = np.array([[float(x) for x in row.split()[:3]] for row in rows]).reshape(-1, 3)
    except (IndexError, ValueError) as error:
        raise StructureError(
            "not a complete POSCAR",
            f"a number or a line is missing or out of place ({error})",
            "a POSCAR has a title, a scale, three lattice vectors, elements, counts, "
            "'Direct' or 'Cartesian', and a position a line",
        ) from None
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


def read_extxyz(text: str) -> Entries:
    """Yield the frames of an extended XYZ file; a frame's own id is its label if it has one."""
    from ase.io import iread

    frames = iread(StringIO(text), index=":", format="extxyz")
    while True:
        try:
            atoms = next(frames)
        except StopIteration:
            return
        # ASE reports broken text with whatever Python raised where it happened.
        except (LookupError, OSError, RuntimeError, TypeError, ValueError, AssertionError) as error:
            raise StructureError(
                "not a readable extended XYZ file",
                f"{type(error).__name__}: {error}",
                'a frame is: number of atoms, a line with Lattice="..." and Properties=..., '
                "and a line an atom",
            ) from None
        yield _label(atoms.info), partial(crystal_from_atoms, atoms)


def read_ase_db(path: Path, kind: str) -> Entries:
    """Yield every row of an ASE data base of kind ``db`` (SQLite) or ``json``."""
    import sqlite3

    from ase.db import connect

    try:
        for row in connect(str(path), type=kind).select():
            yield str(row.id), partial(_build_row, row)
    except (sqlite3.Error, ValueError, KeyError, TypeError, OSError) as error:
        raise StructureError(
            "not a readable ASE data base",
            f"{type(error).__name__}: {error}",
            "write it again with ase.db.connect(...).write(atoms)",
        ) from None


def _build_row(row: Any, name: str) -> Crystal:
    return crystal_from_atoms(row.toatoms(), name)


def read_json(text: str, path: Path | None = None) -> Entries:
    """Yield the structures of JSON text or JSON lines.

    Understood are pymatgen structures, lists and dictionaries of them, entries that hold one
    under "structure" (as a dictionary or as CIF text), plain records with ``lattice``,
    ``frac_coords`` and ``species``, OPTIMADE responses, and data bases written by ASE.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith("}"):
            raise StructureError(
                "not valid JSON",
                f"{error}",
                "the file may be cut off; write it again",
            ) from None
        yield from _json_lines(lines)
        return
    if isinstance(data, dict) and "ids" in data and "nextid" in data:
        yield from _ase_json(text, path)
    else:
        yield from _json_entries(data, "")


def _json_lines(lines: list[str]) -> Entries:
    for line in lines:
        try:
            yield from _json_entries(json.loads(line), "")
        except json.JSONDecodeError as error:
            yield "", partial(_fail, StructureError("a line is not JSON", str(error), "rewrite it"))


def _ase_json(text: str, path: Path | None) -> Entries:
    import tempfile

    if path is not None and path.suffix == ".json":
        yield from read_ase_db(path, "json")
        return
    with tempfile.TemporaryDirectory() as folder:  # ASE opens data bases by path only
        copy = Path(folder) / "rows.json"
        copy.write_text(text, encoding="utf-8")
        yield from read_ase_db(copy, "json")


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
        yield label, partial(_fail, _no_structure())
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
    return next((str(record[k]) for k in _ID_KEYS if record.get(k) not in (None, "")), "")


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
    inner = data.get("structure", data.get("metadata", {}).get("structure"))
    if isinstance(inner, str):
        return next(read_cif(inner))[1](name)
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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
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
