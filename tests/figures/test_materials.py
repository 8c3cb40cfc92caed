"""Figures of many predictions: numbers in titles and legends are those of the data."""

from collections.abc import Callable

import numpy as np

from phonodos.figures.materials import (
    plot_agreement,
    plot_components,
    plot_heat_capacities,
    plot_leaders,
    plot_spring_model,
)
from phonodos.physics.curve import Curve


def test_histogram_counts_everyone() -> None:
    values = np.array([300.0, 500.0, 900.0, 1500.0])
    figure = plot_heat_capacities(values, np.ones((1, 51)), 293.15, 0.02)
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert sum(heights) == 4
    assert figure.axes[0].get_title(loc="right") == "25.0 % above 1000"


def test_components(rng: np.random.Generator) -> None:
    scores, colour = rng.normal(size=(30, 2)), rng.uniform(200, 900, 30)
    figure = plot_components(scores, np.ones((2, 51)), np.array([0.5, 0.25]), colour, -0.6)
    dots = figure.axes[0].collections[0].get_offsets()
    assert sorted(dots[:, 0].tolist()) == sorted(scores[:, 0].tolist())
    assert "50 %" in figure.axes[0].get_xlabel()
    assert "-0.60" in figure.axes[0].get_title(loc="right")


def test_agreement_marks_groups() -> None:
    values = np.array([300.0, 500.0, 900.0])
    rich = {"H-rich": np.array([False, False, True]), "Li-rich": np.array([False] * 3)}
    figure = plot_agreement(values, 1.1 * values, rich, label="DFT")
    (label,) = (t.get_text() for t in figure.axes[0].get_legend().get_texts())
    assert label == "H-rich (1)"
    counts = figure.axes[0].collections[0].get_array()
    assert counts.sum() == 3


def test_leaders(bump: Callable[..., Curve]) -> None:
    rows = [
        {"formula": f"Li{k}H", "predicted": bump(200), "reference": bump(210), "c_v": "9 / 8"}
        for k in range(2, 8)
    ]
    figure = plot_leaders(rows)
    assert sum(axes.axison for axes in figure.axes) == 6
    assert figure.axes[0].get_title(loc="left") == "Li$_{2}$H"


def test_spring_model() -> None:
    masses = np.array([10.0, 40.0, 160.0])
    figure = plot_spring_model(masses, {"DFT": (masses, 1000 * masses**-0.5, 1000.0, -1.0)})
    dots, line = figure.axes[0].get_lines()
    np.testing.assert_allclose(dots.get_ydata(), 1000 * masses**-0.5)
    np.testing.assert_allclose(line.get_ydata()[[0, -1]], 1000 * masses[[0, -1]] ** -0.5)
