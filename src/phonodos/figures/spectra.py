"""Figures of spectra: the density of states of one crystal, ready for a column of a journal."""

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.files import write_bytes
from phonodos.physics.dos import MENTIONED_SHARE, VISIBLE_FRACTION, PhononDos
from phonodos.physics.formula import as_written
from phonodos.physics.thermodynamics import ThermalProperties, left_out
from phonodos.physics.units import FREQUENCY_DIGITS, FREQUENCY_LABELS, GAS_CONSTANT, per_wavenumber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Curve = tuple[Array, Array]

STYLE = Path(__file__).with_name("phonodos.mplstyle")
COLUMN_WIDTH = 3.4  # [inch]
HEIGHT = 2.35  # [inch]
COARSE = 5.0  # [cm^-1]; points further apart than this are drawn as points
FINE_STEP = 1.0  # [cm^-1] of the curve drawn through coarse points

INSET_KELVIN = 600.0
INSET_WIDTH, INSET_FLOOR = 0.42, 0.5  # with its labels, in fractions of the axes
LEGEND_WIDTH = 0.27
HEADROOM = 1.12  # height of the axes over the highest peak

# Okabe and Ito's colours, told apart by the colour blind and in grey print.
BLUE, VERMILLION, BLACK, GREY = "#0072B2", "#D55E00", "#000000", "#666666"
PROJECTED = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00")


