"""The network of lattice dynamics: what its tensors must obey whatever its weights are."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from phonodos.model.bonds import BondedCrystals, bond_crystal, collate_bonded
from phonodos.model.lattice import Lattice, LatticeConfig, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.prediction.lattice_dynamics import LatticeDynamics


def predict(network: LatticeNetwork, crystal: Crystal) -> tuple[BondedCrystals, Lattice]:
    bonded = bond_crystal(crystal, network.config.cutoff)
    return bonded, network(bonded)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tensors_turn_with_the_crystal(
    lattice_network: LatticeNetwork, low_symmetry: Crystal, sign: float
) -> None:
    turn = sign * Rotation.random(random_state=2).as_matrix()
    other = replace(low_symmetry, cell=low_symmetry.cell @ turn.T)
    (before, a), (after, b) = (predict(lattice_network, c) for c in (low_symmetry, other))
    assert np.array_equal(before.images, after.images)
    for name in ("force_constants", "born", "dielectric"):
        wanted = turn @ getattr(a, name) @ turn.T
        np.testing.assert_allclose(getattr(b, name), wanted, rtol=0, atol=1e-6, err_msg=name)


def test_born_charges_are_neutral_and_not_all_alike(
    lattice_network: LatticeNetwork, low_symmetry: Crystal
) -> None:
    _, lattice = predict(lattice_network, low_symmetry)
    assert np.abs(lattice.born.sum(axis=0)).max() < 1e-12
    assert np.abs(lattice.born).max() > 1e-2
    skew = lattice.born - lattice.born.swapaxes(1, 2)
    assert np.abs(skew).max() > 1e-6  # the antisymmetric part can be there


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_dielectric_tensor_stays_above_one(low_symmetry: Crystal, scale: float) -> None:
    """However far off the weights are: otherwise the dipole term would have a pole."""
    config = LatticeConfig(hidden=("8x0e+4x1o+4x2e",), radial_hidden=(8,), head_hidden=(8,))
    network = LatticeNetwork.untrained(config, seed=9)
    network.parameters["charges.mlp.2.weight"] *= scale  # type: ignore[index]
    _, lattice = predict(network, low_symmetry)
    eps = lattice.dielectric[0]
    np.testing.assert_allclose(eps, eps.T, rtol=1e-10)
    assert np.linalg.eigvalsh(eps)[0] >= 1.0 - 1e-14  # but for rounding


def test_batches_give_what_single_crystals_give(
    lattice_network: LatticeNetwork, low_symmetry: Crystal, rock_salt: Crystal
) -> None:
    crystals = (rock_salt, low_symmetry, rock_salt)
    bonded = [bond_crystal(c, lattice_network.config.cutoff) for c in crystals]
    whole = lattice_network(collate_bonded(bonded))
    parts = [lattice_network(b) for b in bonded]
    for name in Lattice._fields:
        joined = np.concatenate([getattr(p, name) for p in parts])
        np.testing.assert_allclose(getattr(whole, name), joined, rtol=0, atol=1e-10)


def test_symmetric_sites_get_symmetric_tensors(
    lattice_network: LatticeNetwork, rock_salt: Crystal
) -> None:
    _, lattice = predict(lattice_network, rock_salt)
    for tensor in (*lattice.born, *lattice.dielectric):
        np.testing.assert_allclose(tensor, tensor[0, 0] * np.eye(3), rtol=0, atol=1e-6)


def test_nothing_jumps_where_a_neighbour_crosses_the_cutoff(
    lattice_network: LatticeNetwork, lattice_of: Callable[[Crystal], LatticeDynamics]
) -> None:
    """A chain whose repeat passes the cutoff of 5 A: bonds vanish, frequencies hardly move."""
    cutoff = lattice_network.config.cutoff

    def chain(a: float) -> Crystal:
        cell = np.diag([a, 3.1, 3.3])
        return Crystal.ordered(cell, [[0, 0, 0], [0.5, 0.4, 0.5]], ["Na", "Cl"])

    q = np.array([[0.3, 0.1, 0.2]])
    gap = 1e-7
    inside, outside = (chain(cutoff + s * gap) for s in (-1.0, 1.0))
    n_inside, n_outside = (len(bond_crystal(c, cutoff).forward) for c in (inside, outside))
    assert n_inside > n_outside
    jump = np.abs(lattice_of(inside).frequencies(q) - lattice_of(outside).frequencies(q)).max()
    assert jump < 0.02
    # As large a step without a crossing, for comparison with a hundredth of an Angstrom.
    moved = lattice_of(chain(cutoff - 0.01)).frequencies(q)
    assert np.abs(moved - lattice_of(inside).frequencies(q)).max() > jump


def test_alloys_and_isolated_atoms_give_finite_numbers(lattice_network: LatticeNetwork) -> None:
    alloy = Crystal(
        3.9 * np.eye(3), np.zeros((1, 3)), ({"Cu": 0.6, "Au": 0.3, "D": 0.1},), name="alloy"
    )
    lonely = Crystal.ordered(
        14.0 * np.eye(3), [[0.0] * 3, [0.1, 0, 0], [0.5] * 3], ["C", "O", "Ar"]
    )
    for crystal in (alloy, lonely):
        _, lattice = predict(lattice_network, crystal)
        assert all(bool(np.isfinite(tensor).all()) for tensor in lattice)


def test_every_choice_is_in_the_config_and_checked() -> None:
    with pytest.raises(ValidationError, match="cutof"):
        LatticeConfig.model_validate({"cutof": 5.0})
    with pytest.raises(ValidationError, match="greater than 0"):
        LatticeConfig(cutoff=-1.0)
    three = LatticeConfig(hidden=("4x0e+2x1o+2x2e",) * 3, lmax=3, embedding=4, cutoff=4.0)
    crystal = Crystal.ordered(3.0 * np.eye(3), [[0.0] * 3], ["Po"])
    _, lattice = predict(LatticeNetwork.untrained(three), crystal)
    assert lattice.dielectric.shape == (1, 3, 3)
