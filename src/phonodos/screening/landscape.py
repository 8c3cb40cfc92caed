"""`Landscape`: the predictions of one network for many crystals, and their heat capacities."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError, PhonodosError
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass
from phonodos.physics.target import target_of
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.structures.tables import site_of_text

Array = NDArray[np.float64]

PAPER_KELVIN = 293.15  # [K], of the paper's comparisons
NEEDED = ("id", "formula", "status", "dos_frequencies", "dos_densities", "species", "in_training")
RICH = 1.0 / 3.0  # share of the atoms that makes a crystal rich in an element
TOP_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Landscape:
    """Predictions of one network for many crystals.

    Attributes
    ----------
    ids, formulas, model
        Names.
    compositions
        Element -> amount in the cell, one a crystal.
    spectra
        One a crystal, per cell.
    in_training
        (n,) whether the formula was in the training data.
    kelvin
        Temperature of the heat capacities [K].
    n_failed
        Rows of the table without a prediction.
    model_hash
        First digits of the SHA-256 of the weight file; None where the table does not say it.
    """

    ids: Sequence[str]
    formulas: Sequence[str]
    model: str
    compositions: Sequence[dict[str, float]]
    spectra: Sequence[PhononDos]
    in_training: NDArray[np.bool_]
    kelvin: float
    n_failed: int
    model_hash: str | None = None

    @cached_property
    def mean_frequencies(self) -> Array:
        """(n,) first moments of the spectra [cm^-1]."""
        return np.array([d.mean_frequency for d in self.spectra])

    @cached_property
    def masses(self) -> Array:
        """(n,) mass of the cells [amu]."""
        return np.array([_mass(c) for c in self.compositions])

    @cached_property
    def mean_masses(self) -> Array:
        """(n,) mean atomic mass [amu]."""
        return self.masses / [d.n_atoms for d in self.spectra]

    @cached_property
    def heat_capacities(self) -> Array:
        """(n,) C_V of equation 2 [J/(kg K)]."""
        pairs = zip(self.spectra, self.masses, strict=True)
        return np.array([heat_capacity(d, m, self.kelvin) for d, m in pairs])

    @cached_property
    def targets(self) -> Array:
        """(n, 51) own-maximum spectra on the paper's points."""
        return np.stack([target_of(d) for d in self.spectra])

    def by_element(self) -> dict[str, tuple[float, int]]:
        """Return element -> mean C_V [J/(kg K)] of the crystals that hold it, and their number."""
        groups: dict[str, list[float]] = {}
        for composition, c_v in zip(self.compositions, self.heat_capacities, strict=True):
            for symbol in composition:
                groups.setdefault(symbol, []).append(float(c_v))
        return {s: (float(np.mean(v)), len(v)) for s, v in groups.items()}

    def rich_in(self, symbol: str) -> NDArray[np.bool_]:
        """Return which crystals have at least a third of their atoms of an element."""
        return np.array(
            [c.get(symbol, 0.0) >= RICH * sum(c.values()) - 1e-9 for c in self.compositions]
        )

    def top(self) -> NDArray[np.int64]:
        """Return the numbers of the 2 % of highest C_V, the highest first."""
        order = np.argsort(-self.heat_capacities, kind="stable")
        return order[: max(1, round(TOP_SHARE * len(order)))]


def read_landscape(path: Path, kelvin: float = PAPER_KELVIN) -> Landscape:
    """Read a table of `phonodos screen` (Parquet).

    Raises
    ------
    DataError
        If the file is no such table, or holds fewer than three predictions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        missing = [name for name in NEEDED if name not in names]
        extra = [name for name in ("model", "model_hash") if name in names]
        table = None if missing else pq.read_table(path, columns=[*NEEDED, *extra])
    except (OSError, pa.ArrowInvalid) as err:
        raise _no_table(path, str(err).splitlines()[0]) from err
    if table is None:
        raise _no_table(path, "columns are missing: " + ", ".join(missing))
    rows = [r for r in table.to_pylist() if r["status"] == "ok"]
    if len(rows) < 3:
        raise _no_table(path, f"it holds {len(rows)} predictions, and three are the least")
    return Landscape(
        ids=[r["id"] for r in rows],
        formulas=[r["formula"] for r in rows],
        model=str(rows[0].get("model") or "model"),
        compositions=[_composition(r["species"]) for r in rows],
        spectra=[_spectrum(r) for r in rows],
        in_training=np.array([bool(r["in_training"]) for r in rows]),
        kelvin=kelvin,
        n_failed=table.num_rows - len(rows),
        model_hash=rows[0].get("model_hash"),
    )


def heat_capacity(dos: PhononDos, mass: float, kelvin: float) -> float:
    """Return C_V of equation 2 [J/(kg K)] of a cell of `mass` [amu]."""
    per_cell = thermal_properties(dos, [kelvin]).heat_capacity[0]
    return float(per_cell) * 1000.0 / mass


def _composition(species: Sequence[str]) -> dict[str, float]:
    """Return the amounts of the elements in sites written as ``Si`` or ``Cu:0.7 Au:0.3``."""
    amounts: dict[str, float] = {}
    for text in species:
        for symbol, share in site_of_text(text).items():
            amounts[symbol] = amounts.get(symbol, 0.0) + share
    return amounts


def _mass(composition: dict[str, float]) -> float:
    return sum(amount * atomic_mass(s) for s, amount in composition.items())


def _spectrum(row: dict[str, Any]) -> PhononDos:
    try:
        return PhononDos(
            np.array(row["dos_frequencies"], dtype=np.float64),
            np.array(row["dos_densities"], dtype=np.float64),
            len(row["species"]),
        )
    except PhonodosError as err:
        raise DataError(
            f"{row['id']}: {err.summary}", err.reason, "run the screening again"
        ) from err


def _no_table(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} is no table of predictions", reason, "make one with: phonodos screen PATH -o FILE"
    )
