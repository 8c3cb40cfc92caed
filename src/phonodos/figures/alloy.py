"""Figure of an alloy: spectra along the composition, one above the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.panels import PAGE_WIDTH, panels
from phonodos.figures.spectra import (
    BLACK,
    COLUMN_WIDTH,
    GREY,
    STYLE,
    VERMILLION,
    formula_label,
)
from phonodos.physics.curve import Curve
from phonodos.physics.units import FREQUENCY_LABELS, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEP = 0.75  # between two spectra, in maxima
LABEL_ROOM = 1.25  # width of the axes over the highest frequency: formulas stand there
INSET_ROOM = 1.75  # height of the inset, in maxima


@dataclass(frozen=True)
class Reference:
    """A spectrum from elsewhere at one composition, and what every method says there."""

    x: float
    curve: Curve
    label: str
    predicted: Mapping[str, Curve] = field(default_factory=dict)


def plot_alloy(
    compositions: Sequence[float],
    labels: Sequence[str],
    curves: Mapping[str, Sequence[Curve]],
    *,
    references: Sequence[Reference] = (),
    unit: str = "cm-1",
) -> "Figure":
    """Draw spectra over their own maximum against composition, a panel a method.

    Parameters
    ----------
    compositions, labels
        Shares x of the second end member, and the formulas there.
    curves
        Name of a method -> a spectrum a composition.
    references
        Spectra from elsewhere, with what every method says at their compositions: an inset each.
    unit
        Of the frequency axis.
    """
    width = COLUMN_WIDTH if len(curves) == 1 else PAGE_WIDTH
    height = 1.3 + 0.42 * len(compositions) + 1.1 * len(references)
    figure, axes = panels(1, len(curves), width=width, height=height, sharey=True)
    factor = per_wavenumber(unit)
    high = max(c.cut_off() for row in curves.values() for c in row) * 1.06
    high = max(high, *(1.06 * r.curve.cut_off() for r in references), 0.0)
    with matplotlib.style.context(STYLE):
        for panel, (method, row) in zip(axes, curves.items(), strict=True):
            _waterfall(panel, compositions, labels, row, factor)
            panel.set_xlim(0.0, LABEL_ROOM * high * factor)
            top = STEP * (len(row) - 1) + 1.08 + INSET_ROOM * len(references)
            panel.set_ylim(0.0, top)
            panel.set_xlabel(f"Frequency ({FREQUENCY_LABELS[unit]})")
            panel.set_yticks([])
            if len(curves) > 1:
                panel.set_title(method, loc="left")
            for number, reference in enumerate(references):
                room = (top - INSET_ROOM * (len(references) - number), top)
                _inset(panel, reference, method, factor, high, room)
        axes[0].set_ylabel("DOS / own maximum, shifted")
    return figure


def _waterfall(
    axes: "Axes",
    compositions: Sequence[float],
    labels: Sequence[str],
    curves: Sequence[Curve],
    factor: float,
) -> None:
    import matplotlib

    colours = matplotlib.colormaps["cividis"](np.linspace(0.0, 0.85, len(curves)))
    for k in reversed(range(len(curves))):
        scaled, base = curves[k].scaled(), STEP * k
        w, g = scaled.frequencies * factor, base + scaled.values
        axes.fill_between(w, base, g, color=colours[k], alpha=0.25, lw=0)
        axes.plot(w, g, color=colours[k], gid=f"x={compositions[k]:g}")
        axes.annotate(
            f"{formula_label(labels[k])}", (1.0, base), xycoords=("axes fraction", "data"),
            xytext=(-3, 2.5), textcoords="offset points", ha="right", va="bottom", fontsize=6.5,
        )  # fmt: skip


def _inset(
    axes: "Axes",
    reference: Reference,
    method: str,
    factor: float,
    high: float,
    room: tuple[float, float],
) -> None:
    low, top = room
    base, height = (low + 0.12) / top, (INSET_ROOM - 0.12) / top - 0.03
    inset = axes.inset_axes((0.1, base, 0.86, height))
    own = reference.predicted.get(method)
    given = reference.curve.scaled()
    if own is not None:
        scaled = own.scaled()
        inset.plot(
            scaled.frequencies * factor,
            scaled.values,
            color=VERMILLION,
            label=f"$x$ = {reference.x:g}",
        )
    points: NDArray[np.float64] = given.frequencies * factor
    dense = len(points) > 200
    inset.plot(
        points, given.values, "-" if dense else "o-", color=BLACK, ms=2, mew=0, lw=0.7,
        label=reference.label, gid="reference",
    )  # fmt: skip
    inset.set_xlim(0.0, high * factor)
    inset.set_ylim(0.0, 1.4)
    inset.set_yticks([0, 1])
    inset.tick_params(labelsize=6)
    inset.legend(fontsize=6, loc="upper right", ncols=2, columnspacing=1.0)
    inset.patch.set_edgecolor(GREY)
