"""A crystal on springs that is soft at one point of the zone boundary is found to be unstable."""

from collections.abc import Sequence

import numpy as np
import pytest

from phonodos.model.bonds import bond_crystal
from phonodos.model.harmonic import harmonic_of
from phonodos.model.lattice import Lattice
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.primitive import primitive_cell
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.stability import Stability, search_points, stability_of, surveyed

CUBE = Crystal.ordered(3.3 * np.eye(3), [[0.0, 0, 0]], ["Po"])
SECOND = 1.0  # [eV/A^2], springs to the twelve second neighbours
SOFT, HARD = -0.105, 0.105  # to the six nearest ones; 12 of them are what holds R = (1/2 1/2 1/2)
TURN = np.linalg.qr(np.array([[0.3, -0.8, 0.5], [0.9, 0.4, 0.1], [-0.2, 0.5, 0.8]]))[0]


def on_springs(crystal: Crystal, nearest: float) -> LatticeDynamics:
    """Return a simple cubic crystal with springs that pull alike in all directions."""
    bonded = bond_crystal(crystal, 5.0)
    lengths = np.linalg.norm(np.asarray(bonded.vectors), axis=1)
    springs = np.where(lengths < 4.0, nearest, SECOND)
    lattice = Lattice(
        force_constants=-springs[:, None, None] * np.eye(3),
        born=np.zeros((crystal.n_atoms, 3, 3)),
        dielectric=np.eye(3)[None],
        stiffness=np.ones(len(springs)),
    )
    return LatticeDynamics(crystal, harmonic_of(bonded, lattice, 0))


def looked_at(crystal: Crystal, nearest: Sequence[float]) -> tuple[PhononDos, Stability]:
    """Return the spectrum of the first member, and the stability by all members."""
    primitive = primitive_cell(crystal).crystal
    members = [on_springs(primitive, k) for k in nearest]
    mesh = members[0].mesh()
    found, stability = surveyed(members, mesh, search_points(members[0], mesh), None)
    return found[0], stability


def test_a_soft_corner_that_the_share_of_states_misses() -> None:
    dos, found = looked_at(CUBE, [SOFT])
    dense = on_springs(CUBE, SOFT)
    assert 0.001 < dense.dos(dense.mesh(80.0)).imaginary_fraction < 0.005
    assert not dos.is_unstable
    assert found.verdict == "unstable"
    assert (found.label, found.place) == ("R", "R")
    np.testing.assert_allclose(np.abs(found.qpoint), 0.5, atol=1e-9)
    exact = on_springs(CUBE, SOFT).frequencies(np.array([[0.5, 0.5, 0.5]]))[0, 0]
    assert exact < -40.0
    assert found.lowest == pytest.approx(exact, abs=1e-9)
    assert found.spread == 0.0


def test_a_stable_crystal_is_stable() -> None:
    dos, found = looked_at(CUBE, [HARD])
    assert dos.imaginary_fraction == 0.0
    assert found.verdict == "stable"
    assert found.lowest > 10.0  # sound close to Gamma is low in every crystal and does not count


def test_members_are_averaged() -> None:
    alone = [looked_at(CUBE, [k])[1].lowest for k in (SOFT, 2.0 * SOFT)]
    _, both = looked_at(CUBE, [SOFT, 2.0 * SOFT])
    assert both.lowest == pytest.approx(np.mean(alone))
    assert both.spread == pytest.approx(np.std(alone, ddof=1))


@pytest.mark.parametrize("nearest", [SOFT, HARD])
def test_supercell_and_rotation_change_nothing(nearest: float) -> None:
    once = looked_at(CUBE, [nearest])[1]
    turned = Crystal.ordered(CUBE.cell @ TURN.T, CUBE.frac_coords, ["Po"])
    doubled = Crystal.ordered(
        np.diag([2.0, 1.0, 1.0]) @ CUBE.cell, [[0.0, 0, 0], [0.5, 0, 0]], ["Po", "Po"]
    )
    skewed = Crystal.ordered(
        np.array([[1.0, 0, 0], [2, 1, 0], [0, -1, 1]]) @ CUBE.cell, CUBE.frac_coords, ["Po"]
    )
    for other in (turned, doubled, skewed):
        found = looked_at(other, [nearest])[1]
        assert (found.verdict, found.label) == (once.verdict, once.label)
        assert found.lowest == pytest.approx(once.lowest, abs=0.01)


def test_sound_that_is_unstable_is_found_around_gamma() -> None:
    """All springs weak but the nearest, which push: long waves are imaginary first."""
    _, found = looked_at(CUBE, [-4.5])
    assert found.verdict == "unstable"


@pytest.mark.parametrize("nearest", [[HARD], [SOFT], [HARD, SOFT], [SOFT, HARD, -0.2], [HARD, 0.3]])
def test_points_that_are_passed_over_change_nothing(nearest: list[float]) -> None:
    """Against the lowest frequencies of every member at every point."""
    members = [on_springs(CUBE, k) for k in nearest]
    mesh = members[0].mesh()
    points = search_points(members[0], mesh)
    found = surveyed(members, mesh, points, None)[1]
    qpoints = np.concatenate([points.qpoints, mesh.qpoints])
    each = np.array([m.frequencies(qpoints)[:, 0] for m in members])
    labels = [*points.labels, *([None] * len(mesh.qpoints))]
    assert found == stability_of(each, qpoints, labels, None)
