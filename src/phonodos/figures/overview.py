"""Overview of how a crystal becomes a spectrum: cell, graph, encoding, network, spectrum."""

from typing import TYPE_CHECKING, Any

import matplotlib
import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.network import Anatomy, draw_filter, draw_layers, draw_radial
from phonodos.figures.panels import PAGE_WIDTH, letter
from phonodos.figures.spectra import BLACK, BLUE, GREY, PROJECTED, STYLE, formula_label
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VIEW = np.array([0.92, -0.28, 0.12])  # direction the crystal is looked at along

Array = NDArray[np.float64]


def plot_overview(
    crystal: Crystal,
    dos: PhononDos,
    *,
    cutoff: float,
    reference: PhononDos | None = None,
    model: str = "phonodos",
    anatomy: Anatomy | None = None,
) -> "Figure":
    """Draw cell, neighbours of one atom, mass-weighted encoding and DOS, 7 inch wide.

    With an anatomy also, as in Figure 1 of Chen et al. (2021), the learned radial functions, their
    products with spherical harmonics, and the layers.

    Parameters
    ----------
    crystal, dos
        The crystal and its predicted density of states.
    cutoff
        Radius within which atoms are neighbours [A].
    reference
        A calculated density of states of the same cell.
    model
        Name of the weights.
    anatomy
        What the network is made of.
    """
    with matplotlib.style.context(STYLE):
        if anatomy is None:
            figure = matplotlib.figure.Figure(figsize=(PAGE_WIDTH, 2.3))
            _draw_crystal(figure, crystal, cutoff, bottom=0.0, height=1.0)
            spectrum, name = figure.add_axes((0.735, 0.17, 0.255, 0.69)), "d"
        else:
            figure = matplotlib.figure.Figure(figsize=(PAGE_WIDTH, 4.7))
            _draw_crystal(figure, crystal, cutoff, bottom=0.51, height=0.49)
            _draw_network(figure, anatomy)
            spectrum, name = figure.add_axes((0.745, 0.08, 0.245, 0.36)), "g"
        _draw_dos(spectrum, dos, reference, model)
        letter(spectrum, f"{name}  spectrum")
    return figure


def _draw_crystal(
    figure: "Figure", crystal: Crystal, cutoff: float, *, bottom: float, height: float
) -> None:
    """Draw cell, neighbours and encoding from left to right; places are fractions of the figure."""
    colours = _colours(crystal)
    views = [
        figure.add_axes((x, bottom + 0.06 * height, 0.21, 0.8 * height)) for x in (0.01, 0.225)
    ]
    _draw_cell(views[0], crystal, colours)
    neighbours = _draw_graph(views[1], crystal, colours, cutoff)
    names = (
        f"a  {formula_label(crystal.formula)}, {crystal.n_atoms} sites",
        f"b  {neighbours} neighbours within {cutoff:g} Å",
    )
    for x, name in zip((0.01, 0.225), names, strict=True):
        figure.text(x, bottom + 0.885 * height, name, fontweight="bold")
    encoding = figure.add_axes((0.49, bottom + 0.17 * height, 0.17, 0.69 * height))
    _draw_encoding(encoding, crystal, colours)
    letter(encoding, "c  site encoding")


def _draw_network(figure: "Figure", anatomy: Anatomy) -> None:
    """Draw radial functions (above, right), filters and layers (below)."""
    radial = figure.add_axes((0.745, 0.51 + 0.17 * 0.49, 0.245, 0.69 * 0.49))
    draw_radial(radial, anatomy)
    letter(radial, "d  radial functions")
    shown = anatomy.filters[:2]
    for place, found in enumerate(shown):
        draw_filter(figure.add_axes((0.01 + 0.165 * place, 0.1, 0.155, 0.32)), anatomy, found)
    figure.text(0.01, 0.452, "e  filters, plane of x and z", fontweight="bold")
    draw_layers(figure.add_axes((0.345, 0.01, 0.325, 0.44)), anatomy)
    figure.text(0.37, 0.452, "f  layers (weights)", fontweight="bold")


def _colours(crystal: Crystal) -> dict[str, str]:
    palette = (*PROJECTED, "#0072B2", "#999999")
    return {s: palette[k % len(palette)] for k, s in enumerate(crystal.composition)}


def _projection(points: Array) -> tuple[Array, Array]:
    """Return (n, 2) places on paper and (n,) depths."""
    towards = VIEW / np.linalg.norm(VIEW)
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.linalg.norm(right)
    up = np.cross(towards, right)
    return np.stack([points @ right, points @ up], axis=1), points @ towards


def _atoms(axes: "Axes", points: Array, names: list[str], colours: dict[str, str]) -> None:
    places, depth = _projection(points)
    radii = elements.covalent_radii()
    for k in np.argsort(depth):
        size = 0.32 * radii[elements.atomic_number(names[k]) - 1]
        axes.add_patch(
            matplotlib.patches.Circle(
                places[k], size, facecolor=colours[names[k]], edgecolor=BLACK, lw=0.4,
                zorder=3 + depth[k] * 1e-3,
            )
        )  # fmt: skip


