"""`phonodos predict`: structures in; spectra, thermodynamics, figures and a table out."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    DisorderOption,
    FilesArgument,
    IsotopeOption,
    JsonOption,
    MaxSizeOption,
    MembersOption,
    MetalOption,
    ModelOption,
    OutputOption,
    PlotOption,
    SqsAtomsOption,
    SqsNumberOption,
    SqsSeedOption,
    TimeoutOption,
    UnitsOption,
    VacanciesOption,
    arrangements,
    load_predictor,
)
from phonodos.cli.prediction_table import (
    absent_intervals,
    interval_record,
    largest_record,
    quantities,
    remarks,
    report,
)
from phonodos.errors import ConfigError
from phonodos.results.desk import Results
from phonodos.time_limit import DEFAULT_TIMEOUT, check_timeout, time_limit

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction

FORMATS = ("phonopy", "pymatgen", "csv", "json", "euphonic", "ncmat")
ProjectOption = Annotated[
    str | None, typer.Option(help="projected DOS by element or by site", show_default=False)
]
THERMAL_STEP, THERMAL_MAX = 10.0, 1000.0  # [K], phonopy's own defaults


def predict(
    files: FilesArgument,
    output: OutputOption = Path(),
    units: UnitsOption = "cm-1",
    project: ProjectOption = None,
    formats: Annotated[
        str, typer.Option("--format", help="any of phonopy, pymatgen, csv, json, euphonic, ncmat")
    ] = "phonopy,pymatgen",
    plot: PlotOption = True,
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    disorder: DisorderOption = "average",
    sqs_atoms: SqsAtomsOption = None,
    sqs_number: SqsNumberOption = None,
    sqs_seed: SqsSeedOption = None,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    as_json: JsonOption = False,
    max_size: MaxSizeOption = None,  # noqa: ARG001  # its callback does it
) -> None:
    """Predict the phonon density of states of crystals."""
    limit, order = check_timeout(timeout), Order(units, project, _formats(formats), plot)
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed, project=project)
    check_output(output)
    projected = project is not None or "ncmat" in order.formats
    choices = {"project": projected, "check": check, "metal": metal}
    predictor = load_predictor(model, members, arranged, **choices, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        from phonodos.prediction.failures import named

        order.check(answer)
        with named(entry.source), time_limit(limit, entry.source):
            return Done(record(entry, answer))

    def record(entry: Entry, answer: "Prediction") -> dict[str, Any]:
        facts = quantities(answer, units)
        share = facts["imaginary_share"][0]
        origin = predictor.provenance.warned(answer.warnings)
        results = Results(output_folder(output, entry.name), origin)
        return {
            "formula": answer.crystal.formula,
            "n_atoms": answer.crystal.n_atoms,
            **{key: {"value": v, "unit": unit} for key, (v, unit) in facts.items()},
            "max_frequency": largest_record(answer, units),
            "intervals": interval_record(answer, units),
            "absent_intervals": absent_intervals(answer),
            "stability": None if answer.stability is None else answer.stability.to_dict(units),
            "warnings": [*answer.warnings, *remarks(answer, share, order.formats)],
            "folder": str(results.folder),
            "files": write_outputs(results, answer, order),
            **({"dos": _record(answer, order)} if as_json else {}),
        }

    entries = read_inputs(files, limit, vacancies, isotope)
    outcome = for_each(predictions(predictor, entries, limit), handle)
    outcome.finish(predictor.name, as_json, lambda done: report(done, predictor.name, units))


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
        missing = {"ncmat": prediction.dos.projected, "euphonic": prediction.lattice}
        for name, found in missing.items():
            if name in self.formats and found is None:
                raise ConfigError(
                    f"--format {name}: {prediction.model} has no force constants for it",
                    "a total spectrum, or a mean over structures, does not tell how atoms move",
                    "choose a model of lattice dynamics (phonodos models list), or leave "
                    f"{name} out",
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


def write_outputs(results: Results, prediction: "Prediction", order: Order) -> list[str]:
    """Write the files that were asked for and return their names.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    from phonodos.results import spectra

    dos, crystal = prediction.dos, prediction.crystal
    columns = spectra.projections(dos, crystal, order.project) if order.project else {}
    thermal = prediction.thermal_properties(order.temperatures)
    title = f"{crystal.formula}, {crystal.n_atoms} atoms, {prediction.model}"
    if "phonopy" in order.formats:
        results.text("total_dos.dat", spectra.total_dos_text(dos, title))
        results.yaml("thermal_properties.yaml", spectra.thermal_properties_text(thermal, dos))
        if prediction.lattice is not None and crystal.is_ordered:
            from phonodos.prediction.phonopy_export import write_phonopy

            write_phonopy(results, prediction.lattice)
        if columns:
            text = spectra.projected_dos_text(dos, columns, title)
            results.text("projected_dos.dat", text)
    if "euphonic" in order.formats and prediction.lattice is not None:
        from phonodos.prediction.phonopy_export import write_euphonic

        write_euphonic(results, prediction.lattice)
    if "ncmat" in order.formats:
        from phonodos.results.ncmat import ncmat_text

        head = () if results.provenance is None else tuple(results.provenance.lines())
        results.plain(f"{results.folder.name}.ncmat", ncmat_text(crystal, dos, head))
    if "pymatgen" in order.formats:
        results.json("pymatgen_phonon_dos.json", spectra.pymatgen_record(dos), indent=None)
    if "csv" in order.formats:
        results.csv("dos.csv", *spectra.dos_table(dos, order.units, columns))
        results.csv("thermal_properties.csv", *spectra.thermal_table(thermal))
    if "json" in order.formats:
        results.json("dos.json", _record(prediction, order))
    if order.plot:
        _draw(results, prediction, order, columns)
    return results.written


def _draw(
    results: Results, prediction: "Prediction", order: Order, columns: dict[str, Any]
) -> None:
    from phonodos.figures.spectra import plot_dos

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
    results.figure("dos", figure)


def _record(prediction: "Prediction", order: Order) -> dict[str, Any]:
    from phonodos.results import spectra

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
