"""Rows: names and units of columns, the numbers of `predict`, spreads, failures."""

from dataclasses import replace

import numpy as np
import pytest

from phonodos.errors import ConfigError, StructureError, reason_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import omega_log, thermal_properties
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.stability import Stability
from phonodos.prediction.uncertainty import Calibration
from phonodos.screening.rows import (
    SPREAD,
    STABILITY,
    STABILITY_SETTING,
    columns,
    failed_row,
    label_of,
    predicted_row,
    schema,
    temperatures_of,
)
from phonodos.screening.source import Item


def prediction_of(crystal: Crystal, top: float = 400.0) -> Prediction:
    w = np.arange(0.0, 501.0)
    g = np.where(w < top, w**2, 0.0)
    dos = PhononDos(w, g * 3 * crystal.n_atoms / np.trapezoid(g, w), crystal.n_atoms)
    return Prediction(crystal, dos, None, "debye", ())


def test_numbers_are_those_of_the_prediction(perovskite: Crystal) -> None:
    p = prediction_of(perovskite)
    row = predicted_row(Item("x", 3, "f.cif", "0", perovskite), p, (0.0, 300.0))
    assert set(row) <= set(columns((0.0, 300.0)))
    assert (row["status"], row["formula"], row["n_atoms"]) == ("ok", "SrTiO3", 5)
    assert (row["spacegroup"], row["spacegroup_symbol"]) == (221, "Pm-3m")
    thermal = p.thermal_properties([0.0, 300.0])
    for basis in ("atom", "formula", "cell", "kg", "cm3"):
        wanted = thermal.per(basis, perovskite)
        assert row[f"c_v_300_per_{basis}"] == pytest.approx(wanted.heat_capacity[1])
        assert row[f"s_300_per_{basis}"] == pytest.approx(wanted.entropy[1])
        assert row[f"f_0_per_{basis}"] == pytest.approx(wanted.zero_point_energy)
    # Debye: <w^2> = 3/5 wD^2, <ln w> = ln wD - 1/3.
    assert row["debye_temperature"] == pytest.approx(400 * 1.4387769, rel=2e-3)
    assert row["omega_log"] == pytest.approx(400 * np.exp(-1 / 3), rel=2e-3)
    assert np.trapezoid(row["dos_densities"], row["dos_frequencies"]) == pytest.approx(15, rel=1e-5)
    assert row["unstable"] is False
    assert not any(f"{name}_std" in row for name in SPREAD)


def test_the_verdict_of_stability(perovskite: Crystal) -> None:
    """`unstable` follows it where there is one; tables of release 0.1 have no such columns."""
    soft = Stability(-80.0, 3.0, (0.5, 0.5, 0.5), "R", 0.97, "unstable")
    p = replace(prediction_of(perovskite), stability=soft)
    row = predicted_row(Item("x", 0, "f", "0", perovskite), p, (300.0,))
    assert (row["unstable"], row["stability"]) == (True, "unstable")
    assert (row["lowest_frequency"], row["instability_probability"]) == (-80.0, 0.97)
    assert set(row) <= set(columns((300.0,)))
    unsure = replace(p, stability=replace(soft, probability=0.4, verdict="unsure"))
    assert predicted_row(Item("x", 0, "f", "0", perovskite), unsure, (300.0,))["unstable"] is False
    before = set(columns((300.0,), stability=False))
    assert set(columns((300.0,))) - before == set(STABILITY)
    settings = {"temperatures": [300.0]}
    assert set(schema(settings).names) == before
    assert set(schema(settings | {STABILITY_SETTING: "x"}).names) == before | set(STABILITY)


def test_the_spread_of_members(perovskite: Crystal) -> None:
    members = [prediction_of(perovskite, top).dos for top in (380.0, 400.0, 420.0)]
    p = replace(prediction_of(perovskite), members=tuple(members))
    row = predicted_row(Item("x", 0, "f", "0", perovskite), p, (300.0,))
    means = [dos.mean_frequency for dos in members]
    assert row["mean_frequency_std"] == pytest.approx(np.std(means, ddof=1))
    assert row["mean_frequency_std"] == pytest.approx(0.75 * 20, rel=0.02)
    assert row["c_v_300_per_kg_std"] > 0.0
    assert len(row["dos_densities_std"]) == len(row["dos_densities"])


