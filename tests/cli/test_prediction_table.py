"""What the table of `predict` leaves out is said."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.cli.prediction_table import _number, report
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.record import (
    absent_intervals,
    interval_record,
    largest_record,
    quantities,
    remarks,
)
from phonodos.prediction.uncertainty import Calibration


@pytest.fixture
def mixed(rock_salt: Crystal) -> Crystal:
    return Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0}))


def prediction(crystal: Crystal, lattice: object) -> Prediction:
    dos = PhononDos(np.arange(101.0), np.full(101, 0.06), 2)
    return Prediction(crystal, dos, lattice, "x", ())  # type: ignore[arg-type]


def test_imaginary_states() -> None:
    crystal = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0]], ["Po"])
    p = prediction(crystal, None)
    assert remarks(p, 0.0005, ("phonopy",)) == []
    (text,) = remarks(p, 0.0123, ("phonopy",))
    assert text.startswith("1.2 % of the states are imaginary and left out of heat capacity")


def test_shared_sites_have_no_phonopy_yaml(mixed: Crystal, rock_salt: Crystal) -> None:
    (text,) = remarks(prediction(mixed, object()), 0.0, ("phonopy", "csv"))
    assert text.startswith("no phonopy_params.yaml")
    assert remarks(prediction(mixed, object()), 0.0, ("csv",)) == []
    assert remarks(prediction(mixed, None), 0.0, ("phonopy",)) == []
    assert remarks(prediction(rock_salt, object()), 0.0, ("phonopy",)) == []


def test_an_interval_that_does_not_hold_is_not_available(
    rock_salt: Crystal, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("mean_frequency", "heat_capacity")
    calibrations = {name: Calibration(2.0, 1.0, 100) for name in named}
    held = replace(prediction(rock_salt, None), calibrations=calibrations)
    doubtful = replace(held, outside=("a metal", "unstable"))
    assert absent_intervals(held) == {}
    assert absent_intervals(doubtful) == dict.fromkeys(calibrations, "n/a: a metal, unstable")
    assert absent_intervals(replace(doubtful, calibrations={})) == {}
    rows = [
        {
            "name": name, "formula": "NaCl", "n_atoms": 2, "warnings": [], "folder": ".",
            "files": [], "intervals": interval_record(p, "cm-1"),
            "absent_intervals": absent_intervals(p),
            **{k: {"value": v, "unit": u} for k, (v, u) in quantities(p, "cm-1").items()},
        }
        for name, p in (("sure", held), ("soft", doubtful))
    ]  # fmt: skip
    report(rows, "x", "cm-1")
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["sure"].count("+-") == 2
    assert lines["sure"].count("n/a") == 0
    assert lines["soft"].count("+-n/a") == 2
    assert "n/a soft: no interval is stated, since 9 of 10 would not hold: a metal, unstable" in (
        " ".join(out.split())
    )
    assert "Debye (2nd moment)" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_largest_frequency_has_a_spread(rock_salt: Crystal) -> None:
    dos = prediction(rock_salt, None).dos
    members = tuple(replace(dos, highest=w) for w in (90.0, 94.0))
    found = replace(prediction(rock_salt, None), dos=mean_of(members), members=members)
    assert largest_record(found, "cm-1") == {
        "value": 92.0, "unit": "cm-1", "spread": pytest.approx(np.sqrt(8.0))
    }  # fmt: skip
    assert "spread" not in largest_record(prediction(rock_salt, None), "THz")
    row = {"max_frequency": largest_record(found, "cm-1"), "intervals": {}, "absent_intervals": {}}
    assert _number(row, "max_frequency", 0) == "92(3)"
    assert _number(row, "max_frequency", 1) == "92.0(28)"


def test_wide_numbers_stand_under_their_heads(
    rock_salt: Crystal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hundredths of THz with their half width take more room than cm^-1 do."""
    p = replace(
        prediction(rock_salt, None), calibrations={"mean_frequency": Calibration(2.0, 1.0, 100)}
    )
    facts = quantities(p, "THz")
    row = {
        "name": "NaCl", "formula": "NaCl", "n_atoms": 8, "warnings": [], "folder": ".",
        "files": [], "absent_intervals": {},
        "intervals": {"mean_frequency": {"half_width": 10.11}},
        **{k: {"value": v, "unit": u} for k, (v, u) in facts.items()},
        "mean_frequency": {"value": 14.78, "unit": "THz"},
    }  # fmt: skip
    report([row], "x", "THz")
    head, unit, _, line, *rest = capsys.readouterr().out.splitlines()
    assert "14.78+-10.11" in line
    end = line.index("14.78+-10.11") + len("14.78+-10.11")
    assert head[:end].endswith("mean")
    assert unit[:end].endswith("THz")
    assert max(map(len, (head, unit, line, *rest))) <= 80
