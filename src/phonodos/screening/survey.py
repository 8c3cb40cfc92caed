"""`survey`: many predictions at once, by heat capacity, element, principal component, reference.

The analysis of Figure 5 of Chen et al. (2021) on any table of `phonodos screen`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.errors import ConfigError, DataError
from phonodos.evaluation.metrics import binomial_error, spearman
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import TARGET_GRID, dos_from_target, target_of
from phonodos.physics.thermodynamics import cells_per, thermal_properties
from phonodos.screening.landscape import PAPER_KELVIN, TOP_SHARE, Array, Landscape, read_landscape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LISTED = 20  # crystals of highest C_V in the numbers
LEADERS = 12
THRESHOLD = 1000.0  # [J/(kg K)]
C_V = "[J/(kg K)]"


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of spectra of unit maximum.

    Attributes
    ----------
    scores
        (n, 2) of the crystals.
    axes
        (2, m) on the points of the spectra; each has a positive sum.
    explained
        (2,) shares of the variance.
    """

    scores: Array
    axes: Array
    explained: Array


def principal_components(spectra: Array) -> Components:
    """Return the first two principal components of (n, m) spectra."""
    centred = spectra - spectra.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.where(axes[:2].sum(axis=1) < 0.0, -1.0, 1.0)[:, None]
    return Components(centred @ axes.T, axes, values[:2] ** 2 / np.sum(values**2))


