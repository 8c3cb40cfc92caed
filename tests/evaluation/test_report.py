"""The report: groups, rows, files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from phonodos.evaluation.report import Judged, Report, Seen, report_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.target import dos_from_target, target_of
from phonodos.results.desk import Results

SEEN = Seen({"Na": 100, "Cl": 50, "H": 12}, frozenset({"NaCl"}))
MATERIALS = [("a", ["Na", "Cl"]), ("b", ["Na", "H"]), ("c", ["U", "Cl"]), ("d", ["Na"] * 21)]


def spectrum(at: float, n_atoms: int) -> PhononDos:
    w = np.arange(0.0, 1001.0)
    g = np.exp(-0.5 * ((w - at) / 60) ** 2)
    return PhononDos(w, 3 * n_atoms * g / np.trapezoid(g, w), n_atoms)


@pytest.fixture
def report() -> Report:
    judged = []
    for k, (name, symbols) in enumerate(MATERIALS):
        n = len(symbols)
        coords = np.arange(3 * n).reshape(n, 3) / (3 * n)
        crystal = Crystal.ordered(20.0 * np.eye(3), coords, symbols, name)
        values = np.exp(-0.5 * ((np.arange(51) * 20.0 - 300 - 20 * k) / 60) ** 2)
        predicted = dos_from_target(values, n)
        judged.append(Judged(name, crystal, spectrum(300.0, n), predicted))
    return report_of(judged, SEEN, failed={"e": "no neighbours"})


def test_groups(report: Report) -> None:
    sizes = {name: group["n"] for name, group in report.summary["groups"].items()}
    assert report.summary["n"] == 4
    assert sizes["hydrogen"] == 1
    assert sizes["unseen element"] == 1
    assert sizes["rarest element <= 15"] == 1
    assert sizes["rarest element > 40"] == 2
    assert sizes["up to 6 atoms"] == 3
    assert "7 to 20 atoms" not in sizes
    assert sizes["more than 20 atoms"] == 1
    assert sizes["formula not in train"] == 3
    assert "imaginary modes" not in sizes
    quartiles = [report.summary["groups"][f"error quartile {k}"] for k in (1, 2, 3, 4)]
    errors = [q["spectrum"]["mse"] for q in quartiles]
    assert errors == sorted(errors)
    assert sum(q["n"] for q in quartiles) == 4


def test_shifts_are_found(report: Report) -> None:
    assert report.summary["spectrum"]["mean_frequency_mae"] == pytest.approx(30.0, abs=1.0)
    assert report.summary["full"]["wd"] == pytest.approx(30.0, abs=3.0)
    assert report.rows[0]["id"] == "a"
    shift = float(report.rows[3]["predicted_mean_frequency_51_cm-1"]) - 300
    assert shift == pytest.approx(60, abs=1)
    assert report.rows[0]["gap_position_cm-1"] is None
    assert float(report.rows[0]["mae"]) < float(report.rows[3]["mae"])


def test_errors_by_temperature_end_where_the_reference_does() -> None:
    """A spectrum on an axis of 1 cm^-1 says nothing of 5 K, one with imaginary modes nothing."""
    crystal = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "H"], "x")
    w = np.arange(0.0, 401.0)
    reference = PhononDos(w, 18 * w**2 / 400.0**3, 2)
    stiffer = PhononDos(w * 1.02, 18 * w**2 / 400.0**3 / 1.02, 2)
    found = report_of([Judged("x", crystal, reference, stiffer)], SEEN).summary["thermal"]
    assert found["heat_capacity"]["5"] is None
    assert found["entropy"]["5"] is None
    assert found["heat_capacity"]["10"] == pytest.approx(100 * (1 - 1.02**-3), rel=0.02)
    assert found["entropy"]["300"] < found["entropy"]["10"]
    soft = PhononDos(w - 150.0, reference.densities, 2)
    unknown = report_of([Judged("x", crystal, soft, stiffer)], SEEN).summary["thermal"]
    assert unknown["heat_capacity"]["300"] is None
    fine = PhononDos(w / 4.0, 4.0 * reference.densities, 2)
    known = report_of([Judged("x", crystal, fine, fine)], SEEN).summary["thermal"]
    assert known["heat_capacity"]["5"] == 0.0


def test_states_beyond_the_51_points_count_on_the_full_axis_only() -> None:
    """A network that ends at 1000 cm^-1 may match there and still miss the heat capacity."""
    crystal = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "H"], "x")
    w = np.arange(0.0, 1801.0)
    low, high = (np.exp(-0.5 * ((w - x) / 40) ** 2) for x in (300.0, 1500.0))
    reference = PhononDos(w, 6 * (low + high) / np.trapezoid(low + high, w), 2)
    predicted = dos_from_target(target_of(reference), 2)
    summary = report_of([Judged("x", crystal, reference, predicted)], SEEN).summary
    assert summary["spectrum"]["mse"] == pytest.approx(0.0, abs=1e-12)
    assert summary["spectrum"]["heat_capacity_mae"] == pytest.approx(0.0, abs=1e-9)
    assert summary["full"]["heat_capacity_mae"] > 5.0
    assert summary["full"]["max_frequency_mae"] > 1000.0
    assert summary["full"]["wd"] == pytest.approx(600.0, abs=20.0)


def test_files(report: Report, tmp_path: Path) -> None:
    report.write(Results(tmp_path))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["failed"] == {"e": "no neighbours"}
    assert metrics["spectrum"] == report.summary["spectrum"]
    assert metrics["definitions"]["spectrum.wd"].startswith("WD [cm^-1]")
    assert metrics["full"]["imaginary"]["true"] == metrics["full"]["imaginary"]["found"] == 0
    with (tmp_path / "materials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["id"] for r in rows] == ["a", "b", "c", "d"]
    table = (tmp_path / "summary.md").read_text()
    assert "| all | 4 |" in table
    assert "WD [cm^-1]" in table
    assert "C_V(300 K) MAE: full axis" in table
