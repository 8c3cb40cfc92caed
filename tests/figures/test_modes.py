"""Figure of eps(w) and reflectivity: axes that see the same are drawn once."""

import numpy as np

from phonodos.figures.modes import plot_modes


def test_curves() -> None:
    w = np.arange(0.0, 100.0)
    eps = np.tile([3.0 + 1j, 3.0 + 1j, 4.0 + 2j], (100, 1))
    figure = plot_modes(w, eps, np.full((100, 3), 0.5), title="ZnO")
    labels = [line.get_label() for line in figure.axes[1].get_lines()]
    assert labels == ["x, y", "z"]
