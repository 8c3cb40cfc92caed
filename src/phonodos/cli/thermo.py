"""`phonodos thermo`: heat capacity, entropy and energies of crystals against temperature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.disorder import (
    DisorderOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    arrangements,
    load_predictor,
)
from phonodos.cli.inputs import Entry, check_output, output_folder, predictions, read_inputs
from phonodos.cli.options import CheckOption, MembersOption, ModelOption, VacanciesOption
from phonodos.cli.outcome import for_each
from phonodos.cli.output import Column, format_note, format_table
from phonodos.errors import ConfigError
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.thermodynamics import ThermalProperties
    from phonodos.prediction.prediction import Prediction

MOST_TEMPERATURES = 100_000
HOTTEST = 1e5  # [K]


def thermo(
    files: Annotated[
        list[str], typer.Argument(help="structure files, folders, or - for standard input")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<input name>/")
    ] = Path(),
    tmin: Annotated[float, typer.Option(help="lowest temperature [K]")] = 0.0,
    tmax: Annotated[float, typer.Option(help="highest temperature [K]")] = 1000.0,
    tstep: Annotated[float, typer.Option(help="step [K]")] = 50.0,
    per: Annotated[
        str, typer.Option(help="amount of table and CSV: atom, formula, cell, kg or cm3")
    ] = "atom",
    model: ModelOption = None,
    members: MembersOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Predict thermodynamics: a table, thermal_properties.csv and phonopy's .yaml (per cell)."""
    temperatures = temperature_range(tmin, tmax, tstep)
    from phonodos.physics.thermodynamics import BASES

    if per not in BASES:
        raise ConfigError(
            f"--per {per} is not known",
            "numbers are given per " + ", ".join(BASES),
            "choose one of them, for example --per atom",
        )
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed)
    check_output(output)
    predictor = load_predictor(model, members, arranged, check=check, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> dict[str, Any]:
        thermal = answer.thermal_properties(temperatures)
        origin = predictor.provenance.warned(answer.warnings)
        return _write(Results(output_folder(output, entry.name), origin), answer, thermal, per)

    pairs = predictions(predictor, read_inputs(files, vacancies=vacancies))
    for_each(pairs, handle, None if as_json else _table).finish(predictor.name, as_json)


def temperature_range(low: float, high: float, step: float) -> list[float]:
    """Return the temperatures from `low` to `high` (included where the step meets it) [K].

    Raises
    ------
    ConfigError
        If they are negative, beyond 100,000 K, fall, do not advance, or are more than 100,000.
    """
    sound = 0.0 <= low <= high <= HOTTEST and 0.0 < step < float("inf")
    if not sound or (high - low) / step > MOST_TEMPERATURES:
        raise ConfigError(
            f"no temperatures from {low:g} to {high:g} K in steps of {step:g} K",
            f"--tmin must not be negative, --tmax not below it nor above {HOTTEST:g}, and --tstep "
            f"positive (at most {MOST_TEMPERATURES} temperatures)",
            "write for example --tmin 0 --tmax 1000 --tstep 50",
        )
    return [low + step * i for i in range(int((high - low) / step + 1e-9) + 1)]


def _write(
    results: Results, prediction: "Prediction", thermal: "ThermalProperties", per: str
) -> dict[str, Any]:
    from phonodos.results import spectra

    converted = thermal.per(per, prediction.crystal)
    results.csv("thermal_properties.csv", *spectra.thermal_table(converted))
    text = spectra.thermal_properties_text(thermal, prediction.dos)
    results.yaml("thermal_properties.yaml", text)
    return {
        "formula": prediction.crystal.formula,
        "n_atoms": prediction.crystal.n_atoms,
        "n_formula_units": prediction.crystal.n_formula_units,
        "per": converted.amount,
        "units": {
            "temperatures": "K",
            "heat_capacity": f"J/(K {converted.amount})",
            "entropy": f"J/(K {converted.amount})",
            "internal_energy": f"J/{converted.amount}",
            "free_energy": f"J/{converted.amount}",
            "zero_point_energy": f"J/{converted.amount}",
        },
        "temperatures": converted.temperatures.tolist(),
        "heat_capacity": converted.heat_capacity.tolist(),
        "entropy": converted.entropy.tolist(),
        "internal_energy": converted.internal_energy.tolist(),
        "free_energy": converted.free_energy.tolist(),
        "zero_point_energy": converted.zero_point_energy,
        "imaginary_share": converted.imaginary_fraction,
        "warnings": list(prediction.warnings),
        "folder": str(results.folder),
        "files": results.written,
    }


def _table(record: dict[str, Any]) -> str:
    columns = [
        Column("C_V", "J/K", 12),
        Column("S", "J/K", 12),
        Column("U", "kJ", 12),
        Column("F", "kJ", 12),
    ]
    rows = [
        (f"{t:g}", "", [f"{c:.3f}", f"{s:.3f}", f"{u / 1000:.4f}", f"{f / 1000:.4f}"])
        for t, c, s, u, f in zip(
            record["temperatures"],
            record["heat_capacity"],
            record["entropy"],
            record["internal_energy"],
            record["free_energy"],
            strict=True,
        )
    ]
    notes = [
        format_note("warning", record["name"], text)
        for text in [*record["warnings"], *_imaginary(record["imaginary_share"])]
    ]
    return "\n".join(
        [
            f"{record['name']} ({record['formula']}), per {record['per']}",
            format_table(("T [K]", ""), columns, rows),
            f"zero-point energy {record['zero_point_energy'] / 1000:.4f} kJ/{record['per']}, "
            "part of U and F",
            *notes,
            f"wrote {', '.join(record['files'])} to {record['folder']}",
        ]
    )


def _imaginary(share: float) -> list[str]:
    if share <= 1e-3:
        return []
    return [f"{100 * share:.1f} % of the states are imaginary and left out"]
