"""A network drawn from itself: radial functions, the filters they make, the scheme of layers."""

from typing import TYPE_CHECKING, NamedTuple

import matplotlib.patches
import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre

from phonodos.figures.spectra import BLACK, BLUE, GREY, PROJECTED, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
COLOURS = (BLUE, VERMILLION, PROJECTED[1], PROJECTED[2], PROJECTED[0])  # of the degrees
PIXELS = 241  # of the map of a filter, along an edge


class Filter(NamedTuple):
    """Radial functions of one degree l: how many there are, and (m, k) the strongest, by rank."""

    degree: int
    n_functions: int
    strongest: Array


class Layer(NamedTuple):
    """A layer: its name, features before and after (irreps), weights, whether filters enter it."""

    name: str
    before: str
    after: str
    n_weights: int
    filtered: bool = False


class Anatomy(NamedTuple):
    """Filters of the first convolution at (m,) distances [A] up to the cutoff, and all layers."""

    distances: Array
    filters: tuple[Filter, ...]
    layers: tuple[Layer, ...]


def draw_radial(axes: "Axes", anatomy: Anatomy) -> None:
    """Draw the strongest radial functions of every degree, the first of them bold."""
    for shown in anatomy.filters:
        colour = COLOURS[shown.degree % len(COLOURS)]
        axes.plot(anatomy.distances, shown.strongest[:, 1:], color=colour, lw=0.5, alpha=0.55)
        label = f"$l={shown.degree}$, {shown.strongest.shape[1]} of {shown.n_functions:,}"
        axes.plot(anatomy.distances, shown.strongest[:, 0], color=colour, lw=1.4, label=label)
    axes.axhline(0.0, color=GREY, lw=0.4, zorder=1)
    axes.set_xlim(0.0, float(anatomy.distances[-1]))
    axes.set_xlabel("Distance (Å)")
    axes.set_ylabel("$R_l(r)$")
    axes.legend(loc="best")


def filter_map(anatomy: Anatomy, shown: Filter) -> Array:
    """Return (241, 241) values of R(r) Y_l0 in the plane of x (columns) and z (rows, upwards).

    Y is component normalised, sqrt(2l + 1) P_l(cos theta); beyond the cutoff is NaN.
    """
    cutoff = float(anatomy.distances[-1])
    axis = np.linspace(-cutoff, cutoff, PIXELS)
    x, z = np.meshgrid(axis, axis)
    r = np.hypot(x, z)
    cosine = np.divide(z, r, out=np.zeros_like(r), where=r > 0)
    harmonic = np.sqrt(2 * shown.degree + 1) * eval_legendre(shown.degree, cosine)
    values = np.interp(r, anatomy.distances, shown.strongest[:, 0]) * harmonic
    found: Array = np.where(r <= cutoff, values, np.nan)
    return found


def draw_filter(axes: "Axes", anatomy: Anatomy, shown: Filter) -> None:
    """Draw the strongest filter of a degree in a plane through the atom: red +, blue -."""
    cutoff = float(anatomy.distances[-1])
    values = filter_map(anatomy, shown)
    most = float(np.nanmax(np.abs(values))) or 1.0
    axes.imshow(
        values, origin="lower", extent=(-cutoff, cutoff, -cutoff, cutoff), cmap="RdBu_r",
        vmin=-most, vmax=most, interpolation="bilinear",
    )  # fmt: skip
    axes.add_patch(
        matplotlib.patches.Circle((0, 0), cutoff, fill=False, ls=(0, (3, 2)), lw=0.6, color=GREY)
    )
    axes.plot(0.0, 0.0, "o", color=BLACK, ms=2.5)
    axes.set_xlim(-1.04 * cutoff, 1.04 * cutoff)
    axes.set_ylim(-1.04 * cutoff, 1.04 * cutoff)
    axes.set_axis_off()
    name = rf"$R_{{{shown.degree}}}(r)\,Y_{{{shown.degree}0}}$"
    colour = COLOURS[shown.degree % len(COLOURS)]
    axes.text(0.5, -0.02, name, color=colour, ha="center", va="top", transform=axes.transAxes)


def draw_layers(axes: "Axes", anatomy: Anatomy) -> None:
    """Draw a box a layer, top to bottom, the features between them and the weights of each."""
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    axes.set_axis_off()
    step = 1.0 / (len(anatomy.layers) + 0.55)
    left, width, height = 0.2, 0.78, 0.5 * step
    for index, layer in enumerate(anatomy.layers):
        top = 1.0 - (index + 0.5) * step
        middle, centre = top - height / 2, left + width / 2
        face = "#DCE9F5" if layer.filtered else "#F2F2F2"
        axes.add_patch(
            matplotlib.patches.FancyBboxPatch(
                (left, top - height), width, height, boxstyle="round,pad=0,rounding_size=0.02",
                facecolor=face, edgecolor=BLACK, lw=0.5,
            )
        )  # fmt: skip
        words = f"{layer.name}" + (f"  ({layer.n_weights:,})" if layer.n_weights else "")
        axes.text(centre, middle, words, ha="center", va="center", fontsize=6.5)
        _arrow(axes, (centre, top + 0.5 * step), (centre, top))
        axes.text(centre + 0.03, top + 0.25 * step, layer.before, va="center", fontsize=6.5)
        if layer.filtered:
            _arrow(axes, (0.13, middle), (left, middle))
            axes.text(0.12, middle, "$R_lY_{lm}$", ha="right", va="center", fontsize=6.5)
    last = 1.0 - (len(anatomy.layers)) * step
    _arrow(axes, (centre, last), (centre, last - 0.5 * step))
    axes.text(
        centre + 0.03, last - 0.25 * step, anatomy.layers[-1].after, va="center", fontsize=6.5
    )


def _arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start,
        arrowprops={"arrowstyle": "-|>", "lw": 0.6, "color": BLACK, "mutation_scale": 6,
                    "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
