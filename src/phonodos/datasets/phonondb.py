"""phonondb: phonopy calculations, those of phonondb@kyoto-u or a user's own, to one data set.

VASP, PBEsol, finite displacements in the 2018-04-17 version of A. Togo's data base. A row holds
short-range force constants (what is left when our dipole term is taken off), Born charges, the
dielectric tensor and, if wanted, the density of states, total and per atom.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from phonodos.datasets.conversion import Result, converted
from phonodos.datasets.dataset import check_writable
from phonodos.datasets.parts import Parts
from phonodos.datasets.phonondb_record import ORIGIN, read_record
from phonodos.datasets.phonopy.folders import Calculation, count_calculations, find_calculations
from phonodos.datasets.sources import SOURCES
from phonodos.errors import ConfigError, DataError
from phonodos.physics.dipole import LAMBDA
from phonodos.physics.mesh import FINER, MESH_LENGTH, SMOOTHING
from phonodos.physics.target import RECIPE
from phonodos.structures.archives import sha256_of
from phonodos.time_limit import DEFAULT_TIMEOUT

BATCH = 64  # calculations written at once
SECONDS = 5.0  # after which fewer are written too
LARGEST_CUTOFF = 50.0  # [A]; images are stored as single bytes


@dataclass(frozen=True)
class PrepareReport:
    """What became of the calculations."""

    output: Path
    written: int
    failed: Mapping[str, str]  # calculation -> reason
    resumed: int  # done by an earlier run
    with_nac: int
    sound: int  # of those

    def lines(self) -> list[str]:
        """Return the report in words, without the failures."""
        return [
            f"done before and kept: {self.resumed}",
            f"with Born charges and a dipole term: {self.with_nac}; sound by every mask: "
            f"{self.sound}",
        ]


def prepare(
    source: Path,
    output: Path,
    *,
    workers: int = 2,
    cutoff: float = 7.0,
    dos: bool = True,
    progress: Callable[[int, int | None], None] | None = None,
    resume: bool = True,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> PrepareReport:
    """Read finished phonopy calculations and write one data set.

    A broken calculation is left out and named in the report. Batches lie in ``<output>.parts``
    until all is done: the same call after a kill goes on from there.

    Parameters
    ----------
    source
        Archive of archives, one archive (tar of any compression, zip), folder of calculations or
        of archives, or one calculation (folder or phonopy_params.yaml).
    output
        Parquet file to write.
    workers
        Processes that convert calculations; 1 does it in this one.
    cutoff, dos
        Longest edge to list [A]; whether to compute the density of states, total and projected.
    progress
        Called with the number of calculations done, and of all if that is known.
    resume, timeout
        Whether to go on with an unfinished run (what failed is tried again) or throw it away;
        longest time for a calculation [s], no limit if None.

    Raises
    ------
    ConfigError
        If cutoff (up to 50 A), time limit or number of workers make no sense, or an unfinished run
        had other settings.
    DataError
        If the source holds no calculation that can be read; if the output cannot be written.
    """
    _check_cutoff(cutoff)
    check_writable(output)
    recipe = _recipe(cutoff, dos)
    parts = Parts(output, recipe | _identity(source), resume=resume)
    resumed = len(parts.done)
    total = count_calculations(source) if progress is not None else None
    convert = partial(_convert, cutoff=cutoff, dos=dos)
    waiting = (c for c in find_calculations(source) if c.place not in parts.done)
    results = converted(convert, waiting, attrgetter("place"), workers=workers, timeout=timeout)
    with closing(results):
        for batch in _batches(results, resumed, progress, total):
            _add(parts, batch)
    if not parts.written:
        raise _nothing(source, parts.failed)
    report = _report(output, parts, resumed)
    origins = set(parts.column("source"))
    parts.join(_provenance(source, report, origins, recipe))
    return report


def _check_cutoff(cutoff: float) -> None:
    if not 0.0 < cutoff <= LARGEST_CUTOFF:
        raise ConfigError(
            f"cutoff {cutoff:g} A",
            f"it must be positive and at most {LARGEST_CUTOFF:g} A",
            "use the cutoff of the network or more; 7 A is usual",
        )


def _batches(
    results: Iterable[Result],
    resumed: int,
    progress: Callable[[int, int | None], None] | None,
    total: int | None,
) -> Iterator[list[Result]]:
    """Yield the results in batches: of `BATCH`, or as many as there are after `SECONDS`."""
    batch: list[Result] = []
    since = time.monotonic()
    for number, result in enumerate(results, resumed + 1):
        batch.append(result)
        if progress is not None:
            progress(number, total)
        if len(batch) == BATCH or time.monotonic() - since > SECONDS:
            yield batch
            batch, since = [], time.monotonic()
    if batch:
        yield batch


def _add(parts: Parts, batch: Sequence[Result]) -> None:
    rows: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for place, row, reason in batch:
        if row is None:
            failed[place] = reason
        elif row["id"] in parts.ids or row["id"] in rows:
            failed[place] = f"there is a record {row['id']} already"
        else:
            rows[row["id"]] = row
    parts.add(list(rows.values()), [place for place, _, _ in batch], failed)


def _nothing(source: Path, failed: Mapping[str, str]) -> DataError:
    shown = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:5])
    return DataError(
        f"no calculation of {source} could be read",
        shown or "there is none in it",
        "give archives or folders of finished phonopy calculations",
    )


def _convert(calculation: Calculation, *, cutoff: float, dos: bool) -> dict[str, Any]:
    source = ORIGIN if calculation.published else "phonopy"
    return read_record(calculation.files(), calculation.name, source, cutoff=cutoff, dos=dos)


def _report(output: Path, parts: Parts, resumed: int) -> PrepareReport:
    has_nac, born, eps = (parts.column(n) for n in ("has_nac", "born_sound", "dielectric_sound"))
    neutral = [not broken for broken in parts.column("large_cnsr_break")]
    return PrepareReport(
        output=output,
        written=parts.written,
        failed=dict(parts.failed),
        resumed=resumed,
        with_nac=sum(has_nac),
        sound=sum(all(flags) for flags in zip(born, eps, neutral, strict=True)),
    )


def _identity(source: Path) -> dict[str, Any]:
    size = source.stat().st_size if source.is_file() else None
    return {"source": str(source.resolve()), "size": size}


def _recipe(cutoff: float, dos: bool) -> dict[str, Any]:
    from phonodos.version import __version__

    return {
        "made_by": f"phonodos {__version__}",
        "cutoff_A": cutoff,
        "dipole_lambda_1/A": LAMBDA,
        "force_constants": "short range: total minus the dipole term (Gonze-Lee, reciprocal sum, "
        "exp(-K.eps.K / (4 lambda^2 tr(eps)/3))); total where has_nac is false",
        "mesh_length_A": MESH_LENGTH if dos else None,
        "mesh_refinement": FINER if dos else None,
        "smoothing_cm-1": SMOOTHING if dos else None,
        "target": RECIPE,
    }


def _provenance(
    source: Path, report: PrepareReport, origins: set[str], recipe: Mapping[str, Any]
) -> dict[str, Any]:
    known = SOURCES["phonondb"]
    ours = origins == {ORIGIN}
    return {
        "sources": [{"name": source.name, "sha256": sha256_of(source), "kind": "phonondb"}],
        "citation": known.citation if ours else None,
        "licence": known.licence if ours else None,
        "functional": "PBEsol" if ours else None,
        **recipe,
        "records": report.written,
        "with_nac": report.with_nac,
        "failed": dict(report.failed),
    }
