"""`Prediction`: intervals of calibrated ensembles alone, thermodynamics of the cell as given."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.uncertainty import Calibration

CALIBRATED = {"mean_frequency": Calibration(factor=2.0, floor=3.0, materials=100)}


def bump(centre: float) -> PhononDos:
    w = np.arange(0.0, 601.0)
    g = np.exp(-(((w - centre) / 30.0) ** 2))
    return PhononDos(w, g * 6.0 / np.trapezoid(g, w), 2)


def test_intervals_come_from_the_spread_and_the_calibration(rock_salt: Crystal) -> None:
    members = (bump(296.0), bump(304.0))
    found = Prediction(rock_salt, bump(300.0), None, "x", (), members, CALIBRATED).intervals
    assert set(found) == {"mean_frequency"}
    spread = np.std([m.mean_frequency for m in members], ddof=1)
    wanted = 2.0 * np.hypot(spread, 3.0)
    assert found["mean_frequency"].half_width == pytest.approx(wanted, rel=1e-6)


def test_nothing_is_stated_that_was_not_calibrated(rock_salt: Crystal) -> None:
    assert Prediction(rock_salt, bump(300.0), None, "x", (), (bump(1.0), bump(2.0))).intervals == {}


def test_thermodynamics_of_one_and_of_many_temperatures(rock_salt: Crystal) -> None:
    prediction = Prediction(rock_salt, bump(300.0), None, "x", ())
    one = prediction.thermal_properties(300)
    many = prediction.thermal_properties([100, 300])
    assert one.heat_capacity.shape == (1,)
    assert many.heat_capacity[1] == pytest.approx(one.heat_capacity[0], rel=1e-12)
    assert many.heat_capacity[0] < many.heat_capacity[1] < 6 * 8.3145
    np.testing.assert_array_equal(
        many.entropy, thermal_properties(bump(300.0), [100.0, 300.0]).entropy
    )


def test_the_largest_frequency_of_an_ensemble(rock_salt: Crystal) -> None:
    members = tuple(replace(bump(300.0), highest=w) for w in (348.0, 352.0))
    found = Prediction(rock_salt, mean_of(members), None, "x", (), members)
    assert found.max_frequency == 350.0
    assert found.max_frequency_spread == pytest.approx(np.sqrt(8.0))
    single = Prediction(rock_salt, bump(300.0), None, "x", ())
    assert single.max_frequency == single.dos.max_frequency
    assert single.max_frequency_spread is None
