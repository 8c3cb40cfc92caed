"""`Report`: predictions beside references, every measure, a row a material, groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.evaluation.calibration import interval_section
from phonodos.evaluation.lattice_errors import LatticeErrors, lattice_scores
from phonodos.evaluation.measures import HEADLINE, MEASURES, definitions, flatten, markdown_table
from phonodos.evaluation.metrics import (
    FullAxis,
    absolute_errors,
    cut_off,
    detection_scores,
    full_axis,
    gap_scores,
    heat_capacities,
    largest_gap,
    mean_frequencies,
    spectrum_scores,
    squared_errors,
    thermal_errors,
    thermal_scores,
    wasserstein,
)
from phonodos.evaluation.per_cell import cell_errors, cell_section
from phonodos.evaluation.sound import sound_section
from phonodos.evaluation.stability import stability_section
from phonodos.evaluation.strain_exam import StrainJudgement
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import element_of
from phonodos.physics.target import target_of
from phonodos.prediction.stability import Stability
from phonodos.prediction.uncertainty import Interval
from phonodos.results.desk import Results

RARE, FREQUENT = 15, 40  # training crystals of a material's rarest element
SMALL, LARGE = 6, 20  # atoms
QUARTILES = 4


@dataclass(frozen=True, eq=False)
class Judged:
    """One material: what is true and what was predicted, cells alike."""

    id: str
    crystal: Crystal
    reference: PhononDos
    predicted: PhononDos
    lattice: LatticeErrors | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    stability: Stability | None = None
    reference_lowest: float | None = None  # [cm^-1], away from Gamma
    primitive_atoms: int | None = None  # of the primitive cell; None: the cell is primitive


@dataclass(frozen=True)
class Seen:
    """What the weights saw in training."""

    elements: Mapping[str, int]  # element -> training crystals
    formulas: frozenset[str]


@dataclass(frozen=True, eq=False)
class Report:
    """Measures over all materials and over groups, a row a material, and the failures.

    Attributes
    ----------
    summary
        Every measure by section, the same under ``groups``, and what was judged; `definitions` of
        `evaluation.measures` says unit and basis of each.
    rows
        A dictionary a material; the names hold the units.
    failed
        Id of every material without a prediction, and the reason.
    judged
        The predictions beside their references.
    strain
        What was made of the exams on strain; None where there was none.
    """

    summary: dict[str, Any]
    rows: list[dict[str, Any]]
    failed: dict[str, str]
    judged: tuple[Judged, ...] = ()
    strain: StrainJudgement | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what metrics.json holds: the summary, the failures, units and bases in words."""
        return {**self.summary, "failed": self.failed, "definitions": definitions()}

    def write(self, results: Results) -> None:
        """Write metrics.json, materials.csv and summary.md."""
        results.json("metrics.json", self.to_dict(), allow_nan=True)
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        rows = [[row.get(name) for name in columns] for row in self.rows]
        results.csv("materials.csv", columns, rows)
        results.markdown("summary.md", self.table() + "\n")

    def table(self) -> str:
        """Return the measures by group as a Markdown table; units in the head, bases below."""
        measures = [MEASURES[key] for key in HEADLINE]
        rows = []
        for name, group in {"all": self.summary, **self.summary["groups"]}.items():
            found = flatten(group)
            numbers = [MEASURES[key].show(found.get(key)) for key in HEADLINE]
            rows.append([name, str(group["n"]), *numbers])
        table = markdown_table(["group", "n", *(m.head for m in measures)], rows)
        text = table + "\n\n" + "; ".join(f"{m.label}: {m.basis}" for m in measures) + "."
        return text if self.strain is None else f"{text}\n\n{self.strain.text}"


