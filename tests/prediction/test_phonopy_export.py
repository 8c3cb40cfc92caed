"""phonopy opens what we predict: the same frequencies, from disk, with its own defaults."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.phonopy_export import (
    EUPHONIC_YAML,
    phonopy_basis,
    supercell_matrix,
    to_phonopy,
    write_euphonic,
    write_phonopy,
)
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

LatticeOf = Callable[[Crystal], LatticeDynamics]
TOLERANCE = 0.5  # [cm^-1]
ORIGIN = Provenance("random", "ab" * 32, ("unstable: 3 modes", "90 % of 2"))
SKEW = np.array([[1, 3, -2], [0, 1, 0], [0, 4, 1]])


def hexagonal() -> Crystal:
    cell = np.array([[3.25, 0, 0], [-1.625, 2.8146, 0], [0, 0, 5.21]])
    sites = [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.38], [2 / 3, 1 / 3, 0.88]]
    return Crystal.ordered(cell, sites, ["Zn", "Zn", "O", "O"], name="ZnO")


def rhombohedral() -> Crystal:
    """Bi2Te3: long lattice vectors at a small angle."""
    a, c = 4.38, 30.5
    cell = np.array(
        [[a / 2, a / 12**0.5, c / 3], [-a / 2, a / 12**0.5, c / 3], [0, -a / 3**0.5, c / 3]]
    )
    places = [0.4, 0.6, 0.0, 0.21, 0.79]
    return Crystal.ordered(cell, [[x] * 3 for x in places], ["Bi", "Bi", "Te", "Te", "Te"])


def skewed(crystal: Crystal) -> Crystal:
    coords = crystal.frac_coords @ np.linalg.inv(SKEW)
    return replace(crystal, cell=SKEW @ crystal.cell, frac_coords=coords)


@pytest.fixture(
    params=[
        "triclinic",
        "rock salt",
        "hexagonal",
        "rhombohedral",
        "one atom",
        "left-handed",
        "skewed",
    ]
)
def lattice(
    request: pytest.FixtureRequest, lattice_of: LatticeOf, low_symmetry: Crystal, rock_salt: Crystal
) -> LatticeDynamics:
    crystals = {
        "triclinic": low_symmetry,
        "rock salt": rock_salt,
        "hexagonal": hexagonal(),
        "rhombohedral": rhombohedral(),
        "one atom": Crystal.ordered(3.34 * np.eye(3), [[0.1] * 3], ["Po"]),
        "left-handed": replace(low_symmetry, cell=-low_symmetry.cell),
        "skewed": skewed(low_symmetry),
    }
    return lattice_of(crystals[str(request.param)])


def test_files_give_dos_and_bands_again(lattice: LatticeDynamics, tmp_path: Path) -> None:
    """WD of the DOS and mean difference of the bands, from phonopy_params.yaml alone."""
    import phonopy

    results = Results(tmp_path, ORIGIN)
    write_phonopy(results, lattice)
    assert results.written == ["phonopy_params.yaml", "BORN"]
    found = phonopy.load(tmp_path / "phonopy_params.yaml", log_level=0)
    turn = phonopy_basis(lattice.crystal.cell).T
    mesh = lattice.mesh()
    ours = lattice.frequencies(mesh.qpoints)
    # Both see the same wave vectors, so the distance of the spectra is that of sorted frequencies.
    found.run_qpoints(mesh.qpoints @ turn - np.rint(mesh.qpoints @ turn))
    theirs = found.qpoints.frequencies / THZ_PER_WAVENUMBER
    assert np.abs(np.sort(theirs, axis=1) - ours).mean() < TOLERANCE
    bands = lattice.bands()
    differences = []
    for segment, w in bands:
        found.run_band_structure([segment.qpoints @ turn])
        theirs = np.sort(found.band_structure.frequencies[0], axis=1) / THZ_PER_WAVENUMBER
        differences.append(np.abs(theirs - w).ravel())
    assert np.concatenate(differences).mean() < TOLERANCE


def test_phonopys_command_leaves_the_file_alone(
    lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path
) -> None:
    """`phonopy-load` writes a summary, phonopy.yaml, over whatever has that name."""
    write_phonopy(Results(tmp_path, ORIGIN), lattice_of(rock_salt))
    before = (tmp_path / "phonopy_params.yaml").read_bytes()
    command = Path(sys.executable).with_name("phonopy-load")
    for _ in range(2):
        subprocess.run(
            [command, "phonopy_params.yaml", "--mesh", "4", "4", "4", "-q"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        assert (tmp_path / "mesh.yaml").is_file()
        assert (tmp_path / "phonopy_params.yaml").read_bytes() == before


def test_files_need_no_symmetry_of_the_supercell(
    lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path
) -> None:
    """The search costs more than the rest; the file differs by its block on the space group."""
    lattice = lattice_of(rock_salt)
    write_phonopy(Results(tmp_path, None), lattice)
    to_phonopy(lattice).save(str(tmp_path / "whole.yaml"), settings={"displacements": False})
    short, whole = (
        (tmp_path / name).read_text().splitlines() for name in ("phonopy_params.yaml", "whole.yaml")
    )
    start = whole.index("space_group:")
    end = next(k for k in range(start + 1, len(whole)) if not whole[k].startswith(" "))
    assert any("Fm-3m" in line for line in whole[start:end])
    assert [line for line in whole[:start] + whole[end:] if line] == [
        line for line in short if line
    ]


def test_a_metal_has_no_charges_in_its_files(
    lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path
) -> None:
    import phonopy

    polar = lattice_of(rock_salt)
    bare = replace(polar.harmonic, born=0.0 * polar.harmonic.born)
    lattice = replace(polar, harmonic=bare, metal=True)
    results = Results(tmp_path, ORIGIN)
    write_phonopy(results, lattice)
    assert results.written == ["phonopy_params.yaml"]
    found = phonopy.load(tmp_path / "phonopy_params.yaml", log_level=0)
    assert found.nac_params is None
    q = np.array([[0.01, 0.0, 0.01], [0.3, 0.2, 0.1]])
    found.run_qpoints(q)
    theirs = np.sort(found.qpoints.frequencies / THZ_PER_WAVENUMBER, axis=1)
    np.testing.assert_allclose(theirs, lattice.frequencies(q), atol=TOLERANCE)


def test_phonopys_own_dos(lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path) -> None:
    """The whole way a user goes: load, run_mesh, run_total_dos."""
    import phonopy

    lattice = lattice_of(rock_salt)
    write_phonopy(Results(tmp_path, ORIGIN), lattice)
    found = phonopy.load(tmp_path / "phonopy_params.yaml", log_level=0)
    found.run_mesh(40.0, is_gamma_center=False)
    found.run_total_dos(freq_pitch=0.03)
    total = found.total_dos
    mean = np.trapezoid(total.frequency_points * total.dos, total.frequency_points) / np.trapezoid(
        total.dos, total.frequency_points
    )
    ours = lattice.dos(lattice.mesh(40.0))
    whole = np.trapezoid(ours.frequencies * ours.densities, ours.frequencies) / ours.integral
    assert mean / THZ_PER_WAVENUMBER == pytest.approx(whole, abs=1.0)


def test_born_file_holds_the_charges(
    lattice_of: LatticeOf, low_symmetry: Crystal, tmp_path: Path
) -> None:
    import phonopy

    lattice = lattice_of(low_symmetry)
    write_phonopy(Results(tmp_path, ORIGIN), lattice)
    found = phonopy.load(
        tmp_path / "phonopy_params.yaml", born_filename=tmp_path / "BORN", log_level=0
    ).nac_params
    np.testing.assert_allclose(found["born"], lattice.born_charges, atol=1e-6)
    np.testing.assert_allclose(found["dielectric"], lattice.dielectric, atol=1e-6)


def test_isotopes_go_along(lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path) -> None:
    import phonopy

    heavy = lattice_of(rock_salt).with_masses(rock_salt.masses + [0.0, 1.5])
    write_phonopy(Results(tmp_path), heavy)
    found = phonopy.load(tmp_path / "phonopy_params.yaml", log_level=0)
    np.testing.assert_allclose(found.primitive.masses, heavy.masses, atol=1e-5)
    q = [[0.2, 0.1, 0.4]]
    found.run_qpoints(q)
    theirs = found.qpoints.frequencies / THZ_PER_WAVENUMBER
    np.testing.assert_allclose(theirs, heavy.frequencies(np.array(q)), atol=TOLERANCE)


def test_supercells_hold_every_bond_twice(lattice: LatticeDynamics) -> None:
    supercell = supercell_matrix(lattice) @ lattice.crystal.cell
    heights = 1.0 / np.linalg.norm(np.linalg.inv(supercell), axis=0)
    assert heights.min() > 2.0 * float(np.linalg.norm(lattice.harmonic.vectors, axis=1).max())


def test_phonopy_gets_the_cell_as_it_is_where_it_can(low_symmetry: Crystal) -> None:
    assert (phonopy_basis(low_symmetry.cell) == np.eye(3)).all()
    assert (phonopy_basis(rhombohedral().cell) == np.eye(3)).all()
    assert (phonopy_basis(-low_symmetry.cell) == -np.eye(3)).all()
    for crystal in (skewed(low_symmetry), replace(low_symmetry, cell=-SKEW @ low_symmetry.cell)):
        cell = phonopy_basis(crystal.cell) @ crystal.cell
        assert np.linalg.det(cell) > 0.0
        assert np.linalg.norm(cell, axis=1).max() < 6.0


def test_mixed_sites_are_refused(lattice_of: LatticeOf) -> None:
    alloy = Crystal(3.9 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.7, "Au": 0.3},), name="alloy")
    with pytest.raises(StructureError, match="mixed"):
        to_phonopy(lattice_of(alloy))


def test_a_folder_in_the_way_is_told(
    lattice_of: LatticeOf, rock_salt: Crystal, tmp_path: Path
) -> None:
    (tmp_path / "phonopy_params.yaml").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_phonopy(Results(tmp_path), lattice_of(rock_salt))


@pytest.mark.parametrize("turned", [False, True])
def test_euphonic_reads_it(
    rock_salt: Crystal, sprung: Callable[..., LatticeDynamics], tmp_path: Path, turned: bool
) -> None:
    """Euphonic takes the file as it is, charges included, and has our frequencies.

    In the second cell the supercell of phonopy's file has a matrix that is not symmetric.
    """
    basis = np.array([[0, 1, 0], [1, 1, -1], [0, 1, -1]]) if turned else np.eye(3)
    crystal = Crystal.ordered(
        basis @ rock_salt.cell, rock_salt.frac_coords @ np.linalg.inv(basis), rock_salt.symbols
    )
    if turned:
        matrix = supercell_matrix(sprung(crystal))
        assert not np.array_equal(matrix, matrix.T)
    born = np.array([1.1, -1.1])[:, None, None] * np.eye(3)
    lattice = sprung(crystal, born, 2.4 * np.eye(3))
    write_euphonic(Results(tmp_path), lattice)
    euphonic = pytest.importorskip("euphonic", reason="extra [neutron] absent")
    read = euphonic.ForceConstants.from_phonopy(path=tmp_path, summary_name=EUPHONIC_YAML)
    qpoints = np.array([[0.1, 0.2, 0.3], [0.5, 0.0, 0.5], [0.25, 0.25, 0.5], [0.05, 0.0, 0.05]])
    modes = read.calculate_qpoint_frequencies(qpoints, use_c=False)
    found = modes.frequencies.to("1/cm").magnitude
    np.testing.assert_allclose(read.crystal.cell_vectors.magnitude, crystal.cell, atol=1e-6)
    np.testing.assert_allclose(found, lattice.frequencies(qpoints), atol=0.5)
