"""Intervals from the spread of members."""

import numpy as np
import pytest

from phonodos.model.header import WeightHeader
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.prediction.uncertainty import (
    HEADER_KEY,
    LEVEL,
    Calibration,
    as_header,
    calibrations_of,
    intervals,
    quantities,
    spreads,
)


def bump(centre: float) -> PhononDos:
    w = np.arange(0.0, 1001.0)
    g = np.exp(-(((w - centre) / 40.0) ** 2))
    return PhononDos(w, g * 6.0 / np.trapezoid(g, w), 2)


def test_quantities_are_per_atom_and_on_the_whole_axis() -> None:
    dos = bump(300.0)
    found = quantities(dos)
    assert found["mean_frequency"] == pytest.approx(300.0, abs=0.1)
    cell = thermal_properties(dos, [300.0]).heat_capacity[0]
    assert found["heat_capacity"] == pytest.approx(cell / 2)


def test_spread_is_the_sample_standard_deviation() -> None:
    members = [bump(290.0), bump(300.0), bump(310.0)]
    assert spreads(members)["mean_frequency"] == pytest.approx(10.0, abs=0.1)
    assert spreads(members[:1]) == {"mean_frequency": 0.0, "heat_capacity": 0.0}


def test_interval_grows_with_the_spread_and_never_below_the_floor() -> None:
    calibration = {"mean_frequency": Calibration(factor=2.0, floor=3.0, materials=50)}
    alone = intervals(bump(300.0), (), calibration)["mean_frequency"]
    assert alone.half_width == pytest.approx(6.0)
    wide = intervals(bump(300.0), (bump(296.0), bump(304.0)), calibration)["mean_frequency"]
    assert wide.half_width == pytest.approx(2.0 * np.hypot(np.sqrt(32.0), 3.0), rel=1e-3)
    assert wide.unit == "cm^-1"
    assert wide.level == LEVEL
    assert 300.0 in wide
    assert wide.high + 0.1 not in wide
    assert wide.low == pytest.approx(wide.value - wide.half_width)


def test_no_interval_without_a_calibration_for_that_number_of_members() -> None:
    calibration = {"heat_capacity": Calibration(1.5, 0.1, 100)}
    header = WeightHeader.of({"name": "x", HEADER_KEY: {"4": as_header(calibration)}})
    assert calibrations_of(header, 4) == calibration
    assert calibrations_of(header, 3) == {}
    assert calibrations_of(WeightHeader(name="x"), 1) == {}
    assert intervals(bump(300.0), (), {}) == {}
