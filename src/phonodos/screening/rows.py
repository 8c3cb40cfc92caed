"""Rows: what a table of results says of one structure, predicted or failed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phonodos.errors import PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import space_group
from phonodos.physics.thermodynamics import (
    BASES,
    SLICE,
    cells_per,
    debye_temperature,
    omega_log,
    thermal_properties,
)
from phonodos.prediction.prediction import Prediction
from phonodos.screening.columns import ALWAYS, INTERVALS, SPREAD, label_of
from phonodos.screening.items import Item
from phonodos.structures.tables import species_texts

Row = dict[str, Any]  # a column that is not there is null


def failed_row(item: Item, reason: str) -> Row:
    """Return the row of a structure without a prediction: everything known of it, and why."""
    crystal = None if isinstance(item.content, PhonodosError) else item.content
    return {
        **_origin(item),
        **_known(crystal),
        "status": "failed",
        "reason": reason,
    }


def predicted_row(item: Item, prediction: Prediction, temperatures: Sequence[float]) -> Row:
    """Return the row of a prediction, with thermodynamics at `temperatures` [K].

    Raises
    ------
    PredictionError
        If the spectrum has no states at positive frequencies.
    """
    crystal, dos = prediction.crystal, prediction.dos
    fine = dos.finer(SLICE)  # each thermodynamic function would cut it into such slices by itself
    group = space_group(crystal)
    numbers = _numbers(crystal, dos, fine)
    row = {
        **_origin(item),
        **_structure(crystal),
        "status": "ok",
        "spacegroup": None if group is None else group[0],
        "spacegroup_symbol": None if group is None else group[1],
        "trust": "; ".join(prediction.warnings) or None,
        **_thermal(crystal, fine, temperatures),
        **numbers,
        "imaginary_fraction": dos.imaginary_fraction,
        "unstable": dos.is_unstable,
        "dos_frequencies": dos.frequencies.astype(np.float32),
        "dos_densities": dos.densities.astype(np.float32),
    }
    if len(prediction.members) > 1:
        row |= _spread(crystal, prediction)
    for column, quantity in INTERVALS.items():
        if quantity in prediction.intervals:
            found = prediction.intervals[quantity]
            # The interval of C_V is per mole of atoms; its share of the value has no basis.
            row[f"{column}_interval"] = found.half_width / found.value * numbers[column]
    return row


def _known(crystal: Crystal | None) -> Row:
    try:
        return {} if crystal is None else _structure(crystal)
    except Exception:  # whatever it failed of may strike here again, and its row is still due
        return {}


def reason_of(error: PhonodosError) -> str:
    """Return an error in one line, cure included."""
    return f"{error.summary}: {error.reason} ({error.fix})"


def _origin(item: Item) -> Row:
    return {
        "id": item.id,
        "source": item.source,
        "digest": item.digest,
        "position": item.position,
    }


def _structure(crystal: Crystal) -> Row:
    return {
        "formula": crystal.formula,
        "n_atoms": crystal.n_atoms,
        "cell": crystal.cell.ravel(),
        "frac_coords": crystal.frac_coords.ravel(),
        "species": species_texts(crystal),
    }


def _numbers(crystal: Crystal, dos: PhononDos, fine: PhononDos) -> dict[str, float]:
    """Return the numbers whose spread among members is kept too."""
    warm = thermal_properties(fine, [ALWAYS]).heat_capacity[0]
    return {
        "mean_frequency": dos.mean_frequency,
        "max_frequency": dos.max_frequency,
        "debye_temperature": debye_temperature(fine),
        "omega_log": omega_log(fine),
        "c_v_300_per_kg": float(warm) * cells_per("kg", crystal),
    }


def _thermal(crystal: Crystal, dos: PhononDos, temperatures: Sequence[float]) -> Row:
    found = thermal_properties(dos, temperatures)
    row: Row = {}
    for basis in BASES:
        amount = cells_per(basis, crystal)
        for i, t in enumerate(temperatures):
            tail = f"{label_of(t)}_per_{basis}"
            row[f"c_v_{tail}"] = float(found.heat_capacity[i]) * amount
            row[f"s_{tail}"] = float(found.entropy[i]) * amount
            row[f"f_{tail}"] = float(found.free_energy[i]) * amount
    return row


def _spread(crystal: Crystal, prediction: Prediction) -> Row:
    """Return the standard deviations (n - 1) of the members of an ensemble."""
    each: list[Mapping[str, float]] = [
        _numbers(crystal, dos, dos.finer(SLICE)) for dos in prediction.members
    ]
    row: Row = {f"{k}_std": float(np.std([m[k] for m in each], ddof=1)) for k in SPREAD}
    densities = [dos.on(prediction.dos.frequencies) for dos in prediction.members]
    row["dos_densities_std"] = np.std(densities, axis=0, ddof=1).astype(np.float32)
    return row
