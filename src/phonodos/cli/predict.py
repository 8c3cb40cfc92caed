"""`phonodos predict`: structures in; spectra, thermodynamics, figures and a table out."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.disorder import (
    DisorderOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    arrangements,
    load_predictor,
)
from phonodos.cli.inputs import Entry, check_output, output_folder, predictions, read_inputs
from phonodos.cli.options import MembersOption, ModelOption
from phonodos.cli.outcome import for_each
from phonodos.cli.output import Column, format_note, format_table
from phonodos.errors import ConfigError

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction

FORMATS = ("phonopy", "pymatgen", "csv", "json")
ROOM_TEMPERATURE = 300.0  # [K], of the table
THERMAL_STEP, THERMAL_MAX = 10.0, 1000.0  # [K], phonopy's own defaults
DIGITS = {"cm-1": 0, "THz": 2, "meV": 1}
MENTIONED_SHARE = 1e-3  # of imaginary states


def predict(
    files: Annotated[
        list[str], typer.Argument(help="structure files, folders, or - for standard input")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<input name>/")
    ] = Path(),
    units: Annotated[
        str, typer.Option(help="cm-1, THz or meV in table, figure, CSV and JSON")
    ] = "cm-1",
    project: Annotated[
        str | None, typer.Option(help="projected DOS by element or by site", show_default=False)
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="any of phonopy, pymatgen, csv, json")
    ] = "phonopy,pymatgen",
    plot: Annotated[bool, typer.Option(help="figure as dos.png and dos.pdf")] = True,
    model: ModelOption = None,
    members: MembersOption = None,
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Predict the phonon density of states of crystals."""
    order = Order(units, project, _formats(formats), plot)
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed, project=project)
    check_output(output)
    predictor = load_predictor(model, members, arranged, project=project is not None)

    def handle(entry: Entry, answer: "Prediction") -> dict[str, Any]:
        order.check(answer)
        facts = quantities(answer, units)
        folder = output_folder(output, entry.name)
        return {
            "formula": answer.crystal.formula,
            "n_atoms": answer.crystal.n_atoms,
            **{key: {"value": v, "unit": unit} for key, (v, unit) in facts.items()},
            "intervals": interval_record(answer, units),
            "warnings": [*answer.warnings, *_left_out(facts["imaginary_share"][0])],
            "folder": str(folder),
            "files": write_outputs(folder, answer, order),
            **({"dos": _record(answer, order)} if as_json else {}),
        }

    outcome = for_each(predictions(predictor, read_inputs(files)), handle)
    outcome.finish(predictor.name, as_json, lambda done: _report(done, predictor.name, units))


@dataclass(frozen=True)
class Order:
    """What the user wants of every prediction."""

    units: str
    project: str | None
    formats: tuple[str, ...]
    plot: bool
    temperatures: tuple[float, ...] = field(
        default=tuple(THERMAL_STEP * i for i in range(round(THERMAL_MAX / THERMAL_STEP) + 1))
    )

    def __post_init__(self) -> None:
        from phonodos.physics.units import per_wavenumber

        per_wavenumber(self.units)
        if self.project not in (None, "element", "site"):
            raise ConfigError(
                f"--project {self.project} is not known",
                "the density of states is projected by element or by site",
                "write --project element or --project site",
            )

    def check(self, prediction: "Prediction") -> None:
        """Raise `ConfigError` if a projection is wanted of a network that has none."""
        if self.project and prediction.dos.projected is None:
            raise ConfigError(
                f"--project {self.project}: {prediction.model} has no projected density of states",
                "this network predicts the total spectrum only",
                "choose another model with --model (phonodos models list), or leave --project out",
            )


