"""What a report says of crystal, numbers, stability, bands and modes, as records for JSON."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.formula import in_html
from phonodos.physics.path import corner_symbol
from phonodos.physics.primitive import primitive_cell, space_group
from phonodos.physics.thermodynamics import cells_per
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.record import interval_record, largest_record, quantities
from phonodos.studies.bands import BandStudy
from phonodos.studies.harmonic import numbers
from phonodos.studies.modes import ModeStudy

PATTERN_DIGITS = 4  # of displacements that are drawn, the largest of which is 1
MOST_IN_PATTERNS = 1_000_000  # numbers of all patterns together; larger cells have none
UNSAID = re.compile(r" at \d+ K$| \(2nd moment\)$")  # of a unit: it stands beside it
SHOWN = (  # quantity, words, digits, what its number is multiplied with, temperature [K]
    ("mean_frequency", "mean frequency", 0, "frequency", None),
    ("max_frequency", "highest frequency", 0, "frequency", None),
    ("heat_capacity", "heat capacity C_V at 300 K", 2, "amount", ROOM_TEMPERATURE),
    ("entropy", "entropy S at 300 K", 2, "amount", ROOM_TEMPERATURE),
    ("zero_point_energy", "zero-point energy", 2, "amount", None),
    ("debye_temperature", "Debye temperature (2nd moment)", 0, None, None),
)


def model_in_words(prediction: Prediction) -> str:
    n = max(1, len(prediction.members))
    what = "density of states" if prediction.lattice is None else "lattice dynamics"
    return f"a network of the {what}" if n == 1 else f"mean of {n} networks of the {what}"


def crystal_record(prediction: Prediction) -> dict[str, Any]:
    """Return the crystal as given; its space group is that of the primitive cell, found before."""
    crystal, lattice = prediction.crystal, prediction.lattice
    group = space_group(crystal if lattice is None else lattice.crystal)
    sites = [
        {
            "label": "".join(site) + str(i + 1),
            "elements": dict(site),
            "fractional": crystal.frac_coords[i].tolist(),
            "cartesian": crystal.positions[i].tolist(),
            "mass_amu": float(crystal.masses[i]),
        }
        for i, site in enumerate(crystal.occupancy)
    ]
    return {
        "formula": crystal.written_formula,
        "formula_html": in_html(crystal.written_formula),
        "n_atoms": crystal.n_atoms,
        "n_formula_units": crystal.n_formula_units,
        "space_group": None if group is None else {"number": group[0], "symbol": group[1]},
        "cell": crystal.cell.tolist(),
        "volume_a3": crystal.volume,
        "density_g_cm3": 1000.0 * cells_per("cm3", crystal) / cells_per("kg", crystal),
        "sites": sites,
    }


def summary_rows(prediction: Prediction) -> list[dict[str, Any]]:
    """Return the rows of the table of `predict`; numbers per mole of cells, words per formula."""
    cells, formulas = (quantities(prediction, "cm-1", per) for per in ("cell", "formula"))
    sure, shown = (interval_record(prediction, "cm-1", per) for per in ("cell", "formula"))
    rows = []
    for key, label, digits, scale, kelvin in SHOWN:
        value, unit = cells[key]
        text = f"{formulas[key][0]:.{digits}f}"
        if key in shown:
            text += f" \u00b1 {shown[key]['half_width']:.{digits}f}"
        wide = largest_record(prediction, "cm-1").get("spread") if key == "max_frequency" else None
        rows.append(
            {
                "key": key,
                "label": label,
                "value": float(value),
                "unit": UNSAID.sub("", unit),
                "interval": [sure[key]["low"], sure[key]["high"]] if key in sure else None,
                "spread": wide,
                "digits": digits,
                "scale": scale,
                "temperature": kelvin,
                "text": f"{text} {UNSAID.sub('', formulas[key][1])}",
            }
        )
    return rows


def middles_and_intervals(prediction: Prediction) -> dict[str, Any]:
    """Return the intervals, and the values in their middle [cm^-1; per mole of cells]."""
    values = quantities(prediction, "cm-1", "cell")
    found = interval_record(prediction, "cm-1", "cell")
    return {key: {"value": float(values[key][0]), **each} for key, each in found.items()}


def stability_record(prediction: Prediction) -> dict[str, Any] | None:
    found = prediction.stability
    if found is None:
        return None
    return {
        "verdict": found.verdict,
        "probability": found.probability,
        "lowest_frequency": found.lowest,
        "spread": found.spread,
        "where": found.place,
        "qpoint": list(found.qpoint),
        "text": found.text(),
    }


def bands_of(study: BandStudy, wide: Sequence[NDArray[np.float64]] | None) -> dict[str, Any]:
    """Return segments and ticks; `wide` is the spread of the members a segment, where known."""
    segments = [
        {
            "from": corner_symbol(segment.labels[0]),
            "to": corner_symbol(segment.labels[1]),
            "distances": segment.distances.tolist(),
            "frequencies": frequencies.tolist(),
            "spread": None if wide is None else numbers(wide[k]),
        }
        for k, (segment, frequencies) in enumerate(study.structure)
    ]
    ticks = study.structure.path.ticks()
    return {
        "segments": segments,
        "ticks": [{"at": at, "label": corner_symbol(label)} for at, label in ticks],
        "unit": "cm-1",
        "distance_unit": "1/A",
        "n_modes": 3 * study.crystal.n_atoms,
    }


def modes_of(study: ModeStudy, crystal: Crystal) -> dict[str, Any]:
    """Return the sets of modes, the acoustic one first, and the infrared spectra."""
    sites = primitive_cell(crystal).site_map
    small = 3 * study.crystal.n_atoms * 3 * crystal.n_atoms <= MOST_IN_PATTERNS
    patterns = [
        u[:, sites].round(PATTERN_DIGITS).tolist() if small else None for u in study.patterns
    ]
    acoustic = {
        "irrep": study.acoustic, "degeneracy": 3, "frequency": 0.0, "spread": None,
        "activity": "acoustic", "ir_intensity": 0.0, "ir_intensity_spread": None,
        "charge": 0.0, "patterns": patterns[0],
    }  # fmt: skip
    optic = [
        {
            "irrep": s.irrep, "degeneracy": s.degeneracy, "frequency": s.frequency,
            "spread": numbers(s.spread), "activity": s.activity,
            "ir_intensity": numbers(s.intensity),
            "ir_intensity_spread": numbers(s.intensity_spread),
            "charge": numbers(s.charge), "patterns": moved,
        }
        for s, moved in zip(study.sets, patterns[1:], strict=True)
    ]  # fmt: skip
    notes = [text for text in study.warnings if text not in study.doubts]
    if not small:
        notes.append("the cell is too large for the displacements of all its modes to be kept here")
    return {
        "sets": [acoustic, *optic],
        "point_group": study.setting.point_group,
        "unit": "cm-1",
        "intensity_unit": "(D/A)^2/amu",
        **_infrared_record(study),
        "notes": notes,
    }


def _infrared_record(study: ModeStudy) -> dict[str, Any]:
    """Return the spectra, x, y and z in the conventional setting; None each for a metal."""
    names = ("axis", "permittivity", "reflectivity", "longitudinal", "eps_inf", "eps_0")
    if study.metal:
        return {**dict.fromkeys(names), "damping": None}
    eps = study.permittivity
    return {
        "axis": study.axis.tolist(),
        "permittivity": {"real": numbers(eps.real), "imag": numbers(eps.imag)},
        "reflectivity": numbers(study.reflectivity),
        "longitudinal": study.longitudinal,
        "eps_inf": study.modes.dielectric.tolist(),
        "eps_0": numbers(study.static),
        "eps_0_spread": numbers(study.static_spread),
        "damping": study.damping,
    }
