"""What no network may break: sum rules, Hermiticity, symmetry, masses."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from phonodos.physics.crystal import Crystal
from phonodos.prediction.lattice_dynamics import LatticeDynamics

LatticeOf = Callable[[Crystal], LatticeDynamics]
POINTS = np.array([[0.21, -0.13, 0.37], [0.5, 0.02, -0.31], [0.0, 0.0, 0.25]])


def salt(symbols: tuple[str, str], a: float) -> Crystal:
    cell = a / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal.ordered(cell, [[0.0, 0, 0], [0.5, 0.5, 0.5]], list(symbols))


def zincblende_alloy() -> Crystal:
    cell = 5.65 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    sites = ({"Ga": 0.7, "In": 0.3}, {"As": 1.0})
    return Crystal(cell, np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]]), sites)


def crystals() -> dict[str, Crystal]:
    """Cells of every shape, one atom to many, one element to many, mixed sites and isotopes."""
    skew = np.array([[1, 7, 0], [0, 1, 0], [-9, 0, 1]])
    copper = Crystal.ordered(
        3.61 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]), [[0.0] * 3], ["Cu"]
    )
    water = [[0.1, 0.1, 0.1], [0.31, 0.1, 0.12], [0.04, 0.29, 0.1]]
    return {
        "one atom": copper,
        "one atom, skewed": replace(copper, cell=skew @ copper.cell),
        "left-handed": replace(salt(("Na", "Cl"), 5.64), cell=-salt(("Na", "Cl"), 5.64).cell),
        "mixed site": zincblende_alloy(),
        "one element": Crystal.ordered(
            np.array([[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 6.7]]),
            [[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
            ["C"] * 4,
        ),
        "isotopes": Crystal.ordered(4.6 * np.eye(3), water, ["O", "H", "D"]),
        "slab in vacuum": Crystal.ordered(
            np.array([[3.16, 0, 0], [-1.58, 2.737, 0], [0, 0, 25.0]]),
            [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5626], [2 / 3, 1 / 3, 0.4374]],
            ["Mo", "S", "S"],
        ),
    }


@pytest.fixture(params=[*crystals(), "low symmetry"])
def crystal(request: pytest.FixtureRequest, low_symmetry: Crystal) -> Crystal:
    return low_symmetry if request.param == "low symmetry" else crystals()[request.param]


def test_three_modes_vanish_at_gamma(lattice_of: LatticeOf, crystal: Crystal) -> None:
    """Acoustic sum rule."""
    w = lattice_of(crystal).frequencies(np.zeros((1, 3)))[0]
    assert (np.sort(np.abs(w))[:3] < 1e-3).all()
    assert crystal.n_atoms == 1 or np.abs(w).max() > 10.0


def test_pieces_out_of_reach_of_each_other_almost_obey(lattice_of: LatticeOf) -> None:
    """No bond can take up the torque that dipoles of one piece exert on another: not exact."""
    crystal = Crystal.ordered(
        np.diag([9.0, 9.5, 16.0]),
        [[0.0, 0.0, 0.0], [0.2, 0.1, 0.02], [0.5, 0.47, 0.55]],
        ["Na", "Cl", "Ar"],
    )
    lattice = lattice_of(crystal)
    w = lattice.frequencies(np.zeros((1, 3)))[0]
    assert (np.sort(np.abs(w))[:3] < 1.0).all()
    assert np.abs(w).max() > 10.0
    matrices = lattice.dynamical_matrices(POINTS)
    assert np.abs(matrices - matrices.conj().swapaxes(1, 2)).max() < 1e-12


def test_sound_is_linear(lattice_of: LatticeOf, crystal: Crystal) -> None:
    """w^2 ~ q^2 near Gamma, whatever the symmetry: w doubles with q, three times."""
    lattice = lattice_of(crystal)
    reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.cell).T
    away = np.array([0.36, -0.48, 0.8]) @ np.linalg.inv(reciprocal)  # 1/A
    slow, fast = lattice.frequencies(np.outer([1e-3, 2e-3], away))
    sound = np.argsort(np.abs(slow))[:3]
    np.testing.assert_allclose(fast[sound], 2.0 * slow[sound], rtol=0.02, atol=2e-3)


def test_hermitian(lattice_of: LatticeOf, crystal: Crystal) -> None:
    matrices = lattice_of(crystal).dynamical_matrices(POINTS)
    assert np.abs(matrices - matrices.conj().swapaxes(1, 2)).max() < 1e-12 * np.abs(matrices).max()


def test_time_reversal_and_periodicity(lattice_of: LatticeOf, crystal: Crystal) -> None:
    lattice = lattice_of(crystal)
    wanted = lattice.frequencies(POINTS)
    np.testing.assert_allclose(lattice.frequencies(-POINTS), wanted, atol=1e-6)
    np.testing.assert_allclose(lattice.frequencies(POINTS + [1, -2, 1]), wanted, atol=1e-6)


def test_rotation_and_inversion(lattice_of: LatticeOf, crystal: Crystal) -> None:
    wanted = lattice_of(crystal).frequencies(POINTS)
    for sign in (1.0, -1.0):
        turn = sign * Rotation.random(random_state=3).as_matrix()
        found = lattice_of(replace(crystal, cell=crystal.cell @ turn.T)).frequencies(POINTS)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_translation_and_permutation(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    wanted = lattice_of(low_symmetry).frequencies(POINTS)
    moved = replace(low_symmetry, frac_coords=low_symmetry.frac_coords + [0.31, -1.7, 0.46])
    np.testing.assert_allclose(lattice_of(moved).frequencies(POINTS), wanted, atol=1e-6)
    order = [2, 0, 3, 1]
    other = replace(
        low_symmetry,
        frac_coords=low_symmetry.frac_coords[order],
        occupancy=tuple(low_symmetry.occupancy[k] for k in order),
    )
    np.testing.assert_allclose(lattice_of(other).frequencies(POINTS), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        [[1, 1, 0], [0, 1, -1], [0, 0, 1]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        [[1, 9, -4], [0, 1, 0], [0, 12, 1]],
    ],
)
def test_choice_of_cell(
    lattice_of: LatticeOf, low_symmetry: Crystal, change: list[list[int]]
) -> None:
    """The same crystal in another cell, one of them left-handed and one very skewed."""
    basis = np.array(change)
    coords = low_symmetry.frac_coords @ np.linalg.inv(basis)
    other = replace(low_symmetry, cell=basis @ low_symmetry.cell, frac_coords=coords)
    wanted = lattice_of(low_symmetry).frequencies(POINTS)
    np.testing.assert_allclose(lattice_of(other).frequencies(POINTS @ basis.T), wanted, atol=1e-5)


def test_supercell_folds_the_frequencies(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    coords = np.concatenate([low_symmetry.frac_coords / [1, 2, 1] + [0, s, 0] for s in (0, 0.5)])
    double = Crystal(np.diag([1, 2, 1]) @ low_symmetry.cell, coords, low_symmetry.occupancy * 2)
    whole = lattice_of(double).frequencies(POINTS)
    folded = [POINTS / [1, 2, 1] + [0, s, 0] for s in (0, 0.5)]
    parts = [lattice_of(low_symmetry).frequencies(q) for q in folded]
    np.testing.assert_allclose(whole, np.sort(np.concatenate(parts, axis=1)), atol=1e-5)


def test_masses_scale_frequencies(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    lattice = lattice_of(low_symmetry)
    heavy = lattice.with_masses(4.0 * low_symmetry.masses)
    np.testing.assert_allclose(
        heavy.frequencies(POINTS), lattice.frequencies(POINTS) / 2.0, rtol=1e-9
    )
    one = low_symmetry.masses * [1.0, 1.0, 18.0 / 15.999, 1.0]
    assert (lattice.with_masses(one).frequencies(POINTS) <= lattice.frequencies(POINTS)).any()


def test_an_average_site_lies_between_its_elements(lattice_of: LatticeOf) -> None:
    """An alloy is a crystal like others; with all of one element it is the pure one."""
    alloy = zincblende_alloy()
    pure = replace(alloy, occupancy=({"Ga": 1.0}, {"As": 1.0}))
    almost = replace(alloy, occupancy=({"Ga": 1.0 - 1e-7, "In": 1e-7}, {"As": 1.0}))
    wanted = lattice_of(pure).frequencies(POINTS)
    np.testing.assert_allclose(lattice_of(almost).frequencies(POINTS), wanted, atol=1e-3)
    assert np.abs(lattice_of(alloy).frequencies(POINTS) - wanted).max() > 0.1


def test_networks_are_not_blind(lattice_of: LatticeOf, low_symmetry: Crystal) -> None:
    """The invariances above would hold for a network that ignores its input."""
    wanted = lattice_of(low_symmetry).frequencies(POINTS)
    for changed in (
        replace(low_symmetry, cell=1.03 * low_symmetry.cell),
        replace(low_symmetry, occupancy=({"In": 1.0}, *low_symmetry.occupancy[1:])),
        replace(
            low_symmetry, frac_coords=low_symmetry.frac_coords + [[0.03, 0, 0], *[[0] * 3] * 3]
        ),
    ):
        assert np.abs(lattice_of(changed).frequencies(POINTS) - wanted).max() > 1.0
