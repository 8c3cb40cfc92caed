"""`Jobs`: many crystals in, a table of them out; kept in a temporary folder for a time."""

import asyncio
import math
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from phonodos.datasets.growing import GrowingTable, Row, damaged
from phonodos.errors import ConfigError, PhonodosError, reason_of
from phonodos.screening.calculator import DIGITS, Recipe
from phonodos.screening.filters import known_column
from phonodos.screening.rows import columns_of, failed_row, temperatures_of
from phonodos.screening.screen import settings_of
from phonodos.screening.source import Item, Source
from phonodos.screening.table import FORM, finish
from phonodos.service.dispatch import Dispatcher
from phonodos.service.limits import Limits
from phonodos.service.orders import JobOptions
from phonodos.service.problems import Refused
from phonodos.service.tasks import Read, Screen, Stored
from phonodos.structures.archives import sha256_of
from phonodos.studies.readings import reading_names

if TYPE_CHECKING:
    import pyarrow as pa

AHEAD = 2  # crystals a worker has in hand or waiting, of a job
NAMED = 1000  # failures that are kept with their reasons
MOST_ROWS = 1000  # in one answer
TABLE = "table.parquet"
HIDDEN = ("digest",)
_UNIT = re.compile(r"\s*\[([^\[\]]+)\]$")


@dataclass
class Job:
    """A job and how far it is.

    Attributes
    ----------
    id
        Nobody guesses it.
    folder
        Where its files and its table lie.
    task
        What is done with every crystal, but for the crystal.
    table
        Its rows.
    state
        ``running``, ``done`` or ``failed``.
    total
        Crystals in it; None until all were read.
    done, failed
        Rows, and how many of them are without a prediction.
    failures
        Names and reasons of the first 1000 of them.
    """

    id: str
    folder: Path
    task: Screen
    table: GrowingTable
    state: str = "running"
    total: int | None = None
    done: int = 0
    failed: int = 0
    failures: list[dict[str, str | None]] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    runner: "asyncio.Task[None] | None" = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def record(self) -> dict[str, Any]:
        """What is told of it."""
        end = time.monotonic() if self.ended is None else self.ended
        return {
            "id": self.id,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "failed": self.failed,
            "seconds": round(end - self.begun, 3),
            "failures": self.failures,
        }

    def fail(self, name: str, error: PhonodosError, source: str | None = None) -> None:
        """Count something that could not be done."""
        self.failed += 1
        if len(self.failures) < NAMED:
            words = {"summary": error.summary, "reason": error.reason, "fix": error.fix}
            self.failures.append({"name": name, "source": source, **words})

    @property
    def columns(self) -> dict[str, tuple[str, str]]:
        """Columns that hold one value a row: name -> (type, meaning and unit)."""
        every = columns_of(self.table.settings)
        return {
            name: column
            for name, column in every.items()
            if not column[0].startswith("list") and name not in HIDDEN
        }

    def described(self) -> list[dict[str, str]]:
        """Return name, unit and description of the columns."""
        found = []
        for name, (kind, text) in self.columns.items():
            unit = _UNIT.search(text)
            plain = _UNIT.sub("", text)
            found.append(
                {"name": name, "type": kind, "unit": unit[1] if unit else "", "description": plain}
            )
        return found

    def rows(self) -> "pa.Table":
        """Return the rows there are; raises `DataError` if the disk refuses."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        output = self.folder / TABLE
        if self.state == "running":
            self.table.commit()
        paths = [output] if output.exists() else list(self.table.tables)
        try:
            parts = [pq.read_table(path, columns=list(self.columns)) for path in paths]
        except (pa.ArrowException, OSError) as error:
            raise damaged(output, error) from error
        if parts:
            return pa.concat_tables(parts)
        return FORM.schema(self.table.settings).empty_table().select(list(self.columns))

    def page(self, sort: str | None, descending: bool, offset: int, limit: int) -> dict[str, Any]:
        """Return some rows in order; raises `ConfigError` if there is no column `sort`."""
        import pyarrow.compute as pc

        found = self.rows()
        if sort is not None:
            known_column(sort, list(self.columns))
            order = "descending" if descending else "ascending"
            found = found.take(
                pc.sort_indices(found, sort_keys=[(sort, order), ("id", "ascending")])
            )
        chosen = found.slice(max(0, offset), max(1, min(limit, MOST_ROWS)))
        rows = [{k: _finite(v) for k, v in row.items()} for row in chosen.to_pylist()]
        return {"columns": self.described(), "rows": rows, "total": found.num_rows}

    def csv(self) -> str:
        """Return the rows as CSV; lines with # say what the columns are."""
        import csv
        from io import StringIO

        out = StringIO()
        for column in self.described():
            unit = f" [{column['unit']}]" if column["unit"] else ""
            out.write(f"# {column['name']}: {column['description']}{unit}\n")
        writer = csv.writer(out, lineterminator="\n")
        found = self.rows()
        writer.writerow(found.column_names)
        writer.writerows([_harmless(v) for v in row.values()] for row in found.to_pylist())
        return out.getvalue()


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


