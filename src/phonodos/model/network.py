"""`Network` and `NetworkConfig`: what every kind of network has, and bounds of its settings."""

import re
from abc import ABC, abstractmethod
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from phonodos.model.arrays import typed
from phonodos.model.parameters import Parameters, Table, drawn

# Far above any network that was ever trained; below what building one could choke on.
WIDEST, HIGHEST_DEGREE, MOST_TERMS, MOST_LAYERS = 4096, 6, 32, 16
TERM = re.compile(r"(?:([1-9][0-9]{0,3})x)?([0-9])[eo]")


class NetworkConfig(BaseModel):
    """Every hyperparameter of a network; a kind of network has a subclass with its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    cutoff: float


class Network(ABC):
    """A configuration and the parameters that belong to it: a function of crystals.

    It computes with the arrays it is given: NumPy's in predictions, torch's in training. Crystals
    come in arrays of the same library and type. `kind` is found in `phonodos.model.kinds.KINDS`.
    """

    config: NetworkConfig

    def __init__(self, config: Any, parameters: Parameters) -> None:
        self.config = config
        self.parameters = parameters

    @classmethod
    @abstractmethod
    def table(cls, config: Any) -> Table:
        """Return the parameters of a configuration."""

    @abstractmethod
    def __call__(self, crystals: Any) -> Any:
        """Return what the network says of a crystal or a batch."""

    @classmethod
    def untrained(cls, config: Any, seed: int = 0) -> Self:
        """Return a network with initial values of NumPy's generator, in double precision."""
        return cls(config, drawn(cls.table(config), np.random.default_rng(seed), np.float64))

    @property
    def dtype(self) -> Any:
        """Floating-point type of the parameters, of their library."""
        return next(iter(self.parameters.values())).dtype

    def to(self, device: str | None = None, dtype: Any = None) -> Self:
        """Return the network in a type of NumPy, or with torch's arrays on a `device`."""
        found = {name: typed(x, dtype, device) for name, x in self.parameters.items()}
        return type(self)(self.config, found)


def checked_irreps(text: str) -> str:
    """Return irreps written like ``32x0e+16x1o``.

    Raises
    ------
    ValueError
        If they are written otherwise, or hold more than 32 terms, a multiplicity above 4096 or a
        degree above 6.
    """
    terms = [TERM.fullmatch(term.strip()) for term in text[:1000].split("+")]
    if len(text) > 1000 or len(terms) > MOST_TERMS:
        raise ValueError(f"irreps of more than {MOST_TERMS} terms")
    for term in terms:
        if term is None:
            raise ValueError("irreps are written like 32x0e+16x1o")
        if int(term[1] or 1) > WIDEST or int(term[2]) > HIGHEST_DEGREE:
            raise ValueError(
                f"irreps have at most {WIDEST} copies of one, of degrees up to {HIGHEST_DEGREE}"
            )
    return text


IrrepsText = Annotated[str, AfterValidator(checked_irreps)]
Width = Annotated[int, Field(gt=0, le=WIDEST)]
Cutoff = Annotated[float, Field(gt=0, le=20.0, allow_inf_nan=False)]  # [A]
Neighbours = Annotated[float, Field(gt=0, le=1e4, allow_inf_nan=False)]
