"""`phonodos neutron`: table, files, instruments, what is refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Phonodos = Callable[..., Result]


def test_files_and_table(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("neutron", examples / "MgO.cif", "--units", "meV", "--model", lattice_weights)
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "neutron.csv", "neutron.json", "neutron.png", "neutron.pdf",
    }  # fmt: skip
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    text = (tmp_path / "MgO" / "neutron.csv").read_text().splitlines()
    assert text[0].startswith("# predicted by phonodos")
    rows = list(csv.reader(line for line in text if not line.startswith("#")))
    assert rows[0][:2] == ["energy_transfer [meV]", "intensity [states/meV per cell]"]
    table = np.array(rows[1:], dtype=float)
    np.testing.assert_allclose(table[:, 1], table[:, 2:].sum(axis=1), rtol=1e-4)
    record = json.loads((tmp_path / "MgO" / "neutron.json").read_text())
    assert [s["name"] for s in record["scatterers"]] == ["Mg", "O"]
    assert f"{record['mean_frequency']:.2f}" in done.stdout


def test_instrument_temperature_isotope(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    words = (
        *("neutron", examples / "MgO.cif", "-T", "300", "--momentum", "4", "--instrument", "arcs"),
        *("--incident-energy", "150", "--resolution", "4%", "--isotope", "O=O18", "--no-plot"),
        *("--model", lattice_weights, "--json"),
    )
    done = phonodos(*words)
    assert done.exit_code == 0, done.output
    (record,) = json.loads(done.stdout)["results"]
    assert record["resolution"] == "ARCS, Ei 150 meV"
    assert record["files"] == ["neutron.csv", "neutron.json"]
    assert record["scatterers"][1]["mass_amu"] == pytest.approx(17.999, abs=0.001)
    (tmp_path / "widths.txt").write_text("0 1\n100 3\n")
    table = phonodos("neutron", examples / "MgO.cif", "--resolution", "widths.txt", "--no-plot",
                     "--units", "meV", "--model", lattice_weights)  # fmt: skip
    assert "resolution: widths.txt" in " ".join(table.stdout.split())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-T", "-5"], 2, "a temperature of -5 K"),
        (["--momentum", "3"], 2, "without a temperature"),
        (["--instrument", "IN4"], 2, "IN4 is not known"),
        (["--instrument", "ARCS", "--resolution", "3%"], 2, "without an incident energy"),
        (["--instrument", "ARCS", "--incident-energy", "90"], 2, "its width at the elastic line"),
        (["--incident-energy", "90"], 2, "without an instrument"),
        (["--resolution", "gone.txt"], 2, "is no width"),
        (["--resolution", "empty.txt"], 4, "holds no numbers"),
        (["--resolution", "words.txt"], 4, "no two numbers"),
        (["--units", "eV"], 2, "unknown frequency unit 'eV'"),
        ([], 4, "not projected on the atoms"),
    ],
)
def test_what_is_refused(
    phonodos: Phonodos, examples: Path, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "words.txt").write_text("a table\nof widths\n")
    done = phonodos("neutron", examples / "MgO.cif", *words)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert "reason:" in done.stderr
    assert "fix:" in done.stderr
