"""`phonodos predict`: structures in; spectra, thermodynamics, figures and a table out."""

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
    PerOption,
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
from phonodos.cli.prediction_table import report, summary_table
from phonodos.results.desk import Results
from phonodos.time_limit import DEFAULT_TIMEOUT, check_timeout, time_limit

if TYPE_CHECKING:
    from phonodos.prediction.prediction import Prediction

ProjectOption = Annotated[
    str | None, typer.Option(help="projected DOS by element or by site", show_default=False)
]


def predict(
    files: FilesArgument,
    output: OutputOption = Path(),
    units: UnitsOption = "cm-1",
    per: PerOption = "formula",
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
    from phonodos.prediction.files import Files, file_formats, spectrum_record, write_prediction
    from phonodos.prediction.record import prediction_record, remarks

    limit, order = check_timeout(timeout), Files(units, project, file_formats(formats), plot, per)
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed, project=project)
    check_output(output)
    choices = {"project": order.projected, "check": check, "metal": metal}
    predictor = load_predictor(model, members, arranged, **choices, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        from phonodos.prediction.failures import named

        order.check(answer)
        with named(entry.source), time_limit(limit, entry.source):
            return Done(record(entry, answer))

    def record(entry: Entry, answer: "Prediction") -> dict[str, Any]:
        facts = prediction_record(answer, units, per)
        share = facts["imaginary_share"]["value"]
        origin = predictor.provenance.warned(answer.warnings)
        results = Results(output_folder(output, entry.name), origin)
        return {
            **facts,
            "warnings": [*answer.warnings, *remarks(answer, share, order.formats)],
            "folder": str(results.folder),
            "files": write_prediction(results, answer, order),
            **({"dos": spectrum_record(answer, order)} if as_json else {}),
        }

    entries = read_inputs(files, limit, vacancies, isotope)
    outcome = for_each(predictions(predictor, entries, limit), handle)
    if len(outcome.done) > 1:
        Results(output, predictor.provenance).csv("summary.csv", *summary_table(outcome.done))
    outcome.finish(predictor.name, as_json, lambda done: report(done, predictor.name, units))
