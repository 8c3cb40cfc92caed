"""Figure of elastic anisotropy: velocities of sound and Young's modulus by direction."""

from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.panels import PAGE_WIDTH
from phonodos.figures.spectra import BLUE, GREY, PROJECTED, STYLE, VERMILLION, formula_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
PLANES = ("xy", "xz", "yz")
COLOURS = (VERMILLION, PROJECTED[1], BLUE)  # of the branches, slowest first; of the planes


def circle(plane: str, count: int = 181) -> tuple[Array, Array]:
    """Return (count,) angles and (count, 3) unit vectors in the plane of two axes."""
    angles = np.linspace(0.0, 2.0 * np.pi, count)
    found = np.zeros((count, 3))
    found[:, "xyz".index(plane[0])] = np.cos(angles)
    found[:, "xyz".index(plane[1])] = np.sin(angles)
    return angles, found


def plot_elastic(velocities: dict[str, Array], young: dict[str, Array], *, title: str) -> "Figure":
    """Draw the velocities of sound in two planes, and Young's modulus in three.

    Parameters
    ----------
    velocities
        Plane -> (m, 3) velocities [m/s] along the vectors of `circle`, slowest first; NaN where a
        wave is unstable.
    young
        Plane -> (m,) Young's moduli [GPa]; none where the crystal is unstable.
    title
        Formula.
    """
    from matplotlib.figure import Figure

    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(PAGE_WIDTH, 2.75), layout="constrained")
        axes = figure.subplots(1, 3, subplot_kw={"projection": "polar"})
        fastest = max((float(np.nanmax(v, initial=0.0)) for v in velocities.values()), default=0.0)
        for panel, plane in zip(axes, velocities, strict=False):
            angles, _ = circle(plane, len(velocities[plane]))
            for branch, colour in enumerate(COLOURS):
                values = velocities[plane][:, branch] / 1000.0
                panel.plot(angles, values, color=colour, lw=1.0, gid=f"v{branch + 1} {plane}")
            panel.set_ylim(0.0, 1.06 * max(fastest, 1e-3) / 1000.0)
            _dress(panel, plane)
            panel.set_title("v (km/s)", fontsize=7.5, pad=9)
        last = axes[-1]
        for plane, colour, dash in zip(PLANES, COLOURS, ("-", "-", "--"), strict=True):
            if plane in young:
                angles, _ = circle(plane, len(young[plane]))
                line = {"color": colour, "ls": dash, "label": plane, "gid": f"E {plane}"}
                last.plot(angles, young[plane], lw=1.0, **line)
        if young:
            last.set_ylim(0.0, None)
            last.legend(loc="lower left", bbox_to_anchor=(0.86, 0.86), fontsize=6.5, frameon=False)
        else:
            last.text(0.5, 0.5, "unstable", transform=last.transAxes, ha="center", color=VERMILLION)
        _dress(last, "")
        last.set_title("E (GPa)", fontsize=7.5, pad=9)
        figure.suptitle(formula_label(title), x=0.01, ha="left", fontsize=9)
    return figure


def _dress(panel: "Axes", plane: str) -> None:
    """Name the axes of the plane and thin out what a polar panel has by itself."""
    from matplotlib.ticker import MaxNLocator

    panel.set_xticks(np.arange(4) * np.pi / 2.0, [*plane, *[""] * (4 - len(plane))])
    panel.yaxis.set_major_locator(MaxNLocator(3))
    panel.tick_params(axis="y", labelsize=5.5, labelcolor=GREY)
    panel.grid(visible=True, color=GREY, lw=0.25, alpha=0.5)
    panel.spines["polar"].set_linewidth(0.4)
