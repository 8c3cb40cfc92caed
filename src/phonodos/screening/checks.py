"""Checks: a sample of the rows of a table computed again and compared."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, DataError, PhonodosError
from phonodos.physics.dos import sampled
from phonodos.physics.isotopes import Isotope, read_isotopes, with_isotopes
from phonodos.screening.calculator import DIGITS, Calculator, Recipe
from phonodos.screening.results import crystal_of, numeric_columns
from phonodos.screening.rows import EXTRA_SETTING, STABILITY_SETTING, Row
from phonodos.screening.source import Item, chunks, digest_of
from phonodos.screening.table import read_settings
from phonodos.structures.entries import TABLES, split_name
from phonodos.structures.unpacking import plain

TOLERANCE = 1e-4  # relative, between two computations of a row; other batches differ by 1e-6
_UNCHECKED = {"seconds", "position"}  # never equal
# A step of the axis apart where a density is at the threshold of visibility [cm^-1].
_STEPPED = {"max_frequency": 1.0, "max_frequency_std": 0.5}
# What is near zero where it is small, and by what it is measured then.
_DIFFERENCES = {
    "lowest_frequency": "mean_frequency",
    "lowest_infrared": "mean_frequency",
    "eps_ionic": "eps_inf",
}
_TEXTS = ("formula", "spacegroup_symbol", "unstable", "stability", "in_training")
# Of tables whose `unstable` was a share of the states: what that says is said anew, and differs.
_BEFORE = {"unstable", "trust"}
_FACTS = ("id", "status", "reason", "model", "model_hash", "position", "source")
_STATES = ("ok", "failed")
_NUMBER = re.compile(r"\d+(?:\.(\d+))?")


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
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from phonodos.model.weights import known_as

    if not 0.0 < sample <= 1.0:
        raise ConfigError(f"a sample of {sample:g}", "it is above 0 and at most 1", "try 1%")
    settings = read_settings(path)
    name, choices = model or settings["model"], (bool(settings["check"]), bool(settings["metal"]))
    recipe = Recipe.of(
        name, settings["members"], settings["temperatures"], *choices, settings[EXTRA_SETTING]
    )
    known = {digest[:DIGITS] for digest in known_as(Path(recipe.weights))}
    if settings["model_hash"] not in known:
        raise ConfigError(
            f"{path} was made with other weights",
            f"their SHA-256 begins with {settings['model_hash']}, that of {recipe.name} with "
            f"{recipe.digest}",
            "give the weight file with --model",
        )
    names, faults = _listed(path, settings, known)
    if not names and not faults:
        raise DataError(f"{path} has no successful row", "every structure failed", "see results")
    size = min(max(1, round(sample * len(names))), len(names))
    chosen = np.random.default_rng(seed).choice(names, size, replace=False).tolist()
    ok = pc.field("status") == "ok"
    rows = pq.read_table(
        path, filters=ok & pc.field("id").isin(pa.array(chosen, "string"))
    ).to_pylist()
    stream = [_item(row, read_isotopes(settings["isotopes"])) for row in rows]
    found = _compared(rows, stream, Calculator(recipe), settings)
    seen = {name for name, _ in found.differing}
    told = [(name, what) for name, what in faults.items() if name not in seen]
    return Check(len(rows), math.inf if told else found.deviation, [*found.differing, *told])


def _listed(
    path: Path, settings: Mapping[str, Any], hashes: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the ids of the rows to choose from, and what is wrong with the facts of any row.

    Facts are what a table alone tells: a row that was not chosen is looked at too.
    """
    import pyarrow.parquet as pq

    number, total = map(int, str(settings["shard"]).split("/"))
    origin = _one_file(settings["source"])
    names: list[str] = []
    faults: dict[str, str] = {}
    ids: set[int] = set()
    places: set[int] = set()
    strangers: list[str] = []  # not of the file that the header names
    first = 1
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(_FACTS)):
            for i, row in enumerate(batch.to_pylist(), first):
                name, place, ok = row["id"], row["position"], row["status"] == "ok"
                wrong = {
                    "it has no id": name is None,
                    "another row has its id": hash(name) in ids,
                    "status": row["status"] not in _STATES,
                    "reason": row["status"] in _STATES and bool(row["reason"]) is ok,
                    "model": row["model"] != settings["model"],
                    "model_hash": row["model_hash"] not in hashes,
                    "position": place is None or place in places or place % total != number - 1,
                    "source": not row["source"],
                }
                found = [what for what, is_so in wrong.items() if is_so]
                if found:
                    faults[f"row {i}" if name is None else name] = ", ".join(found)
                elif ok:
                    names.append(name)
                if row["source"] and origin not in row["source"]:
                    strangers.append(name)
                ids.add(hash(name))
                places.add(place)
            first += len(batch)
    if len(strangers) < first / 2:  # more: the file has another name here, such as that of a link
        faults |= {name: "source" for name in strangers if name not in faults}
    return names, faults


