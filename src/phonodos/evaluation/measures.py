"""The names of the measures: what stands beside every number wherever it is shown.

A measure is addressed as in metrics.json, the keys joined by dots: ``spectrum.mse``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

UNDEFINED = "–"


@dataclass(frozen=True)
class Measure:
    """Label, unit, what it is taken of, and how it is written."""

    label: str
    unit: str
    basis: str
    digits: int = 1
    percent: bool = False

    @property
    def head(self) -> str:
        """Label with the unit in brackets."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def show(self, value: Any) -> str:
        """Return a value as text; a dash where it is undefined."""
        if not isinstance(value, int | float):
            return UNDEFINED
        return f"{100 * value:.0f} %" if self.percent else f"{value:.{self.digits}f}"

    def as_given(self, value: Any) -> str:
        """Return a value of others as text, without digits that they did not give."""
        known = isinstance(value, int | float) and not self.percent
        return f"{value:g}" if known else self.show(value)


_OWN = "own-max, 51 points"
_AXIS = "full axis"
_GAP = "largest gap, 51 points"
_STATIC = "clamped cell, sound references, no soft optic mode in reference or prediction"
# Where no interval is stated (`Prediction.outside`).
NO_INTERVAL = (
    "where bonds or all elements were never seen in training, for sites shared by elements, for "
    "metals, for crystals called unstable; by networks of spectra neither for hydrogen and bonds "
    "that vibrate above 1000 cm^-1"
)
_INTERVAL = f"none is stated {NO_INTERVAL}"

