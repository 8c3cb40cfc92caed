"""Figure of the dielectric function and the reflectivity in the infrared."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.figures.panels import PAGE_WIDTH, panels
from phonodos.figures.spectra import BLUE, GREY, PROJECTED, VERMILLION, formula_label
from phonodos.physics.units import FREQUENCY_LABELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
ALIKE = 1e-3  # relative; axes along which light sees the same are drawn once
LINES = ((BLUE, "-"), (VERMILLION, "--"), (PROJECTED[1], ":"))


def plot_modes(
    frequencies: Array,
    permittivity: NDArray[np.complex128],
    reflectivity: Array,
    *,
    title: str,
) -> "Figure":
    """Draw both parts of eps(w) and the reflectivity for light polarised along x, y and z.

    Parameters
    ----------
    frequencies
        (k,) [cm^-1].
    permittivity, reflectivity
        (k, 3) along the axes of the conventional setting.
    title
        Formula.
    """
    figure, axes = panels(1, 3, width=PAGE_WIDTH, height=2.2)
    curves = (permittivity.real, permittivity.imag, reflectivity)
    names = (r"Re $\varepsilon$", r"Im $\varepsilon$", "reflectivity")
    groups: list[list[int]] = []
    for k in range(3):
        for group in groups:
            if np.allclose(permittivity[:, k], permittivity[:, group[0]], rtol=ALIKE):
                group.append(k)
                break
        else:
            groups.append([k])
    for panel, values, name in zip(axes, curves, names, strict=True):
        for group, (colour, dash) in zip(groups, LINES, strict=False):
            label = ", ".join("xyz"[k] for k in group)
            panel.plot(frequencies, values[:, group[0]], color=colour, ls=dash, lw=0.9,
                       label=label, gid=f"{name} {label}")  # fmt: skip
        panel.set_xlim(0.0, float(frequencies.max()))
        panel.set_xlabel(f"Frequency ({FREQUENCY_LABELS['cm-1']})")
        panel.set_ylabel(name)
    axes[0].axhline(0.0, color=GREY, lw=0.4, zorder=1)
    axes[1].set_ylim(0.0, None)
    axes[2].set_ylim(0.0, 1.0)
    if len(groups) > 1:
        axes[1].legend(frameon=False, loc="upper left", prop={"family": "serif", "size": 7})
    axes[0].set_title(formula_label(title), loc="left", pad=4)
    return figure
