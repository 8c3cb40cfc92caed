"""`phonodos data`: fetch public data sets, prepare them for training, split and describe them."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import typer

from phonodos.cli.output import exit_code, print_json
from phonodos.cli.progress import shown_progress
from phonodos.errors import ConfigError

app = typer.Typer(
    help="Fetch public data, prepare it for training, split and describe it.", no_args_is_help=True
)

# What `prepare` reads: a module with a function prepare(source, output, *, workers, progress).
KINDS = {
    "dfpt2018": "phonodos.data.dfpt2018",
    "phonondb": "phonodos.data.phonondb",
}
RECORDS_A_LINE = 200
MEGABYTE = 1_000_000

AsJson = Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")]


class Prepared(Protocol):
    """What `prepare` of a kind answers: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def output(self) -> Path:
        """The data set."""

    @property
    def written(self) -> int:
        """Records in it."""

    @property
    def failed(self) -> Mapping[str, str]:
        """Records left out, and why."""

    def lines(self) -> list[str]:
        """Return what else there is to say."""


@app.command("fetch")
def fetch(
    kind: Annotated[str, typer.Argument(help="dfpt2018 or phonondb")],
    cache: Annotated[
        Path | None,
        typer.Option(help="folder for the archive; by default $PHONODOS_CACHE or the user's cache"),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="another address of the same archive (a mirror)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a public archive; the checksum of the first download is kept and compared."""
    from phonodos.data import archive
    from phonodos.data.sources import source_of

    source = source_of(kind)
    if not as_json:
        print(f"{source.title}\nfrom {address or source.address}")
    with shown_progress("download", "MB", scale=MEGABYTE, every=10 * MEGABYTE) as advance:
        found = archive.fetch(source, cache, address=address, progress=advance)
    if as_json:
        record = {**dataclasses.asdict(found), "path": str(found.path)}
        cited = {"citation": source.citation, "licence": source.licence}
        print_json({"kind": kind, **record, **cited})
        return
    origin = "downloaded" if found.downloaded else "was in the cache"
    pinned = "pinned now" if found.pinned_now else "as when it was first fetched"
    print(f"{found.path} ({found.size / MEGABYTE:.1f} MB, {origin})")
    print(f"SHA-256 {found.sha256} ({pinned})")
    print(f"cite: {source.citation}\nlicence: {source.licence}")
    print(f"next: phonodos data prepare {kind} {found.path} -o {kind}.parquet")


@app.command("prepare")
def prepare(
    kind: Annotated[str, typer.Argument(help="kind of records: " + ", ".join(KINDS))],
    path: Annotated[Path, typer.Argument(help="archive (tar, zip), folder or single record")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DATASET", help="Parquet file to write")
    ],
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    as_json: AsJson = False,
) -> None:
    """Turn records into one Parquet data set; broken records are named and left out."""
    if kind not in KINDS:
        raise ConfigError(
            f"'{kind}' is no kind of record",
            "known are " + ", ".join(KINDS),
            f"choose one of them, for example: phonodos data prepare {next(iter(KINDS))} {path}",
        )
    convert: Callable[..., Prepared] = import_module(KINDS[kind]).prepare
    with shown_progress("prepare", "records", every=RECORDS_A_LINE) as advance:
        report = convert(path, output, workers=workers, progress=lambda done: advance(done, None))
    if as_json:
        print_json({"kind": kind, **dataclasses.asdict(report), "output": str(report.output)})
    else:
        print(f"{report.written} records written to {report.output}, {len(report.failed)} failed")
        print("\n".join(report.lines()))
    for name, reason in report.failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if code := exit_code(report.written, len(report.failed)):
        raise typer.Exit(code)


@app.command("split")
def split(
    dataset: Annotated[Path, typer.Argument(help="Parquet data set (phonodos data prepare)")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="JSON to write")],
    valid: Annotated[float, typer.Option(help="share of the records for valid")] = 0.1,
    test: Annotated[float, typer.Option(help="share of the records for test")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same split")] = 0,
    as_json: AsJson = False,
) -> None:
    """Split a data set at random; materials of one formula stay in one part."""
    from phonodos.data.dataset import Dataset
    from phonodos.data.splits import random_split

    records = Dataset.open(dataset)
    made = random_split(records.ids, records.formulas, valid=valid, test=test, seed=seed)
    made.write(output)
    counts = {part: len(ids) for part, ids in made.parts.items()}
    if as_json:
        print_json({"output": str(output), "seed": seed, "parts": counts})
        return
    shares = ", ".join(f"{part} {n} ({n / len(records):.1%})" for part, n in counts.items())
    print(f"{shares}; no formula in two parts; written to {output}")


@app.command("card")
def card(
    dataset: Annotated[Path, typer.Argument(help="Parquet data set (phonodos data prepare)")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="write it there")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a data set in Markdown: sources, licence, counts, elements, masks, targets."""
    from phonodos.data.card import markdown, summarise
    from phonodos.data.dataset import Dataset, check_writable

    described: dict[str, Any] = summarise(Dataset.open(dataset))
    text = markdown(dataset.name, described)
    if output is not None:
        check_writable(output)
        output.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"dataset": str(dataset), **described})
    elif output is None:
        print(text, end="")
    else:
        print(f"card written to {output}")
