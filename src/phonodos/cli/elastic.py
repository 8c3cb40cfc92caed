"""`phonodos elastic`: elastic constants, moduli, velocities of sound, their figure."""

from pathlib import Path
from typing import TYPE_CHECKING

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
    from phonodos.studies.elastic import ElasticStudy


def elastic(
    files: FilesArgument,
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
    """Predict elastic constants, moduli and velocities of sound: a table, a figure, elastic.csv."""
    from phonodos.prediction.predictor import load
    from phonodos.studies import elastic as home

    predictor = load(model, members=members, check=check, metal=metal, vacancies=vacancies)

    study_each(
        files, output, predictor, home.elastic,
        lambda results, study, _: _write(results, study, plot), _shown,
        isotopes=isotope, vacancies=vacancies, as_json=as_json,
    )  # fmt: skip


def _write(results: Results, study: "ElasticStudy", plot: bool) -> None:
    results.csv("elastic.csv", *study.table(), digits=6)
    results.json("elastic.json", study.to_dict())
    if plot:
        from phonodos.figures.elastic import PLANES, circle, plot_elastic
        from phonodos.physics.elasticity import velocities

        waves = {plane: circle(plane)[1] for plane in PLANES}
        sound = {plane: velocities(study.sound, waves[plane]) for plane in PLANES[:2]}
        young = {p: study.elasticity.young(w) for p, w in waves.items() if study.is_stable}
        results.figure("elastic", plot_elastic(sound, young, title=study.crystal.written_formula))


def _shown(study: "ElasticStudy", name: str) -> str:
    from phonodos.studies.harmonic import with_spread

    wide = study.stiffness_spread
    size = 9 if wide is None else 11
    columns = [Column(axis, "GPa", size) for axis in ("xx", "yy", "zz", "yz", "xz", "xy")]
    rows = []
    for i, axis in enumerate(("xx", "yy", "zz", "yz", "xz", "xy")):
        cells = [""] * i
        for j in range(i, 6):
            spread = None if wide is None or not study.stiffness[i, j] else wide[i, j]
            cells.append(with_spread(study.stiffness[i, j], spread, 0 + (wide is None)))
        rows.append((f"C_{axis}", "", cells))
    moduli, spreads = study.moduli, study.moduli_spread
    units = {"bulk": "GPa", "shear": "GPa", "young": "GPa", "poisson": "", "anisotropy": ""}
    digits = {"poisson": 3, "anisotropy": 2}
    shown = [with_spread(moduli[k], spreads[k], digits.get(k, 0)) for k in units]
    theta = with_spread(study.debye_temperature, study.debye_temperature_spread, 0)
    heads = [Column(k, u, 12) for k, u in units.items()] + [Column("Debye", "K", 9)]
    values, deviations = study.velocities()
    from phonodos.studies.elastic import ALONG

    lines = []
    for k, direction in enumerate(ALONG):
        each = [None] * 3 if deviations is None else deviations[k]
        lines.append((direction, "", [with_spread(values[k, b], each[b], 0) for b in range(3)]))
    speeds = [Column(f"v{b + 1}", "m/s", 12) for b in range(3)]
    stable = "stable (Born)" if study.is_stable else "unstable (Born)"
    return "\n".join(
        [
            format_table(("C", ""), columns, rows),
            format_note(
                stable, name, f"smallest eigenvalue of C {study.elasticity.lowest:.1f} GPa"
            ),
            format_table(("Hill", ""), heads, [("", "", [*shown, theta])]),
            format_table(("sound", ""), speeds, lines),
            "axes of the conventional cell; after +-: standard deviation of the members",
            *(format_note("warning", name, text) for text in study.warnings),
        ]
    )
