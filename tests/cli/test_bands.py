"""`phonodos bands`: files, table, JSON, and networks that have none."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from phonodos.results.spectra import read_total_dos

Phonodos = Callable[..., Result]


def test_one_file(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("bands", examples / "MgO.cif", "--model", lattice_weights, "--units", "THz")
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "band.yaml", "bands.csv", "bands.png", "bands.pdf"
    }  # fmt: skip
    head, units, _, row, *_ = done.stdout.splitlines()
    assert head.split()[2:] == ["atoms", "lowest", "highest"]
    assert units.split() == ["THz", "THz"]
    assert row.split()[:3] == ["MgO", "MgO", "2"]
    assert "path MgO: Gamma-X-U | K-Gamma-L-W-X" in done.stdout
    lines = (tmp_path / "MgO" / "bands.csv").read_text().splitlines()
    table = np.loadtxt([x for x in lines if x[0] != "#"][1:], delimiter=",")
    assert float(row.split()[4]) == pytest.approx(table[:, 5:].max(), abs=6e-4)


def test_json_holds_the_bands(phonodos: Phonodos, examples: Path, lattice_weights: Path) -> None:
    done = phonodos(
        "bands", examples / "Si.cif", "missing.cif", "--no-plot", "--json",
        "--model", lattice_weights,
    )  # fmt: skip
    assert done.exit_code == 3
    found = json.loads(done.stdout)
    (result,) = found["results"]
    assert result["bands"]["frequency_unit"] == "cm-1"
    assert result["files"] == ["band.yaml", "bands.csv"]
    assert result["n_atoms_primitive"] == 2
    highest = max(np.max(s["frequencies"]) for s in result["bands"]["segments"])
    assert result["max_frequency"]["value"] == pytest.approx(highest)
    assert found["failures"][0]["input"] == "missing.cif"


def test_eigenvectors_and_the_website(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos(
        "bands", examples / "MgO.cif", "--no-plot", "--eigenvectors", "--format", "website",
        "--json", "--model", lattice_weights,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (result,) = json.loads(done.stdout)["results"]
    assert result["files"] == ["band.yaml", "bands.csv", "eigenvectors.npz", "phononwebsite.json"]
    parts = np.array(result["bands"]["segments"][0]["eigenvectors"])
    arrays = np.load(tmp_path / "MgO" / "eigenvectors.npz")["eigenvectors"]
    np.testing.assert_allclose(parts[..., 0] + 1j * parts[..., 1], arrays[: len(parts)], atol=1e-8)
    assert "eigenvector:" in (tmp_path / "MgO" / "band.yaml").read_text()
    site = json.loads((tmp_path / "MgO" / "phononwebsite.json").read_text())
    assert site["natoms"] == 2
    assert np.shape(site["vectors"]) == (*np.shape(site["eigenvalues"]), 2, 3, 2)
    assert not any(site["qpoints"][0])  # at Gamma, sound moves all atoms alike, light against
    moved = np.array(site["vectors"][0])
    sound = np.argsort(np.abs(site["eigenvalues"][0]))[:3]
    np.testing.assert_allclose(moved[sound, 0], moved[sound, 1], atol=1e-3)
    light = np.delete(moved, sound, axis=0)
    assert ((light[:, 0] * light[:, 1]).sum(axis=(1, 2)) < -0.1).all()


def test_isotopes_on_the_website(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    words = ("--no-plot", "--format", "website", "--model", lattice_weights)
    done = phonodos("bands", examples / "MgO.cif", *words, "--isotope", "O=O18")
    assert done.exit_code == 0, done.output
    site = json.loads((tmp_path / "MgO" / "phononwebsite.json").read_text())
    assert site["atom_numbers"] == [12, 8]
    assert site["masses"][1] == pytest.approx(17.999, abs=0.001)


def test_an_unknown_format(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("bands", examples / "MgO.cif", "--format", "xml")
    assert done.exit_code == 2
    assert "--format xml is not known" in done.stderr


def test_alloys_have_bands(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    done = phonodos("bands", examples / "Cu0.7Au0.3.cif", "--no-plot", "--model", lattice_weights)
    assert done.exit_code == 0
    assert "Cu0.7Au0.3" in (tmp_path / "Cu0.7Au0.3" / "band.yaml").read_text()


def test_a_spectrum_network_has_no_bands(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("bands", examples / "MgO.cif")
    assert done.exit_code == 2
    assert "chen2021 has no bands" in done.stderr
    assert "--model" in done.stderr


def test_unknown_units(phonodos: Phonodos, examples: Path) -> None:
    done = phonodos("bands", examples / "MgO.cif", "--units", "Hz")
    assert done.exit_code == 2
    assert "unknown frequency unit" in done.stderr


def test_predict_writes_phonopys_files(
    phonodos: Phonodos, examples: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    """The same networks under `phonodos predict`: force constants, and projections by element."""
    import phonopy

    done = phonodos(
        "predict", examples / "MgO.cif", examples / "Cu0.7Au0.3.cif", "--no-plot", "--format",
        "phonopy", "--project", "element", "--model", lattice_weights,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "MgO").iterdir()} == {
        "total_dos.dat",
        "thermal_properties.yaml",
        "phonopy_params.yaml",
        "BORN",
        "projected_dos.dat",
    }
    assert not (
        tmp_path / "Cu0.7Au0.3" / "phonopy_params.yaml"
    ).exists()  # phonopy knows no mixed sites
    table = np.loadtxt(tmp_path / "MgO" / "projected_dos.dat")
    total = read_total_dos(tmp_path / "MgO" / "total_dos.dat")
    assert total.n_atoms == 8
    assert np.trapezoid(table[:, 1:].sum(axis=1), table[:, 0]) == pytest.approx(24.0, rel=1e-4)
    found = phonopy.load(tmp_path / "MgO" / "phonopy_params.yaml", log_level=0)
    assert found.nac_params is not None
    assert found.force_constants.shape[0] == 2
