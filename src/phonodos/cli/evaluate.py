"""`phonodos evaluate`: a model against the records of one part of a split."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output
from phonodos.cli.options import MembersOption
from phonodos.errors import ConfigError, PhonodosError
from phonodos.results.desk import Results
from phonodos.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from phonodos.datasets.dataset import Dataset
    from phonodos.evaluation.report import Judged
    from phonodos.prediction.predictor import Predictor


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
    as_json: Annotated[bool, typer.Option("--json", help="the summary as JSON on stdout")] = False,
) -> None:
    """Compare a model with reference spectra: metrics.json, materials.csv, summary.md."""
    from phonodos.datasets.dataset import Dataset
    from phonodos.datasets.splits import PARTS, Split
    from phonodos.evaluation.report import Seen
    from phonodos.evaluation.report import evaluate as compare
    from phonodos.prediction.predictor import load

    if part not in PARTS:
        raise ConfigError(
            f"there is no part '{part}'", "a split has " + ", ".join(PARTS), "choose one of them"
        )
    for folder in (output, figures):
        if folder is not None:
            check_output(folder)
    predictor = load(model, members=members)
    parts = Split.read(split).parts if split else Split(dict(predictor.header.split)).parts
    whole = Dataset.open(data)
    records = whole.select(parts[part])
    judged, failed = _judge(predictor, records)
    if not judged:
        print("\n".join(f"{k}: {v}" for k, v in failed.items()), file=sys.stderr)
        raise typer.Exit(4)
    seen = Seen(predictor.header.training_elements, frozenset(predictor.header.training_formulas))
    report = compare(judged, seen, failed=failed)
    report.summary.update(
        model=predictor.name,
        members=len(predictor.networks),
        weights_sha256=predictor.provenance.sha256,
        data=sorted(set(records.column("source"))),
        part=part,
        n_failed=len(failed),
        phonodos=__version__,
    )
    report.write(Results(output, predictor.provenance))
    if figures is not None:
        _draw(Results(figures, predictor.provenance), predictor, whole, parts, part, judged)
    print(json.dumps(report.summary, indent=1) if as_json else report.table())
    for name, reason in failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(3)


def _judge(predictor: "Predictor", records: "Dataset") -> "tuple[list[Judged], dict[str, str]]":
    from phonodos.evaluation.lattice_errors import lattice_errors
    from phonodos.evaluation.report import Judged

    judged, failed = [], {}
    answers = predictor.predict_many(records.crystals(), errors="yield")
    for index, (name, answer) in enumerate(zip(records.ids, answers, strict=True)):
        if isinstance(answer, PhonodosError):
            failed[name] = f"{answer.summary}: {answer.reason}"
        else:
            errors = lattice_errors(records, index, answer)
            truth = records.dos(index)
            judged.append(Judged(name, answer.crystal, truth, answer.dos, errors, answer.intervals))
    return judged, failed


def _draw(
    results: Results,
    predictor: "Predictor",
    records: "Dataset",
    parts: "Mapping[str, Sequence[str]]",
    part: str,
    judged: "list[Judged]",
) -> None:
    """Draw the figures; of the split, test is looked at only where it is the part asked for."""
    from phonodos.evaluation.drawings import draw_evaluation

    known = set(records.ids)
    drawn = {}
    for name in dict.fromkeys(["train", "valid", part]):
        inside = [i for i in parts[name] if i in known]
        if name == part:
            drawn[name] = judged
        elif inside:
            drawn[name] = _judge(predictor, records.select(inside))[0]
    cutoff = float(predictor.networks[0].config.cutoff)
    draw_evaluation(results, drawn, part, model=predictor.name, cutoff=cutoff)
