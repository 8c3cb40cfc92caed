"""What a user gets by default: the released weights, all their files, the numbers Python gives.

Elsewhere quick weights stand in for the default ones.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import phonodos
from phonodos.cli.main import app
from phonodos.physics.dos import PhononDos
from phonodos.prediction.predictor import DEFAULT_WEIGHTS
from phonodos.results.spectra import read_dos_csv, read_pymatgen_dos, read_total_dos

MGO = Path(__file__).parents[2] / "examples" / "MgO.cif"
USUAL = {
    "total_dos.dat",
    "thermal_properties.yaml",
    "phonopy_params.yaml",
    "BORN",
    "pymatgen_phonon_dos.json",
    "dos.png",
    "dos.pdf",
}
ALL = USUAL | {"dos.csv", "dos.json", "thermal_properties.csv"}


def predicted(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Run the command in an empty folder; return the lines it prints."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, ["predict", str(MGO), *words])
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout.splitlines()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_same(found: PhononDos, wanted: PhononDos) -> None:
    assert found.n_atoms == wanted.n_atoms == 8
    np.testing.assert_allclose(found.frequencies, wanted.frequencies, atol=1e-5)
    np.testing.assert_allclose(found.densities, wanted.densities, rtol=1e-4, atol=1e-6)


def test_the_whole_ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = predicted(tmp_path, monkeypatch)
    assert names(tmp_path / "MgO") == USUAL
    assert lines[0].split() == [
        "input",
        "formula",
        "atoms",
        "mean",
        "max",
        "C_V",
        "S",
        "ZPE",
        "Debye",
    ]
    assert lines[1].split() == ["cm-1", "cm-1", "J/(K", "mol)", "J/(K", "mol)", "kJ/mol", "K"]
    wanted = phonodos.load().predict(MGO)
    assert len(wanted.members) > 1
    assert wanted.model == DEFAULT_WEIGHTS
    thermal = wanted.thermal_properties([300.0]).per("formula", wanted.crystal)
    name, formula, atoms, mean, largest, heat, entropy, zero_point, _ = lines[3].split()
    assert (name, formula, atoms) == ("MgO", "MgO", "8")
    for text, key, value, share, digits in (
        (mean, "mean_frequency", wanted.dos.mean_frequency, 1, 0),
        (heat, "heat_capacity", thermal.heat_capacity[0], 2, 2),  # two atoms a formula unit
    ):
        number, width = (float(word) for word in text.split("+-"))
        assert number == pytest.approx(value, abs=0.51 * 10**-digits)
        assert width == pytest.approx(
            wanted.intervals[key].half_width * share, abs=0.51 * 10**-digits
        )
    largest, spread = largest.rstrip(")").split("(")
    assert float(largest) == pytest.approx(np.mean([m.highest for m in wanted.members]), abs=0.51)
    assert float(spread) == pytest.approx(wanted.max_frequency_spread, abs=0.51)
    assert float(largest) < wanted.dos.max_frequency  # the end of what was smoothed
    assert float(entropy) == pytest.approx(thermal.entropy[0], abs=0.0051)
    assert float(zero_point) == pytest.approx(thermal.zero_point_energy / 1000, abs=0.0051)
    assert_same(read_total_dos(tmp_path / "MgO" / "total_dos.dat"), wanted.dos)
    assert wanted.lattice is not None
    rows = np.loadtxt(tmp_path / "MgO" / "BORN", comments="#")
    np.testing.assert_allclose(rows[0].reshape(3, 3), wanted.lattice.dielectric, atol=1e-6)
    np.testing.assert_allclose(rows[1:].reshape(-1, 3, 3), wanted.lattice.born_charges, atol=1e-6)


def test_every_format_of_one_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = "phonopy,pymatgen,csv,json"
    lines = predicted(
        tmp_path, monkeypatch, "--members", "1", "--format", every, "--project", "element"
    )
    folder = tmp_path / "MgO"
    assert names(folder) == ALL | {"projected_dos.dat"}
    wrote = " ".join(lines[[line.startswith("wrote") for line in lines].index(True) :])
    assert all(name in wrote for name in names(folder))
    wanted = phonodos.load(members=1, project=True).predict(MGO)
    assert not wanted.members
    for found in (
        read_total_dos(folder / "total_dos.dat"),
        read_pymatgen_dos(folder / "pymatgen_phonon_dos.json"),
        read_dos_csv(folder / "dos.csv"),
    ):
        assert_same(found, wanted.dos)
    record = json.loads((folder / "dos.json").read_text())
    assert (record["frequency_unit"], record["density_unit"]) == ("cm-1", "states/cm-1 per cell")
    assert record["provenance"]["weights"] == DEFAULT_WEIGHTS
    np.testing.assert_allclose(record["densities"], wanted.dos.densities, rtol=1e-6, atol=1e-9)
    # Each element's part, and both together the whole.
    parts = np.loadtxt(folder / "projected_dos.dat")[:, 1:]
    total = np.loadtxt(folder / "total_dos.dat")[:, 1]
    assert parts.shape[1] == 2
    np.testing.assert_allclose(parts.sum(axis=1), total, rtol=1e-4, atol=1e-6)


def test_units_stand_in_the_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--members", "1", "--format", "phonopy,csv", "--no-plot", "--units", "meV")
    lines = predicted(tmp_path, monkeypatch, *words)
    assert lines[1].split()[:2] == ["meV", "meV"]
    folder = tmp_path / "MgO"
    with (folder / "dos.csv").open(newline="") as file:
        head = next(csv.reader(line for line in file if line[0] != "#"))
    assert head == ["frequency [meV]", "dos [states/meV per cell]"]
    assert "[THz, states/THz per cell]" in (folder / "total_dos.dat").read_text()  # phonopy's own
    with (folder / "thermal_properties.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    heat = "heat_capacity [J/(K mol of formula units)]"
    assert list(rows[0])[:2] == ["temperature [K]", heat]
    found = yaml.safe_load((folder / "thermal_properties.yaml").read_text())
    assert found["unit"]["heat_capacity"] == "J/K/mol"
    wanted = phonodos.load(members=1).predict(MGO).thermal_properties([300.0])
    (at_300,) = (row for row in rows if float(row["temperature [K]"]) == 300.0)
    (same,) = (row for row in found["thermal_properties"] if row["temperature"] == 300.0)
    for value in (4.0 * float(at_300[heat]), same["heat_capacity"]):  # formula units a cell
        assert value == pytest.approx(wanted.heat_capacity[0], rel=1e-6)
