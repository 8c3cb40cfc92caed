"""`phonodos strain`: frequencies and imaginary states under isotropic strain, Grueneisen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import Done, Entry, check_output, for_each, output_folder, read_inputs
from phonodos.cli.options import (
    FilesArgument,
    JsonOption,
    MembersOption,
    ModelOption,
    OutputOption,
    UnitsOption,
    VacanciesOption,
)
from phonodos.cli.output import Column, format_note, format_table
from phonodos.cli.ranges import parse_range
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.studies.strain import StrainStudy

EXAMPLE = "-0.03:0.03:0.01"


def strain(
    files: FilesArgument,
    strains: Annotated[
        str, typer.Option("-e", "--strain", help="linear strains: low:high:step or a list")
    ] = EXAMPLE,
    units: UnitsOption = "cm-1",
    output: OutputOption = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    vacancies: VacanciesOption = "refuse",
    as_json: JsonOption = False,
) -> None:
    """Predict crystals at several volumes, V = V0 (1 + e)^3; no atom is relaxed."""
    from phonodos.physics.units import per_wavenumber

    per_wavenumber(units)
    wanted = parse_range(strains, "--strain", EXAMPLE)
    check_output(output)
    from phonodos.prediction.predictor import load
    from phonodos.studies import strain as home

    home.check_strains(wanted)
    predictor = load(model, members=members)

    def handle(entry: Entry, crystal: "Crystal") -> Done:
        study = home.strain(crystal, wanted, model=predictor)
        origin = predictor.provenance.warned(study.warnings)
        results = Results(output_folder(output, entry.name), origin)
        _write(results, study, units)
        text = f"{entry.name} ({study.crystal.formula}), {predictor.name}\n"
        text += _shown(study, entry.name, units)
        text += f"\nwrote {', '.join(results.written)} to {results.folder}"
        return Done({**study.to_dict(), "folder": str(results.folder)}, text)

    pairs = ((entry, entry.content) for entry in read_inputs(files, vacancies=vacancies))
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


def _write(results: Results, study: "StrainStudy", units: str) -> None:
    from phonodos.figures.strain import plot_strain

    results.csv("strain.csv", *study.table(), digits=8)
    figure = plot_strain(
        [point.strain for point in study.points],
        [prediction.dos for prediction in study.predictions],
        [point.imaginary_share for point in study.points],
        title=study.crystal.formula,
        gamma=study.gruneisen.mode_average,
        unit=units,
    )
    results.figure("strain", figure)


def _shown(study: "StrainStudy", name: str, units: str) -> str:
    from phonodos.physics.dos import MENTIONED_SHARE
    from phonodos.physics.units import per_wavenumber

    factor = per_wavenumber(units)
    columns = [
        Column("volume", "A^3/cell", 9), Column("mean", units, 8), Column("exp<ln w>", units, 9),
        Column("max", units, 8), Column("imaginary", "% states", 9),
    ]  # fmt: skip
    rows = []
    for p in study.points:
        cells = [
            f"{p.volume:.2f}",
            f"{p.mean_frequency * factor:.2f}",
            f"{p.omega_log * factor:.2f}",
            f"{p.max_frequency * factor:.1f}",
            f"{100 * p.imaginary_share:.2f}",
        ]
        rows.append((f"{100 * p.strain:+.3g} %", "", cells))
    gamma = study.gruneisen
    doubts = list(study.warnings)
    if max(point.imaginary_share for point in study.points) > MENTIONED_SHARE:
        doubts.append(
            "imaginary states are left out of all means: where their share changes, gamma errs"
        )
    return "\n".join(
        [
            format_table(("strain", ""), columns, rows),
            f"Grueneisen parameter -d ln w / d ln V at V0: {gamma.mode_average:.2f} "
            f"(average over modes), {gamma.mean_frequency:.2f} (mean frequency)",
            *(format_note("warning", name, text) for text in doubts),
        ]
    )
