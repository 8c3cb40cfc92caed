"""`phonodos compare`: structures and spectra against two-column files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import phonodos as package
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.weights import save_network
from phonodos.physics.units import MEV_PER_WAVENUMBER
from phonodos.results.desk import Results
from phonodos.results.spectra import dos_table

Phonodos = Callable[..., Result]


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Two peaks, at 100 and 400 cm^-1, in meV."""
    w = np.arange(0.0, 600.0, 4.0)
    g = np.exp(-(((w - 100) / 25) ** 2)) + 0.5 * np.exp(-(((w - 400) / 25) ** 2))
    path = tmp_path / "measured.txt"
    np.savetxt(path, np.column_stack([w * MEV_PER_WAVENUMBER, 7.0 * g]), header="meV")
    return path


def test_a_structure(phonodos: Phonodos, examples: Path, tmp_path: Path, measured: Path) -> None:
    done = phonodos("compare", examples / "MgO.cif", measured)
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "compare.csv",
        "compare.png",
        "compare.pdf",
    }
    assert "peaks of the reference [cm-1]: 100, 400" in done.stdout
    assert "distance (Wasserstein" in done.stdout
    assert "no neutron weights" in done.stdout
    answer = json.loads(phonodos("compare", examples / "MgO.cif", measured, "--json").stdout)
    assert answer["reference_units"] == "meV"
    low, high = answer["reference"]["gap"]
    assert 140 < low < 170
    assert 330 < high < 360


def test_units_of_the_answer(phonodos: Phonodos, examples: Path, measured: Path) -> None:
    words = ("compare", examples / "MgO.cif", measured, "--units", "meV", "--json")
    answer = json.loads(phonodos(*words).stdout)
    expected = [100 * MEV_PER_WAVENUMBER, 400 * MEV_PER_WAVENUMBER]
    assert answer["reference"]["peaks"] == pytest.approx(expected)


