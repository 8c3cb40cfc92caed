"""Sheets of several panels in the house style."""

from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from phonodos.figures.spectra import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE_WIDTH = 7.0  # [inch], two columns of a journal


def panels(
    rows: int, columns: int, *, width: float, height: float, **grid: Any
) -> "tuple[Figure, list[Axes]]":
    """Return a figure [inch] and its axes, row by row; `grid` goes to ``Figure.subplots``."""
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **grid)
        return figure, list(np.asarray(axes).ravel())


def letter(axes: "Axes", name: str) -> None:
    """Name a panel in bold above its left corner."""
    axes.set_title(name, loc="left", fontweight="bold", pad=4)


def bare(axes: "Axes") -> None:
    """Leave a panel without axes."""
    axes.set_axis_off()


def shown(rho: float | None) -> str:
    """Return a coefficient of correlation with its sign and two digits, or a dash."""
    return "–" if rho is None else f"{rho:+.2f}"
