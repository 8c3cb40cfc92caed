"""Reference answers: they tell networks, and a small change of one, apart."""

import numpy as np
import torch

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
    with torch.inference_mode():
        found = lattice_reference(lattice_network)
    assert found.shape == (2, 6)
    assert torch.isfinite(found).all()
    assert torch.all(found.diff(dim=1) >= 0.0)
    assert not torch.allclose(found[0], found[1])


def test_answers_of_a_network_of_spectra_follow_every_weight() -> None:
    torch.manual_seed(0)
    config = SpectrumConfig(embedding=4, hidden=("3x0e+2x1o",), radial_hidden=(6,))
    network = SpectrumNetwork(config).double().eval()
    with torch.inference_mode():
        before = spectrum_reference(network)
        assert before.shape == (2, 51)
        torch.testing.assert_close(spectrum_reference(network), before, rtol=0.0, atol=0.0)
        moved = 0
        for parameter in network.parameters():
            kept = parameter.clone()
            parameter.mul_(1.01)
            moved += not torch.allclose(spectrum_reference(network), before, rtol=1e-9)
            parameter.copy_(kept)
    assert moved > len(list(network.parameters())) // 2
