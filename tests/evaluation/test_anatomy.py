"""The anatomy of a network of spectra: the strongest filters, layers with all of their weights."""

import numpy as np
import pytest

from phonodos.evaluation.anatomy import anatomy_of
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork, radial_functions

SMALL = {"embedding": 4, "hidden": ("3x0e+2x1o",), "radial_hidden": (8,)}


@pytest.fixture
def network() -> SpectrumNetwork:
    return SpectrumNetwork.untrained(SpectrumConfig.model_validate(SMALL))


def test_layers_hold_every_weight(network: SpectrumNetwork) -> None:
    anatomy = anatomy_of(network)
    assert anatomy is not None
    assert [(layer.before, layer.after) for layer in anatomy.layers] == [
        ("118 masses", "4×0e"), ("4×0e", "3×0e+2×1o"), ("3×0e+2×1o", "51×0e"),
        ("51×0e", "51 points"),
    ]  # fmt: skip
    assert [layer.filtered for layer in anatomy.layers] == [False, True, True, False]
    total = sum(values.size for values in network.parameters.values())
    assert sum(layer.n_weights for layer in anatomy.layers) == total


def test_the_strongest_functions_come_first(network: SpectrumNetwork) -> None:
    anatomy = anatomy_of(network)
    assert anatomy is not None
    r = anatomy.distances
    assert (r[0], r[-1]) == (0.0, 5.0)
    assert [(f.degree, f.n_functions) for f in anatomy.filters] == [(0, 4 * 5), (1, 4 * 2)]
    for (path, values), shown in zip(
        radial_functions(network, 0, r).items(), anatomy.filters, strict=True
    ):
        assert path.degree == shown.degree
        every = np.sum((r[:, None] * values.reshape(len(r), -1)) ** 2, axis=0)
        strengths = np.sum((r[:, None] * shown.strongest) ** 2, axis=0)
        np.testing.assert_allclose(strengths, np.sort(every)[::-1][:6], rtol=1e-9)
        assert (shown.strongest.max(axis=0) >= -shown.strongest.min(axis=0)).all()
        np.testing.assert_allclose(shown.strongest[-1], 0.0, atol=1e-12)  # faded out


@pytest.mark.parametrize(
    ("readout", "words"),
    [("sum", "sum over atoms, ReLU; maximum 1"), ("mean", "ReLU, mean over atoms; maximum 1")],
)
def test_the_readout_is_said(readout: str, words: str) -> None:
    network = SpectrumNetwork.untrained(
        SpectrumConfig.model_validate({**SMALL, "readout": readout})
    )
    anatomy = anatomy_of(network)
    assert anatomy is not None
    assert anatomy.layers[-1].name == words


def test_a_network_of_springs_has_none() -> None:
    assert anatomy_of(LatticeNetwork.untrained(LatticeConfig())) is None