@dataclass(frozen=True, eq=False)
class Springs:
    """One spring constant for all crystals: mean frequencies w = a m^(-1/2) of mean masses m.

    Attributes
    ----------
    masses
        (n,) mean atomic masses [amu].
    frequencies
        (n,) mean frequencies [cm^-1].
    """

    masses: Array
    frequencies: Array

    @property
    def a(self) -> float:
        """Of the least-squares fit [cm^-1 amu^(1/2)]."""
        root = self.masses**-0.5
        return float(root @ self.frequencies / (root @ root))

    @property
    def spearman(self) -> float | None:
        """Rank correlation of masses and frequencies; None where one is constant."""
        return spearman(self.masses, self.frequencies)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Predictions beside references, outside the training formulas.

    Attributes
    ----------
    landscape
        The predictions.
    places
        (m,) numbers of the crystals in the landscape.
    crystals, references
        Of the data set: spectra, of cells of `crystals`.
    cut, full
        (m,) C_V [J/(kg K)] of the reference on the 51 points to 1000 cm^-1, scaled to 3N as the
        paper's network is, and on its whole axis.
    """

    landscape: Landscape
    places: NDArray[np.int64]
    crystals: Sequence[Crystal]
    references: Sequence[PhononDos]
    cut: Array
    full: Array

    @property
    def predicted(self) -> Array:
        """(m,) predicted C_V [J/(kg K)]."""
        return self.landscape.heat_capacities[self.places]

    @property
    def ends_at_1000(self) -> bool:
        """Whether the predictions have the paper's points, which end at 1000 cm^-1."""
        spectra = self.landscape.spectra
        return all(len(spectra[k].frequencies) == TARGET_GRID.n for k in self.places)

    @property
    def compared(self) -> Array:
        """(m,) C_V of the references [J/(kg K)], cut off where the predictions are."""
        return self.cut if self.ends_at_1000 else self.full

    @property
    def leaders(self) -> NDArray[np.int64]:
        """The places in this agreement of the 12 highest predicted C_V."""
        return np.argsort(-self.predicted, kind="stable")[:LEADERS]

    @cached_property
    def rich(self) -> dict[str, NDArray[np.bool_]]:
        """Which of the m crystals are rich in hydrogen and in lithium."""
        return {f"{s}-rich": self.landscape.rich_in(s)[self.places] for s in ("H", "Li")}

    def springs(self) -> dict[str, Springs]:
        """Return the springs of the references and of the predictions."""
        masses = self.landscape.mean_masses[self.places]
        given = np.array([d.mean_frequency for d in self.references])
        found = self.landscape.mean_frequencies[self.places]
        return {"DFT": Springs(masses, given), self.landscape.model: Springs(masses, found)}

    def errors(self) -> dict[str, dict[str, float]]:
        """Return the errors of the predicted C_V of all crystals and of groups of them.

        ``n``; ``mae_dft_cut``, ``mae_dft_full`` [J/(kg K)]; ``mean_relative_dft_cut`` and
        ``mean_relative_dft_full``, shares of the reference. Groups without crystals are left out.
        """
        others = ~(self.rich["H-rich"] | self.rich["Li-rich"])
        groups = {"all": self.predicted > 0.0, **self.rich, "others": others}
        return {name: self._errors(chosen) for name, chosen in groups.items() if chosen.any()}

    def _errors(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        found: dict[str, float] = {"n": int(chosen.sum())}
        kinds = {"cut": self.cut[chosen], "full": self.full[chosen]}
        apart = {k: np.abs(self.predicted[chosen] - given) for k, given in kinds.items()}
        found |= {f"mae_dft_{k}": float(apart[k].mean()) for k in kinds}
        return found | {
            f"mean_relative_dft_{k}": float((apart[k] / given).mean()) for k, given in kinds.items()
        }

    def table(self) -> list[dict[str, Any]]:
        """Return id, formula and C_V [J/(kg K)] of the leaders, a dictionary each."""
        return [
            {
                "id": self.landscape.ids[self.places[j]],
                "formula": self.landscape.formulas[self.places[j]],
                "predicted": float(self.predicted[j]),
                "dft_cut_at_1000": float(self.cut[j]),
                "dft_full": float(self.full[j]),
            }
            for j in self.leaders
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, units in their names, ready for JSON."""
        springs = {k: {"a": s.a, "spearman": s.spearman} for k, s in self.springs().items()}
        return {
            "n_reference": len(self.places),
            "compared_with": "DFT cut at 1000 cm-1" if self.ends_at_1000 else "DFT in full",
            f"c_v_errors {C_V}": self.errors(),
            "spring": springs,
            f"leaders {C_V}": self.table(),
        }


def agreement(landscape: Landscape, data: Dataset) -> Agreement:
    """Return the references of a data set for crystals of the same id that training never saw.

    Raises
    ------
    DataError
        If there is none.
    """
    numbers = {name: k for k, name in enumerate(data.ids)}
    pairs = [
        (k, numbers[name])
        for k, name in enumerate(landscape.ids)
        if name in numbers and not landscape.in_training[k]
    ]
    if not pairs:
        raise DataError(
            "no prediction has a reference outside the training formulas",
            f"none of the {len(landscape.ids)} ids of the table is in the data set and new to "
            f"{landscape.model}",
            "give a data set whose ids are those of the table, or leave --reference out",
        )
    chosen = data.select([data.ids[j] for _, j in pairs])
    crystals = list(chosen.crystals())
    spectra = [chosen.dos(j) for j in range(len(pairs))]
    per_kg = [cells_per("kg", c) for c in crystals]
    kelvin = landscape.kelvin

    def at(dos: PhononDos) -> float:
        return float(thermal_properties(dos, [kelvin]).heat_capacity[0])

    return Agreement(
        landscape=landscape,
        places=np.array([k for k, _ in pairs]),
        crystals=crystals,
        references=spectra,
        cut=np.array(
            [at(dos_from_target(target_of(d), d.n_atoms)) for d in spectra]
        ) * per_kg,
        full=np.array([at(d) for d in spectra]) * per_kg,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Survey:
    """What a table of predictions says as a whole.

    Attributes
    ----------
    landscape
        The predictions, with their heat capacities.
    components
        Principal components of the spectra on the paper's 51 points.
    springs
        Mean frequencies against mean masses.
    agreement
        The predictions beside references; None without.
    """

    landscape: Landscape
    components: Components
    springs: Springs
    agreement: Agreement | None = None

    @property
    def spearman(self) -> float | None:
        """Rank correlation of the first component with C_V."""
        return spearman(self.components.scores[:, 0], self.landscape.heat_capacities)

    @property
    def median(self) -> float:
        """Median C_V [J/(kg K)], the upper one of two."""
        return _median(self.landscape.heat_capacities)

    @property
    def share_above(self) -> float:
        """Share of the crystals with C_V above 1000 J/(kg K)."""
        return float((self.landscape.heat_capacities > THRESHOLD).mean())

    @cached_property
    def untrained(self) -> dict[str, Any]:
        """The same of the crystals that training never held, by formula: what the network finds.

        ``n``, ``share_above``, its binomial standard ``error`` as the table is a sample of many
        crystals, and ``median`` [J/(kg K)]; None where there is no such crystal.
        """
        heat = self.landscape.heat_capacities[~self.landscape.in_training]
        if not len(heat):
            return {"n": 0, "share_above": None, "error": None, "median": None}
        share = float((heat > THRESHOLD).mean())
        return {
            "n": len(heat),
            "share_above": share,
            "error": binomial_error(share, len(heat)),
            "median": _median(heat),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, units in their names, ready for JSON."""
        land = self.landscape
        return {
            "model": land.model,
            "n": len(land.ids),
            "n_failed": land.n_failed,
            "temperature [K]": land.kelvin,
            "share_above_1000_J/(kg K)": self.share_above,
            f"median_c_v {C_V}": self.median,
            "never_trained_on": {
                "n": self.untrained["n"],
                "share_above_1000_J/(kg K)": self.untrained["share_above"],
                "binomial_error_of_share": self.untrained["error"],
                f"median_c_v {C_V}": self.untrained["median"],
            },
            "explained_variance": self.components.explained.tolist(),
            "spearman_pc1_c_v": self.spearman,
            "spring_a [cm-1 amu^1/2]": self.springs.a,
            "spearman_mass_mean_frequency": self.springs.spearman,
            "top": [
                {
                    "id": land.ids[k],
                    "formula": land.formulas[k],
                    "c_v": float(land.heat_capacities[k]),
                    "in_training": bool(land.in_training[k]),
                }
                for k in land.top()[:LISTED]
            ],
            **({} if self.agreement is None else self.agreement.to_dict()),
        }

    def figures(self) -> "dict[str, Figure]":
        """Draw elements, heat capacities, components and springs; with references their agreement.

        Returns name -> figure.
        """
        from phonodos.figures.materials import (
            HEAT_LABEL,
            plot_components,
            plot_heat_capacities,
            plot_spring_model,
        )
        from phonodos.figures.periodic_table import plot_periodic_table

        land, heat = self.landscape, self.landscape.heat_capacities
        elements = land.by_element()
        parts = self.components
        masses = self.springs.masses
        figures = {
            "elements": plot_periodic_table(
                {s: v for s, (v, _) in elements.items()},
                counts={s: n for s, (_, n) in elements.items()},
                label=f"mean {HEAT_LABEL} at {land.kelvin:g} K",
                log=True,
                note=f"{land.model}; mean over the materials that hold the element, "
                "their number below",
            ),
            "heat_capacities": plot_heat_capacities(
                heat, land.targets[land.top()], land.kelvin, TOP_SHARE
            ),
            "components": plot_components(
                parts.scores, parts.axes, parts.explained, heat, self.spearman
            ),
        }
        if self.agreement is None:
            series = {land.model: self.springs}
        else:
            series, masses = self.agreement.springs(), land.mean_masses[self.agreement.places]
            figures |= _drawn(self.agreement)
        figures["spring_model"] = plot_spring_model(
            masses, {k: (s.masses, s.frequencies, s.a, s.spearman) for k, s in series.items()}
        )
        return figures


def _median(values: Array) -> float:
    return float(np.sort(values)[len(values) // 2])


def survey(
    table: str | Path,
    reference: "str | Path | Dataset | None" = None,
    *,
    temperature: float = PAPER_KELVIN,
) -> Survey:
    """Analyse a table of predictions as a whole.

    Heat capacities and their leaders, means by element, principal components of the spectra, one
    spring constant for all masses, and the agreement with references where there are some.

    Parameters
    ----------
    table
        Parquet file of `phonodos screen`.
    reference
        Data set (Parquet file of ``phonodos data prepare``) with spectra of the same ids; crystals
        of training formulas are left out of the agreement.
    temperature
        Of the heat capacities [K].

    Raises
    ------
    DataError
        If the file is no such table or holds fewer than three predictions, or no prediction has a
        reference outside the training formulas.
    ConfigError
        If the temperature is not above 0 K.
    """
    if not 0.0 < temperature < 1e5:
        raise ConfigError(
            f"a temperature of {temperature:g} K",
            "a heat capacity needs a temperature above 0 K",
            "give for example 293.15",
        )
    land = read_landscape(Path(table), temperature)
    found = None
    if reference is not None:
        data = reference if isinstance(reference, Dataset) else Dataset.open(Path(reference))
        found = agreement(land, data)
    springs = Springs(land.mean_masses, land.mean_frequencies)
    return Survey(land, principal_components(land.targets), springs, found)


def _drawn(found: Agreement) -> "dict[str, Figure]":
    """Return the figures of predictions beside their references."""
    from phonodos.figures.materials import plot_agreement, plot_leaders
    from phonodos.physics.curve import sampled_like
    from phonodos.physics.neutron import curve_of

    panels = []
    for j, row in zip(found.leaders, found.table(), strict=True):
        own = curve_of(found.landscape.spectra[found.places[j]])
        panels.append(
            {
                "formula": row["formula"],
                "c_v": f"{row['predicted']:.0f} / {found.compared[j]:.0f}",
                "predicted": own,
                "reference": sampled_like(curve_of(found.references[j]), own),
            }
        )
    label = "DFT to 1000 cm$^{-1}$," if found.ends_at_1000 else "DFT"
    return {
        "agreement": plot_agreement(found.compared, found.predicted, found.rich, label=label),
        "leaders": plot_leaders(panels),
    }
