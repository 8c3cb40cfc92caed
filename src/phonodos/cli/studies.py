"""What commands with one study a crystal share: predict, study, write, show, one by one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from phonodos.cli.inputs import (
    Done,
    Entry,
    check_output,
    for_each,
    output_folder,
    predictions,
    read_inputs,
)
from phonodos.cli.output import written
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor


class Study(Protocol):
    """What follows from one prediction."""

    @property
    def crystal(self) -> "Crystal": ...

    @property
    def warnings(self) -> Sequence[str]: ...

    def to_dict(self) -> dict[str, Any]: ...


S = TypeVar("S", bound=Study)


def study_each(
    files: Sequence[str],
    output: Path,
    predictor: "AnyPredictor",
    study_of: "Callable[[Prediction], S]",
    write: "Callable[[Results, S, Prediction], None]",
    shown: Callable[[S, str], str],
    *,
    isotopes: Sequence[str] | None = None,
    vacancies: str = "refuse",
    as_json: bool = False,
    record_of: "Callable[[S], dict[str, Any]] | None" = None,
) -> None:
    """Study every crystal of `files`: results in a folder each, a text each, or JSON of all.

    Parameters
    ----------
    files, isotopes, vacancies
        As `read_inputs` takes them.
    output
        Folder of the folders.
    predictor
        What predicts.
    study_of, write, shown
        Make a study of a prediction; write its files; say what it holds, given a name.
    as_json
        Whether the records are printed instead of the texts.
    record_of
        Makes the record of a study; by default its `to_dict`.

    Raises
    ------
    ConfigError
        At once, if an option is wrong.
    """
    check_output(output)

    def handle(entry: Entry, answer: "Prediction") -> Done:
        study = study_of(answer)
        origin = predictor.provenance.warned(study.warnings)
        results = Results(output_folder(output, entry.name), origin)
        write(results, study, answer)
        text = f"{entry.name} ({study.crystal.written_formula}), {predictor.name}{_group(study)}\n"
        text += f"{shown(study, entry.name)}\n"
        text += written(results.written, str(results.folder))
        where: Mapping[str, Any] = {"folder": str(results.folder), "files": results.written}
        record = study.to_dict() if record_of is None else record_of(study)
        return Done({**record, **where}, text)

    pairs = predictions(predictor, read_inputs(files, vacancies=vacancies, isotopes=isotopes))
    for_each(pairs, handle, show=not as_json).finish(predictor.name, as_json)


def _group(study: Study) -> str:
    setting = getattr(study, "setting", None)
    return "" if setting is None else f", point group {setting.point_group}"
