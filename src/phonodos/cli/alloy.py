"""`phonodos alloy`: spectra and thermodynamics along a composition."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output, output_folder
from phonodos.cli.options import (
    DisorderOption,
    IsotopeOption,
    JsonOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    ReferenceUnitsOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    UnitsOption,
    VacanciesOption,
    arrangements,
    load_predictor,
    read_kelvin,
    temperature_range,
)
from phonodos.cli.output import Column, format_note, format_table, legible, print_json, written
from phonodos.cli.ranges import parse_range
from phonodos.physics.units import FREQUENCY_DIGITS, ROOM_TEMPERATURE, per_wavenumber
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.studies.alloy import AlloyPoint, AlloyStudy

LATTICES = {  # beside the table, where the lattice at x = 1 is not that of a second structure
    "end members": "", "radii": "; lattice: by radii", "cell end": "; lattice: of --cell-end",
}  # fmt: skip
EXAMPLE = "0:1:0.25"

SubOption = Annotated[
    list[str] | None, typer.Option("--sub", help="substitute on the parent: 'Sb=Sb{1-x}Bi{x}'")
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        help="of averaged sites: embedding, vca or both; default: all that the model has",
        show_default=False,
    ),
]
CellEndOption = Annotated[
    Path | None,
    typer.Option(
        "--cell-end",
        help="with --sub: structure whose lattice is that of x = 1; default: by radii",
        show_default=False,
    ),
]
ReferenceOption = Annotated[
    list[Path] | None,
    typer.Option(help="two-column spectrum to compare with (inset); may be repeated"),
]
AtOption = Annotated[
    list[float] | None, typer.Option(help="composition of the reference, or one for each; 0.5")
]


def alloy(
    parent: Annotated[Path, typer.Argument(help="structure at x = 0, or the parent of --sub")],
    second: Annotated[
        Path | None, typer.Argument(help="structure at x = 1", show_default=False)
    ] = None,
    sub: SubOption = None,
    x: Annotated[str, typer.Option("--x", help="compositions: 0:1:0.25 or 0.1,0.5")] = EXAMPLE,
    method: MethodOption = None,
    temperature: Annotated[
        float, typer.Option(parser=read_kelvin, metavar="K", help="of C_V, S and F [K]")
    ] = ROOM_TEMPERATURE,
    cell_end: CellEndOption = None,
    reference: ReferenceOption = None,
    at: AtOption = None,
    reference_units: ReferenceUnitsOption = None,
    units: UnitsOption = "cm-1",
    output: OutputOption = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    vacancies: VacanciesOption = "refuse",
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sweep an alloy between two end members, or by substitution on a parent."""
    per_wavenumber(units)
    temperature_range(temperature, temperature, 1.0)
    compositions = parse_range(x, "--x", EXAMPLE)
    order = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed)
    from phonodos.results.measurements import read_curve
    from phonodos.structures.occupancies import vacancies as policy
    from phonodos.studies import alloy as home

    with policy(vacancies):
        mixed = home.alloy_between(
            parent, second, sub or [], cell_end=cell_end, isotopes=isotope or ()
        )
    check_output(output)
    given = [read_curve(path, reference_units)[0] for path in reference or ()]
    predictor = load_predictor(model, members, order, metal=metal)
    study = home.alloy(
        mixed, x=compositions, method=method, temperature=temperature, reference=given,
        at=at or 0.5, model=predictor,
    )  # fmt: skip
    folder = output_folder(output, parent.stem + (f"-{second.stem}" if second else "-alloy"))
    results = Results(folder, predictor.provenance.warned(study.notes))
    labels = [path.stem for path in reference or ()]
    _write(results, study, labels, units)
    if as_json:
        print_json({**study.to_dict(units), "folder": str(folder)})
        return
    _print(study, labels, temperature, units)
    print(written(results.written, str(folder)))


def _write(results: Results, study: "AlloyStudy", labels: list[str], units: str) -> None:
    from phonodos.figures.alloy import Reference, plot_alloy
    from phonodos.physics.neutron import curve_of

    results.csv("alloy.csv", *study.table(units), digits=8)
    results.csv("spectra.csv", *study.spectra_table(), digits=8)
    figure = plot_alloy(
        study.compositions,
        [point.formula for point in study.of(study.methods[0])],
        {m: [curve_of(p.prediction.dos) for p in study.of(m)] for m in study.methods},
        references=[
            Reference(r.x, r.curve, legible(label), r.predicted)
            for r, label in zip(study.references, labels, strict=True)
        ],
        unit=units,
    )
    results.figure("alloy", figure)


def _print(study: "AlloyStudy", labels: list[str], kelvin: float, units: str) -> None:
    factor, digits = per_wavenumber(units), FREQUENCY_DIGITS[units]
    columns = [
        Column("mean", units, 6), Column("max", units, 6), Column("C_V", "J/(K mol)", 9),
        Column("C_V", "J/(K kg)", 8), Column("S", "J/(K mol)", 9), Column("F", "kJ/mol", 7),
    ]  # fmt: skip
    for method in study.methods:
        rows = []
        for p in study.of(method):
            cells = [
                f"{p.mean_frequency * factor:.{digits + 1}f}"
                f"{_sure(p, 'mean_frequency', units, digits + 1)}",
                f"{p.max_frequency * factor:.{digits}f}",
                f"{p.heat_capacity:.3f}{_sure(p, 'heat_capacity', units, 3)}",
                f"{p.heat_capacity_per_kg:.1f}", f"{p.entropy:.3f}", f"{p.free_energy:.3f}",
            ]  # fmt: skip
            rows.append((f"{p.x:g}", p.formula, cells))
        widths = [max(map(len, cells)) for cells in zip(*(row[2] for row in rows), strict=True)]
        wide = [replace(c, width=max(c.width, n)) for c, n in zip(columns, widths, strict=True)]
        lattice = LATTICES[study.alloy.lattice_of]
        print(f"{study.model}, {method}; at {kelvin:g} K; mol: of atoms{lattice}")
        print(format_table(("x", "formula"), wide, rows) + "\n")
    if any(point.intervals() for point in study.points):
        print("after +-: half width of the interval that holds 9 of 10 DFT values (PBEsol)")
    for beside, label in zip(study.references, labels, strict=True):
        for name, value in beside.distances.items():
            where = f"x = {beside.x:g}, {name}: distance from {label}"
            print(f"{where}: {value:.1f} cm-1 (Wasserstein)")
    print("\n".join(format_note("note", "alloy", text) for text in study.notes))


def _sure(point: "AlloyPoint", name: str, units: str, digits: int) -> str:
    """Return the half width of an interval as the table shows it, or that there is none."""
    if (interval := point.intervals(units).get(name)) is not None:
        return f"+-{interval['half_width']:.{digits}f}"
    return "+-n/a" if name in point.absent_intervals() else ""
