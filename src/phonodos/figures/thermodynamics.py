"""Figure of heat capacities and entropy against temperature."""

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
    VERMILLION,
    formula_label,
)
from phonodos.physics.quasi_harmonic import QuasiHarmonic
from phonodos.physics.thermodynamics import ThermalProperties

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
GREEN = PROJECTED[1]


def plot_thermodynamics(
    thermal: ThermalProperties,
    *,
    title: str,
    limit: float,
    spread: ThermalProperties | None = None,
    expanding: QuasiHarmonic | None = None,
) -> "Figure":
    """Draw C_V and S of a crystal, and C_p where it expands, 3.4 inch wide.

    Parameters
    ----------
    thermal
        At two temperatures or more; the amount is that of the axis.
    title
        Formula.
    limit
        Of C_V at high temperature (Dulong and Petit) [J/K per amount].
    spread
        Standard deviations of the members, drawn as bands.
    expanding
        Quasi-harmonic properties per the same amount.
    """
    from matplotlib.figure import Figure

    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        t = thermal.temperatures
        for name, label, colour in (("heat_capacity", "$C_V$", BLUE), ("entropy", "$S$", GREEN)):
            values = getattr(thermal, name)
            axes.plot(t, values, color=colour, lw=1.1, label=label, gid=name)
            if spread is not None:
                wide = getattr(spread, name)
                axes.fill_between(t, values - wide, values + wide, color=colour, alpha=0.2, lw=0)
        if expanding is not None:
            axes.plot(
                expanding.temperatures, expanding.heat_capacity_pressure, "--", color=VERMILLION,
                lw=1.1, label="$C_p$", gid="heat_capacity_pressure",
            )  # fmt: skip
        low, high = float(t.min()), float(t.max())
        axes.axhline(limit, color=GREY, lw=0.7, ls=":", label="$3R$ per atom", gid="limit")
        axes.set_xlim(low, high)
        axes.set_ylim(0.0, None)
        axes.set_xlabel("Temperature (K)")
        unit = thermal.amount.replace("cm^3", "cm$^3$").replace("mol of ", "mol ")
        axes.set_ylabel(rf"$C$, $S$ (J K$^{{-1}}$ / {unit})")
        axes.set_title(formula_label(title), loc="left", pad=4)
        axes.legend(loc="best", frameon=False)
    return figure
