"""The table of a network's parameters: name, shape and rule of initial values of each.

A configuration alone decides it. Weight files are checked against it, and training registers it;
the names are those of the weight files. It stands in the order in which initial values are drawn.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array

Parameters = Mapping[str, Array]  # by the names of the weight file


class Normal(NamedTuple):
    """Drawn from a normal distribution around zero of this width."""

    width: float = 1.0


class Uniform(NamedTuple):
    """Drawn between minus and plus this bound."""

    bound: float


class Fixed(NamedTuple):
    """Not learned: these values, of the shape of the parameter."""

    values: NDArray[np.float64]


class Parameter(NamedTuple):
    """A line of the table."""

    name: str
    shape: tuple[int, ...]
    rule: Normal | Uniform | Fixed


Table = tuple[Parameter, ...]


def linear(name: str, n_in: int, n_out: int) -> Table:
    """Return matrix (n_out, n_in) and bias of an affine map, drawn as torch's `Linear` does."""
    # Kaiming's rule for leaky ReLUs of slope sqrt(5), to the last bit.
    spread = math.sqrt(2.0 / (1.0 + math.sqrt(5.0) ** 2)) / math.sqrt(n_in)
    return (
        Parameter(f"{name}.weight", (n_out, n_in), Uniform(math.sqrt(3.0) * spread)),
        Parameter(f"{name}.bias", (n_out,), Uniform(1.0 / math.sqrt(n_in))),
    )


def dense(name: str, sizes: Iterable[int]) -> Table:
    """Return the table of an MLP; activations count as layers, so that the names go in twos."""
    layers = enumerate(pairwise(sizes))
    return tuple(line for k, (a, b) in layers for line in linear(f"{name}.{2 * k}", a, b))


def registered(table: Table) -> Table:
    """Return the lines in the order of registration, on which optimizers of checkpoints depend.

    The matrices of one layer stand by the names of their irreps: torch's `ParameterDict`, which
    held them in release 0.1, sorts. They are drawn in another order.
    """
    places: dict[str, int] = {}

    def place(line: Parameter) -> tuple[int, str]:
        layer, _, last = line.name.rpartition(".")
        of_irrep = last[:-1].isdecimal() and last[-1] in "eo"
        return places.setdefault(layer if of_irrep else line.name, len(places)), line.name

    return tuple(sorted(table, key=place))


def misfit(table: Table, found: Mapping[str, Any]) -> str:
    """Return what keeps arrays from being the parameters of a table, or an empty string."""
    wanted = {line.name: tuple(line.shape) for line in table}
    if missing := [name for name in wanted if name not in found]:
        return f"it has no {missing[0]}" + (" and others" if len(missing) > 1 else "")
    if more := [name for name in found if name not in wanted]:
        return f"the network has no {more[0][:200]}"
    for name, shape in wanted.items():
        if tuple(found[name].shape) != shape:
            return f"{name} is {tuple(found[name].shape)}, the network's is {shape}"
    return ""


def drawn(
    table: Table, rng: "np.random.Generator", dtype: type[np.floating[Any]] = np.float32
) -> dict[str, NDArray[Any]]:
    """Return initial values by the rules of a table."""
    found = {}
    for name, shape, rule in table:
        match rule:
            case Normal(width):
                values = width * rng.standard_normal(shape)
            case Uniform(bound):
                values = rng.uniform(-bound, bound, shape)
            case Fixed(values):
                pass
        found[name] = values.astype(dtype)
    return found
