"""`prepare`: the records of a source, whatever kind they are of, as one data set."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonodos.datasets.columns import COLUMNS, METADATA_KEY, arrow_type, schema
from phonodos.datasets.conversion import converted
from phonodos.datasets.dataset import check_writable
from phonodos.datasets.growing import Form, GrowingTable, Row, damaged, table_of
from phonodos.datasets.kinds import Kind, kind_named
from phonodos.datasets.sources import SOURCES
from phonodos.errors import ConfigError, DataError
from phonodos.structures.archives import sha256_of
from phonodos.time_limit import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    import pyarrow as pa

Advance = Callable[[int, int | None], None]
PLACE = "place"  # column of a part: name of the record in the source
GROUP = 512  # rows in a row group: they are large
SHOWN = 5  # failures named where nothing could be read
ANEW = "give the settings it was begun with, or another output, or begin anew with --restart"


@dataclass(frozen=True)
class PrepareReport:
    """What became of the records of a source.

    Attributes
    ----------
    kind
        Their kind, an entry of `kinds.KINDS`.
    output
        The data set.
    written
        Rows in it.
    failed
        Records that were left out, in the order of the source -> why.
    resumed
        Records that an earlier run had done.
    facts
        What else there is to say, by kind (`Kind.facts`).
    """

    kind: str
    output: Path
    written: int
    failed: Mapping[str, str]
    resumed: int
    facts: Mapping[str, Any]

    def lines(self) -> list[str]:
        """Return the report in words, without the failures."""
        return kind_named(self.kind).lines(self.facts, self.written, self.resumed)

    def values(self) -> dict[str, Any]:
        """Return the report as one dictionary that fits into JSON."""
        known = {"kind": self.kind, "output": str(self.output), "written": self.written}
        return {**known, "failed": dict(self.failed), "resumed": self.resumed, **self.facts}


def prepare(
    kind: str,
    source: Path,
    output: Path,
    *,
    workers: int = 2,
    progress: Advance | None = None,
    resume: bool = True,
    timeout: float | None = DEFAULT_TIMEOUT,
    **settings: Any,
) -> PrepareReport:
    """Convert the records of a source and write one data set.

    A broken record is left out and named in the report. A row is on the disk, in
    ``<output>.parts``, 5 s after it was computed: the same call after a kill goes on from there.
    The data set is the same to the byte whatever the number of workers and of kills.

    Parameters
    ----------
    kind
        Of what kind the records are, an entry of `kinds.KINDS`.
    source
        Archive, folder or single record; what it may be, the kind says.
    output
        Parquet file to write.
    workers
        Processes that convert records; 1 does it in this one.
    progress
        Called with the number of records done, and of all if that is known.
    resume
        Whether to go on with an unfinished run (what failed is tried again) or throw it away.
    timeout
        Longest time for a record [s], after which it is named and left out; no limit if None.
    settings
        Those of the kind: for phonondb `cutoff`, the longest edge to list [A], and `dos`, whether
        to compute the density of states, total and projected.

    Raises
    ------
    ConfigError
        If there is no such kind, it has no such setting, a setting, the time limit or the number of
        workers makes no sense, or an unfinished run had other settings.
    DataError
        If the source is missing or unreadable, or all of its records fail; if another run is
        writing the output, or it cannot be written.
    """
    work = kind_named(kind)
    recipe = _recipe(kind, work, settings)
    check_writable(output)
    convert = partial(_fitted, partial(work.convert, **{**work.settings, **settings}), work.beside)
    form = Form(partial(_schema_of_parts, work.beside), _settings_of, (PLACE, "id"), ANEW)
    about = {"kind": kind, **recipe, **_identity(source)}
    with closing(GrowingTable(output, about, form, resume=resume)) as table:
        run = _Run(work, table)
        try:
            run.convert(convert, source, workers, timeout, progress)
        finally:
            table.commit()
        return run.written(kind, source, recipe)


class _Run:
    """One run over the records of a source, earlier ones included."""

    def __init__(self, kind: Kind, table: GrowingTable) -> None:
        self._kind, self._table = kind, table
        self._places: dict[str, None] = {}  # of all records, in the order of the source
        self._ids = {place: known[0] for place, known in table.done.items()}
        self._failed: dict[str, str] = {}

    def convert(
        self,
        convert: Callable[[Any], Row],
        source: Path,
        workers: int,
        timeout: float | None,
        progress: Advance | None,
    ) -> None:
        """Convert what has no row yet."""
        total = self._kind.count(source) if progress is not None else None
        results = converted(convert, self._waiting(source), workers=workers, timeout=timeout)
        with closing(results):
            for number, (place, row, reason) in enumerate(results, len(self._ids) + 1):
                if row is None:
                    self._failed[place] = reason
                else:
                    self._ids[place] = row["id"]
                    self._table.add([row | {PLACE: place}])
                if progress is not None:
                    progress(number, total)

    def _waiting(self, source: Path) -> Iterator[tuple[str, Any]]:
        for record in self._kind.records(source):
            name = place = self._kind.name_of(record)
            number = 1
            while place in self._places:  # files of one name in several folders
                number += 1
                place = f"{name} ({number})"
            self._places[place] = None
            if place not in self._table.done:
                yield place, record

    def written(self, name: str, source: Path, recipe: Mapping[str, Any]) -> PrepareReport:
        """Make the data set of the rows, and return the report."""
        places = self._chosen()
        if not places:
            raise _none(self._kind, source, self._failed)
        column = partial(self._table.column, keys=places)
        report = PrepareReport(
            kind=name,
            output=self._table.output,
            written=len(places),
            failed={place: self._failed[place] for place in self._places if place in self._failed},
            resumed=sum(place in self._places for place in self._table.done),
            facts=self._kind.facts(column),
        )
        header = _provenance(self._kind, source, report, set(column("source")), recipe)
        self._table.finish(places, schema(header), GROUP)
        return report

    def _chosen(self) -> list[str]:
        """Return the places of the rows of the data set in their order; of an id the first counts.

        What an earlier run made of records that are no longer in the source is left out.
        """
        seen: set[str] = set()
        kept = []
        for place in self._places:
            if place not in self._ids:
                continue
            if (name := self._ids[place]) in seen:
                self._failed[place] = f"there is a record {name} already"
            else:
                seen.add(name)
                kept.append(place)
        order = self._kind.order
        return kept if order is None else sorted(kept, key=lambda place: order(self._ids[place]))


def _recipe(name: str, kind: Kind, settings: Mapping[str, Any]) -> dict[str, Any]:
    from phonodos.version import __version__

    if other := [f"--{key}" for key in settings if key not in kind.settings]:
        raise ConfigError(
            f"{name} has no {', '.join(other)}",
            "its records are taken as they are",
            "leave " + ("it" if len(other) == 1 else "them") + " out",
        )
    made = kind.recipe(**{**kind.settings, **settings})
    return {"made_by": f"phonodos {__version__}", **made}


def _identity(source: Path) -> dict[str, Any]:
    size = source.stat().st_size if source.is_file() else None
    return {"source": str(source.resolve()), "size": size}


def _fitted(convert: Callable[[Any], Row], beside: Mapping[str, str], record: Any) -> Row:
    """Return the row of a record, once it is sure that the row can be written."""
    row = convert(record)
    if unknown := set(row) - set(COLUMNS) - set(beside):
        raise DataError("no row of a data set", f"unknown columns {sorted(unknown)}", "report it")
    table_of([row], _schema_of_parts(beside, {}))
    return row


def _schema_of_parts(beside: Mapping[str, str], settings: Mapping[str, Any]) -> "pa.Schema":
    import pyarrow as pa

    whole = schema({"settings": dict(settings)})
    for name, kind in {PLACE: "string", **beside}.items():
        whole = whole.append(pa.field(name, arrow_type(kind)))
    return whole


def _settings_of(path: Path) -> dict[str, Any]:
    """Return the settings of a part; raises `DataError` if it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        settings = json.loads((pq.read_schema(path).metadata or {})[METADATA_KEY])["settings"]
    except (pa.ArrowException, OSError) as err:
        raise damaged(path, err) from err
    except (ValueError, KeyError, TypeError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise DataError(
            f"{path} is no part of a data set",
            "it has no header of phonodos data prepare",
            "move it elsewhere, or choose another output with -o",
        )
    return settings


def _none(kind: Kind, source: Path, failed: Mapping[str, str]) -> DataError:
    shown = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:SHOWN])
    reason, fix = kind.nothing
    return DataError(f"no {kind.noun} of {source} could be read", shown or reason, fix)


def _provenance(
    kind: Kind,
    source: Path,
    report: PrepareReport,
    origins: set[str],
    recipe: Mapping[str, Any],
) -> dict[str, Any]:
    known = SOURCES.get(report.kind)
    ours = known is not None and origins == {kind.origin}
    return {
        "sources": [{"name": source.name, "sha256": sha256_of(source), "kind": report.kind}],
        "citation": known.citation if known and ours else None,
        "licence": known.licence if known and ours else None,
        "functional": kind.functional if ours else None,
        **recipe,
        "records": report.written,
        **{key: report.facts[fact] for key, fact in kind.told.items()},
        "failed": dict(report.failed),
    }
