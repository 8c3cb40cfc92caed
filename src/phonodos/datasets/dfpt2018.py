"""dfpt2018: DFPT phonons of 1,521 semiconductors (Petretto et al., Sci. Data 5, 180065, 2018).

ABINIT, PBEsol, one JSON file a material. Quirks: the DOS is in states/eV on a cm^-1 axis; two flags
are strings; thermodynamics is absent where a frequency is negative, and per formula unit as the
source counts them (Li2O2, where the row says LiO and gets the numbers of that); Born charges and
the dielectric tensor are often in another frame than the cell (`tensor_frame`).
"""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import crystal_row
from phonodos.datasets.kinds import Column, Kind, kept_lines
from phonodos.datasets.soundness import FRAME_TOLERANCE, sound_born_charges, sound_dielectric
from phonodos.datasets.tensor_frame import find_frame
from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.overlap import check_overlap
from phonodos.physics.target import RECIPE, spectrum_target
from phonodos.physics.units import WAVENUMBER_PER_EV
from phonodos.structures.archives import read_members
from phonodos.structures.objects import require_pymatgen

MOVED = 0.05  # [e]; tensors that the space group moves more are not in the cell's frame
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
        row |= _thermo(data.get("thermo") or {}, crystal, structure)
        row |= _tensors(data["dielectric"], structure)
    except KeyError as err:
        raise DataError("incomplete record", f"key {err} is missing", "see docs/data.md") from err
    except (TypeError, ValueError, IndexError, AttributeError) as err:
        raise DataError("malformed record", str(err), "see docs/data.md") from err
    return row | crystal_row(crystal, str(data["metadata"]["material_id"]), "dfpt2018")


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
    check_overlap(crystal)
    return crystal, structure


def _spectrum(phonon: Mapping[str, Any], crystal: Crystal) -> dict[str, Any]:
    frequencies = np.array(phonon["dos_frequencies"], dtype=np.float64)
    densities = np.array(phonon["ph_dos"], dtype=np.float64) / WAVENUMBER_PER_EV
    if frequencies.ndim != 1 or frequencies.shape != densities.shape:
        raise ValueError(f"DOS of shape {densities.shape} on an axis of {frequencies.shape}")
    _check_finite("the points of the DOS", frequencies, densities)
    if (np.diff(frequencies) <= 0).any():
        raise ValueError("the axis of the DOS does not rise")
    states = float(np.trapezoid(densities, frequencies))
    if abs(states / (3 * crystal.n_atoms) - 1.0) > INTEGRAL_TOLERANCE:
        raise ValueError(f"the DOS holds {states:.2f} states, not {3 * crystal.n_atoms}")
    return {
        "dos_frequencies": frequencies.tolist(),
        "dos_densities": densities.tolist(),
        "target": spectrum_target(frequencies, densities).tolist(),
    }


def _check_finite(what: str, *arrays: NDArray[np.float64]) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{what} hold values that are not finite")


def _bands(phonon: Mapping[str, Any], n_atoms: int) -> dict[str, Any]:
    qpoints = np.array(phonon["qpts"], dtype=np.float64)
    frequencies = np.array(phonon["ph_bandstructure"], dtype=np.float64)
    if qpoints.shape[1:] != (3,) or frequencies.shape != (len(qpoints), 3 * n_atoms):
        raise ValueError(f"bands of shape {frequencies.shape} at {len(qpoints)} q-points")
    _check_finite("the bands", qpoints, frequencies)
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


def _thermo(thermo: Mapping[str, Any], crystal: Crystal, structure: Any) -> dict[str, Any]:
    if not thermo:
        return dict.fromkeys(_THERMO)
    # The source counts formula units as pymatgen does: peroxides and N2 are not reduced to the end.
    theirs = structure.composition.get_reduced_composition_and_factor()[1]
    table = {
        name: np.array(thermo[key], dtype=np.float64) * (theirs / crystal.n_formula_units)
        for name, key in _THERMO.items()
    }
    table["thermo_temperatures"] = np.array(thermo["temperature"], dtype=np.float64)
    lengths = {values.shape for values in table.values()}
    if len(lengths) != 1 or len(*lengths) != 1:
        raise ValueError("the columns of the thermodynamics are no numbers, or differ in length")
    _check_finite("the thermodynamics", *table.values())
    return {name: values.tolist() for name, values in table.items()}


