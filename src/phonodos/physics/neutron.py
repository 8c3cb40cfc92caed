"""What neutrons see of a density of states: every atom weighted by sigma / m.

In the incoherent approximation a powder gives G(w) ~ sum_i (sigma_i / m_i) g_i(w), with sigma the
bound total (coherent and incoherent) scattering cross-section of the natural element, or of the
isotope where its mass names one. At a temperature, one phonon scatters with
S(Q, w) ~ sum_i (sigma_i / m_i) exp(-Q^2 U_i) g_i(w) (n(w) + 1) / w, and at energy gain with n(w):
S(-w) = S(w) exp(-h c w / k T). Source: G. L. Squires, Introduction to the Theory of Thermal Neutron
Scattering, 1978, chapters 3 and 4. What scatters with two phonons and more is not in it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.displacements import AMPLITUDE
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass, element_of, isotope_masses
from phonodos.physics.units import KELVIN_PER_WAVENUMBER

Array = NDArray[np.float64]

SAME: Final = 0.002  # [amu]; a mass this close to that of an isotope is the isotope's
NEAR_ZERO: Final = 3.0  # [cm^-1]; below it g(w) / w^2 is taken to be constant, as for sound


def cross_section(symbol: str) -> float:
    """Return the bound total scattering cross-section of a species [barn] (periodictable).

    Of a species with a mass of its own (``O[17.999]``) that of the isotope, where the mass is that
    of one and its scattering length is tabulated; else that of the natural element.

    Raises
    ------
    StructureError
        If no scattering length is tabulated for it.
    """
    import periodictable

    element = element_of(symbol)
    tabulated = symbol if symbol in ("D", "T") else element
    try:
        known = periodictable.elements.symbol(tabulated)
        value = known.neutron.total
        number = None if symbol in ("D", "T", element) else _mass_number(element, symbol)
        if number is not None and known[number].neutron.b_c is not None:
            value = known[number].neutron.total
    except ValueError:
        value = None
    if value is None:
        raise StructureError(
            f"no neutron scattering length is known for {symbol}",
            "the tables have none for this element (no stable isotope, or never measured)",
            "leave --neutron out and compare with the plain density of states",
        )
    return float(value)


def _mass_number(element: str, species: str) -> int | None:
    """Return the mass number of the isotope whose mass a species has, or None."""
    mass = atomic_mass(species)
    nearest = min(isotope_masses(element), key=lambda m: abs(m - mass), default=0.0)
    return round(nearest) if abs(nearest - mass) <= SAME else None


def neutron_weights(crystal: Crystal) -> Array:
    """Return (n,) sigma / m of every site [barn/amu]; a mixed site has the mean of its elements.

    Raises
    ------
    StructureError
        If no scattering length is tabulated for an element of the crystal.
    """
    return np.array(
        [
            sum(f * cross_section(s) / atomic_mass(s) for s, f in site.items())
            for site in crystal.occupancy
        ]
    )


def neutron_curve(dos: PhononDos, crystal: Crystal) -> Curve:
    """Return the neutron-weighted density of states at frequencies from 0 on.

    Raises
    ------
    DataError
        If the spectrum is not projected on the atoms.
    StructureError
        If no scattering length is tabulated for an element of the crystal.
    """
    weights = neutron_weights(crystal)
    if dos.projected is None:
        raise DataError(
            f"{crystal.label}: the spectrum is not projected on the atoms",
            "neutron weights differ from element to element, and only the total is known",
            "leave --neutron out, or choose a model with force constants (phonodos models list)",
        )
    return curve_of(PhononDos(dos.frequencies, weights @ dos.projected, dos.n_atoms))


def curve_of(dos: PhononDos) -> Curve:
    """Return the part of a density of states at frequencies from 0 on."""
    return Curve(*dos.positive())


def mean_squared(dos: PhononDos, masses: Array, kelvin: float) -> Array:
    """Return (n,) isotropic mean squared displacements U [A^2] from a projected spectrum.

    U_i = hbar / (2 m_i) times the integral of g_i(w) / 3 coth(h c w / 2 k T) / w over w > 0.

    Parameters
    ----------
    dos
        A projected spectrum.
    masses
        (n,) [amu].
    kelvin
        Temperature [K], not negative.
    """
    assert dos.projected is not None
    w = dos.frequencies[dos.frequencies > 0.0]
    rows = quadratic_near_zero(w, dos.projected[:, dos.frequencies > 0.0])
    factor = 2.0 * occupation(w, kelvin) + 1.0
    moments = np.trapezoid(rows * factor / w, w, axis=1)
    return np.asarray(AMPLITUDE / masses * moments / 3.0)


def occupation(frequencies: Array, kelvin: float) -> Array:
    """Return the Bose-Einstein occupation n(w) at frequencies > 0 [cm^-1]; 0 at 0 K."""
    if kelvin == 0.0:
        return np.zeros(len(frequencies))
    return np.asarray(1.0 / np.expm1(KELVIN_PER_WAVENUMBER * frequencies / kelvin))


def quadratic_near_zero(frequencies: Array, rows: Array) -> Array:
    """Return (k, m) spectra at frequencies >= 0 [cm^-1] that rise as w^2 up to 3 cm^-1.

    Smoothing puts a little of a density of states at zero, where 1 / w would make a peak of it.
    """
    found = rows.copy()
    low = frequencies < NEAR_ZERO
    if low.any() and not low.all():
        first = int(low.sum())
        edge, at = rows[:, first : first + 1], float(frequencies[first])
        found[:, low] = edge * (frequencies[low] / at) ** 2
    return found


def one_phonon(frequencies: Array, rows: Array, kelvin: float) -> Array:
    """Return (k, m) rows g(w) (n(w) + 1) / w at any frequencies [cm^-1]; n(|w|) / |w| below zero.

    Parameters
    ----------
    frequencies
        (m,) energy transfers [cm^-1], positive where the neutron loses energy.
    rows
        (k, m) densities of states at |w|, which rise as w^2 at zero.
    kelvin
        Temperature [K]; at 0 K nothing is at energy gain.
    """
    size = np.abs(frequencies)
    safe = np.where(size > 0.0, size, 1.0)
    n = occupation(safe, kelvin)
    factor = np.where(frequencies > 0.0, n + 1.0, n) / safe
    found = rows * factor
    zero = np.flatnonzero(size == 0.0)
    for k in zero:  # g ~ w^2: the limit is the neighbour's, T / w times w
        found[:, k] = found[:, k + 1] if k + 1 < len(size) else 0.0
    return np.asarray(found)


def thermal_curve(curve: Curve, kelvin: float) -> Curve:
    """Return the one-phonon spectrum at energy loss, of a density of states at `kelvin` [K]."""
    rows = quadratic_near_zero(curve.frequencies, curve.values[None])
    return Curve(curve.frequencies, one_phonon(curve.frequencies, rows, kelvin)[0])
