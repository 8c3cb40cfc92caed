"""Overlays: every curve over its own maximum, literature values marked."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.figures.comparison import Overlay, plot_comparison, plot_comparisons
from phonodos.physics.curve import Curve


def test_one_overlay(bump: Callable[..., Curve]) -> None:
    overlay = Overlay("SrTiO3 (cubic)", {"phonodos": bump(200)}, bump(180), "measured")
    figure = plot_comparison(overlay, "meV")
    (axes,) = figure.axes
    lines = {line.get_gid(): line for line in axes.get_lines()}
    assert max(lines["phonodos"].get_ydata()) == 1.0
    assert max(lines["reference"].get_ydata()) == 1.0
    at = lines["reference"].get_xdata()[np.argmax(lines["reference"].get_ydata())]
    assert at == pytest.approx(180 * 0.1239841984, rel=1e-6)
    assert axes.get_title(loc="left") == "SrTiO$_{3}$ (cubic)"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["measured", "phonodos"]


def test_a_sheet(bump: Callable[..., Curve]) -> None:
    overlays = [
        Overlay("UO2", {"a": bump(200)}, marks=(100.0, 450.0)),
        Overlay("SrTiO3", {"a": bump(200)}, band=(300.0, 400.0)),
        Overlay("KCl", {"a": bump(200), "b": bump(210)}),
    ]
    figure = plot_comparisons(overlays)
    shown = [a for a in figure.axes if a.axison]
    assert len(shown) == 3
    assert shown[0].get_xlim()[1] > 450
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["peak, literature", "a", "gap, literature", "b"]
