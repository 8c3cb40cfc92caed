"""Figures of an evaluation: errors against size, parity of mean frequencies, examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib
import matplotlib.style
import numpy as np
from numpy.typing import NDArray

from phonodos.figures.panels import PAGE_WIDTH, bare, panels, shown
from phonodos.figures.spectra import BLACK, BLUE, COLUMN_WIDTH, GREY, STYLE, formula_label
from phonodos.physics.target import TARGET_GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

PARTS = {"train": (BLUE, "o"), "valid": ("#E69F00", "s"), "test": ("#009E73", "^")}
CLOSE = 0.10  # relative error of the mean frequency that counts as right
QUARTILES = ("#0072B2", "#009E73", "#E69F00", "#D55E00")
EXAMPLES = 7  # a quartile


@dataclass(frozen=True, eq=False)
class Compared:
    """Materials of one part: formulas, sizes, and (n, 51) own-maximum spectra."""

    formulas: Sequence[str]
    n_sites: NDArray[np.int64]
    reference: Array
    predicted: Array

    @property
    def errors(self) -> Array:
        """(n,) mean squared errors."""
        return np.asarray(((self.predicted - self.reference) ** 2).mean(axis=1))

    @property
    def mean_frequencies(self) -> tuple[Array, Array]:
        """(n,) mean frequencies of reference and prediction [cm^-1]."""
        a, b = (x @ TARGET_GRID.frequencies / x.sum(axis=1) for x in self._both())
        return a, b

    def _both(self) -> tuple[Array, Array]:
        return self.reference, self.predicted


def plot_errors_by_size(
    parts: Mapping[str, Compared], rhos: Mapping[str, float | None]
) -> "Figure":
    """Draw the MSE against the number of sites in the cell, with Spearman's rho a part."""
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=2.6)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        for name, compared in parts.items():
            colour, marker = PARTS[name]
            rho = shown(rhos[name])
            panel.plot(
                compared.n_sites, compared.errors, marker, color=colour, ms=2.2, mew=0,
                alpha=0.35 if name == "train" else 0.8, zorder=1 if name == "train" else 2,
                label=rf"{name}: $n$ = {len(compared.errors)}, $\rho$ = {rho}", gid=name,
            )  # fmt: skip
        panel.set_yscale("log")
        panel.set_xscale("log")
        panel.set_xticks([2, 5, 10, 20, 40], ["2", "5", "10", "20", "40"])
        panel.tick_params(which="minor", labelbottom=False)
        low, high = panel.get_ylim()
        panel.set_ylim(low, high * 6.0)
        panel.set_xlabel("Sites in the cell")
        panel.set_ylabel("MSE (51 points, own maximum)")
        panel.legend(loc="upper right", title=r"Spearman's $\rho$", title_fontsize=6.5)
    return figure


def plot_parity(parts: Mapping[str, Compared]) -> "Figure":
    """Draw predicted against reference mean frequencies; the inset holds the relative errors."""
    figure, axes = panels(1, 1, width=COLUMN_WIDTH, height=3.2)
    with matplotlib.style.context(STYLE):
        panel = axes[0]
        inset = panel.inset_axes((0.6, 0.13, 0.37, 0.3))
        bins = np.linspace(0.0, 0.4, 21).tolist()
        for name, compared in parts.items():
            colour, marker = PARTS[name]
            truth, found = compared.mean_frequencies
            relative = np.abs(found - truth) / truth
            panel.plot(
                truth, found, marker, color=colour, ms=2.2, mew=0, gid=name,
                alpha=0.35 if name == "train" else 0.8,
                label=f"{name}: {100 * np.mean(relative < CLOSE):.0f} % within 10 %",
            )  # fmt: skip
            share = np.ones(len(relative)) / len(relative)
            inset.hist(
                np.minimum(relative, bins[-1] - 1e-9), bins, weights=share, histtype="step",
                color=colour, lw=0.9,
            )  # fmt: skip
        ends = [0.0, 1.03 * max(float(np.max(c.mean_frequencies)) for c in parts.values())]
        panel.plot(ends, ends, color=BLACK, lw=0.6, zorder=0)
        panel.fill_between(
            ends, [0.0, ends[1] * (1 - CLOSE)], [0.0, ends[1] * (1 + CLOSE)], color=GREY,
            alpha=0.15, lw=0, zorder=0,
        )  # fmt: skip
        panel.set_xlim(*ends)
        panel.set_ylim(*ends)
        panel.set_aspect("equal")
        panel.set_xlabel(r"Reference $\bar\omega^*$ (cm$^{-1}$)")
        panel.set_ylabel(r"Predicted $\bar\omega$ (cm$^{-1}$)")
        panel.legend(loc="upper left", handletextpad=0.2)
        inset.axvline(CLOSE, color=GREY, lw=0.6, ls=(0, (3, 2)))
        inset.set_xlim(0.0, bins[-1])
        inset.tick_params(labelsize=6, pad=1.5)
        inset.set_xlabel(r"$|\bar\omega-\bar\omega^*|/\bar\omega^*$", fontsize=6.5, labelpad=0.5)
        inset.set_ylabel("share", fontsize=6.5, labelpad=1)
    return figure


