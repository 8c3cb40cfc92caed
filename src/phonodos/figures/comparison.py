"""Figures of predictions over spectra from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np

from phonodos.figures.panels import PAGE_WIDTH, bare, panels
from phonodos.figures.spectra import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    GREY,
    HEIGHT,
    STYLE,
    VERMILLION,
    formula_label,
)
from phonodos.physics.curve import Curve
from phonodos.physics.units import FREQUENCY_LABELS, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INKS = (BLUE, VERMILLION, "#009E73", "#CC79A7")
FEW = 150  # points of a reference that are drawn one by one


@dataclass(frozen=True)
class Overlay:
    """One panel: predictions by name, a reference, values from the literature."""

    title: str
    predicted: dict[str, Curve]
    reference: Curve | None = None
    reference_label: str = "reference"
    marks: tuple[float, ...] = ()  # frequencies of known peaks [cm^-1]
    band: tuple[float, float] | None = None  # a known gap [cm^-1]
    notes: tuple[str, ...] = field(default=())
    # by which predictions come to the scale of the reference; None: each over its own maximum
    factor: float | None = None


def plot_comparison(overlay: Overlay, unit: str = "cm-1") -> "Figure":
    """Draw one overlay, 3.4 inch wide; every curve over its own maximum."""
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=HEIGHT)
    with matplotlib.style.context(STYLE):
        _draw(axes[0], overlay, unit)
        axes[0].set_xlabel(f"Frequency ({FREQUENCY_LABELS[unit]})")
        own = "own" if overlay.factor is None else "reference's"
        axes[0].set_ylabel(f"Intensity / {own} maximum")
        axes[0].legend(loc="upper right")
    return figure


def plot_comparisons(overlays: Sequence[Overlay], unit: str = "cm-1", columns: int = 2) -> "Figure":
    """Draw a sheet of overlays, 7 inch wide."""
    rows = -(-len(overlays) // columns)
    figure, axes = panels(rows, columns, width=PAGE_WIDTH, height=0.4 + 1.45 * rows)
    with matplotlib.style.context(STYLE):
        for panel, overlay in zip(axes, overlays, strict=False):
            _draw(panel, overlay, unit)
        for panel in axes[len(overlays) :]:
            bare(panel)
        for k, panel in enumerate(axes[: len(overlays)]):
            if k + columns >= len(overlays):
                panel.set_xlabel(f"Frequency ({FREQUENCY_LABELS[unit]})")
            if k % columns == 0:
                panel.set_ylabel("DOS / max.")
        handles = {h.get_label(): h for a in axes for h in a.get_legend_handles_labels()[0]}
        figure.legend(
            list(handles.values()), [str(x) for x in handles], loc="outside upper center",
            ncols=len(handles),
        )  # fmt: skip
    return figure


def _draw(axes: "Axes", overlay: Overlay, unit: str) -> None:
    factor = per_wavenumber(unit)
    ends = [c.cut_off() for c in overlay.predicted.values()]
    if overlay.band is not None:
        axes.axvspan(
            overlay.band[0] * factor, overlay.band[1] * factor, color=GREY, alpha=0.18, lw=0,
            label="gap, literature",
        )  # fmt: skip
    for k, mark in enumerate(overlay.marks):
        axes.axvline(
            mark * factor, color=GREY, ls=(0, (3, 2)), lw=0.7,
            label="peak, literature" if k == 0 else None,
        )  # fmt: skip
    if overlay.reference is not None:
        given = overlay.reference.scaled()
        ends.append(given.cut_off())
        few = len(given.frequencies) <= FEW
        if given.errors is not None:
            axes.errorbar(
                given.frequencies * factor, given.values, given.errors, fmt="none", ecolor=GREY,
                elinewidth=0.5,
            )  # fmt: skip
        axes.plot(
            given.frequencies * factor, given.values, "o-" if few else "-", color=BLACK, ms=1.8,
            mew=0, lw=0.7, label=overlay.reference_label, gid="reference",
        )  # fmt: skip
    top = 1.0
    for (name, curve), ink in zip(overlay.predicted.items(), INKS, strict=False):
        scaled = curve.scaled()
        if overlay.factor is not None and overlay.reference is not None:
            scaled = curve.times(overlay.factor / float(overlay.reference.values.max()))
            top = max(top, float(scaled.values.max()))
        axes.plot(scaled.frequencies * factor, scaled.values, color=ink, label=name, gid=name)
    axes.set_xlim(0.0, 1.06 * max(*ends, *overlay.marks, 1.0) * factor)
    axes.set_ylim(0.0, 1.12 * top)
    axes.set_yticks(np.array([0.0, 0.5, 1.0]))
    formula, _, rest = overlay.title.partition(" ")
    axes.set_title(f"{formula_label(formula)} {rest}".strip(), loc="left", pad=3)
    if overlay.notes:
        axes.set_title("; ".join(overlay.notes), loc="right", pad=3, fontsize=6.5, color=GREY)
