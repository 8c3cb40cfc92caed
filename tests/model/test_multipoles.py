"""Octupoles and hexadecapoles: what bonds between sites of high symmetry are told apart by."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from phonodos.model.bonds import BondedCrystals, bond_crystal
from phonodos.model.irreps import HEXADECAPOLE, OCTUPOLE
from phonodos.model.lattice import Lattice, LatticeConfig, LatticeNetwork, Places, parts_of
from phonodos.model.trunk import Surroundings, element_scalars
from phonodos.physics.crystal import Crystal
from phonodos.training.module import NetworkModule

FCC = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
CONFIG = LatticeConfig(
    learned=3, tabulated=4, bessel=4, gaussians=5, embedding=8, cutoff=5.0,
    hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+4x1e+4x2e"), radial_hidden=(12,), head=(6, 3, 3),
    head_hidden=(12,), head_mixed=3, charge_hidden=8, head_multipoles=3,
)  # fmt: skip
TETRAHEDRAL = [[0.25] * 3, [0.75] * 3]


def fluorite() -> Crystal:
    return Crystal.ordered(5.1 * FCC, [[0.0] * 3, *TETRAHEDRAL], ["Zr", "O", "O"])


@pytest.fixture(scope="module")
def network() -> LatticeNetwork:
    return LatticeNetwork.untrained(CONFIG, seed=4)


@pytest.fixture
def sees_no_multipoles() -> LatticeNetwork:
    """The same network, of sizes without them."""
    config = CONFIG.model_copy(update={"head_multipoles": 0})
    return LatticeNetwork.untrained(config, seed=4)


def predict(network: LatticeNetwork, crystal: Crystal) -> tuple[BondedCrystals, Lattice]:
    bonded = bond_crystal(crystal, network.config.cutoff)
    return bonded, network(bonded)


def oxygens(bonded: BondedCrystals, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors [A] and constants [eV/A^2] of the bonds between both oxygens."""
    picked = np.array([set(pair) == {1, 2} for pair in zip(*bonded.ends, strict=True)])
    return bonded.vectors[picked], lattice.force_constants[picked]


def across(vector: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Return the two principal values across a bond [eV/A^2]."""
    basis = np.linalg.svd(vector[None])[2][1:]
    flat = basis @ constants @ basis.T
    return np.linalg.eigvalsh((flat + flat.T) / 2)


def test_where_symmetry_lets_them_be(network: LatticeNetwork) -> None:
    """Octupoles at tetrahedral sites, not at octahedral ones; hexadecapoles at both."""
    bonded = bond_crystal(fluorite(), CONFIG.cutoff)
    p, parts = network.parameters, parts_of(CONFIG)
    places = Places.of(bonded, CONFIG, p["embedding.weight"])
    elements, radii = parts.elements(p, bonded.graph.fractions)
    i, j = (end[places.distinct] for end in places.ends)
    radial = parts.bonds(places.distances, places.distances - radii[i] - radii[j])
    edges = np.concatenate([radial, elements[i], elements[j]], 1)
    near = Surroundings(elements, places.near, edges, places.fade[:, None])
    assert parts.multipoles is not None
    x = element_scalars(p, "embedding", elements)
    for layer in parts.layers:
        x = layer(p, x, near, 30.0)
    found = parts.multipoles(p, x, near, 30.0)
    octupoles, hexadecapoles = (
        np.abs(found[ir]).max(axis=(1, 2)) for ir in (OCTUPOLE, HEXADECAPOLE)
    )
    assert octupoles[0] < 1e-12 < 1e-4 < octupoles[1:].min()
    assert hexadecapoles.min() > 1e-4
    # Inversion takes one oxygen to the other.
    np.testing.assert_allclose(found[OCTUPOLE][1], -found[OCTUPOLE][2], atol=1e-12)


def test_directions_across_a_bond_differ(
    network: LatticeNetwork, sees_no_multipoles: LatticeNetwork
) -> None:
    """Neighbouring oxygens of fluorite share an edge: towards zirconium is another direction."""
    for seen, differs in ((network, True), (sees_no_multipoles, False)):
        vectors, constants = oxygens(*predict(seen, fluorite()))
        nearest = np.argmin(np.linalg.norm(vectors, axis=1))
        low, high = across(vectors[nearest], constants[nearest])
        assert (high - low > 1e-4 * abs(high)) == differs


def test_bonds_of_one_length_differ_by_what_is_around(
    network: LatticeNetwork, sees_no_multipoles: LatticeNetwork
) -> None:
    """Of the diagonals between oxygens of fluorite half pass through zirconium."""
    for seen, differs in ((network, True), (sees_no_multipoles, False)):
        vectors, constants = oxygens(*predict(seen, fluorite()))
        lengths = np.linalg.norm(vectors, axis=1)
        diagonal = np.abs(lengths - 5.1 * 0.75**0.5) < 1e-6
        assert diagonal.sum() == 8
        stretch = np.einsum("bi,bij,bj->b", vectors, constants, vectors)[diagonal]
        assert (np.ptp(stretch) > 1e-4 * np.abs(stretch).max()) == differs


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_constants_turn_with_the_crystal(
    network: LatticeNetwork, low_symmetry: Crystal, sign: float
) -> None:
    turn = sign * Rotation.random(random_state=2).as_matrix()
    for crystal in (low_symmetry, fluorite()):
        other = replace(crystal, cell=crystal.cell @ turn.T)
        (before, a), (after, b) = (predict(network, c) for c in (crystal, other))
        assert np.array_equal(before.images, after.images)
        wanted = turn @ a.force_constants @ turn.T
        np.testing.assert_allclose(b.force_constants, wanted, rtol=0, atol=1e-9)


def test_equivalent_atoms_are_looked_at_once(network: LatticeNetwork) -> None:
    whole = network(bond_crystal(fluorite(), CONFIG.cutoff))
    once = network(bond_crystal(fluorite(), CONFIG.cutoff, by_symmetry=True))
    np.testing.assert_allclose(once.force_constants, whole.force_constants, rtol=0, atol=1e-9)


def test_what_is_not_there_is_not_written() -> None:
    assert "head_multipoles" not in LatticeConfig().model_dump(mode="json")
    assert CONFIG.model_dump(mode="json")["head_multipoles"] == 3


def test_torch_says_the_same(network: LatticeNetwork) -> None:
    module = NetworkModule(LatticeNetwork, CONFIG).double()
    module.fill(network)
    bonded = bond_crystal(fluorite(), CONFIG.cutoff)
    wanted = network(bonded).force_constants
    found = module(bonded.to(dtype=torch.float64)).force_constants
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=0, atol=1e-10)
    found.square().sum().backward()
    assert all((x.grad != 0.0).any() for name, x in module.named_parameters() if "multip" in name)
