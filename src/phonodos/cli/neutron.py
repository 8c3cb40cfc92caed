"""`phonodos neutron`: the spectrum that inelastic scattering of neutrons sees, as columns."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.options import (
    CheckOption,
    FilesArgument,
    IncidentOption,
    InstrumentOption,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    PlotOption,
    ResolutionOption,
    ScatteringTemperatureOption,
    UnitsOption,
    VacanciesOption,
    chosen_resolution,
)
from phonodos.cli.output import Column, format_note, format_table
from phonodos.cli.studies import study_each
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.studies.neutron import NeutronStudy


def neutron(
    files: FilesArgument,
    temperature: ScatteringTemperatureOption = None,
    momentum: Annotated[
        float | None, typer.Option("--momentum", help="of Debye-Waller factors [1/A]; none")
    ] = None,
    resolution: ResolutionOption = "0",
    instrument: InstrumentOption = None,
    incident_energy: IncidentOption = None,
    units: UnitsOption = "cm-1",
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
    """Predict what neutrons see: sigma/m weights, resolution, temperature; a table, neutron.csv."""
    width = chosen_resolution(resolution, instrument, incident_energy, units)
    from phonodos.prediction.predictor import load
    from phonodos.studies import neutron as home

    home.check_conditions(temperature, momentum)
    predictor = load(
        model, members=members, project=True, check=check, metal=metal, vacancies=vacancies
    )

    study_each(
        files, output, predictor,
        partial(home.neutron, temperature=temperature, momentum=momentum, resolution=width),
        lambda results, study, _: _write(results, study, units, plot),
        lambda study, name: _shown(study, name, units),
        isotopes=isotope, vacancies=vacancies, as_json=as_json,
        record_of=lambda study: study.to_dict(units),
    )  # fmt: skip


def _write(results: Results, study: "NeutronStudy", units: str, plot: bool) -> None:
    results.csv("neutron.csv", *study.table(units), digits=6)
    results.json("neutron.json", study.to_dict(units))
    if plot:
        from phonodos.figures.neutron import plot_neutron

        figure = plot_neutron(
            study.frequencies, study.parts, title=study.crystal.written_formula, unit=units,
            spread=study.spread, conditions=conditions(study),
        )  # fmt: skip
        results.figure("neutron", figure)


def conditions(study: "NeutronStudy") -> str:
    """Return temperature, momentum transfer and resolution in few words, for a figure."""
    words = [] if study.resolution.is_sharp else [study.resolution.label]
    words += [] if study.temperature is None else [f"{study.temperature:g} K"]
    words += [] if study.momentum is None else [f"Q = {study.momentum:g}/Å"]
    return ", ".join(words)


def _shown(study: "NeutronStudy", name: str, units: str) -> str:
    from phonodos.physics.units import FREQUENCY_DIGITS, per_wavenumber
    from phonodos.studies.harmonic import with_spread
    from phonodos.studies.neutron import ONE_PHONON

    factor, digits = per_wavenumber(units), FREQUENCY_DIGITS[units] + 1
    columns = [
        Column("sites", "", 5), Column("sigma", "barn", 8), Column("mass", "amu", 8),
        Column("sigma/m", "barn/amu", 8), Column("share", "%", 6), Column("mean", units, 14),
    ]  # fmt: skip
    rows = [
        (s.name, "", [
            str(s.sites), f"{s.cross_section:.3f}", f"{s.mass:.3f}", f"{s.weight:.4f}",
            f"{100 * s.share:.1f}",
            with_spread(s.mean_frequency, s.mean_frequency_spread, digits, factor),
        ])
        for s in study.scatterers
    ]  # fmt: skip
    mean = with_spread(study.mean_frequency, study.mean_frequency_spread, digits, factor)
    rows.append(("all", "", [str(study.crystal.n_atoms), "", "", "", "100.0", mean]))
    peaks = ", ".join(f"{w * factor:.{digits}f}" for w in study.curve.peaks())
    lines = [
        format_table(("species", ""), columns, rows),
        format_note("peaks", f"of {name} [{units}]", peaks or "none"),
        format_note("spectrum", name, f"{study.quantity}; resolution: {study.resolution.label}"),
    ]
    if study.temperature is not None:
        lines.append(ONE_PHONON)
    lines.append("sigma: bound total cross-sections; after +-: standard deviation of the members")
    return "\n".join([*lines, *(format_note("warning", name, text) for text in study.warnings)])
