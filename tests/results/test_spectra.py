"""Spectra out and in: phonopy and pymatgen read what is written, and nothing changes on the way."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import THZ_PER_WAVENUMBER, per_wavenumber
from phonodos.results import spectra
from phonodos.results.desk import Results
from phonodos.results.measurements import read_curve
from phonodos.results.provenance import Provenance

N_ATOMS = 5


@pytest.fixture
def dos(rng: np.random.Generator) -> PhononDos:
    """A bumpy spectrum of five atoms with a few imaginary states, integral 15."""
    w = np.arange(-60.0, 801.0, 20.0)
    g = np.exp(-(((w - 300) / 180) ** 2)) * rng.uniform(0.5, 1.0, len(w))
    g[w > 740] = 0.0
    return PhononDos(w, g * 3 * N_ATOMS / np.trapezoid(g, w), N_ATOMS)


def assert_same(a: PhononDos, b: PhononDos) -> None:
    np.testing.assert_allclose(a.frequencies, b.frequencies, atol=1e-7)
    np.testing.assert_allclose(a.densities, b.densities, rtol=1e-6, atol=1e-10)
    assert a.n_atoms == b.n_atoms


def test_total_dos_is_in_terahertz_and_keeps_3n(dos: PhononDos, tmp_path: Path) -> None:
    path = tmp_path / "total_dos.dat"
    path.write_text(spectra.total_dos_text(dos, "five atoms"))
    w, g = np.loadtxt(path).T
    assert w[-1] == pytest.approx(800 * 0.0299792458)
    assert np.trapezoid(g, w) == pytest.approx(3 * N_ATOMS)
    assert path.read_text().startswith("# five atoms [THz")
    assert_same(spectra.read_total_dos(path), dos)


def test_pymatgen_reads_its_json(dos: PhononDos, tmp_path: Path) -> None:
    from pymatgen.phonon.dos import PhononDos as PymatgenDos

    path = tmp_path / "dos.json"
    path.write_text(json.dumps(spectra.pymatgen_record(dos)))
    theirs = PymatgenDos.from_dict(json.loads(path.read_text()))
    assert np.trapezoid(theirs.densities, theirs.frequencies) == pytest.approx(3 * N_ATOMS)
    assert theirs.as_dict() == json.loads(path.read_text())
    assert_same(spectra.read_pymatgen_dos(path), dos)


def test_pymatgen_finds_the_same_heat_capacity() -> None:
    """An independent program integrates the written file to our C_V (fine axis, no imaginary)."""
    from pymatgen.phonon.dos import PhononDos as PymatgenDos

    w = np.arange(0.0, 501.0)
    g = w**2 * (500.0 - w)
    fine = PhononDos(w, g * 6 / np.trapezoid(g, w), 2)
    theirs = PymatgenDos.from_dict(spectra.pymatgen_record(fine))
    ours = thermal_properties(fine, [300.0])
    assert theirs.cv(300.0) == pytest.approx(ours.heat_capacity[0], rel=2e-4)
    assert theirs.entropy(300.0) == pytest.approx(ours.entropy[0], rel=2e-4)


def test_phonopy_reads_the_thermal_properties(dos: PhononDos, tmp_path: Path) -> None:
    from phonopy.file_IO import read_thermal_properties_yaml

    path = tmp_path / "thermal_properties.yaml"
    thermal = thermal_properties(dos, np.arange(0.0, 301.0, 50.0))
    path.write_text(spectra.thermal_properties_text(thermal, dos))
    t, cv, entropy, free_energy, modes, integrated = read_thermal_properties_yaml([str(path)])
    np.testing.assert_allclose(t, thermal.temperatures)
    np.testing.assert_allclose(cv[:, 0], thermal.heat_capacity, atol=1e-6)
    np.testing.assert_allclose(entropy[:, 0], thermal.entropy, atol=1e-6)
    np.testing.assert_allclose(free_energy[:, 0] * 1000, thermal.free_energy, atol=1e-3)
    assert modes == [15]
    assert integrated == [round(15 * (1 - thermal.imaginary_fraction))]


def phonopy_writes(path: Path) -> None:
    """Let phonopy itself write the thermal properties of two atoms on springs at 0 and 10 K."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(["Na", "Cl"], cell=3 * np.eye(3), scaled_positions=[[0] * 3, [0.5] * 3])
    phonon = Phonopy(cell, np.eye(3), primitive_matrix="P")
    spring = np.eye(3)
    phonon.force_constants = np.array([[spring, -spring], [-spring, spring]])
    phonon.run_mesh([2, 2, 2])  # an even mesh without Gamma, whose zeros phonopy warns of
    phonon.run_thermal_properties(t_min=0, t_max=10, t_step=10)
    phonon.write_yaml_thermal_properties(str(path))


