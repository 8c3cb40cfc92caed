"""`phonodos results`: the winners of a table of results, tables made one, rows checked."""

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.output import SOME_FAILED, Column, format_note, format_table, print_json
from phonodos.errors import ConfigError
from phonodos.files import file_name, refused, write_text
from phonodos.physics.formula import as_written
from phonodos.results.desk import Results

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(help="Look at tables of phonodos screen.", no_args_is_help=True)
SHOWN = 10  # rows that differ
INTERVAL = "_interval"  # ends the names of columns of half widths
NOT_STATED = "n/a"  # in their place; the column trust says why


@app.callback()
def group() -> None:
    """Look at tables of phonodos screen."""


@app.command("top")
def show_top(
    file: Annotated[Path, typer.Argument(help="table of phonodos screen")],
    by: Annotated[str, typer.Option(help="column of numbers to sort by")] = "c_v_300_per_kg",
    n: Annotated[int, typer.Option("-n", help="how many", min=1)] = 20,
    where: Annotated[
        str | None, typer.Option(help="condition, such as 'n_atoms < 20 and not unstable'")
    ] = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="smallest first")] = False,
    as_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="the rows as CSV, no spectra")
    ] = None,
    cif: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the structures as CIF files")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the rows as JSON on stdout")] = False,
) -> None:
    """Show the crystals with the largest (or smallest) value of a column."""
    from phonodos.screening.results import top

    found = top(file, by, n, where=where, ascending=ascending)
    rows = [{k: v for k, v in row.items() if not isinstance(v, list)} for row in found.to_pylist()]
    if as_csv is not None:
        _write_csv(as_csv, rows, found.schema.names)
    if cif is not None:
        _write_cifs(cif, found.to_pylist())
    if as_json:
        plain = [
            {**{name: _finite(value) for name, value in row.items()}, "absent_intervals": _why(row)}
            for row in rows
        ]
        print_json({"file": str(file), "by": by, "unit": _unit(found, by), "rows": plain})
        return
    if not rows:
        print("no row meets the condition")
        return
    print(_table(rows, by))
    print(f"{by}: {_unit(found, by)}; model {rows[0]['model']}")
    print("d: reasons to doubt it (trust in the table); t: formula or id in training")
    if as_csv is not None:
        print(f"wrote {as_csv}")
    if cif is not None:
        print(f"wrote {len(rows)} CIF files to {cif}")


@app.command("merge")
def merge_shards(
    files: Annotated[list[Path], typer.Argument(help="tables of the shards of one run")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="new table")],
    as_json: Annotated[bool, typer.Option("--json", help="the summary as JSON on stdout")] = False,
) -> None:
    """Make one table of those that `phonodos screen --shard` wrote."""
    from phonodos.screening.results import merge

    rows, absent = merge(files, output)
    if as_json:
        print_json({"output": str(output), "rows": rows, "absent_shards": absent})
    else:
        print(f"{output}: {rows} rows of {len(files)} tables")
    if absent:
        names = ", ".join(map(str, absent))
        text = (
            f"shards {names} are absent; phonodos screen without --shard and with this output "
            "makes what is missing"
        )
        typer.echo(format_note("warning", output.name, text), err=True)
        raise typer.Exit(SOME_FAILED)


@app.command("verify")
def verify_rows(
    file: Annotated[Path, typer.Argument(help="table of phonodos screen")],
    sample: Annotated[str, typer.Option(help="share of the rows, such as 1%")] = "1%",
    seed: Annotated[int, typer.Option(help="chooses the sample", min=0)] = 0,
    model: Annotated[
        str | None,
        typer.Option(help="path of the weights, if they are not released", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the summary as JSON on stdout")] = False,
) -> None:
    """Compute a sample of the rows again and compare."""
    from phonodos.screening.checks import TOLERANCE, verify

    check = verify(file, _share(sample), seed=seed, model=model)
    if as_json:
        largest = None if check.deviation == float("inf") else check.deviation
        print_json(
            {
                "file": str(file),
                "checked": check.checked,
                "largest_relative_deviation": largest,
                "tolerance": TOLERANCE,
                "differing": [{"id": i, "what": what} for i, what in check.differing],
            }
        )
    else:
        print(f"{file}: {check.checked} rows computed again, {len(check.differing)} differ")
        print(f"largest relative deviation {check.deviation:.1e}, tolerance {TOLERANCE:.0e}")
    for name, what in check.differing[:SHOWN]:
        typer.echo(format_note("differs", name, what), err=True)
    if check.differing:
        raise typer.Exit(SOME_FAILED)


def _share(text: str) -> float:
    try:
        return float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        raise ConfigError(
            f"--sample {text} is no share", "expected is a number or a percentage", "write 1%"
        ) from None


def _unit(table: "pa.Table", by: str) -> str:
    found: bytes = table.schema.field(by).metadata[b"unit"]
    return found.decode()


def _finite(value: Any) -> Any:
    """Return a value as JSON can hold it: numbers that are none are null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(rows: list[dict[str, Any]], by: str) -> str:
    plain = {"mean_frequency", "max_frequency", "n_atoms", "spacegroup"}
    extra = [] if by in plain else [Column("value", "see below", 11)]
    columns = [
        Column("atoms", "", 5),
        Column("group", "", 5),
        Column("mean", "cm-1", 6),
        Column("max", "cm-1", 6),
        *extra,
        Column("", "", 2),
    ]
    lines = []
    for row in rows:
        flags = ("d" if row["trust"] else "") + ("t" if row["in_training"] else "")
        cells = [
            str(row["n_atoms"]),
            str(row["spacegroup"] or "?"),
            *(
                "?" if row[k] is None else f"{row[k]:.0f}"
                for k in ("mean_frequency", "max_frequency")
            ),
            *([f"{row[by]:.6g}"] if extra else []),
            flags,
        ]
        lines.append((row["id"], as_written(row["formula"]), cells))
    return format_table(("id", "formula"), columns, lines)


def _why(row: dict[str, Any]) -> dict[str, str]:
    """Return the intervals that a row has not, with the reasons for doubt."""
    absent = [name for name, value in row.items() if name.endswith(INTERVAL) and value is None]
    return dict.fromkeys(absent, f"n/a: {row['trust'] or 'these weights have none'}")


def _write_csv(path: Path, rows: list[dict[str, Any]], names: list[str]) -> None:
    held = [name for name in names if any(name in row for row in rows)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, held)
    writer.writeheader()
    for row in rows:
        cells = {name: row.get(name) for name in held}
        writer.writerow(cells | dict.fromkeys(_why(row), NOT_STATED))
    write_text(path, text.getvalue())


def _write_cifs(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write one file a row, named by its id as far as a file system allows; none overwrites."""
    from phonodos.screening.results import crystal_of
    from phonodos.structures.objects import to_structure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise refused(folder, err) from err
    results, taken = Results(folder), set[str]()
    for row in rows:
        base = file_name(row["id"]).strip("._")[:100] or "crystal"
        name, n = base, 2
        while name.casefold() in taken:
            name, n = f"{base}-{n}", n + 1
        taken.add(name.casefold())
        results.plain(f"{name}.cif", str(to_structure(crystal_of(row)).to(fmt="cif")))