def test_calibrated_intervals(perovskite: Crystal) -> None:
    members = tuple(prediction_of(perovskite, top).dos for top in (380.0, 420.0))
    calibrations = {
        "mean_frequency": Calibration(2.0, 1.0, 9),
        "heat_capacity": Calibration(2.0, 0.01, 9),
    }
    p = replace(prediction_of(perovskite), members=members, calibrations=calibrations)
    row = predicted_row(Item("x", 0, "f", "0", perovskite), p, (300.0,))
    assert row["mean_frequency_interval"] == pytest.approx(p.intervals["mean_frequency"].half_width)
    interval = p.intervals["heat_capacity"]
    per_kg = row["c_v_300_per_kg"] / interval.value
    assert row["c_v_300_per_kg_interval"] == pytest.approx(interval.half_width * per_kg)
    wanted = p.thermal_properties([300.0]).per("kg", perovskite).heat_capacity[0]
    assert row["c_v_300_per_kg"] == pytest.approx(wanted)
    assert set(row) <= set(columns((300.0,)))


def test_doubts_and_instability_are_told(perovskite: Crystal) -> None:
    w = np.arange(-100.0, 401.0)
    g = np.full(len(w), 15.0 / 500.0)
    p = Prediction(perovskite, PhononDos(w, g, 5), None, "flat", ("one", "two"))
    row = predicted_row(Item("x", 0, "f", "0", perovskite), p, (300.0,))
    assert row["trust"] == "one; two"
    assert row["unstable"] is True
    assert row["imaginary_fraction"] == pytest.approx(0.178, abs=0.001)


def test_failures(perovskite: Crystal) -> None:
    error = StructureError("x.cif: broken", "cut off", "write it again")
    row = failed_row(Item("x", 0, "x.cif", "0", error), reason_of(error))
    assert row["reason"] == "x.cif: broken: cut off (write it again)"
    assert row.get("formula") is None
    known = failed_row(Item("y", 1, "y.cif", "0", perovskite), "why")
    assert (known["formula"], known["n_atoms"], known["status"]) == ("SrTiO3", 5, "failed")


def test_refining_changes_no_number(perovskite: Crystal) -> None:
    w = np.array([-30.0, -5.0, 0.0, 20.0, 20.5, 60.0])
    dos = PhononDos(w, np.array([0.0, 0.1, 0.2, 0.5, 0.4, 0.0]), 5)
    fine = dos.finer()
    assert set(w) <= set(fine.frequencies.tolist())
    assert np.diff(fine.frequencies).max() <= 1.0
    assert fine.finer() is fine
    assert fine.integral == pytest.approx(dos.integral)
    for t in (0.0, 300.0):
        a, b = (thermal_properties(x, [t]).free_energy[0] for x in (dos, fine))
        assert a == pytest.approx(b, rel=1e-9)
    assert omega_log(fine) == pytest.approx(omega_log(dos), rel=1e-9)
    assert predicted_row(
        Item("x", 0, "f", "0", perovskite), Prediction(perovskite, dos, None, "m", ()), (300.0,)
    )["omega_log"] == pytest.approx(omega_log(dos))


def test_every_quantity_in_every_basis() -> None:
    names = columns(temperatures_of([293.15]))
    for quantity in ("c_v", "s", "f"):
        for kelvin in ("300", "293_15"):
            for basis in ("atom", "formula", "cell", "kg", "cm3"):
                assert f"{quantity}_{kelvin}_per_{basis}" in names
    assert names["c_v_300_per_kg"][1] == "heat capacity C_V at 300 K [J/K per kg]"
    assert names["f_293_15_per_atom"][1].endswith("[J per mol of atoms]")
    assert all(name.isidentifier() for name in names)


def test_units_travel_in_the_schema() -> None:
    form = schema({"temperatures": [300.0]})
    assert form.names[0] == "id"
    for field in form:
        assert field.metadata[b"unit"]


def test_temperatures() -> None:
    assert temperatures_of([500, 293.15, 500]) == (293.15, 300.0, 500.0)
    assert label_of(0.0) == "0"
    for wrong in (-1.0, float("nan"), 1e6, 293.1500001):
        with pytest.raises(ConfigError, match="no temperature"):
            temperatures_of([wrong])