def _draw_cell(axes: "Axes", crystal: Crystal, colours: dict[str, str]) -> None:
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
    for a in corners:
        for b in corners:
            if (b - a).sum() == 1 and ((b - a) >= 0).all():
                line, _ = _projection(np.array([a, b]) @ crystal.cell)
                axes.plot(*line.T, color=GREY, lw=0.6, zorder=1)
    points, names = [], []
    margin = 0.02
    for site, coords in zip(crystal.occupancy, np.mod(crystal.frac_coords, 1.0), strict=True):
        main = max(site, key=lambda s: site[s])
        for shift in corners:
            for sign in ([0, 0, 0], shift, -shift):
                moved = coords + np.array(sign)
                if (moved >= -margin).all() and (moved <= 1 + margin).all():
                    points.append(moved @ crystal.cell)
                    names.append(main)
    _atoms(axes, np.array(points), names, colours)
    _frame(axes)
    for symbol in crystal.composition:
        axes.plot([], [], "o", color=colours[symbol], label=symbol, ms=4)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, -0.07), ncols=3, handletextpad=0, columnspacing=0.6,
        fontsize=6.5,
    )  # fmt: skip


def _draw_graph(axes: "Axes", crystal: Crystal, colours: dict[str, str], cutoff: float) -> int:
    reach = np.ceil(cutoff * np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)).astype(int)
    grids = np.meshgrid(*[np.arange(-r - 1, r + 2) for r in reach], indexing="ij")
    shifts = np.stack([g.ravel() for g in grids], axis=1)
    centre = 0
    vectors, names = [], []
    for site, coords in zip(crystal.occupancy, crystal.frac_coords, strict=True):
        gaps = (coords + shifts - crystal.frac_coords[centre]) @ crystal.cell
        near = gaps[(np.linalg.norm(gaps, axis=1) < cutoff) & (np.linalg.norm(gaps, axis=1) > 1e-6)]
        vectors.extend(near)
        names.extend([max(site, key=lambda s: site[s])] * len(near))
    places, _ = _projection(np.array(vectors).reshape(-1, 3))
    for x, y in places:
        axes.annotate(
            "", (0.0, 0.0), (x, y),
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.35, "alpha": 0.8},
        )  # fmt: skip
    here = max(crystal.occupancy[centre], key=lambda s: crystal.occupancy[centre][s])
    _atoms(axes, np.array([*vectors, np.zeros(3)]), [*names, here], colours)
    axes.add_patch(
        matplotlib.patches.Circle((0, 0), cutoff, fill=False, ls=(0, (3, 2)), lw=0.6, color=GREY)
    )
    _frame(axes, cutoff)
    return len(vectors)


def _frame(axes: "Axes", radius: float | None = None) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    if radius is not None:
        axes.set_xlim(-1.1 * radius, 1.1 * radius)
        axes.set_ylim(-1.1 * radius, 1.1 * radius)
    else:
        axes.autoscale_view()
        axes.margins(0.12)


def _draw_encoding(axes: "Axes", crystal: Crystal, colours: dict[str, str]) -> None:
    """Draw rows of the 118 places: the mass times the fraction of every element."""
    kinds: dict[Any, int] = {}
    for site in crystal.occupancy:
        kinds.setdefault(tuple(site.items()), len(kinds))
    largest = max(f * elements.atomic_mass(s) for site in kinds for s, f in site)
    for site, row in kinds.items():
        axes.axhline(row, color=GREY, lw=0.3)
        for symbol, fraction in site:
            number = elements.atomic_number(symbol)
            mass = fraction * elements.atomic_mass(symbol)
            axes.plot(
                [number] * 2, [row, row + 0.75 * mass / largest], color=colours[symbol], lw=2.0,
                solid_capstyle="butt",
            )  # fmt: skip
            axes.annotate(
                f"{symbol} {mass:.1f}", (number, row), xytext=(3, 2), fontsize=6.5,
                textcoords="offset points", color=colours[symbol],
            )  # fmt: skip
    axes.set_xlim(0, 118)
    axes.set_ylim(-0.3, len(kinds) + 0.1)
    axes.set_yticks([])
    axes.set_xlabel("place = atomic number")
    axes.set_ylabel("fraction × mass (amu)")


def _draw_dos(axes: "Axes", dos: PhononDos, reference: PhononDos | None, model: str) -> None:
    for spectrum, colour, name in ((reference, BLACK, "DFT"), (dos, BLUE, model)):
        if spectrum is not None:
            axes.plot(spectrum.frequencies, spectrum.densities, color=colour, label=name, lw=0.9)
    shown = [d for d in (dos, reference) if d is not None]
    low = min(float(d.frequencies[d.densities > 1e-3 * d.densities.max()][0]) for d in shown)
    axes.set_xlim(min(0.0, 1.1 * low), 1.05 * max(d.max_frequency for d in shown))
    axes.set_ylim(0.0, 1.15 * max(float(d.densities.max()) for d in shown))
    axes.set_xlabel("Frequency (cm$^{-1}$)")
    axes.set_ylabel("DOS (states / cm$^{-1}$)")
    axes.legend(loc="upper right")
