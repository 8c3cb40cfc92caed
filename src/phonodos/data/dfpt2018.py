"""dfpt2018: DFPT phonons of 1,521 semiconductors (Petretto et al., Sci. Data 5, 180065, 2018).

ABINIT, PBEsol, one JSON file a material. Quirks: the DOS is in states/eV on a cm^-1 axis, two flags
are strings, thermodynamics is per formula unit and absent where a frequency is negative, and Born
charges and the dielectric tensor are often in another frame than the cell (`tensor_frame`).
"""

import hashlib
import json
import multiprocessing
import tarfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.data.dataset import write_dataset
from phonodos.data.tensor_frame import find_frame
from phonodos.errors import DataError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import RECIPE, spectrum_target
from phonodos.physics.units import WAVENUMBER_PER_EV

LARGEST_BORN_CHARGE = 12.0  # [e]
LARGEST_DIELECTRIC = 60.0  # mean of the diagonal; beyond it the gap has closed in the calculation
FRAME_TOLERANCE = 0.06  # [e], what the space group may move
INTEGRAL_TOLERANCE = 0.05  # of 3N

_THERMO = {
    "thermo_temperatures": "temperature",
    "thermo_heat_capacity": "C_v",
    "thermo_entropy": "entropy",
    "thermo_internal_energy": "internal",
    "thermo_free_energy": "helmholtz_energy",
}
_FLAGS = {
    "has_negative_frequencies": "has_neg_fr",
    "small_q_negative_frequencies": "small_q_neg_fr",
    "large_asr_break": "large_asr_break",
    "large_cnsr_break": "large_cnsr_break",
}


@dataclass(frozen=True)
class PrepareReport:
    """What became of the records."""

    output: Path
    written: int
    failed: Mapping[str, str]  # record -> reason
    frames: Mapping[str, int]
    largest_residual: float  # [e], of sound Born charges in the frame chosen
    moved_in_cell_frame: int
    sound: int