def report_of(
    judged: Iterable[Judged], seen: Seen, *, failed: Mapping[str, str] | None = None
) -> Report:
    """Compare predictions with references by every measure of `evaluation.metrics`.

    Parameters
    ----------
    judged
        At least one material.
    seen
        What the weights were trained on, for the groups.
    failed
        Materials without a prediction and the reason; they are counted, never dropped silently.
    """
    items = list(judged)
    full = [(full_axis(j.reference), full_axis(j.predicted)) for j in items]
    spectra = np.array([[target_of(j.reference), target_of(j.predicted)] for j in items])
    distances = np.array([j.reference.distance(j.predicted) for j in items])
    thermal = np.array([thermal_errors(j.reference, j.predicted) for j in items])
    cells = np.array(
        [cell_errors(j.reference, j.predicted, j.primitive_atoms or j.crystal.n_atoms)
         for j in items]
    )  # fmt: skip
    heat_errors = np.abs(heat_capacities(spectra[:, 1]) - heat_capacities(spectra[:, 0]))

    def measures(picked: Sequence[int]) -> dict[str, Any]:
        chosen = list(picked)
        reference, predicted = spectra[chosen, 0], spectra[chosen, 1]
        return {
            "n": len(chosen),
            "spectrum": spectrum_scores(reference, predicted)
            | {"heat_capacity_mae": float(heat_errors[chosen].mean())},
            "full": _full_scores([full[i] for i in chosen], distances[chosen]),
            "thermal": thermal_scores(thermal[chosen]),
            "features": gap_scores(reference, predicted),
            **_lattice_section([items[i] for i in chosen]),
            **cell_section(cells[chosen], [_of(items[i].lattice, "max_mae") for i in chosen]),
            **interval_section([items[i].intervals for i in chosen], [full[i][0] for i in chosen]),
            **stability_section(
                [items[i].stability for i in chosen],
                [items[i].reference_lowest for i in chosen],
                [full[i][1].imaginary for i in chosen],
                [_of(items[i].lattice, "path_lowest") for i in chosen],
            ),
        }

    errors = squared_errors(spectra[:, 0], spectra[:, 1])
    groups = _grouped(items, [pair[0] for pair in full], errors, seen)
    summary = measures(range(len(items)))
    summary["groups"] = {name: measures(picked) for name, picked in groups.items() if picked}
    rows = [
        _row(item, pair, spectrum, float(distance), seen)
        for item, pair, spectrum, distance in zip(items, full, spectra, distances, strict=True)
    ]
    return Report(summary, rows, dict(failed or {}), tuple(items))


def _grouped(
    items: Sequence[Judged], references: Sequence[FullAxis], errors: NDArray[np.float64], seen: Seen
) -> dict[str, list[int]]:
    """Return which materials, by number, are in every group; quartiles of errors last."""
    groups = {
        name: [i for i, item in enumerate(items) if belongs(item, references[i])]
        for name, belongs in _groups(seen).items()
    }
    for number, part in enumerate(np.array_split(np.argsort(errors), QUARTILES), 1):
        groups[f"error quartile {number}"] = part.tolist()
    return groups


def _lattice_section(items: Sequence[Judged]) -> dict[str, Any]:
    """Return the errors of lattice dynamics, nothing for networks that predict a spectrum only."""
    errors = [item.lattice for item in items]
    sound = sound_section([e.sound for e in errors if e is not None])
    return {"lattice": lattice_scores(errors), **sound} if any(errors) else {}


def _of(errors: LatticeErrors | None, name: str) -> float | None:
    return None if errors is None else getattr(errors, name)


def rarest(crystal: Crystal, seen: Seen) -> int:
    """Return the number of training crystals that hold the crystal's rarest element."""
    return min(seen.elements.get(element_of(symbol), 0) for symbol in crystal.composition)


def _groups(seen: Seen) -> dict[str, Callable[[Judged, FullAxis], bool]]:
    """Return name -> membership; a material may belong to several groups or to none."""
    return {
        "hydrogen": lambda j, _: "H" in j.crystal.composition,
        "imaginary modes": lambda _, f: f.imaginary,
        f"rarest element <= {RARE}": lambda j, _: 0 < rarest(j.crystal, seen) <= RARE,
        f"rarest element > {FREQUENT}": lambda j, _: rarest(j.crystal, seen) > FREQUENT,
        "unseen element": lambda j, _: rarest(j.crystal, seen) == 0,
        f"up to {SMALL} atoms": lambda j, _: j.crystal.n_atoms <= SMALL,
        f"{SMALL + 1} to {LARGE} atoms": lambda j, _: SMALL < j.crystal.n_atoms <= LARGE,
        f"more than {LARGE} atoms": lambda j, _: j.crystal.n_atoms > LARGE,
        "formula not in train": lambda j, _: j.crystal.formula not in seen.formulas,
    }


