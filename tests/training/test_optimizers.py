"""Muon: what it does to a matrix, whom it serves, and that nothing is lost on the way to disk."""

import copy

import pytest
import torch
from torch import nn

from phonodos.training.config import OptimizerConfig
from phonodos.training.optimizers import Muon, MuonAdamW, is_matrix, make_optimizer, orthogonalised


@pytest.mark.parametrize("shape", [(16, 16), (20, 70), (70, 20)])
def test_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, before, right = torch.linalg.svd(matrix, full_matrices=False)
    assert before.max() / before.min() > 2
    found = left.T @ orthogonalised(5.0 * matrix) @ right.T
    assert torch.allclose(found, torch.diag(found.diagonal()), atol=1e-4)
    assert found.diagonal().min() > 0.6
    assert found.diagonal().max() < 1.3


def test_no_gradient_at_all_is_no_step() -> None:
    assert torch.equal(orthogonalised(torch.zeros(16, 20)), torch.zeros(16, 20))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 24), nn.SiLU(), nn.Linear(24, 17), nn.SiLU(),
                         nn.Linear(17, 2))  # fmt: skip


def descend(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        x = torch.randn(32, 20, generator=torch.Generator().manual_seed(step))
        loss = (model(x) - x[:, :2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_it_learns_and_the_rate_set_on_the_groups_counts() -> None:
    model = network()
    optimizer = make_optimizer(model, OptimizerConfig(kind="muon", lr=0.01, weight_decay=0.0))
    assert isinstance(optimizer, MuonAdamW)
    assert [is_matrix(p) for p in model.parameters()] == [True, False, True, False, False, False]
    losses = descend(model, optimizer, range(60))
    assert losses[-1] < 0.3 * losses[0]
    before = copy.deepcopy(model.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    descend(model, optimizer, range(1))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_stack_is_stepped_as_one_matrix() -> None:
    """What leads from all radial functions and channels to an output is one column."""
    generator = torch.Generator().manual_seed(0)
    start, gradient = (torch.randn(5, 20, 16, generator=generator) for _ in range(2))
    steps = []
    for shape in ((5, 20, 16), (100, 16)):
        weight = nn.Parameter(start.reshape(shape).clone())
        assert is_matrix(weight)
        weight.grad = gradient.reshape(shape)
        Muon([weight], lr=0.01, weight_decay=0.1).step()
        steps.append((weight.detach() - 0.999 * start.reshape(shape)).reshape(100, 16))
    assert torch.equal(*steps)
    left = torch.linalg.svdvals(steps[0] / (0.01 * 0.2 * 10.0))  # one after the step's size
    assert 0.6 < left.min() < left.max() < 1.3
    assert not is_matrix(torch.zeros(40, 15, 20))
    assert not is_matrix(torch.zeros(2, 2, 20, 20))


def test_the_state_goes_to_another_optimizer_to_the_last_bit() -> None:
    whole, model = network(), network()
    optimizers = [MuonAdamW(m, 0.01, 0.1) for m in (whole, model)]
    expected = descend(whole, optimizers[0], range(6))
    first = descend(model, optimizers[1], range(3))
    other = MuonAdamW(model, 0.01, 0.1)
    other.load_state_dict(copy.deepcopy(optimizers[1].state_dict()))
    assert first + descend(model, other, range(3, 6)) == expected
