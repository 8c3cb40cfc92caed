"""Figure of mean squared displacements against temperature."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.spectra import (
    BLUE,
    COLUMN_WIDTH,
    HEIGHT,
    PROJECTED,
    STYLE,
    VERMILLION,
    formula_label,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def plot_displacements(
    temperatures: Array,
    u_iso: Array,
    sites: Sequence[str],
    *,
    title: str,
    spread: Array | None = None,
) -> "Figure":
    """Draw U_iso of every kind of site, with the spread of the members as a band.

    Parameters
    ----------
    temperatures
        (t,) [K], at least two.
    u_iso, spread
        (t, n) [A^2]; no band without a spread.
    sites
        (n,) names; sites of one name and the same displacements are drawn once.
    title
        Formula.
    """
    from matplotlib.figure import Figure

    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        seen: list[tuple[str, Array]] = []
        colours = cycle((BLUE, VERMILLION, *PROJECTED))
        for i, name in enumerate(sites):
            u = u_iso[:, i]
            if any(name == n and np.allclose(u, v, rtol=1e-3) for n, v in seen):
                continue
            twin = sum(n == name for n, _ in seen)
            seen.append((name, u))
            colour = next(colours)
            label = formula_label(name) + (f" ({twin + 1})" if twin else "")
            axes.plot(temperatures, u, color=colour, lw=1.0, label=label, gid=f"site {i + 1}")
            if spread is not None:
                low, high = u - spread[:, i], u + spread[:, i]
                axes.fill_between(temperatures, low, high, color=colour, alpha=0.2, lw=0)
        axes.set_xlim(float(temperatures.min()), float(temperatures.max()))
        axes.set_ylim(0.0, None)
        axes.set_xlabel("Temperature (K)")
        axes.set_ylabel(r"$U_\mathrm{iso}$ (Å$^2$)")
        axes.set_title(formula_label(title), loc="left", pad=4)
        axes.legend(loc="upper left", frameon=False)
    return figure
