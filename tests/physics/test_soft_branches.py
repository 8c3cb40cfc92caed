"""Low branches of soft crystals, followed between the points of a mesh."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.physics import soft_branches
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import QMesh, irreducible_mesh, spectrum
from phonodos.physics.refinement import refined
from phonodos.physics.soft_branches import LOOKED_AT, SUSPECT, dips_between, soft_states

CELLS = {
    "cubic": 4.0 * np.eye(3),
    "fcc": 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "hexagonal": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 5.2]]),
    "slab": np.diag([3.0, 3.0, 40.0]),
    "sheet": np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 40.0]]),
    "triclinic": np.array([[4.1, 0.3, -0.2], [0.9, 4.6, 0.4], [-0.7, 0.5, 5.2]]),
}
LOWEST = np.array([-90.0, 40.0, 95.0])  # [cm^-1], of three branches, at Gamma


def mesh_of(name: str) -> QMesh:
    return irreducible_mesh(Crystal.ordered(CELLS[name], [[0.0] * 3], ["Po"]), 26.0)


def frequencies_of(name: str, lowest: np.ndarray = LOWEST) -> Callable[[np.ndarray], np.ndarray]:
    """Springs to the neighbours within 6 A, on a ground that bends down: smooth squares."""
    steps = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = np.linalg.norm(steps @ CELLS[name], axis=1)
    steps, lengths = (x[(lengths > 0.0) & (lengths < 6.0)] for x in (steps, lengths))

    def at(qpoints: np.ndarray) -> np.ndarray:
        waves = (1.0 - np.cos(2.0 * np.pi * qpoints @ steps.T)) @ np.exp(-lengths)
        squares = lowest * np.abs(lowest) + 2e5 * waves[:, None]
        return np.asarray(np.copysign(np.sqrt(np.abs(squares)), squares))

    return at


def moments(w: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return shares of states: imaginary ones, and real ones within some ten cm^-1 of zero."""
    states = np.broadcast_to(states, w.shape)
    near = [(np.where(w > 0.0, np.exp(-w / t), 0.0) * states).sum() for t in (7.0, 20.0)]
    return np.array([((w < 0.0) * states).sum(), *near])


@pytest.mark.parametrize("name", CELLS)
def test_they_fill_the_cells_they_are_of(name: str) -> None:
    mesh, at = mesh_of(name), frequencies_of(name)
    found = soft_states(mesh, at(mesh.qpoints), at)
    assert found is not None
    assert len(np.unique(found.cells)) == len(found.cells)
    each = np.bincount(found.owners, found.shares, len(mesh.cells.numbers))
    np.testing.assert_allclose(each[found.cells], mesh.cells.shares[found.cells], rtol=1e-12)
    assert each.sum() == pytest.approx(mesh.cells.shares[found.cells].sum())
    assert found.frequencies.shape == (len(found.owners), found.branches)


@pytest.mark.parametrize("name", ["cubic", "fcc", "hexagonal", "triclinic"])
def test_states_near_zero_are_those_of_a_dense_sum(name: str) -> None:
    """To 3 %, where the mesh alone errs by more."""
    mesh, at = mesh_of(name), frequencies_of(name)
    w = at(mesh.qpoints)
    found = soft_states(mesh, w, at)
    assert found is not None
    dense = 72
    side = (np.arange(dense) + 0.5) / dense - 0.5
    grid = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    true = moments(at(grid)[:, :1], np.array(1.0 / dense**3))
    whole = refined(mesh, w)[..., :1]
    alone = moments(whole, np.array(1.0 / whole.size))
    rest = ~np.isin(mesh.cells.places, found.cells)
    both = moments(whole[rest], np.array(1.0 / whole.size))
    both += moments(found.frequencies[:, :1], found.shares[:, None])
    np.testing.assert_allclose(both, true, rtol=0.03)
    assert np.abs(both / true - 1.0).max() < np.abs(alone / true - 1.0).max()


def test_no_equivalent_wave_vectors_are_asked_for_and_no_more_than_are_worth_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh, at = mesh_of("cubic"), frequencies_of("cubic")
    asked = [mesh.qpoints]

    def counted(qpoints: np.ndarray) -> np.ndarray:
        asked.append(qpoints)
        return at(qpoints)

    soft_states(mesh, at(mesh.qpoints), counted)
    every = np.concatenate(asked)
    folded = np.sort(np.abs(every - np.rint(every)), axis=1).round(6)
    assert len(np.unique(folded, axis=0)) == len(every)
    # Gamma is among the new corners; polar modes have no direction exactly there.
    assert 1e-6 < np.abs(every - np.rint(every)).max(axis=1).min() < 1e-3
    monkeypatch.setattr(soft_branches, "MOST", 30.0)
    asked[1:] = []
    assert soft_states(mesh, at(mesh.qpoints), counted) is not None
    assert 0 < sum(map(len, asked[1:])) <= len(mesh.qpoints) + 30


