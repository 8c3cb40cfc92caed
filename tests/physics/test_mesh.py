"""Meshes of wave vectors and the spectrum on them."""

import numpy as np
import pytest

from phonodos.errors import PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import (
    FINER,
    dos_from_frequencies,
    irreducible_mesh,
    mass_kinds,
    mesh_divisions,
    mode_shares,
    refined,
    spectrum,
)


def whole_mesh(divisions: tuple[int, int, int]) -> np.ndarray:
    axes = [(np.arange(n) + 0.5) / n for n in divisions]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def invariant(cell: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return a function of q with the symmetry of a lattice: sum of cosines over short vectors."""
    grid = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(grid @ cell, axis=1)
    return np.cos(2 * np.pi * q @ grid.T) @ np.exp(-(length**2) / 6.0)


CELLS = {
    "fcc": 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "bcc": 4.1 / 2 * np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]]),
    "hexagonal": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 5.2]]),
    "triclinic": np.array([[4.1, 0.3, -0.2], [0.9, 4.6, 0.4], [-0.7, 0.5, 5.2]]),
}


@pytest.mark.parametrize("name", CELLS)
def test_irreducible_points_sum_like_the_whole_mesh(name: str) -> None:
    cell = CELLS[name]
    mesh = irreducible_mesh(Crystal.ordered(cell, [[0.0, 0, 0]], ["Cu"]), 24.0)
    full = whole_mesh(mesh.divisions)
    assert mesh.weights.sum() == pytest.approx(1.0)
    assert len(mesh.qpoints) <= -(-len(full) // 2)  # time reversal at least
    reduced = mesh.weights @ invariant(cell, mesh.qpoints) ** 2
    assert reduced == pytest.approx((invariant(cell, full) ** 2).mean(), rel=1e-10)


def test_symmetry_saves_points() -> None:
    mesh = irreducible_mesh(Crystal.ordered(5.0 * np.eye(3), [[0.0, 0, 0]], ["Po"]), 40.0)
    assert mesh.divisions == (8, 8, 8)
    assert len(mesh.qpoints) == 20  # 4 coordinates, unordered with repetition: 4 5 6 / 6


def test_divisions_are_phonopys() -> None:
    assert mesh_divisions(np.diag([2.0, 5.0, 100.0]), 20.0) == (10, 4, 1)


def test_equivalent_atoms_share_an_orbit(perovskite: Crystal) -> None:
    orbits = irreducible_mesh(perovskite, 10.0).orbits
    assert len(set(orbits[2:])) == 1
    assert len(set(orbits)) == 3


def test_integral_is_3n_and_moments_are_kept(rng: np.random.Generator) -> None:
    w = rng.normal(200.0, 90.0, (7, 6))
    weights = rng.random(7)
    weights /= weights.sum()
    dos = dos_from_frequencies(w, weights)
    assert dos.integral == pytest.approx(6.0, rel=1e-12)
    mean = np.trapezoid(dos.frequencies * dos.densities, dos.frequencies) / 6.0
    assert mean == pytest.approx(float(weights @ w.mean(axis=1)), rel=1e-9)


def test_projections_add_up(rng: np.random.Generator) -> None:
    w = rng.normal(200.0, 90.0, (5, 6))
    shares = rng.random((5, 6, 2))
    shares /= shares.sum(axis=2, keepdims=True)
    dos = dos_from_frequencies(w, np.full(5, 0.2), shares)
    assert dos.projected is not None
    np.testing.assert_allclose(dos.projected.sum(axis=0), dos.densities, atol=1e-12)


def test_between_the_points_smooth_branches_are_followed() -> None:
    """A cosine band of a simple cubic crystal: closer to its true spectrum than the mesh is."""
    mesh = irreducible_mesh(Crystal.ordered(4.0 * np.eye(3), [[0.0, 0, 0]], ["Po"]), 28.0)

    def band(q: np.ndarray) -> np.ndarray:
        return 200.0 + 30.0 * np.cos(2 * np.pi * q).sum(axis=1, keepdims=True)

    finer = refined(mesh, band(mesh.qpoints))
    assert finer.shape == (7**3, FINER**3, 1)
    true = np.sort(band(whole_mesh((60, 60, 60))).ravel())
    levels = (np.arange(len(true)) + 0.5) / len(true)

    def distance(w: np.ndarray, weights: np.ndarray) -> float:
        order = np.argsort(w)
        place = np.cumsum(weights[order]) - weights[order] / 2
        return float(np.abs(np.interp(levels, place, w[order]) - true).mean())

    found = finer.ravel()
    fine = distance(found, np.full(len(found), 1 / len(found)))
    assert fine < 0.4 * distance(band(mesh.qpoints).ravel(), mesh.weights)


def test_between_the_points_nothing_becomes_imaginary() -> None:
    mesh = irreducible_mesh(Crystal.ordered(np.diag([4.0, 5.0, 90.0]), [[0.0] * 3], ["Po"]), 30.0)
    rng = np.random.default_rng(2)
    w = np.sort(np.abs(rng.normal(0.0, 50.0, (len(mesh.qpoints), 3))), axis=1)
    finer = refined(mesh, w)
    assert finer.shape == (np.prod(mesh.divisions), FINER**2, 3)  # one division along c
    assert finer.min() >= 0.0
    soft = refined(mesh, w - 40.0)
    assert soft.min() < 0.0  # what is imaginary stays so


@pytest.mark.parametrize("value", [-7e7, 7e7])
def test_the_axis_is_bounded(value: float) -> None:
    """Before it is made: these would be 70 million points."""
    with pytest.raises(PredictionError, match="70,000,000 cm"):
        dos_from_frequencies(np.array([[1.0, 2.0, value]]), np.ones(1))


@pytest.mark.parametrize("k", [30, 1000])
@pytest.mark.parametrize("name", CELLS)
def test_very_skewed_cells_have_the_mesh_of_the_reduced_one(name: str, k: int) -> None:
    shear = np.array([[1.0, 0, 0], [k, 1, 0], [0, k, 1]])
    plain = irreducible_mesh(Crystal.ordered(CELLS[name], [[0.0, 0, 0]], ["Cu"]), 24.0)
    skewed = irreducible_mesh(Crystal.ordered(shear @ CELLS[name], [[0.0, 0, 0]], ["Cu"]), 24.0)
    assert sorted(skewed.divisions) == sorted(plain.divisions)
    back = skewed.qpoints @ np.linalg.inv(shear).T  # fractions of the plain reciprocal lattice
    found = skewed.weights @ invariant(CELLS[name], back)
    assert found == pytest.approx(plain.weights @ invariant(CELLS[name], plain.qpoints), abs=1e-5)


def test_without_symmetry_the_mesh_is_that_of_the_reduced_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("phonodos.physics.mesh.symmetry_dataset", lambda *_: None)
    shear = np.array([[1.0, 0, 0], [15, 1, 0], [0, 15, 1]])
    plain = irreducible_mesh(Crystal.ordered(CELLS["triclinic"], [[0.0, 0, 0]], ["Cu"]), 24.0)
    skewed = irreducible_mesh(
        Crystal.ordered(shear @ CELLS["triclinic"], [[0.0, 0, 0]], ["Cu"]), 24.0
    )
    assert np.prod(skewed.divisions) < 2 * np.prod(plain.divisions)


def test_isotopes_are_kinds_of_their_own(perovskite: Crystal) -> None:
    assert len(set(mass_kinds(perovskite, perovskite.masses))) == 3
    masses = perovskite.masses.copy()
    masses[2] += 2.0
    kinds = mass_kinds(perovskite, masses)
    assert len(set(kinds)) == 4
    assert kinds[3] == kinds[4] != kinds[2]


def test_spectrum_is_that_of_the_refined_frequencies(perovskite: Crystal) -> None:
    """Projected or not: equivalent atoms share alike, and every state is counted once."""
    mesh = irreducible_mesh(perovskite, 12.0)
    rng = np.random.default_rng(4)
    w = np.sort(rng.uniform(50.0, 500.0, (len(mesh.qpoints), 15)), axis=1)
    vectors = np.linalg.qr(rng.normal(size=(len(w), 15, 15)))[0]
    shares = mode_shares(vectors)
    np.testing.assert_allclose(shares.sum(axis=2), 1.0)
    plain, projected = spectrum(mesh, w), spectrum(mesh, w, shares)
    np.testing.assert_allclose(plain.densities, projected.densities, atol=1e-12)
    assert projected.projected is not None
    np.testing.assert_allclose(projected.projected[2], projected.projected[4], atol=1e-12)
    assert plain.highest == projected.highest == w.max()
    sharp = spectrum(mesh, w, smoothing=0.0)
    assert plain.integral == pytest.approx(15.0)
    assert sharp.mean_frequency == pytest.approx(plain.mean_frequency, abs=1e-6)
    assert sharp.mean_frequency == pytest.approx(refined(mesh, w).mean(), abs=1e-6)


@pytest.mark.parametrize(("lowest", "start"), [(30.0, -2.0), (5.0, -7.0), (-40.0, -52.0)])
def test_ends_of_the_axis(lowest: float, start: float) -> None:
    dos = dos_from_frequencies(np.array([[lowest, 80.0, 200.0]]), np.ones(1))
    assert dos.frequencies[0] == start
    assert dos.frequencies[-1] == 300.0
