"""`QuasiHarmonicCrystal`: a crystal whose frequencies depend on its volume alone, at pressure zero.

F(V, T) = E(V) + F_vib(V, T), with an equation of state for the static energy E(V) and, at every
temperature, polynomials in ln V for F_vib, S and C_V through the same volumes. Such fits are linear
in what they fit, so S = -dF/dT and C_V = T dS/dT hold for the polynomials as for the numbers, and
with them G(T) = min F, S = -dG/dT and C_p - C_V = alpha^2 B V T to rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import ConfigError, DataError, PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import (
    AMOUNTS,
    Basis,
    ThermalProperties,
    cells_per,
    known_basis,
    thermal_properties,
)
from phonodos.physics.units import AVOGADRO, ELEMENTARY_CHARGE

Array = NDArray[np.float64]
VINET, BIRCH_MURNAGHAN = "vinet", "birch-murnaghan"
EQUATIONS = (VINET, BIRCH_MURNAGHAN)
GPA_PER_EV_A3: Final = ELEMENTARY_CHARGE * 1e30 / 1e9  # [GPa A^3/eV], 160.218
JOULE_PER_EV: Final = ELEMENTARY_CHARGE * AVOGADRO  # [J/mol per eV]
FEWEST_ENERGIES = 4  # E(V) has as many parameters
FEWEST_VOLUMES = 5  # of phonons: a cubic and something that shows its misfit
DEGREE = 3  # of the polynomials in ln V
DERIVATIVE = 4.0  # B' of an equation of state that nothing else is known of
STIFFEST = 1e4  # [GPa]; diamond has 443
STIFFENING = (0.0, 20.0)  # B' of solids lies between 2 and 8
GRID = 241  # volumes among which the minimum of F is looked for before it is refined
HALVINGS = 60
LARGEST_SHIFT = 0.3  # [ln V] of the static minimum from the volume at a temperature


@dataclass(frozen=True)
class EquationOfState:
    """The static energy of a crystal against volume.

    Attributes
    ----------
    kind
        ``vinet`` (Vinet et al., J. Phys.: Condens. Matter 1, 1941, 1989) or ``birch-murnaghan`` of
        third order (Birch, Phys. Rev. 71, 809, 1947).
    energy
        At the minimum [eV per cell].
    volume
        There [A^3 per cell].
    bulk_modulus
        There [GPa].
    derivative
        Of the bulk modulus by pressure, B'.
    misfit
        Root mean square distance of the energies it was fitted to [eV per cell].
    """

    kind: str
    energy: float
    volume: float
    bulk_modulus: float
    derivative: float = DERIVATIVE
    misfit: float = 0.0

    def __post_init__(self) -> None:
        check_equation(self.kind)

    def energies(self, volumes: ArrayLike) -> Array:
        """Return the static energy [eV] at volumes [A^3]."""
        v = np.asarray(volumes, dtype=np.float64)
        scale = self.bulk_modulus / GPA_PER_EV_A3 * self.volume
        if self.kind == BIRCH_MURNAGHAN:
            x = (self.volume / v) ** (2.0 / 3.0)
            shape = 9.0 / 16.0 * ((x - 1.0) ** 3 * self.derivative + (x - 1.0) ** 2 * (6.0 - 4 * x))
        else:
            away, xi = 1.0 - np.cbrt(v / self.volume), 1.5 * (self.derivative - 1.0)
            # (1 + (z - 1) e^z) / xi^2 with z = xi away; e^z - 1 keeps its figures near the minimum.
            z = xi * away
            shape = 9.0 * away**2 * _vinet_shape(z)
        return np.asarray(self.energy + scale * shape)

    def pressures(self, volumes: ArrayLike) -> Array:
        """Return -dE/dV [GPa] at volumes [A^3]."""
        v = np.asarray(volumes, dtype=np.float64)
        if self.kind == BIRCH_MURNAGHAN:
            x = (self.volume / v) ** (2.0 / 3.0)
            bend = 1.0 + 0.75 * (self.derivative - 4.0) * (x - 1.0)
            return np.asarray(1.5 * self.bulk_modulus * (x**3.5 - x**2.5) * bend)
        eta = np.cbrt(v / self.volume)
        xi = 1.5 * (self.derivative - 1.0)
        found = 3.0 * self.bulk_modulus * (1.0 - eta) / eta**2 * np.exp(xi * (1.0 - eta))
        return np.asarray(found)

    def bulk_moduli(self, volumes: ArrayLike) -> Array:
        """Return V d^2E/dV^2 [GPa] at volumes [A^3]."""
        v = np.asarray(volumes, dtype=np.float64)
        if self.kind == BIRCH_MURNAGHAN:
            x = (self.volume / v) ** (2.0 / 3.0)
            a = 0.75 * (self.derivative - 4.0)
            slope = (3.5 * x**2.5 - 2.5 * x**1.5) * (1.0 + a * (x - 1.0)) + a * (x**3.5 - x**2.5)
            return np.asarray(self.bulk_modulus * x * slope)
        eta = np.cbrt(v / self.volume)
        away, xi = 1.0 - eta, 1.5 * (self.derivative - 1.0)
        bend = 1.0 / eta + 2.0 * away / eta**2 + xi * away / eta
        return np.asarray(self.bulk_modulus * np.exp(xi * away) * bend)


def _vinet_shape(z: Array) -> Array:
    """Return (1 + (z - 1) e^z) / z^2, which is 1/2 at z = 0."""
    small = np.abs(z) < 1e-3
    safe = np.where(small, 1.0, z)
    series = 0.5 + z / 3.0 + z**2 / 8.0
    return np.asarray(np.where(small, series, (1.0 + (safe - 1.0) * np.exp(safe)) / safe**2))


def check_equation(kind: str) -> None:
    """Raise `ConfigError` unless an equation of state is known."""
    if kind not in EQUATIONS:
        raise ConfigError(
            f"unknown equation of state '{kind}'",
            "known are " + " and ".join(EQUATIONS),
            "choose one of them, for example --equation vinet",
        )


def check_bulk_modulus(value: float) -> None:
    """Raise `ConfigError` unless a bulk modulus [GPa] is one that a solid can have."""
    if not 0.0 < value <= STIFFEST:
        raise ConfigError(
            f"a bulk modulus of {value:g} GPa",
            f"that of a stable crystal is positive, and at most {STIFFEST:g} GPa",
            "give it in GPa, for example --bulk-modulus 160",
        )


def fit_equation_of_state(
    volumes: ArrayLike, energies: ArrayLike, kind: str = VINET, name: str = "E(V)"
) -> EquationOfState:
    """Return the equation of state that fits static energies best (least squares).

    Parameters
    ----------
    volumes, energies
        (k,) [A^3] and [eV] of one cell, at least four different volumes.
    kind
        ``vinet`` or ``birch-murnaghan``.
    name
        What the numbers are called in an error.

    Raises
    ------
    ConfigError
        If the kind is unknown.
    DataError
        If there are too few volumes, a number is no number, or the energies have no minimum among
        the volumes.
    """
    check_equation(kind)
    v, e = np.asarray(volumes, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    fix = "give static energies [eV] at four or more volumes [A^3] on both sides of the minimum"
    if v.ndim != 1 or v.shape != e.shape or not (np.isfinite(v).all() and np.isfinite(e).all()):
        raise DataError(f"{name}: no pairs of numbers", f"{v.shape} volumes, {e.shape}", fix)
    if not (v > 0.0).all():
        raise DataError(f"{name}: a volume of {v.min():g} A^3", "volumes are positive", fix)
    different = len(np.unique(np.round(v, 6)))
    if different < FEWEST_ENERGIES:
        raise DataError(
            f"{name}: {different} different volumes",
            f"an equation of state has {FEWEST_ENERGIES} parameters",
            fix,
        )
    start = _cubic_fit(v, e, name, fix)
    found = start if kind == BIRCH_MURNAGHAN else _least_squares(replace(start, kind=kind), v, e)
    low, high = STIFFENING
    if not (v.min() < found.volume < v.max() and low < found.derivative < high):
        raise _no_minimum(name, fix, f"B' = {found.derivative:.3g} at {found.volume:.4g} A^3")
    if found.bulk_modulus > STIFFEST:
        raise DataError(
            f"{name}: a bulk modulus of {found.bulk_modulus:.3g} GPa",
            f"no solid has more than {STIFFEST:g} GPa: another unit, or energies of a larger cell",
            "give eV and A^3 of one cell",
        )
    misfit = float(np.sqrt(np.mean((found.energies(v) - e) ** 2)))
    return replace(found, misfit=misfit)


def _cubic_fit(v: Array, e: Array, name: str, fix: str) -> EquationOfState:
    """Return the equation of Birch and Murnaghan, which is a cubic in V^(-2/3)."""
    centre = v.mean()
    x = (centre / v) ** (2.0 / 3.0)
    cubic = np.polynomial.Polynomial.fit(x, e, 3).convert()
    slope, bend, third = (cubic.deriv(k) for k in (1, 2, 3))
    roots = [
        float(r.real)
        for r in slope.roots()
        if abs(r.imag) < 1e-9 and x.min() < r.real < x.max() and bend(r.real) > 0.0
    ]
    if not roots:
        raise _no_minimum(name, fix, f"between {v.min():.4g} and {v.max():.4g} A^3 they have none")
    x0 = min(roots, key=lambda r: float(cubic(r)))
    v0 = centre * x0**-1.5
    second, cubed = float(bend(x0)) * x0**2, float(third(x0)) * x0**3
    # With y = (V0/V)^(2/3): E'' = 9/4 B V0 and E''' = 27/8 (B' - 4) B V0 at y = 1.
    modulus = 4.0 / 9.0 * second / v0
    return EquationOfState(
        BIRCH_MURNAGHAN, float(cubic(x0)), float(v0), float(modulus * GPA_PER_EV_A3),
        4.0 + 2.0 / 3.0 * cubed / second,
    )  # fmt: skip


def _least_squares(start: EquationOfState, v: Array, e: Array) -> EquationOfState:
    from scipy.optimize import least_squares

    shift, spread = start.energy, max(float(np.ptp(e)), 1e-6)

    def made(p: Array) -> EquationOfState:
        return EquationOfState(
            start.kind, shift + float(p[0]) * spread, start.volume * math.exp(float(p[1])),
            start.bulk_modulus * math.exp(float(p[2])), start.derivative + float(p[3]),
        )  # fmt: skip

    bounds = ([-9.0, -1.0, -5.0, -20.0], [9.0, 1.0, 5.0, 20.0])
    found = least_squares(
        lambda p: (made(p).energies(v) - e) / spread, np.zeros(4), bounds=bounds, xtol=1e-14,
        ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    return made(found.x)


def _no_minimum(name: str, fix: str, reason: str) -> DataError:
    return DataError(f"{name}: no minimum of the energy", reason, fix)


@dataclass(frozen=True, eq=False)
class QuasiHarmonic:
    """Properties of a crystal at pressure zero, for one amount of substance.

    NaN at temperatures where no volume within those of the phonons minimises F.

    Attributes
    ----------
    temperatures
        (t,) [K].
    volumes
        (t,) of the cell in equilibrium [A^3].
    expansion
        (t,) alpha = (1/V) dV/dT, volumetric [1/K].
    bulk_modulus
        (t,) isothermal [GPa].
    gruneisen
        (t,) alpha B V / C_V; NaN at 0 K.
    heat_capacity_volume, heat_capacity_pressure
        (t,) C_V at the volume in equilibrium, and C_p [J/K per amount].
    entropy
        (t,) at pressure zero [J/K per amount].
    gibbs_energy
        (t,) [J per amount], from the minimum of E(V).
    basis
        The amount.
    """

    temperatures: Array
    volumes: Array
    expansion: Array
    bulk_modulus: Array
    gruneisen: Array
    heat_capacity_volume: Array
    heat_capacity_pressure: Array
    entropy: Array
    gibbs_energy: Array
    basis: Basis = "cell"

    @property
    def amount(self) -> str:
        """What the caloric numbers are for, in words: ``mol of atoms``, ``kg``, ..."""
        return AMOUNTS[self.basis]

    def per(self, basis: str, crystal: Crystal) -> "QuasiHarmonic":
        """Return the same for another amount of `crystal`, whose cell this is.

        A cubic centimetre is that of the cell as it is in `crystal`.

        Raises
        ------
        ConfigError
            If the basis is unknown.
        """
        wanted = known_basis(basis)
        factor = cells_per(wanted, crystal) / cells_per(self.basis, crystal)
        return replace(
            self,
            heat_capacity_volume=self.heat_capacity_volume * factor,
            heat_capacity_pressure=self.heat_capacity_pressure * factor,
            entropy=self.entropy * factor,
            gibbs_energy=self.gibbs_energy * factor,
            basis=wanted,
        )


@dataclass(frozen=True, eq=False)
class QuasiHarmonicCrystal:
    """An equation of state and the spectra of a crystal at several volumes.

    Attributes
    ----------
    equation
        Of the static energy.
    volumes
        (k,) of the cell [A^3], rising, at least five.
    spectra
        One a volume, of the same cell.
    """

    equation: EquationOfState
    volumes: Array
    spectra: Sequence[PhononDos]

    def __post_init__(self) -> None:
        v = np.asarray(self.volumes, dtype=np.float64)
        object.__setattr__(self, "volumes", v)
        if v.shape != (len(self.spectra),) or len(v) < FEWEST_VOLUMES or (np.diff(v) <= 0.0).any():
            raise ConfigError(
                f"phonons at {len(v)} volumes",
                f"the quasi-harmonic approximation takes {FEWEST_VOLUMES} rising volumes or more",
                "give more strains",
            )

    @cached_property
    def _axis(self) -> Array:
        """(k,) ln(V / V0)."""
        return np.log(self.volumes / self.equation.volume)

    def thermal(self, temperatures: ArrayLike) -> list[ThermalProperties]:
        """Return the harmonic functions at every volume, per mole of cells."""
        return [thermal_properties(dos, temperatures) for dos in self.spectra]

    def properties(self, temperatures: ArrayLike) -> QuasiHarmonic:
        """Return what follows at temperatures (t,) [K], per mole of cells.

        Raises
        ------
        ConfigError
            If a temperature is negative or not a number.
        PredictionError
            If a spectrum has no states at positive frequencies.
        """
        found = self.thermal(temperatures)
        kelvin = found[0].temperatures
        free, entropy, heat = (
            self._polynomials([getattr(x, name) for x in found])
            for name in ("free_energy", "entropy", "heat_capacity")
        )
        x = self._minimum(free)
        v = self.equation.volume * np.exp(x)
        bend = _value(_slope(_slope(free)), x) - _value(_slope(free), x)
        modulus = self.equation.bulk_moduli(v) / GPA_PER_EV_A3 + bend / v  # [eV/A^3]
        modulus = np.where(modulus > 0.0, modulus, np.nan)
        per_volume = _value(_slope(entropy), x)  # dS/dlnV [eV/K]
        alpha = per_volume / (v * modulus)
        c_v = _value(heat, x)
        c_p = c_v + kelvin * v * alpha**2 * modulus
        warm = c_v > 0.0
        gamma = np.where(warm, per_volume / np.where(warm, c_v, 1.0), np.nan)
        energy = self.equation.energies(v) - self.equation.energy + _value(free, x)
        return QuasiHarmonic(
            kelvin, v, alpha, modulus * GPA_PER_EV_A3, gamma, c_v * JOULE_PER_EV,
            c_p * JOULE_PER_EV, _value(entropy, x) * JOULE_PER_EV, energy * JOULE_PER_EV,
        )  # fmt: skip

    def anchored(self, temperature: float) -> "QuasiHarmonicCrystal":
        """Return the crystal whose volume and bulk modulus are those of `equation` at T > 0.

        The equation of state becomes that of the static crystal, which is smaller and stiffer: at
        that temperature [K] the thermal pressure brings it to the volume and bulk modulus that
        `equation` has at its minimum, as measurements give them.

        Raises
        ------
        ConfigError
            If the temperature is negative or not a number.
        PredictionError
            If no equation of state with this B' does that.
        """
        from scipy.optimize import brentq

        eos = self.equation
        free = self._polynomials([x.free_energy for x in self.thermal([temperature])])
        slope, bend = (float(f[0, 0]) for f in (_slope(free), _slope(_slope(free))))
        pressure = slope / eos.volume * GPA_PER_EV_A3
        modulus = eos.bulk_modulus - (bend - slope) / eos.volume * GPA_PER_EV_A3

        def trial(shift: float) -> EquationOfState:
            return replace(eos, volume=eos.volume * math.exp(shift), bulk_modulus=1.0)

        def excess(shift: float) -> float:
            found = trial(shift)
            p, b = found.pressures(eos.volume), found.bulk_moduli(eos.volume)
            return float(p * modulus - b * pressure)

        if not (modulus > 0.0 and excess(-LARGEST_SHIFT) * excess(LARGEST_SHIFT) < 0.0):
            raise PredictionError(
                f"no static crystal has {eos.bulk_modulus:g} GPa at {temperature:g} K",
                "thermal pressure takes more than the bulk modulus holds",
                "check the bulk modulus and the temperature of the cell",
            )
        static = trial(float(brentq(excess, -LARGEST_SHIFT, LARGEST_SHIFT, xtol=1e-14)))
        scale = modulus / float(static.bulk_moduli(eos.volume))
        return replace(self, equation=replace(static, bulk_modulus=scale))

    def _polynomials(self, values: Sequence[Array]) -> Array:
        """Return (d + 1, t) coefficients in ln(V / V0), of rising power, in eV per cell."""
        table = np.stack(values) / JOULE_PER_EV
        return np.asarray(np.polynomial.polynomial.polyfit(self._axis, table, DEGREE))

    def _force(self, free: Array, x: Array) -> Array:
        """Return dF/dlnV [eV] at x, which broadcasts against (t,)."""
        v = self.equation.volume * np.exp(x)
        return np.asarray(-self.equation.pressures(v) / GPA_PER_EV_A3 * v + _value(_slope(free), x))

    def _minimum(self, free: Array) -> Array:
        """Return (t,) ln(V / V0) of the smallest minimum of F among the volumes, or NaN."""
        grid = np.linspace(self._axis.min(), self._axis.max(), GRID)
        forces = np.stack([self._force(free, np.full(free.shape[1], x)) for x in grid])
        turns = (forces[:-1] <= 0.0) & (forces[1:] > 0.0)
        first = np.argmax(turns, axis=0)
        low, high = grid[first], grid[first + 1]
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            below = self._force(free, middle) <= 0.0
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where(turns.any(axis=0), (low + high) / 2.0, np.nan)


def _value(coefficients: Array, x: Array) -> Array:
    """Return (t,) the values of polynomials (d + 1, t) at (t,) x."""
    found = np.zeros_like(x)
    for row in coefficients[::-1]:
        found = found * x + row
    return found


def _slope(coefficients: Array) -> Array:
    return np.asarray(coefficients[1:] * np.arange(1, len(coefficients))[:, None])
