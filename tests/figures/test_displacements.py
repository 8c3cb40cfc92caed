"""Figure of displacements: one curve a kind of site, a band of the members."""

import numpy as np

from phonodos.figures.displacements import plot_displacements


def test_curves() -> None:
    t = np.array([0.0, 100.0, 200.0])
    u = np.array([0.1, 0.1, 0.2, 0.3]) * (1.0 + t[:, None] / 100.0)
    figure = plot_displacements(t, u, ["Na", "Na", "Cl", "Cl"], title="NaCl", spread=0.1 * u)
    (axes,) = figure.axes
    assert [line.get_gid() for line in axes.get_lines()] == ["site 1", "site 3", "site 4"]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["Na", "Cl", "Cl (2)"]
    assert len(axes.collections) == 3
