"""The dynamical matrix: its two parts, its derivatives, its frequencies."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from phonodos.errors import PredictionError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import (
    dipole_matrices,
    dipole_slope,
    dynamical_matrices,
    frequencies,
    is_above,
    settled,
    settled_matrices,
    short_range_matrices,
)
from phonodos.model.harmonic import HarmonicCrystals, group_by_size, harmonic_of
from phonodos.model.lattice import Lattice, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.physics.dipole import dipole_term
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

POINTS = torch.tensor([[[0.21, -0.13, 0.37], [0.5, 0.0, 0.0], [0.02, 0.0, 0.01]]]).double()
EPS = {
    "isotropic": 2.5 * np.eye(3),
    "layered": np.diag([12.0, 12.0, 2.0]),
    "tilted": np.array([[4.0, 0.5, -0.3], [0.5, 3.0, 0.2], [-0.3, 0.2, 6.0]]),
}


def harmonic(crystal: Crystal, eps: np.ndarray, cutoff: float = 3.4) -> HarmonicCrystals:
    torch.manual_seed(3)
    bonded = bond_crystal(crystal, cutoff)
    born = torch.randn(crystal.n_atoms, 3, 3, dtype=torch.float64)
    constants = torch.randn(len(bonded.forward), 3, 3, dtype=torch.float64)
    lattice = Lattice(
        0.3 * constants - 4.0 * torch.eye(3).double(),
        born - born.mean(dim=0),
        torch.from_numpy(eps)[None],
        torch.ones(len(bonded.forward), dtype=torch.float64),
    )
    return harmonic_of(bonded, lattice, 0)


@pytest.mark.parametrize("name", EPS)
def test_dipole_term_is_that_of_physics(low_symmetry: Crystal, name: str) -> None:
    """The batched sum of here against the plain one of numpy, which goes further out."""
    crystals = harmonic(low_symmetry, EPS[name])
    q = torch.einsum("cqa,cab->cqb", POINTS, crystals.reciprocal)
    found = dipole_matrices(crystals, q)[0].numpy()
    wanted = dipole_term(
        q[0].numpy(), low_symmetry.cell, low_symmetry.frac_coords,
        crystals.born[0].numpy(), EPS[name],
    ).reshape(3, 12, 12)  # fmt: skip
    assert np.abs(found - wanted).max() < 3e-3 * np.abs(wanted).max()


def test_dipole_term_at_gamma_has_no_direction(low_symmetry: Crystal) -> None:
    crystals = harmonic(low_symmetry, EPS["tilted"])
    at_zero = dipole_matrices(crystals, torch.zeros(1, 1, 3).double())
    assert float(at_zero.imag.abs().max()) < 1e-12
    small = 1e-3 * torch.tensor([[[1.0, 0, 0], [0, 0, 1.0]]]).double()
    along, across = dipole_matrices(crystals, small)[0]
    assert float((along - across).abs().max()) > 1e-2


def test_slope_of_the_dipole_term(low_symmetry: Crystal) -> None:
    """Against finite differences of the sum over all pairs of atoms."""
    crystals = harmonic(low_symmetry, EPS["tilted"])
    step = 1e-3
    points = torch.cat([step * torch.eye(3), -step * torch.eye(3)]).double()[None]
    blocks = dipole_matrices(crystals, points)[0].view(6, 4, 3, 4, 3).sum(dim=(1, 3))
    numeric = (blocks[:3] - blocks[3:]).imag / (2 * step)
    found = dipole_slope(crystals)[0]
    assert float(found.abs().max()) > 1e-2
    torch.testing.assert_close(found, numeric.permute(1, 2, 0), rtol=0, atol=1e-4)


def test_short_range_part_is_a_plain_sum(low_symmetry: Crystal) -> None:
    crystals = harmonic(low_symmetry, EPS["isotropic"])
    q = torch.einsum("cqa,cab->cqb", POINTS, crystals.reciprocal)
    wanted = torch.zeros(3, 4, 3, 4, 3, dtype=torch.complex128)
    bonds = zip(
        crystals.firsts.tolist(), crystals.seconds.tolist(), crystals.vectors,
        crystals.force_constants, strict=True,
    )  # fmt: skip
    for i, j, r, phi in bonds:
        phase = torch.exp(1j * (q[0] @ r))[:, None, None]
        wanted[:, i, :, j] += phi * phase
        wanted[:, j, :, i] += phi.T * phase.conj()
    found = short_range_matrices(crystals, q)[0]
    torch.testing.assert_close(found, wanted.view(3, 12, 12))


def test_what_wave_vectors_share_is_done_once(low_symmetry: Crystal) -> None:
    crystals = harmonic(low_symmetry, EPS["tilted"])
    whole = dynamical_matrices(crystals, POINTS)
    fixed, site = settled(crystals)
    parts = [settled_matrices(fixed, site, POINTS[:, k : k + 1]) for k in range(3)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


def test_crystals_of_one_size_share_a_batch(
    lattice_network: LatticeNetwork, low_symmetry: Crystal
) -> None:
    other = replace(low_symmetry, cell=1.04 * low_symmetry.cell)
    batch = collate_bonded([bond_crystal(c, 5.0) for c in (low_symmetry, other)])
    lattice = lattice_network(batch)
    (group,) = group_by_size(batch, lattice)
    points = POINTS.numpy()
    together = dynamical_matrices(group, np.broadcast_to(points, (2, 3, 3)))
    for k in range(2):
        alone = dynamical_matrices(harmonic_of(batch, lattice, k), points)
        np.testing.assert_allclose(together[k], alone[0], atol=1e-10)


def chain() -> Crystal:
    return Crystal.ordered(np.diag([3.0, 3.3, 3.6]), [[0, 0, 0], [0.45, 0.52, 0.4]], ["Na", "Cl"])


@pytest.mark.parametrize("name", ["force_constants", "born", "dielectric", "masses"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    crystals = harmonic(chain(), EPS["tilted"])

    def spectrum(values: torch.Tensor) -> torch.Tensor:
        changes: dict[str, Any] = {name: values}
        if name == "dielectric":
            changes = {name: (values + values.mT) / 2.0}
        matrices = dynamical_matrices(replace(crystals, **changes), POINTS)
        return frequencies(matrices, softening=8.0) / 100.0

    start = getattr(crystals, name).clone().requires_grad_()
    assert torch.autograd.gradcheck(spectrum, start, eps=1e-5, atol=1e-4, rtol=1e-3)


def test_gradients_through_the_network(lattice_network: LatticeNetwork) -> None:
    """The slope of a frequency with a weight of the first layer, numerically."""
    bonded = bond_crystal(chain(), 5.0)
    parameters = {k: torch.from_numpy(v) for k, v in lattice_network.parameters.items()}
    weight = parameters["embedding.weight"].clone()
    config = lattice_network.config

    def highest(weight: torch.Tensor) -> torch.Tensor:
        network = LatticeNetwork(config, {**parameters, "embedding.weight": weight})
        (group,) = group_by_size(bonded, network(bonded))
        return frequencies(dynamical_matrices(group, POINTS), softening=8.0)[0, 0, -1]

    given = weight.clone().requires_grad_()
    (slope,) = torch.autograd.grad(highest(given), given)
    place = np.unravel_index(int(slope.abs().argmax()), slope.shape)
    step = 1e-5
    values = []
    for sign in (1.0, -1.0):
        moved = weight.clone()
        moved[place] += sign * step
        values.append(float(highest(moved)))
    assert float(slope[place]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def test_gradients_stay_finite_at_gamma_and_for_degenerate_modes() -> None:
    """Zero modes, equal modes, masked terms of the dipole sum: nowhere a NaN."""
    cube = Crystal.ordered(2.8 * np.eye(3), [[0.0] * 3, [0.5] * 3], ["Cs", "Cl"])
    crystals = harmonic(cube, EPS["isotropic"])
    leaves = {k: getattr(crystals, k).clone().requires_grad_() for k in ("born", "dielectric")}
    points = torch.zeros(1, 2, 3).double()
    points[0, 1, 0] = 0.5
    w = frequencies(dynamical_matrices(replace(crystals, **leaves), points), softening=8.0)
    w.square().sum().backward()
    for leaf in leaves.values():
        assert leaf.grad is not None
        assert bool(torch.isfinite(leaf.grad).all())


def test_imaginary_frequencies_are_negative() -> None:
    matrices = torch.diag(torch.tensor([-4.0, 0.0, 9.0])).double()
    w = frequencies(matrices)
    assert w.tolist() == pytest.approx(
        [-2 * WAVENUMBER_PER_SQRT_SPRING, 0.0, 3 * WAVENUMBER_PER_SQRT_SPRING]
    )
    soft = frequencies(matrices, softening=8.0)
    assert (w - soft).abs().max() < 8.0**2 / (2 * 2 * WAVENUMBER_PER_SQRT_SPRING)


def test_the_number_of_dipole_waves_is_bounded(rock_salt: Crystal) -> None:
    """A dielectric tensor out of all proportion would ask for billions of them."""
    with pytest.raises(PredictionError, match=r"needs .* wave vectors"):
        settled(harmonic(rock_salt, np.diag([1e8, 1e8, 1.0])))


def test_above_a_frequency_without_the_frequencies(low_symmetry: Crystal) -> None:
    group = harmonic(low_symmetry, EPS["tilted"])
    matrix = dynamical_matrices(group, POINTS)[0, 0].numpy()
    first, before = float(frequencies(matrix)[0]), matrix.copy()
    for shift, above in ((-1e-3, True), (1e-3, False)):
        assert is_above(matrix, first + shift) is above
        np.testing.assert_array_equal(matrix, before)  # its diagonal is put back to the bit
    soft = matrix - 2.0 * (abs(first) / WAVENUMBER_PER_SQRT_SPRING) ** 2 * np.eye(len(matrix))
    lowest = float(frequencies(soft)[0])
    assert lowest < 0.0
    assert is_above(soft, lowest - 1e-3)
    assert not is_above(soft, lowest + 1e-3)
