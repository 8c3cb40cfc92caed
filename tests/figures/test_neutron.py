"""Figure of neutron spectra: lines by element, a band, the side of energy gain."""

import numpy as np

from phonodos.figures.neutron import plot_neutron


def test_both_sides() -> None:
    w = np.arange(-300.0, 301.0)
    parts = {"Na": np.exp(-(((w - 100) / 20) ** 2)), "Cl": np.exp(-(((w + 100) / 20) ** 2))}
    figure = plot_neutron(w, parts, title="NaCl", unit="meV", spread=0.1 * parts["Na"],
                          conditions="ARCS, 300 K")  # fmt: skip
    (axes,) = figure.axes
    lines = {line.get_gid(): line for line in axes.get_lines()}
    assert {"all", "Na", "Cl"} <= set(lines)
    assert lines["all"].get_ydata().max() == 1.0
    assert axes.get_xlim()[0] < 0.0
    assert "gain" in axes.get_xlabel()
    assert axes.get_title(loc="right") == "ARCS, 300 K"
    assert len(axes.collections) == 2


def test_one_element_at_loss() -> None:
    w = np.arange(0.0, 301.0)
    figure = plot_neutron(w, {"Si": np.exp(-(((w - 100) / 20) ** 2))}, title="Si")
    (axes,) = figure.axes
    assert axes.get_legend() is None
    assert "gain" not in axes.get_xlabel()
