"""Reference answers: what a network says of two small crystals, kept beside its weights.

Loading computes them again; a file whose tensors were altered, or a version of the program that
computes something else, does not pass.
"""

import numpy as np
import torch

from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices, frequencies
from phonodos.model.graph import build_graph, collate
from phonodos.model.harmonic import group_by_size
from phonodos.model.lattice import LatticeNetwork
from phonodos.model.spectrum import SpectrumNetwork
from phonodos.physics.crystal import Crystal

Network = SpectrumNetwork | LatticeNetwork


def reference_crystals() -> list[Crystal]:
    """Return two small crystals, one of them an alloy of low symmetry, to check weights on."""
    salt = 2.82 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    skewed = np.array([[3.9, 0.1, 0.0], [0.3, 4.0, 0.2], [-0.2, 0.1, 4.2]])
    sites = ({"Mg": 1.0}, {"O": 0.75, "S": 0.25})
    return [
        Crystal.ordered(salt, [[0.0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name="reference 1"),
        Crystal(skewed, np.array([[0.0, 0, 0], [0.45, 0.52, 0.48]]), sites, name="reference 2"),
    ]


@torch.no_grad()
def reference_answers(network: Network) -> list[list[float]]:
    """Return what the network gives for the reference crystals, a row each.

    The raw spectrum, or the frequencies [cm^-1] at one wave vector of low symmetry.
    """
    parameter = next(network.parameters())
    device, dtype = parameter.device, parameter.dtype
    crystals, cutoff = reference_crystals(), network.config.cutoff
    if isinstance(network, SpectrumNetwork):
        values = network(
            collate([build_graph(c, cutoff) for c in crystals]).to(device=device, dtype=dtype)
        )
    else:
        bonded = collate_bonded([bond_crystal(c, cutoff) for c in crystals])
        bonded = bonded.to(device=device, dtype=dtype)
        (group,) = group_by_size(bonded, network(bonded))
        q = torch.tensor([0.25, 0.1, -0.35], device=device, dtype=dtype).expand(len(crystals), 1, 3)
        values = frequencies(dynamical_matrices(group, q), softening=1.0)[:, 0]
    answers: list[list[float]] = values.double().cpu().tolist()
    return answers
