"""Parquet tables as a source: data sets of phonodos, results of a screening, tables of others."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.builds import Entries, failed
from phonodos.structures.ids import ID_KEYS
from phonodos.structures.json_records import HOLDERS, crystal_from_mapping, crystal_from_text
from phonodos.structures.occupancies import occupied
from phonodos.structures.sites import element_symbol
from phonodos.structures.unpacking import text_of

BATCH = 512  # rows read at once

_CELLS = ("cell", "lattice")
_KINDS = (
    "a column 'structure' (text of CIF or POSCAR, or a dictionary of pymatgen, ASE or JARVIS; "
    "also 'atoms', 'cif' or 'poscar'), or 'cell' or 'lattice' "
)


def table_rows(path: Path) -> Entries:
    """Yield (own id or "", build) of every row.

    A row holds its structure as ``structure`` (or ``atoms``, ``cif``, ``poscar``: text of CIF or
    POSCAR, or a dictionary of pymatgen, ASE or JARVIS as JSON text or as a struct), or as ``cell``
    or ``lattice`` (rows [A]), ``frac_coords`` and ``species``.

    Raises
    ------
    DataError
        If the file is no Parquet, or columns are missing.
    """
    file = _opened(path)
    names = set(file.schema_arrow.names)
    cell = next((name for name in _CELLS if name in names), None)
    missing = ([] if cell else ["cell"]) + sorted({"frac_coords", "species"} - names)
    held = next((name for name in HOLDERS if name in names), None)
    if held is None and missing:
        raise DataError(
            f"{path} is no table of structures",
            f"columns are missing: {', '.join(missing)}",
            f"give {_KINDS}(rows in Angstrom) with 'frac_coords' and 'species'",
        )
    own = next((name for name in ID_KEYS if name in names), None)
    columns = [*([own] if own else []), *([held] if held else [cell, "frac_coords", "species"])]
    for group in range(file.num_row_groups):
        try:
            for batch in file.iter_batches(batch_size=BATCH, row_groups=[group], columns=columns):
                for row in batch.to_pylist():
                    label = row.pop(own, None) if own else None
                    yield "" if label is None else str(label), partial(_build, row)
        except Exception as error:  # damaged bytes, whatever Arrow says to them
            wrong = StructureError(
                f"rows of block {group + 1} of {file.num_row_groups} cannot be read",
                f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
                "write or copy the table again",
            )
            yield "", partial(failed, wrong)


def count_rows(path: Path) -> int:
    """Return the number of rows; raises `DataError` if the file is no Parquet."""
    return int(_opened(path).metadata.num_rows)


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as err:
        raise DataError(
            f"{path} is not a readable Parquet file", str(err), "write or copy it again"
        ) from err


def _build(row: Mapping[str, Any], name: str) -> Crystal:
    structure = next((row[key] for key in HOLDERS if row.get(key)), None)
    if isinstance(structure, bytes):
        structure = text_of(structure)
    if isinstance(structure, str):
        return crystal_from_text(structure, name)
    if structure:
        return crystal_from_mapping({"structure": _without_gaps(structure)}, name)
    cell = row.get("cell", row.get("lattice"))
    coords, species = row.get("frac_coords"), row.get("species")
    if cell is None or coords is None or species is None:
        raise StructureError(
            "a row without a structure", "its cell, coordinates or species are empty", "fill them"
        )
    return crystal_of_row(cell, coords, species, name)


def _without_gaps(value: Any) -> Any:
    """Return a struct of Arrow without the fields that only other rows have (null here)."""
    if isinstance(value, Mapping):
        return {key: _without_gaps(part) for key, part in value.items() if part is not None}
    return [_without_gaps(part) for part in value] if isinstance(value, list) else value


def crystal_of_row(cell: Any, coords: Any, species: list[str], name: str) -> Crystal:
    """Build a crystal from flat or nested numbers and one text a site.

    A mixed site is written ``Cu:0.7 Au:0.3``.

    Raises
    ------
    StructureError
        If the numbers do not make a crystal.
    """
    try:
        lattice = np.array(cell, dtype=np.float64)
        places = np.array(coords, dtype=np.float64)
        if lattice.shape not in ((9,), (3, 3)) or places.shape[1:] not in ((), (3,)):
            raise ValueError(f"a cell of shape {lattice.shape}, coordinates of {places.shape}")
        lattice, places = lattice.reshape(3, 3), places.reshape(-1, 3)
        sites = [site_of_text(text) for text in species]
    except (TypeError, ValueError, AttributeError) as error:
        raise StructureError(
            "a row whose numbers make no structure",
            f"{error}",
            "give 9 numbers a cell, 3 numbers and one species a site",
        ) from None
    return occupied(lattice, places, sites, name)


def species_texts(crystal: Crystal) -> list[str]:
    """Return one text a site, as `crystal_of_row` reads it."""
    return [
        next(iter(site)) if len(site) == 1 else " ".join(f"{s}:{f!r}" for s, f in site.items())
        for site in crystal.occupancy
    ]


def site_of_text(text: str) -> dict[str, float]:
    """Return element -> fraction of a site written as ``Si`` or ``Cu:0.7 Au:0.3``."""
    if ":" not in text:
        return {element_symbol(text): 1.0}
    site: dict[str, float] = {}
    for part in text.split():
        word, share = part.split(":")
        symbol = element_symbol(word)
        site[symbol] = site.get(symbol, 0.0) + float(share)
    return site
