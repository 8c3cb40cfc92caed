"""Structures from the command line, each with its own name, and what became of them."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from phonodos.cli.output import exit_code, failure_record, print_json, show_error
from phonodos.cli.progress import tracked
from phonodos.errors import (
    ConfigError,
    DataError,
    PhonodosError,
    PredictionError,
    StructureError,
    failure_of,
)
from phonodos.files import file_name
from phonodos.time_limit import time_limit

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import AnyPredictor

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Entry:
    """One structure of the command line, or the error that stands in its place."""

    source: str
    name: str
    content: "Crystal | PhonodosError"


def read_inputs(
    files: Sequence[str],
    timeout: float | None = None,
    vacancies: str = "refuse",
    isotopes: Sequence[str] | None = None,
) -> list[Entry]:
    """Read every structure of files, folders, archives, tables and ``-`` (standard input).

    Names are those of the files (and ids). Files of one name in several folders get the name of
    their folder before it, and what is still equal ``-2``, ``-3`` after it. What takes longer to
    read than `timeout` [s] is an error, and so is the rest of its file. `vacancies` says what to do
    where a site is partly vacant: ``refuse`` or ``fill``. What has no place for the `isotopes`
    (``O=17.999``, ``3=O18``) is an error too.

    Raises
    ------
    ConfigError
        If an isotope is meant for a site by its number, and there is more than one structure.
    """
    from phonodos.structures.occupancies import check_vacancies

    found = list(_contents(files, timeout, check_vacancies(vacancies)))
    places: dict[str, set[str]] = {}
    for source, content in found:
        if not isinstance(content, PhonodosError):
            places.setdefault(content.label.casefold(), set()).add(source)
    taken: set[str] = set()
    entries = []
    for source, content in found:
        if isinstance(content, PhonodosError):
            entries.append(Entry(source, Path(source).stem, content))
            continue
        label = content.label
        folder = Path(source).absolute().parent.name
        if len(places[label.casefold()]) > 1 and source != "-" and folder:
            label = f"{folder}-{label}"
        name = _distinct(label, taken)
        taken.add(name.casefold())
        entries.append(Entry(source, name, content))
    return _isotopic(entries, isotopes) if isotopes else entries


def _isotopic(entries: Sequence[Entry], texts: Sequence[str]) -> list[Entry]:
    from phonodos.physics.isotopes import check_sites, read_isotopes, with_isotopes

    isotopes = read_isotopes(texts)
    if len(entries) > 1:
        check_sites(isotopes)
    found = []
    for entry in entries:
        content = entry.content
        if not isinstance(content, PhonodosError):
            try:
                content = with_isotopes(content, isotopes)
            except PhonodosError as error:
                content = error
        found.append(replace(entry, content=content))
    return found


def predictions(
    predictor: "AnyPredictor", entries: Sequence[Entry], timeout: float | None = None
) -> "Iterator[tuple[Entry, Prediction | PhonodosError]]":
    """Yield every entry with its prediction or its error, in order; `timeout` [s] for each."""
    good = [e.content for e in entries if not isinstance(e.content, PhonodosError)]
    answers = predictor.predict_many(good, errors="yield", timeout=timeout)
    for entry in tracked(entries, "predicting", "structures"):
        if isinstance(entry.content, PhonodosError):
            yield entry, entry.content
        else:
            answer = next(answers)
            yield (
                entry,
                _located(answer, entry) if isinstance(answer, PhonodosError) else answer,
            )


def _located(error: PhonodosError, entry: Entry) -> PhonodosError:
    """Name the file of a crystal that was read well and failed afterwards."""
    assert not isinstance(entry.content, PhonodosError)
    label = entry.content.label
    where = entry.source if Path(entry.source).stem == label else f"{entry.source}, {label}"
    summary = error.summary.removeprefix(f"{label}: ")
    return type(error)(f"{where}: {summary}", error.reason, error.fix)


def output_folder(parent: Path, name: str) -> Path:
    """Make and return the folder for the results of one input.

    Where a file of that name is in the way (``phonodos predict POSCAR`` beside POSCAR), the folder
    is called ``POSCAR-phonodos``.

    Raises
    ------
    DataError
        If the folder cannot be made.
    """
    folder = parent / name
    try:
        if folder.exists() and not folder.is_dir():
            folder = parent / f"{name}-phonodos"
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise DataError(
            f"the folder {folder} cannot be made",
            err.strerror or str(err),
            "choose another place with -o",
        ) from err
    return folder


def check_output(parent: Path) -> None:
    """Raise `ConfigError` if a folder for results cannot be made at `parent`."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(
            f"no results can be written to {parent}",
            err.strerror or str(err),
            "choose another folder with -o",
        ) from err


