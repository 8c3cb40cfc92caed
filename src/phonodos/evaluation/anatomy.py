"""What a network of spectra is made of, for the overview: its filters and its layers."""

import numpy as np

from phonodos.figures.network import Anatomy, Filter, Layer
from phonodos.model.irreps import Irreps, parse_irreps
from phonodos.model.network import Network
from phonodos.model.spectrum import SpectrumNetwork, parts_of, radial_functions
from phonodos.physics.elements import N_ELEMENTS

POINTS = 201  # distances from 0 to the cutoff
STRONGEST = 6  # radial functions of a degree that are shown, of some thousands


def anatomy_of(network: Network) -> Anatomy | None:
    """Return the filters of the first convolution and the layers; None of networks of springs.

    In the first convolution every neighbour is a set of scalars, so a filter is a radial function
    times a spherical harmonic and nothing else. Of the functions of a degree the strongest are
    taken: those of the largest mean square, weighted by the r^2 of the neighbours at r.
    """
    if not isinstance(network, SpectrumNetwork):
        return None
    distances = np.linspace(0.0, float(network.config.cutoff), POINTS)
    filters = []
    for path, values in radial_functions(network, 0, distances).items():
        functions = values.reshape(POINTS, -1)
        strength = np.sum((distances[:, None] * functions) ** 2, axis=0)
        order = np.argsort(-strength, kind="stable")[:STRONGEST]
        signs = np.sign(functions[np.argmax(np.abs(functions[:, order]), axis=0), order])
        filters.append(Filter(path.degree, functions.shape[1], functions[:, order] * signs))
    return Anatomy(distances, tuple(filters), _layers(network))


def _layers(network: SpectrumNetwork) -> tuple[Layer, ...]:
    pairs = parts_of(network.config).irreps
    layers = [
        Layer(
            "embedding, ReLU", f"{N_ELEMENTS} masses", written(pairs[0][0]),
            _count(network, "embedding"),
        )
    ]  # fmt: skip
    for index, (before, after) in enumerate(pairs):
        gated = index < len(network.config.hidden)
        names = (f"{part}.{index}" for part in ("radials", "convolutions", "self_connections"))
        out = parse_irreps(network.config.hidden[index]) if gated else after
        layers.append(
            Layer(
                "convolution, gate" if gated else "convolution", written(before), written(out),
                sum(_count(network, name) for name in names), filtered=True,
            )
        )  # fmt: skip
    pooled = {"sum": "sum over atoms, ReLU", "mean": "ReLU, mean over atoms"}[
        network.config.readout
    ]
    points = sum(multiplicity for multiplicity, _ in pairs[-1][1])
    layers.append(Layer(f"{pooled}; maximum 1", written(pairs[-1][1]), f"{points} points", 0))
    return tuple(layers)


def _count(network: SpectrumNetwork, part: str) -> int:
    """Return how many numbers the parameters of a part hold."""
    held = network.parameters.items()
    return sum(int(np.size(values)) for name, values in held if name.startswith(f"{part}."))


def written(irreps: Irreps) -> str:
    """Return irreps as a figure shows them, ``32×0e+32×1o``."""
    return "+".join(f"{multiplicity}×{irrep}" for multiplicity, irrep in irreps)
