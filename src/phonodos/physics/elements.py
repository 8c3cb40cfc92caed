"""The 118 elements: symbols, atomic numbers, standard atomic masses [amu] (IUPAC, from ASE)."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError

N_ELEMENTS = 118

# Hydrogen isotopes keep their own symbol and mass and take hydrogen's place among the elements.
_ISOTOPES = {"D": (1, 2.01410177812), "T": (1, 3.01604928199)}

# Pauling electronegativities of elements 1 to 118 in order; "-" where none is tabulated.
_PAULING = """
    2.2 - 0.98 1.57 2.04 2.55 3.04 3.44 3.98 - 0.93 1.31 1.61 1.9 2.19 2.58 3.16 - 0.82 1
    1.36 1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.9 1.65 1.81 2.01 2.18 2.55 2.96 3 0.82 0.95
    1.22 1.33 1.6 2.16 1.9 2.2 2.28 2.2 1.93 1.69 1.78 1.96 2.05 2.1 2.66 2.6 0.79 0.89 1.1
    1.12 1.13 1.14 1.13 1.17 1.2 1.2 1.1 1.22 1.23 1.24 1.25 1.1 1.27 1.3 1.5 2.36 1.9 2.2
    2.2 2.28 2.54 2 1.62 2.33 2.02 2 2.2 2.2 0.7 0.9 1.1 1.3 1.5 1.38 1.36 1.28 1.3 1.3 1.3
    1.3 1.3 1.3 1.3 1.3 1.3 - - - - - - - - - - - - - - -
"""


@cache
def _table() -> tuple[dict[str, int], NDArray[np.float64]]:
    from ase.data import atomic_masses_iupac2016, chemical_symbols

    numbers = {symbol: z for z, symbol in enumerate(chemical_symbols[: N_ELEMENTS + 1]) if z > 0}
    return numbers, np.asarray(atomic_masses_iupac2016[: N_ELEMENTS + 1], dtype=np.float64)


def symbols() -> tuple[str, ...]:
    """Return the symbols of the 118 elements in order of atomic number."""
    return tuple(_table()[0])


def is_element(symbol: str) -> bool:
    """Return whether `symbol` is one of the 118 elements or a hydrogen isotope (D, T)."""
    return symbol in _ISOTOPES or symbol in _table()[0]


def atomic_number(symbol: str) -> int:
    """Return the atomic number (1 to 118).

    Raises
    ------
    StructureError
        If the symbol is no element (a dummy species, a vacancy, Z > 118).
    """
    if symbol in _ISOTOPES:
        return _ISOTOPES[symbol][0]
    try:
        return _table()[0][symbol]
    except KeyError:
        raise StructureError(
            f"'{symbol}' is not a chemical element",
            "a site is occupied by a dummy species, a vacancy or something beyond the 118 elements",
            "replace or remove that site; partial occupancy is written with real elements",
        ) from None


def atomic_mass(symbol: str) -> float:
    """Return the standard atomic mass [amu]; raises `StructureError` as `atomic_number` does."""
    if symbol in _ISOTOPES:
        return _ISOTOPES[symbol][1]
    return float(_table()[1][atomic_number(symbol)])


def electronegativity(symbol: str) -> float:
    """Return the Pauling electronegativity; infinity where none is tabulated (sorts last)."""
    value = _PAULING.split()[atomic_number(symbol) - 1]
    return float("inf") if value == "-" else float(value)
