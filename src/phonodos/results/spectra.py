"""Spectra and thermodynamics as the content of files of phonopy and pymatgen, CSV, JSON; and back.

phonopy's files and pymatgen's JSON keep the units of those programs (THz; kJ/mol and J/K/mol of
cells); CSV and JSON name the unit of every column. All spectra are those of the cell as given, and
their integral over the frequency axis of the file is 3N.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import ThermalProperties
from phonodos.physics.units import THZ_PER_WAVENUMBER, per_wavenumber

Array = NDArray[np.float64]
Table = tuple[list[str], Array]  # names of the columns, rows of numbers
PYMATGEN_CLASS = {"@module": "pymatgen.phonon.dos", "@class": "PhononDos"}


def projections(dos: PhononDos, crystal: Crystal, by: str) -> dict[str, Array]:
    """Return the projected densities [states / cm^-1 per cell] by ``site`` or by ``element``.

    Sites are called ``O3`` (third site of the crystal, oxygen); a mixed site is a kind of its own,
    called by its content (``Cu0.7Au0.3``), because a spectrum says nothing of its parts.

    Raises
    ------
    DataError
        If the spectrum has no projection.
    """
    if dos.projected is None:
        raise DataError(
            f"{crystal.label}: there is no projected density of states",
            "the network gives the total spectrum only",
            "leave --project out, or choose a model with force constants (phonodos models list)",
        )
    found: dict[str, Array] = {}
    for i, (site, row) in enumerate(zip(crystal.occupancy, dos.projected, strict=True)):
        kind = "".join(s + ("" if f == 1.0 else f"{f:g}") for s, f in site.items())
        label = kind if by == "element" else f"{kind}-{i + 1}"
        found[label] = found[label] + row if label in found else row
    return found


def total_dos_text(dos: PhononDos, title: str = "") -> str:
    """Return phonopy's ``total_dos.dat``: frequency [THz], density [states/THz per cell]."""
    return _columns_text(f"{title} [THz, states/THz per cell]", dos.frequencies, [dos.densities])


def projected_dos_text(dos: PhononDos, columns: Mapping[str, Array], title: str = "") -> str:
    """Return phonopy's ``projected_dos.dat``: frequency [THz], a density [states/THz] a column."""
    title = f"{title} [THz, states/THz per cell] columns: {', '.join(columns)}"
    return _columns_text(title, dos.frequencies, list(columns.values()))


def _columns_text(title: str, w: Array, densities: Sequence[Array]) -> str:
    table = np.column_stack([w * THZ_PER_WAVENUMBER, *(g / THZ_PER_WAVENUMBER for g in densities)])
    lines = ["".join(f"{value:20.10f}" for value in row) for row in table]
    return "\n".join([f"# {title.strip()}", *lines, ""])


def read_total_dos(path: Path, n_atoms: int | None = None) -> PhononDos:
    """Read phonopy's ``total_dos.dat``; `n_atoms` is a third of the integral unless given.

    Raises
    ------
    DataError
        If the file is missing or is no table of two columns.
    """
    try:
        table = np.loadtxt(_lines(path), dtype=np.float64, comments="#", ndmin=2)
    except ValueError as err:
        raise _no_spectrum(path, str(err)) from err
    if table.shape[1] != 2 or len(table) < 2:
        raise _no_spectrum(path, f"a table of {table.shape[0]} rows, {table.shape[1]} columns")
    return _spectrum(
        path, table[:, 0] / THZ_PER_WAVENUMBER, table[:, 1] * THZ_PER_WAVENUMBER, n_atoms
    )


def pymatgen_record(dos: PhononDos) -> dict[str, Any]:
    """Return the dictionary that ``pymatgen.phonon.dos.PhononDos.from_dict`` reads, in THz."""
    return {
        **PYMATGEN_CLASS,
        "frequencies": (dos.frequencies * THZ_PER_WAVENUMBER).tolist(),
        "densities": (dos.densities / THZ_PER_WAVENUMBER).tolist(),
    }