def _tensors(dielectric: Mapping[str, Any], structure: Any) -> dict[str, Any]:
    names = ("born_charges", "dielectric", "dielectric_static", "tensor_frame")
    absent = dict.fromkeys(names)
    unsound = {"born_sound": False, "dielectric_sound": False, "_residual": 0.0, "_own": 0.0}
    if dielectric.get("becs") is None or dielectric.get("eps_electronic") is None:
        return absent | unsound
    born = np.array(dielectric["becs"], dtype=np.float64)
    eps = np.array(dielectric["eps_electronic"], dtype=np.float64)
    if born.shape != (len(structure), 3, 3) or eps.shape != (3, 3):
        raise ValueError(f"Born charges of shape {born.shape}, dielectric tensor {eps.shape}")
    _check_finite("the Born charges or the dielectric tensor", born, eps)
    static = _static(dielectric)
    frame = find_frame(structure, born, eps)
    born, eps = (frame.rotation @ t @ frame.rotation.T for t in (born, eps))
    if static is not None:
        static = (frame.rotation @ static @ frame.rotation.T).ravel().tolist()
    fits = frame.residual <= FRAME_TOLERANCE
    return {
        "born_charges": born.ravel().tolist(),
        "dielectric": eps.ravel().tolist(),
        "dielectric_static": static,
        "tensor_frame": frame.name,
        "born_sound": sound_born_charges(born) and fits,
        "dielectric_sound": sound_dielectric(eps) and fits,
        "_residual": frame.residual,
        "_own": frame.cell_residual,
    }


def _static(dielectric: Mapping[str, Any]) -> Any:
    """Return the (3, 3) eps_0 as given; None where the source has none, as of unstable crystals."""
    if dielectric.get("eps_total") is None:
        return None
    static = np.array(dielectric["eps_total"], dtype=np.float64)
    if static.shape != (3, 3):
        raise ValueError(f"static dielectric tensor of shape {static.shape}")
    _check_finite("the static dielectric tensor", static)
    return static


def convert(member: tuple[str, bytes | DataError]) -> dict[str, Any]:
    """Return the row of a JSON file: its name and content, or why it has none.

    Raises
    ------
    DataError
        If it is no JSON, or no record of dfpt2018.
    """
    content = member[1]
    if isinstance(content, DataError):
        raise content
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as err:  # integers of thousands of digits: ValueError
        raise DataError("not a JSON file", str(err), "download it again") from err
    return read_record(record)


def _facts(column: Column) -> dict[str, Any]:
    charges, left = column("born_charges"), column("_residual")
    masks = zip(
        column("born_sound"), column("dielectric_sound"), column("large_cnsr_break"), strict=True
    )
    return {
        "frames": dict(Counter(frame or "none" for frame in column("tensor_frame"))),
        # [e], of Born charges that are no garbage, in the frame chosen
        "largest_residual": max(
            (
                residual
                for tensors, residual in zip(charges, left, strict=True)
                if tensors is not None and sound_born_charges(np.array(tensors))
            ),
            default=0.0,
        ),
        "moved_in_cell_frame": sum(own > MOVED for own in column("_own")),
        "sound": sum(born and eps and not broken for born, eps, broken in masks),
    }


def _lines(facts: Mapping[str, Any], written: int, kept: int) -> list[str]:
    def share(count: int) -> str:
        return f"{count} ({count / written:.1%})"

    frames = ", ".join(f"{name} {share(n)}" for name, n in sorted(facts["frames"].items()))
    return [
        *kept_lines(kept),
        f"frame the tensors were given in: {frames}",
        f"not fit for the frame of the cell as given: {share(facts['moved_in_cell_frame'])} "
        f"(the space group moves them by more than {MOVED} e); turned into it, it moves Born "
        f"charges by at most {facts['largest_residual']:.3f} e",
        f"sound by every mask: {share(facts['sound'])}",
    ]


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, name)


def _records(source: Path) -> Iterator[tuple[str, bytes | DataError]]:
    require_pymatgen("preparing dfpt2018")  # once, not a failure of every record
    return read_members(source)


KIND = Kind(
    records=_records,  # tar (any compression), zip, a folder of JSON files, or one of them
    name_of=itemgetter(0),
    convert=convert,
    recipe=lambda: {"target": RECIPE},
    order=_number,
    beside={"_residual": "double", "_own": "double"},
    facts=_facts,
    told={"tensor_frames": "frames"},
    lines=_lines,
    origin="dfpt2018",
    functional="PBEsol",
    nothing=(
        "there are no .json files in it",
        "give the archive 'Parsed phonon data' of Petretto et al. (2018), or its folder",
    ),
)
