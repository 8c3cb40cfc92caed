"""Figure of the spectrum that neutrons see, with the parts of its elements."""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.spectra import (
    BLUE,
    COLUMN_WIDTH,
    GREY,
    HEIGHT,
    PROJECTED,
    STYLE,
    formula_label,
)
from phonodos.physics.units import FREQUENCY_LABELS, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
LOWEST = 1e-3  # of the maximum: the axis ends where the spectrum stays below it
HEADROOM = 1.08


def plot_neutron(
    frequencies: Array,
    parts: Mapping[str, Array],
    *,
    title: str,
    unit: str = "cm-1",
    spread: Array | None = None,
    conditions: str = "",
) -> "Figure":
    """Draw a neutron spectrum, 3.4 inch wide: the whole, filled, and what each element adds.

    Parameters
    ----------
    frequencies
        (m,) energy transfers [cm^-1].
    parts
        (m,) intensities by element; their sum is the whole.
    title
        Formula.
    unit
        ``cm-1``, ``THz`` or ``meV``.
    spread
        (m,) standard deviation of the whole, drawn as a band; none without it.
    conditions
        Instrument and temperature, in words, above the right corner.

    Raises
    ------
    ConfigError
        If the unit is unknown.
    """
    from matplotlib.figure import Figure

    factor = per_wavenumber(unit)
    x, whole = frequencies * factor, np.sum(list(parts.values()), axis=0)
    top = float(whole.max())
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(x, whole / top, color=BLUE, alpha=0.15, lw=0)
        axes.plot(x, whole / top, color=BLUE, lw=1.0, label="all", gid="all")
        if spread is not None:
            low, high = np.clip(whole - spread, 0.0, None) / top, (whole + spread) / top
            axes.fill_between(x, low, high, color=BLUE, alpha=0.3, lw=0, gid="spread")
        if len(parts) > 1:
            for (name, part), colour in zip(parts.items(), cycle(PROJECTED), strict=False):
                axes.plot(x, part / top, color=colour, lw=0.8, label=formula_label(name), gid=name)
        low = _limits(axes, x, whole / top)
        reach = 1.0 if spread is None else float(((whole + spread) / top).max())
        axes.set_ylim(0.0, HEADROOM * reach)
        gain = " (< 0: gain)" if low < 0.0 else ""
        axes.set_xlabel(f"Energy transfer ({FREQUENCY_LABELS[unit]}){gain}")
        axes.set_ylabel("Intensity / maximum")
        axes.set_title(formula_label(title), loc="left", pad=4)
        axes.set_title(conditions, loc="right", pad=4, fontsize=6.5, color=GREY)
        if len(parts) > 1:
            axes.legend(loc="best", frameon=False)
    return figure


def _limits(axes: "Axes", x: Array, values: Array) -> float:
    """Set the ends of the axis to those of the spectrum and return the lower one."""
    occupied = x[values > LOWEST]
    low, high = min(0.0, float(occupied[0])), float(occupied[-1])
    if low < 0.0:
        axes.axvline(0.0, color=GREY, lw=0.5)
    axes.set_xlim(1.02 * low, high + 0.02 * (high - low))
    return low
