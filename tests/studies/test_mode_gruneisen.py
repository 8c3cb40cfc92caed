"""Single modes: their mean is the slope of the mean, special points, what has no parameter."""

import json

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import strained
from phonodos.prediction.predictor import Predictor
from phonodos.studies.mode_gruneisen import COLUMNS, STEP, _check_same, mode_gruneisen


def test_the_mean_over_modes_is_the_slope_of_the_mean_square(
    lattice: Predictor, rock_salt: Crystal
) -> None:
    """Sum of w^2 gamma over the branches is -1/2 dTr D/d ln V, whatever crosses or is imaginary."""
    found = mode_gruneisen(rock_salt, lattice)
    traces = []
    for e in (-STEP, STEP):
        dynamics = next(lattice.predict_many([strained(rock_salt, e)])).lattice
        assert dynamics is not None
        w = dynamics.frequencies(np.array([p.qpoint for p in found.points]))
        traces.append((np.sign(w) * w**2).sum(axis=1))
    slope = (traces[1] - traces[0]) / (3.0 * (np.log1p(STEP) - np.log1p(-STEP)))
    for point, expected in zip(found.points, slope, strict=True):
        if np.isfinite(point.gammas).all():
            mean = (point.frequencies**2 * point.gammas).sum()
            assert mean == pytest.approx(-expected / 2.0, rel=1e-3)
    assert any(np.isfinite(point.gammas).all() for point in found.points)


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
    _check_same(rock_salt, strained(rock_salt, 0.01))
    moved = Crystal.ordered(rock_salt.cell, [[0, 0, 0], [0.5, 0.5, 0.501]], ["Na", "Cl"])
    with pytest.raises(PredictionError, match="do not belong together"):
        _check_same(rock_salt, moved)
