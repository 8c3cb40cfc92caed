"""Frequencies between the points of a mesh: in all cells, and in those that symmetry leaves."""

import numpy as np
import pytest

from phonodos.physics.acoustic import SoundOnMesh, in_block, lattice_products
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import QMesh, irreducible_mesh
from phonodos.physics.refinement import refined, refined_in_part
from phonodos.physics.sound import SoundWaves

CELLS = {
    "cubic": 4.0 * np.eye(3),
    "fcc": 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "hexagonal": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 5.2]]),
    "orthorhombic": np.diag([4.0, 5.0, 7.0]),
    "slab": np.diag([3.0, 3.0, 40.0]),
    "triclinic": np.array([[4.1, 0.3, -0.2], [0.9, 4.6, 0.4], [-0.7, 0.5, 5.2]]),
}
# Operations that permute the axes of the mesh or turn them about, time reversal included; half
# shifts of the mesh of fcc leave four of twelve.
ORDERS = {"cubic": 48, "fcc": 4, "hexagonal": 8, "orthorhombic": 8, "slab": 8, "triclinic": 2}


def mesh_of(name: str, length: float = 26.0) -> QMesh:
    return irreducible_mesh(Crystal.ordered(CELLS[name], [[0.0] * 3], ["Cu"]), length)


def same_states(mesh: QMesh, w: np.ndarray, carried: SoundOnMesh | None = None) -> int:
    """Compare moments of all branches with those of `refined`, in the block around Gamma too.

    Returns how many branches are in one cell of those alike.
    """
    whole = refined(mesh, w, carried)
    parts = refined_in_part(mesh, w, carried)
    block, done = in_block(mesh), 0
    for found, states in parts:
        branches = slice(done, done + found.shape[2])
        done += found.shape[2]
        near = block if found.shape[:2] == block.shape else block[mesh.cells.numbers].T
        for power in (0, 1, 2, 7):
            ours = (found / w.max()) ** power * states
            theirs = (whole[..., branches] / w.max()) ** power / block.size
            for part, other in ((1.0, 1.0), (near[..., None], block[..., None])):
                np.testing.assert_allclose(
                    (ours * part).sum(axis=(0, 1)), (theirs * other).sum(axis=(0, 1)), rtol=1e-9
                )
    assert done == w.shape[1]
    return parts[-1][0].shape[2] if parts[-1][0].shape[:2] != block.shape else 0


@pytest.mark.parametrize("length", [26.0, 21.0, 9.0])
@pytest.mark.parametrize("name", CELLS)
def test_one_cell_of_those_alike_stands_for_all(name: str, length: float) -> None:
    mesh = mesh_of(name, length)
    rng = np.random.default_rng(3)
    w = np.sort(rng.uniform(90.0, 110.0, (len(mesh.qpoints), 3)), axis=1)
    assert same_states(mesh, w) == 3
    assert mesh.places.size < 27 or len(mesh.cells.numbers) < mesh.places.size
    assert mesh.cells.shares.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("name", CELLS)
def test_as_many_are_alike_as_operations_map_cells_onto_cells(name: str) -> None:
    mesh = mesh_of(name, 45.0)
    largest = mesh.cells.shares.max() * mesh.places.size
    assert round(largest) == ORDERS[name]


@pytest.mark.parametrize("shift", [40.0, 0.0])
@pytest.mark.parametrize("name", CELLS)
def test_branches_whose_signs_are_kept_are_refined_everywhere(name: str, shift: float) -> None:
    """Along one axis after the other they are kept in a way that permuted axes do not share."""
    mesh = mesh_of(name)
    rng = np.random.default_rng(5)
    w = np.sort(np.abs(rng.normal(0.0, 50.0, (len(mesh.qpoints), 3))), axis=1) - shift
    w = np.concatenate([w, rng.uniform(290.0, 310.0, (len(w), 3))], axis=1)
    permuted = name not in ("orthorhombic", "triclinic")
    found = same_states(mesh, w)
    assert found == (3 if permuted else 6) or (found == 6 and shift == 0.0)  # none may be kept


@pytest.mark.parametrize("name", CELLS)
def test_sound_carries_the_cells_around_gamma(name: str) -> None:
    mesh = mesh_of(name)
    alike = np.outer([1.0, 1, 1, 0, 0, 0], [1.0, 1, 1, 0, 0, 0])
    cartesian = SoundWaves(1e4 * alike, np.zeros((6, 3)), np.ones(6), np.ones(1))
    sound = cartesian.along(2.0 * np.pi * np.linalg.inv(CELLS[name]).T)
    q = mesh.qpoints @ np.linalg.inv(mesh.axes)
    w = np.sqrt(sound.along(mesh.axes).squares_of(lattice_products(q)))
    carried = SoundOnMesh.of(mesh, w, sound)
    assert carried is not None
    same_states(mesh, w, carried)
    every, some = carried.rays(), carried.rays(every=False)
    assert every is not None
    assert some is not None
    assert some.volumes.sum() == pytest.approx(every.volumes.sum(), rel=1e-12)
    axis = np.linspace(0.0, w.max(), 50)
    np.testing.assert_allclose(some.density(axis), every.density(axis), rtol=1e-6, atol=1e-12)
