"""`displacements`: phonopy as a judge, site symmetry, other cells, masses, files, refusals."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
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

# Reads a CIF, computes intensities, and refines U_ij to them from equal spheres.
REFINEMENT = """
import json, sys
from pathlib import Path
from cctbx import adptbx
from iotbx import cif
from scitbx.lstbx import normal_eqns_solving
from smtbx.refinement import constraints, least_squares
from smtbx.utils import connectivity_table

text = Path(sys.argv[1]).read_text()
(read,) = cif.reader(input_string=text).build_crystal_structures().values()
cell, indices = read.unit_cell(), [(1, 0, 0), (2, -1, 3), (0, 4, -5)]
waves = read.build_miller_set(anomalous_flag=False, d_min=0.6)
measured = waves.structure_factors_from_scatterers(read, algorithm="direct").f_calc().norm()
measured = measured.customized_copy(sigmas=1.0 + 0.0 * measured.data())
measured.set_observation_type_xray_intensity()
start = read.deep_copy_scatterers()
for atom in start.scatterers():
    atom.flags.set_grad_u_aniso(True)
    atom.u_star = adptbx.u_iso_as_u_star(cell, 0.02)
free = constraints.reparametrisation(
    structure=start, constraints=[], connectivity_table=connectivity_table(start)
)
problem = least_squares.crystallographic_ls(
    measured.as_xray_observations(), free, weighting_scheme=least_squares.unit_weighting()
)
normal_eqns_solving.levenberg_marquardt_iterations(
    problem, n_max_iterations=50, gradient_threshold=1e-12, step_threshold=1e-10
)
factor = adptbx.debye_waller_factor_u_star
print(json.dumps({
    "elements": [atom.element_symbol() for atom in read.scatterers()],
    "indices": indices,
    "debye_waller": [[factor(h, atom.u_star) for h in indices] for atom in read.scatterers()],
    "refined": [adptbx.u_star_as_u_cif(cell, atom.u_star) for atom in start.scatterers()],
}))
"""
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


@pytest.fixture
def triclinic(rutile: Crystal) -> Crystal:
    sheared = rutile.cell + np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.3, 0.4, 0.0]])
    return Crystal(sheared, rutile.frac_coords, rutile.occupancy)


def test_diffpy_reads_the_cif(
    triclinic: Crystal, sprung: Sprung, predicted: Predicted, tmp_path: Path
) -> None:
    structure = pytest.importorskip("diffpy.structure")
    study = displacements(predicted(sprung(triclinic)), [300.0])
    text = displacements_cif(triclinic, study.u_cif[0], study.u_iso[0], 300.0)
    (tmp_path / "x.cif").write_text(text)
    found = structure.loadStructure(str(tmp_path / "x.cif"))
    np.testing.assert_allclose([atom.U for atom in found], study.u_cif[0], atol=1e-6)
    isotropic = [atom.Uisoequiv for atom in found]
    np.testing.assert_allclose(isotropic, study.u_iso[0], rtol=1e-3)


def test_a_refinement_starts_from_the_cif_and_comes_back_to_it(
    triclinic: Crystal, sprung: Sprung, predicted: Predicted, tmp_path: Path
) -> None:
    """cctbx: factors of Debye and Waller as ours, and smtbx (olex2.refine) refines to our U_ij."""
    if find_spec("iotbx") is None:
        pytest.skip("cctbx-base is not installed")
    study = displacements(predicted(sprung(triclinic)), [300.0])
    text = displacements_cif(triclinic, study.u_cif[0], study.u_iso[0], 300.0)
    (tmp_path / "x.cif").write_text(text)
    # In a process of its own: its libraries do not bear every neighbour.
    words = [sys.executable, "-c", REFINEMENT, str(tmp_path / "x.cif")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["elements"] == ["Ti"] * 2 + ["O"] * 4
    waves = 2.0 * np.pi * np.linalg.solve(triclinic.cell, np.transpose(found["indices"])).T
    np.testing.assert_allclose(found["debye_waller"], study.debye_waller(waves)[0], atol=1e-4)
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    wanted = [[u[pair] for pair in pairs] for u in study.u_cif[0]]
    np.testing.assert_allclose(found["refined"], wanted, atol=5e-6)


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
