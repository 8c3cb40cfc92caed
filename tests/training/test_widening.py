"""A widened network answers as the narrow one, and every new weight can learn."""

import numpy as np
import pytest
import torch

from phonodos.errors import ConfigError
from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.crystal import Crystal
from phonodos.training.widening import widened

NARROW = LatticeConfig(
    cutoff=4.0, embedding=6, hidden=("4x0e+3x1o+2x2e", "5x0e+3x1o+2x1e+2x2e"), head=(4, 2, 2),
    head_hidden=(8,), radial_hidden=(8,),
)  # fmt: skip
WIDE = NARROW.model_copy(
    update={"embedding": 9, "hidden": ("7x0e+3x1o+5x2e", "8x0e+4x1o+5x1e+3x2e")}
)


def batch():
    cell = [[0.0, 2.1, 2.1], [2.1, 0.0, 2.1], [2.1, 2.1, 0.0]]
    rocksalt = Crystal.ordered(cell, [[0, 0, 0], [0.48, 0.5, 0.53]], ["Mg", "O"])
    return collate_bonded([bond_crystal(rocksalt, NARROW.cutoff).to(dtype=torch.float32)])


def narrow() -> LatticeNetwork:
    return LatticeNetwork.untrained(NARROW).to(dtype=np.float32)


def test_the_answers_stay() -> None:
    torch.manual_seed(0)
    before = narrow()
    wide = widened(before, WIDE).frozen()
    assert wide.config == WIDE
    for found, wanted in zip(wide(batch()), before(batch()), strict=True):
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_multipoles_come_beside_what_was_there() -> None:
    torch.manual_seed(0)
    before, config = narrow(), WIDE.model_copy(update={"head_multipoles": 2})
    wide = widened(before, config)
    for found, wanted in zip(wide.frozen()(batch()), before(batch()), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    sum(x.square().sum() for x in wide(batch())[:3]).backward()
    even = wide.flat()["springs.even"]
    assert (even[-8:] == 0.0).all()
    assert (even.grad[-8:] != 0.0).any()
    # Those of a network that has them stay, and it may grow.
    grown = widened(wide.frozen(), config.model_copy(update={"embedding": 11}))
    for found, wanted in zip(grown.frozen()(batch()), before(batch()), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="cannot start from these weights"):
        widened(wide.frozen(), config.model_copy(update={"head_multipoles": 3}))


def test_new_channels_learn() -> None:
    torch.manual_seed(0)
    wide = widened(narrow(), WIDE)
    sum(x.square().sum() for x in wide(batch())[:3]).backward()
    mix = wide.flat()["layers.0.convolution.mix.weights.0e"]
    assert (mix == 0.0).any()  # the new channels are not heard yet
    assert (mix.grad[mix == 0.0] != 0.0).any()  # and will be after a step


@pytest.mark.parametrize(
    "update", [{"embedding": 3}, {"hidden": ("7x0e+3x1o+5x2e",)}, {"cutoff": 5.0},
               {"hidden": ("7x0e+3x1o+1x2e", "8x0e+4x1o+5x1e+3x2e")}],
)  # fmt: skip
def test_only_growth(update: dict) -> None:
    with pytest.raises(ConfigError, match="cannot start from these weights"):
        widened(narrow(), WIDE.model_copy(update=update))
