"""`phonodos neutron`: the spectrum that inelastic scattering of neutrons sees, as columns."""

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
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction
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
    check_output(output)
    from phonodos.prediction.predictor import load
    from phonodos.studies import neutron as home

    home.check_conditions(temperature, momentum)
    predictor = load(
        model, members=members, project=True, check=check, metal=metal, vacancies=vacancies
    )

    def handle(entry: Entry, answer: "Prediction") -> Done:
        study = home.neutron(answer, temperature=temperature, momentum=momentum, resolution=width)
        origin = predictor.provenance.warned(study.warnings)
        results = Results(output_folder(output, entry.name), origin)
        results.csv("neutron.csv", *study.table(units), digits=6)
        results.json("neutron.json", study.to_dict(units))
        if plot:
            from phonodos.figures.neutron import plot_neutron

            figure = plot_neutron(
                study.frequencies, study.parts, title=study.crystal.written_formula, unit=units,
                spread=study.spread, conditions=conditions(study),
            )  # fmt: skip
            results.figure("neutron", figure)
        text = f"{entry.name} ({study.crystal.written_formula}), {predictor.name}\n"
        text += f"{_shown(study, entry.name, units)}\nwrote {', '.join(results.written)} "
        text += f"to {results.folder}"
        files = {"folder": str(results.folder), "files": results.written}
        return Done({**study.to_dict(units), **files}, text)

    pairs = predictions(predictor, read_inputs(files, vacancies=vacancies, isotopes=isotope))
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


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
