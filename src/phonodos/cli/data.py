"""`phonodos data`: fetch public data sets, prepare them for training, split and describe them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.interrupt import interruptible
from phonodos.cli.options import MaxSizeOption
from phonodos.cli.output import exit_code, print_json
from phonodos.cli.progress import shown_progress
from phonodos.datasets.kinds import KINDS
from phonodos.files import write_text
from phonodos.time_limit import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from phonodos.datasets.dataset import Dataset
    from phonodos.datasets.splits import Split

app = typer.Typer(
    help="Fetch public data, prepare it for training, split and describe it.", no_args_is_help=True
)
RECORDS_A_LINE = 200
MEGABYTE = 1_000_000

DatasetArgument = Annotated[Path, typer.Argument(help="Parquet data set (phonodos data prepare)")]
AsJson = Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")]
CutoffOption = Annotated[
    float | None, typer.Option(help="phonondb: longest edge to list [A]; 7", show_default=False)
]
DosOption = Annotated[
    bool | None,
    typer.Option(
        "--dos/--no-dos",
        help="phonondb: density of states, total and per atom; with",
        show_default=False,
    ),
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", help="longest time for a record; then it failed")
]


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
    from phonodos.datasets import cache as archive
    from phonodos.datasets.sources import source_of

    source = source_of(kind)
    if not as_json:
        print(f"{source.title}\nfrom {address or source.address}")
    with shown_progress("download", "MB", scale=MEGABYTE, every=10 * MEGABYTE) as advance:
        found = archive.fetch(source, cache, address=address, progress=advance)
    if as_json:
        record = {**vars(found), "path": str(found.path)}
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
    cutoff: CutoffOption = None,
    dos: DosOption = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="throw an unfinished run away")
    ] = False,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    packed: Annotated[
        bool, typer.Option("--pack", help="write only what training needs (phonodos data pack)")
    ] = False,
    as_json: AsJson = False,
    max_size: MaxSizeOption = None,  # noqa: ARG001  # its callback does it
) -> None:
    """Turn records into one Parquet data set; broken records are named and left out.

    A run that was interrupted goes on when the same command is given again.
    """
    from phonodos.datasets.pack import pack as write_packed
    from phonodos.datasets.preparation import prepare as write_dataset

    settings = {k: v for k, v in {"cutoff": cutoff, "dos": dos}.items() if v is not None}
    with interruptible(), shown_progress("prepare", "records", every=RECORDS_A_LINE) as advance:
        report = write_dataset(
            kind,
            path,
            output,
            workers=workers,
            progress=advance,
            resume=not restart,
            timeout=timeout,
            **settings,
        )
    small = write_packed(output, output) if packed else None
    if as_json:
        print_json({**report.values(), **({} if small is None else {"packed": small.sizes()})})
    else:
        print(f"{report.written} records written to {output}, {len(report.failed)} failed")
        print("\n".join([*report.lines(), *([] if small is None else [small.line()])]))
    for name, reason in report.failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if code := exit_code(report.written, len(report.failed)):
        raise typer.Exit(code)


@app.command("pack")
def pack(
    dataset: DatasetArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PACKED", help="Parquet file to write")
    ],
    cutoff: Annotated[
        float | None,
        typer.Option(help="longest bond to keep [A], that of the network; all", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what training needs of a data set and nothing else; `train` reads it all the same."""
    from phonodos.datasets.pack import pack as write_packed

    made = write_packed(dataset, output, cutoff=cutoff)
    if as_json:
        print_json({"output": str(output), **made.sizes()})
    else:
        print(f"{made.records} records written to {output}\n{made.line()}")


@app.command("split")
def split(
    dataset: DatasetArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="JSON to write")],
    valid: Annotated[float, typer.Option(help="share of the records for valid")] = 0.1,
    test: Annotated[float, typer.Option(help="share of the records for test")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same split")] = 0,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="the split of these weights (name or path) instead of a random one",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Split a data set at random; materials of one formula stay in one part.

    With --like the ids are those in the header of a weight file, of its first data set.
    """
    from phonodos.datasets.dataset import Dataset
    from phonodos.datasets.splits import random_split

    records = Dataset.open(dataset)
    if like is None:
        made = random_split(records.ids, records.formulas, valid=valid, test=test, seed=seed)
        how: dict[str, Any] = {"seed": seed}
        words = "no formula in two parts"
    else:
        made, how = _split_like(like, records), {"like": like}
        words = f"as {like} has it"
    made.write(output)
    counts = {part: len(ids) for part, ids in made.parts.items()}
    if as_json:
        print_json({"output": str(output), **how, "parts": counts})
        return
    shares = ", ".join(f"{part} {n} ({n / len(records):.1%})" for part, n in counts.items())
    print(f"{shares}; {words}; written to {output}")


def _split_like(name: str, records: "Dataset") -> "Split":
    """Return the split of weights; raises `DataError` if the data set lacks a material."""
    from phonodos.datasets.splits import Split
    from phonodos.model.weights import read_header, weights_path

    header = read_header(weights_path(name))
    made = Split(dict(header.split), {"made_by": "phonodos data split", "like": header.name})
    records.select(name for ids in made.parts.values() for name in ids)
    return made


@app.command("card")
def card(
    dataset: DatasetArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="write it there")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a data set in Markdown: sources, licence, counts, elements, masks, targets."""
    from phonodos.datasets.card import markdown, summarise
    from phonodos.datasets.dataset import Dataset, check_writable

    described = summarise(Dataset.open(dataset))
    text = markdown(dataset.name, described)
    if output is not None:
        check_writable(output)
        write_text(output, text)
    if as_json:
        print_json({"dataset": str(dataset), **described})
    elif output is None:
        print(text, end="")
    else:
        print(f"card written to {output}")