# Of intervals, by their name in metrics and headers.
QUANTITIES = {"mean_frequency": "wbar", "heat_capacity": "C_V(300 K)"}
_RATES = {
    "missed": "unstable ones called stable",
    "false_alarms": "stable ones called unstable",
}
MEASURES: dict[str, Measure] = {
    "spectrum.mse": Measure("MSE", "", _OWN, 4),
    "spectrum.mae": Measure("MAE", "", _OWN, 4),
    "spectrum.r2": Measure("R2", "", f"{_OWN}, flattened, about the grand mean", 3),
    "spectrum.wd": Measure("WD", "cm^-1", "unit sum, 51 points"),
    "spectrum.mean_frequency_mae": Measure("wbar MAE", "cm^-1", "51 points"),
    "spectrum.within_10_percent": Measure("wbar within 10 %", "", "51 points", percent=True),
    "spectrum.heat_capacity_mae": Measure(
        "C_V(300 K) MAE", "J/(K mol of atoms)", "both cut at 1000 cm^-1 and scaled to 3N", 3
    ),
    "full.wd": Measure("WD", "cm^-1", f"unit integral, {_AXIS}"),
    "full.mean_frequency_mae": Measure("wbar MAE", "cm^-1", _AXIS),
    "full.max_frequency_mae": Measure(
        "end of the spectrum MAE", "cm^-1", f"{_AXIS}, last density > 0.001 of the largest"
    ),
    "lattice.max_mae": Measure(
        "`max` MAE", "cm^-1", "highest frequency, mean over members; reference: path, else mesh"
    ),
    "full.heat_capacity_mae": Measure("C_V(300 K) MAE", "J/(K mol of atoms)", _AXIS, 3),
    "full.entropy_mae": Measure("S(300 K) MAE", "J/(K mol of atoms)", _AXIS, 3),
    "full.imaginary.true": Measure(
        "materials with imaginary modes", "", "reference: > 1 % of states below -10 cm^-1", 0
    ),
    "full.imaginary.found": Measure("the same, predicted", "", _AXIS, 0),
    "full.imaginary.precision": Measure("imaginary modes: precision", "", _AXIS, 2),
    "full.imaginary.recall": Measure("imaginary modes: recall", "", _AXIS, 2),
    "full.imaginary.f1": Measure("imaginary modes: F1", "", _AXIS, 2),
    "features.gaps": Measure("materials with a gap", "", _GAP, 0),
    "features.gap_precision": Measure("gap detection: precision", "", _GAP, 2),
    "features.gap_recall": Measure("gap detection: recall", "", _GAP, 2),
    "features.gap_f1": Measure("gap detection: F1", "", _GAP, 2),
    "features.gap_position_mae": Measure("gap position MAE", "cm^-1", f"{_GAP}, where both have"),
    "features.gap_width_mae": Measure("gap width MAE", "cm^-1", f"{_GAP}, where both have"),
    "features.cut_off_mae": Measure("cut-off MAE", "cm^-1", "last point >= 0.02 own-max"),
    "lattice.bands_mae": Measure("bands MAE", "cm^-1", "sorted frequencies on the stored path"),
    "lattice.born_mae": Measure("Born charge MAE", "e", "all components, sound references", 3),
    "lattice.dielectric_error": Measure(
        "relative error of tr eps", "", "sound references", percent=True
    ),
    "lattice.static_error": Measure(
        "relative error of tr eps_0", "", f"median; {_STATIC}", percent=True
    ),
    "lattice.static_rank": Measure(
        "eps_0: Spearman's rank correlation", "", f"of tr eps_0; {_STATIC}", 2
    ),
    "lattice.static_materials": Measure("materials with eps_0", "", _STATIC, 0),
    "lattice.static_soft": Measure(
        "eps_0 in the reference alone", "", "an optic mode at Gamma is soft in the prediction", 0
    ),
    "lattice.projected_wd": Measure("projected DOS WD", "cm^-1", "unit integral, mean over atoms"),
    "intervals.mean_frequency.stated": Measure(
        "materials with a 90 % interval of wbar", "", _INTERVAL, 0
    ),
    "intervals.mean_frequency.coverage": Measure(
        "wbar inside its 90 % interval", "", _AXIS, percent=True
    ),
    "intervals.mean_frequency.coverage_error": Measure(
        "the same, binomial error", "", _AXIS, percent=True
    ),
    "intervals.mean_frequency.half_width": Measure(
        "half width of the 90 % interval of wbar", "cm^-1", f"{_AXIS}, mean"
    ),
    "intervals.heat_capacity.stated": Measure(
        "materials with a 90 % interval of C_V(300 K)", "", _INTERVAL, 0
    ),
    "intervals.heat_capacity.coverage": Measure(
        "C_V(300 K) inside its 90 % interval", "", _AXIS, percent=True
    ),
    "intervals.heat_capacity.coverage_error": Measure(
        "the same for C_V, binomial error", "", _AXIS, percent=True
    ),
    "intervals.heat_capacity.half_width": Measure(
        "half width of the 90 % interval of C_V(300 K)", "J/(K mol of atoms)", f"{_AXIS}, mean", 3
    ),
}
MEASURES |= {
    "strain.gamma_mae": Measure(
        "mean |gamma - DFT|", "", "gamma = -d ln wbar / d ln V, exams on strain", 2
    )
}
_TRUTH = "reference unstable: lowest mode < -20 cm^-1"
_BY_SHARE = f"{_TRUTH}; by > 1 % of states below -10 cm^-1"
MEASURES |= {
    f"stability.{rule}.{key}": Measure(f"{label}{which}", "", basis, 0, percent=key in _RATES)
    for rule, which, basis in (("verdict", "", _TRUTH), ("share", ", old rule", _BY_SHARE))
    for key, label in (
        ("unstable_unstable", "unstable, called unstable"),
        ("unstable_unsure", "unstable, unsure"),
        ("unstable_stable", "unstable, called stable"),
        ("stable_unstable", "stable, called unstable"),
        ("stable_unsure", "stable, unsure"),
        ("stable_stable", "stable, called stable"),
        *_RATES.items(),
    )
}
_LOWEST = "by a lowest frequency < -20 cm^-1, not calibrated"
_RULES = (
    ("anywhere", ", lowest anywhere", f"{_TRUTH}; {_LOWEST}, on mesh and special points"),
    ("path", ", lowest on the path", f"{_TRUTH}; {_LOWEST}, on the path of the reference"),
)
MEASURES |= {
    f"stability.{rule}.{key}": Measure(f"{label}{which}", "", basis, 0, percent=key in _RATES)
    for rule, which, basis in _RULES
    for key, label in (
        ("unstable_unstable", "unstable, called unstable"),
        ("unstable_stable", "unstable, called stable"),
        ("stable_unstable", "stable, called unstable"),
        ("stable_stable", "stable, called stable"),
        *_RATES.items(),
    )
}
MEASURES["stability.materials"] = Measure("materials of known stability", "", _TRUTH, 0)
_WAVES = "DFPT bands of the data set, 0.06 < |q| < 0.2 1/A, reference > 5 cm^-1"
MEASURES |= {
    "sound.materials": Measure("materials with waves of sound", "", _WAVES, 0),
    "sound.waves": Measure("wave vectors of sound", "", _WAVES, 0),
}
BRANCHES = ("1", "2", "3")  # lowest first
MEASURES |= {
    f"sound.ratio.{k}": Measure(f"sound, branch {k}: predicted / reference", "",
                                f"median; {_WAVES}", 2)
    for k in BRANCHES
}  # fmt: skip
MEASURES |= {
    f"sound.error.{k}": Measure(f"sound, branch {k}: relative error", "", f"median; {_WAVES}",
                                percent=True)
    for k in BRANCHES
}  # fmt: skip
_CELL = "mean absolute error, mol of primitive cells, 300 K"
MEASURES |= {
    "cell.max_frequency_mae": Measure(
        "w_max MAE", "K", "h c / k_B times the `max` MAE; mean over materials"
    ),
    "cell.entropy_mae": Measure("S MAE", "J/(K mol of cells)", _CELL),
    "cell.free_energy_mae": Measure("F MAE", "kJ/(mol of cells)", _CELL),
    "cell.heat_capacity_mae": Measure("C_V MAE", "J/(K mol of cells)", _CELL),
    "speed.cpu_seconds": Measure(
        "CPU time a material", "s", "structure to spectrum, all threads, on one machine", 2
    ),
}
TEMPERATURES = (5, 10, 20, 50, 100, 200, 300)  # [K]
MEASURES |= {
    f"thermal.{name}.{t}": Measure(
        f"{symbol}({t} K), median relative error",
        "%",
        f"{_AXIS}, stable references, good at {t} K",
        2,
    )
    for name, symbol in (("heat_capacity", "C_V"), ("entropy", "S"))
    for t in TEMPERATURES
}
HEADLINE = (
    "spectrum.mse",
    "spectrum.r2",
    "spectrum.wd",
    "spectrum.mean_frequency_mae",
    "spectrum.within_10_percent",
    "full.heat_capacity_mae",
)
FEATURES = (
    "features.gap_f1",
    "features.gap_position_mae",
    "features.gap_width_mae",
    "features.cut_off_mae",
)
# In a report only where exams on strain were given, and where a clock ran.
ON_REQUEST = ("strain.gamma_mae", "speed.cpu_seconds")
_NO_MEASURES = ("groups", "definitions", "failed")


