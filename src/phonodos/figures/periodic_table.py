"""The periodic table, coloured by a number an element."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import matplotlib.style
import numpy as np

from phonodos.figures.panels import PAGE_WIDTH, bare, panels
from phonodos.figures.spectra import STYLE
from phonodos.physics import elements

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIGHT_TEXT_BELOW = 0.55  # luminance of a box under which letters are white
ABSENT = "#F2F2F2"
NOBLE = (2, 10, 18, 36, 54, 86, 118)


def place(number: int) -> tuple[int, int]:
    """Return column (1 to 18) and row (1 to 7, lanthanoids and actinoids in 8.5 and below) of Z."""
    if 57 <= number <= 71:
        return number - 57 + 4, 9
    if 89 <= number <= 103:
        return number - 89 + 4, 10
    row = next(k for k, last in enumerate(NOBLE, 1) if number <= last)
    first = (0, *NOBLE)[row - 1] + 1
    column = number - first + 1
    if row == 1:
        return (1 if number == 1 else 18), 1
    left = 2
    if column <= left:
        return column, row
    return 18 - (NOBLE[row - 1] - number), row


def plot_periodic_table(
    values: Mapping[str, float],
    *,
    label: str,
    counts: Mapping[str, int] | None = None,
    log: bool = False,
    note: str = "",
    digits: int = 3,
) -> "Figure":
    """Draw the table, 7 inch wide: symbol, value and number of materials in every box.

    Parameters
    ----------
    values
        Element -> number; elements without one are grey.
    label
        What the number is, with its unit.
    counts
        Element -> number of materials behind it.
    log
        Whether colours follow the logarithm.
    note
        A line under the table.
    digits
        Significant digits of the values.
    """
    figure, axes = panels(1, 1, width=PAGE_WIDTH, height=3.7)
    colours = matplotlib.colormaps["viridis"]
    known = np.array([v for v in values.values() if np.isfinite(v) and (v > 0.0 or not log)])
    limits = float(known.min()), float(known.max())
    if limits[0] == limits[1]:
        limits = limits[0] * 0.9, limits[1] * 1.1 + 1e-12
    norm: Any = (matplotlib.colors.LogNorm if log else matplotlib.colors.Normalize)(*limits)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        bare(panel)
        panel.set_xlim(0.4, 18.6)
        panel.set_ylim(10.7, 0.3)
        for symbol in elements.symbols():
            value = values.get(symbol)
            colour = ABSENT if value is None else colours(norm(value))
            words = [] if value is None else [f"{value:.{digits}g}"]
            if counts is not None and value is not None:
                words.append(str(counts.get(symbol, 0)))
            _draw_box(panel, symbol, colour, words)
        mapping = matplotlib.cm.ScalarMappable(norm, colours)
        bar = figure.colorbar(
            mapping, cax=panel.inset_axes((0.17, 0.86, 0.42, 0.035)), orientation="horizontal"
        )
        steps = (np.geomspace if log else np.linspace)(*limits, 5)
        bar.set_ticks(list(steps), labels=[f"{float(f'{x:.2g}'):g}" for x in steps])
        bar.minorticks_off()
        bar.set_label(label, labelpad=2)
        bar.ax.xaxis.set_label_position("top")
        if note:
            panel.text(0.5, -0.01, note, transform=panel.transAxes, ha="center", fontsize=6.5)
    return figure


def _draw_box(axes: "Axes", symbol: str, colour: Any, words: Sequence[str]) -> None:
    """Draw one element: its symbol, and up to two lines of small print below."""
    column, row = place(elements.atomic_number(symbol))
    y = row - 0.3 if row > 7 else row
    ink = _ink(colour) if words else "#999999"
    axes.add_patch(
        matplotlib.patches.Rectangle(
            (column - 0.47, y - 0.47), 0.94, 0.94, facecolor=colour, edgecolor="none"
        )
    )
    lines = [(symbol, -0.16, 7.5), *zip(words, (0.13, 0.34), (4.8, 4.0), strict=False)]
    for text, below, size in lines:
        axes.text(column, y + below, text, ha="center", va="center", color=ink, fontsize=size)


def _ink(colour: Any) -> str:
    red, green, blue = matplotlib.colors.to_rgb(colour)
    luminance = 0.3 * red + 0.59 * green + 0.11 * blue
    return "#FFFFFF" if luminance < LIGHT_TEXT_BELOW else "#000000"
