"""Checks: a sample of the rows of a table computed again and compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonodos.errors import ConfigError, DataError
from phonodos.physics.dos import sampled
from phonodos.screening.calculator import DIGITS, Calculator, Recipe
from phonodos.screening.results import crystal_of, numeric_columns
from phonodos.screening.rows import Row
from phonodos.screening.source import Item, chunks, digest_of
from phonodos.screening.table import read_settings

TOLERANCE = 1e-4  # relative, between two computations of a row; other batches differ by 1e-6
_UNCHECKED = {"seconds", "position"}  # never equal
# A step of the axis apart where a density is at the threshold of visibility [cm^-1].
_STEPPED = {"max_frequency": 1.0, "max_frequency_std": 0.5}
_TEXTS = ("formula", "spacegroup_symbol", "unstable", "in_training")


@dataclass(frozen=True)
class Check:
    """Rows of a table against the same rows computed again.

    Attributes
    ----------
    checked
        How many rows.
    deviation
        Largest relative deviation of any number (of densities: over the largest density).
    differing
        (id, what differs) of the rows beyond the tolerance.
    """

    checked: int
    deviation: float
    differing: list[tuple[str, str]]


def verify(
    path: Path, sample: float = 0.01, *, seed: int = 0, model: str | Path | None = None
) -> Check:
    """Compute a seeded sample of the successful rows again, from the structures in the table.

    Parameters
    ----------
    path
        Table of results.
    sample
        Share of the rows, 0 to 1; at least one row is checked.
    seed
        Chooses the sample.
    model
        Weights of your own; the released ones of the name in the table if None.

    Raises
    ------
    DataError
        If the file is no table of results or has no successful row.
    ConfigError
        If the weights are not those the table was made with, or the share makes no sense.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from phonodos.model.weights import known_as

    if not 0.0 < sample <= 1.0:
        raise ConfigError(f"a sample of {sample:g}", "it is above 0 and at most 1", "try 1%")
    settings = read_settings(path)
    recipe = Recipe.of(
        model or settings["model"],
        settings["members"],
        settings["temperatures"],
        bool(settings.get("check", True)),
    )
    if settings["model_hash"] not in [digest[:DIGITS] for digest in known_as(Path(recipe.weights))]:
        raise ConfigError(
            f"{path} was made with other weights",
            f"their SHA-256 begins with {settings['model_hash']}, that of {recipe.name} with "
            f"{recipe.digest}",
            "give the weight file with --model",
        )
    ids = pq.read_table(path, columns=["id"], filters=pc.field("status") == "ok")["id"].to_pylist()
    if not ids:
        raise DataError(f"{path} has no successful row", "every structure failed", "see results")
    size = max(1, round(sample * len(ids)))
    chosen = np.random.default_rng(seed).choice(ids, size, replace=False).tolist()
    rows = pq.read_table(path, filters=pc.field("id").isin(chosen)).to_pylist()
    return _compared(rows, Calculator(recipe), numeric_columns(settings))


def _compared(rows: Sequence[Row], calculator: Calculator, names: Sequence[str]) -> Check:
    kept = {row["id"]: row for row in rows}
    stream = [_item(row) for row in rows]
    fresh: dict[str, Row] = {}
    for chunk in chunks(stream):
        found = calculator.rows(chunk)
        if isinstance(found, str):
            raise DataError("the rows cannot be computed again", found, "check the installation")
        fresh |= {row["id"]: row for row in found}
    checked = [name for name in names if name not in _UNCHECKED]
    scales = {name: _scale(name, rows) for name in checked}
    worst, differing = 0.0, []
    for name, row in kept.items():
        column, deviation = _deviation(row, fresh[name], scales)
        worst = max(worst, deviation)
        if not deviation <= TOLERANCE:
            differing.append((name, f"{column} by {deviation:.1e}"))
    return Check(len(rows), worst, differing)


def _item(row: Row) -> Item:
    crystal = crystal_of(row)
    return Item(row["id"], row["position"], row["source"], digest_of(crystal), crystal)


def _scale(name: str, rows: Sequence[Row]) -> float:
    """Return what small values of a column are measured by: what they are differences of."""
    if name == "imaginary_fraction":
        return 1.0
    values = [row[name.removesuffix("_std")] for row in rows]
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    return float(np.median(sizes or [1.0]))


def _deviation(kept: Row, fresh: Row, scales: dict[str, float]) -> tuple[str, float]:
    """Return the column that differs most, and by how much.

    Infinity: one of the two is empty, NaN or infinite and the other is not the same.
    """
    found = [("structure", 0.0 if kept["digest"] == fresh["digest"] else np.inf)]
    found += [(n, 0.0 if kept.get(n) == fresh.get(n) else np.inf) for n in _TEXTS]
    for name, scale in scales.items():
        apart = _apart(kept[name], fresh.get(name), scale)
        # Finite only if both are numbers; a hair more than a step, for the rounding of the axis.
        if math.isfinite(apart) and name in _STEPPED and kept[name] is not None:
            step = _STEPPED[name] + 1e-6
            apart = 0.0 if abs(kept[name] - fresh[name]) <= step else apart
        found.append((name, apart))
    found.append(("dos_densities", _gap(kept, fresh)))
    return max(found, key=lambda pair: pair[1])


def _apart(a: float | None, b: float | None, scale: float) -> float:
    """Return the relative distance of two numbers; never NaN, which no comparison would notice."""
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    if not (math.isfinite(a) and math.isfinite(b)):
        return 0.0 if a == b or (math.isnan(a) and math.isnan(b)) else math.inf
    return abs(a - b) / max(abs(a), scale, 1e-12)


def _gap(kept: Row, fresh: Row) -> float:
    """Return the largest difference of two spectra over the largest density.

    Where the axis ends at the outermost mode, rounding can make it a step longer.
    """
    if fresh["status"] != "ok":
        return float("inf")
    if not kept["dos_densities"] or len(kept["dos_densities"]) != len(
        kept["dos_frequencies"] or []
    ):
        return math.inf
    if not all(np.isfinite(kept[n]).all() for n in ("dos_frequencies", "dos_densities")):
        return math.inf
    axis = np.union1d(kept["dos_frequencies"], fresh["dos_frequencies"])
    before, now = (
        sampled(axis, row["dos_frequencies"], row["dos_densities"]) for row in (kept, fresh)
    )
    deviation = float(np.abs(before - now).max() / before.max())
    return math.inf if math.isnan(deviation) else deviation
