"""`phonodos displacements`: U_ij of every site against temperature, a CIF with them, a figure."""

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
    read_kelvin,
)
from phonodos.cli.output import Column, format_note, format_table
from phonodos.cli.studies import study_each
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction
    from phonodos.studies.displacements import DisplacementStudy

STEP = 10.0  # [K], of the curves in the figure


def displacements(
    files: FilesArgument,
    temperature: Annotated[
        list[float] | None,
        typer.Option(
            "-T",
            "--temperature",
            parser=read_kelvin,
            metavar="K",
            help="[K], may be repeated; 0, 100, 200, 300",
        ),
    ] = None,
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
    """Predict displacements of the atoms: a table, a figure, and a CIF a temperature with U_ij."""
    from phonodos.physics.displacements import check_temperatures

    check_temperatures([0.0] if temperature is None else temperature)
    from phonodos.prediction.predictor import load
    from phonodos.studies import displacements as home

    kelvin = list(dict.fromkeys(temperature or home.TEMPERATURES))
    predictor = load(model, members=members, check=check, metal=metal, vacancies=vacancies)

    study_each(
        files, output, predictor, lambda answer: home.displacements(answer, kelvin),
        lambda results, study, answer: _write(results, study, answer, plot), _shown,
        isotopes=isotope, vacancies=vacancies, as_json=as_json,
    )  # fmt: skip


def _write(results: Results, study: "DisplacementStudy", answer: "Prediction", plot: bool) -> None:
    from phonodos.results.displacements import displacements_cif

    results.csv("displacements.csv", *study.table(), digits=6)
    results.json("displacements.json", study.to_dict())
    u, iso = study.u_cif, study.u_iso
    for k, kelvin in enumerate(study.temperatures):
        text = displacements_cif(study.crystal, u[k], iso[k], float(kelvin))
        results.text(f"displacements_{kelvin:g}K.cif", text)
    if plot:
        import numpy as np

        from phonodos.figures.displacements import plot_displacements
        from phonodos.studies.displacements import displacements as predict

        axis = np.arange(0.0, max(300.0, float(study.temperatures.max())) + STEP, STEP)
        curves = predict(answer, axis.tolist())
        figure = plot_displacements(
            axis, curves.u_iso, curves.sites, title=study.crystal.written_formula,
            spread=curves.u_iso_spread,
        )  # fmt: skip
        results.figure("displacements", figure)


def _shown(study: "DisplacementStudy", name: str) -> str:
    from phonodos.studies.harmonic import with_spread

    columns = [Column(n, "A^2", 7) for n in ("U11", "U22", "U33", "U23", "U13", "U12")]
    columns += [Column("U_iso", "A^2", 13), Column("B_iso", "A^2", 6)]
    rows = []
    iso, wide, table = study.u_iso, study.u_iso_spread, study.table()[1]
    for t, kelvin in enumerate(study.temperatures):
        for i, count in study.kinds():
            deviation = None if wide is None else float(wide[t, i])
            cells = [f"{x:z.4f}" for x in table[t * study.crystal.n_atoms + i][3:9]]
            cells += [with_spread(float(iso[t, i]), deviation, 4), f"{study.b_iso[t, i]:.3f}"]
            rows.append((f"{kelvin:g}", f"{study.sites[i]}{i + 1}:{count}", cells))
    return "\n".join(
        [
            format_table(("T [K]", "site"), columns, rows),
            "U_ij as in CIF files; after the colon: like sites; after +-: spread of members",
            *(format_note("warning", name, text) for text in study.warnings),
        ]
    )
