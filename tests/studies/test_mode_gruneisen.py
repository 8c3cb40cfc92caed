"""Single modes: their mean is the slope of the mean, special points, what has no parameter."""

import json

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import strained
from phonodos.prediction.predictor import Predictor
from phonodos.studies.mode_gruneisen import COLUMNS, STEP, check_same_atoms, mode_gruneisen


def test_the_mean_over_modes_is_the_slope_of_the_mean_square(
    lattice: Predictor, rock_salt: Crystal
) -> None:
    """Sum of w^2 gamma over the real branches is -1/2 d(sum of w^2)/d ln V, whatever crosses."""
    found = mode_gruneisen(rock_salt, lattice)
    squares = []
    for e in (-STEP, STEP):
        dynamics = next(lattice.predict_many([strained(rock_salt, e)])).lattice
        assert dynamics is not None
        squares.append(dynamics.frequencies(np.array([p.qpoint for p in found.points])) ** 2)
    slopes = (squares[1] - squares[0]) / (3.0 * (np.log1p(STEP) - np.log1p(-STEP)))
    for point, slope in zip(found.points, slopes, strict=True):
        real = np.isfinite(point.gammas)  # the highest ones, before and after
        mean = (point.frequencies**2 * point.gammas)[real].sum()
        assert mean == pytest.approx(-slope[real].sum() / 2.0, rel=1e-2)
    assert sum(np.isfinite(point.gammas).sum() for point in found.points) >= 6


def test_table_and_record(lattice: Predictor, rock_salt: Crystal) -> None:
    found = mode_gruneisen(rock_salt, lattice)
    assert {"GAMMA", "X", "L"} <= {point.label for point in found.points}
    gamma = found.points[0]
    assert gamma.label == "GAMMA"
    assert np.isnan(gamma.gammas[np.abs(gamma.frequencies) < 0.1]).all()
    names, rows = found.table()
    assert names == COLUMNS
    assert len(rows) == 6 * len(found.points)
    assert [row[4] for row in rows[:6]] == [1, 2, 3, 4, 5, 6]
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["points"][0]["label"] == "GAMMA"
    assert None in record["points"][0]["gruneisen"]
    assert np.isfinite([record["mode_average"], record["thermal_300_K"]]).all()


def test_cells_that_do_not_belong_together(rock_salt: Crystal) -> None:
    check_same_atoms(rock_salt, strained(rock_salt, 0.01))
    moved = Crystal.ordered(rock_salt.cell, [[0, 0, 0], [0.5, 0.5, 0.501]], ["Na", "Cl"])
    with pytest.raises(PredictionError, match="do not belong together"):
        check_same_atoms(rock_salt, moved)
