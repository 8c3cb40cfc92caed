"""Figures of band structures: the bands along a path, the density of states at their side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.figures.spectra import BLUE, GREY, STYLE, VERMILLION, formula_label
from phonodos.physics.dos import PhononDos
from phonodos.physics.path import BandPath, BandStructure, corner_text
from phonodos.physics.units import FREQUENCY_LABELS, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

WIDTH, HEIGHT = 5.1, 2.9  # [inch], one and a half columns
BANDS_BOX = (0.105, 0.095, 0.70, 0.82)  # left, bottom, width, height in the figure
DOS_BOX = (0.82, 0.095, 0.165, 0.82)
CLOSEST = 0.035  # of the path; closer corners share a label


def plot_bands(
    bands: BandStructure,
    dos: PhononDos | None = None,
    *,
    crystal_label: str,
    unit: str = "cm-1",
    spread: Sequence[NDArray[np.float64]] | None = None,
) -> "Figure":
    """Draw the bands of a crystal, 5.1 inch wide; negative frequencies are imaginary.

    Parameters
    ----------
    bands
        Frequencies along a path.
    dos
        Density of states, drawn at the side on the same axis; none without it.
    crystal_label
        Title; a formula gets its subscripts.
    unit
        ``cm-1``, ``THz`` or ``meV``.
    spread
        (m, 3n) standard deviations of the bands a segment [cm^-1], drawn as bands about them.

    Raises
    ------
    ConfigError
        If the unit is unknown.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    factor = per_wavenumber(unit)
    every = np.concatenate([w.ravel() for w in bands.frequencies])
    low, high = float(every.min()), float(every.max())
    width = high - min(low, 0.0)
    # Acoustic modes reach zero to rounding: only what shows is called imaginary.
    floor = low - 0.03 * width if low < -0.01 * width else 0.0
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT))
        left, bottom, box_width, height = BANDS_BOX
        if dos is None:
            box_width = 1.0 - 0.015 - left
        axes = figure.add_axes((left, bottom, box_width, height))
        _draw_lines(axes, bands, spread or (), factor)
        axes.set_ylim(floor * factor, (high + 0.04 * width) * factor)
        _mark_corners(axes, bands.path)
        axes.set_ylabel(f"Frequency ({FREQUENCY_LABELS[unit]})")
        axes.set_title(formula_label(crystal_label), loc="left", pad=4)
        axes.tick_params(axis="x", which="both", bottom=False, top=False)
        beside = [axes]
        if dos is not None:
            beside.append(figure.add_axes(DOS_BOX))
            _draw_dos(beside[1], dos, factor, axes.get_ylim())
        if floor < 0.0:
            _mark_imaginary(beside)
    return figure


def _mark_imaginary(beside: Sequence["Axes"]) -> None:
    for one in beside:
        one.axhline(0.0, color=GREY, lw=0.4, zorder=1)
    beside[-1].text(
        0.96, 0.015, "imaginary", transform=beside[-1].transAxes, ha="right", va="bottom",
        fontsize=6.5, color=VERMILLION,
    )  # fmt: skip


def _draw_lines(
    axes: "Axes", bands: BandStructure, spread: Sequence[NDArray[np.float64]], factor: float
) -> None:
    """Draw every branch, and about it its standard deviation where there is one."""
    for segment, w in bands:
        for line in axes.plot(segment.distances, w * factor, color=BLUE, lw=0.8):
            line.set_gid("band")
    for (segment, w), wide in zip(bands, spread, strict=False):
        for low, high in zip(((w - wide) * factor).T, ((w + wide) * factor).T, strict=True):
            axes.fill_between(
                segment.distances, low, high, color=BLUE, alpha=0.25, lw=0, gid="spread"
            )


def _mark_corners(axes: "Axes", path: BandPath) -> None:
    """Draw a line and a name at every corner; names too close to each other are joined."""
    ticks = path.ticks()
    total = ticks[-1][0]
    axes.set_xlim(0.0, total)
    for place, _ in ticks[1:-1]:
        axes.axvline(place, color=GREY, lw=0.4, zorder=1)
    shown: list[tuple[list[float], list[str]]] = []
    for place, name in ticks:
        if shown and place - shown[-1][0][-1] < CLOSEST * total:
            shown[-1][0].append(place)
            shown[-1][1].append(name)
        else:
            shown.append(([place], [name]))
    places = [float(np.mean(group)) for group, _ in shown]
    axes.set_xticks(places, ["".join(corner_text(n) for n in names) for _, names in shown])
    axes.xaxis.set_minor_locator(_nowhere())


def _nowhere() -> "NullLocator":
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _draw_dos(axes: "Axes", dos: PhononDos, factor: float, limits: tuple[float, float]) -> None:
    w, g = dos.frequencies * factor, dos.densities / factor
    axes.fill_betweenx(w, g, color=BLUE, alpha=0.22, lw=0)
    axes.plot(g, w, color=BLUE, lw=0.8, gid="dos")
    inside = (w >= limits[0]) & (w <= limits[1])
    axes.set_xlim(0.0, 1.08 * float(g[inside].max()))
    axes.set_ylim(*limits)
    axes.tick_params(axis="y", which="both", labelleft=False)
    axes.set_xticks([])
    axes.xaxis.set_minor_locator(_nowhere())
    axes.set_xlabel("DOS", labelpad=4)
