"""Names, units and bases of the measures: the report has no number without them."""

import numpy as np
import pytest

from phonodos.evaluation.lattice_errors import LatticeErrors
from phonodos.evaluation.measures import (
    FEATURES,
    HEADLINE,
    MEASURES,
    ON_REQUEST,
    UNDEFINED,
    definitions,
    flatten,
    in_order,
    markdown_table,
    measure_of,
)
from phonodos.evaluation.report import Judged, Seen, report_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import dos_from_target
from phonodos.prediction.stability import Stability
from phonodos.prediction.uncertainty import UNITS, Interval


def test_every_number_of_the_report_has_a_name(rock_salt: Crystal) -> None:
    dos = dos_from_target(np.exp(-(((np.arange(51) - 12.0) / 4) ** 2)), 2)
    errors = LatticeErrors(5.0, 0.1, 0.02, 7.0, sound=((0.9, 1.0, 1.1),), path_lowest=40.0)
    stated = {name: Interval(1.0, 0.1, unit) for name, unit in UNITS.items()}
    stability = Stability(50.0, 1.0, (0.5, 0.0, 0.5), "X", 0.1, "stable")
    judged = Judged("a", rock_salt, dos, dos, errors, stated, stability, 60.0)
    summary = report_of([judged], Seen({}, frozenset())).summary
    always = set(MEASURES) - set(ON_REQUEST)
    assert set(flatten(summary)) == always
    for group in summary["groups"].values():
        assert set(flatten(group)) == always


def test_headlines_are_measures() -> None:
    assert set(HEADLINE) | set(FEATURES) <= set(MEASURES)


def test_energies_name_unit_and_amount() -> None:
    assert MEASURES["full.heat_capacity_mae"].head == "C_V(300 K) MAE [J/(K mol of atoms)]"
    assert "full axis" in definitions()["full.heat_capacity_mae"]
    assert "1000 cm^-1" in definitions()["spectrum.heat_capacity_mae"]
    assert "own-max" in definitions()["spectrum.mse"]


@pytest.mark.parametrize(
    ("key", "value", "shown", "given"),
    [
        ("spectrum.mse", 0.02296, "0.0230", "0.02296"),
        ("spectrum.r2", 0.56, "0.560", "0.56"),
        ("spectrum.wd", 39, "39.0", "39"),
        ("spectrum.within_10_percent", 0.6316, "63 %", "63 %"),
        ("features.gaps", 61, "61", "61"),
        ("full.imaginary.f1", None, UNDEFINED, UNDEFINED),
    ],
)
def test_numbers_as_text(key: str, value: float | None, shown: str, given: str) -> None:
    assert MEASURES[key].show(value) == shown
    assert MEASURES[key].as_given(value) == given


def test_flatten_takes_numbers_of_any_section_and_leaves_the_rest() -> None:
    metrics = {
        "n": 3,
        "model": "x",
        "spectrum": {"mse": 0.1, "note": "words", "flag": True},
        "born": {"mae": 0.2, "by": {"axis": None}},
        "groups": {"hydrogen": {"spectrum": {"mse": 9.0}}},
        "failed": {"a": "reason"},
        "definitions": {"spectrum.mse": "..."},
    }
    assert flatten(metrics) == {"spectrum.mse": 0.1, "born.mae": 0.2, "born.by.axis": None}


def test_unknown_measures_come_last_under_their_own_name() -> None:
    assert in_order(["z.new", "full.wd", "a.new", "spectrum.mse"]) == [
        "spectrum.mse",
        "full.wd",
        "a.new",
        "z.new",
    ]
    assert measure_of("a.new").head == "`a.new`"
    assert measure_of("a.new").show(0.25) == "0.2500"


def test_table() -> None:
    table = markdown_table(["a", "b", "c"], [["1", "2", "3"], ["4", "5", "6"]], words=2)
    assert table.splitlines() == [
        "| a | b | c |",
        "|---|---|---:|",
        "| 1 | 2 | 3 |",
        "| 4 | 5 | 6 |",
    ]
