"""`phonodos predict`: structures in; spectra, thermodynamics, figures and a table out."""

from collections.abc import Sequence
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
    from phonodos.prediction.files import Files
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor

HTML = "html"
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
        str,
        typer.Option("--format", help="any of phonopy, pymatgen, csv, json, euphonic, ncmat, html"),
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
    from phonodos.prediction.files import FORMATS, Files, file_formats
    from phonodos.results.single_file import page_template

    limit, asked = check_timeout(timeout), file_formats(formats, (*FORMATS, HTML))
    order = Files(units, project, tuple(name for name in asked if name != HTML), plot, per)
    if HTML in asked:
        page_template()  # before long work
    arranged = arrangements(disorder, sqs_atoms, sqs_number, sqs_seed, project=project)
    check_output(output)
    choices = {"project": order.projected, "check": check, "metal": metal}
    predictor = load_predictor(model, members, arranged, **choices, vacancies=vacancies)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        from phonodos.prediction.failures import named

        order.check(answer)
        with named(entry.source), time_limit(limit, entry.source):
            origin = predictor.provenance.warned(answer.warnings)
            results = Results(output_folder(output, entry.name), origin)
            record = _written(results, answer, order, spectrum=as_json)
            if HTML in asked:
                _write_page(results, entry, answer, predictor, isotope or ())
            return Done(record)

    entries = read_inputs(files, limit, vacancies, isotope)
    outcome = for_each(predictions(predictor, entries, limit), handle)
    if len(outcome.done) > 1:
        Results(output, predictor.provenance).csv("summary.csv", *summary_table(outcome.done))
    outcome.finish(predictor.name, as_json, lambda done: report(done, predictor.name, units))


def _written(
    results: Results, answer: "Prediction", order: "Files", *, spectrum: bool
) -> dict[str, Any]:
    """Write the files of a prediction and return its record; with the spectrum if wanted."""
    from phonodos.prediction.files import spectrum_record, write_prediction
    from phonodos.prediction.record import prediction_record, remarks

    facts = prediction_record(answer, order.units, order.per)
    share = facts["imaginary_share"]["value"]
    write_prediction(results, answer, order)
    return {
        **facts,
        "warnings": [*answer.warnings, *remarks(answer, share, order.formats)],
        "folder": str(results.folder),
        "files": results.written,
        **({"dos": spectrum_record(answer, order)} if spectrum else {}),
    }


def _write_page(
    results: Results, entry: Entry, answer: "Prediction", predictor: "AnyPredictor",
    isotopes: Sequence[str],
) -> None:  # fmt: skip
    """Write all that is shown of a crystal as one page, ``report.html``."""
    from phonodos.studies.recipe import recipe_of
    from phonodos.studies.report import report

    source = f"{entry.name}.cif" if entry.source == "-" else entry.source
    recipe = recipe_of(source, predictor, isotopes)
    shown = report(answer, predictor, name=entry.name, recipe=recipe)
    results.plain("report.html", shown.to_html())
