"""`phonodos screen`: a folder, file or table of structures in; one Parquet file of results out."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.interrupt import interruptible
from phonodos.cli.options import CheckOption, MaxSizeOption, VacanciesOption
from phonodos.cli.output import INTERRUPTED, exit_code, format_note, print_json
from phonodos.cli.ranges import parse_range
from phonodos.errors import ConfigError
from phonodos.time_limit import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from phonodos.screening.screen import Progress, Summary

SHOWN = 10  # failures on the screen; all are in the table
SECONDS = 10.0  # between two lines where there is no terminal


SourceArgument = Annotated[
    Path,
    typer.Argument(
        help="folder of structure files; extxyz, ASE db, JSON (lines, pymatgen, OPTIMADE); Parquet"
    ),
]
OutputOption = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="Parquet file of results")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="processes; one for every core", show_default=False)
]
AddressOption = Annotated[
    str | None, typer.Option(help="of a Ray cluster, or auto", show_default=False)
]
ModelOption = Annotated[
    str | None, typer.Option(help="released name or path of a weight file", show_default=False)
]
MembersOption = Annotated[
    int | None, typer.Option(help="members of an ensemble to use", show_default=False)
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", help="longest time for a crystal; then it failed")
]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="try again what failed before")]


def screen(
    path: SourceArgument,
    output: OutputOption,
    engine: Annotated[str, typer.Option(help="serial, pool (processes) or ray")] = "pool",
    workers: WorkersOption = None,
    address: AddressOption = None,
    shard: Annotated[str, typer.Option(help="3/20: the third of twenty equal shares")] = "1/1",
    resume: Annotated[bool, typer.Option(help="go on with what an output there lacks")] = True,
    retry_failed: RetryOption = False,
    temperatures: Annotated[str, typer.Option(help="of C_V, S, F [K]; 300 is added")] = "300",
    batch_atoms: Annotated[int, typer.Option(help="atoms in a worker: bounds memory")] = 2048,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    model: ModelOption = None,
    members: MembersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the summary as JSON on stdout")] = False,
    max_size: MaxSizeOption = None,  # noqa: ARG001  # its callback does it
) -> None:
    """Predict every structure of a folder, file or table; one row each in a Parquet file."""
    kelvin = parse_range(temperatures, "--temperatures", "293.15,300")
    if batch_atoms < 1:
        raise ConfigError(f"--batch-atoms {batch_atoms}", "a batch holds atoms", "leave it out")
    if not resume:
        _refuse(output)
    from phonodos.screening import screen as home
    from phonodos.screening.items import Shard

    with interruptible(), watching() as watch:
        try:
            summary = home.screen(
                path,
                output,
                model=model,
                members=members,
                temperatures=kelvin,
                engine=engine,
                workers=workers,
                address=address,
                shard=Shard.parse(shard),
                max_atoms=batch_atoms,
                retry_failed=retry_failed,
                timeout=timeout,
                check=check,
                vacancies=vacancies,
                watch=watch,
            )
        except KeyboardInterrupt:
            text = "stopped; finished rows are kept, and the same command goes on from them"
            print(text, file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
    _report(summary, output, as_json)
    failed = summary.progress.failed + summary.progress.kept_failed
    if code := exit_code(summary.rows - failed, failed):
        raise typer.Exit(code)


def _refuse(output: Path) -> None:
    if not output.name:
        return  # told of where it is to be written
    parts = output.with_name(output.name + ".parts")
    for path in (output, parts):
        if os.path.lexists(path):
            raise ConfigError(
                f"{path} exists already",
                "--no-resume starts a new table, and nothing is overwritten",
                "choose another output with -o, or remove it first",
            )


@contextmanager
def watching() -> "Iterator[Callable[[Progress], None]]":
    """Yield what shows progress: a bar on a terminal, a line every ten seconds elsewhere."""
    start = last = time.monotonic()
    if not sys.stderr.isatty():

        def tell(progress: "Progress") -> None:
            nonlocal last
            if time.monotonic() - last >= SECONDS:
                last = time.monotonic()
                print(f"screen: {state(progress, last - start)}", file=sys.stderr, flush=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("screen"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, state="starting")
        yield lambda progress: bar.update(
            task,
            completed=progress.done,
            total=progress.total,
            state=state(progress, time.monotonic() - start),
        )


def state(progress: "Progress", seconds: float) -> str:
    """Return how far a run is: rows, rate, time left, failures."""
    made = progress.ok + progress.failed
    rate = made / seconds if seconds > 0.0 else 0.0
    total = progress.total if (progress.total or 0) >= progress.done else None
    of = "" if total is None else f" of {total}"
    parts = [f"{progress.done}{of} crystals", f"{rate:.1f} /s"]
    if total is not None and rate > 0.0:
        left = round((total - progress.done) / rate)
        parts.append(f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    return ", ".join(parts)


def _report(summary: "Summary", output: Path, as_json: bool) -> None:
    progress = summary.progress
    made = progress.ok + progress.failed
    failed = progress.failed + progress.kept_failed
    if as_json:
        record: dict[str, Any] = {
            "output": str(output),
            "rows": summary.rows,
            "ok": summary.rows - failed,
            "failed": failed,
            "made_now": made,
            "kept": progress.kept,
            "removed": progress.removed,
            "seconds": round(summary.seconds, 3),
            "failures": [{"id": i, "reason": reason} for i, reason in progress.failures],
        }
        print_json(record)
    else:
        print(f"{output}: {summary.rows} rows, {failed} of them failed")
        rate = f"{made / summary.seconds:.1f} a second" if made else "nothing was missing"
        print(f"{made} made now in {summary.seconds:.1f} s ({rate}), {progress.kept} kept")
        if progress.removed:
            print(f"{progress.removed} rows left out: their structures are gone from the source")
    for name, reason in progress.failures[:SHOWN]:
        print(format_note("failed", name, reason), file=sys.stderr)
    if len(progress.failures) > SHOWN:
        more = failed - SHOWN
        print(f"and {more} more: see status and reason in {output}", file=sys.stderr)
