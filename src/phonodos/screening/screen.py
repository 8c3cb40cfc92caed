"""`screen`: predictions for every structure of a source, as rows of one Parquet file."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from phonodos.errors import DataError
from phonodos.screening.calculator import Recipe
from phonodos.screening.chunks import ATOMS, Lost, ahead, chunks
from phonodos.screening.columns import ALWAYS, SCHEMA_VERSION, temperatures_of
from phonodos.screening.engines import Chunks, Engine, start_engine
from phonodos.screening.items import Item, Shard, items
from phonodos.screening.parts import Parts
from phonodos.screening.rows import Row, failed_row, reason_of
from phonodos.screening.table import writable_output
from phonodos.structures.entries import Entry, count, entries
from phonodos.structures.occupancies import check_vacancies
from phonodos.time_limit import DEFAULT_TIMEOUT, TimeLimitExceeded, check_timeout

DEPTH = 8  # chunks read ahead
PATIENCE = 0.2  # [s] for the next chunk, while rows of others may come in
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


@dataclass(frozen=True)
class Summary:
    """What a run has done.

    Attributes
    ----------
    rows
        Rows in the output, earlier ones included.
    progress
        Numbers of this run.
    seconds
        Wall time [s], engine start included.
    """

    rows: int
    progress: Progress
    seconds: float


def screen(
    source: str | Path,
    output: str | Path,
    *,
    model: str | Path | None = None,
    members: int | None = None,
    temperatures: Sequence[float] = (ALWAYS,),
    engine: str = "pool",
    workers: int | None = None,
    address: str | None = None,
    shard: Shard | None = None,
    max_atoms: int = ATOMS,
    retry_failed: bool = False,
    timeout: float | None = DEFAULT_TIMEOUT,
    check: bool = True,
    vacancies: str = "refuse",
    watch: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Predict every structure of `source` and write one row for each to the Parquet file `output`.

    A run that ended early goes on if given again; a structure that fails is a row.

    Parameters
    ----------
    source, output
        See `phonodos.structures.entries.entries`; Parquet file (``<output>.parts`` till the end).
    model, members, check, vacancies, engine, workers, address
        See `phonodos.load` and `phonodos.screening.engines.start_engine`.
    temperatures
        Of the thermodynamic columns [K]; 300 K is always among them.
    shard
        The share of the structures to do without Ray; all if None.
    max_atoms, timeout
        Most atoms in a chunk, which bounds the memory of a worker; longest time for a crystal [s].
    retry_failed, watch
        Whether to try again what failed in an earlier run; called now and then with the progress.

    Raises
    ------
    PhonodosError
        On an unreadable source, unknown weights or engine, another run's output, a full disk.
    """
    start, shard = time.perf_counter(), shard or Shard()
    source, output = Path(source), writable_output(Path(output))
    how = engine, workers, address, check_timeout(timeout)
    recipe = Recipe.of(model, members, temperatures_of(temperatures), check)
    stream, progress = _first(entries(source), source), Progress(total=_total(source, shard))
    parts = Parts(output, _settings(recipe, source, shard, vacancies))
    try:
        left = dict(parts.done)
        missing = _missing(items(stream, shard, vacancies), left, progress, retry_failed)
        try:
            _compute(missing, parts, recipe, how, max_atoms, progress, watch)
        finally:
            parts.commit()
        progress.removed = len(left)
        return Summary(parts.finish(left), progress, time.perf_counter() - start)
    finally:
        parts.close()


def _settings(recipe: Recipe, source: Path, shard: Shard, vacancies: str) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "model": recipe.name,
        "model_hash": recipe.digest,
        "members": recipe.members,
        "temperatures": list(recipe.temperatures),
        "source": str(source.resolve()),
        "shard": str(shard),
        **({} if recipe.check else {"check": False}),
        **({} if vacancies == "refuse" else {"vacancies": check_vacancies(vacancies)}),
    }


def _total(source: Path, shard: Shard) -> int | None:
    n = count(source)
    return None if n is None else shard.share(n)


def _first(stream: Iterator[Entry], source: Path) -> Iterator[Entry]:
    """Return the stream, read as far as its first entry: what is wrong as a whole shows there."""
    if not source.exists():
        raise DataError(f"nothing at {source}", "there is no such file or folder", "check the path")
    first = next(stream, None)
    if first is None:
        raise DataError(f"{source}: no structures", "there is not one entry in it", "check it")
    return chain([first], stream)


def _missing(
    stream: Iterable[Item],
    left: dict[str, tuple[str, str]],
    progress: Progress,
    retry_failed: bool,
) -> Iterator[Item]:
    """Yield what has no row yet; take from `left` what was seen again."""
    for item in stream:
        digest, status = left.pop(item.id, ("", ""))
        if digest == item.digest and not (retry_failed and status == "failed"):
            progress.kept += 1
            progress.kept_failed += status == "failed"
        else:
            yield item


def _compute(
    missing: Iterator[Item],
    parts: Parts,
    recipe: Recipe,
    how: tuple[str, int | None, str | None, float | None],
    max_atoms: int,
    progress: Progress,
    watch: Callable[[Progress], None],
) -> None:
    first = next(missing, None)
    if first is None:
        return  # nothing to do: no engine is started
    queue = ahead(chunks(chain([first], missing), max_atoms), DEPTH, PATIENCE)
    name, workers, address, timeout = how

    def keep(row: Row) -> None:
        parts.add([row])
        progress.count([row])
        watch(progress)

    def fail(lost: Lost) -> None:
        for item in lost.items:
            reason = _too_late(item, timeout) if lost.late else f"failed twice: {lost.reason}"
            keep(failed_row(item, reason) | {"model": recipe.name, "model_hash": recipe.digest})

    running = start_engine(name, recipe, workers, address, timeout)
    try:
        alone = []
        for lost in _run(running, queue, keep):
            if lost.late and len(lost.items) == 1:
                fail(lost)  # it was alone: no use in waiting as long again
            else:
                alone += lost.alone()
        for lost in _run(running, alone, keep):
            fail(lost)
    finally:
        queue.close()
        running.close()


def _run(engine: Engine, queue: Chunks, keep: Callable[[Row], None]) -> Iterator[Lost]:
    """Compute chunks, keep their rows, and yield what was lost."""
    for found in engine.run(queue):
        if isinstance(found, Lost):
            yield found
        else:
            keep(found)


def _too_late(item: Item, timeout: float | None) -> str:
    took = TimeLimitExceeded(
        f"{item.id}: took longer than {timeout:g} s",
        "it was given up at the time limit for one crystal",
        "give it more time with --timeout and --retry-failed",
    )
    return reason_of(took)