def layout(text: str) -> list[str]:
    """Return the lines of a text with a # for every whole number and column of a fraction."""
    fractions = re.compile(r" *-?\d+\.\d{5,}")
    text = fractions.sub(lambda found: "#" * len(found[0]), text)
    return re.sub(r"\d+ *", "#", text).splitlines()


def test_phonopy_layout_line_by_line(dos: PhononDos, tmp_path: Path) -> None:
    """The same lines in the same places as phonopy's own writer, numbers aside."""
    phonopy_writes(tmp_path / "theirs.yaml")
    text = spectra.thermal_properties_text(thermal_properties(dos, [0, 10.0]), dos)
    ours, theirs = layout(text), layout((tmp_path / "theirs.yaml").read_text())
    # Which modes at Gamma phonopy 4 left out of its mesh; a spectrum has no such modes.
    assert ours == [line for line in theirs if not line.startswith("exclude_gamma_acoustic")]


def test_thermal_properties_of_another_basis_are_refused(
    dos: PhononDos, perovskite: Crystal
) -> None:
    per_atom = thermal_properties(dos, [300.0]).per("atom", perovskite)
    with pytest.raises(DataError, match="per mol of atoms"):
        spectra.thermal_properties_text(per_atom, dos)


@pytest.mark.parametrize("unit", ["cm-1", "THz", "meV"])
def test_csv_names_its_unit_and_returns(dos: PhononDos, tmp_path: Path, unit: str) -> None:
    path = tmp_path / "dos.csv"
    Results(tmp_path).csv(path.name, *spectra.dos_table(dos, unit))
    assert path.read_text().startswith(f"frequency [{unit}],dos [states/{unit} per cell]\n")
    w, g = np.loadtxt(path, delimiter=",", skiprows=1).T
    assert w[-1] == pytest.approx(800 * per_wavenumber(unit))
    assert np.trapezoid(g, w) == pytest.approx(3 * N_ATOMS)
    assert_same(spectra.read_dos_csv(path), dos)


@pytest.mark.parametrize(
    ("basis", "amount"),
    [("atom", "mol of atoms"), ("formula", "mol of formula units"), ("kg", "kg"), ("cm3", "cm^3")],
)
def test_thermal_csv_names_its_basis(
    dos: PhononDos, perovskite: Crystal, basis: str, amount: str
) -> None:
    thermal = thermal_properties(dos, [0.0, 300.0]).per(basis, perovskite)
    header, found = spectra.thermal_table(thermal)
    assert header[1] == f"heat_capacity [J/(K {amount})]"
    assert header[4] == f"free_energy [kJ/{amount}]"
    np.testing.assert_allclose(found[:, 1], thermal.heat_capacity, rtol=1e-9)
    np.testing.assert_allclose(found[:, 4] * 1000, thermal.free_energy, rtol=1e-9)