def _one_file(source: str) -> str:
    """Return what the source of every row holds: the name of the file, if there is but one."""
    name = Path(source).name
    single = split_name(name)[1] or name.lower().endswith(TABLES)
    return plain(name) if single and not Path(source).is_dir() else ""


def _compared(
    rows: Sequence[Row], stream: Sequence[Item], calculator: Calculator, settings: dict[str, Any]
) -> Check:
    names = numeric_columns(settings)
    left_out = () if STABILITY_SETTING in settings else _BEFORE
    kept = {row["id"]: row for row in rows}
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
        column, deviation = _deviation(row, fresh[name], scales, left_out)
        worst = max(worst, deviation)
        if not deviation <= TOLERANCE:
            differing.append((name, f"{column} by {deviation:.1e}"))
    return Check(len(rows), worst, differing)


def _item(row: Row, isotopes: Sequence[Isotope]) -> Item:
    try:
        # Its species hold the masses already: this tells of them again in the notes.
        crystal = with_isotopes(crystal_of(row), isotopes)
    except PhonodosError as error:
        if row["id"] in error.summary:
            raise
        raise type(error)(f"{row['id']}: {error.summary}", error.reason, error.fix) from error
    return Item(row["id"], row["position"], row["source"], digest_of(crystal), crystal)


def _scale(name: str, rows: Sequence[Row]) -> float:
    """Return what small values of a column are measured by: what they are differences of."""
    if name in ("imaginary_fraction", "instability_probability"):
        return 1.0
    name = name.removesuffix("_std")
    name = _DIFFERENCES.get(name, name)
    values = [row[name] for row in rows]
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    return float(np.median(sizes or [1.0]))


def _deviation(
    kept: Row, fresh: Row, scales: dict[str, float], left_out: Collection[str] = ()
) -> tuple[str, float]:
    """Return the column that differs most, and by how much.

    Infinity: one of the two is empty, NaN or infinite and the other is not the same.
    """
    found = [("structure", 0.0 if kept["digest"] == fresh["digest"] else np.inf)]
    texts = [name for name in _TEXTS if name not in left_out]
    found += [(n, 0.0 if kept.get(n) == fresh.get(n) else np.inf) for n in texts]
    for name, scale in scales.items():
        apart = _apart(kept[name], fresh.get(name), scale)
        # Finite only if both are numbers; a hair more than a step, for the rounding of the axis.
        if math.isfinite(apart) and name in _STEPPED and kept[name] is not None:
            step = _STEPPED[name] + 1e-6
            apart = 0.0 if abs(kept[name] - fresh[name]) <= step else apart
        found.append((name, apart))
    if "trust" not in left_out:
        found.append(("trust", 0.0 if _alike(kept["trust"], fresh.get("trust")) else np.inf))
    found += [(name, _gap(kept, fresh, name)) for name in ("dos_densities", "dos_densities_std")]
    return max(found, key=lambda pair: pair[1])


def _apart(a: float | None, b: float | None, scale: float) -> float:
    """Return the relative distance of two numbers; never NaN, which no comparison would notice."""
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    if not (math.isfinite(a) and math.isfinite(b)):
        return 0.0 if a == b or (math.isnan(a) and math.isnan(b)) else math.inf
    return abs(a - b) / max(abs(a), scale, 1e-12)


def _alike(a: str | None, b: str | None) -> bool:
    """Return whether two texts say the same, their numbers up to a digit in the last place."""
    if a is None or b is None:
        return a is b
    if _NUMBER.sub("0", a) != _NUMBER.sub("0", b):
        return False
    for one, other in zip(_NUMBER.finditer(a), _NUMBER.finditer(b), strict=True):
        digits = min(len(one[1] or ""), len(other[1] or ""))
        if abs(float(one[0]) - float(other[0])) > 1.001 * 10.0**-digits:
            return False
    return True


def _gap(kept: Row, fresh: Row, name: str = "dos_densities") -> float:
    """Return the largest difference of two spectra, or of their spreads, over the largest density.

    Where the axis ends at the outermost mode, rounding can make it a step longer.
    """
    if fresh["status"] != "ok":
        return math.inf
    if kept.get(name) is None and fresh.get(name) is None:
        return 0.0 if name != "dos_densities" else math.inf
    if not kept.get(name) or fresh.get(name) is None:
        return math.inf
    if len(kept[name]) != len(kept["dos_frequencies"] or []):
        return math.inf
    if not all(np.isfinite(kept[n]).all() for n in ("dos_frequencies", name)):
        return math.inf
    axis = np.union1d(kept["dos_frequencies"], fresh["dos_frequencies"])
    before, now = (sampled(axis, row["dos_frequencies"], row[name]) for row in (kept, fresh))
    deviation = float(np.abs(before - now).max() / np.max(fresh["dos_densities"]))
    return math.inf if math.isnan(deviation) else deviation
