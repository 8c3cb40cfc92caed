"""`phonodos thermo`: heat capacity, entropy and energies of crystals against temperature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import (
    Done,
    Entry,
    check_output,
    for_each,
    output_folder,
    predictions,
    read_inputs,
)
from phonodos.cli.options import (
    CheckOption,
    DisorderOption,
    FilesArgument,
    JsonOption,
    MembersOption,
    ModelOption,
    OutputOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    VacanciesOption,
    arrangements,
    load_predictor,
    temperature_range,
)
from phonodos.cli.output import Column, format_note, format_table
from phonodos.errors import ConfigError
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.thermodynamics import ThermalProperties
    from phonodos.prediction.prediction import Prediction


def thermo(
    files: FilesArgument,
    output: OutputOption = Path(),
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
    as_json: JsonOption = False,
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

    def handle(entry: Entry, answer: "Prediction") -> Done:
        from phonodos.results.spectra import thermal_record

        origin = predictor.provenance.warned(answer.warnings)
        results = Results(output_folder(output, entry.name), origin)
        found = _write(results, answer, temperatures, per)
        record = {
            **thermal_record(found, answer.crystal),
            "warnings": list(answer.warnings),
            "folder": str(results.folder),
            "files": results.written,
        }
        text = f"{entry.name} ({answer.crystal.formula}), per {found.amount}\n"
        text += _shown(found, answer, entry.name)
        text += f"\nwrote {', '.join(results.written)} to {results.folder}"
        return Done(record, text)

    pairs = predictions(predictor, read_inputs(files, vacancies=vacancies))
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


def _write(
    results: Results, prediction: "Prediction", temperatures: list[float], per: str
) -> "ThermalProperties":
    """Write both files; return what is in the table."""
    from phonodos.results.spectra import thermal_properties_text, thermal_table

    thermal = prediction.thermal_properties(temperatures)
    converted = thermal.per(per, prediction.crystal)
    results.csv("thermal_properties.csv", *thermal_table(converted))
    text = thermal_properties_text(thermal, prediction.dos)
    results.yaml("thermal_properties.yaml", text)
    return converted


def _shown(found: "ThermalProperties", prediction: "Prediction", name: str) -> str:
    from phonodos.results.spectra import thermal_table

    columns = [
        Column("C_V", "J/K", 12), Column("S", "J/K", 12), Column("U", "kJ", 12),
        Column("F", "kJ", 12),
    ]  # fmt: skip
    digits = (3, 3, 4, 4)
    rows = [
        (f"{kelvin:g}", "", [f"{v:.{d}f}" for v, d in zip(values, digits, strict=True)])
        for kelvin, *values in thermal_table(found)[1]
    ]
    from phonodos.physics.dos import MENTIONED_SHARE

    doubts = list(prediction.warnings)
    if (share := found.imaginary_fraction) > MENTIONED_SHARE:
        doubts.append(f"{100 * share:.1f} % of the states are imaginary and left out")
    return "\n".join(
        [
            format_table(("T [K]", ""), columns, rows),
            f"zero-point energy {found.zero_point_energy / 1000:.4f} kJ/{found.amount}, "
            "part of U and F",
            *(format_note("warning", name, text) for text in doubts),
        ]
    )
