"""What neutrons see of a density of states: every atom weighted by sigma / m.

In the incoherent approximation a powder gives G(w) ~ sum_i (sigma_i / m_i) g_i(w), with sigma the
bound total (coherent and incoherent) scattering cross-section of the natural element.
"""

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass, element_of

Array = NDArray[np.float64]


def cross_section(symbol: str) -> float:
    """Return the bound total scattering cross-section of an element [barn] (periodictable).

    Raises
    ------
    StructureError
        If no scattering length is tabulated for it.
    """
    import periodictable

    tabulated = symbol if symbol in ("D", "T") else element_of(symbol)
    try:
        value = periodictable.elements.symbol(tabulated).neutron.total
    except ValueError:
        value = None
    if value is None:
        raise StructureError(
            f"no neutron scattering length is known for {symbol}",
            "the tables have none for this element (no stable isotope, or never measured)",
            "leave --neutron out and compare with the plain density of states",
        )
    return float(value)


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
