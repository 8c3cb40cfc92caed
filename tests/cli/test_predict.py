"""`phonodos predict`: every kind of input and output, names, units, exit codes."""

import csv
import json
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

import phonodos as package
from phonodos.prediction import files as prediction_files
from phonodos.results import single_file
from phonodos.results.desk import Results
from phonodos.results.spectra import read_dos_csv, read_pymatgen_dos, read_total_dos

Phonodos = Callable[..., Result]
USUAL = {
    "dos.pdf",
    "dos.png",
    "pymatgen_phonon_dos.json",
    "thermal_properties.yaml",
    "total_dos.dat",
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def number(cell: str) -> float:
    """Return the number of a cell of the table, without its interval or spread."""
    return float(re.split(r"[+]-|[(]", cell)[0])


def test_one_file(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    done = phonodos("predict", examples / "SrTiO3.cif")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert names(tmp_path / "SrTiO3") == USUAL
    head, units, _, row, basis, *_ = done.stdout.splitlines()
    assert head.split()[2:] == ["atoms", "mean", "max", "C_V", "S", "ZPE", "Debye"]
    assert units.split() == ["cm-1", "cm-1", "J/(K", "mol)", "J/(K", "mol)", "kJ/mol", "K"]
    assert "(300 K)" in basis
    assert "per mole of formula units" in basis
    prediction = package.load("chen2021").predict(examples / "SrTiO3.cif")
    thermal = prediction.thermal_properties([300.0]).per("formula", prediction.crystal)
    name, formula, atoms, mean, largest, c_v, entropy, zero_point, _ = row.split()
    assert (name, formula, atoms) == ("SrTiO3", "SrTiO3", "10")
    assert number(mean) == pytest.approx(prediction.dos.mean_frequency, abs=0.51)
    assert number(largest) == pytest.approx(prediction.max_frequency, abs=0.51)
    assert number(c_v) == pytest.approx(thermal.heat_capacity[0], abs=0.051)  # as far as is known
    assert float(entropy) == pytest.approx(thermal.entropy[0], abs=0.051)  # one decimal from 100
    assert float(zero_point) == pytest.approx(thermal.zero_point_energy / 1000, abs=0.0051)


def test_the_files_hold_the_prediction(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    phonodos("predict", examples / "NaCl.cif", "--no-plot", "--format", "phonopy,pymatgen,csv,json")
    wanted = package.load("chen2021").predict(examples / "NaCl.cif").dos
    folder = tmp_path / "NaCl"
    for found in (
        read_total_dos(folder / "total_dos.dat"),
        read_pymatgen_dos(folder / "pymatgen_phonon_dos.json"),
        read_dos_csv(folder / "dos.csv"),
    ):
        assert found.n_atoms == 8
        np.testing.assert_allclose(found.frequencies, wanted.frequencies, atol=1e-5)
        np.testing.assert_allclose(found.densities, wanted.densities, rtol=1e-4, atol=1e-6)
    record = json.loads((folder / "dos.json").read_text())
    assert record["density_unit"] == "states/cm-1 per cell"
    assert (
        (folder / "thermal_properties.csv")
        .read_text()
        .splitlines()[1]
        .startswith("temperature [K],")
    )


def test_json_says_what_the_table_says(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("predict", examples / "GaAs.cif", "--no-plot", "--json", "--units", "meV")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["failures"] == []
    (result,) = answer["results"]
    assert result["formula"] == "GaAs"
    assert result["n_atoms"] == 8
    assert result["mean_frequency"]["unit"] == "meV"
    assert result["heat_capacity"]["unit"] == "J/(K mol of formula units) at 300 K"
    assert result["files"] == [
        "total_dos.dat",
        "thermal_properties.yaml",
        "pymatgen_phonon_dos.json",
    ]
    dos = result["dos"]
    assert dos["frequency_unit"] == "meV"
    assert np.trapezoid(dos["densities"], dos["frequencies"]) == pytest.approx(24)


@pytest.mark.parametrize("per", ["atom", "formula", "cell", "kg", "cm3"])
def test_one_amount_in_table_csv_and_json(
    phonodos: Phonodos, examples: Path, tmp_path: Path, per: str
) -> None:
    words = ("--no-plot", "--format", "csv", "--json", "--per", per)
    done = phonodos("predict", examples / "GaAs.cif", *words)
    (result,) = json.loads(done.stdout)["results"]
    prediction = package.load("chen2021").predict(examples / "GaAs.cif")
    wanted = prediction.thermal_properties([300.0]).per(per, prediction.crystal)
    assert result["heat_capacity"]["value"] == pytest.approx(wanted.heat_capacity[0])
    assert result["heat_capacity"]["unit"] == f"J/(K {wanted.amount}) at 300 K"
    with (tmp_path / "GaAs" / "thermal_properties.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    (row,) = (r for r in rows if float(r["temperature [K]"]) == 300.0)
    found = float(row[f"heat_capacity [J/(K {wanted.amount})]"])
    assert found == pytest.approx(wanted.heat_capacity[0], rel=1e-6)


def test_an_unknown_amount(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("predict", examples / "GaAs.cif", "--per", "ounce")
    assert done.exit_code == 2
    assert "--per ounce is not known" in done.stderr
    assert "atom, formula, cell, kg, cm3" in done.stderr


def test_several_crystals_have_a_summary(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    files = [examples / name for name in ("GaAs.cif", "Si.cif")]
    done = phonodos("predict", *files, "--no-plot", "--json", "-o", "out")
    results = {r["name"]: r for r in json.loads(done.stdout)["results"]}
    lines = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert lines[0].startswith("# predicted by phonodos")
    rows = {row["name"]: row for row in csv.DictReader(lines[1:])}
    assert rows.keys() == results.keys() == {"GaAs", "Si"}
    for name, row in rows.items():
        heat = results[name]["heat_capacity"]
        value = float(row[f"heat_capacity [{heat['unit']}]"])
        assert value == pytest.approx(heat["value"], rel=1e-8)
        assert row["n_atoms"] == str(results[name]["n_atoms"])
    assert not (tmp_path / "summary.csv").exists()
    phonodos("predict", files[0], "--no-plot", "-o", "one")
    assert names(tmp_path / "one") == {"GaAs"}


def test_room_temperature_is_that_of_tables_too(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    """298.15 K in the table, the summary, JSON and the files, whatever the basis."""
    words = ("--no-plot", "--format", "csv,phonopy")
    prediction = package.load("chen2021").predict(examples / "GaAs.cif")
    wanted = prediction.thermal_properties([298.15]).per("formula", prediction.crystal)
    shown = phonodos("predict", examples / "GaAs.cif", *words).stdout
    heat, entropy = wanted.heat_capacity[0], wanted.entropy[0]
    assert f"at 298.15 K: C_V {heat:.2f}, S {entropy:.2f} J/(K mol of formula units)" in shown
    with (tmp_path / "GaAs" / "thermal_properties.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if line[0] != "#"))
    kelvin = [float(row["temperature [K]"]) for row in rows]
    assert kelvin[29:32] == [290.0, 298.15, 300.0]
    assert float(rows[30]["entropy [J/(K mol of formula units)]"]) == pytest.approx(entropy)
    files = [examples / name for name in ("GaAs.cif", "Si.cif")]
    done = phonodos("predict", *files, *words, "-o", "out", "--per", "kg")
    assert "C_V and S at 298.15 K are in summary.csv" in done.stdout
    assert done.stdout.splitlines()[-1] == "wrote summary.csv to out"
    lines = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    (row,) = (row for row in csv.DictReader(lines[1:]) if row["name"] == "GaAs")
    per_kg = prediction.thermal_properties([298.15]).per("kg", prediction.crystal)
    assert float(row["entropy_298 [J/(K kg) at 298.15 K]"]) == pytest.approx(per_kg.entropy[0])
    found = float(row["heat_capacity_298 [J/(K kg) at 298.15 K]"])
    assert found == pytest.approx(per_kg.heat_capacity[0])


@pytest.mark.parametrize(
    ("words", "drawn"),
    [((), (True, True)), (("--no-inset",), (False, True)), (("--no-mean",), (True, False))],
)
def test_inset_and_mean_line_can_be_left_out(
    phonodos: Phonodos,
    examples: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    drawn: tuple[bool, bool],
) -> None:
    figures = []
    monkeypatch.setattr(Results, "figure", lambda _, _stem, figure: figures.append(figure))
    done = phonodos("predict", examples / "GaAs.cif", "--format", "csv", *words)
    assert done.exit_code == 0
    (axes,) = figures[0].axes
    marked = any(line.get_gid() == "mean" for line in axes.get_lines())
    assert (bool(axes.child_axes), marked) == drawn


@pytest.mark.parametrize(("unit", "factor"), [("THz", 0.0299792458), ("meV", 0.1239841984)])
def test_units(
    phonodos: Phonodos, examples: Path, tmp_path: Path, unit: str, factor: float
) -> None:
    shown = {}
    for u in ("cm-1", unit):
        done = phonodos("predict", examples / "MgO.cif", "--units", u, "--format", "csv", "-o", u)
        shown[u] = [number(word) for word in done.stdout.splitlines()[3].split()[3:8]]
        assert done.stdout.splitlines()[1].split()[:2] == [u, u]
    assert shown[unit][0] == pytest.approx(shown["cm-1"][0] * factor, rel=5e-3)
    assert shown[unit][1] == pytest.approx(shown["cm-1"][1] * factor, rel=5e-3)
    assert shown[unit][2:] == shown["cm-1"][2:]
    header = (tmp_path / unit / "MgO" / "dos.csv").read_text().splitlines()[1]
    assert header == f"frequency [{unit}],dos [states/{unit} per cell]"
    assert names(tmp_path / unit / "MgO") == {
        "dos.csv",
        "thermal_properties.csv",
        "dos.png",
        "dos.pdf",
    }


def test_many_files_a_folder_and_standard_input(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("Si.cif", "ZnO.cif"):
        shutil.copy(examples / name, folder)
    (folder / "notes.txt").write_text("not a structure")
    poscar = (examples / "NaCl.vasp").read_text()
    inputs = (examples / "MgO.cif", folder, "-", examples / "Cu0.7Au0.3.cif")
    done = phonodos("predict", *inputs, "--no-plot", "-o", "out", stdin=poscar)
    assert done.exit_code == 0
    cells = " ".join(done.stdout.splitlines()[3:9]).split()  # a long name has a line of its own
    rows = [cells[i : i + 3] for i in range(0, len(cells), 9)][:5]
    assert rows == [
        ["MgO", "MgO", "8"],
        ["Si", "Si", "2"],
        ["ZnO", "ZnO", "4"],
        ["stdin", "NaCl", "2"],
        ["Cu0.7Au0.3", "Cu0.7Au0.3", "4"],
    ]
    folders = {"MgO", "Si", "ZnO", "stdin", "Cu0.7Au0.3"}
    assert names(tmp_path / "out") == folders | {"summary.csv"}


def test_polymorphs_of_one_name_keep_their_own_results(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    for folder, example in (("cubic", "SrTiO3_cubic.cif"), ("tetragonal", "SrTiO3.cif")):
        (tmp_path / folder).mkdir()
        shutil.copy(examples / example, tmp_path / folder / "SrTiO3.cif")
    done = phonodos("predict", "cubic/SrTiO3.cif", "tetragonal/SrTiO3.cif", "--no-plot", "-o", "o")
    assert done.exit_code == 0
    atoms = [read_total_dos(tmp_path / "o" / n / "total_dos.dat").n_atoms for n in
             ("cubic-SrTiO3", "tetragonal-SrTiO3")]  # fmt: skip
    assert atoms == [5, 10]


def test_a_result_folder_gives_way_to_a_file(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    shutil.copy(examples / "NaCl.vasp", tmp_path / "POSCAR")
    assert phonodos("predict", "POSCAR", "--no-plot").exit_code == 0
    assert "total_dos.dat" in names(tmp_path / "POSCAR-phonodos")


def test_predictions_are_those_of_python(
    phonodos: Phonodos, examples: Path, tmp_path: Path
) -> None:
    """Batched with others or alone, in the table or in Python: one answer."""
    phonodos("predict", examples, "--no-plot", "-o", "all")
    alone = package.load("chen2021").predict(examples / "Al2O3.cif").dos
    batched = read_total_dos(tmp_path / "all" / "Al2O3" / "total_dos.dat")
    np.testing.assert_allclose(batched.densities, alone.densities, rtol=1e-3, atol=1e-5)


def test_a_time_limit_is_a_failure_of_one(
    phonodos: Phonodos, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes for ever, here the writing, gives way to the next."""
    original = prediction_files.write_prediction

    def slow(results: Results, *rest: Any) -> list[str]:
        while results.folder.name == "NaCl":
            time.sleep(0.001)
        return original(results, *rest)

    monkeypatch.setattr(prediction_files, "write_prediction", slow)
    files = (examples / "NaCl.cif", examples / "Si.cif")
    done = phonodos("predict", *files, "--timeout", 10, "--no-plot", "--json")
    assert done.exit_code == 3
    found = json.loads(done.stdout)
    assert [r["name"] for r in found["results"]] == ["Si"]
    assert "took longer than 10 s" in json.dumps(found["failures"])


def test_a_fault_while_writing_is_a_failure_of_one(
    phonodos: Phonodos, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = prediction_files.write_prediction

    def odd(results: Results, *rest: Any) -> list[str]:
        if results.folder.name == "NaCl":
            raise MemoryError("14 TiB")
        return original(results, *rest)

    monkeypatch.setattr(prediction_files, "write_prediction", odd)
    done = phonodos("predict", examples / "NaCl.cif", examples / "Si.cif", "--no-plot")
    assert done.exit_code == 3
    assert "more memory than there is" in done.stderr
    assert "fault of phonodos" not in done.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_limit_is_positive(phonodos: Phonodos, examples: Path, seconds: str) -> None:
    done = phonodos("predict", examples / "NaCl.cif", "--timeout", seconds)
    assert done.exit_code == 2
    assert "makes no sense" in done.stderr


def test_files_for_programs_of_neutrons(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    words = ("predict", examples / "MgO.cif", "--no-plot", "--model", lattice_weights)
    done = phonodos(*words, "--format", "euphonic,ncmat")
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {"euphonic.yaml", "MgO.ncmat"}
    text = (tmp_path / "MgO" / "MgO.ncmat").read_text().splitlines()
    assert text[0] == "NCMAT v5"
    assert text[1].startswith("# predicted by phonodos")
    for name in ("euphonic", "ncmat"):
        done = phonodos("predict", examples / "MgO.cif", "--no-plot", "--format", name)
        assert done.exit_code == 2
        assert f"--format {name}: chen2021 has no force constants" in done.stderr
        done = phonodos("predict", examples / "Cu0.7Au0.3.cif", "--no-plot", "--format", name,
                        "--model", lattice_weights)  # fmt: skip
        assert done.exit_code == 4
        assert "mixed" in done.stderr or "is shared by" in done.stderr


PAGE = '<title>@PHONODOS_TITLE@</title><script type="application/json">@PHONODOS_RECORD@</script>'


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small page of the shape of the built one, in its place."""
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(single_file, "TEMPLATE", path)
    return path


@pytest.mark.usefixtures("page")
def test_a_page(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    name = "Na<script>Cl.cif"
    shutil.copy(examples / "NaCl.cif", tmp_path / name)
    done = phonodos("predict", name, "--format", "html", "--no-plot")
    assert done.exit_code == 0
    assert "wrote report.html to Na_script_Cl" in done.stdout
    text = (tmp_path / "Na_script_Cl" / "report.html").read_text(encoding="utf-8")
    assert "<script>Cl" not in text
    record = json.loads(text.partition('json">')[2].removesuffix("</script>"))
    assert record["format"] == "phonodos-report"
    assert record["crystal"]["n_atoms"] == 8
    # What it says of itself makes it again.
    words = shlex.split(record["command"])
    assert words[:3] == ["phonodos", "predict", name]
    (tmp_path / "Na_script_Cl" / "report.html").unlink()
    assert phonodos(*words[1:]).exit_code == 0
    assert (tmp_path / "Na_script_Cl" / "report.html").read_text(encoding="utf-8") == text


def test_a_page_that_is_not_built(phonodos: Phonodos, examples: Path, page: Path) -> None:
    page.unlink()
    done = phonodos("predict", examples / "NaCl.cif", "--format", "csv,html")
    assert done.exit_code == 4
    assert "no report can be written as HTML" in done.stderr
    assert not (page.parent / "NaCl").exists()
