"""`displacements`: phonopy as a judge, site symmetry, other cells, masses, files, refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.results.displacements import displacements_cif
from phonodos.studies.displacements import displacements

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]


@pytest.fixture
def rutile() -> Crystal:
    a, c, u = 4.6, 2.96, 0.305
    coords = [[0, 0, 0], [0.5] * 3, [u, u, 0], [-u, -u, 0],
              [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]  # fmt: skip
    return Crystal.ordered(np.diag([a, a, c]), coords, ["Ti"] * 2 + ["O"] * 4)


def test_phonopy_finds_the_same(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    """On its mesh of 30^3 wave vectors, extrapolated in the step of the mesh."""
    from phonopy import Phonopy

    lattice = sprung(rock_salt)
    phonon: Phonopy = lattice.to_phonopy()
    coarse, fine = [], []
    for n, found in ((15, coarse), (30, fine)):
        # Odd and even meshes without Gamma: all points half a step off.
        phonon.run_mesh([n] * 3, is_gamma_center=False, shift=[0.5 * (n % 2)] * 3,
                        with_eigenvectors=True, is_mesh_symmetry=False)  # fmt: skip
        phonon.run_thermal_displacement_matrices(temperatures=[0.0, 300.0], freq_min=1e-3)
        found.append(phonon.thermal_displacement_matrices.thermal_displacement_matrices.real)
    expected = 2.0 * fine[0] - coarse[0]
    found_u = displacements(predicted(lattice), [0.0, 300.0]).tensors
    np.testing.assert_allclose(
        np.trace(found_u, axis1=2, axis2=3), np.trace(expected, axis1=2, axis2=3), rtol=0.01
    )


def test_sites_obey_their_symmetry(rutile: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    study = displacements(predicted(sprung(rutile)), [0.0, 300.0])
    u = study.u_cif[1]
    np.testing.assert_allclose(u[0, 0, 0], u[0, 1, 1], rtol=1e-9)  # Ti on m.mm
    np.testing.assert_allclose(u[0, 0, 1], -u[1, 0, 1], rtol=1e-9)
    np.testing.assert_allclose(u[:, 0, 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(u[2], u[3], atol=1e-12)  # related by inversion
    np.testing.assert_allclose(u[2, 0, 1], -u[4, 0, 1], rtol=1e-9)  # by the screw axis
    assert (np.linalg.eigvalsh(study.tensors) > 0.0).all()
    assert study.kinds() == [(0, 2), (2, 4)]


def test_a_supercell_has_the_same(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    cubic = Crystal.ordered(
        5.64 * np.eye(3),
        [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0],
         [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0.5]],
        ["Na"] * 4 + ["Cl"] * 4,
    )  # fmt: skip
    one = displacements(predicted(sprung(rock_salt)), [300.0])
    many = displacements(predicted(sprung(rock_salt), crystal=cubic), [300.0])
    np.testing.assert_allclose(many.u_iso[0, :4], one.u_iso[0, 0], rtol=1e-9)
    np.testing.assert_allclose(many.u_iso[0, 4:], one.u_iso[0, 1], rtol=1e-9)


def test_hot_atoms_move_as_t(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    u = displacements(predicted(sprung(rock_salt)), [3000.0, 6000.0]).u_iso
    np.testing.assert_allclose(u[1], 2.0 * u[0], rtol=2e-3)


def test_a_heavier_isotope_moves_less_at_rest(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    lattice = sprung(rock_salt)
    heavy = lattice.with_masses(lattice.masses * [1.2, 1.0])
    before, after = (displacements(predicted(x), [0.0, 6000.0]).u_iso for x in (lattice, heavy))
    assert after[0, 0] < 0.97 * before[0, 0]
    np.testing.assert_allclose(after[1], before[1], rtol=3e-3)  # classical: no masses


def test_spread_and_record(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    members = [sprung(rock_salt, stiffness=k) for k in (4.0, 5.0, 6.0)]
    study = displacements(predicted(members[1], *members), [300.0])
    assert study.u_iso_spread is not None
    expected = np.std([1 / 4.0, 1 / 5.0, 1 / 6.0], ddof=1) * 5.0
    np.testing.assert_allclose(study.u_iso_spread / study.u_iso, expected, rtol=0.05)
    record = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert record["B_iso_A2"][0][0] == pytest.approx(8 * np.pi**2 * study.u_iso[0, 0])
    names, rows = study.table()
    assert len(rows) == 2
    assert names.index("U_iso_A^2") == 9
    factors = study.debye_waller(np.array([[0.0, 0.0, 2.0]]))
    assert factors[0, 0, 0] == pytest.approx(np.exp(-2.0 * study.u_iso[0, 0]))


def test_others_read_the_cif(
    rutile: Crystal, sprung: Sprung, predicted: Predicted, tmp_path: Path
) -> None:
    from pymatgen.io.cif import CifParser

    study = displacements(predicted(sprung(rutile)), [300.0])
    text = displacements_cif(rutile, study.u_cif[0], study.u_iso[0], 300.0)
    (tmp_path / "x.cif").write_text(text)
    again = phonodos.read_crystal(tmp_path / "x.cif")
    np.testing.assert_allclose(again.frac_coords % 1.0, rutile.frac_coords % 1.0, atol=1e-8)
    block = next(iter(CifParser(tmp_path / "x.cif")._cif.data.values()))
    assert float(block["_atom_site_aniso_U_12"][2]) == pytest.approx(
        study.u_cif[0, 2, 0, 1], abs=1e-6
    )
    gemmi = pytest.importorskip("gemmi")
    small = gemmi.read_small_structure(str(tmp_path / "x.cif"))
    assert small.sites[2].aniso.u12 == pytest.approx(study.u_cif[0, 2, 0, 1], abs=1e-6)


def test_imaginary_modes_are_told(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    born = np.array([5.0, -5.0])[:, None, None] * np.eye(3)
    study = displacements(predicted(sprung(rock_salt, born, 2.0 * np.eye(3), 0.5)), [300.0])
    assert 0.0 < study.left_out < 1.0
    assert "left out" in study.warnings[-1]


def test_what_is_refused(sprung: Sprung, predicted: Predicted, rock_salt: Crystal) -> None:
    molecule = Crystal.ordered(12.0 * np.eye(3), [[0, 0, 0], [0.1, 0, 0]], ["C", "O"])
    with pytest.raises(StructureError, match="no displacements of a molecule"):
        displacements(predicted(sprung(molecule)))
    with pytest.raises(ConfigError, match="temperatures -3 K"):
        displacements(predicted(sprung(rock_salt)), [-3.0])
    with pytest.raises(ConfigError, match="chen2021 has no displacements"):
        phonodos.displacements(rock_salt, model="chen2021")
