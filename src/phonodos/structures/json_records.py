"""JSON: structures of pymatgen, ASE, JARVIS and OPTIMADE, records and tables that hold them.

Where a structure lies in a record, and in which of pandas' forms a table was written, is found by
looking; what leaves a choice between different structures is refused with their names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.ase_rows import (
    crystal_of_ase_json,
    is_ase_atoms,
    is_ase_json,
    rows_of_json,
)
from phonodos.structures.builds import Build, Entries, failed
from phonodos.structures.ids import label_of
from phonodos.structures.look import format_of
from phonodos.structures.optimade import crystal_from_optimade, is_optimade
from phonodos.structures.sites import crystal_of_species, element_symbol, scaled

LINES_LOOKED_AT = 100  # to tell JSON lines from JSON that is cut off
DEEPEST = 5  # mappings and lists in which a structure is looked for
MOST_FOUND = 50  # structures of one record that are held against each other
SAME_PLACE = 1e-3  # [A]; two copies of one structure in a record agree this well
# Where records keep their structure, the first of them that is filled.
HOLDERS = ("structure", "atoms", "cif", "poscar", "atoms_json")
# Of several structures of one record: the result of a calculation, not what it began with.
RESULTS = ("output.structure", "final_structure", "relaxed_structure", "structure_final")
LISTS = ("structures", "entries", "data", "response", "results", "docs", "records", "materials")
_PERIODIC = "phonons need a lattice that repeats in three dimensions"


def read_json(text: str) -> Entries:
    """Yield the structures of JSON text or JSON lines.

    Understood are structures of pymatgen, ASE (jsonio, data bases) and JARVIS, OPTIMADE responses,
    plain records with ``lattice``, ``frac_coords`` and ``species``, and records, lists,
    dictionaries and tables of pandas (any orientation) that hold such structures, as JSON or as
    text of a CIF or POSCAR file.
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
        yield from _entries(data, "")


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def json_line(line: str) -> Entries:
    """Yield the structures of one line of JSON lines; a line that is none fails alone.

    Lines of an OPTIMADE file that are no structures (its header, references) give nothing.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield "", partial(failed, _not_json("a line is not JSON", error))
        return
    if not isinstance(record, dict):
        wrong = StructureError(
            "a line without a structure",
            f"it holds a {type(record).__name__}",
            "give one JSON object a line",
        )
        yield "", partial(failed, wrong)
        return
    if "x-optimade" in record or record.get("type") in ("info", "references", "links"):
        return
    yield from _entries(record, "")


def _not_json(summary: str, error: Exception) -> StructureError:
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return StructureError(summary, reason[:300], "it may be cut off or damaged; write it again")


def _entries(data: Any, label: str, depth: int = 0) -> Entries:
    """Yield the structures of parsed JSON."""
    if depth > DEEPEST:
        yield label, partial(failed, _no_structure(data))
    elif isinstance(data, list):
        if depth and data and not any(isinstance(x, list) for x in data):
            # A row of a table without names of columns: numbers stand beside its structure.
            held = [x for x in data if isinstance(x, Mapping) and _structure(x) is not None]
            data = held or data
        for item in data:
            yield from _entries(item, "", depth + 1)
    elif not isinstance(data, dict):
        yield label, partial(failed, _no_structure(data))
    elif (rows := _table_rows(data)) is not None:
        yield from rows
    elif _structure(data) is not None:
        record = data.get("metadata") if isinstance(data.get("metadata"), dict) else data
        yield label or label_of(record) or label_of(data), partial(crystal_from_mapping, data)
    else:
        yield from _nested(data, label, depth)


def _nested(data: dict[str, Any], label: str, depth: int) -> Entries:
    """Yield the structures of a mapping that is no structure and no table."""
    for key in LISTS:
        inner = data.get(key)
        keyed = isinstance(inner, dict) and (is_optimade(inner) or _is_keyed([*inner.values()]))
        if isinstance(inner, list) or keyed:
            yield from _entries(inner, "", depth + 1)
            return
    if _is_keyed(list(data.values())):
        for key, value in data.items():
            own = label_of(value) if str(key).isdecimal() else ""
            yield from _entries(value, own or str(key), depth + 1)
        return
    yield label or label_of(data), partial(_build_nested, data)


def _is_keyed(values: list[Any]) -> bool:
    """Return whether the values of a mapping are records of a structure each."""
    if not values or not all(isinstance(v, dict) for v in values):
        return False
    if all(_structure(v) is not None for v in values):
        return True
    alike = len(values) > 1 and all(v.keys() == values[0].keys() for v in values)
    return alike and all(next(_places(v, "", 0), None) is not None for v in values)


def _build_nested(data: Mapping[str, Any], name: str) -> Crystal:
    """Build the one structure that lies somewhere inside a record."""
    found = dict(_places(data, "", 0))
    if not found:
        raise _no_structure(data)
    chosen = next((key for key in RESULTS if key in found), None)
    first = crystal_from_mapping(found[chosen or next(iter(found))], name)
    if len(found) == 1:
        return first
    if chosen is None:
        if all(_same(first, crystal_from_mapping(x)) for x in found.values()):
            return first
        raise StructureError(
            "several structures in one record",
            f"they differ, and which is meant is open: {', '.join(list(found)[:6])}"
            + (" ..." if len(found) > len(list(found)[:6]) else ""),
            "give a record with one structure, under the key 'structure'",
        )
    note = f"of {len(found)} structures of the record, that of '{chosen}' was taken"
    return replace(first, notes=(*first.notes, note))


def _places(data: Any, path: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and content of the structures inside parsed JSON."""
    if depth > DEEPEST:
        return
    if isinstance(data, Mapping):
        if depth and _is_structure(data):
            yield path, data
            return
        for key, value in data.items():
            yield from _places(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(data, list):
        for index, value in enumerate(data[:MOST_FOUND]):
            yield from _places(value, f"{path}[{index}]", depth + 1)


def _same(a: Crystal, b: Crystal) -> bool:
    if a.n_atoms != b.n_atoms or a.occupancy != b.occupancy:
        return False
    gaps = a.frac_coords - b.frac_coords
    shifts = (gaps - np.rint(gaps)) @ a.cell
    return bool(np.abs(a.cell - b.cell).max() < SAME_PLACE and np.abs(shifts).max() < SAME_PLACE)


def _table_rows(data: Mapping[str, Any]) -> Entries | None:
    """Return the rows of a table of pandas (split, columns or lists), None if it is none."""
    columns, rows = data.get("columns"), data.get("data")
    if isinstance(columns, list) and isinstance(rows, list):
        return _split_rows(columns, rows, data.get("index"))
    for holder in (*HOLDERS, *RESULTS):
        column = data.get(holder)
        if not isinstance(column, Mapping | list) or not any(
            _is_content(x) for x in (column.values() if isinstance(column, Mapping) else column)
        ):
            continue
        if (
            isinstance(column, Mapping)
            and _structure(column) is None
            and all(isinstance(c, Mapping) and c.keys() == column.keys() for c in data.values())
        ):
            return _column_rows(data, list(column), named=True)
        if isinstance(column, list) and all(
            isinstance(c, list) and len(c) == len(column) for c in data.values()
        ):
            return _column_rows(data, list(range(len(column))), named=False)
    return None


def _is_content(value: Any) -> bool:
    """Return whether a value of a table is a structure: a dictionary, or lines of text."""
    if isinstance(value, str):
        return "\n" in value
    return isinstance(value, Mapping) and _structure(value) is not None


def _split_rows(columns: list[Any], rows: list[Any], index: Any) -> Entries:
    names = [str(c) for c in columns]
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            wrong = StructureError(
                "a row that does not fit the columns of its table",
                f"there are {len(names)} columns, and it is no list of as many values",
                "write the table again, with to_json of pandas",
            )
            yield "", partial(failed, wrong)
            continue
        own = index[number] if isinstance(index, list) and number < len(index) else None
        yield from _row(dict(zip(names, row, strict=True)), own)


def _column_rows(data: Mapping[str, Any], keys: Sequence[Any], *, named: bool) -> Entries:
    for key in keys:
        record = {name: column[key] for name, column in data.items()}
        yield from _row(record, key if named else None)


def _row(record: dict[str, Any], own: Any) -> Entries:
    """Yield the structure of one row; its own id, else its index if that is no number."""
    index = own if isinstance(own, str) and not own.isdecimal() else ""
    yield from _entries(record, label_of(record) or index, 1)


def _structure(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the mapping that is or holds the structure of a record, None if there is none."""
    inner = data.get("metadata")
    if _is_structure(data) or any(_is_held(key, data) for key in HOLDERS):
        return data
    if isinstance(inner, Mapping) and any(_is_held(key, inner) for key in HOLDERS):
        return inner
    return None


def holds_structure(data: Mapping[str, Any]) -> bool:
    """Return whether a mapping is something that `crystal_from_mapping` takes."""
    return _structure(data) is not None


def _is_held(key: str, data: Mapping[str, Any]) -> bool:
    """Return whether a record says that its structure is under a key, be it empty."""
    if key == "structure":
        return key in data
    return isinstance(data.get(key), Mapping | str) and bool(data[key])


def _is_structure(data: Mapping[str, Any]) -> bool:
    return (
        ("lattice" in data and ("sites" in data or "species" in data))
        or data.get("@class") == "Molecule"
        or _is_jarvis(data)
        or is_ase_atoms(data)
        or is_optimade(data)
    )


def _is_jarvis(data: Mapping[str, Any]) -> bool:
    return "lattice_mat" in data and "coords" in data and "elements" in data


def _no_structure(data: Any) -> StructureError:
    reason = "no lattice with sites was found in it"
    if isinstance(data, Mapping):
        keys = ", ".join(str(key)[:30] for key in list(data)[:8])
        reason += f"; its keys are {keys}" if keys else ""
    else:
        reason += f"; it is a {type(data).__name__}"
    return StructureError(
        "JSON without a crystal structure",
        reason,
        "give a pymatgen Structure (structure.as_dict()), a list of them, an ASE data base, or "
        "records with a structure under the key 'structure'",
    )


def crystal_from_mapping(data: Mapping[str, Any], name: str = "") -> Crystal:
    """Build a crystal from a dictionary of pymatgen, ASE, JARVIS or OPTIMADE, or a plain record.

    A record may hold the structure under ``structure``, ``atoms``, ``cif`` or ``poscar``, as a
    dictionary or as text.

    Raises
    ------
    StructureError
        If a part is missing or of the wrong kind, for molecules, and as `Crystal` does.
    """
    if is_optimade(data):
        return crystal_from_optimade(data, name)
    if is_ase_atoms(data):
        return crystal_of_ase_json(data, name)
    if _is_jarvis(data):
        return _crystal_of_jarvis(data, name)
    metadata = data.get("metadata")
    for record in (data, metadata if isinstance(metadata, Mapping) else {}):
        inner = next((record[key] for key in HOLDERS if record.get(key)), None)
        if isinstance(inner, str):
            return crystal_from_text(inner, name)
        if isinstance(inner, Mapping):
            if _structure(inner) is None and "lattice" not in inner:
                return _build_nested(inner, name)
            return crystal_from_mapping(inner, name)
    if data.get("@class") == "Molecule":
        raise StructureError(
            "a molecule, not a crystal", _PERIODIC, "put the molecule into a periodic crystal"
        )
    if "lattice" not in data:
        empty = data.get("structure", 0) in (None, "", {})
        raise StructureError(
            "a record whose structure is empty" if empty else "JSON without a crystal structure",
            "nothing stands under 'structure'" if empty else "it has no lattice",
            "fill it, or leave the record out",
        )
    return _crystal_of_sites(data, name)


def _crystal_of_sites(data: Mapping[str, Any], name: str) -> Crystal:
    """Build the crystal of a pymatgen dictionary or a plain record."""
    try:
        cell = _json_cell(data["lattice"])
        if "sites" not in data:
            if "frac_coords" not in data and "cart_coords" in data:
                coords = scaled(cell, np.array(data["cart_coords"], dtype=np.float64))
            else:
                coords = np.array(data["frac_coords"], dtype=np.float64)
            return Crystal.ordered(
                cell, coords, [element_symbol(str(s)) for s in data["species"]], name
            )
        sites = data["sites"]
        if all("abc" in site for site in sites):
            coords = np.array([site["abc"] for site in sites], dtype=np.float64)
        else:
            coords = scaled(cell, np.array([site["xyz"] for site in sites], dtype=np.float64))
        species = [_json_species(site["species"]) for site in sites]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StructureError(
            "incomplete structure in JSON",
            f"{type(error).__name__}: {error}",
            "write it again with structure.as_dict() of pymatgen",
        ) from None
    return crystal_of_species(cell, coords, species, name)


def _crystal_of_jarvis(data: Mapping[str, Any], name: str) -> Crystal:
    """Build the crystal of a dictionary of JARVIS (``jarvis.core.atoms.Atoms.to_dict``)."""
    try:
        cell = np.array(data["lattice_mat"], dtype=np.float64)
        coords = np.array(data["coords"], dtype=np.float64)
        symbols = [element_symbol(s) for s in data["elements"]]
        cartesian = str(data.get("cartesian", "")).lower()
        if cartesian in ("true", "1"):
            coords = scaled(cell, coords)
        elif cartesian not in ("false", "0") and (coords < -1.0).any() | (coords > 2.0).any():
            raise ValueError("'cartesian' does not say whether the coordinates are fractions")
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StructureError(
            "incomplete structure of JARVIS",
            f"{type(error).__name__}: {error}",
            "write it again with atoms.to_dict() of jarvis-tools",
        ) from None
    return Crystal.ordered(cell, coords, symbols, name)


def crystal_from_text(text: str, name: str = "") -> Crystal:
    """Build the one structure of text of a CIF, POSCAR or JSON file, as tables and records hold it.

    Raises
    ------
    StructureError
        If it is none of them, is broken, or holds several structures.
    """
    from phonodos.structures.cif.reading import read_cif
    from phonodos.structures.poscar import read_poscar

    kind = "cif" if "_cell_length_a" in text else format_of(text)
    readers = {"cif": read_cif, "poscar": read_poscar, "json": read_json}
    if kind not in readers:
        raise StructureError(
            f"a structure as text of the format {kind}",
            "in tables and records CIF, POSCAR and JSON are read",
            "write it as CIF or as a dictionary of pymatgen",
        )
    found: list[Build] = [build for _, build in readers[kind](text)]
    if len(found) != 1:
        raise StructureError(
            f"{len(found)} structures in one text",
            "which of them the record is about is open",
            "give a text with one structure",
        )
    return found[0](name)


def _json_cell(lattice: Any) -> Any:
    if not isinstance(lattice, Mapping):
        return np.array(lattice, dtype=np.float64)
    if not all(lattice.get("pbc", (True,))):
        raise StructureError(
            f"not periodic in all directions (pbc {lattice['pbc']})",
            _PERIODIC,
            "make the lattice periodic along all three vectors (a slab with its vacuum)",
        )
    if "matrix" in lattice:
        return np.array(lattice["matrix"], dtype=np.float64)
    from phonodos.structures.cif.reading import cell_from_parameters

    return cell_from_parameters(
        *(float(lattice[k]) for k in ("a", "b", "c", "alpha", "beta", "gamma"))
    )


def _json_species(species: Any) -> dict[str, float]:
    site: dict[str, float] = {}
    for item in species:
        symbol = str(item["element"])
        site[symbol] = site.get(symbol, 0.0) + float(item.get("occu", 1.0))
    return site
