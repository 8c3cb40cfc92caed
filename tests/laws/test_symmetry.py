"""E(3) and the crystal: what must not change the spectrum, and how hidden features must turn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.spatial.transform import Rotation

from phonodos.model.graph import build_graph, collate
from phonodos.model.layers import flatten
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork, normalise
from phonodos.physics.crystal import Crystal

READOUTS = ["sum", "mean"]


@pytest.fixture(params=READOUTS)
def network(request: pytest.FixtureRequest) -> SpectrumNetwork:
    return SpectrumNetwork.untrained(SpectrumConfig(readout=request.param), seed=1)


@pytest.fixture
def crystal() -> Crystal:
    """Triclinic, no symmetry, one mixed site."""
    cell = np.array([[4.1, 0.3, -0.2], [0.9, 4.6, 0.4], [-0.7, 0.5, 5.2]])
    coords = [[0.02, 0.01, 0.07], [0.48, 0.55, 0.41], [0.11, 0.52, 0.83]]
    return Crystal(cell, np.array(coords), ({"Ga": 1.0}, {"As": 0.6, "P": 0.4}, {"O": 1.0}))


def spectrum(network: SpectrumNetwork, crystal: Crystal) -> np.ndarray:
    return normalise(network(build_graph(crystal, network.config.cutoff)))[0]  # type: ignore[no-any-return]


def same(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-9) -> None:
    assert float(a.max()) == pytest.approx(1.0)
    assert np.abs(a - b).max() < tolerance


def test_rotation_and_inversion(network: SpectrumNetwork, crystal: Crystal) -> None:
    wanted = spectrum(network, crystal)
    for sign in (1.0, -1.0):
        turn = sign * Rotation.random(random_state=4).as_matrix()
        same(spectrum(network, replace(crystal, cell=crystal.cell @ turn.T)), wanted)


def test_translation(network: SpectrumNetwork, crystal: Crystal) -> None:
    moved = replace(crystal, frac_coords=crystal.frac_coords + [0.31, -1.7, 0.46])
    same(spectrum(network, moved), spectrum(network, crystal))


def test_permutation(network: SpectrumNetwork, crystal: Crystal) -> None:
    order = [2, 0, 1]
    other = Crystal(
        crystal.cell, crystal.frac_coords[order], tuple(crystal.occupancy[i] for i in order)
    )
    same(spectrum(network, other), spectrum(network, crystal))


def test_other_choice_of_cell(network: SpectrumNetwork, crystal: Crystal) -> None:
    change = np.array([[1, 1, 0], [0, 1, -1], [0, 0, 1]])
    coords = crystal.frac_coords @ np.linalg.inv(change)
    same(
        spectrum(network, replace(crystal, cell=change @ crystal.cell, frac_coords=coords)),
        spectrum(network, crystal),
    )


def test_supercell(network: SpectrumNetwork, crystal: Crystal) -> None:
    shifts = [[0, 0, 0], [0.5, 0, 0]]
    coords = np.concatenate([crystal.frac_coords / [2, 1, 1] + s for s in shifts])
    double = Crystal(np.diag([2, 1, 1]) @ crystal.cell, coords, crystal.occupancy * 2)
    same(spectrum(network, double), spectrum(network, crystal))


def test_neighbours_in_the_batch_change_nothing(
    network: SpectrumNetwork, crystal: Crystal, rock_salt: Crystal
) -> None:
    graphs = [build_graph(c, 5.0) for c in (rock_salt, crystal, rock_salt)]
    rows = normalise(network(collate(graphs)))
    same(rows[1], spectrum(network, crystal))
    same(rows[2], spectrum(network, rock_salt))


def test_the_mass_and_the_bonds_do_matter(network: SpectrumNetwork, crystal: Crystal) -> None:
    """The invariances above would hold for a network that ignores its input."""
    before = spectrum(network, crystal)
    for changed in (
        replace(crystal, occupancy=({"In": 1.0}, *crystal.occupancy[1:])),
        replace(crystal, occupancy=(crystal.occupancy[0], {"As": 0.5, "P": 0.5}, {"O": 1.0})),
        replace(crystal, cell=crystal.cell * 1.03),
        replace(crystal, frac_coords=crystal.frac_coords + [[0.05, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ):
        assert np.abs(spectrum(network, changed) - before).max() > 1e-4


def test_hidden_features_turn_by_their_irreps(crystal: Crystal) -> None:
    """1o and 1e of every layer under proper and improper rotations, as O(3) demands."""
    network = SpectrumNetwork.untrained(SpectrumConfig(), seed=2)
    before = network.hidden_features(build_graph(crystal, 5.0))
    seen = set()
    for sign in (1.0, -1.0):
        turn = sign * Rotation.random(random_state=5).as_matrix()
        turned = replace(crystal, cell=crystal.cell @ turn.T)
        for old, new in zip(before, network.hidden_features(build_graph(turned, 5.0)), strict=True):
            irreps = o3.Irreps([(x.shape[2], ir) for ir, x in old.items()])
            wanted = flatten(old) @ irreps.D_from_matrix(torch.from_numpy(turn)).numpy().T
            assert np.abs(flatten(new) - wanted).max() < 1e-6 * np.abs(wanted).max()
            # A vanishing block would pass: every irrep must carry signal.
            for ir, x in old.items():
                assert np.abs(x).max() > 1e-6, ir
                seen.add(str(ir))
    assert seen == {"0e", "1o", "1e"}


def test_smooth_at_the_cutoff_with_the_envelope_and_not_without() -> None:
    """A neighbour that crosses 5 A must not make the spectrum jump."""
    parameters = SpectrumNetwork.untrained(SpectrumConfig(), seed=3).parameters

    def jump(width: float) -> float:
        network = SpectrumNetwork(SpectrumConfig(cutoff_width=width), parameters)
        values, edges = [], []
        for a in (5.0 - 1e-7, 5.0 + 1e-7):
            crystal = Crystal.ordered(a * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ["Cs", "Cl"])
            graph = build_graph(crystal, 5.0)
            edges.append(graph.edge_index.shape[1])
            values.append(normalise(network(graph))[0])
        assert edges[0] > edges[1]
        return float(np.abs(values[0] - values[1]).max())

    assert jump(1.0) < 1e-6
    assert jump(0.0) > 1e-3
