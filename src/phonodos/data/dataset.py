"""`Dataset`: records of phonon calculations in one Parquet file, units and provenance inside.

One row a material. Columns that a source does not have are null. Arrays are stored flat.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 1
METADATA_KEY = b"phonodos"
CRYSTAL_COLUMNS = ("id", "species", "cell", "frac_coords")

# name: (type, unit or meaning)
COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("string", "identifier in the source"),
    "source": ("string", "data set the record comes from"),
    "formula": ("string", "reduced formula"),
    "n_atoms": ("int32", "atoms in the cell"),
    "species": ("list<string>", "element of every site"),
    "cell": ("list<double>", "lattice vectors as rows, 9 numbers [A]"),
    "frac_coords": ("list<double>", "fractional coordinates, 3 a site"),
    "dos_frequencies": ("list<double>", "axis [cm^-1]"),
    "dos_densities": ("list<double>", "[states / cm^-1 per cell], integral 3N"),
    "target": ("list<double>", "51 points, 0 to 1000 cm^-1, own maximum 1"),
    "band_qpoints": ("list<double>", "path, fractional, 3 a point"),
    "band_frequencies": ("list<double>", "3N a point [cm^-1], imaginary negative"),
    "born_charges": ("list<double>", "9 a site [e], cell frame, field index first"),
    "dielectric": ("list<double>", "high-frequency tensor, 9 numbers, cell frame"),
    "thermo_temperatures": ("list<double>", "[K]"),
    "thermo_heat_capacity": ("list<double>", "[J/(K mol of formula units)]"),
    "thermo_entropy": ("list<double>", "[J/(K mol of formula units)]"),
    "thermo_internal_energy": ("list<double>", "[J/mol of formula units]"),
    "thermo_free_energy": ("list<double>", "[J/mol of formula units]"),
    "tensor_frame": ("string", "frame the source gave the tensors in"),
    "has_negative_frequencies": ("bool", "flag of the source"),
    "small_q_negative_frequencies": ("bool", "flag of the source"),
    "large_asr_break": ("bool", "flag of the source: acoustic sum rule"),
    "large_cnsr_break": ("bool", "flag of the source: charge neutrality"),
    "born_sound": ("bool", "Born charges usable"),
    "dielectric_sound": ("bool", "dielectric tensor usable"),
}


def schema(provenance: Mapping[str, Any]) -> "pa.Schema":
    """Return the Arrow schema with units in the fields and provenance in the metadata."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "bool": pa.bool_(),
        "list<string>": pa.list_(pa.string()),
        "list<double>": pa.list_(pa.float64()),
    }
    fields = [
        pa.field(name, types[kind], metadata={"unit": unit})
        for name, (kind, unit) in COLUMNS.items()
    ]
    header = {"format_version": FORMAT_VERSION, **provenance}
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(header).encode()})


