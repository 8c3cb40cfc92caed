"""`evaluate`: a model against the records of one part of a split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import PARTS, Split
from phonodos.errors import ConfigError, PhonodosError, PredictionError
from phonodos.evaluation.lattice_errors import lattice_errors
from phonodos.evaluation.report import Judged, Report, Seen, report_of
from phonodos.evaluation.stability import reference_lowest
from phonodos.evaluation.strain_exam import SECTION, judge_strain
from phonodos.physics.primitive import primitive_cell
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.version import __version__

Item = TypeVar("Item")


def evaluate(
    model: AnyPredictor | str | Path | None,
    dataset: Dataset | str | Path,
    split: Split | str | Path | None = None,
    *,
    part: str = "valid",
    members: int | None = None,
    strain_files: Sequence[Path] = (),
) -> Report:
    """Compare a model with the reference spectra of one part of a split.

    Parameters
    ----------
    model, members
        A predictor, or weights and number of members as `load` takes them.
    dataset
        The data set, or the path of its Parquet file (``phonodos data prepare``).
    split
        Ids of every part, or the path of their file; by default those in the weight file.
    part
        ``train``, ``valid`` or ``test``.
    strain_files
        Exams on strain to sit too (`evaluation.strain_exam`).

    Returns
    -------
    The report; `Report.judged` holds the predictions beside their references.

    Raises
    ------
    ConfigError
        If there is no such part.
    WeightsError
        As `load`.
    DataError
        If data set or split cannot be read, or an id of the part is not in the data set.
    PredictionError
        If not one material could be predicted; the reasons stand in it.
    """
    check_part(part)
    predictor = as_predictor(model, members)
    ids = split_of(predictor, split).parts[part]
    whole = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    records = whole.select(ids)
    strain = judge_strain(predictor, strain_files) if strain_files else None
    clock = Stopwatch()
    judged, failed = judge(predictor, records, clock)
    if not judged:
        raise _none_predicted(predictor, failed)
    header = predictor.header
    seen = Seen(header.training_elements, frozenset(header.training_formulas))
    report = report_of(judged, seen, failed=failed)
    about = _about(predictor, records, part, failed)
    about["speed"] = {"cpu_seconds": clock.seconds / len(records)}
    if strain is not None:
        about[SECTION] = strain.to_dict()
    return replace(report, summary={**report.summary, **about}, strain=strain)


def check_part(part: str) -> None:
    """Raise `ConfigError` if a split has no part of that name."""
    if part not in PARTS:
        raise ConfigError(
            f"there is no part '{part}'", "a split has " + ", ".join(PARTS), "choose one of them"
        )


def split_of(predictor: AnyPredictor, split: Split | str | Path | None) -> Split:
    """Return a split, that in a file, or that of the weights."""
    if isinstance(split, Split):
        return split
    return Split(dict(predictor.header.split)) if split is None else Split.read(split)


class Stopwatch:
    """The processor time [s] of all threads that an iterator took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield the items; what is done between them is not counted."""
        while True:
            begun = process_time()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.seconds += process_time() - begun
            yield item


def judge(
    predictor: AnyPredictor, records: Dataset, clock: Stopwatch | None = None
) -> tuple[list[Judged], dict[str, str]]:
    """Return predictions beside references, and the reason of every record without one.

    `clock` counts the time of the predictions.
    """
    judged: list[Judged] = []
    failed: dict[str, str] = {}
    answers = predictor.predict_many(list(records.crystals()), errors="yield")
    if clock is not None:
        answers = clock.over(answers)
    for index, (name, answer) in enumerate(zip(records.ids, answers, strict=True)):
        if isinstance(answer, PhonodosError):
            failed[name] = f"{answer.summary}: {answer.reason}"
        else:
            errors = lattice_errors(records, index, answer)
            truth = records.dos(index)
            lowest = None if answer.stability is None else reference_lowest(records, index)
            about = (answer.intervals, answer.stability, lowest)
            atoms = primitive_cell(answer.crystal).crystal.n_atoms
            judged.append(Judged(name, answer.crystal, truth, answer.dos, errors, *about, atoms))
    return judged, failed


def judged_beside(
    predictor: AnyPredictor, records: Dataset, split: Split, part: str, judged: Sequence[Judged]
) -> Mapping[str, Sequence[Judged]]:
    """Return what figures show by part: `part` as it was judged, beside train and valid.

    Only records that are in the data set; test is looked at only where it is the part asked for.
    """
    known = set(records.ids)
    found: dict[str, Sequence[Judged]] = {}
    for name in dict.fromkeys(["train", "valid", part]):
        inside = [i for i in split.parts[name] if i in known]
        if name == part:
            found[name] = judged
        elif inside:
            found[name] = judge(predictor, records.select(inside))[0]
    return found


def about_weights(predictor: AnyPredictor) -> dict[str, Any]:
    """Return what was judged, for metrics.json."""
    return {
        "model": predictor.name,
        "members": len(predictor.networks),
        "weights_sha256": predictor.provenance.sha256,
        "phonodos": __version__,
    }


def _about(
    predictor: AnyPredictor, records: Dataset, part: str, failed: Mapping[str, str]
) -> dict[str, Any]:
    """Return what was judged on what."""
    return {
        **about_weights(predictor),
        "data": sorted(set(records.column("source"))),
        "part": part,
        "n_failed": len(failed),
    }


def _none_predicted(predictor: AnyPredictor, failed: Mapping[str, str]) -> PredictionError:
    return PredictionError(
        f"{predictor.name} predicts none of {len(failed)} materials",
        "\n".join(f"{name}: {reason}" for name, reason in failed.items()),
        "check the records, and whether this model is one for such materials",
    )
