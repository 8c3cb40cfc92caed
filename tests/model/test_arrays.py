"""Formulas that are written once: NumPy's numbers are torch's, on whole crystals."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from phonodos.model.arrays import (
    as_numpy,
    complex_of,
    doubled,
    in_pieces,
    like,
    sums_at,
    typed_like,
)
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices, frequencies, settled
from phonodos.model.harmonic import HarmonicCrystals, group_by_size
from phonodos.model.lattice import LatticeNetwork
from phonodos.physics.crystal import Crystal

POINTS = np.array([[0.0, 0, 0], [0.25, 0.1, -0.35], [0.5, 0.5, 0.0], [1e-3, 0.0, 0.0]])


@pytest.fixture
def groups(
    lattice_network: LatticeNetwork, perovskite: Crystal, low_symmetry: Crystal, rock_salt: Crystal
) -> list[HarmonicCrystals]:
    crystals = (perovskite, low_symmetry, rock_salt, low_symmetry)
    bonded = collate_bonded([bond_crystal(c, 6.0) for c in crystals])
    parameters = {k: torch.from_numpy(v) for k, v in lattice_network.parameters.items()}
    network = LatticeNetwork(lattice_network.config, parameters)
    return group_by_size(bonded, network(bonded))


def test_pieces_are_joined_and_torch_takes_all_at_once() -> None:
    rows, asked = np.arange(20.0).reshape(10, 2), []

    def made(some: slice) -> np.ndarray:
        asked.append((some.start, some.stop))
        return 2.0 * rows[some]

    for of, most, parts in (
        (rows, 4, [(0, 4), (4, 8), (8, 10)]), (rows, 10, [(0, 10)]),
        (torch.zeros(1), 4, [(0, 10)]),
    ):  # fmt: skip
        asked.clear()
        np.testing.assert_array_equal(in_pieces(made, 10, of=of, most=most), 2.0 * rows)
        assert asked == parts


def test_dynamics_agree(groups: list[HarmonicCrystals]) -> None:
    assert sorted(g.n_crystals for g in groups) == [1, 1, 2]
    for group in groups:
        plain = group.in_numpy()
        constants, site = settled(group)
        ours, ours_site = settled(plain)
        scale = float(constants.force_constants.abs().max())
        for a, b in (
            (ours.force_constants, constants.force_constants), (ours_site, site)
        ):  # fmt: skip
            assert isinstance(a, np.ndarray)
            assert np.abs(a - as_numpy(b)).max() < 1e-12 * scale
        points = np.broadcast_to(POINTS, (group.n_crystals, *POINTS.shape))
        theirs = dynamical_matrices(group, torch.from_numpy(points.copy()))
        found = dynamical_matrices(plain, points)
        assert found.dtype == np.complex128
        assert np.abs(found - theirs.numpy()).max() < 1e-12 * np.abs(found).max()
        for softening in (0.0, 1.0):
            w = frequencies(theirs, softening=softening).numpy()
            assert np.abs(frequencies(found, softening=softening) - w).max() < 1e-4
        assert np.abs(w).max() > 50.0


def test_gradients_are_those_of_differences(groups: list[HarmonicCrystals]) -> None:
    """Torch's gradient of a sum of squares of frequencies, against NumPy's differences."""
    (group,) = (g for g in groups if g.n_crystals == 2)
    plain = group.in_numpy()
    points = np.broadcast_to(POINTS[1:3], (2, 2, 3)).copy()

    def of(constants: object, harmonic: HarmonicCrystals, q: object) -> object:
        matrices = dynamical_matrices(replace(harmonic, force_constants=constants), q)
        return (frequencies(matrices, softening=1.0) ** 2).mean()

    given = group.force_constants.clone().requires_grad_()
    of(given, group, torch.from_numpy(points)).backward()
    rng = np.random.default_rng(0)
    step = 1e-5 * rng.normal(size=plain.force_constants.shape)
    change = of(plain.force_constants + step, plain, points)
    change = change - of(plain.force_constants - step, plain, points)
    assert change == pytest.approx(2.0 * float((given.grad.numpy() * step).sum()), rel=1e-4)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_small_pieces_agree(kind: type, rng: np.random.Generator) -> None:
    values = rng.normal(size=(7, 2, 3)).astype(kind)
    places = np.array([4, 0, 4, 4, 2, 0, 5])
    wanted = sums_at(6, torch.from_numpy(places), torch.from_numpy(values)).numpy()
    found = sums_at(6, places, values)
    assert found.dtype == kind
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert not found[[1, 3]].any()
    assert sums_at(3, places[:0], values[:0]).shape == (3, 2, 3)
    pair = complex_of(values, 2.0 * values)
    np.testing.assert_array_equal(
        pair, complex_of(torch.from_numpy(values), torch.from_numpy(2.0 * values)).numpy()
    )
    assert pair.dtype == (np.complex64 if kind is np.float32 else np.complex128)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy])
def test_types_and_kinds_are_kept(make: Callable[[np.ndarray], object]) -> None:
    single = make(np.ones(2, np.float32))
    made = like(np.arange(3.0), single)
    assert type(made) is type(single)
    assert made.dtype == single.dtype
    assert as_numpy(doubled(single)).dtype == np.float64
    assert typed_like(doubled(single), single).dtype == single.dtype
