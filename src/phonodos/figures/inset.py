"""What stands above the curves of a spectrum: its legend and the inset with the heat capacity."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.thermodynamics import ThermalProperties
from phonodos.physics.units import GAS_CONSTANT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Curve = tuple[Array, Array]

INSET_KELVIN = 600.0
INSET_WIDTH, INSET_FLOOR = 0.42, 0.5  # with its labels, in fractions of the axes
LEGEND_WIDTH = 0.27
HEADROOM = 1.12  # height of the axes over the highest peak
BLACK = "#000000"


def furnish(
    axes: "Axes", curves: list[Curve], thermal: ThermalProperties | None, n_atoms: int,
    factor: float,
) -> None:  # fmt: skip
    """Place the legend and the heat capacity above the curves, and raise the axes for them."""
    low, high = axes.get_xlim()
    peak = max(float(g.max()) for _, g in curves)
    entries = len(axes.get_legend_handles_labels()[1])
    start = max(0.0, -low / (high - low))
    scaled = [((w * factor - low) / (high - low), g / peak) for w, g in curves]
    free, headroom = 1.0, HEADROOM
    if entries > 1:
        free, headroom = _room(scaled, LEGEND_WIDTH, start, 1.0, 1.0 - 0.02 - 0.085 * entries)
        axes.legend(loc="upper left", bbox_to_anchor=(free, 0.99), borderaxespad=0.3)
    if thermal is not None and free - start >= INSET_WIDTH:
        left, height = _room(scaled, INSET_WIDTH, start, free, INSET_FLOOR)
        headroom = max(headroom, height)
        _draw_heat_capacity(axes, thermal, n_atoms, left)
    axes.set_ylim(0.0, headroom * peak / factor)


def _room(
    curves: list[Curve], width: float, start: float, end: float, floor: float
) -> tuple[float, float]:
    """Find the left edge and the least headroom for a box above the curves, the right one first.

    `floor` is the lower edge of the box; everything but the headroom in fractions of the axes.
    """
    places = np.arange(end - width, start - 1e-9, -0.02)
    heights = []
    for left in places:
        inside = [g[(x > left) & (x < left + width)] for x, g in curves]
        heights.append(max(float(g.max(initial=0.0)) for g in inside) / (0.97 * floor))
    needed = np.maximum(heights, HEADROOM)
    best = int(np.argmin(np.round(needed, 2)))  # argmin takes the first, the rightmost, of equals
    return float(places[best]), float(needed[best])


def _draw_heat_capacity(
    axes: "Axes", thermal: ThermalProperties, n_atoms: int, left: float
) -> None:
    inset = axes.inset_axes((left + 0.1, INSET_FLOOR + 0.155, INSET_WIDTH - 0.155, 0.305))
    keep = thermal.temperatures <= INSET_KELVIN
    share = thermal.heat_capacity[keep] / (3.0 * n_atoms * GAS_CONSTANT)
    inset.plot(thermal.temperatures[keep], share, color=BLACK, lw=0.8, gid="heat_capacity")
    inset.set_xlim(0.0, INSET_KELVIN)
    inset.set_ylim(0.0, 1.1)
    inset.set_xticks([0, 300, 600])
    inset.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    inset.tick_params(labelsize=6, pad=1.5, length=2)
    inset.tick_params(which="minor", length=1.2)
    inset.set_xlabel("$T$ (K)", fontsize=6.5, labelpad=0.5)
    inset.set_ylabel(r"$C_V$ (3$R$)", fontsize=6.5, labelpad=1)
