"""A data set packed for training: what a network learns from, in single precision, nothing else.

A packed file is a data set like any other (`Dataset` reads it), without thermodynamics and the DOS
of single atoms, and with every bond once: Phi_ji is the transpose of Phi_ij.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.columns import COLUMNS, NOT_TAUGHT, arrow_type, schema
from phonodos.datasets.dataset import Dataset, check_writable
from phonodos.errors import ConfigError
from phonodos.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa

# Kept in single precision, which is what training computes in. Cells, coordinates and q-points
# stay double: symmetry is found from them.
SINGLE = (
    "dos_densities",
    "target",
    "band_frequencies",
    "born_charges",
    "dielectric",
    "on_site",
    "force_constant_tensors",
)
EDGES = (
    "force_constant_centres",
    "force_constant_neighbours",
    "force_constant_images",
    "force_constant_tensors",
)
LEVEL = 9  # of zstd
AT_ONCE = 128  # records


@dataclass(frozen=True)
class PackReport:
    """What became of a data set."""

    output: Path
    records: int
    bytes_before: int
    bytes_after: int

    def sizes(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {
            "records": self.records,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
        }

    def line(self) -> str:
        """Return the sizes in words [MB]."""
        after, before = (size / 1e6 for size in (self.bytes_after, self.bytes_before))
        return f"packed: {after:.1f} MB, before {before:.1f} MB"


def pack(dataset: Path, output: Path, *, cutoff: float | None = None) -> PackReport:
    """Write the part of a data set that training needs; the output may be the data set itself.

    Parameters
    ----------
    dataset
        Parquet file of `phonodos data prepare`.
    output
        Parquet file to write.
    cutoff
        Longest bond to keep [A]: that of the network to be trained; None keeps all.

    Raises
    ------
    ConfigError
        If the cutoff is not positive.
    DataError
        If the data set cannot be read, or the output cannot be written.
    """
    import pyarrow.parquet as pq

    if cutoff is not None and not cutoff > 0.0:
        raise ConfigError(f"cutoff {cutoff:g} A", "it must be positive", "use that of the network")
    known = Dataset.open(dataset)
    check_writable(output)
    before = dataset.stat().st_size
    whole = _schema(known.provenance, cutoff)
    names = [n for n in whole.names if n in pq.read_schema(dataset).names]
    with (
        replacing(output) as partial,
        pq.ParquetWriter(partial, whole, **_encoding(whole)) as writer,
    ):
        for batch in pq.ParquetFile(dataset).iter_batches(AT_ONCE, columns=names):
            writer.write_table(_packed(batch, whole, cutoff))
    return PackReport(output, len(known), before, output.stat().st_size)


def _schema(provenance: Mapping[str, Any], cutoff: float | None) -> "pa.Schema":
    import pyarrow as pa

    listed = provenance.get("cutoff_A")
    said = dict(provenance) | {"packed": "single precision, every bond once"}
    if cutoff is not None and listed is not None:
        said["cutoff_A"] = min(cutoff, listed)
    full = schema(said)
    fields = [
        field.with_type(pa.list_(pa.float32())) if field.name in SINGLE else field
        for field in full
        if field.name not in NOT_TAUGHT
    ]
    return pa.schema(fields, metadata=full.metadata)


def _encoding(whole: "pa.Schema") -> dict[str, Any]:
    """Return how to write: bytes of floats sorted by their place in the number, which zstd likes.

    Lossless, and known to every reader of Parquet.
    """
    split = [*SINGLE, "dos_frequencies"]
    others = [
        f"{name}.list.element" if COLUMNS[name][0].startswith("list") else name
        for name in whole.names
        if name not in split
    ]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_byte_stream_split": [f"{name}.list.element" for name in split],
        "use_dictionary": others,
    }


def _packed(batch: "pa.RecordBatch", whole: "pa.Schema", cutoff: float | None) -> "pa.Table":
    import pyarrow as pa

    columns = {}
    if set(EDGES) <= set(batch.schema.names):
        rows = list(_bonds(batch, cutoff))
        for k, name in enumerate(EDGES):
            values = [None if row is None else row[k].ravel() for row in rows]
            columns[name] = pa.array(values, arrow_type(COLUMNS[name][0]))
    for field in whole:
        if field.name in columns:
            continue
        if field.name in batch.schema.names:
            columns[field.name] = batch.column(field.name).cast(field.type)
        else:
            columns[field.name] = pa.nulls(len(batch), field.type)
    return pa.Table.from_arrays([columns[name] for name in whole.names], schema=whole)


def _bonds(
    batch: "pa.RecordBatch", cutoff: float | None
) -> Iterator[tuple[NDArray[Any], ...] | None]:
    """Yield centres, neighbours, images and tensors of the bonds of every record, each once."""

    def numbers(name: str, row: int) -> NDArray[Any]:
        return np.array(batch.column(name)[row].values)

    for row in range(len(batch)):
        if not all(batch.column(name)[row].is_valid for name in EDGES):
            yield None
            continue
        i, j, images, tensors = (numbers(name, row) for name in EDGES)
        edges = np.column_stack([i, j, images.reshape(-1, 3)]).astype(np.int64)
        tensors = tensors.reshape(-1, 3, 3)
        if cutoff is not None:
            coords = numbers("frac_coords", row).reshape(-1, 3)
            apart = coords[edges[:, 1]] - coords[edges[:, 0]] + edges[:, 2:]
            lengths = np.linalg.norm(apart @ numbers("cell", row).reshape(3, 3), axis=1)
            edges, tensors = edges[lengths < cutoff], tensors[lengths < cutoff]
        edges, tensors = one_direction(edges, tensors)
        yield edges[:, 0], edges[:, 1], edges[:, 2:], tensors


def one_direction(
    edges: NDArray[np.int64], tensors: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the edges (i, j, S1, S2, S3) from an atom to a later one, or backwards to itself.

    They are the ones that training looks up. Of an edge listed the other way only, the reverse is
    returned, with the tensor transposed.
    """
    step = np.column_stack([edges[:, 1] - edges[:, 0], -edges[:, 2:]])
    first = np.take_along_axis(step, (step != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    ahead = first > 0
    back = np.column_stack([edges[~ahead][:, [1, 0]], -edges[~ahead][:, 2:]])
    both = np.concatenate([edges[ahead], back])
    found, place = np.unique(both, axis=0, return_index=True)
    return found, np.concatenate([tensors[ahead], tensors[~ahead].transpose(0, 2, 1)])[place]
