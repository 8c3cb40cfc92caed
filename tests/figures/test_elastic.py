"""Figure of elastic anisotropy: what is drawn, and what an unstable crystal has."""

import numpy as np

from phonodos.figures.elastic import PLANES, circle, plot_elastic


def test_curves() -> None:
    speeds = {plane: np.tile([3000.0, 4000.0, 8000.0], (181, 1)) for plane in PLANES[:2]}
    young = {plane: np.full(181, 100.0 + k) for k, plane in enumerate(PLANES)}
    figure = plot_elastic(speeds, young, title="MgO")
    first, _, last = figure.axes
    assert [line.get_gid() for line in first.get_lines()] == ["v1 xy", "v2 xy", "v3 xy"]
    assert first.get_lines()[2].get_ydata()[0] == 8.0
    assert [line.get_gid() for line in last.get_lines()] == ["E xy", "E xz", "E yz"]
    assert [t.get_text() for t in first.get_xticklabels()][:2] == ["x", "y"]


def test_unstable() -> None:
    speeds = {"xy": np.full((181, 3), np.nan), "xz": np.full((181, 3), np.nan)}
    figure = plot_elastic(speeds, {}, title="X")
    assert [t.get_text() for t in figure.axes[2].texts] == ["unstable"]


def test_circle() -> None:
    angles, vectors = circle("yz", 5)
    np.testing.assert_allclose(vectors[1], [0.0, 0.0, 1.0], atol=1e-12)
    assert angles[-1] == 2.0 * np.pi
