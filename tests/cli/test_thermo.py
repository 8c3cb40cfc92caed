"""`phonodos thermo`: temperatures, amounts of substance, files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_table_and_files(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    command = ("thermo", examples / "NaCl.cif", "--tmin", "100", "--tmax", "500", "--tstep", "200")
    done = phonodos(*command)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "NaCl (NaCl), per mol of atoms"
    assert [line.split()[0] for line in lines[4:7]] == ["100", "300", "500"]
    text = (tmp_path / "NaCl" / "thermal_properties.csv").read_text()
    rows = list(csv.reader(x for x in text.splitlines() if x[0] != "#"))
    assert rows[0][1] == "heat_capacity [J/(K mol of atoms)]"
    assert float(rows[2][1]) == pytest.approx(float(lines[5].split()[1]), abs=6e-4)
    cell = yaml.safe_load((tmp_path / "NaCl" / "thermal_properties.yaml").read_text())
    assert cell["natom"] == 8
    at_300 = cell["thermal_properties"][1]["heat_capacity"]
    assert at_300 == pytest.approx(8 * float(rows[2][1]), rel=1e-6)


def heat_capacity(done: Result) -> float:
    """Return C_V at 300 K, whatever its basis, from the JSON of the command."""
    (result,) = json.loads(done.stdout)["results"]
    assert result["temperatures"] == [300.0]
    assert result["units"]["heat_capacity"] == f"J/(K {result['per']})"
    return float(result["heat_capacity"][0])


def test_every_amount(phonodos: Phonodos, examples: Path) -> None:
    """SrTiO3, 10 atoms and 2 formula units in a cell of known mass and volume."""
    found = {
        per: heat_capacity(
            phonodos("thermo", examples / "SrTiO3.cif", "--json", "--per", per,
                     "--tmin", "300", "--tmax", "300")
        )
        for per in ("atom", "formula", "cell", "kg", "cm3")
    }  # fmt: skip
    assert found["cell"] == pytest.approx(10 * found["atom"])
    assert found["formula"] == pytest.approx(5 * found["atom"])
    molar_mass = 87.62 + 47.867 + 3 * 15.999  # g / mol of formula units
    assert found["kg"] == pytest.approx(found["formula"] / molar_mass * 1000, rel=1e-4)
    density = 2 * molar_mass / 0.602214076 / (5.511**2 * 7.796 / 2)  # g / cm^3
    assert found["cm3"] == pytest.approx(found["kg"] * density / 1000, rel=1e-3)


def test_a_failure_does_not_stop_the_others(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("thermo", "missing.cif", examples / "Si.cif", "--json")
    assert done.exit_code == 3
    answer = json.loads(done.stdout)
    assert [r["formula"] for r in answer["results"]] == ["Si"]
    assert [f["input"] for f in answer["failures"]] == ["missing.cif"]
    assert "failed:   missing.cif" in done.stderr
    assert phonodos("thermo", "missing.cif").exit_code == 4
