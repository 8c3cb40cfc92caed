"""`phonodos thermo`: temperatures, amounts of substance, files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from phonodos.cli.thermo import with_standard
from phonodos.model.weights import read_weights, weights_path, write_weights

Phonodos = Callable[..., Result]


def test_table_and_files(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    command = ("thermo", examples / "NaCl.cif", "--tmin", "100", "--tmax", "500", "--tstep", "200")
    done = phonodos(*command)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "NaCl (NaCl), per mol of formula units"
    assert [line.split()[0] for line in lines[4:8]] == ["100", "298.15", "300", "500"]
    text = (tmp_path / "NaCl" / "thermal_properties.csv").read_text()
    rows = list(csv.reader(x for x in text.splitlines() if x[0] != "#"))
    assert rows[0][1] == "heat_capacity [J/(K mol of formula units)]"
    shown = float(lines[6].split()[1].split("+-")[0])
    assert float(rows[3][1]) == pytest.approx(shown, abs=6e-4)
    cell = yaml.safe_load((tmp_path / "NaCl" / "thermal_properties.yaml").read_text())
    assert cell["natom"] == 8
    assert [row["temperature"] for row in cell["thermal_properties"]] == [100, 300, 500]
    at_300 = cell["thermal_properties"][1]["heat_capacity"]
    assert at_300 == pytest.approx(4 * float(rows[3][1]), rel=1e-6)
    assert {p.name for p in (tmp_path / "NaCl").iterdir()} == {
        "thermal_properties.csv", "thermal_properties.yaml", "thermo.png", "thermo.pdf"
    }  # fmt: skip


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
            phonodos("thermo", examples / "SrTiO3.cif", "--json", "--no-plot", "--per", per,
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


def test_debye_temperatures_where_asked(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    """In the table, the head of the CSV and JSON; nothing of them where nobody asks."""
    words = ("thermo", examples / "MgO.cif", "--model", "lattice", "--members", "2", "--no-plot",
             "--tmax", "300", "--tstep", "300")  # fmt: skip
    done = phonodos(*words, "--debye", "both")
    assert done.exit_code == 0, done.output
    shown = " ".join(done.stdout.split())
    head = (tmp_path / "MgO" / "thermal_properties.csv").read_text().splitlines()
    (result,) = json.loads(phonodos(*words, "--debye", "both", "--json").stdout)["results"]
    stiff = phonodos("elastic", *words[1:6], "--json")
    (of_sound,) = json.loads(stiff.stdout)["results"]
    theta = result["elastic_debye_temperature"]
    assert theta["value"] == pytest.approx(of_sound["elastic_debye_temperature_K"], rel=1e-9)
    assert theta["spread"] == pytest.approx(of_sound["elastic_debye_temperature_spread_K"])
    assert theta["value"] > 1.05 * result["debye_temperature"]["value"]
    for number in (theta, result["debye_temperature"]):
        text = f"{number['formula']}: {number['value']:.0f}+-{number['spread']:.0f} K"
        assert f"Debye MgO: {text}" in shown
        assert f"# Debye temperature, {text}" in head
    plain = phonodos(*words)
    assert "Debye" not in plain.stdout
    assert "Debye" not in (tmp_path / "MgO" / "thermal_properties.csv").read_text()


def test_no_elastic_debye_temperature_of_a_spectrum(phonodos: Phonodos, examples: Path) -> None:
    words = ("thermo", examples / "MgO.cif", "--no-plot", "--debye")
    (result,) = json.loads(phonodos(*words, "elastic", "--json").stdout)["results"]
    assert result["elastic_debye_temperature"]["value"] is None
    assert "without force constants" in result["elastic_debye_temperature"]["reason"]
    assert "debye_temperature" not in result
    assert "none, the prediction is a density of" in phonodos(*words, "elastic").stdout
    refused = phonodos(*words, "sound")
    assert refused.exit_code == 2
    assert "--debye sound is not known" in refused.stderr


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([0.0, 100.0, 200.0, 300.0], [0.0, 100.0, 200.0, 298.15, 300.0]),
        ([300.0, 400.0], [300.0, 400.0]),
        ([0.0, 250.0, 500.0], [0.0, 250.0, 500.0]),
    ],
)
def test_298_stands_beside_300(given: list[float], wanted: list[float]) -> None:
    assert with_standard(given) == wanted


def weights(folder: Path, strain: dict[str, object] | None) -> Path:
    """Return the released weights with other words on strain in their header."""
    header, tensors = read_weights(weights_path("lattice"))
    known = {k: v for k, v in header.to_dict().items() if k not in ("strain", "checksum")}
    path = folder / "lattice.safetensors"
    write_weights(path, tensors, known if strain is None else {**known, "strain": strain})
    return path


def judged(error: float) -> dict[str, object]:
    return {"gamma_mae": error, "exams": [{"name": "made", "gamma": 1.0 + error, "gamma_dft": 1}]}


QUASI = ("--bulk-modulus", "24", "--cell-temperature", "298.15", "--tstep", "100", "--tmax", "300")


def test_a_crystal_that_expands(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    model = weights(tmp_path, judged(0.12))
    done = phonodos("thermo", examples / "NaCl.cif", "--model", model, "--members", "2", *QUASI)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert "NaCl, quasi-harmonic, pressure zero, per mol of formula units" in done.stdout
    assert "weights under strain, mean |gamma - DFT| of their exams: 0.12" in done.stdout
    folder = tmp_path / "NaCl"
    record = json.loads((folder / "quasi_harmonic.json").read_text())
    k = record["temperatures_K"].index(298.15)
    assert record["bulk_modulus"][k] == pytest.approx(24.0)
    assert 1e-4 < record["expansion"][k] < 2e-4
    lines = (folder / "quasi_harmonic.csv").read_text().splitlines()
    rows = list(csv.DictReader(x for x in lines if x[0] != "#"))
    assert float(rows[k]["expansion [1/K]"]) == pytest.approx(record["expansion"][k], rel=1e-6)
    assert float(rows[k]["expansion_spread [1/K]"]) > 0.0
    assert rows[0]["gruneisen [1]"] == ""
    plain = (folder / "thermal_properties.csv").read_text().splitlines()
    assert any("heat_capacity_spread [J/(K mol of formula units)]" in x for x in plain)


@pytest.mark.parametrize(
    ("strain", "what"),
    [(None, "never judged on strain"), (judged(0.5), "gamma erred by 0.50 on average")],
)
def test_weights_that_strain_defeats(
    phonodos: Phonodos, examples: Path, tmp_path: Path, strain: dict[str, object], what: str
) -> None:
    """They are refused; where their error is accepted, every output says it."""
    model = weights(tmp_path, strain)
    command = ("thermo", examples / "NaCl.cif", "--model", model, "--members", "1", *QUASI)
    refused = phonodos(*command)
    assert refused.exit_code == 2
    assert what in refused.stderr
    assert "--accept-strain-error" in refused.stderr
    done = phonodos(*command, "--accept-strain-error")
    assert done.exit_code == 0, done.output
    assert what in " ".join(done.stdout.split())
    folder = tmp_path / "NaCl"
    for name in ("quasi_harmonic.csv", "thermal_properties.csv", "thermal_properties.yaml"):
        head = [x for x in (folder / name).read_text().splitlines() if x.startswith("# warning")]
        assert any(what in line for line in head), name
    record = json.loads((folder / "quasi_harmonic.json").read_text())
    assert what in record["warnings"][0]
    assert what in record["provenance"]["warnings"][0]
    assert record["strain_error"] == (strain and strain["gamma_mae"])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--bulk-modulus", "-3"), "a bulk modulus of -3 GPa"),
        (("--bulk-modulus", "stiff"), "no bulk modulus: 'stiff'"),
        (("--bulk-modulus", "24", "--energy-volume", "e-v.dat"), "not both"),
        (("--energy-volume", "gone.dat"), "gone.dat cannot be read"),
        (("--bulk-modulus", "24", "--equation", "x"), "unknown equation of state 'x'"),
        (("--accept-strain-error",), "--accept-strain-error without"),
        (("--cell-temperature", "300"), "--cell-temperature without"),
        (("--bulk-modulus", "24", "--tmin", "-1"), "no temperatures from -1"),
    ],
)
def test_words_that_make_no_sense(
    phonodos: Phonodos, examples: Path, words: tuple[str, ...], what: str
) -> None:
    done = phonodos("thermo", examples / "NaCl.cif", *words)
    assert done.exit_code in (2, 4)
    assert what in done.stderr


def test_a_spectrum_does_not_expand(phonodos: Phonodos, examples: Path) -> None:
    words = ("--bulk-modulus", "24", "--accept-strain-error")
    done = phonodos("thermo", examples / "NaCl.cif", *words)
    assert done.exit_code != 0
    assert "predicts the density of states only" in done.stderr