def _formats(text: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in wanted:
        if name not in FORMATS:
            near = get_close_matches(name, FORMATS, 1)
            raise ConfigError(
                f"--format {name} is not known",
                "results can be written as " + ", ".join(FORMATS),
                f"did you mean {near[0]}?" if near else "choose among them, separated by commas",
            )
    return wanted


def quantities(prediction: "Prediction", units: str) -> dict[str, tuple[float, str]]:
    """Return the numbers of the table: name -> value, unit; thermodynamics at 300 K per atom."""
    from phonodos.physics.thermodynamics import debye_temperature
    from phonodos.physics.units import per_wavenumber

    factor = per_wavenumber(units)
    thermal = prediction.thermal_properties([ROOM_TEMPERATURE]).per("atom", prediction.crystal)
    at = f"at {ROOM_TEMPERATURE:g} K"
    return {
        "mean_frequency": (prediction.dos.mean_frequency * factor, units),
        "max_frequency": (prediction.dos.max_frequency * factor, units),
        "heat_capacity": (float(thermal.heat_capacity[0]), f"J/(K {thermal.amount}) {at}"),
        "entropy": (float(thermal.entropy[0]), f"J/(K {thermal.amount}) {at}"),
        "zero_point_energy": (thermal.zero_point_energy / 1000, f"kJ/{thermal.amount}"),
        "debye_temperature": (debye_temperature(prediction.dos), "K"),
        "imaginary_share": (thermal.imaginary_fraction, "of all states"),
    }


def interval_record(prediction: "Prediction", units: str) -> dict[str, Any]:
    """Return the 90 % intervals: name -> half width, low, high, level, unit; empty without."""
    from phonodos.physics.units import per_wavenumber

    found = {}
    for name, interval in prediction.intervals.items():
        frequency = name == "mean_frequency"
        factor = per_wavenumber(units) if frequency else 1.0
        found[name] = {
            "half_width": interval.half_width * factor,
            "low": interval.low * factor,
            "high": interval.high * factor,
            "level": interval.level,
            "unit": units if frequency else interval.unit,
        }
    return found


def write_outputs(folder: Path, prediction: "Prediction", order: Order) -> list[str]:
    """Write the files that were asked for and return their names.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    from phonodos.data import spectra

    dos, crystal = prediction.dos, prediction.crystal
    columns = spectra.projections(dos, crystal, order.project) if order.project else {}
    thermal = prediction.thermal_properties(order.temperatures)
    title = f"{crystal.formula}, {crystal.n_atoms} atoms, {prediction.model}"
    written = []
    if "phonopy" in order.formats:
        spectra.write_total_dos(folder / "total_dos.dat", dos, title)
        spectra.write_thermal_properties(folder / "thermal_properties.yaml", thermal, dos)
        written += ["total_dos.dat", "thermal_properties.yaml"]
        if prediction.lattice is not None and crystal.is_ordered:
            from phonodos.prediction.phonopy_export import write_phonopy

            written += write_phonopy(folder, prediction.lattice)
        if columns:
            spectra.write_projected_dos(folder / "projected_dos.dat", dos, columns, title)
            written.append("projected_dos.dat")
    if "pymatgen" in order.formats:
        spectra.write_pymatgen_dos(folder / "pymatgen_phonon_dos.json", dos)
        written.append("pymatgen_phonon_dos.json")
    if "csv" in order.formats:
        spectra.write_dos_csv(folder / "dos.csv", dos, order.units, columns)
        spectra.write_thermal_csv(folder / "thermal_properties.csv", thermal)
        written += ["dos.csv", "thermal_properties.csv"]
    if "json" in order.formats:
        spectra.write_json(folder / "dos.json", _record(prediction, order))
        written.append("dos.json")
    if order.plot:
        written += _draw(folder, prediction, order, columns)
    return written


def _draw(
    folder: Path, prediction: "Prediction", order: Order, columns: dict[str, Any]
) -> list[str]:
    from phonodos.figures.spectra import plot_dos, save_figure

    mean = prediction.intervals.get("mean_frequency")
    figure = plot_dos(
        prediction.dos,
        crystal_label=prediction.crystal.formula,
        unit=order.units,
        thermal=prediction.thermal_properties(order.temperatures),
        members=prediction.members,
        half_width=None if mean is None else mean.half_width,
        projected=columns,
    )
    names = ["dos.png", "dos.pdf"]
    for name in names:
        save_figure(figure, folder / name)
    return names


def _record(prediction: "Prediction", order: Order) -> dict[str, Any]:
    from phonodos.data import spectra

    columns = (
        spectra.projections(prediction.dos, prediction.crystal, order.project)
        if order.project
        else {}
    )
    return {
        "formula": prediction.crystal.formula,
        "model": prediction.model,
        **spectra.dos_record(prediction.dos, order.units, columns),
    }


def _left_out(share: float) -> list[str]:
    if share <= MENTIONED_SHARE:
        return []
    return [
        f"{100 * share:.1f} % of the states are imaginary and left out of heat capacity, entropy "
        "and zero-point energy"
    ]


def _report(done: list[dict[str, Any]], model: str, units: str) -> None:
    print(_table(done, units))
    print(
        f"{model}; C_V and S at {ROOM_TEMPERATURE:g} K; C_V, S and zero-point energy (ZPE) "
        "per mole of atoms"
    )
    if any(r["intervals"] for r in done):
        print("after +-: half width of the interval that holds 9 of 10 DFT values (PBEsol)")
    for result in done:
        for text in result["warnings"]:
            print(format_note("warning", result["name"], text))
    folders = sorted({str(Path(r["folder"])) for r in done})
    where = folders[0] if len(folders) == 1 else f"{len(folders)} folders, {folders[0]} ..."
    print(f"wrote {', '.join(done[0]['files']) or 'nothing'} to {where}")


def _table(done: list[dict[str, Any]], units: str) -> str:
    columns = [
        Column("atoms", "", 5),
        Column("mean", units, 8),
        Column("max", units, 6),
        Column("C_V", "J/(K mol)", 12),
        Column("S", "J/(K mol)", 9),
        Column("ZPE", "kJ/mol", 6),
        Column("Debye", "K", 5),
    ]
    digits = DIGITS[units]
    shown = (
        ("mean_frequency", digits),
        ("max_frequency", digits),
        ("heat_capacity", 2),
        ("entropy", 2),
        ("zero_point_energy", 2),
        ("debye_temperature", 0),
    )
    rows = [
        (r["name"], r["formula"], [str(r["n_atoms"]), *(_number(r, key, d) for key, d in shown)])
        for r in done
    ]
    return format_table(("input", "formula"), columns, rows)


def _number(result: dict[str, Any], key: str, digits: int) -> str:
    """Return a number of the table, with the half width of its interval where there is one."""
    text = f"{result[key]['value']:.{digits}f}"
    interval = result["intervals"].get(key)
    return text if interval is None else f"{text}+-{interval['half_width']:.{digits}f}"
