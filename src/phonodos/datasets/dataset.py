"""`Dataset`: records of phonon calculations in one Parquet file, units and provenance inside.

One row a material. Columns that a source does not have are null. Arrays are stored flat.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from errno import EISDIR
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.columns import (
    COLUMNS,
    METADATA_KEY,
    arrow_type,
    check_schema,
    schema,
)
from phonodos.datasets.force_constants import ForceConstants
from phonodos.datasets.soundness import soft_at_gamma
from phonodos.errors import DataError
from phonodos.files import replacing
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTED_BY = "predicted_by"  # in the provenance: weights whose answers the records are
CRYSTAL_COLUMNS = ("id", "species", "cell", "frac_coords")


def write_dataset(
    path: Path, rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> None:
    """Write rows (keys of `COLUMNS`; absent ones are null) as one Parquet file, atomically.

    Raises
    ------
    DataError
        If there are no rows, a row has a key that is no column, or the disk refuses.
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
    check_writable(path)
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    table = pa.Table.from_pydict(columns, schema=schema(provenance))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def check_writable(path: Path) -> None:
    """Make the folder of `path`; raise `DataError` if no file can be written there."""
    probe = path.with_name(path.name + ".partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as err:
        raise unwritable(path, err) from err


def unwritable(path: Path, err: OSError) -> DataError:
    """Return the error to raise where the disk refuses a file."""
    return DataError(
        f"{path} cannot be written", err.strerror or str(err), "choose another file with -o"
    )


class Dataset:
    """Records of a Parquet file, or some of them; columns are read when asked for."""

    def __init__(
        self,
        path: Path,
        provenance: dict[str, Any],
        rows: list[int] | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        self.path = path
        self._rows = rows  # None: all, in the order of the file
        self._columns: dict[str, pa.ChunkedArray] = {}
        self._absent = absent
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
        check_schema(path, found)
        provenance = dict(json.loads(found.metadata[METADATA_KEY]))
        return cls(Path(path), provenance, absent=frozenset(COLUMNS) - set(found.names))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_predicted(self) -> bool:
        """Whether the records are predictions, made to teach a network what others say."""
        return PREDICTED_BY in self.provenance

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

        if name not in self._columns and name in self._absent:
            import pyarrow as pa

            self._columns[name] = pa.chunked_array(
                [pa.nulls(len(self), arrow_type(COLUMNS[name][0]))]
            )
        elif name not in self._columns:
            column = pq.read_table(self.path, columns=[name]).column(name)
            self._columns[name] = column if self._rows is None else column.take(self._rows)
        return self._columns[name]

    def present(self, name: str) -> int:
        """Return how many records have a value in a column."""
        column = self._arrow(name)
        return len(column) - int(column.null_count)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return a flag column as booleans; null counts as False."""
        return np.array([bool(v) for v in self.column(name)])

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """(n, 51) own-maximum spectra; raises `DataError` if a record has none."""
        if self.present("target") < len(self):
            raise DataError(
                f"{self.path}: records that have no target",
                "the data set was made without densities of states",
                "make it again with phonodos data prepare ... --dos",
            )
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
        """Return the full density of states of a record, projected on the sites if that is known.

        Raises
        ------
        DataError
            If the record has none.
        """
        frequencies = self._numbers("dos_frequencies", index)
        densities = self._numbers("dos_densities", index)
        if frequencies is None or densities is None:
            raise DataError(
                f"{self.ids[index]} has no density of states",
                "the data set was made without",
                "make it again with phonodos data prepare ... --dos",
            )
        projected = self._numbers("projected_densities", index, np.float64)
        n_atoms = self._arrow("n_atoms")[index].as_py()
        if projected is not None:
            projected = projected.reshape(n_atoms, len(frequencies))
        return PhononDos(frequencies, densities, n_atoms, projected)

    def force_constants(self, index: int) -> ForceConstants | None:
        """Return the short-range force constants of a record, or None."""
        centres = self._numbers("force_constant_centres", index, np.int64)
        neighbours = self._numbers("force_constant_neighbours", index, np.int64)
        images = self._numbers("force_constant_images", index, np.int64)
        tensors = self._numbers("force_constant_tensors", index)
        on_site = self._numbers("on_site", index, np.float64)
        supercell = self._numbers("supercell", index)
        if any(v is None for v in (centres, neighbours, images, tensors, on_site, supercell)):
            return None
        found = ForceConstants(
            centres=centres,
            neighbours=neighbours,
            images=images.reshape(-1, 3),
            tensors=tensors.reshape(-1, 3, 3),
            on_site=on_site.reshape(-1, 3, 3),
            supercell=supercell.astype(np.int64).reshape(3, 3),
            has_nac=bool(self._arrow("has_nac")[index].as_py()),
        )
        return found.both_ways() if "packed" in self.provenance else found

    def tensor(self, name: str, index: int) -> NDArray[np.float64] | None:
        """Return Born charges [e] or a dielectric tensor, flat; None if absent or unsound.

        ``dielectric_static`` is sound where ``dielectric`` and the Born charges are, which it was
        made from, and where no mode is soft: neither by the flags nor an optic one at Gamma.
        """
        static = name == "dielectric_static"
        needed = ("dielectric", "born") if static else (name.removesuffix("_charges"),)
        sound = all(self._arrow(f"{n}_sound")[index].as_py() for n in needed)
        if not sound or (static and self._is_soft(index)):
            return None
        found: NDArray[np.float64] | None = self._numbers(name, index, np.float64)
        return found

    def _is_soft(self, index: int) -> bool:
        """Return whether a record has imaginary modes by its flags, or soft optic ones at Gamma."""
        flags = ("has_negative_frequencies", "small_q_negative_frequencies")
        bands = self.bands(index)
        return any(self._row(index, flags).values()) or (
            bands is not None and soft_at_gamma(*bands)
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
                f"{len(missing)} ids are not in {self.path}",
                f"not found: {shown}",
                "use the split that belongs to this data set, or prepare the data set again",
            )
        rows = [place[name] for name in wanted]
        if self._rows is not None:
            rows = [self._rows[row] for row in rows]
        return Dataset(self.path, self.provenance, rows, self._absent)

    def _numbers(self, name: str, index: int, kind: Any = None) -> Any:
        """Return a list of numbers as an array of its own (no Python objects between), or None."""
        value = self._arrow(name)[index]
        if not value.is_valid:
            return None
        found = value.values.to_numpy(zero_copy_only=False)
        return np.array(found, dtype=kind)

    def _row(self, index: int, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._arrow(name)[index].as_py() for name in names}


def crystal_row(crystal: Crystal, name: str, source: str) -> dict[str, Any]:
    """Return the columns that say which record it is and of what crystal."""
    return {
        "id": name,
        "source": source,
        "formula": crystal.formula,
        "n_atoms": crystal.n_atoms,
        "species": list(crystal.symbols),
        "cell": crystal.cell.ravel().tolist(),
        "frac_coords": crystal.frac_coords.ravel().tolist(),
    }


def _crystal(row: Mapping[str, Any]) -> Crystal:
    return Crystal.ordered(
        np.array(row["cell"]).reshape(3, 3),
        np.array(row["frac_coords"]).reshape(-1, 3),
        row["species"],
        name=row["id"],
    )
