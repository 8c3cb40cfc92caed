"""`phonodos alloy`: sweep, files, inset, what is refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import phonodos as package
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.weights import save_network

Phonodos = Callable[..., Result]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(line for line in file if line[0] != "#"))


@pytest.fixture
def ends(examples: Path) -> tuple[Path, Path]:
    return examples / "Mg3Sb2.cif", examples / "Mg3Bi2.cif"


def test_a_sweep(phonodos: Phonodos, ends: tuple[Path, Path], tmp_path: Path) -> None:
    done = phonodos("alloy", *ends, "--x", "0:1:0.5")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "Mg3Sb2-Mg3Bi2"
    assert {p.name for p in folder.iterdir()} == {
        "alloy.csv", "spectra.csv", "alloy.png", "alloy.pdf"
    }  # fmt: skip
    table = rows(folder / "alloy.csv")
    assert [row["formula"] for row in table] == ["Mg3Sb2", "Mg3BiSb", "Mg3Bi2"]
    assert [row["method"] for row in table] == ["embedding"] * 3
    model = package.load("chen2021")
    for row, path in zip(table[::2], ends, strict=True):
        pure = next(model.predict_many([path]))
        assert float(row["mean_frequency [cm-1]"]) == pytest.approx(
            pure.dos.mean_frequency, rel=1e-7
        )
    means = [float(row["mean_frequency [cm-1]"]) for row in table]
    assert means[0] > means[1] > means[2]  # bismuth is heavier
    lines = (folder / "spectra.csv").read_text().splitlines()
    spectra = np.loadtxt([x for x in lines if x[0] != "#"][1:], delimiter=",")
    for column in spectra.T[1:]:
        assert np.trapezoid(column, spectra[:, 0]) == pytest.approx(15.0, rel=1e-3)
    assert "without configurational entropy" in done.stdout
    assert "extrapolation" in done.stdout
    assert "no disorder" in done.stdout


def test_the_calculated_alloy_beside_it(
    phonodos: Phonodos, ends: tuple[Path, Path], shared: Path
) -> None:
    reference = shared / "paper" / "alloy_mg3sb0.5bi1.5.csv"
    words = ("--x", "0,1", "--reference", reference, "--at", "0.75", "--json")
    answer = json.loads(phonodos("alloy", *ends, *words).stdout)
    assert answer["reference"]["embedding"] < 20.0


def test_a_reference_of_ones_own(
    phonodos: Phonodos, ends: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "peak.csv").write_text("frequency [meV],g\n5,0\n10,1\n20,0.5\n40,0\n")
    done = phonodos("alloy", *ends, "--x", "0,1", "--reference", "peak.csv", "--at", "0.25")
    assert done.exit_code == 0, done.output
    assert "x = 0.25, embedding: distance from peak:" in done.stdout


def test_vacancies_are_filled_where_asked(phonodos: Phonodos, vacant: Path) -> None:
    words = ("alloy", vacant, "--sub", "Mg=Mg{1-x}Ca{x}", "--x", "0.5", "--json")
    refused = phonodos(*words)
    assert refused.exit_code == 4
    assert "--vacancies fill" in refused.stderr
    filled = phonodos(*words, "--vacancies", "fill")
    assert filled.exit_code == 0, filled.output
    notes = json.loads(filled.stdout)["notes"]
    assert sum("vacancies were filled" in text for text in notes) == 1


def test_substitution(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    words = ("--sub", "Ti=Ti{1-x}Zr{x}", "--x", "0,0.5", "--temperature", "600", "--json")
    answer = json.loads(phonodos("alloy", examples / "SrTiO3.cif", *words).stdout)
    first, half = answer["results"]
    assert half["formula"] == "SrZr0.5Ti0.5O3"
    assert first["temperature [K]"] == 600.0
    pure = package.load("chen2021").predict(examples / "SrTiO3.cif")
    heat = pure.thermal_properties([600.0]).per("atom", pure.crystal).heat_capacity[0]
    assert first["c_v [J/(K mol of atoms)]"] == pytest.approx(heat)
    assert (tmp_path / "SrTiO3-alloy" / "alloy.csv").is_file()


def test_lattice_networks_show_both_methods(
    phonodos: Phonodos, ends: tuple[Path, Path], tmp_path: Path
) -> None:
    config = LatticeConfig(
        embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
        head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
    )  # fmt: skip
    header = {
        "name": "tiny", "target": {}, "split": {}, "training": {},
        "training_elements": {"Mg": 9, "Sb": 9, "Bi": 9}, "training_formulas": ["Mg3Sb2", "Mg3Bi2"],
    }  # fmt: skip
    save_network(tmp_path / "tiny.safetensors", LatticeNetwork.untrained(config), header)
    done = phonodos("alloy", *ends, "--x", "0,0.5,1", "--model", "tiny.safetensors", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    found = {(r["method"], r["x"]): r["mean_frequency [cm-1]"] for r in answer["results"]}
    assert len(found) == 6
    for x in (0.0, 1.0):
        assert found["embedding", x] == found["vca", x]
    notes = " ".join(answer["notes"])
    assert "extrapolation" not in notes
    assert "vca: force constants" in notes
    assert "embedding: a mixed site" in notes


def test_the_lattice_of_a_substitution(
    phonodos: Phonodos, ends: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("alloy", ends[0], "--sub", "Sb=Sb{1-x}Bi{x}", "--x", "0,1")
    radii = phonodos(*words).stdout
    assert "chen2021, embedding; at 300 K; mol: of atoms; lattice: by radii\n" in radii
    assert "the parent's times 1.0" in " ".join(radii.split())
    assert "lattice of x = 1: the parent's" in (tmp_path / "Mg3Sb2-alloy/alloy.csv").read_text()
    given = phonodos(*words, "--cell-end", ends[1])
    assert "lattice: of --cell-end" in given.stdout
    answer = json.loads(phonodos(*words, "--cell-end", ends[1], "--json").stdout)
    assert answer["lattice_of"] == "cell end"


def test_two_references(phonodos: Phonodos, ends: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("frequency [meV],g\n5,0\n10,1\n20,0.5\n40,0\n")
    words = ("--reference", "a.csv", "--at", "0", "--reference", "b.csv", "--at", "1")
    done = phonodos("alloy", *ends, "--x", "0,1", *words)
    assert done.exit_code == 0, done.output
    assert "x = 0, embedding: distance from a:" in done.stdout
    assert "x = 1, embedding: distance from b:" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["Mg3Sb2.cif"], 2, "needs two end members or a substitution"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--sub", "Sb=Bi"], 2, "needs two end members or a"),
        (["Mg3Sb2.cif", "NaCl.cif"], 4, "have 5 and 8 sites"),
        (["Mg3Sb2.cif", "Al2O3.cif"], 4, "have 5 and"),
        (["NaCl.cif", "GaAs.cif"], 4, "the sites of NaCl and GaAs do not correspond"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--x", "0:1.5:0.5"], 2, "composition 1.5 lies outside"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--x", "some"], 2, "no range of numbers"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--method", "cpa"], 2, "--method cpa is not known"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--method", "vca"], 2, "chen2021 cannot do 'vca'"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--units", "eV"], 2, "unknown frequency unit"),
        (["Mg3Sb2.cif", "--sub", "Sb=Sb{2x}"], 2, "is no substitution"),
        (["Mg3Sb2.cif", "--sub", "O=S"], 4, "holds no O"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--reference", "gone.csv"], 4, "gone.csv cannot be read"),
        (["gone.cif", "Mg3Bi2.cif"], 4, "gone.cif"),
        (["Mg3Sb2.cif", "Mg3Bi2.cif", "--cell-end", "Mg3Bi2.cif"], 2, "--cell-end without a"),
        (["Mg3Sb2.cif", "--sub", "Sb=Bi", "--cell-end", "gone.cif"], 4, "gone.cif"),
        (["Mg3Sb2.cif", "--sub", "Sb=Bi", "--cell-end", "NaCl.cif"], 4, "has 8 sites"),
        (
            ["Mg3Sb2.cif", "Mg3Bi2.cif", *("--reference", "r.csv") * 2, *("--at", "0") * 3],
            2,
            "2 references and 3 compositions",
        ),
        (
            ["Mg3Sb2.cif", "Mg3Bi2.cif", "--reference", "r.csv", "--at", "2"],
            2,
            "composition 2 lies outside",
        ),
    ],
)
def test_what_is_refused(
    phonodos: Phonodos, examples: Path, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    (tmp_path / "r.csv").write_text("# cm-1\n0 0\n100 1\n200 0.5\n")
    words = [str(examples / w) if (examples / w).is_file() else w for w in words]
    done = phonodos("alloy", *words)
    assert done.exit_code == code, done.output
    assert done.stderr.startswith("error:")
    assert message in done.stderr
    assert "fix:" in done.stderr
