"""`phonodos compare`: a prediction over a measured or calculated spectrum."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output, output_folder
from phonodos.cli.options import (
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    ReferenceUnitsOption,
    UnitsOption,
    parse_resolution,
)
from phonodos.cli.output import Column, format_note, format_table, legible, print_json
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
    resolution: Annotated[
        str, typer.Option(help="width (FWHM) of the instrument: 3% of w, or 15 in --units")
    ] = "0",
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
    from phonodos.results.measurements import read_curve

    constant, relative = parse_resolution(resolution, per_wavenumber(units))
    given, unit = read_curve(reference, reference_units)
    check_output(output)
    from phonodos.studies import comparison

    study = comparison.compare(
        prediction, given, neutron=neutron, resolution=constant, relative_resolution=relative,
        model=model, members=members, metal=metal, isotopes=isotope or (),
    )  # fmt: skip
    folder = output_folder(output, prediction.stem)
    results = Results(folder, study.provenance)
    _draw(results, study, reference.stem, units)
    if as_json:
        heads = {"units": units, "reference_units": unit}
        print_json({**heads, **study.to_dict(units), "folder": str(folder)})
        return
    _print(study, prediction, reference, units)
    print(f"wrote {', '.join(results.written)} to {folder}")


def _draw(results: Results, study: "Comparison", name: str, units: str) -> None:
    from phonodos.figures.comparison import Overlay, plot_comparison

    predicted = {"phonodos": study.predicted}
    overlay = Overlay(legible(study.label), predicted, study.reference, legible(name))
    results.figure("compare", plot_comparison(overlay, units))


def _print(study: "Comparison", prediction: Path, reference: Path, units: str) -> None:
    from phonodos.physics.units import per_wavenumber

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
    print(f"distance (Wasserstein, unit area where both are known): {study.distance:.1f} cm-1")
    print("\n".join(format_note("note", prediction.stem, text) for text in study.notes))
