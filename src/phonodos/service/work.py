"""`Worker`: reads, predicts and studies in a process of its own, and answers with bytes or errors.

All that is foreign is opened here, so that whatever it does to a process it does to a worker.
"""

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonodos.errors import (
    ConfigError,
    DataError,
    PhonodosError,
    PredictionError,
    StructureError,
    failure_of,
    reason_of,
)
from phonodos.physics.crystal import Crystal
from phonodos.prediction.failures import without_frames
from phonodos.service.dispatch import END, Numbered, Work
from phonodos.service.limits import Limits
from phonodos.service.tasks import (
    UNNAMED,
    Compare,
    Mix,
    Predict,
    Read,
    Screen,
    Setting,
    Stored,
)
from phonodos.structures.archives import check_archive_size
from phonodos.structures.entries import ARCHIVES, too_many_atoms
from phonodos.structures.reading import as_crystal, iter_crystals
from phonodos.structures.unpacking import LIMIT_VARIABLE

if TYPE_CHECKING:
    from phonodos.prediction.predictor import Predictor
    from phonodos.screening.calculator import Calculator
    from phonodos.screening.source import Item
    from phonodos.structures.entries import Entry
    from phonodos.studies.report import Report

FIX = "check the file; if it is sound, please report it"


@dataclass(frozen=True)
class Answer:
    """What there is of one crystal.

    Attributes
    ----------
    name
        Of the crystal.
    content
        A body, or why there is none.
    """

    name: str
    content: bytes | PhonodosError


def start_work(setting: Setting) -> Work:
    """Return the function of a worker: what its process starts with."""
    from phonodos.model.threads import stay_on_one_thread

    stay_on_one_thread()
    warnings.simplefilter("ignore")  # reasons for doubt are in the answers
    os.environ[LIMIT_VARIABLE] = str(setting.limits.file_unpacked_mib)
    _bound_memory(setting.limits.worker_bytes)
    worker = Worker(setting)
    worker.predictor(setting.default)
    return worker.work