def formula_label(text: str) -> str:
    """Return a formula as chemists write it, with subscripts (``SrTiO$_3$``); other text as is."""
    if not re.fullmatch(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+", text):
        return re.sub(r"([\\$_^%{}])", r"\\\1", text)
    return re.sub(r"(\d+(?:\.\d+)?)", r"$_{\1}$", as_written(text))


def plot_dos(
    dos: PhononDos,
    *,
    crystal_label: str,
    unit: str = "cm-1",
    thermal: ThermalProperties | None = None,
    reference: PhononDos | None = None,
    reference_label: str = "DFT",
    projected: Mapping[str, Array] | None = None,
    members: Sequence[PhononDos] = (),
    half_width: float | None = None,
    label: str = "phonodos",
    mean: bool = True,
) -> "Figure":
    """Draw a density of states, 3.4 inch wide: filled curve, mean frequency, imaginary part.

    A spectrum on a coarse axis is drawn as its points and the monotone cubic curve (PCHIP) through
    them, which adds no peak that the points do not have.

    Parameters
    ----------
    dos
        The spectrum; its densities are per cell.
    crystal_label
        Title; a formula gets its subscripts.
    unit
        ``cm-1``, ``THz`` or ``meV`` for both axes.
    thermal
        Heat capacity for the inset, per mole of the same cells, temperatures [K]; drawn to 600 K
        in units of 3R a mole of atoms. No inset without it.
    reference, reference_label
        A second spectrum, drawn as a line over the first.
    projected
        Densities by name [states / cm^-1 per cell] on the axis of `dos`.
    members
        Spectra whose mean `dos` is: their standard deviation is drawn as a band about it.
    half_width
        Of the interval of the mean frequency, to be written beside it [cm^-1].
    label, mean
        Name of the spectrum in the legend; whether its mean frequency is marked.

    Raises
    ------
    ConfigError
        If the unit is unknown, or the heat capacity is not that of the cell.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH, HEIGHT))
        axes = figure.add_axes((0.14, 0.165, 0.825, 0.745))
        draw_dos(
            axes, dos, crystal_label=crystal_label, unit=unit, thermal=thermal,
            reference=reference, reference_label=reference_label, projected=projected,
            members=members, half_width=half_width, label=label, mean=mean,
        )  # fmt: skip
    return figure


def draw_dos(
    axes: "Axes",
    dos: PhononDos,
    *,
    crystal_label: str,
    unit: str = "cm-1",
    thermal: ThermalProperties | None = None,
    reference: PhononDos | None = None,
    reference_label: str = "DFT",
    projected: Mapping[str, Array] | None = None,
    members: Sequence[PhononDos] = (),
    half_width: float | None = None,
    label: str = "phonodos",
    mean: bool = True,
) -> None:
    """Draw a density of states into axes that are there; parameters and errors of `plot_dos`."""
    import matplotlib.style

    factor = per_wavenumber(unit)
    _check_basis(thermal)
    with matplotlib.style.context(STYLE):
        axes.set_xlim(*(x * factor for x in _limits(dos, reference)))
        _fill(axes, dos, factor)
        lines = _lines(dos, projected or {}, reference, reference_label, label)
        curves = _draw_lines(axes, lines, factor)
        curves += _draw_spread(axes, dos, members, factor)
        _draw_points(axes, dos, factor)
        _place_above(axes, curves, thermal, dos.n_atoms, factor)
        if mean:
            _mark_mean(axes, dos, factor, unit, half_width)
        _name_axes(axes, dos, crystal_label, FREQUENCY_LABELS[unit])


def _check_basis(thermal: ThermalProperties | None) -> None:
    if thermal is not None and thermal.basis != "cell":
        raise ConfigError(
            f"heat capacity per {thermal.amount}",
            "the figure divides the heat capacity of the cell by its 3N R",
            "pass the thermal properties per cell",
        )


def _draw_lines(
    axes: "Axes", lines: list[tuple[Array, Array, str, str, float]], factor: float
) -> list[Curve]:
    curves = [_curve(w, g) for w, g, *_ in lines]
    for (w, g), (*_, colour, label, width) in zip(curves, lines, strict=True):
        axes.plot(w * factor, g / factor, color=colour, lw=width, label=label)
    return curves


def _lines(
    dos: PhononDos,
    projected: Mapping[str, Array],
    reference: PhononDos | None,
    label: str,
    own: str,
) -> list[tuple[Array, Array, str, str, float]]:
    """Return frequencies, densities, colour, label and width of every line to draw."""
    lines = [(dos.frequencies, dos.densities, BLUE, "total" if projected else own, 1.0)]
    for (name, g), colour in zip(projected.items(), cycle(PROJECTED), strict=False):
        lines.append((dos.frequencies, g, colour, formula_label(name), 0.8))
    if reference is not None:
        lines.append((reference.frequencies, reference.densities, BLACK, label, 0.8))
    return lines


def _name_axes(axes: "Axes", dos: PhononDos, crystal_label: str, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(f"Frequency ({unit})")
    axes.set_ylabel(f"DOS (states / {unit} per cell)")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    atoms = "1 atom" if dos.n_atoms == 1 else f"{dos.n_atoms} atoms"
    axes.set_title(f"{formula_label(crystal_label)}, {atoms} per cell", loc="left", pad=4)


def save_figure(figure: "Figure", path: Path, note: str = "") -> None:
    """Save a figure in the house style, in the format of the path's suffix, whole or not at all.

    `note` is kept in the metadata of PNG (Description) and PDF (Subject).

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    write_bytes(path, figure_bytes(figure, path.suffix.removeprefix("."), note))


def figure_bytes(figure: "Figure", kind: str, note: str = "") -> bytes:
    """Return a figure in the house style as a file of a kind: ``png``, ``pdf``, ..."""
    import matplotlib.style

    with matplotlib.style.context(STYLE), BytesIO() as content:
        figure.savefig(content, format=kind, metadata=_metadata(kind, note))
        return content.getvalue()


def _metadata(kind: str, note: str) -> dict[str, str | None] | None:
    words = note.encode("utf-8", errors="replace").decode("utf-8")
    # Without a date the same input gives the same bytes.
    if kind == "pdf":
        return {"CreationDate": None, **({"Subject": words} if words else {})}
    return {"Description": words} if kind == "png" and words else None


def _curve(w: Array, g: Array) -> Curve:
    if np.diff(w).max() <= COARSE:
        return w, g
    from scipy.interpolate import PchipInterpolator

    fine = np.union1d(np.arange(w[0], w[-1], FINE_STEP), w)
    # Values next to the smallest number overflow in the slopes; they are nothing on paper.
    drawn = np.where(np.abs(g) < 1e-12 * np.abs(g).max(), 0.0, g)
    return fine, np.asarray(PchipInterpolator(w, drawn)(fine), dtype=np.float64)


def _fill(axes: "Axes", dos: PhononDos, factor: float) -> None:
    w, g = _curve(dos.frequencies, dos.densities)
    real, imaginary = (w >= 0.0, BLUE, 0.22, "real"), (w <= 0.0, VERMILLION, 0.4, "imaginary")
    for part, colour, alpha, name in (real, imaginary):
        if part.sum() > 1 and g[part].max() > 0.0:
            axes.fill_between(
                w[part] * factor, g[part] / factor, color=colour, alpha=alpha, lw=0, gid=name
            )
    if axes.get_xlim()[0] < 0.0:
        axes.axvline(0.0, color=GREY, lw=0.4, zorder=1)
    if axes.get_xlim()[0] < 0.0 and left_out(dos) > MENTIONED_SHARE:
        axes.annotate(
            "imaginary", (0.0, 0.96), xycoords=("data", "axes fraction"), ha="right", va="top",
            textcoords="offset points", xytext=(-1, 0), fontsize=6.5, color=VERMILLION, rotation=90,
        )  # fmt: skip


def _draw_spread(
    axes: "Axes", dos: PhononDos, members: Sequence[PhononDos], factor: float
) -> list[Curve]:
    """Draw the mean plus and minus one standard deviation (n - 1) of the members.

    Returns the upper edge, for nothing to be put over it; an empty list for less than two members.
    """
    if len(members) < 2:
        return []
    w, g = dos.frequencies, dos.densities
    spread = np.std([m.on(w) for m in members], axis=0, ddof=1)
    axes.fill_between(
        w * factor, np.maximum(g - spread, 0.0) / factor, (g + spread) / factor,
        color=BLUE, alpha=0.3, lw=0, gid="spread", label=r"$\pm$ 1 s.d.",
    )  # fmt: skip
    return [(w, g + spread)]


def _draw_points(axes: "Axes", dos: PhononDos, factor: float) -> None:
    if np.diff(dos.frequencies).max() > COARSE:
        x = dos.frequencies * factor
        shown = x <= axes.get_xlim()[1]
        axes.plot(
            x[shown], dos.densities[shown] / factor, "o", color=BLUE, ms=1.7, mew=0,
            clip_on=False, gid="points",
        )  # fmt: skip


def _visible(dos: PhononDos) -> tuple[float, float]:
    seen = dos.frequencies[dos.densities > VISIBLE_FRACTION * dos.densities.max()]
    return float(seen[0]), float(seen[-1])


def _limits(dos: PhononDos, reference: PhononDos | None) -> tuple[float, float]:
    spans = [_visible(d) for d in (dos, reference) if d is not None]
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    width = high - min(low, 0.0)
    return (min(low, -0.02 * width) - 0.02 * width if low < 0.0 else 0.0), high + 0.05 * width


def _place_above(
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


def _mark_mean(
    axes: "Axes", dos: PhononDos, factor: float, unit: str, half_width: float | None
) -> None:
    """Dash the mean frequency as far up as nothing else can stand, and name it above the axes."""
    digits = FREQUENCY_DIGITS[unit]
    mean = dos.mean_frequency
    at_mean = float(dos.on(np.array([mean]))[0]) / factor
    top = max(at_mean, 0.9 * INSET_FLOOR * axes.get_ylim()[1])
    axes.plot(
        [mean * factor] * 2, [0.0, top], color=GREY, lw=0.8, ls=(0, (3.5, 2)), zorder=3, gid="mean"
    )
    sure = "" if half_width is None else rf" $\pm$ {half_width * factor:.{digits}f}"
    text = rf"mean $\bar\omega$ = {mean * factor:.{digits}f}{sure} {FREQUENCY_LABELS[unit]}"
    axes.set_title(text, loc="right", pad=4, color=GREY, fontsize=7.5)