def prepare(
    source: Path,
    output: Path,
    *,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> PrepareReport:
    """Read the records in an archive or a folder and write one data set.

    Parameters
    ----------
    source
        tar (any compression), zip, a folder of JSON files, or one JSON file.
    output
        Parquet file to write.
    workers
        Processes that convert records.
    progress
        Called with the number of records done.

    Raises
    ------
    DataError
        If the source is missing or unreadable, holds no records, or all of them fail.
    """
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        for name, row, reason in pool.imap(_convert, read_members(source), chunksize=8):
            if row is None:
                failed[name] = reason
            else:
                rows.append(row)
            if progress is not None:
                progress(len(rows) + len(failed))
    if not rows:
        shown = next(iter(failed.items()), ("", "there are no .json files in it"))
        raise DataError(
            f"no record of {source} could be read",
            f"{shown[0]}: {shown[1]}".lstrip(": "),
            "give the archive 'Parsed phonon data' of Petretto et al. (2018), or its folder",
        )
    rows.sort(key=lambda row: _number(row["id"]))
    report = _report(output, rows, failed)
    write_dataset(output, [_public(row) for row in rows], _provenance(source, report))
    return report


def read_members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every JSON file in an archive or folder; nothing is unpacked.

    Raises
    ------
    DataError
        If the source does not exist or is no archive we can read.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*.json")):
            yield path.stem, path.read_bytes()
        return
    if not source.is_file():
        raise DataError(f"no archive {source}", "it does not exist", "check the path")
    try:
        if source.suffix == ".json":
            yield source.stem, source.read_bytes()
        elif zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json"):
                        yield PurePosixPath(name).stem, archive.read(name)
        else:
            with tarfile.open(source, "r|*") as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.name.endswith(".json") else None
                    if file is not None:
                        yield PurePosixPath(member.name).stem, file.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as err:
        raise DataError(
            f"{source} cannot be read as an archive",
            f"it is damaged, cut off, or neither tar nor zip ({err})",
            "download it again; see phonodos data fetch dfpt2018",
        ) from err


def read_record(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of one record: columns of the data set and the residuals of its frame.

    Raises
    ------
    DataError
        If a key is missing, an array has the wrong shape, or the DOS is not one.
    """
    try:
        crystal, structure = _crystal(data["metadata"])
        row = _spectrum(data["phonon"], crystal) | _bands(data["phonon"], crystal.n_atoms)
        row |= {name: _flag(data["flags"][key]) for name, key in _FLAGS.items()}
        row |= _thermo(data.get("thermo") or {})
        row |= _tensors(data["dielectric"], structure)
    except KeyError as err:
        raise DataError("incomplete record", f"key {err} is missing", "see docs/data.md") from err
    except (TypeError, ValueError, IndexError, AttributeError) as err:
        raise DataError("malformed record", str(err), "see docs/data.md") from err
    row |= {
        "id": str(data["metadata"]["material_id"]),
        "source": "dfpt2018",
        "formula": crystal.formula,
        "n_atoms": crystal.n_atoms,
        "species": list(crystal.symbols),
        "cell": crystal.cell.ravel().tolist(),
        "frac_coords": crystal.frac_coords.ravel().tolist(),
    }
    return row


def _convert(item: tuple[str, bytes]) -> tuple[str, dict[str, Any] | None, str]:
    name, content = item
    try:
        return name, read_record(json.loads(content)), ""
    except PhonodosError as err:
        return name, None, f"{err.summary}: {err.reason}"
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        return name, None, f"not a JSON file: {err}"


def _crystal(metadata: Mapping[str, Any]) -> tuple[Crystal, Any]:
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rounding of coordinates to thirds, as intended
        structure = CifParser.from_str(metadata["structure"]).parse_structures(primitive=False)[0]
    if len(structure) != metadata["nsites"]:
        raise ValueError(f"{len(structure)} atoms in the CIF, {metadata['nsites']} expected")
    symbols = [site.specie.symbol for site in structure]
    crystal = Crystal.ordered(
        structure.lattice.matrix, structure.frac_coords, symbols, str(metadata["material_id"])
    )
    return crystal, structure


def _spectrum(phonon: Mapping[str, Any], crystal: Crystal) -> dict[str, Any]:
    frequencies = np.array(phonon["dos_frequencies"], dtype=np.float64)
    densities = np.array(phonon["ph_dos"], dtype=np.float64) / WAVENUMBER_PER_EV
    if frequencies.shape != densities.shape or (np.diff(frequencies) <= 0).any():
        raise ValueError("the axis of the DOS does not rise or does not fit it")
    if not (np.isfinite(frequencies).all() and np.isfinite(densities).all()):
        raise ValueError("the DOS holds values that are not finite")
    states = float(np.trapezoid(densities, frequencies))
    if abs(states / (3 * crystal.n_atoms) - 1.0) > INTEGRAL_TOLERANCE:
        raise ValueError(f"the DOS holds {states:.2f} states, not {3 * crystal.n_atoms}")
    return {
        "dos_frequencies": frequencies.tolist(),
        "dos_densities": densities.tolist(),
        "target": spectrum_target(frequencies, densities).tolist(),
    }


def _bands(phonon: Mapping[str, Any], n_atoms: int) -> dict[str, Any]:
    qpoints = np.array(phonon["qpts"], dtype=np.float64)
    frequencies = np.array(phonon["ph_bandstructure"], dtype=np.float64)
    if qpoints.shape[1:] != (3,) or frequencies.shape != (len(qpoints), 3 * n_atoms):
        raise ValueError(f"bands of shape {frequencies.shape} at {len(qpoints)} q-points")
    return {
        "band_qpoints": qpoints.ravel().tolist(),
        "band_frequencies": frequencies.ravel().tolist(),
    }


def _flag(value: object) -> bool:
    if value in (True, "True"):
        return True
    if value in (False, "False"):
        return False
    raise ValueError(f"flag {value!r} is neither true nor false")


def _thermo(thermo: Mapping[str, Any]) -> dict[str, Any]:
    if not thermo:
        return dict.fromkeys(_THERMO)
    return {name: [float(v) for v in thermo[key]] for name, key in _THERMO.items()}


def _tensors(dielectric: Mapping[str, Any], structure: Any) -> dict[str, Any]:
    absent = {"born_charges": None, "dielectric": None, "tensor_frame": None}
    unsound = {"born_sound": False, "dielectric_sound": False, "_residual": 0.0, "_own": 0.0}
    if dielectric.get("becs") is None or dielectric.get("eps_electronic") is None:
        return absent | unsound
    born = np.array(dielectric["becs"], dtype=np.float64)
    eps = np.array(dielectric["eps_electronic"], dtype=np.float64)
    if born.shape != (len(structure), 3, 3) or eps.shape != (3, 3):
        raise ValueError(f"Born charges of shape {born.shape}, dielectric tensor {eps.shape}")
    frame = find_frame(structure, born, eps)
    born, eps = (frame.rotation @ t @ frame.rotation.T for t in (born, eps))
    fits = frame.residual <= FRAME_TOLERANCE
    return {
        "born_charges": born.ravel().tolist(),
        "dielectric": eps.ravel().tolist(),
        "tensor_frame": frame.name,
        "born_sound": bool(np.abs(born).max() <= LARGEST_BORN_CHARGE and fits),
        "dielectric_sound": _sound_dielectric(eps) and fits,
        "_residual": frame.residual,
        "_own": frame.cell_residual,
    }


def _sound_dielectric(eps: NDArray[np.float64]) -> bool:
    smallest = np.linalg.eigvalsh((eps + eps.T) / 2.0)[0]
    return bool(np.trace(eps) / 3.0 <= LARGEST_DIELECTRIC and smallest > 1.0)


def _report(output: Path, rows: list[dict[str, Any]], failed: dict[str, str]) -> PrepareReport:
    sane = [r for r in rows if r["born_charges"] and np.abs(r["born_charges"]).max() <= 12.0]
    return PrepareReport(
        output=output,
        written=len(rows),
        failed=failed,
        frames=dict(Counter(r["tensor_frame"] or "none" for r in rows)),
        largest_residual=max((r["_residual"] for r in sane), default=0.0),
        moved_in_cell_frame=sum(r["_own"] > 0.05 for r in rows),
        sound=sum(
            r["born_sound"] and r["dielectric_sound"] and not r["large_cnsr_break"] for r in rows
        ),
    )


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _provenance(source: Path, report: PrepareReport) -> dict[str, Any]:
    from phonodos import __version__

    return {
        "sources": [{"name": source.name, "sha256": _sha256(source), "kind": "dfpt2018"}],
        "citation": "Petretto et al., Sci. Data 5, 180065 (2018)",
        "functional": "PBEsol",
        "made_by": f"phonodos {__version__}",
        "target": RECIPE,
        "records": report.written,
        "failed": dict(report.failed),
        "tensor_frames": dict(report.frames),
    }


def _sha256(source: Path) -> str | None:
    if not source.is_file():
        return None
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0, name)
