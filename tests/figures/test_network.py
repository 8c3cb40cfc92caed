"""Drawings of a network: curves, maps with the parity of their harmonic, a box a layer."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from phonodos.figures.network import (
    Anatomy,
    Filter,
    Layer,
    draw_filter,
    draw_layers,
    draw_radial,
    filter_map,
)

R = np.linspace(0.0, 4.0, 41)


def made_up() -> Anatomy:
    functions = np.stack([np.sin(np.pi * R / 4.0), 0.5 * np.cos(np.pi * R / 4.0)], axis=1)
    filters = tuple(Filter(degree, 12, (degree + 1) * functions) for degree in range(3))
    layers = (
        Layer("first", "2 masses", "2×0e", 6), Layer("second", "2×0e", "5×0e", 1234, filtered=True)
    )  # fmt: skip
    return Anatomy(R, filters, layers)


def test_radial_functions() -> None:
    axes = Figure().subplots()
    draw_radial(axes, made_up())
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == [f"$l={k}$, 2 of 12" for k in range(3)]
    assert axes.get_xlim() == (0.0, 4.0)
    bold = [line for line in axes.get_lines() if line.get_linewidth() > 1.0]
    assert [float(np.max(np.asarray(line.get_ydata()))) for line in bold] == pytest.approx(
        [1.0, 2.0, 3.0]
    )


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_a_map_is_the_function_times_the_harmonic(degree: int) -> None:
    anatomy = made_up()
    values = filter_map(anatomy, anatomy.filters[degree])
    middle = len(values) // 2
    # Half-way up the axis of z, sin(pi / 2) = 1 and P_l(1) = 1.
    up = values[middle + len(values) // 4, middle]
    assert up == pytest.approx((degree + 1) * np.sqrt(2 * degree + 1), rel=1e-3)
    inside = np.isfinite(values)
    np.testing.assert_allclose(values[inside], (-1) ** degree * values[::-1][inside], atol=1e-9)
    assert np.isnan(values[0, 0])  # beyond the cutoff


def test_filters_and_layers_are_labelled() -> None:
    anatomy = made_up()
    one, other = Figure().subplots(1, 2)
    draw_filter(one, anatomy, anatomy.filters[1])
    assert [t.get_text() for t in one.texts] == ["$R_{1}(r)\\,Y_{10}$"]
    draw_layers(other, anatomy)
    words = [t.get_text() for t in other.texts if t.get_text()]
    assert words == [
        "first  (6)", "2 masses", "second  (1,234)", "2×0e", "$R_lY_{lm}$", "5×0e"
    ]  # fmt: skip


def test_a_network_of_zeros_is_drawn() -> None:
    anatomy = made_up()
    nothing = Filter(0, 1, np.zeros((len(R), 1)))
    figure = Figure()
    draw_filter(figure.subplots(), anatomy._replace(filters=(nothing,)), nothing)
    figure.canvas.draw()
