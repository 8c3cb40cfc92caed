"""`Row`: what a table says of one structure, predicted or failed; its columns and their units."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonodos.datasets.growing import Row as Row
from phonodos.errors import ConfigError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import space_group
from phonodos.physics.thermodynamics import (
    AMOUNTS,
    BASES,
    SLICE,
    cells_per,
    debye_temperature,
    omega_log,
    thermal_properties,
)
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.prediction.prediction import Prediction
from phonodos.screening.extras import extra_columns, extra_row
from phonodos.screening.source import Item
from phonodos.structures.tables import species_texts

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2
METADATA_KEY = b"phonodos_screening"
ALWAYS = ROOM_TEMPERATURE  # [K], in every table
QUANTITIES = {"c_v": "heat capacity C_V", "s": "entropy", "f": "Helmholtz free energy"}

# name: (type, unit or meaning)
FACTS: dict[str, tuple[str, str]] = {
    "id": ("string", "id in the source; '#' and a hash follow where it is repeated"),
    "source": ("string", "file and entry"),
    "formula": ("string", "reduced formula"),
    "spacegroup": ("int32", "number of the space group, 1 to 230"),
    "spacegroup_symbol": ("string", "international symbol"),
    "n_atoms": ("int32", "atoms in the cell"),
    "status": ("string", "ok or failed"),
    "reason": ("string", "why it failed"),
    "trust": ("string", "reasons to trust the prediction less"),
    "in_training": ("bool", "the network was trained on this formula, or on this id"),
    "mean_frequency": ("double", "first moment of the DOS [cm^-1]"),
    "max_frequency": ("double", "largest frequency, the mean over members, not smoothed [cm^-1]"),
    "debye_temperature": ("double", "Debye (2nd moment): k theta = hbar sqrt(5 <w^2>/3) [K]"),
    "omega_log": ("double", "exp <ln w> over the DOS, w > 0; not of alpha2F [cm^-1]"),
    "imaginary_fraction": ("double", "share of the states below -10 cm^-1"),
    "unstable": ("bool", "the verdict is unstable; without one, 1 % of the states are imaginary"),
}
# Columns of tables whose `unstable` is the verdict of `prediction.stability`; those of release 0.1,
# where it was a share of the states, do not have them.
STABILITY: dict[str, tuple[str, str]] = {
    "lowest_frequency": ("double", "anywhere, mean of the members, imaginary negative [cm^-1]"),
    "instability_probability": ("double", "that the reference has a mode below -20 cm^-1"),
    "stability": ("string", "stable, unstable or unsure; null for spectra without waves"),
}
STABILITY_SETTING = "stability"  # in the header of tables that have these columns
EXTRA_SETTING = "with"  # in the header: which readings have columns
SPREAD = ("mean_frequency", "max_frequency", "debye_temperature", "omega_log", "c_v_300_per_kg")
# What has a calibrated interval (prediction/uncertainty.py), by column.
INTERVALS = {"mean_frequency": "mean_frequency", "c_v_300_per_kg": "heat_capacity"}
SPECTRUM: dict[str, tuple[str, str]] = {
    "dos_frequencies": ("list<float>", "axis [cm^-1]"),
    "dos_densities": ("list<float>", "[states / cm^-1 per cell], integral 3 n_atoms"),
    "dos_densities_std": ("list<float>", "standard deviation of the members, null without"),
    "cell": ("list<double>", "lattice vectors as rows, 9 numbers [A]"),
    "frac_coords": ("list<double>", "fractional coordinates, 3 a site"),
    "species": ("list<string>", "element of every site; mixed sites as 'Cu:0.7 Au:0.3'"),
    "model": ("string", "name of the weights"),
    "model_hash": ("string", "first 16 digits of the SHA-256 of the weight file"),
    "seconds": ("double", "computing time on one core; the chunk's, shared out by atoms [s]"),
    "digest": ("string", "hash of the structure"),
    "position": ("int64", "number in the source, from 0"),
}


def label_of(temperature: float) -> str:
    """Return how a temperature [K] is written in a column: ``300``, ``293_15``."""
    return f"{temperature:g}".replace(".", "_")


def temperatures_of(values: Sequence[float]) -> tuple[float, ...]:
    """Return temperatures [K] in rising order, 300 K always among them.

    Raises
    ------
    ConfigError
        If one is negative, not finite or too fine for the name of a column.
    """
    for value in values:
        if not 0.0 <= value < 1e5 or float(f"{value:g}") != value:
            raise ConfigError(
                f"{value} K is no temperature to make a column of",
                "temperatures are from 0 to 99999 K, with up to 6 digits",
                "write for example --temperatures 293.15,300",
            )
    return tuple(sorted({ALWAYS, *map(float, values)}))


def columns(
    temperatures: Sequence[float], *, stability: bool = True, extra: Sequence[str] = ()
) -> dict[str, tuple[str, str]]:
    """Return name -> (type, unit) of all columns of a table with these temperatures [K].

    Without `stability` those of release 0.1; with those of the readings `extra`.
    """
    thermal = {}
    for t in temperatures:
        for short, long in QUANTITIES.items():
            for basis in BASES:
                unit = f"{'J' if short == 'f' else 'J/K'} per {AMOUNTS[basis]}"
                name = f"{short}_{label_of(t)}_per_{basis}"
                thermal[name] = ("double", f"{long} at {t:g} K [{unit}]")
    facts = FACTS | STABILITY if stability else FACTS
    units = facts | thermal
    spread = {
        f"{name}_std": ("double", f"standard deviation of the members of: {units[name][1]}")
        for name in SPREAD
    }
    widths = {
        f"{name}_interval": ("double", f"half width of the 90 % interval of: {units[name][1]}")
        for name in INTERVALS
    }
    return units | spread | widths | extra_columns(extra) | SPECTRUM


def columns_of(settings: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return `columns` of a table with these settings."""
    return columns(
        settings["temperatures"],
        stability=STABILITY_SETTING in settings,
        extra=settings.get(EXTRA_SETTING, ()),
    )


