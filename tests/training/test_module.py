"""Networks under torch: names, order and values of parameters, and answers as NumPy's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from phonodos.errors import WeightsError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices, frequencies
from phonodos.model.graph import build_graph, collate
from phonodos.model.harmonic import group_by_size
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork, normalise
from phonodos.model.weights import read_member, weights_path
from phonodos.physics.crystal import Crystal
from phonodos.physics.primitive import primitive_cell
from phonodos.structures.reading import read_crystal
from phonodos.training.module import NetworkModule

SMALL = LatticeConfig(
    learned=2, tabulated=3, bessel=3, gaussians=3, embedding=6, cutoff=4.5,
    hidden=("6x0e+2x1o+2x2e", "6x0e+2x2e+2x1o+1x1e"), radial_hidden=(6,), head=(4, 2, 2),
    head_hidden=(6,), head_mixed=2, charge_hidden=4,
)  # fmt: skip
# Release 0.1 registered them so: optimizers of its checkpoints hold their states by number.
ORDER = [
    "elements.learned", "elements.mlp.0.weight", "elements.mlp.0.bias", "elements.mlp.2.weight",
    "elements.mlp.2.bias", "embedding.weight", "embedding.bias",
    "layers.0.convolution.radial.0.weight", "layers.0.convolution.radial.0.bias",
    "layers.0.convolution.radial.2.weight", "layers.0.convolution.radial.2.bias",
    "layers.0.convolution.before.weights.0e", "layers.0.convolution.mix.weights.0e",
    "layers.0.convolution.mix.weights.1o", "layers.0.convolution.mix.weights.2e",
    "layers.0.self_connection.weights.0e", "layers.1.convolution.radial.0.weight",
    "layers.1.convolution.radial.0.bias", "layers.1.convolution.radial.2.weight",
    "layers.1.convolution.radial.2.bias", "layers.1.convolution.before.weights.0e",
    "layers.1.convolution.before.weights.1o", "layers.1.convolution.before.weights.2e",
    "layers.1.convolution.mix.weights.0e", "layers.1.convolution.mix.weights.1e",
    "layers.1.convolution.mix.weights.1o", "layers.1.convolution.mix.weights.2e",
    "layers.1.self_connection.weights.0e", "layers.1.self_connection.weights.1o",
    "layers.1.self_connection.weights.2e", "springs.even", "springs.odd",
    "springs.ends.weights.0e", "springs.ends.weights.1e", "springs.ends.weights.1o",
    "springs.ends.weights.2e", "springs.mlp.0.weight", "springs.mlp.0.bias",
    "springs.mlp.2.weight", "springs.mlp.2.bias", "charges.mlp.0.weight", "charges.mlp.0.bias",
    "charges.mlp.2.weight", "charges.mlp.2.bias", "charges.tensors.weights.1e",
    "charges.tensors.weights.2e",
]  # fmt: skip
SPECTRUM_ORDER = [
    "embedding.weight", "embedding.bias", "radials.0.weights.0", "radials.0.weights.1",
    "radials.1.weights.0", "radials.1.weights.1", "convolutions.0.weights.0e",
    "convolutions.0.weights.1o", "convolutions.1.weights.0e", "self_connections.0.weights.0e",
    "self_connections.1.weights.0e",
]  # fmt: skip


def test_parameters_stand_as_in_release_0_1() -> None:
    """Names, order, and what the seed of a run makes of them."""
    torch.manual_seed(7)
    lattice = NetworkModule(LatticeNetwork, SMALL)
    assert [name for name, _ in lattice.named_parameters()] == ORDER
    assert {name for name, _ in lattice.named_buffers()} == {
        "elements.properties", "elements.radii"
    }  # fmt: skip
    config = SpectrumConfig(embedding=4, hidden=("3x0e+2x1o",), radial_hidden=(6, 7))
    torch.manual_seed(7)
    spectrum = NetworkModule(SpectrumNetwork, config)
    assert [name for name, _ in spectrum.named_parameters()] == SPECTRUM_ORDER
    torch.manual_seed(7)
    linear = torch.nn.Linear(118, 4)
    assert torch.equal(spectrum.flat()["embedding.weight"], linear.weight)
    assert torch.equal(spectrum.flat()["embedding.bias"], linear.bias)
    assert torch.equal(spectrum.flat()["radials.0.weights.0"], torch.randn(10, 6))


def test_frozen_parameters_fill_another_module() -> None:
    first, second = NetworkModule(LatticeNetwork, SMALL), NetworkModule(LatticeNetwork, SMALL)
    frozen = first.frozen()
    second.fill(frozen)
    assert all(torch.equal(a, second.flat()[name]) for name, a in first.flat().items())
    with torch.no_grad():
        next(first.parameters()).add_(1.0)  # what was frozen stays
    assert not np.array_equal(frozen.parameters[ORDER[0]], first.frozen().parameters[ORDER[0]])
    other = SMALL.model_copy(update={"embedding": 7})
    with pytest.raises(WeightsError, match="do not fit"):
        NetworkModule(LatticeNetwork, other).fill(frozen)


def reference(examples: Path) -> list[Crystal]:
    names = ("Al2O3", "Cu0.7Au0.3", "ZnO")
    return [primitive_cell(read_crystal(examples / f"{n}.cif")).crystal for n in names]


def test_both_libraries_give_the_lattice(examples: Path) -> None:
    """Released weights: force constants to 2e-6, frequencies to 0.01 cm^-1."""
    plain = read_member(weights_path("lattice"))
    module = NetworkModule(LatticeNetwork, plain.config)
    module.fill(plain)
    crystals = reference(examples)
    bonded = collate_bonded([bond_crystal(c, plain.config.cutoff) for c in crystals])
    ours, theirs = plain(bonded), module(bonded)
    for name in ("force_constants", "born", "dielectric", "stiffness"):
        a, b = getattr(ours, name), getattr(theirs, name).detach().numpy()
        assert a.dtype == b.dtype == np.float32
        assert np.abs(a - b).max() < 2e-6 * np.abs(b).max(), name
    q = np.array([[0.25, 0.1, -0.35], [0.5, 0.0, 0.0]])
    for a, b in zip(group_by_size(bonded, ours), group_by_size(bonded, theirs), strict=True):
        w = [frequencies(dynamical_matrices(g.in_numpy(), q[None])) for g in (a, b)]
        assert np.abs(w[0]).max() > 100.0
        assert np.abs(w[0] - w[1]).max() < 0.01


def test_both_libraries_give_the_spectrum(examples: Path) -> None:
    plain = read_member(weights_path("chen2021"))
    module = NetworkModule(SpectrumNetwork, plain.config)
    module.fill(plain)
    graph = collate([build_graph(c, plain.config.cutoff) for c in reference(examples)])
    ours, theirs = normalise(plain(graph)), normalise(module(graph)).detach().numpy()
    assert np.abs(ours - theirs).max() < 1e-5
    assert ours.shape == (3, 51)


def test_gradients_are_those_of_differences(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    """Of every parameter: torch's slope along a random direction against NumPy's difference."""
    plain = LatticeNetwork.untrained(SMALL, seed=3)
    module = NetworkModule(LatticeNetwork, SMALL).double()
    module.fill(plain)
    bonded = collate_bonded([bond_crystal(c, SMALL.cutoff) for c in (low_symmetry, rock_salt)])

    def size(lattice: object) -> object:
        parts = (lattice.force_constants, lattice.born, lattice.dielectric)  # type: ignore[attr-defined]
        return sum((x**2).sum() for x in parts)

    size(module(bonded)).backward()  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    for name, parameter in module.named_parameters():
        step = 1e-5 * rng.normal(size=tuple(parameter.shape))
        at = [
            size(
                LatticeNetwork(SMALL, {**plain.parameters, name: plain.parameters[name] + s})(
                    bonded
                )
            )
            for s in (step, -step)
        ]
        assert parameter.grad is not None, name
        slope = 2.0 * float((parameter.grad.numpy() * step).sum())
        assert at[0] - at[1] == pytest.approx(slope, rel=1e-4, abs=1e-10), name  # type: ignore[operator]