def definitions() -> dict[str, str]:
    """Return what every measure is, in one line each, for metrics.json."""
    return {key: f"{m.head}; {m.basis}" for key, m in MEASURES.items()}


def measure_of(key: str) -> Measure:
    """Return the measure of a dotted key; one that is not known keeps its key as its label."""
    return MEASURES.get(key) or Measure(f"`{key}`", "", "see metrics.json", 4)


def flatten(group: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Return the numbers in the sections of a group, by dotted key; None is undefined."""
    found: dict[str, float | int | None] = {}

    def collect(prefix: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, Mapping):
                collect(f"{prefix}{name}.", value)
            elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
                found[prefix + name] = value

    for section, values in group.items():
        if isinstance(values, Mapping) and section not in _NO_MEASURES:
            collect(f"{section}.", values)
    return found


def in_order(keys: Iterable[str]) -> list[str]:
    """Return keys as they are listed in `MEASURES`, those not known after them."""
    unique = set(keys)
    return [k for k in MEASURES if k in unique] + sorted(unique - set(MEASURES))


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """Return a Markdown table; its first columns are words, the others numbers; | is escaped."""
    names = list(head)
    rule = "|---" * words + "|---:" * (len(names) - words) + "|"
    lines = [
        "| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |"
        for cells in ([*row] for row in [names, *rows])
    ]
    return "\n".join([lines[0], rule, *lines[1:]])
