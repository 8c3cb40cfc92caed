"""`Prediction`: what a network says of one crystal, and how far it is to be trusted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties

if TYPE_CHECKING:
    from phonodos.prediction.lattice_dynamics import LatticeDynamics


class PhonodosWarning(UserWarning):
    """A prediction that deserves less trust, for the reason given."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one crystal.

    Attributes
    ----------
    crystal
        The crystal as given.
    dos
        Density of states of the **given** cell, integral 3N.
    lattice
        Force constants, Born charges and dielectric tensor, in the primitive cell; None for
        networks that predict a spectrum only.
    model
        Name of the weights.
    warnings
        Reasons to trust the answer less, in plain words.
    members
        Spectra of the members of an ensemble, whose mean `dos` is; empty for a single network.
    """

    crystal: Crystal
    dos: PhononDos
    lattice: "LatticeDynamics | None"
    model: str
    warnings: tuple[str, ...]
    members: tuple[PhononDos, ...] = ()

    def thermal_properties(self, temperatures: ArrayLike) -> ThermalProperties:
        """Return heat capacity, entropy, energies at temperatures [K], per mole of cells."""
        return thermal_properties(self.dos, np.atleast_1d(np.asarray(temperatures, dtype=float)))