def test_projections_sum_to_the_total(dos: PhononDos, perovskite: Crystal, tmp_path: Path) -> None:
    shares = np.array([0.1, 0.2, 0.3, 0.15, 0.25])[:, None]
    whole = PhononDos(dos.frequencies, dos.densities, N_ATOMS, shares * dos.densities)
    elements = spectra.projections(whole, perovskite, "element")
    sites = spectra.projections(whole, perovskite, "site")
    assert list(elements) == ["Sr", "Ti", "O"]
    assert list(sites) == ["Sr-1", "Ti-2", "O-3", "O-4", "O-5"]
    np.testing.assert_allclose(elements["O"], 0.7 * dos.densities)
    path = tmp_path / "projected_dos.dat"
    path.write_text(spectra.projected_dos_text(whole, sites))
    table = np.loadtxt(path)
    np.testing.assert_allclose(
        table[:, 1:].sum(axis=1), dos.densities / THZ_PER_WAVENUMBER, atol=1e-8
    )
    assert spectra.dos_table(whole, "cm-1", elements)[0][-1] == "dos O [states/cm-1 per cell]"
    assert list(spectra.dos_record(whole, "THz", elements)["projected"]) == ["Sr", "Ti", "O"]


def test_a_mixed_site_is_projected_as_one(dos: PhononDos) -> None:
    crystal = Crystal(3 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.75, "Au": 0.25},))
    one = PhononDos(dos.frequencies, dos.densities / 5, 1, dos.densities[None] / 5)
    assert list(spectra.projections(one, crystal, "element")) == ["Cu0.75Au0.25"]


def test_no_projection_is_an_error(dos: PhononDos, perovskite: Crystal) -> None:
    with pytest.raises(DataError, match="no projected"):
        spectra.projections(dos, perovskite, "site")


def test_record_is_json_with_units(dos: PhononDos) -> None:
    record = json.loads(json.dumps(spectra.dos_record(dos, "meV"), allow_nan=False))
    assert record["density_unit"] == "states/meV per cell"
    total = np.trapezoid(record["densities"], record["frequencies"])
    assert total == pytest.approx(3 * N_ATOMS)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (spectra.read_total_dos, "frequency dos\n1 two\n"),
        (spectra.read_total_dos, "1 2 3\n4 5 6\n"),
        (spectra.read_total_dos, "1 0\n2 0\n3 0\n"),
        (spectra.read_pymatgen_dos, '{"frequencies": [1, 2]}'),
        (spectra.read_pymatgen_dos, "not json"),
        (spectra.read_pymatgen_dos, '{"frequencies": [1, 2], "densities": [1, 2, 3]}'),
        (spectra.read_dos_csv, "w,g\n1,2\n2,3\n"),
        (spectra.read_dos_csv, "frequency [THz],dos\n1,2\n2,x\n"),
    ],
)
def test_other_files_are_refused(reader: object, text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"wrong\.txt"):
        reader(path)  # type: ignore[operator]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        spectra.read_total_dos(tmp_path / "absent.dat")


def test_what_stands_at_the_head_of_our_files_is_passed_over(
    dos: PhononDos, tmp_path: Path
) -> None:
    """Back from disk with lines of origin and warnings, of other units at that."""
    results = Results(tmp_path, Provenance("w", "ab" * 32, ("unstable to -3 cm-1, 1 meV",)))
    results.text("total_dos.dat", spectra.total_dos_text(dos))
    results.json("dos.json", spectra.pymatgen_record(dos))
    results.csv("dos.csv", *spectra.dos_table(dos, "THz"))
    assert_same(spectra.read_total_dos(tmp_path / "total_dos.dat"), dos)
    assert_same(spectra.read_pymatgen_dos(tmp_path / "dos.json"), dos)
    assert_same(spectra.read_dos_csv(tmp_path / "dos.csv"), dos)
    stable = PhononDos(dos.frequencies + 60.0, dos.densities, N_ATOMS)
    results.text("total_dos.dat", spectra.total_dos_text(stable))
    results.csv("dos.csv", *spectra.dos_table(stable, "THz"))
    assert read_curve(tmp_path / "dos.csv")[1] == "THz"
    assert read_curve(tmp_path / "total_dos.dat")[1] == "THz"
