"""What building a network may allocate is bounded before it is allocated."""

import pytest
import torch
from torch import nn

from phonodos.errors import WeightsError
from phonodos.model.allowance import Allowance


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(10**12),
        lambda: torch.empty((10**6, 10**6)),
        lambda: torch.randn(size=(10**12,)),
        lambda: torch.linspace(0.0, 1.0, 10**12),
        lambda: torch.arange(1, 10**12),
        lambda: nn.Linear(10**6, 10**6),
        lambda: [nn.Linear(200, 200) for _ in range(10)],
    ],
)
def test_too_much_is_refused_before_it_is_there(make: object) -> None:
    assert callable(make)
    with Allowance(100_000), pytest.raises(WeightsError, match="larger than the tensors"):
        make()


def test_what_fits_is_built() -> None:
    with Allowance(100_000):
        torch.randn(10**6, generator=torch.Generator())  # of an integral, not of the network
        assert nn.Linear(200, 200).weight.shape == (200, 200)
