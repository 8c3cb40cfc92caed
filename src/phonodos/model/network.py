"""`Network` and `NetworkConfig`: what every kind of network has, and bounds of its settings."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from torch import nn

# Far above any network that was ever trained; below what building one could choke on.
WIDEST, HIGHEST_DEGREE, MOST_TERMS, MOST_LAYERS = 4096, 6, 32, 16
TERM = re.compile(r"(?:([1-9][0-9]{0,3})x)?([0-9])[eo]")


class NetworkConfig(BaseModel):
    """Every hyperparameter of a network; a kind of network has a subclass with its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    cutoff: float


class Network(nn.Module):
    """A network that knows its hyperparameters: `kind` is found in `phonodos.model.kinds.KINDS`."""

    config: NetworkConfig

    @property
    def dtype(self) -> Any:
        """Floating-point type of the parameters."""
        return next(self.parameters()).dtype


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
