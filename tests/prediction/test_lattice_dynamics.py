"""`LatticeDynamics`: spectra, projections, modes, bands, isotopes, large and odd cells."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.physics.path import path_of_lines
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING
from phonodos.prediction import lattice_dynamics as home
from phonodos.prediction.lattice_dynamics import LatticeDynamics

LatticeOf = Callable[[Crystal], LatticeDynamics]
Q = np.array([[0.21, -0.13, 0.37], [1.45, 0.02, -2.31]])


def test_dos_is_per_primitive_cell(lattice_of: LatticeOf, perovskite: Crystal) -> None:
    dos = lattice_of(perovskite).dos()
    assert dos.integral == pytest.approx(15.0, rel=1e-9)
    assert dos.n_atoms == 5
    assert dos.projected is None


def test_projections_add_up_and_show_the_symmetry(
    lattice_of: LatticeOf, perovskite: Crystal
) -> None:
    lattice = lattice_of(perovskite)
    dos = lattice.dos(projected=True)
    assert dos.projected is not None
    np.testing.assert_allclose(dos.projected.sum(axis=0), dos.densities, atol=1e-9)
    np.testing.assert_allclose(dos.densities, lattice.dos().densities, atol=1e-9)
    np.testing.assert_allclose(dos.projected[2], dos.projected[3], atol=1e-12)
    np.testing.assert_allclose(dos.projected[2], dos.projected[4], atol=1e-12)
    each = np.trapezoid(dos.projected, dos.frequencies)
    np.testing.assert_allclose(each, 3.0, rtol=1e-9)  # every atom has three modes


def test_irreducible_mesh_counts_like_the_whole_one(
    lattice_of: LatticeOf, perovskite: Crystal
) -> None:
    lattice = lattice_of(perovskite)
    mesh = lattice.mesh(14.0)
    n = np.array(mesh.divisions)
    grid = np.stack(np.meshgrid(*[np.arange(k) for k in n], indexing="ij"), axis=-1).reshape(-1, 3)
    # Which of the half shifts was taken shows in any of its points.
    shift = np.rint(2 * ((mesh.qpoints[0] * n) % 1)) / 2
    full = (grid + shift) / n
    assert len(mesh.qpoints) < len(full) / 4
    part = dos_from_frequencies(lattice.frequencies(mesh.qpoints), mesh.weights)
    whole = dos_from_frequencies(lattice.frequencies(full), np.full(len(full), 1 / len(full)))
    np.testing.assert_allclose(part.frequencies, whole.frequencies)
    np.testing.assert_allclose(part.densities, whole.densities, atol=1e-5)


def test_an_isotope_breaks_the_symmetry_of_the_mesh(
    lattice_of: LatticeOf, perovskite: Crystal
) -> None:
    """One heavy oxygen of three equivalent ones: fewer wave vectors are equivalent."""
    lattice = lattice_of(perovskite)
    masses = perovskite.masses.copy()
    masses[2] += 2.0
    heavy = lattice.with_masses(masses)
    assert len(heavy.mesh().qpoints) > len(lattice.mesh().qpoints)
    projected = heavy.dos(projected=True).projected
    assert projected is not None
    assert np.abs(projected[2] - projected[3]).max() > 1e-4
    np.testing.assert_allclose(projected[3], projected[4], atol=1e-9)
    lighter = lattice.with_masses(perovskite.masses)
    assert len(lighter.mesh().qpoints) == len(lattice.mesh().qpoints)


@pytest.mark.parametrize("masses", [[1.0, 2.0], [1.0, -1.0, 1.0, 1.0], [1.0, np.nan, 1.0, 1.0]])
def test_masses_must_be_one_positive_number_an_atom(
    lattice_of: LatticeOf, low_symmetry: Crystal, masses: list[float]
) -> None:
    with pytest.raises(PredictionError, match="for 4 atoms"):
        lattice_of(low_symmetry).with_masses(np.array(masses))


def test_modes_diagonalise_the_matrices(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    """Also far from Gamma, where the sums are done at an equivalent wave vector nearby."""
    lattice = lattice_of(low_symmetry)
    w, vectors = lattice.modes(Q)
    matrices = lattice.dynamical_matrices(Q)
    np.testing.assert_allclose(w, lattice.frequencies(Q), atol=1e-9)
    values = np.sign(w) * (w / WAVENUMBER_PER_SQRT_SPRING) ** 2
    np.testing.assert_allclose(matrices @ vectors, vectors * values[:, None, :], atol=1e-9)


def test_matrices_far_from_gamma_have_the_phases_of_full_vectors(
    lattice_of: LatticeOf, low_symmetry: Crystal
) -> None:
    lattice = lattice_of(low_symmetry)
    shift = np.array([1, -2, 3])
    phase = np.repeat(np.exp(2j * np.pi * low_symmetry.frac_coords @ shift), 3)
    wanted = lattice.dynamical_matrices(Q) * phase[None, None, :] * phase.conj()[None, :, None]
    np.testing.assert_allclose(lattice.dynamical_matrices(Q + shift), wanted, atol=1e-9)


def test_chunks_change_nothing(
    lattice_of: LatticeOf, low_symmetry: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    q = np.random.default_rng(1).uniform(-0.5, 0.5, (7, 3))
    wanted = lattice_of(low_symmetry).frequencies(q)
    monkeypatch.setattr(home, "LARGEST_BLOCK", 1.0)
    np.testing.assert_allclose(lattice_of(low_symmetry).frequencies(q), wanted, atol=1e-9)


def test_tensors_come_out_in_plain_arrays(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    lattice = lattice_of(low_symmetry)
    ends, vectors, constants = lattice.force_constants()
    assert ends.shape == (len(vectors), 2)
    assert constants.shape == (len(vectors), 3, 3)
    assert np.abs(lattice.born_charges.sum(axis=0)).max() < 1e-10
    assert np.linalg.eigvalsh(lattice.dielectric)[0] > 1.0
    np.testing.assert_allclose(lattice.masses, low_symmetry.masses)
    i, j = ends.T
    shift = (vectors - low_symmetry.positions[j] + low_symmetry.positions[i]) @ np.linalg.inv(
        low_symmetry.cell
    )
    np.testing.assert_allclose(shift, np.rint(shift), atol=1e-9)


def test_bands_split_at_gamma_by_direction(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    lattice = lattice_of(low_symmetry)
    gamma, a, c = np.zeros(3), np.array([0.5, 0, 0]), np.array([0, 0, 0.5])
    path = path_of_lines(low_symmetry, [("A", "GAMMA", a, gamma), ("GAMMA", "C", gamma, c)])
    along_a, along_c = lattice.bands(path).frequencies
    assert np.abs(along_a[-1] - along_c[0]).max() > 0.1
    for w, towards in ((along_a[-1], a), (along_c[0], c)):
        np.testing.assert_allclose(w, lattice.frequencies(2e-4 * towards)[0], atol=0.05)
        assert (np.sort(np.abs(w))[:3] < 0.2).all()
    np.testing.assert_allclose(along_a[0], lattice.frequencies(a)[0], atol=1e-9)


def test_bands_follow_the_recommended_path(lattice_of: LatticeOf, rock_salt: Crystal) -> None:
    bands = lattice_of(rock_salt).bands()
    assert bands.path.segments[0].labels == ("GAMMA", "X")
    assert all(w.shape == (len(s.qpoints), 6) for s, w in bands)
    w = np.concatenate(bands.frequencies)
    assert (np.diff(w, axis=1) >= -1e-9).all()


def test_the_default_mesh_is_converged(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    lattice = lattice_of(low_symmetry)
    usual, fine = lattice.dos(), lattice.dos(lattice.mesh(64.0))
    axis = np.arange(-100.0, 500.0)
    levels = [
        np.cumsum(np.interp(axis, d.frequencies, d.densities, left=0, right=0)) / 12
        for d in (usual, fine)
    ]
    assert np.abs(levels[0] - levels[1]).sum() < 0.5  # the Wasserstein distance [cm^-1]


def test_two_hundred_atoms_stay_in_bounds(lattice_of: LatticeOf, rng: np.random.Generator) -> None:
    """Wave vectors are taken in chunks, so that what is held at once does not grow with them."""
    grid = np.stack(np.meshgrid(*[np.arange(6)] * 3), axis=-1).reshape(-1, 3)[:200] / 6
    coords = grid + 0.01 * rng.normal(size=grid.shape)
    symbols = ["Mg", "O"] * 100
    large = Crystal.ordered(13.0 * np.eye(3), coords, symbols)
    lattice = lattice_of(large)
    q = lattice.mesh().qpoints
    assert len(q) <= 8
    chunks = list(lattice._matrices(np.tile(q, (8, 1))[:20]))
    assert sum(len(c) for c in chunks) == 20
    assert max(c.nbytes for c in chunks) < 0.2e9
    w = np.linalg.eigvalsh(chunks[0][0])
    assert np.isfinite(w).all()


@pytest.mark.parametrize("method", ["frequencies", "modes", "bands", "dos"])
def test_frequencies_beyond_any_vibration_are_refused(
    lattice_of: LatticeOf, rock_salt: Crystal, method: str
) -> None:
    lattice = lattice_of(rock_salt)
    light = lattice.with_masses(1e-9 * lattice.masses)
    arguments = () if method in ("bands", "dos") else (Q,)
    with pytest.raises(PredictionError, match=r"NaCl: frequencies of [\d,]+ cm"):
        getattr(light, method)(*arguments)


def odd_crystals() -> dict[str, Crystal]:
    fcc = 2.0 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    salt = [[0.0] * 3, [0.5] * 3]
    return {
        "one atom": Crystal.ordered(fcc, salt[:1], ["Cu"]),
        "left-handed": Crystal.ordered(-1.4 * fcc, salt, ["Na", "Cl"]),
        "mixture": Crystal(1.4 * fcc, np.array(salt), ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0})),
        "slab": Crystal.ordered(
            np.diag([3.9, 3.9, 25.0]),
            [[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.08], [0.5, 0, 0.08]],
            ["Na", "Cl", "Cl", "Na"],
        ),
    }


@pytest.mark.parametrize("metal", [False, True])
@pytest.mark.parametrize("name", odd_crystals())
def test_odd_crystals_keep_all_states(lattice_of: LatticeOf, name: str, metal: bool) -> None:
    """With long waves or without them, and no warning on the way."""
    lattice = lattice_of(odd_crystals()[name])
    if metal:
        charges = np.zeros_like(lattice.harmonic.born)
        lattice = replace(lattice, harmonic=replace(lattice.harmonic, born=charges))
    mesh = lattice.mesh(14.0)
    plain, projected = lattice.dos(mesh), lattice.dos(mesh, projected=True)
    for dos in (plain, projected):
        assert dos.integral == pytest.approx(3 * lattice.crystal.n_atoms, rel=1e-9)
        assert dos.densities.min() >= 0.0
    np.testing.assert_allclose(projected.densities, plain.densities, atol=1e-9)
    assert projected.projected is not None
    each = np.trapezoid(projected.projected, projected.frequencies)
    np.testing.assert_allclose(each, 3.0, rtol=1e-9)
