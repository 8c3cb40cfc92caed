"""Parquet tables as a source: data sets of phonodos, results of a screening, tables of others."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.formats import ID_KEYS, crystal_from_mapping

BATCH = 512  # rows read at once

_CELLS = ("cell", "lattice")
_KINDS = "a column 'structure' (CIF text or a pymatgen dictionary), or 'cell' or 'lattice' "


def table_rows(path: Path) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
    """Yield (own id or "", build) of every row.

    A row holds its structure as ``structure`` (CIF text, or a pymatgen dictionary as JSON text or
    as a struct), or as ``cell`` or ``lattice`` (rows [A]), ``frac_coords`` and ``species``.

    Raises
    ------
    DataError
        If the file is no Parquet, or columns are missing.
    """
    file = _opened(path)
    names = set(file.schema_arrow.names)
    cell = next((name for name in _CELLS if name in names), None)
    missing = ([] if cell else ["cell"]) + sorted({"frac_coords", "species"} - names)
    if "structure" not in names and missing:
        raise DataError(
            f"{path} is no table of structures",
            f"columns are missing: {', '.join(missing)}",
            f"give {_KINDS}(rows in Angstrom) with 'frac_coords' and 'species'",
        )
    own = next((name for name in ID_KEYS if name in names), None)
    held = ["structure"] if "structure" in names else [str(cell), "frac_coords", "species"]
    columns = [*([own] if own else []), *held]
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
            yield "", partial(_raise, wrong)


def _raise(error: StructureError, name: str) -> Crystal:  # noqa: ARG001 - the shape of a build
    raise error


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
    structure = row.get("structure")
    if isinstance(structure, str) and structure.lstrip().startswith("{"):
        try:
            structure = json.loads(structure)
        except (ValueError, RecursionError) as error:
            raise StructureError(
                "the structure of the row is not JSON", str(error)[:200], "write the table again"
            ) from None
    if structure:
        return crystal_from_mapping({"structure": structure}, name)
    cell = row.get("cell", row.get("lattice"))
    coords, species = row.get("frac_coords"), row.get("species")
    if cell is None or coords is None or species is None:
        raise StructureError(
            "a row without a structure", "its cell, coordinates or species are empty", "fill them"
        )
    return crystal_of_row(cell, coords, species, name)


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
    return Crystal(lattice, places, tuple(sites), name)


def species_texts(crystal: Crystal) -> list[str]:
    """Return one text a site, as `crystal_of_row` reads it."""
    return [
        next(iter(site)) if len(site) == 1 else " ".join(f"{s}:{f!r}" for s, f in site.items())
        for site in crystal.occupancy
    ]


def site_of_text(text: str) -> dict[str, float]:
    """Return element -> fraction of a site written as ``Si`` or ``Cu:0.7 Au:0.3``."""
    if ":" not in text:
        return {text: 1.0}
    parts = (part.split(":") for part in text.split())
    return {symbol: float(share) for symbol, share in parts}