def _bound_memory(size: int) -> None:
    """Let this process have so many bytes of its own: beyond them is a MemoryError of one task."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
    bound = size if hardest == resource.RLIM_INFINITY else min(size, hardest)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hardest))


class Worker:
    """Predictors that are kept, and what is done with them."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.limits: Limits = setting.limits
        self._predictors: dict[tuple[str, bool], Predictor] = {}
        self._calculators: dict[Any, Calculator] = {}

    def work(self, numbered: Numbered) -> Iterator[Numbered]:
        """Yield (number, answer) of a numbered task, then (number, `END`)."""
        number, task = numbered
        doers: dict[type, Callable[[Any], Iterator[Any]]] = {
            Predict: self.predict,
            Mix: self.mix,
            Compare: self.compare,
            Read: self.read,
            Screen: self.screen,
        }
        for answer in doers[type(task)](task):
            yield number, answer
        yield number, END

    def predictor(self, name: str | None, metal: bool = False) -> "Predictor":
        """Return the predictor of a name, which is loaded once."""
        from phonodos.prediction.predictor import load

        key = (name or self.setting.default, metal)
        if key not in self._predictors:
            self._predictors[key] = load(Path(self.setting.models[key[0]]), metal=metal)
        return self._predictors[key]

    def predict(self, task: Predict) -> Iterator[Answer]:
        """Yield a report, an archive of files or a page for every crystal of a file."""
        make = {"json": self._report, "files": self._files, "html": self._html}[task.form]
        due = time.monotonic() + self.limits.seconds
        for number, crystal in enumerate(self.crystals(task.file)):
            if number >= self.limits.together:
                yield self._too_many(task.file)
                return
            name = task.file.stem if isinstance(crystal, PhonodosError) else crystal.label
            found: bytes | PhonodosError
            if isinstance(crystal, PhonodosError):
                found = crystal
            elif number and time.monotonic() > due:
                found = _late(name, self.limits.seconds)
            else:
                found = _done(name, make, crystal, task)
            yield Answer(name, found)

    def _too_many(self, file: Stored) -> Answer:
        most = self.limits.together
        error = StructureError(
            f"{file.name}: the structures after the first {most} are left out",
            f"at most {most} are answered in one request",
            "send the file as a job (POST /api/v1/jobs), which gives a table of all",
        )
        return Answer(file.stem, error)

    def _report(self, crystal: Crystal, task: Predict) -> bytes:
        return packed(self.report(crystal, task).to_dict())

    def report(self, crystal: Crystal, task: Predict) -> "Report":
        """Return the report of a crystal of a file."""
        from phonodos.studies.recipe import recipe_of
        from phonodos.studies.report import report

        order = task.order
        predictor = self.predictor(order.model, order.metal)
        return report(
            crystal,
            predictor,
            include=order.include,
            temperatures=order.temperatures,
            metal=order.metal,
            isotopes=order.isotopes,
            name=crystal.label,
            recipe=recipe_of(task.file.name, predictor, order.isotopes),
        )

    def _files(self, crystal: Crystal, task: Predict) -> bytes:
        """Return what `phonodos predict` writes, as zip."""
        from phonodos.prediction.files import zipped

        order = task.order
        prediction = next(
            self.predictor(order.model, order.metal).predict_many(
                [as_crystal(crystal, isotopes=order.isotopes)]
            )
        )
        return zipped(prediction, place=Path(task.file.path).parent)

    def _html(self, crystal: Crystal, task: Predict) -> bytes:
        return self.report(crystal, task).to_html().encode()

    def crystals(self, file: Stored) -> Iterator[Crystal | PhonodosError]:
        """Yield the structures of a file under its sender's names, and errors in their places."""
        try:
            self.check_size(file)
            for found in iter_crystals(Path(file.path), most_atoms=self.limits.atoms):
                if isinstance(found, PhonodosError):
                    yield shown(found, file)
                    continue
                name = file.own(found.name)
                crystal = replace(found, name="" if name == UNNAMED else name)
                yield crystal
        except Exception as error:  # MemoryError too
            yield shown(failure_of(error, file.name, StructureError, FIX), file)

    def check_size(self, file: Stored) -> None:
        """Raise `DataError` if a file is an archive of more than there may be in one."""
        if file.path.endswith(ARCHIVES):
            limits = self.limits
            check_archive_size(Path(file.path), limits.archive_files, limits.unpacked_bytes)

    def one(self, file: Stored) -> Crystal:
        """Return the one structure of a file; raises `PhonodosError`."""
        found = self.crystals(file)
        first, second = next(found), next(found, None)
        if isinstance(first, PhonodosError):
            raise first
        if second is not None:
            raise StructureError(
                f"{file.name} holds several structures",
                "one was asked for, and which of them is meant is open",
                "send a file with one structure",
            )
        return first

    def mix(self, task: Mix) -> Iterator[Answer]:
        """Yield the study of an alloy, with the spectrum of every point."""
        yield Answer(task.first.stem, _done(task.first.name, self._mixed, task))

    def _mixed(self, task: Mix) -> bytes:
        from phonodos.studies.alloy import alloy

        second = None if task.second is None else self.one(task.second)
        study = alloy(
            self.one(task.first), second, task.x, substitute=task.rules,
            temperature=task.temperature, isotopes=task.order.isotopes,
            model=self.predictor(task.order.model, task.order.metal), metal=task.order.metal,
        )  # fmt: skip
        _, rows = study.spectra_table()
        axis, *columns = (list(column) for column in zip(*rows, strict=True))
        points = [
            {
                "method": point.method,
                "x": point.x,
                "formula": point.formula,
                "n_atoms": point.prediction.crystal.n_atoms,
                "densities": densities,
            }
            for point, densities in zip(study.points, columns, strict=True)
        ]
        spectra = {"frequencies": axis, "unit": "states / cm^-1 per cell", "points": points}
        return packed({"study": study.to_dict(), "spectra": spectra})

    def compare(self, task: Compare) -> Iterator[Answer]:
        """Yield a comparison, with both curves."""
        found = _done(task.file.name, self._compared, task)
        if isinstance(found, PhonodosError):
            found = shown(found, task.reference)
        yield Answer(task.file.stem, found)

    def _projecting(self, task: Compare) -> "Predictor":
        """Return the predictor of a comparison; neutrons weight the spectra of the atoms."""
        from phonodos.prediction.predictor import load

        order = task.order
        if not task.settings.get("neutron"):
            return self.predictor(order.model, order.metal)
        path = self.setting.models[order.model or self.setting.default]
        return load(Path(path), metal=order.metal, project=True)

    def _compared(self, task: Compare) -> bytes:
        from phonodos.studies.comparison import compare

        self._check_length(task.reference)
        order, crystal = task.order, self.one(task.file)
        study = compare(
            crystal, task.reference.path, model=self._projecting(task), metal=order.metal,
            isotopes=order.isotopes, **task.settings,
        )  # fmt: skip
        names, rows = study.table()
        curves = dict(zip(["frequencies", *names[1:]], rows.T.tolist(), strict=True))
        return packed({"comparison": study.to_dict(), "curves": curves, "label": study.label})

    def _check_length(self, reference: Stored) -> None:
        """Raise `DataError` if a spectrum has so many lines that to draw it would take a worker."""
        most = self.setting.limits.reference_lines
        with Path(reference.path).open("rb") as file:
            lines = sum(1 for _ in file)
        if lines > most:
            raise DataError(
                f"{reference.name} has {lines} lines",
                f"a spectrum of at most {most} is taken",
                "bin it more coarsely, or use phonodos compare, which has no such limit",
            )

    def read(self, task: Read) -> "Iterator[Item | PhonodosError]":
        """Yield the structures of a job, those that cannot be read as errors in their places.

        The last may be an error instead: that of a job that holds too much.
        """
        from phonodos.physics.isotopes import check_sites, read_isotopes
        from phonodos.screening.source import digest_of, items

        masses = check_sites(read_isotopes(task.isotopes))
        seen: set[str] = set()
        position = atoms = 0
        for file in task.files:
            for found in self._entries(file, items, masses):
                content = found.content
                if isinstance(content, Crystal):
                    content = replace(content, name=file.own(found.id))
                else:
                    content = shown(content, file)
                name = _distinct(file.own(found.id), seen)
                atoms += content.n_atoms if isinstance(content, Crystal) else 0
                if position >= self.limits.job_crystals or atoms > self.limits.job_atoms:
                    yield self._job_is_full()
                    return
                source = file.own(found.source)
                digest = digest_of(content)
                yield replace(
                    found, id=name, source=source, content=content, position=position, digest=digest
                )
                position += 1

    def _entries(self, file: Stored, items: Any, masses: Any) -> "Iterator[Item]":
        from phonodos.screening.source import Item, Shard
        from phonodos.structures.entries import entries

        try:
            self.check_size(file)
            small = (self._small(entry) for entry in entries(Path(file.path)))
            yield from items(small, Shard(), isotopes=masses)
        except Exception as error:
            yield Item(
                file.stem, 0, file.name, "", failure_of(error, file.name, StructureError, FIX)
            )

    def _small(self, entry: "Entry") -> "Entry":
        """Return an entry that is refused if it has too many atoms."""
        most, make = self.limits.atoms, entry.make

        def bounded(name: str) -> Crystal:
            crystal = make(name)
            if crystal.n_atoms > most:
                raise too_many_atoms(crystal, most)
            return crystal

        return replace(entry, make=bounded)

    def _job_is_full(self) -> PhonodosError:
        limits = self.limits
        return ConfigError(
            "the job holds too much",
            f"at most {limits.job_crystals} crystals, of {limits.job_atoms} atoms together",
            "send several jobs, or use phonodos screen on a machine of your own",
        )

    def screen(self, task: Screen) -> Iterator[Any]:
        """Yield the row of a structure and, where there is no prediction, why."""
        from phonodos.screening.rows import failed_row
        from phonodos.screening.source import Chunk

        try:
            calculator = self._calculator(task)
        except PhonodosError as error:
            yield failed_row(task.item, reason_of(error)), error
            return
        for row in calculator.stream(Chunk((task.item,))):
            yield row, calculator.failure

    def _calculator(self, task: Screen) -> "Calculator":
        from phonodos.screening.calculator import Calculator, Recipe

        key = replace(task, item=None)
        if key not in self._calculators:
            recipe = Recipe.of(
                self.setting.models[task.model], None, task.temperatures, True, task.metal,
                task.extra,
            )  # fmt: skip
            self._calculators.clear()  # each holds a network
            self._calculators[key] = Calculator(recipe)
        return self._calculators[key]


def packed(record: Any) -> bytes:
    """Return a record as JSON, without blanks; numbers as Python writes them, to the bit."""
    return json.dumps(record, allow_nan=False, separators=(",", ":")).encode()


def shown(error: PhonodosError, file: Stored) -> PhonodosError:
    """Return an error that speaks of a file by its sender's name, fit to be sent."""
    kind = type(error) if type(error).__init__ is PhonodosError.__init__ else StructureError
    return kind(*(file.own(text) for text in (error.summary, error.reason, error.fix)))


def _done(name: str, make: Callable[..., bytes], *arguments: Any) -> bytes | PhonodosError:
    """Return what a function makes, or its failure, whatever that is."""
    try:
        return make(*arguments)
    except Exception as error:  # MemoryError and RecursionError too: of this crystal alone
        return without_frames(failure_of(error, name, PredictionError, FIX))


def _late(name: str, seconds: float) -> PhonodosError:
    return PredictionError(
        f"{name}: not begun",
        f"the crystals before it in the file took the {seconds:g} s of one request",
        "send it alone, or the file as a job",
    )


def _distinct(name: str, seen: set[str]) -> str:
    found, n = name, 2
    while found in seen:
        found, n = f"{name}-{n}", n + 1
    seen.add(found)
    return found