def _full_scores(pairs: Sequence[tuple[FullAxis, FullAxis]], distances: Any) -> dict[str, Any]:
    truth, found = ([asdict(p[k]) for p in pairs] for k in (0, 1))

    def mae(name: str) -> float:
        return float(np.mean([abs(a[name] - b[name]) for a, b in zip(truth, found, strict=True)]))

    imaginary = [np.array([x["imaginary"] for x in side]) for side in (truth, found)]
    names = ("mean_frequency", "max_frequency", "heat_capacity", "entropy")
    return {
        "wd": float(np.mean(distances)),
        **{f"{name}_mae": mae(name) for name in names},
        "imaginary": {"true": int(imaginary[0].sum()), "found": int(imaginary[1].sum())}
        | detection_scores(*imaginary),
    }


def _row(
    item: Judged, pair: tuple[FullAxis, FullAxis], spectra: Any, distance: float, seen: Seen
) -> dict[str, Any]:
    reference, predicted = spectra[:1], spectra[1:]
    truth, found = pair
    gaps = [largest_gap(s) for s in spectra]
    row = {
        "id": item.id,
        "formula": item.crystal.formula,
        "n_atoms": item.crystal.n_atoms,
        "mse": squared_errors(reference, predicted)[0],
        "mae": absolute_errors(reference, predicted)[0],
        "wd_cm-1": wasserstein(reference, predicted)[0],
        "full_wd_cm-1": distance,
        "mean_frequency_51_cm-1": mean_frequencies(reference)[0],
        "predicted_mean_frequency_51_cm-1": mean_frequencies(predicted)[0],
        "mean_frequency_cm-1": truth.mean_frequency,
        "predicted_mean_frequency_cm-1": found.mean_frequency,
        "max_frequency_cm-1": truth.max_frequency,
        "predicted_max_frequency_cm-1": found.max_frequency,
        "c_v_300_J/(K mol atoms)": truth.heat_capacity,
        "predicted_c_v_300_J/(K mol atoms)": found.heat_capacity,
        "s_300_J/(K mol atoms)": truth.entropy,
        "predicted_s_300_J/(K mol atoms)": found.entropy,
        "gap_position_cm-1": gaps[0].position if gaps[0] else None,
        "predicted_gap_position_cm-1": gaps[1].position if gaps[1] else None,
        "gap_width_cm-1": gaps[0].width if gaps[0] else 0.0,
        "predicted_gap_width_cm-1": gaps[1].width if gaps[1] else 0.0,
        "cut_off_cm-1": cut_off(spectra[0]),
        "predicted_cut_off_cm-1": cut_off(spectra[1]),
        "rarest_element_in_train": rarest(item.crystal, seen),
        "formula_in_train": item.crystal.formula in seen.formulas,
        "imaginary": truth.imaginary,
        **{
            f"predicted_{name}_half_width_90_{interval.unit}": interval.half_width
            for name, interval in item.intervals.items()
        },
        **_lattice_columns(item.lattice),
        "predicted_imaginary": found.imaginary,
        **_stability_columns(item),
    }
    return {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}


def _stability_columns(item: Judged) -> dict[str, Any]:
    if item.stability is None:
        return {}
    return {
        "lowest_frequency_cm-1": item.reference_lowest,
        "predicted_lowest_frequency_cm-1": item.stability.lowest,
        "predicted_instability_probability": item.stability.probability,
        "predicted_stability": item.stability.verdict,
    }


def _lattice_columns(errors: LatticeErrors | None) -> dict[str, Any]:
    if errors is None:
        return {}
    return {
        "bands_mae_cm-1": errors.bands_mae,
        "born_mae_e": errors.born_mae,
        "dielectric_relative_error": errors.dielectric_error,
        "projected_wd_cm-1": errors.projected_wd,
        "max_error_cm-1": errors.max_mae,
        "eps_0": errors.static,
        "predicted_eps_0": errors.predicted_static,
        "eps_0_relative_error": errors.static_error,
    }
