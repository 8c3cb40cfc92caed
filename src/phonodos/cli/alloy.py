"""`phonodos alloy`: spectra and thermodynamics along a composition."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.alloy_notes import Sweep, notes_of
from phonodos.cli.disorder import (
    DisorderOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    arrangements,
    load_predictor,
)
from phonodos.cli.inputs import check_output, output_folder
from phonodos.cli.options import MembersOption, ModelOption
from phonodos.cli.output import Column, format_note, format_table, legible, print_json
from phonodos.cli.ranges import parse_range
from phonodos.cli.thermo import temperature_range
from phonodos.errors import ConfigError
from phonodos.physics.units import ROOM_TEMPERATURE
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.figures.alloy import Reference
    from phonodos.physics.alloy import Alloy
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor

EXAMPLE = "0:1:0.25"


def alloy(
    parent: Annotated[Path, typer.Argument(help="structure at x = 0, or the parent of --sub")],
    second: Annotated[
        Path | None, typer.Argument(help="structure at x = 1", show_default=False)
    ] = None,
    sub: Annotated[
        list[str] | None,
        typer.Option("--sub", help="substitute on the parent: 'Sb=Sb{1-x}Bi{x}'"),
    ] = None,
    x: Annotated[str, typer.Option("--x", help="compositions: 0:1:0.25 or 0.1,0.5")] = EXAMPLE,
    method: Annotated[
        str | None,
        typer.Option(
            help="of averaged sites: embedding, vca or both; default: all that the model has",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help="of C_V, S and F [K]")] = ROOM_TEMPERATURE,
    reference: Annotated[
        Path | None, typer.Option(help="two-column spectrum to compare with (inset)")
    ] = None,
    at: Annotated[float, typer.Option(help="composition of the reference")] = 0.5,
    reference_units: Annotated[
        str | None, typer.Option(help="cm-1, meV or THz; default: as its header says")
    ] = None,
    units: Annotated[str, typer.Option(help="cm-1, THz or meV in table and figure")] = "cm-1",
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<name>/")
    ] = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Sweep an alloy between two end members, or by substitution on a parent."""
    compositions = _compositions(x, temperature, units)
    order = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed)
    mixed = _read(parent, second, sub or [])
    check_output(output)
    given = None if reference is None else _reference(reference, reference_units, at)
    predictor = load_predictor(model, members, order)
    methods = _methods(predictor, method)
    found = _sweep(predictor, mixed, compositions, methods)
    compared = {} if given is None else _compared(predictor, mixed, methods, given)
    folder = output_folder(output, parent.stem + (f"-{second.stem}" if second else "-alloy"))
    rows = _rows(compositions, found, temperature, units)
    notes = notes_of(predictor, mixed, compositions, found)
    results = Results(folder, predictor.provenance.warned(notes))
    _write(results, rows, compositions, found)
    _draw(results, compositions, found, given, compared, units)
    answer: dict[str, Any] = {"model": predictor.name, "results": rows, "notes": notes}
    answer |= {"reference": _distances(given, compared), "folder": str(folder)}
    print_json(answer) if as_json else _print(answer, methods, temperature, units, given)


def _compositions(x: str, temperature: float, units: str) -> list[float]:
    """Return the compositions; a temperature or a unit that makes no sense is refused first."""
    from phonodos.physics.units import per_wavenumber

    per_wavenumber(units)
    temperature_range(temperature, temperature, 1.0)
    return parse_range(x, "--x", EXAMPLE)


def _read(parent: Path, second: Path | None, rules: list[str]) -> "Alloy":
    from phonodos.physics.alloy import alloy_of
    from phonodos.physics.substitution import parse_substitution, substituted
    from phonodos.structures.reading import read_crystal

    if (second is None) == (not rules):
        raise ConfigError(
            "an alloy needs two end members or a substitution",
            "either a second structure or --sub must be given, and not both",
            "phonodos alloy A.cif B.cif, or phonodos alloy A.cif --sub 'Sb=Sb{1-x}Bi{x}'",
        )
    if second is None:
        return substituted(read_crystal(parent), [parse_substitution(r) for r in rules])
    return alloy_of(read_crystal(parent), read_crystal(second))


def _reference(path: Path, unit: str | None, at: float) -> "Reference":
    from phonodos.figures.alloy import Reference
    from phonodos.results.measurements import read_curve

    curve, _ = read_curve(path, unit)
    return Reference(at, curve, path.stem)


def _sweep(
    predictor: "AnyPredictor", mixed: "Alloy", compositions: list[float], methods: list[Any]
) -> Sweep:
    from phonodos.prediction.mixtures import predict_mixtures

    return {m: list(predict_mixtures(predictor, mixed, compositions, m)) for m in methods}


def _methods(predictor: "AnyPredictor", wanted: str | None) -> list[Any]:
    from phonodos.prediction.mixtures import METHODS, methods_of

    known = methods_of(predictor)
    if wanted is None:
        return list(known)
    if known == ("sqs",):
        raise ConfigError(
            "--method and --disorder sqs do not go together",
            "a method says how shared sites are averaged, and quasi-random structures have none",
            "leave one of the two out",
        )
    if wanted not in (*METHODS, "both"):
        raise ConfigError(
            f"--method {wanted} is not known",
            "alloys are predicted by " + " or ".join(METHODS) + ", or both side by side",
            "choose one of them",
        )
    return list(METHODS) if wanted == "both" else [wanted]


