"""Reference answers: what a network says of two small crystals, kept beside its weights.

Loading computes them again; a file whose tensors were altered, or a version of the program that
computes something else, does not pass.
"""

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, constant
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices, frequencies
from phonodos.model.graph import build_graph, collate
from phonodos.model.harmonic import group_by_size
from phonodos.model.lattice import LatticeNetwork
from phonodos.model.spectrum import SpectrumNetwork
from phonodos.physics.crystal import Crystal


def reference_crystals() -> list[Crystal]:
    """Return two small crystals, one of them an alloy of low symmetry, to check weights on."""
    salt = 2.82 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    skewed = np.array([[3.9, 0.1, 0.0], [0.3, 4.0, 0.2], [-0.2, 0.1, 4.2]])
    sites = ({"Mg": 1.0}, {"O": 0.75, "S": 0.25})
    return [
        Crystal.ordered(salt, [[0.0, 0, 0], [0.5, 0.5, 0.5]], ["Na", "Cl"], name="reference 1"),
        Crystal(skewed, np.array([[0.0, 0, 0], [0.45, 0.52, 0.48]]), sites, name="reference 2"),
    ]


def spectrum_reference(network: SpectrumNetwork) -> Array:
    """Return (2, 51) raw values of a network of spectra for the reference crystals."""
    graphs = [build_graph(c, network.config.cutoff) for c in reference_crystals()]
    return network(collate(graphs))


def lattice_reference(network: LatticeNetwork) -> Array:
    """Return (2, 6) frequencies [cm^-1] of the reference crystals at a q of low symmetry."""
    bonded = collate_bonded([bond_crystal(c, network.config.cutoff) for c in reference_crystals()])
    (group,) = group_by_size(bonded, network(bonded))
    q = constant(_points, of=group.cells)
    return frequencies(dynamical_matrices(group, q), softening=1.0)[:, 0]


def _points() -> NDArray[np.float64]:
    return np.tile([0.25, 0.1, -0.35], (2, 1, 1))
