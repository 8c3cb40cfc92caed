"""Figure of strain: spectra by strain, mean frequency, imaginary share."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.figures.strain import plot_strain
from phonodos.physics.curve import Curve
from phonodos.physics.dos import PhononDos


def test_lines(bump: Callable[..., Curve]) -> None:
    strains = [-0.01, 0.0, 0.01]
    curves = [bump(c) for c in (210, 200, 190)]
    spectra = [PhononDos(c.frequencies, c.values, 2) for c in curves]
    figure = plot_strain(strains, spectra, [0.0, 0.0, 0.2], title="NaCl", gamma=1.6)
    left, middle, right = figure.axes[:3]
    assert [line.get_gid() for line in left.get_lines()] == ["e=-1%", "e=0%", "e=1%"]
    np.testing.assert_allclose(middle.get_lines()[0].get_ydata(), [210, 200, 190], rtol=1e-3)
    assert middle.get_title(loc="right") == r"$\gamma$ = 1.60"
    assert right.get_lines()[0].get_ydata().tolist() == [0.0, 0.0, pytest.approx(20.0)]
