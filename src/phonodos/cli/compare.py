"""`phonodos compare`: a prediction over a measured or calculated spectrum."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output, output_folder
from phonodos.cli.options import (
    IncidentOption,
    InstrumentOption,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    ReferenceUnitsOption,
    ResolutionOption,
    ScatteringTemperatureOption,
    UnitsOption,
    chosen_resolution,
)
from phonodos.cli.output import Column, format_note, format_table, legible, print_json, written
from phonodos.cli.ranges import parse_window
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.studies.comparison import Comparison


def compare(
    prediction: Annotated[
        Path, typer.Argument(help="structure file, or spectrum or folder of phonodos predict")
    ],
    reference: Annotated[Path, typer.Argument(help="two columns: frequency, intensity")],
    reference_units: ReferenceUnitsOption = None,
    neutron: Annotated[
        bool, typer.Option("--neutron", help="weight every element by sigma/m (needs projections)")
    ] = False,
    resolution: ResolutionOption = "0",
    instrument: InstrumentOption = None,
    incident_energy: IncidentOption = None,
    temperature: ScatteringTemperatureOption = None,
    side: Annotated[
        str, typer.Option(help="of an axis with both signs: loss, or gain (with --temperature)")
    ] = "loss",
    window: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW:HIGH", help="frequencies to compare, in --units"),
    ] = None,
    scale: Annotated[str, typer.Option(help="max (each over its own), area, or fit")] = "max",
    units: UnitsOption = "cm-1",
    output: OutputOption = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Overlay a prediction with any two-column spectrum; both over their own maximum."""
    from phonodos.physics.units import per_wavenumber
    from phonodos.results.measurements import read_measurement

    if temperature is not None:
        from phonodos.studies.neutron import check_conditions

        check_conditions(temperature, None)
    width = chosen_resolution(resolution, instrument, incident_energy, units)
    ends = window and parse_window(window, "--range", "5:100", 1.0 / per_wavenumber(units))
    given = read_measurement(reference, reference_units, side=side, temperature=temperature)
    check_output(output)
    from phonodos.studies import comparison

    study = comparison.compare(
        prediction, reference, reference_units=reference_units, neutron=neutron, model=model,
        members=members, metal=metal, isotopes=isotope or (), instrument=width, side=side,
        temperature=temperature, scale=scale, window=ends or None,
    )  # fmt: skip
    folder = output_folder(output, prediction.stem)
    results = Results(folder, study.provenance)
    results.csv("compare.csv", *study.table(units), digits=6)
    _draw(results, study, reference.stem, units)
    if as_json:
        heads = {"units": units, "reference_units": given.unit}
        print_json({**heads, **study.to_dict(units), "folder": str(folder)})
    else:
        _print(study, prediction, reference, units)
        print(written(results.written, str(folder)))


def _draw(results: Results, study: "Comparison", name: str, units: str) -> None:
    from phonodos.figures.comparison import Overlay, plot_comparison

    predicted = {"phonodos": study.predicted}
    factor = None if study.scale == "max" else study.fit.factor
    overlay = Overlay(
        legible(study.label), predicted, study.reference, legible(name), factor=factor
    )
    results.figure("compare", plot_comparison(overlay, units))


def _print(study: "Comparison", prediction: Path, reference: Path, units: str) -> None:
    from phonodos.physics.units import FREQUENCY_DIGITS, per_wavenumber

    factor = per_wavenumber(units)
    columns = [
        Column("peaks", "", 6), Column("cut-off", units, 9), Column("gap from", units, 9),
        Column("gap to", units, 9),
    ]  # fmt: skip
    rows, peaks = [], []
    for path, kind, found in zip(
        (prediction, reference), ("prediction", "reference"), study.features, strict=True
    ):
        edges = () if found.gap is None else (found.gap.low * factor, found.gap.high * factor)
        gap = [f"{edge:.4g}" for edge in edges] or ["-", "-"]
        rows.append((path.name, "", [str(len(found.peaks)), f"{found.cut_off * factor:.4g}", *gap]))
        places = ", ".join(f"{w * factor:.4g}" for w in found.peaks)
        peaks.append(format_note("peaks", f"of the {kind} [{units}]", places or "none"))
    print(format_table(("spectrum", ""), columns, rows))
    print("\n".join(peaks))
    digits = FREQUENCY_DIGITS[units] + 1
    apart = f"{study.distance * factor:.{digits}f} {units}"
    print(f"distance (Wasserstein, unit area where both are known): {apart}")
    if study.fit.chi_squared is not None:
        chi = f"{study.fit.chi_squared:.3g}"
        print(f"chi^2 a point, by the errors of the reference: {chi} ({study.fit.points} points)")
    print("\n".join(format_note("note", prediction.stem, text) for text in study.notes))
