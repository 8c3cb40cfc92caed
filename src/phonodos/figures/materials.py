"""Figures of many predictions: heat capacities, principal components, agreement, spring model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.panels import PAGE_WIDTH, bare, panels, shown
from phonodos.figures.spectra import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    GREY,
    STYLE,
    VERMILLION,
    formula_label,
)
from phonodos.physics.curve import Curve
from phonodos.physics.target import TARGET_GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

HEAT_LABEL = r"$C_V$ (J kg$^{-1}$ K$^{-1}$)"
THRESHOLD = 1000.0  # [J/(kg K)], "high" in the paper


def plot_heat_capacities(values: Array, top: Array, kelvin: float, share: float) -> "Figure":
    """Draw the distribution of C_V [J/(kg K)], with the mean spectrum of the highest inside.

    Parameters
    ----------
    values
        (n,) heat capacities.
    top
        (m, 51) own-maximum spectra of the share with the highest C_V.
    kelvin, share
        Temperature [K] and that share.
    """
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=2.5)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        bins = np.linspace(0.0, max(values.max(), THRESHOLD) * 1.02, 61)
        panel.hist(values, bins.tolist(), color=BLUE)
        panel.axvline(THRESHOLD, color=GREY, lw=0.7, ls=(0, (3, 2)))
        above = 100.0 * float(np.mean(values > THRESHOLD))
        panel.set_title(f"{above:.1f} % above {THRESHOLD:g}", loc="right", color=GREY)
        panel.set_title(f"{len(values)} materials", loc="left")
        panel.set_xlabel(f"{HEAT_LABEL} at {kelvin:g} K")
        panel.set_ylabel("Materials")
        inset = panel.inset_axes((0.5, 0.42, 0.46, 0.46))
        mean, spread = top.mean(axis=0), top.std(axis=0)
        w = TARGET_GRID.frequencies
        inset.fill_between(
            w, np.clip(mean - spread, 0, None), mean + spread, color=VERMILLION, alpha=0.2, lw=0
        )
        inset.plot(w, mean, color=VERMILLION)
        inset.set_xlim(0.0, 1000.0)
        inset.set_ylim(0.0, None)
        inset.tick_params(labelsize=6, pad=1.5)
        inset.set_xlabel("cm$^{-1}$", fontsize=6.5, labelpad=0.5)
        inset.set_title(f"mean DOS, top {100 * share:g} % ({len(top)})", fontsize=6.5, pad=2)
    return figure


def plot_components(
    scores: Array, axes_of: Array, explained: Array, colour: Array, rho: float | None
) -> "Figure":
    """Draw spectra along their first two principal components, coloured by C_V.

    Parameters
    ----------
    scores
        (n, 2) components.
    axes_of
        (2, 51) principal axes.
    explained
        (2,) shares of the variance.
    colour
        (n,) C_V [J/(kg K)].
    rho
        Spearman's coefficient of the first component and C_V.
    """
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=2.9)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        low, high = np.quantile(colour, [0.01, 0.99])
        norm = matplotlib.colors.LogNorm(low, max(high, 1.01 * low))
        order = np.argsort(colour)
        dots = panel.scatter(
            scores[order, 0], scores[order, 1], c=colour[order], s=3.0, lw=0, cmap="viridis",
            norm=norm, rasterized=True,
        )  # fmt: skip
        figure.colorbar(dots, ax=panel, label=HEAT_LABEL, pad=0.02)
        panel.set_xlabel(f"PC1 ({100 * explained[0]:.0f} % of the variance)")
        panel.set_ylabel(f"PC2 ({100 * explained[1]:.0f} % of the variance)")
        panel.set_title(rf"Spearman $\rho$(PC1, $C_V$) = {shown(rho)}", loc="right", color=GREY)
        low, high = panel.get_ylim()
        panel.set_ylim(low, high + 0.75 * (high - low))
        inset = panel.inset_axes((0.13, 0.66, 0.82, 0.31))
        for axis, ink, name in zip(axes_of, (BLUE, VERMILLION), ("PC1", "PC2"), strict=True):
            inset.plot(TARGET_GRID.frequencies, axis, color=ink, label=name)
        inset.axhline(0.0, color=GREY, lw=0.4)
        inset.set_xlim(0.0, 1000.0)
        inset.tick_params(labelsize=6, pad=1.5)
        inset.set_yticks([])
        inset.legend(fontsize=6, loc="lower right", ncols=2)
        inset.set_xlabel("cm$^{-1}$", fontsize=6.5, labelpad=0.5)
    return figure


def plot_agreement(
    reference: Array, predicted: Array, marked: Mapping[str, NDArray[np.bool_]], *, label: str
) -> "Figure":
    """Draw the 2-D histogram of predicted and reference C_V [J/(kg K)].

    Parameters
    ----------
    reference, predicted
        (n,) heat capacities.
    marked
        Name -> (n,) materials to mark one by one, such as those rich in hydrogen.
    label
        What the reference is.
    """
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=2.8)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        both = np.concatenate([reference, predicted])
        bins = np.geomspace(0.95 * both.min(), 1.05 * both.max(), 51)
        counts, x, y = np.histogram2d(reference, predicted, [bins, bins])
        shown = np.ma.masked_equal(counts.T, 0)
        norm = matplotlib.colors.LogNorm(1, max(2, counts.max()))
        drawn = panel.pcolormesh(x, y, shown, norm=norm, cmap="viridis", rasterized=True)
        figure.colorbar(drawn, ax=panel, label="materials", pad=0.02)
        panel.plot(bins[[0, -1]], bins[[0, -1]], color=BLACK, lw=0.5)
        inks = (VERMILLION, "#E69F00")
        for (name, chosen), ink, mark in zip(marked.items(), inks, "o^", strict=False):
            if chosen.any():
                panel.plot(
                    reference[chosen], predicted[chosen], mark, mfc="none", mec=ink, ms=3,
                    mew=0.6, label=f"{name} ({chosen.sum()})",
                )  # fmt: skip
        if panel.get_legend_handles_labels()[0]:
            panel.legend(loc="upper left")
        _plain_log(panel)
        panel.set_aspect("equal")
        panel.set_xlabel(f"{label} {HEAT_LABEL}")
        panel.set_ylabel(f"Predicted {HEAT_LABEL}")
    return figure


def plot_leaders(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw the materials of highest predicted C_V, four a row, with the reference overlaid.

    A row has ``formula``, ``predicted`` and ``reference`` (curves), ``c_v`` (text).
    """
    columns = 4
    n_rows = -(-len(rows) // columns)
    figure, axes = panels(n_rows, columns, width=PAGE_WIDTH, height=0.5 + 1.3 * n_rows)
    with matplotlib.style.context(STYLE):
        for k, (panel, row) in enumerate(zip(axes, rows, strict=False)):
            reference, predicted = row["reference"], row["predicted"]
            assert isinstance(reference, Curve)
            panel.plot(
                reference.frequencies, reference.scaled().values, color=BLACK, lw=0.7,
                ls=(0, (3, 1)), label="DFT",
            )  # fmt: skip
            panel.plot(
                predicted.frequencies, predicted.scaled().values, color=BLUE, lw=0.9,
                label="predicted",
            )  # fmt: skip
            panel.set_xlim(0.0, 1.04 * max(reference.cut_off(), predicted.cut_off()))
            panel.set_ylim(0.0, 1.35)
            panel.set_yticks([])
            panel.set_title(formula_label(str(row["formula"])), loc="left", pad=2)
            panel.set_title(str(row["c_v"]), loc="right", pad=2, fontsize=6, color=GREY)
            panel.tick_params(labelsize=6)
            if k + columns >= len(rows):
                panel.set_xlabel("cm$^{-1}$", labelpad=1)
        for panel in axes[len(rows) :]:
            bare(panel)
        axes[0].legend(fontsize=6, loc="upper right")
    return figure


def plot_spring_model(
    masses: Array, series: Mapping[str, tuple[Array, Array, float, float | None]]
) -> "Figure":
    """Draw mean frequencies against mean atomic mass and the fits a m^(-1/2).

    Parameters
    ----------
    masses
        Any masses [amu] that span the axis.
    series
        Name -> masses [amu], mean frequencies [cm^-1], a [cm^-1 amu^(1/2)], Spearman's rho.
    """
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=2.5)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        line = np.geomspace(masses.min(), masses.max(), 50)
        inks = (BLUE,) if len(series) == 1 else (BLACK, BLUE)
        for (name, (m, w, a, rho)), ink in zip(series.items(), inks, strict=False):
            panel.plot(m, w, "o", ms=1.6, mew=0, color=ink, alpha=0.35, rasterized=True)
            panel.plot(
                line, a * line**-0.5, color=ink, lw=1.0,
                label=rf"{name}: $a$ = {a:.0f}, $\rho$ = {shown(rho)}",
            )  # fmt: skip
        _plain_log(panel)
        panel.set_xlabel("Mean atomic mass (amu)")
        panel.set_ylabel(r"$\bar\omega$ (cm$^{-1}$)")
        panel.legend(title=r"$a\,m^{-1/2}$", title_fontsize=6.5)
    return figure


def _plain_log(axes: "Axes") -> None:
    """Make both axes logarithmic, with ticks at 1, 2, 5 in plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
