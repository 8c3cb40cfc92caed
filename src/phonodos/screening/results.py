"""Results: the winners of a table, the structure of a row, tables of shards made one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonodos.datasets.growing import damaged, join
from phonodos.errors import ConfigError, DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.screening.filters import known_column, parse_filter
from phonodos.screening.rows import Row, columns_of, schema
from phonodos.screening.table import ordered_ids, read_settings, writable_output
from phonodos.structures.tables import crystal_of_row

if TYPE_CHECKING:
    import pyarrow as pa


def numeric_columns(settings: dict[str, Any]) -> list[str]:
    """Return the columns one can sort by."""
    kinds = ("double", "int32", "int64")
    return [name for name, (kind, _) in columns_of(settings).items() if kind in kinds]


def top(
    path: Path, by: str, n: int, *, where: str | None = None, ascending: bool = False
) -> "pa.Table":
    """Return the `n` rows of largest (or smallest) `by` among those that meet `where`, in order.

    Raises
    ------
    DataError
        If the file is no table of results.
    ConfigError
        If `by` is no column of numbers, or `where` is not understood.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    settings = read_settings(path)
    known_column(by, numeric_columns(settings))
    condition = pc.field("status") == "ok"
    if where is not None:
        condition &= parse_filter(where, columns_of(settings))
    try:
        found = pq.read_table(path, columns=["id", by], filters=condition)
    except (pa.ArrowException, OSError, OverflowError) as err:
        if where is None or isinstance(err, OSError):
            raise damaged(path, err) from err
        raise ConfigError(
            f'the condition "{where}" does not fit the columns',
            str(err).splitlines()[0],
            "compare numbers with numbers, and texts with texts in quotes",
        ) from err
    found = found.filter(pc.is_valid(found[by]))
    order = [(by, "ascending" if ascending else "descending"), ("id", "ascending")]
    chosen = found.take(pc.sort_indices(found, sort_keys=order)[:n])
    if not chosen.num_rows:
        return pq.read_schema(path).empty_table()
    try:
        rows = pq.read_table(path, filters=pc.field("id").isin(chosen["id"].to_pylist()))
    except (pa.ArrowException, OSError) as err:
        raise damaged(path, err) from err
    place = {name: i for i, name in enumerate(rows["id"].to_pylist())}
    return rows.take([place[name] for name in chosen["id"].to_pylist()])


def merge(paths: Sequence[Path], output: Path) -> tuple[int, list[int]]:
    """Make one table of those of shards; return its rows and the numbers of absent shards.

    The result is as one run over the whole source would have made it; what is absent can be
    completed by giving that command with the same output.

    Raises
    ------
    DataError
        If a file is no table of results, or the output exists.
    ConfigError
        If the tables differ in model, temperatures or source.
    """
    output = writable_output(output)
    if output.exists():
        raise DataError(
            f"{output} exists already",
            "tables are merged into a new file",
            "choose another output with -o, or remove it first",
        )
    held = [read_settings(path) for path in paths]
    first = held[0]
    for path, other in zip(paths, held, strict=True):
        same = {key: _comparable(key, first[key]) for key in first if key != "shard"}
        differing = [key for key in same if _comparable(key, other.get(key)) != same[key]]
        if differing:
            shown = "; ".join(f"{key}: {first[key]} and {other.get(key)}" for key in differing)
            raise ConfigError(
                f"{path} does not belong to {paths[0]}",
                f"they were made with other settings ({shown})",
                "merge the shards of one run",
            )
    totals = {int(str(settings["shard"]).split("/")[1]) for settings in held}
    if len(totals) > 1:
        raise ConfigError(
            "shards of different divisions",
            f"the work was divided by {', '.join(map(str, sorted(totals)))}",
            "merge the shards of one run",
        )
    there = {int(str(settings["shard"]).split("/")[0]) for settings in held}
    absent = sorted(set(range(1, totals.pop() + 1)) - there)
    whole = schema(first | {"shard": "1/1"})
    return join(paths, output, whole, ordered_ids(paths)), absent


def crystal_of(row: Row) -> Crystal:
    """Return the structure of a row, named by its id; raises `StructureError` if there is none."""
    if row["cell"] is None:
        raise StructureError(
            f"{row['id']}: the row has no structure", "it could not be read", "see its reason"
        )
    return crystal_of_row(row["cell"], row["frac_coords"], row["species"], row["id"])


def _comparable(key: str, value: Any) -> Any:
    # The same source may lie elsewhere on another machine.
    return Path(str(value)).name if key == "source" else value
