"""`phonodos screen`: a folder, file or table of structures in; one Parquet file of results out."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.interrupt import interruptible
from phonodos.cli.options import (
    CheckOption,
    IsotopeOption,
    JsonOption,
    MaxSizeOption,
    MembersOption,
    MetalOption,
    ModelOption,
    TimeoutOption,
    VacanciesOption,
)
from phonodos.cli.output import INTERRUPTED, exit_code, format_note, print_json
from phonodos.cli.progress import shown_progress
from phonodos.cli.ranges import parse_range
from phonodos.errors import ConfigError
from phonodos.time_limit import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from phonodos.screening.screen import Progress, Summary

SHOWN = 10  # failures on the screen; all are in the table
SECONDS = 10.0  # between two lines where there is no terminal

SOURCES = "folder of structure files; extxyz, ASE db, JSON (lines, pymatgen, OPTIMADE); Parquet"
OutputOption = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="Parquet file of results")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="processes; one for every core", show_default=False)
]
AddressOption = Annotated[
    str | None, typer.Option(help="of a Ray cluster, or auto", show_default=False)
]
WithOption = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="LIST",
        help="columns of modes,elastic,displacements or some of them",
        show_default=False,
    ),
]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="try again what failed before")]


def screen(
    path: Annotated[Path, typer.Argument(help=SOURCES)],
    output: OutputOption,
    engine: Annotated[str, typer.Option(help="serial, pool (processes) or ray")] = "pool",
    workers: WorkersOption = None,
    address: AddressOption = None,
    shard: Annotated[str, typer.Option(help="3/20: the third of twenty equal shares")] = "1/1",
    resume: Annotated[bool, typer.Option(help="go on with what an output there lacks")] = True,
    retry_failed: RetryOption = False,
    temperatures: Annotated[str, typer.Option(help="of C_V, S, F [K]; 300 is added")] = "300",
    extra: WithOption = "",
    batch_atoms: Annotated[int, typer.Option(help="atoms in a worker: bounds memory")] = 2048,
    check: CheckOption = True,
    vacancies: VacanciesOption = "refuse",
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    model: ModelOption = None,
    members: MembersOption = None,
    metal: MetalOption = False,
    isotope: IsotopeOption = None,
    as_json: JsonOption = False,
    max_size: MaxSizeOption = None,  # noqa: ARG001  # its callback does it
) -> None:
    """Predict every structure of a folder, file or table; one row each in a Parquet file."""
    kelvin = parse_range(temperatures, "--temperatures", "293.15,300")
    if not resume:
        _refuse(output)
    from phonodos.screening import screen as home

    start = time.monotonic()
    with interruptible(), shown_progress("screen", seconds=SECONDS) as show:
        try:
            summary = home.screen(
                path, output, model=model, members=members, temperatures=kelvin, extra=extra,
                engine=engine, workers=workers, address=address, shard=shard, max_atoms=batch_atoms,
                retry_failed=retry_failed, timeout=timeout, check=check, vacancies=vacancies,
                metal=metal, isotopes=isotope or (),
                watch=lambda p: show(p.done, p.total, state(p, time.monotonic() - start)),
            )  # fmt: skip
        except KeyboardInterrupt:
            text = "stopped; finished rows are kept, and the same command goes on from them"
            print(text, file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
    _report(summary, as_json)
    if code := exit_code(summary.rows - summary.failed, summary.failed):
        raise typer.Exit(code)


def _refuse(output: Path) -> None:
    if not output.name:
        return  # told of where it is to be written
    for path in (output, output.with_name(output.name + ".parts")):
        if os.path.lexists(path):
            raise ConfigError(
                f"{path} exists already",
                "--no-resume starts a new table, and nothing is overwritten",
                "choose another output with -o, or remove it first",
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


def _report(summary: "Summary", as_json: bool) -> None:
    progress, made = summary.progress, summary.made
    if as_json:
        print_json(summary.to_dict())
    else:
        print(f"{summary.output}: {summary.rows} rows, {summary.failed} of them failed")
        rate = f"{made / summary.seconds:.1f} a second" if made else "nothing was missing"
        print(f"{made} made now in {summary.seconds:.1f} s ({rate}), {progress.kept} kept")
        if progress.removed:
            print(f"{progress.removed} rows left out: their structures are gone from the source")
    for name, reason in progress.failures[:SHOWN]:
        print(format_note("failed", name, reason), file=sys.stderr)
    if len(progress.failures) > SHOWN:
        more = summary.failed - SHOWN
        print(f"and {more} more: see status and reason in {summary.output}", file=sys.stderr)