def write_dataset(
    path: Path, rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> None:
    """Write rows (keys of `COLUMNS`; absent ones are null) as one Parquet file, atomically.

    Raises
    ------
    DataError
        If there are no rows, or a row has a key that is no column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    unknown = {key for row in rows for key in row} - set(COLUMNS)
    if unknown or not rows:
        raise DataError(
            f"nothing sensible to write to {path}",
            f"unknown columns {sorted(unknown)}" if unknown else "there are no records",
            "check the source of the records",
        )
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    table = pa.Table.from_pydict(columns, schema=schema(provenance))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)


class Dataset:
    """Records of a Parquet file, or some of them; columns are read when asked for."""

    def __init__(self, path: Path, provenance: dict[str, Any], rows: list[int] | None) -> None:
        self._path = path
        self._rows = rows  # None: all, in the order of the file
        self._columns: dict[str, pa.ChunkedArray] = {}
        self.provenance = provenance

    @classmethod
    def open(cls, path: str | Path) -> "Dataset":
        """Return the data set in a Parquet file.

        Raises
        ------
        DataError
            If the file is missing, no Parquet, not ours, or of a newer format.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            found = pq.read_schema(path)
        except FileNotFoundError as err:
            raise DataError(
                f"no data set {path}",
                "the file does not exist",
                "make it with: phonodos data prepare dfpt2018 ARCHIVE -o " + str(path),
            ) from err
        except (pa.ArrowInvalid, OSError) as err:
            raise DataError(
                f"{path} is not a readable Parquet file",
                str(err),
                "make it again with phonodos data prepare",
            ) from err
        _check_schema(path, found)
        return cls(Path(path), dict(json.loads(found.metadata[METADATA_KEY])), None)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def ids(self) -> list[str]:
        """Identifier of every record."""
        return self.column("id")

    @cached_property
    def formulas(self) -> list[str]:
        """Reduced formula of every record."""
        return self.column("formula")

    def column(self, name: str) -> list[Any]:
        """Return a column as a list; null is None."""
        values: list[Any] = self._arrow(name).to_pylist()
        return values

    def _arrow(self, name: str) -> "pa.ChunkedArray":
        import pyarrow.parquet as pq

        if name not in self._columns:
            column = pq.read_table(self._path, columns=[name]).column(name)
            self._columns[name] = column if self._rows is None else column.take(self._rows)
        return self._columns[name]

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return a flag column as booleans; null counts as False."""
        return np.array([bool(v) for v in self.column(name)])

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """(n, 51) own-maximum spectra."""
        return np.array(self.column("target"), dtype=np.float64)

    def crystal(self, index: int) -> Crystal:
        """Return the crystal of a record, named by its id."""
        return _crystal(self._row(index, CRYSTAL_COLUMNS))

    def crystals(self) -> Iterator[Crystal]:
        """Yield the crystals of all records."""
        columns = [self.column(name) for name in CRYSTAL_COLUMNS]
        for values in zip(*columns, strict=True):
            yield _crystal(dict(zip(CRYSTAL_COLUMNS, values, strict=True)))

    def dos(self, index: int) -> PhononDos:
        """Return the full density of states of a record."""
        row = self._row(index, ("dos_frequencies", "dos_densities", "n_atoms"))
        return PhononDos(
            np.array(row["dos_frequencies"]), np.array(row["dos_densities"]), row["n_atoms"]
        )

    def bands(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return (nq, 3) fractional q-points and (nq, 3N) frequencies [cm^-1], or None."""
        row = self._row(index, ("band_qpoints", "band_frequencies"))
        if row["band_qpoints"] is None:
            return None
        qpoints = np.array(row["band_qpoints"]).reshape(-1, 3)
        return qpoints, np.array(row["band_frequencies"]).reshape(len(qpoints), -1)

    def born_charges(self, index: int) -> NDArray[np.float64] | None:
        """Return (N, 3, 3) Born charges [e] in the frame of the cell, or None."""
        values = self._row(index, ("born_charges",))["born_charges"]
        return None if values is None else np.array(values).reshape(-1, 3, 3)

    def dielectric(self, index: int) -> NDArray[np.float64] | None:
        """Return the (3, 3) high-frequency dielectric tensor in the frame of the cell, or None."""
        values = self._row(index, ("dielectric",))["dielectric"]
        return None if values is None else np.array(values).reshape(3, 3)

    def select(self, ids: Iterable[str]) -> "Dataset":
        """Return the records of `ids`, in that order.

        Raises
        ------
        DataError
            If an id is not in the data set; the missing ones are named.
        """
        place = {name: row for row, name in enumerate(self.ids)}
        wanted = list(ids)
        missing = [name for name in wanted if name not in place]
        if missing:
            shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
            raise DataError(
                f"{len(missing)} ids are not in {self._path}",
                f"not found: {shown}",
                "use the split that belongs to this data set, or prepare the data set again",
            )
        rows = [place[name] for name in wanted]
        if self._rows is not None:
            rows = [self._rows[row] for row in rows]
        return Dataset(self._path, self.provenance, rows)

    def _row(self, index: int, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._arrow(name)[index].as_py() for name in names}


def _crystal(row: Mapping[str, Any]) -> Crystal:
    return Crystal.ordered(
        np.array(row["cell"]).reshape(3, 3),
        np.array(row["frac_coords"]).reshape(-1, 3),
        row["species"],
        name=row["id"],
    )


def _check_schema(path: str | Path, found: "pa.Schema") -> None:
    metadata = found.metadata or {}
    missing = sorted(set(COLUMNS) - set(found.names))
    if METADATA_KEY not in metadata or missing:
        raise DataError(
            f"{path} is not a phonodos data set",
            f"columns are missing: {', '.join(missing)}" if missing else "it has no provenance",
            "make one with phonodos data prepare",
        )
    version = json.loads(metadata[METADATA_KEY]).get("format_version")
    if version != FORMAT_VERSION:
        raise DataError(
            f"{path} is of data format {version}",
            f"this version of phonodos reads format {FORMAT_VERSION}",
            "update phonodos, or make the data set again with phonodos data prepare",
        )
