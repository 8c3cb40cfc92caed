"""`phonodos modes`: vibrations at Gamma, their symmetry, eps(w), reflectivity, eps_0."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.options import (
    CheckOption,
    FilesArgument,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    PlotOption,
    VacanciesOption,
)
from phonodos.cli.output import Column, format_note, format_table
from phonodos.cli.studies import study_each
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.studies.modes import ModeStudy


def modes(
    files: FilesArgument,
    damping: Annotated[float, typer.Option(help="of all modes in eps(w) \\[cm-1]")] = 5.0,
    output: OutputOption = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    plot: PlotOption = True,
    as_json: JsonOption = False,
) -> None:
    """Predict modes at Gamma: irreps, IR and Raman activity, intensities, eps(w), reflectivity."""
    from phonodos.prediction.predictor import load
    from phonodos.studies import modes as home

    home.check_damping(damping)
    predictor = load(model, members=members, check=check, metal=metal, vacancies=vacancies)

    study_each(
        files, output, predictor, lambda answer: home.modes(answer, damping),
        lambda results, study, _: _write(results, study, plot), _shown,
        isotopes=isotope, vacancies=vacancies, as_json=as_json,
    )  # fmt: skip


def _write(results: Results, study: "ModeStudy", plot: bool) -> None:
    import numpy as np

    results.csv("modes.csv", *study.table(), digits=6)
    results.json("modes.json", study.to_dict())
    if study.metal:
        return
    eps, reflected = study.permittivity, study.reflectivity
    names = [f"{what}_{a}" for what in ("eps_real", "eps_imag", "reflectivity") for a in "xyz"]
    rows = np.column_stack([study.axis, eps.real, eps.imag, reflected]).tolist()
    results.csv("infrared.csv", ["frequency_cm-1", *names], rows, digits=6)
    if plot:
        from phonodos.figures.modes import plot_modes

        figure = plot_modes(study.axis, eps, reflected, title=study.crystal.written_formula)
        results.figure("modes", figure)


def _shown(study: "ModeStudy", name: str) -> str:
    from phonodos.studies.harmonic import with_spread

    columns = [
        Column("frequency", "cm-1", 14), Column("modes", "", 5), Column("charge", "e", 7),
        Column("intensity", "D^2/(A^2 amu)", 13), Column("of eps_0", "", 8),
    ]  # fmt: skip
    rows = []
    for s in study.sets:
        bright = [f"{s.charge:.2f}", with_spread(s.intensity, s.intensity_spread, 1)]
        part = f"{s.static_part:.2f}" if math.isfinite(s.static_part) else "-"
        cells = [with_spread(s.frequency, s.spread, 1), str(s.degeneracy), *bright, part]
        rows.append((s.irrep, s.activity, cells))
    lines = [format_table(("irrep", "activity"), columns, rows)]
    lines.append(format_note("acoustic", name, study.acoustic))
    if not study.metal:
        for axis, w in study.longitudinal.items():
            found = ", ".join(f"{x:.1f}" for x in w) or "none"
            lines.append(format_note("LO", f"along {axis}", f"{found} cm-1"))
        wide, diagonal = study.static_spread, study.static.diagonal()
        each = [None] * 3 if wide is None else list(wide.diagonal())
        values = ", ".join(with_spread(v, s, 2) for v, s in zip(diagonal, each, strict=True))
        lines.append(format_note("eps_0", "xx, yy, zz", values))
        values = ", ".join(f"{v:.2f}" for v in study.modes.dielectric.diagonal())
        lines.append(format_note("eps_inf", "xx, yy, zz", values))
    lines += [format_note("warning", name, text) for text in study.warnings]
    return "\n".join([*lines, "after +-: standard deviation of the members' modes alike"])
