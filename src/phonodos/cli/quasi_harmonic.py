"""The quasi-harmonic part of `phonodos thermo`: its options, table and files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.options import read_kelvin
from phonodos.cli.output import Column, format_note, format_table
from phonodos.errors import ConfigError
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.prediction.predictor import AnyPredictor
    from phonodos.studies.quasi_harmonic import QuasiHarmonicStudy

PANEL = "Quasi-harmonic approximation"
EnergyVolumeOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="static energies: volume [A^3], energy \\[eV] of the cell, a line each",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
BulkModulusOption = Annotated[
    str | None,
    typer.Option(
        metavar="GPA",
        help="bulk modulus [GPa] instead of them, or elastic: that of phonodos elastic",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
EquationOption = Annotated[
    str, typer.Option(help="of state: vinet or birch-murnaghan", rich_help_panel=PANEL)
]
CellTemperatureOption = Annotated[
    float | None,
    typer.Option(
        parser=read_kelvin,
        metavar="K",
        help="cell and bulk modulus are measured ones of this temperature; static ones",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-strain-error",
        help="take weights never judged on strain, or judged worse than 0.35",
        rich_help_panel=PANEL,
    ),
]


def quasi_harmonic_words(
    energy_volume: Path | None,
    bulk_modulus: str | None,
    equation: str,
    cell_temperature: float | None,
    accept: bool,
) -> dict[str, Any] | None:
    """Return what `quasi_harmonic` is to be told; None where it is not wanted.

    Raises
    ------
    ConfigError
        If what was given makes no sense, or belongs to an approximation that is not wanted.
    DataError
        If the file of energies cannot be read.
    """
    if energy_volume is None and bulk_modulus is None:
        if cell_temperature is not None or accept:
            name = "--accept-strain-error" if accept else "--cell-temperature"
            raise ConfigError(
                f"{name} without a quasi-harmonic approximation",
                "harmonic properties know neither strain nor thermal expansion",
                "add --energy-volume FILE or --bulk-modulus GPA, or leave it out",
            )
        return None
    from phonodos.studies import quasi_harmonic as home

    words: dict[str, Any] = {
        "energy_volume": energy_volume,
        "bulk_modulus": bulk_modulus,
        "equation": equation,
        "cell_temperature": cell_temperature,
    }
    home.check_source(**words)
    return {**words, "accept_strain_error": accept}


def check_weights(predictor: "AnyPredictor", *, accept: bool, arranged: bool) -> None:
    """Raise `ConfigError` where weights are too bad under strain, before anything is predicted.

    And where sites are `arranged` in quasi-random structures.
    """
    if arranged:
        raise ConfigError(
            "--disorder sqs and a quasi-harmonic approximation do not go together",
            "quasi-random structures are predicted at one volume",
            "leave one of the two out",
        )
    from phonodos.studies.quasi_harmonic import WHAT
    from phonodos.studies.strain import check_judged

    check_judged(predictor.header.strain, WHAT, accept=accept)


def write_quasi_harmonic(results: Results, study: "QuasiHarmonicStudy") -> None:
    """Write ``quasi_harmonic.csv`` and ``quasi_harmonic.json``."""
    results.csv("quasi_harmonic.csv", *study.table(), digits=8)
    results.json("quasi_harmonic.json", study.to_dict())


def quasi_harmonic_text(study: "QuasiHarmonicStudy", name: str) -> str:
    """Return the table, what it rests on, and reasons for doubt."""
    from phonodos.studies.harmonic import with_spread

    found, eos = study.properties, study.equation
    columns = [
        Column("volume", "A^3/cell", 9), Column("alpha", "1e-6/K", 12), Column("B_T", "GPa", 12),
        Column("C_V", "J/K", 8), Column("C_p", "J/K", 13), Column("gamma", "", 10),
    ]  # fmt: skip
    rows = []
    for k, kelvin in enumerate(found.temperatures):

        def shown(field: str, digits: int, per: float = 1.0, k: int = k) -> str:
            wide = study.spreads[field]
            deviation = None if wide is None else float(wide[k])
            return with_spread(float(getattr(found, field)[k]), deviation, digits, per)

        volume, heat = float(found.volumes[k]), float(found.heat_capacity_volume[k])
        cells = [
            with_spread(volume, None, 2),
            shown("expansion", 1, 1e6),
            shown("bulk_modulus", 1),
            with_spread(heat, None, 2),
            shown("heat_capacity_pressure", 2),
            shown("gruneisen", 2),
        ]
        rows.append((f"{kelvin:g}", "", cells))
    error = "never judged" if study.judged is None else f"{study.judged.gamma_mae:.2f}"
    misfit = f", misfit {1000 * eos.misfit:.2f} meV" if eos.misfit else ""
    lines = [
        f"{name}, quasi-harmonic, pressure zero, per {found.amount}",
        format_table(("T [K]", ""), columns, rows),
        "alpha: volumetric, (1/V) dV/dT, shape of the cell kept; C_V at that volume",
        format_note("static energy", name, study.source),
        f"{eos.kind}: V_0 {eos.volume:.3f} A^3, B_0 {eos.bulk_modulus:.2f} GPa, "
        f"B' {eos.derivative:.2f}{misfit}",
        f"weights under strain, mean |gamma - DFT| of their exams: {error}",
        *(format_note("warning", name, text) for text in study.warnings),
    ]
    return "\n".join(lines)
