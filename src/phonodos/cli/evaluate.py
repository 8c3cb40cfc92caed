"""`phonodos evaluate`: a model against the records of one part of a split."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from phonodos.cli.inputs import check_output
from phonodos.cli.options import JsonOption, MembersOption
from phonodos.cli.output import SOME_FAILED
from phonodos.results.desk import Results


def evaluate(
    model: Annotated[str, typer.Argument(help="released name or path of a weight file")],
    data: Annotated[Path, typer.Option(help="Parquet data set (phonodos data prepare)")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the results")],
    split: Annotated[
        Path | None, typer.Option(help="split file; by default the ids in the weight file")
    ] = None,
    part: Annotated[str, typer.Option(help="train, valid or test")] = "valid",
    members: MembersOption = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="folder for figures; train and valid are drawn beside the part"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a model with reference spectra: metrics.json, materials.csv, summary.md."""
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
    report = judgement.evaluate(predictor, records, parts, part=part)
    report.write(Results(output, predictor.provenance))
    if figures is not None:
        from phonodos.evaluation.drawings import draw_evaluation

        drawn = judgement.judged_beside(predictor, records, parts, part, report.judged)
        cutoff = float(predictor.networks[0].config.cutoff)
        results = Results(figures, predictor.provenance)
        draw_evaluation(results, drawn, part, model=predictor.name, cutoff=cutoff)
    print(json.dumps(report.summary, indent=1) if as_json else report.table())
    for name, reason in report.failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if report.failed:
        raise typer.Exit(SOME_FAILED)
