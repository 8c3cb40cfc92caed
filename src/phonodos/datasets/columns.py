"""The columns of a data set: names, types, units."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonodos.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 1
METADATA_KEY = b"phonodos"

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
    "dielectric_static": (
        "list<double>",
        "static tensor of the clamped cell, 9 numbers, cell frame",
    ),
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
    "has_nac": ("bool", "dipole term known and separated from the force constants"),
    "force_constant_centres": ("list<int16>", "atom i of every edge i -> j"),
    "force_constant_neighbours": ("list<int16>", "atom j of every edge"),
    "force_constant_images": ("list<int8>", "3 an edge: S of r_ij = r_j - r_i + S cell"),
    "force_constant_tensors": ("list<float>", "9 an edge, short-range Phi_ij [eV/A^2]"),
    "on_site": ("list<double>", "9 a site, A_i of the acoustic sum rule [eV/A^2]"),
    "supercell": ("list<int32>", "9 numbers: its lattice vectors in those of the cell, as rows"),
    "commensurate_qpoints": ("list<double>", "waves that repeat in the supercell, 3 a point"),
    "commensurate_frequencies": ("list<double>", "3N a point [cm^-1]; Gamma without a direction"),
    "projected_densities": ("list<float>", "share of every site in the DOS, site by site"),
}
# Data sets written before these columns existed do not have them.
OPTIONAL = frozenset(
    (
        "dielectric_static",
        "has_nac",
        "force_constant_centres",
        "force_constant_neighbours",
        "force_constant_images",
        "force_constant_tensors",
        "on_site",
        "supercell",
        "commensurate_qpoints",
        "commensurate_frequencies",
        "projected_densities",
    )
)
# Training looks at none of these; packed data sets do without.
NOT_TAUGHT = frozenset(
    (
        "dielectric_static",
        "thermo_temperatures",
        "thermo_heat_capacity",
        "thermo_entropy",
        "thermo_internal_energy",
        "thermo_free_energy",
        "tensor_frame",
        "projected_densities",
    )
)


def schema(provenance: Mapping[str, Any]) -> "pa.Schema":
    """Return the Arrow schema with units in the fields and provenance in the metadata."""
    import pyarrow as pa

    header = {"format_version": FORMAT_VERSION, **provenance}
    fields = [
        pa.field(name, arrow_type(kind), metadata={"unit": unit})
        for name, (kind, unit) in COLUMNS.items()
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(header).encode()})


def arrow_type(kind: str) -> "pa.DataType":
    """Return the Arrow type that `COLUMNS` calls so."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int8": pa.int8(),
        "int16": pa.int16(),
        "int32": pa.int32(),
        "bool": pa.bool_(),
        "float": pa.float32(),
        "double": pa.float64(),
    }
    inner = kind.removeprefix("list<").removesuffix(">")
    return types[kind] if kind in types else pa.list_(types[inner])


def check_schema(path: str | Path, found: "pa.Schema") -> None:
    """Raise `DataError` if a Parquet schema is not that of a data set we can read."""
    metadata = found.metadata or {}
    missing = sorted(set(COLUMNS) - OPTIONAL - NOT_TAUGHT - set(found.names))
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