def quartiles(errors: Array) -> list[NDArray[np.int64]]:
    """Return the numbers of the materials in each quarter of rising error."""
    return [np.asarray(q) for q in np.array_split(np.argsort(errors, kind="stable"), 4)]


def plot_quartiles(compared: Compared, seed: int) -> "Figure":
    """Draw seven examples of each error quartile, chosen by `seed`, and the errors' distribution.

    Row k holds quartile k; examples are drawn without looking at them.
    """
    rng = np.random.default_rng(seed)
    groups = quartiles(compared.errors)
    width = [1.0] + [1.15] * EXAMPLES
    figure, axes = panels(4, EXAMPLES + 1, width=PAGE_WIDTH, height=3.6, width_ratios=width)
    with matplotlib.style.context(STYLE):
        for row, (group, colour) in enumerate(zip(groups, QUARTILES, strict=True)):
            cells = axes[row * (EXAMPLES + 1) : (row + 1) * (EXAMPLES + 1)]
            if row:
                bare(cells[0])
            picked = np.sort(rng.permutation(group)[:EXAMPLES])
            for panel, index in zip(cells[1:], picked, strict=False):
                _example(panel, compared, int(index), colour, last=row == 3)
            for panel in cells[1 + len(picked) :]:
                bare(panel)
        _distribution(figure, axes[0], compared.errors, groups)
    return figure


def plot_all_examples(compared: Compared, columns: int = 8, rows: int = 10) -> "list[Figure]":
    """Draw every material by rising error, on as many sheets as that takes."""
    order = np.argsort(compared.errors, kind="stable")
    sheets = []
    place = {int(k): q for q, group in enumerate(quartiles(compared.errors)) for k in group}
    for start in range(0, len(order), rows * columns):
        chosen = order[start : start + rows * columns]
        n_rows = -(-len(chosen) // columns)
        figure, axes = panels(n_rows, columns, width=PAGE_WIDTH, height=0.3 + 0.88 * n_rows)
        with matplotlib.style.context(STYLE):
            for k, (panel, index) in enumerate(zip(axes, chosen, strict=False)):
                colour = QUARTILES[place[int(index)]]
                _example(panel, compared, int(index), colour, last=k + columns >= len(chosen))
            for panel in axes[len(chosen) :]:
                bare(panel)
        sheets.append(figure)
    return sheets


def _example(axes: "Axes", compared: Compared, index: int, colour: str, *, last: bool) -> None:
    w = TARGET_GRID.frequencies
    axes.fill_between(w, compared.reference[index], color="#BBBBBB", lw=0)
    axes.plot(w, compared.reference[index], color=BLACK, lw=0.6, gid="reference")
    axes.plot(w, compared.predicted[index], color=colour, lw=0.9, gid="predicted")
    axes.set_xlim(0.0, 1000.0)
    axes.set_ylim(0.0, 1.35)
    axes.set_yticks([])
    axes.set_xticks([0, 500, 1000], ["0", "500", ""] if last else [])
    axes.tick_params(labelsize=5.5, which="both", top=False, length=1.5)
    label = formula_label(compared.formulas[index])
    axes.text(0.96, 0.95, label, transform=axes.transAxes, ha="right", va="top", fontsize=6)
    if last:
        axes.set_xlabel("cm$^{-1}$", fontsize=6, labelpad=0.5)


def _distribution(
    figure: "Figure", axes: "Axes", errors: Array, groups: Sequence[NDArray[np.int64]]
) -> None:
    bare(axes)
    panel = figure.add_axes((0.045, 0.11, 0.064, 0.86))
    panel.set_in_layout(False)
    top = max(float(np.quantile(errors, 0.97)), 1e-9)
    bins = np.linspace(0.0, top, 31).tolist()
    for group, colour in zip(groups, QUARTILES, strict=True):
        panel.hist(
            np.minimum(errors[group], top * (1 - 1e-9)), bins, orientation="horizontal",
            color=colour, lw=0,
        )  # fmt: skip
    panel.set_ylim(top, 0.0)
    panel.set_ylabel("MSE", fontsize=6.5, labelpad=1)
    panel.set_xlabel("count", fontsize=6.5, labelpad=1)
    panel.tick_params(labelsize=5.5)
