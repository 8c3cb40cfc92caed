"""`screen`: predictions for every structure of a source, as rows of one Parquet file."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from phonodos.datasets.growing import GrowingTable
from phonodos.errors import reason_of
from phonodos.physics.isotopes import Isotope, check_sites, read_isotopes
from phonodos.pool import failed
from phonodos.screening.calculator import Recipe
from phonodos.screening.engines import Engine, EngineConfig, start_engine
from phonodos.screening.rows import (
    ALWAYS,
    EXTRA_SETTING,
    SCHEMA_VERSION,
    STABILITY_SETTING,
    Row,
    failed_row,
    temperatures_of,
)
from phonodos.screening.source import ATOMS, Chunks, Item, Lost, Shard, Source, ahead, chunks
from phonodos.screening.table import FORM, finish, writable_output
from phonodos.structures.occupancies import check_vacancies
from phonodos.studies.readings import reading_names
from phonodos.time_limit import DEFAULT_TIMEOUT, TimeLimitExceeded

DEPTH = 8  # chunks read ahead
PATIENCE = 0.2  # [s] for the next chunk, while rows of others may come in
TRIES = 2  # of a crystal that was lost with its chunk, the second one after all others
NAMED = 1000  # failures kept to be shown


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    ok, failed
        Rows made in this run.
    kept, kept_failed
        Rows that earlier runs had made, and how many of them are failures.
    total
        Structures in all, None while that is unknown.
    failures
        (id, reason) of the failed rows of this run, the first 1000.
    removed
        Rows of earlier runs whose structure is no longer in the source.
    """

    ok: int = 0
    failed: int = 0
    kept: int = 0
    kept_failed: int = 0
    total: int | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)
    removed: int = 0

    @property
    def done(self) -> int:
        """Rows there are."""
        return self.kept + self.ok + self.failed

    def count(self, rows: Iterable[Row]) -> None:
        """Add rows to the numbers."""
        for row in rows:
            if row["status"] == "ok":
                self.ok += 1
                continue
            self.failed += 1
            if len(self.failures) < NAMED:
                self.failures.append((row["id"], row["reason"]))


Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class Summary:
    """What a run has done.

    Attributes
    ----------
    output
        The table.
    rows
        Rows in it, earlier ones included.
    progress
        Numbers of this run.
    seconds
        Wall time [s], engine start included.
    """

    output: Path
    rows: int
    progress: Progress
    seconds: float

    @property
    def failed(self) -> int:
        """Rows without a prediction, earlier ones included."""
        return self.progress.failed + self.progress.kept_failed

    @property
    def made(self) -> int:
        """Rows made in this run."""
        return self.progress.ok + self.progress.failed

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and texts, ready for JSON; `seconds` to 1 ms."""
        return {
            "output": str(self.output),
            "rows": self.rows,
            "ok": self.rows - self.failed,
            "failed": self.failed,
            "made_now": self.made,
            "kept": self.progress.kept,
            "removed": self.progress.removed,
            "seconds": round(self.seconds, 3),
            "failures": [{"id": i, "reason": reason} for i, reason in self.progress.failures],
        }


def screen(
    source: str | Path,
    output: str | Path,
    *,
    model: str | Path | None = None,
    members: int | None = None,
    temperatures: Sequence[float] = (ALWAYS,),
    extra: str | Sequence[str] = (),
    engine: str = "pool",
    workers: int | None = None,
    address: str | None = None,
    shard: Shard | str | None = None,
    max_atoms: int = ATOMS,
    retry_failed: bool = False,
    timeout: float | None = DEFAULT_TIMEOUT,
    check: bool = True,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
    vacancies: str = "refuse",
    watch: Watch | None = None,
) -> Summary:
    """Predict every structure of `source` and write one row for each to the Parquet file `output`.

    A run that ended early goes on if given again; a structure that fails is a row. In a script,
    call it below ``if __name__ == "__main__":``, because worker processes import the script.

    Parameters
    ----------
    source, output
        Structures, in a file or folder; Parquet file (columns and units: docs/screening.md).
    model, members, check, metal, vacancies
        See `phonodos.load`.
    temperatures, isotopes, extra
        Of the thermodynamic columns [K], with 300 K; masses of elements, ``O=17.999`` [amu]; what
        else gets columns: ``modes``, ``elastic``, ``displacements``.
    engine, workers, address, timeout, max_atoms
        See `EngineConfig`: who computes, for how long at most a crystal [s], in what batches.
    shard, retry_failed, watch
        Share of the structures, such as ``3/20``; whether what failed earlier is tried again;
        called after every row.

    Raises
    ------
    PhonodosError
        On an unreadable source, unknown weights or engine, another run's output, a full disk.
    """
    start = time.perf_counter()
    given = _source(source, shard, vacancies, isotopes)
    config = EngineConfig(engine, workers, address, timeout, max_atoms)
    path = writable_output(Path(output))
    kelvin, read = temperatures_of(temperatures), reading_names(extra)
    recipe = Recipe.of(model, members, kelvin, check, metal, read)
    items, progress = given.items(), Progress(total=given.total())
    table = GrowingTable(path, settings_of(recipe, given), FORM)
    try:
        rows = Run(recipe, config, table, progress, watch).finish(items, retry_failed)
    finally:
        table.close()
    return Summary(Path(output), rows, progress, time.perf_counter() - start)


def _source(
    path: str | Path, shard: Shard | str | None, vacancies: str, isotopes: Sequence[Isotope | str]
) -> Source:
    shard = Shard.parse(shard) if isinstance(shard, str) else shard
    masses = check_sites(read_isotopes(isotopes))
    return Source(Path(path), shard or Shard(), check_vacancies(vacancies), masses)


def settings_of(recipe: Recipe, source: Source) -> dict[str, object]:
    """Return what the header of a table says: all that its rows depend on."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": recipe.name,
        "model_hash": recipe.digest,
        "members": recipe.members,
        "temperatures": list(recipe.temperatures),
        STABILITY_SETTING: "lowest frequency",
        "source": str(source.path.resolve()),
        "shard": str(source.shard),
        "check": recipe.check,
        "metal": recipe.metal,
        "isotopes": sorted(f"{i.element}={i.mass:.6f}" for i in source.isotopes),
        "vacancies": source.vacancies,
        EXTRA_SETTING: list(recipe.extra),
    }