def test_where_all_states_are_near_zero_nothing_is_asked() -> None:
    mesh = mesh_of("cubic")
    w = np.tile([-1.0, 2.0, 3.0], (len(mesh.qpoints), 1))

    def never(qpoints: np.ndarray) -> np.ndarray:
        raise AssertionError(qpoints)

    assert soft_states(mesh, w, never) is None


def test_between_real_states_none_is_imaginary(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = mesh_of("cubic")
    at = frequencies_of("cubic", np.array([0.0, 60.0, 90.0]))
    assert soft_states(mesh, at(mesh.qpoints), at) is None  # nothing dips
    monkeypatch.setattr(soft_branches, "dips_between", lambda *_: True)
    found = soft_states(mesh, at(mesh.qpoints), at)
    assert found is not None
    assert found.frequencies.min() >= 0.0


@pytest.mark.parametrize("name", CELLS)
def test_spectra_with_and_without_shares(name: str) -> None:
    mesh, at = mesh_of(name), frequencies_of(name)
    w = at(mesh.qpoints)
    shares = np.ones((*w.shape, 1))
    plain, projected = spectrum(mesh, w, at=at), spectrum(mesh, w, shares, at=at)
    assert plain.integral == pytest.approx(3.0, rel=1e-9)
    assert projected.projected is not None
    np.testing.assert_allclose(projected.projected[0], projected.densities, atol=1e-12)
    np.testing.assert_allclose(projected.densities, plain.densities, atol=1e-9)
    stable = frequencies_of(name, np.array([30.0, 40.0, 90.0]))
    w = stable(mesh.qpoints)
    both = spectrum(mesh, w, at=stable), spectrum(mesh, w)
    np.testing.assert_array_equal(both[0].densities, both[1].densities)


def test_imaginary_states_near_zero_are_not_smoothed_among_real_ones() -> None:
    mesh, at = mesh_of("cubic"), frequencies_of("cubic")
    dos = spectrum(mesh, at(mesh.qpoints), at=at)
    wide = spectrum(mesh, at(mesh.qpoints))
    at_zero = [x.densities[x.frequencies == 0.0][0] for x in (dos, wide)]
    assert at_zero[0] < 0.5 * at_zero[1]


@pytest.mark.parametrize(("depth", "dips"), [(-40.0, True), (20.0, False)])
def test_branches_that_dip_between_points(depth: float, dips: bool) -> None:
    """A valley half a step wide, at the corner of the zone between the points of a shifted mesh."""
    mesh = irreducible_mesh(Crystal.ordered(4.4 * np.eye(3), [[0.0] * 3], ["Po"]), 26.0)
    assert mesh.divisions == (6, 6, 6)
    assert mesh.shift == (1, 1, 1)
    asked = []

    def at(qpoints: np.ndarray) -> np.ndarray:
        asked.append(len(qpoints))
        depths = 2.0 * (1.0 + np.cos(2.0 * np.pi * qpoints)).sum(axis=1)  # 0 at the corner
        squares = depth * abs(depth) + 4e3 * depths
        lowest = np.copysign(np.sqrt(np.abs(squares)), squares)
        return np.stack([lowest, np.full(len(lowest), 300.0), np.full(len(lowest), 400.0)], axis=1)

    w = at(mesh.qpoints)
    assert w.min() > 0.0
    asked.clear()
    assert dips_between(mesh, w, at) == dips
    assert sum(asked) <= LOOKED_AT
    assert not dips_between(mesh, np.maximum(w, SUSPECT + 1.0), at)


def test_sound_around_gamma_is_no_dip() -> None:
    """The cubic may fall below zero between the first points from Gamma, where sound does not."""
    mesh, at = mesh_of("cubic"), frequencies_of("cubic", np.zeros(3))
    asked = []

    def counted(qpoints: np.ndarray) -> np.ndarray:
        asked.append(len(qpoints))
        return at(qpoints)

    assert not dips_between(mesh, at(mesh.qpoints), counted)
    assert sum(asked) == 0


def test_rounding_of_a_translation_decides_nothing() -> None:
    """The mesh of a sheet has a point that is Gamma but in name; the sign there is chance."""
    mesh, found, alone = mesh_of("sheet"), [], []
    for lowest in (1e-5, -1e-5):
        at = frequencies_of("sheet", np.array([lowest, 40.0, 95.0]))
        w = at(mesh.qpoints)
        assert w.min() == pytest.approx(lowest)
        found.append(spectrum(mesh, w, at=at))
        alone.append(spectrum(mesh, w))
    for one, other in (found, alone):
        np.testing.assert_allclose(one.densities, other.densities, atol=1e-9)
    assert len(found[0].densities) != len(alone[0].densities)  # branches are followed
