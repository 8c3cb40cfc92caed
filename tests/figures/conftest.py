"""Made-up spectra for figures."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.figures.accuracy import Compared
from phonodos.physics.curve import Curve
from phonodos.physics.target import TARGET_GRID


@pytest.fixture
def bump() -> Callable[..., Curve]:
    """Function (centre) -> a curve with one peak."""

    def make(centre: float = 200.0) -> Curve:
        w = np.arange(0.0, 501.0)
        return Curve(w, 3.0 * np.exp(-(((w - centre) / 30.0) ** 2)))

    return make


@pytest.fixture
def compared(rng: np.random.Generator) -> Compared:
    """Forty materials whose errors rise with their number."""
    w = TARGET_GRID.frequencies
    centres = np.linspace(150.0, 600.0, 40)[:, None]
    reference = np.exp(-(((w - centres) / 60.0) ** 2)) + 1e-6
    shift = np.linspace(0.0, 100.0, 40)[:, None]
    predicted = np.exp(-(((w - centres - shift) / 60.0) ** 2)) + 1e-6
    sizes = rng.integers(2, 20, 40)
    return Compared(
        [f"Mg{k}O" for k in range(40)], sizes,
        reference / reference.max(axis=1, keepdims=True),
        predicted / predicted.max(axis=1, keepdims=True),
    )  # fmt: skip
