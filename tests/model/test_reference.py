"""Reference answers: they tell networks, and a small change of one, apart."""

import numpy as np

from phonodos.model.lattice import LatticeNetwork
from phonodos.model.reference import lattice_reference, reference_crystals, spectrum_reference
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork


def test_crystals_show_what_networks_can_go_wrong_in() -> None:
    pure, mixed = reference_crystals()
    assert pure.is_ordered
    assert not mixed.is_ordered
    assert pure.n_atoms == mixed.n_atoms == 2  # one batch of one size
    angles = mixed.cell @ mixed.cell.T
    assert np.all(np.abs(angles[np.triu_indices(3, 1)]) > 0.0)  # no right angle


def test_answers_of_a_lattice_network(lattice_network: LatticeNetwork) -> None:
    found = lattice_reference(lattice_network)
    assert found.shape == (2, 6)
    assert np.isfinite(found).all()
    assert np.all(np.diff(found, axis=1) >= 0.0)
    assert not np.allclose(found[0], found[1])


def test_answers_of_a_network_of_spectra_follow_every_weight() -> None:
    config = SpectrumConfig(embedding=4, hidden=("3x0e+2x1o",), radial_hidden=(6,))
    network = SpectrumNetwork.untrained(config)
    before = spectrum_reference(network)
    assert before.shape == (2, 51)
    assert np.array_equal(spectrum_reference(network), before)
    moved = 0
    for name, values in network.parameters.items():
        other = SpectrumNetwork(config, {**network.parameters, name: 1.01 * values})
        moved += not np.allclose(spectrum_reference(other), before, rtol=1e-9)
    assert moved > len(network.parameters) // 2
