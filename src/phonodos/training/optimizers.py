"""The optimizers of a run: AdamW for everything, or Muon for the matrices and AdamW for the rest.

Muon makes every step of a matrix orthogonal: all its directions move equally far, also those that
hardly show in the gradient. Steps have the size of AdamW's, so that one learning rate serves both
(K. Jordan et al., "Muon", 2024; J. Liu et al., arXiv:2502.16982, for the size). A stack of matrices
(k, n, m), as a convolution has one for every radial function, is one of k n rows: all that leads to
an output.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from phonodos.training.config import OptimizerConfig

SMALLEST_SIDE = 16  # thinner matrices are tables or a few readouts: no directions to even out
MOMENTUM = 0.95
USUAL_STEP = 0.2  # root mean square of a step of AdamW, over the learning rate
# Odd polynomial a x + b x^3 + c x^5 whose fifth iterate takes singular values from 0.001 to 1
# near 1; Jordan's coefficients.
POLYNOMIAL = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def make_optimizer(network: nn.Module, config: OptimizerConfig) -> Optimizer:
    """Return the optimizer that the configuration names, for all weights of a network."""
    if config.kind == "muon":
        return MuonAdamW(network, config.lr, config.weight_decay)
    return AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)


def is_matrix(weight: Tensor) -> bool:
    """Return whether a weight is a matrix, or a stack, with at least 16 rows and columns."""
    return weight.ndim in (2, 3) and min(weight.shape[-2:]) >= SMALLEST_SIDE


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return about U V^T of a matrix U S V^T, its singular values from 0.7 to 1.2.

    Newton and Schulz's iteration, done on the smaller of the two Gram matrices: the polynomials
    commute with it, so the matrix itself is multiplied only once, at the end.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = wide @ wide.T
    norm = gram.trace().clamp_min(torch.finfo(gram.dtype).tiny)  # square of the Frobenius norm
    gram = gram / norm
    a, b, c = POLYNOMIAL
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    factor = norm.rsqrt()  # a number before the first step
    for left in reversed(range(ITERATIONS)):
        step = torch.addmm(gram * b + eye * a, gram, gram, alpha=c)
        factor = step * factor if factor.ndim == 0 else step @ factor
        if left:
            gram = step @ gram @ step
    found = factor @ wide
    return found if wide is matrix else found.T


class Muon(Optimizer):
    """Momentum with Nesterov's look ahead, made orthogonal; decoupled weight decay."""

    def __init__(self, matrices: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step along the gradients that are there."""
        assert closure is None
        for group in self.param_groups:
            rate = group["lr"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                mean = state["momentum"].lerp_(weight.grad, 1.0 - MOMENTUM)
                direction = orthogonalised(weight.grad.lerp(mean, MOMENTUM).flatten(0, -2))
                size = USUAL_STEP * max(direction.shape) ** 0.5
                weight.mul_(1.0 - rate * group["weight_decay"])
                weight.add_(direction.view_as(weight), alpha=-rate * size)


class MuonAdamW(Optimizer):
    """Muon for the matrices of a network, AdamW for its other weights, as one optimizer.

    Both share groups and state of this one: rates set here are theirs, and `state_dict` has all.
    """

    def __init__(self, network: nn.Module, lr: float, weight_decay: float) -> None:
        weights = list(network.parameters())
        others = [w for w in weights if not is_matrix(w)]
        self.parts = (
            Muon([w for w in weights if is_matrix(w)], lr, weight_decay),
            AdamW(others, lr=lr, weight_decay=weight_decay, fused=True),
        )
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        for part, group in zip(self.parts, self.param_groups, strict=True):
            part.state, part.param_groups = self.state, [group]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step of both along the gradients that are there."""
        assert closure is None
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of both."""
        super().load_state_dict(state_dict)
        self._share()
