"""The waterfall: one shifted curve a composition, inset with the reference."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.figures.alloy import STEP, Reference, plot_alloy
from phonodos.physics.curve import Curve


@pytest.mark.parametrize("methods", [("embedding",), ("embedding", "vca")])
def test_curves_and_inset(bump: Callable[..., Curve], methods: tuple[str, ...]) -> None:
    x = [0.0, 0.5, 1.0]
    curves = {m: [bump(c) for c in (250, 225, 200)] for m in methods}
    own = dict.fromkeys(methods, bump(225))
    references = [Reference(0.5, bump(220), "elsewhere", own), Reference(1.0, bump(205), "there")]
    figure = plot_alloy(
        x, ["NaCl", "Na0.5K0.5Cl", "KCl"], curves, references=references
    )  # fmt: skip
    panels = [a for a in figure.axes if a.get_xlabel().startswith("Frequency")]
    assert len(panels) == len(methods)
    for panel in panels:
        lines = {line.get_gid(): line for line in panel.get_lines()}
        for k, value in enumerate(x):
            y = lines[f"x={value:g}"].get_ydata()
            assert np.min(y) == pytest.approx(STEP * k, abs=1e-6)
            assert np.max(y) == pytest.approx(STEP * k + 1.0)
        first, second = panel.child_axes
        labels = [line.get_label() for line in first.get_lines()]
        assert labels == ["$x$ = 0.5", "elsewhere"]
        assert [line.get_label() for line in second.get_lines()] == ["there"]
        lower, upper = (inset.get_position() for inset in (first, second))
        assert lower.y1 < upper.y0  # one above the other, over the curves
    assert any("NaCl" in text.get_text() for text in panels[0].texts)


def test_units(bump: Callable[..., Curve]) -> None:
    figure = plot_alloy([0.0], ["NaCl"], {"embedding": [bump(200)]}, unit="THz")
    (line,) = figure.axes[0].get_lines()
    peak = line.get_xdata()[np.argmax(line.get_ydata())]
    assert peak == pytest.approx(200 * 0.0299792458)