def read_pymatgen_dos(path: Path, n_atoms: int | None = None) -> PhononDos:
    """Read pymatgen's PhononDos JSON (THz); `n_atoms` is a third of the integral unless given.

    Raises
    ------
    DataError
        If the file is missing or holds no frequencies and densities.
    """
    try:
        record = json.loads("\n".join(_lines(path)))
        w = np.array(record["frequencies"], dtype=np.float64)
        g = np.array(record["densities"], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as err:
        raise _no_spectrum(path, f"{type(err).__name__}: {err}") from err
    return _spectrum(path, w / THZ_PER_WAVENUMBER, g * THZ_PER_WAVENUMBER, n_atoms)


def dos_table(
    dos: PhononDos, unit: str = "cm-1", columns: Mapping[str, Array] | None = None
) -> Table:
    """Return frequency, total and projected densities; the names of the columns hold the units."""
    factor = per_wavenumber(unit)
    per = f"[states/{unit} per cell]"
    header = [f"frequency [{unit}]", f"dos {per}", *(f"dos {name} {per}" for name in columns or {})]
    parts = [dos.densities, *(columns or {}).values()]
    return header, np.column_stack([dos.frequencies * factor, *(g / factor for g in parts)])


def read_dos_csv(path: Path, n_atoms: int | None = None) -> PhononDos:
    """Read a CSV of `dos_table` in the unit its header names (projections are left out).

    Lines that start with # are skipped.

    Raises
    ------
    DataError
        If the file is missing, its header names no frequency unit, or a value is no number.
    """
    rows = list(csv.reader(line for line in _lines(path) if not line.startswith("#")))
    head = rows[0][0] if rows and rows[0] else ""
    if not head.startswith("frequency [") or len(rows) < 3:
        raise _no_spectrum(path, "the header names no 'frequency [unit]'")
    factor = per_wavenumber(head.removeprefix("frequency [").removesuffix("]"))
    try:
        w, g = np.array([row[:2] for row in rows[1:] if row], dtype=np.float64).T
    except ValueError as err:
        raise _no_spectrum(path, str(err)) from err
    return _spectrum(path, w / factor, g * factor, n_atoms)


def dos_record(
    dos: PhononDos, unit: str = "cm-1", columns: Mapping[str, Array] | None = None
) -> dict[str, Any]:
    """Return the spectrum as a dictionary fit for JSON, units spelled out."""
    factor = per_wavenumber(unit)
    record: dict[str, Any] = {
        "frequency_unit": unit,
        "density_unit": f"states/{unit} per cell",
        "n_atoms": dos.n_atoms,
        "frequencies": (dos.frequencies * factor).tolist(),
        "densities": (dos.densities / factor).tolist(),
    }
    if columns:
        record["projected"] = {name: (g / factor).tolist() for name, g in columns.items()}
    return record


def thermal_properties_text(thermal: ThermalProperties, dos: PhononDos) -> str:
    """Return phonopy's ``thermal_properties.yaml``: kJ/mol and J/K/mol of the cells of `dos`.

    The temperatures of `thermal` are kept; its numbers must be per mole of cells.

    Raises
    ------
    DataError
        If they are per another amount, which phonopy's file cannot say.
    """
    if thermal.basis != "cell":
        raise DataError(
            f"thermal properties per {thermal.amount} for thermal_properties.yaml",
            "that file holds values per mole of cells and has no place for the basis",
            "convert with ThermalProperties.per('cell', crystal) first, or write CSV",
        )
    modes = 3 * dos.n_atoms
    lines = [
        "# Thermal properties / unit cell (natom)\n\nunit:",
        "  temperature:   K\n  free_energy:   kJ/mol",
        "  entropy:       J/K/mol\n  heat_capacity: J/K/mol\n",
        f"natom: {dos.n_atoms:<5d}\ncutoff_frequency: 0.00000",
        f"num_modes: {modes}",
        f"num_integrated_modes: {round(modes * (1.0 - thermal.imaginary_fraction))}\n",
        f"zero_point_energy: {thermal.zero_point_energy / 1000:15.7f}\n",
        "thermal_properties:",
    ]
    for t, f, s, c, u in zip(
        thermal.temperatures,
        thermal.free_energy / 1000,
        thermal.entropy,
        thermal.heat_capacity,
        thermal.internal_energy / 1000,
        strict=True,
    ):
        lines += [
            f"- temperature:   {t:15.7f}\n  free_energy:   {f:15.7f}\n  entropy:       {s:15.7f}",
            f"  heat_capacity: {c:15.7f}\n  energy:        {u:15.7f}\n",
        ]
    return "\n".join(lines)


def thermal_table(thermal: ThermalProperties) -> Table:
    """Return temperature, C_V, S, U and F; the names of the columns hold unit and amount."""
    per_kelvin = f"[J/(K {thermal.amount})]"
    energy = f"[kJ/{thermal.amount}]"
    header = [
        "temperature [K]",
        f"heat_capacity {per_kelvin}",
        f"entropy {per_kelvin}",
        f"internal_energy {energy}",
        f"free_energy {energy}",
    ]
    energies = [thermal.internal_energy / 1000, thermal.free_energy / 1000]
    columns = [thermal.temperatures, thermal.heat_capacity, thermal.entropy, *energies]
    return header, np.column_stack(columns)


def thermal_record(thermal: ThermalProperties, crystal: Crystal) -> dict[str, Any]:
    """Return the functions of a crystal as a dictionary fit for JSON, units spelled out."""
    amount = thermal.amount
    energies = ("internal_energy", "free_energy", "zero_point_energy")
    return {
        "formula": crystal.written_formula,
        "n_atoms": crystal.n_atoms,
        "n_formula_units": crystal.n_formula_units,
        "per": amount,
        "units": {
            "temperatures": "K",
            "heat_capacity": f"J/(K {amount})",
            "entropy": f"J/(K {amount})",
            **dict.fromkeys(energies, f"J/{amount}"),
        },
        "temperatures": thermal.temperatures.tolist(),
        "heat_capacity": thermal.heat_capacity.tolist(),
        "entropy": thermal.entropy.tolist(),
        "internal_energy": thermal.internal_energy.tolist(),
        "free_energy": thermal.free_energy.tolist(),
        "zero_point_energy": thermal.zero_point_energy,
        "imaginary_share": thermal.imaginary_fraction,
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise DataError(f"{path} cannot be read", reason, "check the path") from err


def _spectrum(path: Path, w: Array, g: Array, n_atoms: int | None) -> PhononDos:
    if w.ndim != 1 or w.shape != g.shape:
        raise _no_spectrum(path, f"{w.shape} frequencies and {g.shape} densities")
    found = n_atoms or round(float(np.trapezoid(g, w)) / 3.0)
    if found < 1:
        raise _no_spectrum(path, "the densities do not integrate to 3 states an atom")
    return PhononDos(w, g, found)


def _no_spectrum(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} holds no density of states",
        reason,
        "give total_dos.dat, pymatgen's PhononDos JSON, or a CSV as phonodos writes it",
    )
