"""Representatives: what a network says of all atoms and bonds, of one of each kind."""

import numpy as np
import pytest
import torch

from phonodos.model import bonds
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.lattice import Lattice, LatticeNetwork
from phonodos.model.representatives import _places_among
from phonodos.physics.crystal import Crystal


@pytest.fixture(params=["quartz", "rutile", "left-handed"])
def crystal(request: pytest.FixtureRequest, symmetric: dict[str, Crystal]) -> Crystal:
    """Crystals without and with a centre, with rotations and glide planes."""
    if request.param == "left-handed":
        rutile = symmetric["rutile"]
        return Crystal(-rutile.cell, rutile.frac_coords, rutile.occupancy)
    return symmetric[request.param]


def test_tensors_are_those_of_all_atoms(lattice_network: LatticeNetwork, crystal: Crystal) -> None:
    cutoff = lattice_network.config.cutoff
    whole, part = (bond_crystal(crystal, cutoff, by_symmetry=s) for s in (False, True))
    assert part.representatives is not None
    assert part.seen.n_atoms == 2
    assert len(part.seen_bonds) < 0.6 * len(whole.forward)
    wanted, found = lattice_network(whole), lattice_network(part)
    for name in Lattice._fields:
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=0, atol=1e-9, err_msg=name
        )
    assert np.abs(wanted.force_constants).max() > 0.1


def test_batches_with_and_without_symmetry(
    lattice_network: LatticeNetwork, symmetric: dict[str, Crystal], low_symmetry: Crystal
) -> None:
    crystals = [symmetric["quartz"], low_symmetry, symmetric["rutile"]]
    cutoff = lattice_network.config.cutoff
    wanted, found = (
        lattice_network(collate_bonded([bond_crystal(c, cutoff, by_symmetry=s) for c in crystals]))
        for s in (False, True)
    )
    for name in Lattice._fields:
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=0, atol=1e-9, err_msg=name
        )


def test_batches_without_any_symmetry_look_at_all(low_symmetry: Crystal) -> None:
    bonded = [bond_crystal(low_symmetry, 4.0, by_symmetry=True)] * 2
    assert collate_bonded(bonded).representatives is None


def in_torch(network: LatticeNetwork) -> LatticeNetwork:
    found = {k: torch.from_numpy(x.copy()).requires_grad_() for k, x in network.parameters.items()}
    return LatticeNetwork(network.config, found)


def test_gradients_are_those_of_all_atoms(
    lattice_network: LatticeNetwork, symmetric: dict[str, Crystal], low_symmetry: Crystal
) -> None:
    """In a batch of crystals with and without symmetry, with respect to every parameter."""
    crystals = [symmetric["quartz"], low_symmetry, symmetric["rutile"]]
    cutoff, gradients = lattice_network.config.cutoff, []
    for by_symmetry in (False, True):
        network = in_torch(lattice_network)
        bonded = [bond_crystal(c, cutoff, by_symmetry=by_symmetry) for c in crystals]
        batch = collate_bonded([b.to(dtype=torch.float64) for b in bonded])
        assert (batch.representatives is not None) == by_symmetry
        sum(x.square().sum() for x in network(batch)).backward()
        gradients.append({k: x.grad for k, x in network.parameters.items() if x.grad is not None})
    wanted, found = gradients
    assert wanted.keys() == found.keys()
    for name, gradient in wanted.items():
        size = float(gradient.abs().max())
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-8 * size + 1e-12)
    assert sum(float(g.abs().max()) > 1e-6 for g in wanted.values()) > 20


def test_types_of_numpy_are_kept_beside_torch(symmetric: dict[str, Crystal]) -> None:
    bonded = bond_crystal(symmetric["quartz"], 4.0, by_symmetry=True)
    single = bonded.to(dtype=np.float32).representatives
    assert single is not None
    assert {x.dtype for x in (single.turns, single.bond_turns, single.graph.edge_vectors)} == {
        np.dtype(np.float32)
    }
    beside = bonded.to(dtype=torch.float32)
    assert isinstance(beside.forward, torch.Tensor)
    assert beside.representatives is not None
    assert isinstance(beside.representatives.turns, np.ndarray)


def test_edges_without_an_image_leave_all_to_be_looked_at(
    symmetric: dict[str, Crystal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of lengths that differ by rounding, one on each side of the cutoff."""
    crystal = symmetric["quartz"]
    unit = bonds.asymmetric_unit(crystal)
    assert unit is not None
    unit.shifts[:, unit.atoms[0]] += 1.0
    monkeypatch.setattr(bonds, "asymmetric_unit", lambda _: unit)
    assert bond_crystal(crystal, 4.0, by_symmetry=True).representatives is None


def test_places_of_edges() -> None:
    edges = np.array([0, 0, 1]), np.array([3, 1, 2]), np.array([[0, 0, 1], [0, -2, 0], [0, 0, 0]])
    order = [2, 0, 0, 1]
    wanted = edges[0][order], edges[1][order], edges[2][order]
    found = _places_among(edges, wanted)
    assert found is not None
    assert found.tolist() == order
    wanted[2][3] = [0, -2, 7]
    assert _places_among(edges, wanted) is None
