"""`phonodos evaluate`: a model against the records of one part of a split."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output
from phonodos.cli.options import JsonOption, MembersOption
from phonodos.cli.output import SOME_FAILED, format_note
from phonodos.errors import ConfigError
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.prediction.predictor import AnyPredictor


def evaluate(
    model: Annotated[str, typer.Argument(help="released name or path of a weight file")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the results")],
    data: Annotated[
        Path | None, typer.Option(help="Parquet data set (phonodos data prepare)")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="split file; by default the ids in the weight file")
    ] = None,
    part: Annotated[str, typer.Option(help="train, valid or test")] = "valid",
    members: MembersOption = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="folder for figures; train and valid are drawn beside the part"),
    ] = None,
    strain_file: Annotated[
        list[Path] | None,
        typer.Option(
            help="exam on strain: DFT mean frequencies of strained cells; may be repeated"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a model with reference spectra: metrics.json, materials.csv, summary.md."""
    exams = strain_file or []
    if data is None:
        _strain_alone(model, members, exams, output, as_json, others=(split, figures))
        return
    from phonodos.datasets.dataset import Dataset
    from phonodos.evaluation import judgement
    from phonodos.prediction.predictor import load

    judgement.check_part(part)
    for folder in (output, figures):
        if folder is not None:
            check_output(folder)
    predictor = load(model, members=members)
    parts = judgement.split_of(predictor, split)
    records = Dataset.open(data)
    report = judgement.evaluate(predictor, records, parts, part=part, strain_files=exams)
    report.write(Results(output, predictor.provenance))
    if figures is not None:
        from phonodos.evaluation.anatomy import anatomy_of
        from phonodos.evaluation.drawings import draw_evaluation

        drawn = judgement.judged_beside(predictor, records, parts, part, report.judged)
        network = predictor.networks[0]
        draw_evaluation(
            Results(figures, predictor.provenance), drawn, part, model=predictor.name,
            cutoff=float(network.config.cutoff), anatomy=anatomy_of(network),
        )  # fmt: skip
    print(json.dumps(report.summary, indent=1) if as_json else report.table())
    if part != "train":
        _tell_of_trained(predictor, parts.parts[part])
    for name, reason in report.failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if report.failed:
        raise typer.Exit(SOME_FAILED)


def _tell_of_trained(predictor: "AnyPredictor", ids: Sequence[str]) -> None:
    if seen := predictor.header.trained_ids & set(ids):
        text = f"{len(seen)} of these {len(ids)} materials were trained on: no test of new ones"
        print(format_note("note", predictor.name, text), file=sys.stderr)


def _strain_alone(
    model: str,
    members: int | None,
    files: list[Path],
    output: Path,
    as_json: bool,
    others: tuple[Path | None, ...],
) -> None:
    """Judge a model on exams on strain only: metrics.json and summary.md hold nothing else."""
    from phonodos.evaluation.judgement import about_weights
    from phonodos.evaluation.strain_exam import SECTION, judge_strain
    from phonodos.prediction.predictor import load

    if not files or any(other is not None for other in others):
        raise ConfigError(
            "there is nothing to compare with" if not files else "there is no data set",
            "spectra are compared with those of a data set; --split and --figures belong to it",
            "give --data DATASET, --strain-file FILE or both",
        )
    check_output(output)
    predictor = load(model, members=members)
    judged = judge_strain(predictor, files)
    record = {**about_weights(predictor), SECTION: judged.to_dict()}
    results = Results(output, predictor.provenance)
    results.json("metrics.json", record)
    results.markdown("summary.md", judged.text + "\n")
    print(json.dumps(record, indent=1) if as_json else judged.text)