def _contents(
    files: Sequence[str], timeout: float | None, vacancies: str
) -> "Iterator[tuple[str, Crystal | PhonodosError]]":
    from phonodos.structures.entries import structure_files
    from phonodos.structures.reading import iter_crystals

    def crystals(
        path: str | Path, text: str | None = None
    ) -> "Iterator[tuple[str, Crystal | PhonodosError]]":
        found = _in_time(iter_crystals(path, text), path, timeout, vacancies)
        return ((str(path), content) for content in found)

    for file in files:
        if file == "-":
            try:
                text = _standard_input()
            except PhonodosError as error:
                yield "-", error
                continue
            yield from crystals("-", text)
        elif Path(file).is_dir():
            inside = list(structure_files(Path(file)))
            if not inside:
                yield file, _empty_folder(file)
            for path in inside:
                yield from crystals(path)
        else:
            yield from crystals(file)


def _in_time(
    crystals: "Iterator[Crystal | StructureError]",
    source: str | Path,
    timeout: float | None,
    vacancies: str,
) -> "Iterator[Crystal | PhonodosError]":
    """Yield the structures of a file as long as each is there in time; whatever fails is named."""
    from phonodos.structures.occupancies import vacancies as policy

    while True:
        try:
            with time_limit(timeout, str(source)), policy(vacancies):
                crystal = next(crystals)
        except StopIteration:
            return
        except Exception as err:
            yield failure_of(err, str(source), StructureError, "check the file")
            return
        yield crystal


def _standard_input() -> str:
    from phonodos.structures.unpacking import read_bounded, text_of

    if sys.stdin is None:
        return ""
    stream = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read() if stream is None else text_of(read_bounded(stream, "standard input"))


def _empty_folder(folder: str) -> StructureError:
    return StructureError(
        f"{folder}: no structure file in this folder",
        "no name in it or its subfolders ends like that of a structure file",
        "give the files by name, or another folder",
    )


def _distinct(label: str, taken: set[str]) -> str:
    base = file_name(label)
    name, n = base, 2
    while name.casefold() in taken:
        name, n = f"{base}-{n}", n + 1
    return name


@dataclass(frozen=True)
class Done:
    """What a command has made of one input: its record for JSON, and the text to show at once."""

    record: dict[str, Any]
    text: str = ""


@dataclass
class Outcome:
    """Records of the inputs that went well, and source and error of those that did not."""

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[str, PhonodosError]] = field(default_factory=list)

    def finish(
        self,
        model: str,
        as_json: bool,
        report: Callable[[list[dict[str, Any]]], None] | None = None,
    ) -> None:
        """Print JSON or the report, then the failures; leave with the exit code of `exit_code`."""
        if as_json:
            failures = [failure_record(source, err) for source, err in self.failed]
            print_json({"model": model, "results": self.done, "failures": failures})
        elif self.done and report is not None:
            report(self.done)
        for _, err in self.failed:
            show_error(err, "failed")
        if code := exit_code(len(self.done), len(self.failed)):
            raise typer.Exit(code)


def _handled(handle: Callable[[Entry, Answer], Done], entry: Entry, answer: Answer) -> Done:
    try:
        return handle(entry, answer)
    except (MemoryError, RecursionError) as err:
        fix = "give a smaller structure, or take a machine with more memory"
        raise failure_of(err, entry.source, PredictionError, fix) from err


def for_each(
    pairs: "Iterable[tuple[Entry, Answer | PhonodosError]]",
    handle: Callable[[Entry, Answer], Done],
    *,
    show: bool = True,
) -> Outcome:
    """Handle every input; an error of one is kept in the place of its record.

    Parameters
    ----------
    pairs
        Inputs with what is known of each, or the error in its place.
    handle
        Writes the results of an input and says what there is.
    show
        Whether the text of an input is printed as soon as it is there.

    Raises
    ------
    ConfigError
        At once: a wrong option is wrong for every input.
    """
    outcome = Outcome()
    for entry, answer in pairs:
        try:
            if isinstance(answer, PhonodosError):
                raise answer
            done = _handled(handle, entry, answer)
        except ConfigError:
            raise
        except PhonodosError as err:
            outcome.failed.append((entry.source, err))
            continue
        outcome.done.append({"input": entry.source, "name": entry.name, **done.record})
        if show and done.text:
            print(("\n" if len(outcome.done) > 1 else "") + done.text)
    return outcome