@dataclass(frozen=True, eq=False)
class Run:
    """A screening under way.

    Attributes
    ----------
    recipe, engine
        What is computed, and by whom.
    table
        Where the rows go.
    progress
        How far it is.
    watch
        Called after every row, if anything.
    """

    recipe: Recipe
    engine: EngineConfig
    table: GrowingTable
    progress: Progress
    watch: Watch | None = None

    def finish(self, items: Iterable[Item], retry_failed: bool) -> int:
        """Compute what has no row yet, make the table, and return its number of rows.

        What ends it early leaves every row that was made on the disk.
        """
        left = dict(self.table.done)
        try:
            self._compute(self._missing(items, left, retry_failed))
        finally:
            self.table.commit()
        self.progress.removed = len(left)
        return finish(self.table, left)

    def _missing(
        self, items: Iterable[Item], left: dict[str, tuple[str, ...]], retry_failed: bool
    ) -> Iterator[Item]:
        """Yield what has no row yet; take from `left` what was seen again."""
        for item in items:
            digest, status = left.pop(item.id, ("", ""))
            if digest == item.digest and not (retry_failed and status == "failed"):
                self.progress.kept += 1
                self.progress.kept_failed += status == "failed"
            else:
                yield item

    def _compute(self, missing: Iterator[Item]) -> None:
        """Compute in chunks; what an engine loses of a chunk is tried again, each for itself."""
        first = next(missing, None)
        if first is None:
            return  # nothing to do: no engine is started
        work = chunks(chain([first], missing), self.engine.max_atoms)
        queue = ahead(work, DEPTH, PATIENCE)
        engine = start_engine(self.recipe, self.engine)
        try:
            alone = []
            for lost in self._lost(engine, queue):
                if lost.late and len(lost.items) == 1:
                    self._fail(lost)  # it was alone: no use in waiting as long again
                else:
                    alone += lost.alone()
            for lost in self._lost(engine, alone, TRIES):
                self._fail(lost)
        finally:
            queue.close()
            engine.close()

    def _lost(self, engine: Engine, queue: Chunks, tries: int = 1) -> Iterator[Lost]:
        """Compute chunks, keep their rows, and yield what was lost."""
        for found in engine.run(queue, tries):
            if isinstance(found, Lost):
                yield found
            else:
                self._keep(found)

    def _keep(self, row: Row) -> None:
        self.table.add([row])
        self.progress.count([row])
        if self.watch is not None:
            self.watch(self.progress)

    def _fail(self, lost: Lost) -> None:
        origin = {"model": self.recipe.name, "model_hash": self.recipe.digest}
        for item in lost.items:
            # once more than now: with its chunk
            reason = self._too_late(item) if lost.late else failed(lost.times + 1, lost.reason)
            self._keep(failed_row(item, reason) | origin)

    def _too_late(self, item: Item) -> str:
        took = TimeLimitExceeded(
            f"{item.id}: took longer than {self.engine.timeout:g} s",
            "it was given up at the time limit for one crystal",
            "give it more time with --timeout and --retry-failed",
        )
        return reason_of(took)