def test_what_an_instrument_wrote(
    phonodos: Phonodos, examples: Path, tmp_path: Path, measured: Path
) -> None:
    """An elastic line, errors, decimal commas: chi^2, a window, a scale, columns."""
    table = np.loadtxt(measured)
    rows = [(0.0, 500.0, 5.0), *((w + 0.3, g, 0.2) for w, g in table)]
    text = "meV;counts;error\n" + "".join(f"{a:.6f};{b:.6f};{c:.3f}\n" for a, b, c in rows)
    (tmp_path / "run.txt").write_text(text.replace(".", ","))
    words = ("compare", examples / "MgO.cif", "run.txt", "--units", "meV")
    done = phonodos(*words)
    assert done.exit_code == 0, done.output
    assert "leave it out with --range" in " ".join(done.stdout.split())
    done = phonodos(*words, "--range", "5:90", "--scale", "fit", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["scale"] == "fit"
    assert record["chi_squared"] > 1.0
    lines = (tmp_path / "MgO" / "compare.csv").read_text().splitlines()
    names = "frequency [meV],reference,prediction,error of reference"
    found = np.array([line.split(",") for line in lines[lines.index(names) + 1 :]], dtype=float)
    assert (found[0, 0], found[:, 1].max()) == (pytest.approx(5.0, abs=0.6), 1.0)
    assert len(found) == record["points"]
    plain = phonodos(*words, "--range", "5:90", "--scale", "area")
    assert "chi^2 a point, by the errors of the reference" in plain.stdout
    assert plain.stdout.splitlines()[-1].startswith("wrote compare.csv")


def test_results_of_predict(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    """A folder, each file in it, and the structure itself: the same prediction."""
    made = phonodos(
        "predict", examples / "GaAs.cif", "--no-plot", "--format", "phonopy,pymatgen,csv"
    )
    assert made.exit_code == 0
    dos = package.load("chen2021").predict(examples / "GaAs.cif").dos
    Results(tmp_path).csv("same.csv", *dos_table(dos, "THz"))
    (tmp_path / "x").mkdir()
    shown = []
    for source in ("GaAs", "GaAs/total_dos.dat", "GaAs/dos.csv",
                   "GaAs/pymatgen_phonon_dos.json", examples / "GaAs.cif"):  # fmt: skip
        done = phonodos("compare", source, "same.csv", "-o", "x", "--json")
        assert done.exit_code == 0, done.output
        shown.append(json.loads(done.stdout)["wasserstein_cm-1"])
    assert max(shown) < 0.01


def test_resolution_blurs(phonodos: Phonodos, examples: Path, tmp_path: Path) -> None:
    dos = package.load("chen2021").predict(examples / "GaAs.cif").dos
    Results(tmp_path).csv("same.csv", *dos_table(dos))
    found = []
    for width in ("0", "10%", "60"):
        words = ("compare", examples / "GaAs.cif", "same.csv", "--resolution", width, "--json")
        found.append(json.loads(phonodos(*words).stdout)["wasserstein_cm-1"])
    assert found[0] < found[1] < found[2]


def test_neutron_weights(
    phonodos: Phonodos, examples: Path, tmp_path: Path, measured: Path
) -> None:
    config = LatticeConfig(
        embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
        head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
    )  # fmt: skip
    header = {
        "name": "tiny", "target": {}, "split": {}, "training": {},
        "training_elements": {"Mg": 9, "O": 9}, "training_formulas": [],
    }  # fmt: skip
    save_network(tmp_path / "tiny.safetensors", LatticeNetwork.untrained(config), header)
    words = ("compare", examples / "MgO.cif", measured, "--model", "tiny.safetensors", "--json")
    plain, weighted = (json.loads(phonodos(*words, *more).stdout) for more in ([], ["--neutron"]))
    assert any("sigma/m" in note for note in weighted["notes"])
    assert plain["wasserstein_cm-1"] != pytest.approx(weighted["wasserstein_cm-1"], abs=0.01)


@pytest.mark.parametrize(
    ("words", "content", "code", "message"),
    [
        ([], "# meV\n1 2\nthe end\n", 4, "no two numbers"),
        ([], "# meV\n1 2\n3 4\n2 5\n", 4, "does not rise"),
        ([], "# meV\n-1 2\n3 4\n4 5\n", 4, "2 points at energy loss"),
        ([], "1 2\n3 4\n4 5\n", 2, "unit of the frequency axis is not known"),
        (["--reference-units", "eV"], "1 2\n3 4\n4 5\n", 2, "unknown frequency unit 'eV'"),
        (["--reference-units", "THz"], "# meV\n1 2\n3 4\n4 5\n", 2, "its header says meV"),
        (["--resolution", "-1"], "# meV\n1 2\n3 4\n4 5\n", 2, "is no width"),
        (["--units", "K"], "# meV\n1 2\n3 4\n4 5\n", 2, "unknown frequency unit 'K'"),
        (["--neutron"], "# meV\n1 2\n3 4\n4 5\n", 4, "not projected on the atoms"),
        ([], "# meV\n1000 2\n2000 4\n3000 5\n", 4, "nothing in common"),
        ([], "", 4, "holds no numbers"),
        ([], "# meV\n", 4, "holds no numbers"),
        ([], "# meV\n0,5,0,1\n1,5,0,2\n2,5,0,1\n", 4, "commas could be decimal points"),
        (["--range", "5"], "# meV\n1 2\n3 4\n4 5\n", 2, "--range 5: no range"),
        (["--range", "9:8"], "# meV\n1 2\n3 4\n4 5\n", 2, "no range"),
        (["--range", "8:9"], "# meV\n1 2\n3 4\n4 5\n", 4, "0 points of a curve lie"),
        (["--scale", "height"], "# meV\n1 2\n3 4\n4 5\n", 2, "--scale height is not known"),
        (["--side", "gain"], "# meV\n1 2\n3 4\n4 5\n", 2, "without a temperature"),
        (["-T", "-3"], "# meV\n1 2\n3 4\n4 5\n", 2, "a temperature of -3 K"),
        (["--instrument", "HET"], "# meV\n1 2\n3 4\n4 5\n", 2, "HET is not known"),
    ],
)
def test_references_that_are_refused(
    phonodos: Phonodos, examples: Path, tmp_path: Path, words: list[str], content: str, code: int,
    message: str,
) -> None:  # fmt: skip
    (tmp_path / "r.dat").write_text(content)
    done = phonodos("compare", examples / "MgO.cif", "r.dat", *words)
    assert done.exit_code == code, done.output
    assert done.stderr.startswith("error:")
    assert message in done.stderr


def test_no_scattering_length_and_no_crystal(
    phonodos: Phonodos, tmp_path: Path, measured: Path, write_cif: Callable[..., Path]
) -> None:
    write_cif(tmp_path / "Po.cif", "Po 0 0 0 1")
    done = phonodos("compare", "Po.cif", measured, "--neutron")
    assert done.exit_code == 4
    assert "no neutron scattering length is known for Po" in done.stderr
    (tmp_path / "empty").mkdir()
    done = phonodos("compare", "empty", measured)
    assert done.exit_code == 4
    assert "no spectrum in this folder" in done.stderr
    (tmp_path / "total_dos.dat").write_text("0 0\n1 1\n2 1\n3 0\n")
    done = phonodos("compare", "total_dos.dat", measured, "--neutron")
    assert done.exit_code == 4
    assert "spectrum without its crystal" in done.stderr