class Jobs:
    """The jobs there are.

    Parameters
    ----------
    dispatcher
        Gives their crystals to workers.
    limits
        How many there may be, and for how long.
    models
        Name -> weight file.
    """

    def __init__(self, dispatcher: Dispatcher, limits: Limits, models: dict[str, str]) -> None:
        self.dispatcher, self.limits, self.models = dispatcher, limits, models
        self.known: dict[str, Job] = {}

    def check_room(self) -> None:
        """Raise `Refused` (503) if no further job may run."""
        self.sweep()
        running = sum(job.state == "running" for job in self.known.values())
        if running >= self.limits.jobs:
            raise Refused(
                "no further job can run now",
                f"{running} jobs are running, as many as may",
                "wait until one is done, or delete one",
                503,
                {"Retry-After": "30"},
            )

    def start(self, folder: Path, files: Sequence[Stored], options: JobOptions, model: str) -> Job:
        """Start a job and return it; the folder, in which its files lie, is its own from now on.

        Raises
        ------
        ConfigError
            If an option makes no sense.
        """
        self.check_room()
        kelvin = temperatures_of(options.temperatures)
        extra = reading_names(options.extra)
        path = self.models[model]
        digest = str(sha256_of(Path(path)))[:DIGITS]
        recipe = Recipe(path, model, digest, None, kelvin, True, options.metal, extra)
        names = ", ".join(file.name for file in files[:3]) + (", ..." if len(files) > 3 else "")
        settings = settings_of(recipe, Source(Path("upload"))) | {
            "source": names,
            "isotopes": sorted(options.isotopes),
        }
        task = Screen(None, model, kelvin, options.metal, extra)
        table = GrowingTable(folder / TABLE, settings, FORM)
        job = Job(token_urlsafe(12), folder, task, table)
        self.known[job.id] = job
        read = Read(tuple(files), options.isotopes)
        job.runner = asyncio.create_task(_Run(self.dispatcher, job).run(read))
        self.sweep()
        return job

    def job(self, name: str) -> Job:
        """Return a job; raises `Refused` (404) if there is none of that id."""
        self.sweep()
        try:
            return self.known[name]
        except KeyError:
            raise Refused(
                f"there is no job '{name[:40]}'",
                f"it was deleted, or ended more than {self.limits.job_seconds / 60:g} min ago, "
                "or the service was started again since",
                "send it again (POST /api/v1/jobs)",
                404,
            ) from None

    async def delete(self, name: str) -> None:
        """End a job and remove all that is of it."""
        await _discard(self.known.pop(self.job(name).id))

    def sweep(self) -> None:
        """Remove jobs that ended long ago, and the oldest ones where there are too many."""
        ended = sorted(
            (job for job in self.known.values() if job.ended is not None),
            key=lambda job: job.ended or 0.0,
        )
        now, spare = time.monotonic(), len(self.known) - self.limits.kept_jobs
        for number, job in enumerate(ended):
            if number < spare or now - (job.ended or now) > self.limits.job_seconds:
                del self.known[job.id]
                shutil.rmtree(job.folder, ignore_errors=True)

    async def close(self) -> None:
        """End all jobs."""
        for job in list(self.known.values()):
            await _discard(job)
        self.known.clear()


async def _discard(job: Job) -> None:
    if job.runner is not None:
        job.runner.cancel()
        await asyncio.gather(job.runner, return_exceptions=True)
    async with job.lock:
        await asyncio.to_thread(shutil.rmtree, job.folder, True)


class _Run:
    """A job under way."""

    def __init__(self, dispatcher: Dispatcher, job: Job) -> None:
        self.dispatcher, self.job = dispatcher, job
        self.room = asyncio.Semaphore(AHEAD * dispatcher.workers)

    async def run(self, read: Read) -> None:
        """Read the structures of a job and have the row of each computed."""
        job = self.job
        try:
            async with asyncio.TaskGroup() as group:
                async for item in self._items(read):
                    await self.room.acquire()
                    group.create_task(self._row(item))
            async with job.lock:
                await asyncio.to_thread(finish, job.table)
            job.state = "done" if job.done else "failed"
        except Exception as error:  # of the disk, or a fault: of this job alone
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            known = first if isinstance(first, PhonodosError) else None
            job.fail("job", known or ConfigError("the job failed", f"{first}", "send it again"))
            job.state = "failed"
        finally:
            job.ended = time.monotonic()
            await asyncio.to_thread(job.table.close)

    async def _items(self, read: Read) -> Any:
        """Yield the structures as they are read; what ends the reading early is a failure."""
        job, seen = self.job, 0
        line: asyncio.Queue[Item | PhonodosError | None] = asyncio.Queue()
        ticket = self.dispatcher.submit(read, "the job", is_job=True, heard=line.put_nowait)
        ticket.done.add_done_callback(lambda _: line.put_nowait(None))
        try:
            while (found := await line.get()) is not None:
                if isinstance(found, PhonodosError):
                    job.fail("job", found)
                    continue
                seen += 1
                yield found
            job.total = seen
            if (error := ticket.done.exception()) is not None:
                known = error if isinstance(error, PhonodosError) else None
                job.fail("job", known or ConfigError("the job failed", f"{error}", "send it again"))
        finally:
            self.dispatcher.forget(ticket)

    async def _row(self, item: Item) -> None:
        job = self.job
        try:
            row, failure = await self._computed(item)
            if failure is not None:
                job.fail(item.id, failure, item.source)
            await asyncio.to_thread(job.table.add, [row])
            job.done += 1
        finally:
            self.room.release()

    async def _computed(self, item: Item) -> tuple[Row, PhonodosError | None]:
        settings = self.job.table.settings
        origin = {"model": settings["model"], "model_hash": settings["model_hash"]}
        if isinstance(item.content, PhonodosError):
            return failed_row(item, reason_of(item.content)) | origin, item.content
        task = self.job.task
        order = Screen(item, task.model, task.temperatures, task.metal, task.extra)
        ticket = self.dispatcher.submit(order, item.id, is_job=True)
        try:
            (answer,) = await ticket.done
        except PhonodosError as error:
            if isinstance(error, Refused) and error.status == 503:
                raise
            return failed_row(item, reason_of(error)) | origin, error
        finally:
            self.dispatcher.forget(ticket)
        row, failure = answer
        return row | origin, failure
