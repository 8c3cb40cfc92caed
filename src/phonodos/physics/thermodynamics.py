"""Harmonic thermodynamics of a density of states: C_V, S, U, F, zero-point energy, moments.

The spectrum is taken as linear between its points, cut into slices of at most 1 cm^-1, each an
Einstein oscillator at its middle that carries the slice's states: their number is the trapezoidal
integral, and no oscillator sits at zero frequency. Imaginary modes (negative frequencies) are left
out and nothing is rescaled; their share is kept beside the result.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import ConfigError, PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos, sliced
from phonodos.physics.units import (
    AVOGADRO,
    GAS_CONSTANT,
    JOULE_PER_WAVENUMBER,
    KELVIN_PER_WAVENUMBER,
)

Array = NDArray[np.float64]
Basis = Literal["atom", "formula", "cell", "kg", "cm3"]
BASES: tuple[Basis, ...] = get_args(Basis)
AMOUNTS: dict[Basis, str] = {
    "atom": "mol of atoms",
    "formula": "mol of formula units",
    "cell": "mol of cells",
    "kg": "kg",
    "cm3": "cm^3",
}
SLICE = 1.0  # [cm^-1]


@dataclass(frozen=True, eq=False)
class ThermalProperties:
    """Thermodynamic functions at given temperatures, for one amount of substance.

    Attributes
    ----------
    temperatures
        (t,) [K].
    heat_capacity, entropy
        (t,) [J/K per amount]; C_V by equation 2 of Chen et al. (2021).
    internal_energy, free_energy
        (t,) [J per amount], zero-point energy included.
    zero_point_energy
        [J per amount].
    imaginary_fraction
        Share of the states at negative frequencies, which are left out.
    basis
        The amount: a mole of atoms, formula units or cells, a kilogram, a cubic centimetre.
    """

    temperatures: Array
    heat_capacity: Array
    entropy: Array
    internal_energy: Array
    free_energy: Array
    zero_point_energy: float
    imaginary_fraction: float
    basis: Basis = "cell"

    @property
    def amount(self) -> str:
        """What the numbers are for, in words: ``mol of atoms``, ``kg``, ..."""
        return AMOUNTS[self.basis]

    def per(self, basis: str, crystal: Crystal) -> "ThermalProperties":
        """Return the same functions for another amount of `crystal`, whose cell this is.

        Raises
        ------
        ConfigError
            If the basis is unknown.
        """
        wanted = known_basis(basis)
        factor = cells_per(wanted, crystal) / cells_per(self.basis, crystal)
        return replace(
            self,
            heat_capacity=self.heat_capacity * factor,
            entropy=self.entropy * factor,
            internal_energy=self.internal_energy * factor,
            free_energy=self.free_energy * factor,
            zero_point_energy=self.zero_point_energy * factor,
            basis=wanted,
        )


def known_basis(name: str) -> Basis:
    """Return the amount of substance of a name; raises `ConfigError` if there is none."""
    for basis in BASES:
        if basis == name:
            return basis
    raise ConfigError(
        f"--per {name} is not known",
        "numbers are given per " + ", ".join(BASES),
        "choose one of them, for example --per atom",
    )


def cells_per(basis: Basis, crystal: Crystal) -> float:
    """Return how many moles of cells of `crystal` one amount of `basis` is."""
    if basis == "atom":
        return 1.0 / crystal.n_atoms
    if basis == "formula":
        return 1.0 / crystal.n_formula_units
    if basis == "kg":
        return 1000.0 / float(crystal.masses.sum())
    if basis == "cm3":
        return 1e24 / (crystal.volume * AVOGADRO)
    return 1.0


def amounts_per(basis: str, crystal: Crystal) -> tuple[float, str]:
    """Return how many moles of atoms of `crystal` one amount of `basis` is, and its name.

    Raises
    ------
    ConfigError
        If the basis is unknown.
    """
    wanted = known_basis(basis)
    return crystal.n_atoms * cells_per(wanted, crystal), AMOUNTS[wanted]


def thermal_properties(dos: PhononDos, temperatures: ArrayLike) -> ThermalProperties:
    """Return C_V, S, U and F of a density of states, per mole of its cells.

    Parameters
    ----------
    dos
        The spectrum of one cell.
    temperatures
        (t,) [K], not negative; T = 0 gives the exact limits.

    Raises
    ------
    ConfigError
        If a temperature is negative or not a number.
    PredictionError
        If the spectrum has no states at positive frequencies.
    """
    t = np.atleast_1d(np.asarray(temperatures, dtype=np.float64))
    if t.ndim != 1 or not (np.isfinite(t).all() and (t >= 0.0).all()):
        raise ConfigError(
            "temperatures must be finite and not negative",
            f"got {temperatures!r}",
            "give temperatures in kelvin",
        )
    w, states = oscillators(dos)
    quantum = JOULE_PER_WAVENUMBER * AVOGADRO * w  # [J/mol]
    zero_point = float(states @ quantum) / 2.0
    c, s, u, f = (np.zeros(len(t)) for _ in range(4))
    u[:] = f[:] = zero_point
    warm = t > 0.0
    # No spectrum reaches x = 700 from above without its exponential being zero in double precision.
    x = np.minimum(KELVIN_PER_WAVENUMBER * w[None, :] / t[warm, None], 700.0)
    minus = -np.expm1(-x)  # 1 - exp(-x), exact for small x
    occupation = np.exp(-x) / minus
    c[warm] = GAS_CONSTANT * ((x**2 * occupation / minus) @ states)
    s[warm] = GAS_CONSTANT * ((x * occupation - np.log(minus)) @ states)
    u[warm] += occupation @ (states * quantum)
    f[warm] += GAS_CONSTANT * t[warm] * (np.log(minus) @ states)
    return ThermalProperties(t, c, s, u, f, zero_point, left_out(dos))


def oscillators(dos: PhononDos) -> tuple[Array, Array]:
    """Return frequencies [cm^-1] and numbers of states of the slices of the positive spectrum.

    Raises
    ------
    PredictionError
        If there are no states at positive frequencies.
    """
    w, g = dos.positive()
    if len(w) < 2 or not np.trapezoid(g, w) > 0.0:
        raise PredictionError(
            "no states at positive frequencies",
            "thermodynamics needs real frequencies, and all modes of this spectrum are imaginary",
            "check the structure: it is not a minimum of the energy",
        )
    w, g = sliced(w, g, SLICE)
    middle = (w[1:] + w[:-1]) / 2.0
    states = np.diff(w) * (g[1:] + g[:-1]) / 2.0
    return middle, states


def left_out(dos: PhononDos) -> float:
    """Return the share of all states that lies at negative frequencies."""
    _, states = oscillators(dos)
    return float(np.clip(1.0 - states.sum() / dos.integral, 0.0, 1.0))


def debye_temperature(dos: PhononDos) -> float:
    """Return the Debye temperature [K] of the second moment: k theta = hbar sqrt(5 <w^2> / 3)."""
    w, states = oscillators(dos)
    return float(KELVIN_PER_WAVENUMBER * np.sqrt(5.0 / 3.0 * (states @ w**2) / states.sum()))


def omega_log(dos: PhononDos) -> float:
    """Return the logarithmic mean frequency exp <ln w> [cm^-1], weighted by the DOS, w > 0.

    Not the one of superconductivity, which is weighted by alpha2F / w.
    """
    w, states = oscillators(dos)
    return float(np.exp((states @ np.log(w)) / states.sum()))


def dulong_petit_fraction(dos: PhononDos, temperatures: ArrayLike) -> Array:
    """Return (t,) C_V / 3N k_B: 1 is the classical limit of all 3N modes."""
    found = thermal_properties(dos, temperatures).heat_capacity
    fraction: Array = found / (3.0 * dos.n_atoms * GAS_CONSTANT)
    return fraction
