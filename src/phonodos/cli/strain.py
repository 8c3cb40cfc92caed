"""`phonodos strain`: frequencies and imaginary states under isotropic strain, Grueneisen."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import Done, Entry, check_output, for_each, output_folder, read_inputs
from phonodos.cli.options import (
    FilesArgument,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    UnitsOption,
    VacanciesOption,
)
from phonodos.cli.output import Column, format_note, format_table, written
from phonodos.cli.ranges import parse_range
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.studies.strain import StrainStudy

EXAMPLE = "-0.03:0.03:0.01"
MOST_ROWS = 60  # of single modes that are printed


def strain(
    files: FilesArgument,
    strains: Annotated[
        str, typer.Option("-e", "--strain", help="linear strains: low:high:step or a list")
    ] = EXAMPLE,
    units: UnitsOption = "cm-1",
    output: OutputOption = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    by_mode: Annotated[
        bool, typer.Option("--by-mode", help="Grueneisen parameters of single modes too")
    ] = False,
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
    from phonodos.studies.mode_gruneisen import check_modes

    home.check_strains(wanted)
    predictor = load(model, members=members, metal=metal)
    if by_mode:
        check_modes(predictor)

    def handle(entry: Entry, crystal: "Crystal") -> Done:
        study = home.strain(crystal, wanted, model=predictor, by_mode=by_mode)
        origin = predictor.provenance.warned(study.warnings)
        results = Results(output_folder(output, entry.name), origin)
        _write(results, study, units)
        text = f"{entry.name} ({study.crystal.written_formula}), {predictor.name}\n"
        text += _shown(study, entry.name, units)
        text += "\n" + written(results.written, str(results.folder))
        return Done({**study.to_dict(), "folder": str(results.folder)}, text)

    inputs = read_inputs(files, isotopes=isotope, vacancies=vacancies)
    pairs = ((entry, entry.content) for entry in inputs)
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


def _write(results: Results, study: "StrainStudy", units: str) -> None:
    from phonodos.figures.strain import plot_strain

    results.csv("strain.csv", *study.table(), digits=8)
    if study.modes is not None:
        results.csv("modes.csv", *study.modes.table(), digits=8)
    figure = plot_strain(
        [point.strain for point in study.points],
        [prediction.dos for prediction in study.predictions],
        [point.imaginary_share for point in study.points],
        title=study.crystal.written_formula,
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
            "Grueneisen parameter -d ln w / d ln V at V0:",
            f"  {gamma.mode_average:.2f} (average over modes), "
            f"{gamma.mean_frequency:.2f} (mean frequency)",
            *_shown_modes(study, factor, units),
            *_shown_judgement(study, name),
            *(format_note("warning", name, text) for text in doubts),
        ]
    )


def _shown_judgement(study: "StrainStudy", name: str) -> list[str]:
    """Return what the weights were judged on, and what that says nothing of."""
    if study.judged is None:
        return []
    exams = study.judged.exams
    texts = [f"{e.name}: {e.formula} {e.gamma:.2f}, DFT {e.gamma_dft:.2f}" for e in exams]
    lines = [
        "weights judged on strain: mean |gamma - DFT| of the mean frequency "
        f"{study.judged.gamma_mae:.2f}",
        f"  ({'; '.join(texts)})",
    ]
    if study.crystal.formula not in {exam.formula for exam in exams}:
        text = "other structure types can err more; docs/strain.md has a table of them"
        lines.append(format_note("note", name, text))
    return lines


def _shown_modes(study: "StrainStudy", factor: float, units: str) -> list[str]:
    """Return the modes at the special points as a table, and the averages over all modes."""
    if study.modes is None:
        return []
    rows = [
        (p.label, str(k), [f"{w * factor:.2f}", "-" if math.isnan(gamma) else f"{gamma:+.2f}"])
        for p in study.modes.points
        for k, (w, gamma) in enumerate(zip(p.frequencies, p.gammas, strict=True), 1)
    ]
    columns = [Column("frequency", units, 9), Column("gamma", "", 7)]
    table = format_table(("point", "branch"), columns, rows[:MOST_ROWS])
    more = [f"{len(rows) - MOST_ROWS} more in modes.csv"] if len(rows) > MOST_ROWS else []
    return [
        table,
        *more,
        f"by perturbation: {study.modes.mode_average:.2f} (average over modes), "
        f"{study.modes.thermal:.2f} (weighted by heat capacity at 300 K)",
    ]
