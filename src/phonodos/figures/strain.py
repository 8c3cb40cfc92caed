"""Figure of a crystal under isotropic strain: spectra, mean frequency, imaginary states."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import matplotlib.style
import numpy as np

from phonodos.figures.panels import PAGE_WIDTH, panels
from phonodos.figures.spectra import BLUE, STYLE, VERMILLION, formula_label
from phonodos.physics.dos import PhononDos
from phonodos.physics.units import FREQUENCY_LABELS, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_strain(
    strains: Sequence[float],
    spectra: Sequence[PhononDos],
    imaginary: Sequence[float],
    *,
    title: str,
    gamma: float,
    unit: str = "cm-1",
) -> "Figure":
    """Draw spectra coloured by strain, the mean frequency and the share of imaginary states.

    Parameters
    ----------
    strains
        Linear strains e.
    spectra
        One a strain, of the same cell.
    imaginary
        Shares of the states at imaginary frequencies.
    title, gamma
        Formula, and the mode-averaged Grueneisen parameter that is printed.
    unit
        Of the frequencies.
    """
    factor = per_wavenumber(unit)
    figure, axes = panels(1, 3, width=PAGE_WIDTH, height=2.3, width_ratios=[1.7, 1.0, 1.0])
    percent = 100.0 * np.asarray(strains)
    with matplotlib.style.context(STYLE):
        left, middle, right = axes
        low, high = float(percent.min()), float(percent.max())
        norm = matplotlib.colors.Normalize(low, high)
        colours = matplotlib.colormaps["cividis"]
        for e, dos in zip(percent, spectra, strict=True):
            left.plot(
                dos.frequencies * factor, dos.densities / factor, color=colours(norm(e)), lw=0.9,
                gid=f"e={e:g}%",
            )  # fmt: skip
        seen = [d.frequencies[d.densities > 1e-3 * d.densities.max()] for d in spectra]
        left.set_xlim(
            min(0.0, 1.05 * min(float(s[0]) for s in seen) * factor),
            1.04 * max(float(s[-1]) for s in seen) * factor,
        )
        left.set_ylim(0.0, None)
        left.set_xlabel(f"Frequency ({FREQUENCY_LABELS[unit]})")
        left.set_ylabel(f"DOS (states / {FREQUENCY_LABELS[unit]} per cell)")
        left.set_title(formula_label(title), loc="left")
        mapping = matplotlib.cm.ScalarMappable(norm, colours)
        figure.colorbar(mapping, ax=left, label="strain (%)", pad=0.02, aspect=25)
        middle.plot(percent, [d.mean_frequency * factor for d in spectra], "o-", color=BLUE, ms=3)
        middle.set_ylabel(rf"mean $\bar\omega$ ({FREQUENCY_LABELS[unit]})")
        middle.set_title(rf"$\gamma$ = {gamma:.2f}", loc="right")
        right.plot(
            percent, 100.0 * np.asarray(imaginary), "s-", color=VERMILLION, ms=3, clip_on=False
        )
        right.set_ylabel("imaginary states (%)")
        right.set_ylim(0.0, max(1.0, 115.0 * float(np.max(imaginary))))
        for panel in (middle, right):
            panel.set_xlabel("strain (%)")
    return figure