def schema(settings: Mapping[str, Any]) -> "pa.Schema":
    """Return the Arrow schema, with units in the fields and the settings in the metadata."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "double": pa.float64(),
        "list<float>": pa.list_(pa.float32()),
        "list<double>": pa.list_(pa.float64()),
        "list<string>": pa.list_(pa.string()),
    }
    fields = [
        pa.field(name, types[kind], metadata={"unit": unit})
        for name, (kind, unit) in columns_of(settings).items()
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(dict(settings)).encode()})


def failed_row(item: Item, reason: str) -> Row:
    """Return the row of a structure without a prediction: everything known of it, and why."""
    crystal = None if isinstance(item.content, PhonodosError) else item.content
    return {
        **_origin(item),
        **_known(crystal),
        "status": "failed",
        "reason": reason,
    }


def predicted_row(
    item: Item, prediction: Prediction, temperatures: Sequence[float], extra: Sequence[str] = ()
) -> Row:
    """Return the row of a prediction: thermodynamics at `temperatures` [K], the readings `extra`.

    Raises
    ------
    PredictionError
        If the spectrum has no states at positive frequencies.
    """
    crystal, dos = prediction.crystal, prediction.dos
    fine = dos.finer(SLICE)  # each thermodynamic function would cut it into such slices by itself
    group = space_group(crystal)
    numbers = _numbers(crystal, dos, fine)
    read, more = extra_row(prediction, extra) if extra else ({}, [])
    row = {
        **_origin(item),
        **_structure(crystal),
        "status": "ok",
        "spacegroup": None if group is None else group[0],
        "spacegroup_symbol": None if group is None else group[1],
        "trust": "; ".join([*prediction.warnings, *more]) or None,
        **_thermal(crystal, fine, temperatures),
        **numbers,
        "imaginary_fraction": dos.imaginary_fraction,
        **_stability(prediction),
        "dos_frequencies": dos.frequencies.astype(np.float32),
        "dos_densities": dos.densities.astype(np.float32),
        **read,
    }
    if len(prediction.members) > 1:
        row |= _spread(crystal, prediction)
    for column, quantity in INTERVALS.items():
        if quantity in prediction.intervals:
            found = prediction.intervals[quantity]
            # The interval of C_V is per mole of atoms; its share of the value has no basis.
            row[f"{column}_interval"] = found.half_width / found.value * numbers[column]
    return row


def _stability(prediction: Prediction) -> Row:
    """Return the verdict; of a network of spectra the share of imaginary states has to do."""
    found = prediction.stability
    if found is None:
        return {"unstable": prediction.dos.is_unstable}
    return {
        "unstable": found.is_unstable,
        "lowest_frequency": found.lowest,
        "instability_probability": found.probability,
        "stability": found.verdict,
    }


def _known(crystal: Crystal | None) -> Row:
    try:
        return {} if crystal is None else _structure(crystal)
    except Exception:  # whatever it failed of may strike here again, and its row is still due
        return {}


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
        "max_frequency": dos.largest_frequency,
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
