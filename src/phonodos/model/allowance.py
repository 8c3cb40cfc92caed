"""`Allowance`: bounds what building a network may allocate, before it is allocated."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from phonodos.errors import WeightsError

FACTORIES = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full}
RANGES = {torch.linspace, torch.arange, torch.eye}


class Allowance(TorchFunctionMode):
    """Refuse, within the block, new tensors of more than `most` numbers in all.

    A header can ask for layers of any width. What a network needs is known before: the tensors lie
    in the file. Numbers drawn with a generator of their own are not counted: they are no network's.

    Raises
    ------
    WeightsError
        Before the tensor that is too much is allocated.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = self.left = most

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if func in FACTORIES and given.get("generator") is None:
            self._take(_numbers(args, given))
        elif func in RANGES:
            self._take(max([*_integers(args), *_integers(given.values()), 0]))
        return func(*args, **given)

    def _take(self, numbers: int) -> None:
        self.left -= numbers
        if self.left < 0:
            raise WeightsError(
                "the network of the header is larger than the tensors of the file",
                f"it would allocate more than {self.most} numbers",
                "the file was edited, or belongs to another version of phonodos",
            )


def _numbers(args: Sequence[Any], given: dict[str, Any]) -> int:
    size = given.get("size", args)
    if len(size) and isinstance(size[0], Sequence):
        size = size[0]
    return math.prod(_integers(size))


def _integers(values: Any) -> list[int]:
    return [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
