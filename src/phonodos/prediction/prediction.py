"""`Prediction`: what a network says of one crystal, and how far it is to be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from phonodos.errors import PhonodosWarning as PhonodosWarning
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties
from phonodos.prediction.uncertainty import Calibration, Interval, intervals

if TYPE_CHECKING:
    from phonodos.prediction.lattice_dynamics import LatticeDynamics
    from phonodos.prediction.stability import Stability


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
    calibrations
        What the weight file says of the errors of such predictions; see `intervals`.
    outside
        Why no interval is stated: bonds that training never held, a metal, an unstable crystal.
        There the reference lay inside far less often than the intervals say.
    stability
        Whether the crystal is predicted to be stable, by the lowest frequency anywhere; None for
        networks that predict a spectrum only, and for means over structures.
    member_lattices
        Lattice dynamics of every member of an ensemble, of whose tensors `lattice` is the mean;
        empty for a single network.
    """

    crystal: Crystal
    dos: PhononDos
    lattice: "LatticeDynamics | None"
    model: str
    warnings: tuple[str, ...]
    members: tuple[PhononDos, ...] = ()
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    stability: "Stability | None" = None
    member_lattices: "tuple[LatticeDynamics, ...]" = ()

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """90 % intervals of ``mean_frequency`` [cm^-1] and C_V(300 K) [J/(K mol of atoms)].

        ``heat_capacity`` is the key of the second. Empty for weights that were not calibrated with
        this number of members, and where such intervals do not hold (`outside`).
        """
        if self.outside:
            return {}
        return intervals(self.dos, self.members, self.calibrations)

    @property
    def max_frequency(self) -> float:
        """Largest frequency [cm^-1]: of an ensemble the mean over its members, not smoothed."""
        return self.dos.largest_frequency

    @cached_property
    def max_frequency_spread(self) -> float | None:
        """Standard deviation (n - 1) of the members' largest frequencies [cm^-1]; None of one."""
        if len(self.members) < 2:
            return None
        return float(np.std([member.largest_frequency for member in self.members], ddof=1))

    def thermal_properties(self, temperatures: ArrayLike) -> ThermalProperties:
        """Return heat capacity, entropy, energies at temperatures [K], per mole of cells."""
        return thermal_properties(self.dos, np.atleast_1d(np.asarray(temperatures, dtype=float)))
