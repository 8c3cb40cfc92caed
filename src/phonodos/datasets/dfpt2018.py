"""dfpt2018: DFPT phonons of 1,521 semiconductors (Petretto et al., Sci. Data 5, 180065, 2018).

ABINIT, PBEsol, one JSON file a material (`dfpt2018_record`); archive or folder to data set.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.datasets.conversion import converted
from phonodos.datasets.dataset import check_writable, write_dataset
from phonodos.datasets.dfpt2018_record import LARGEST_BORN_CHARGE, read_record
from phonodos.datasets.sources import SOURCES
from phonodos.errors import DataError
from phonodos.physics.target import RECIPE
from phonodos.structures.archives import read_members, sha256_of
from phonodos.time_limit import DEFAULT_TIMEOUT

MOVED = 0.05  # [e]; tensors that the space group moves more are not in the cell's frame


@dataclass(frozen=True)
class PrepareReport:
    """What became of the records."""

    output: Path
    written: int
    failed: Mapping[str, str]  # record -> reason
    frames: Mapping[str, int]
    largest_residual: float  # [e], of Born charges that are no garbage, in the frame chosen
    moved_in_cell_frame: int
    sound: int

    def lines(self) -> list[str]:
        """Return the report in words, without the failures."""

        def share(count: int) -> str:
            return f"{count} ({count / self.written:.1%})"

        frames = ", ".join(f"{name} {share(n)}" for name, n in sorted(self.frames.items()))
        return [
            f"frame the tensors were given in: {frames}",
            f"not fit for the frame of the cell as given: {share(self.moved_in_cell_frame)} "
            f"(the space group moves them by more than {MOVED} e); turned into it, it moves Born "
            f"charges by at most {self.largest_residual:.3f} e",
            f"sound by every mask: {share(self.sound)}",
        ]


def prepare(
    source: Path,
    output: Path,
    *,
    workers: int = 2,
    progress: Callable[[int, int | None], None] | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> PrepareReport:
    """Read the records in an archive or a folder and write one data set.

    A broken record is left out and named in the report.

    Parameters
    ----------
    source
        tar (any compression), zip, a folder of JSON files, or one JSON file.
    output
        Parquet file to write.
    workers
        Processes that convert records; 1 does it in this one.
    progress
        Called with the number of records done, and None: how many there are shows at the end.
    timeout
        Longest time for a record [s], after which it is named and left out; no limit if None.

    Raises
    ------
    ConfigError
        If the time limit or the number of workers makes no sense.
    DataError
        If the source is missing or unreadable, holds no records, or all of them fail; if the
        output cannot be written.
    """
    check_writable(output)
    rows: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    members = read_members(source)
    results = converted(_convert, members, itemgetter(0), workers=workers, timeout=timeout)
    with closing(results):
        for name, row, reason in results:
            if row is None:
                failed[name] = reason
            elif row["id"] in rows:
                failed[name] = f"there is a record {row['id']} already"
            else:
                rows[row["id"]] = row
            if progress is not None:
                progress(len(rows) + len(failed), None)
    if not rows:
        shown = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:5])
        raise DataError(
            f"no record of {source} could be read",
            shown or "there are no .json files in it",
            "give the archive 'Parsed phonon data' of Petretto et al. (2018), or its folder",
        )
    ordered = [rows[name] for name in sorted(rows, key=_number)]
    report = _report(output, ordered, failed)
    write_dataset(output, [_public(row) for row in ordered], _provenance(source, report))
    return report


def _convert(member: tuple[str, bytes | DataError]) -> dict[str, Any]:
    content = member[1]
    if isinstance(content, DataError):
        raise content
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as err:  # integers of thousands of digits: ValueError
        raise DataError("not a JSON file", str(err), "download it again") from err
    return read_record(record)


def _report(output: Path, rows: list[dict[str, Any]], failed: dict[str, str]) -> PrepareReport:
    sane = [r for r in rows if _sane(r)]
    return PrepareReport(
        output=output,
        written=len(rows),
        failed=failed,
        frames=dict(Counter(r["tensor_frame"] or "none" for r in rows)),
        largest_residual=max((r["_residual"] for r in sane), default=0.0),
        moved_in_cell_frame=sum(r["_own"] > MOVED for r in rows),
        sound=sum(
            r["born_sound"] and r["dielectric_sound"] and not r["large_cnsr_break"] for r in rows
        ),
    )


def _sane(row: Mapping[str, Any]) -> bool:
    born = row["born_charges"]
    return born is not None and bool(np.abs(born).max() <= LARGEST_BORN_CHARGE)


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _provenance(source: Path, report: PrepareReport) -> dict[str, Any]:
    from phonodos.version import __version__

    return {
        "sources": [{"name": source.name, "sha256": sha256_of(source), "kind": "dfpt2018"}],
        "citation": SOURCES["dfpt2018"].citation,
        "licence": SOURCES["dfpt2018"].licence,
        "functional": "PBEsol",
        "made_by": f"phonodos {__version__}",
        "target": RECIPE,
        "records": report.written,
        "failed": dict(report.failed),
        "tensor_frames": dict(report.frames),
    }


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0, name)