def _rows(
    compositions: list[float], found: Sweep, kelvin: float, units: str
) -> list[dict[str, Any]]:
    pairs = [(m, *p) for m, each in found.items() for p in zip(compositions, each, strict=True)]
    return [_row(m, x, prediction, kelvin, units) for m, x, prediction in pairs]


def _row(
    method: str, x: float, prediction: "Prediction", kelvin: float, units: str
) -> dict[str, Any]:
    from phonodos.physics.thermodynamics import debye_temperature
    from phonodos.physics.units import per_wavenumber

    crystal, dos = prediction.crystal, prediction.dos
    factor = per_wavenumber(units)
    t = prediction.thermal_properties([kelvin]).per("atom", crystal)
    per_kg = t.per("kg", crystal).heat_capacity[0]
    return {
        "method": method,
        "x": x,
        "formula": crystal.formula,
        f"mean_frequency [{units}]": dos.mean_frequency * factor,
        f"max_frequency [{units}]": dos.max_frequency * factor,
        f"c_v [J/(K {t.amount})]": float(t.heat_capacity[0]),
        "c_v [J/(K kg)]": float(per_kg),
        f"entropy [J/(K {t.amount})]": float(t.entropy[0]),
        f"free_energy [kJ/{t.amount}]": float(t.free_energy[0]) / 1000,
        f"zero_point_energy [kJ/{t.amount}]": t.zero_point_energy / 1000,
        "debye_temperature [K]": debye_temperature(dos),
        "imaginary_share": t.imaginary_fraction,
        "temperature [K]": kelvin,
    }


def _compared(
    predictor: "AnyPredictor", mixed: "Alloy", methods: list[Any], given: "Reference"
) -> dict[str, Any]:
    from phonodos.physics.curve import sampled_like
    from phonodos.physics.neutron import curve_of

    found = _sweep(predictor, mixed, [given.x], methods)
    return {m: sampled_like(curve_of(p.dos), given.curve) for m, [p] in found.items()}


def _distances(given: "Reference | None", compared: dict[str, Any]) -> dict[str, float]:
    from phonodos.physics.curve import distance

    return {} if given is None else {m: distance(c, given.curve) for m, c in compared.items()}


def _write(
    results: Results, rows: list[dict[str, Any]], compositions: list[float], found: Sweep
) -> None:
    import numpy as np

    results.csv("alloy.csv", list(rows[0]), [list(row.values()) for row in rows], digits=8)
    spectra = [p.dos for each in found.values() for p in each]
    low = min(d.frequencies[0] for d in spectra)
    high = max(d.frequencies[-1] for d in spectra)
    step = min(float(np.diff(d.frequencies).max()) for d in spectra)
    axis = np.arange(low, high + step / 2, step)
    columns = [d.on(axis) for d in spectra]
    head = ["frequency [cm-1]"]
    head += [f"{m} x={x:g} [states/cm-1 per cell]" for m in found for x in compositions]
    results.csv("spectra.csv", head, zip(axis, *columns, strict=True), digits=8)


def _draw(
    results: Results,
    compositions: list[float],
    found: Sweep,
    given: "Reference | None",
    compared: dict[str, Any],
    units: str,
) -> None:
    from phonodos.figures.alloy import plot_alloy
    from phonodos.physics.neutron import curve_of

    first = next(iter(found.values()))
    figure = plot_alloy(
        compositions,
        [p.crystal.formula for p in first],
        {m: [curve_of(p.dos) for p in each] for m, each in found.items()},
        reference=None if given is None else replace(given, label=legible(given.label)),
        compared=compared,
        unit=units,
    )
    results.figure("alloy", figure)


def _print(
    answer: dict[str, Any],
    methods: list[Any],
    kelvin: float,
    units: str,
    given: "Reference | None",
) -> None:
    rows, model = answer["results"], answer["model"]
    columns = [
        Column("mean", units, 6), Column("max", units, 6), Column("C_V", "J/(K mol)", 9),
        Column("C_V", "J/(K kg)", 8), Column("S", "J/(K mol)", 9), Column("F", "kJ/mol", 7),
    ]  # fmt: skip
    digits = (1, 0, 3, 1, 3, 3)
    for method in methods:
        lines = []
        for row in rows:
            if row["method"] == method:
                values = [v for k, v in row.items() if "[" in k]
                shown = [f"{v:.{d}f}" for v, d in zip(values[:6], digits, strict=True)]
                lines.append((f"{row['x']:g}", row["formula"], shown))
        print(f"{model}, {method}; at {kelvin:g} K; mol: of atoms")
        print(format_table(("x", "formula"), columns, lines) + "\n")
    for name, value in answer["reference"].items():
        assert given is not None
        where = f"x = {given.x:g}, {name}: distance from {given.label}"
        print(f"{where}: {value:.1f} cm-1 (Wasserstein)")
    print("\n".join(format_note("note", "alloy", text) for text in answer["notes"]))
    print(f"wrote alloy.csv, spectra.csv, alloy.png, alloy.pdf to {answer['folder']}")
