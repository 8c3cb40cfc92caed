"""The 118 elements: symbols, atomic numbers, standard atomic masses [amu] (IUPAC, from ASE).

`element_properties.csv` holds what networks are told of them, to know an element they never saw:
group, period, Pauling electronegativity, atomic radius [A], covalent radius [A] (Cordero 2008),
first ionisation energy [eV], electron affinity [eV], mean, highest and lowest common oxidation
state, Mendeleev number (Pettifor), and two flags. The values are those of pymatgen 2026.10 and, for
covalent radii, of ASE 3.29; a test compares them.
"""

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError

N_ELEMENTS = 118
N_PROPERTIES = 15
NATURAL = 94  # elements up to plutonium set the scale
UNKNOWN_RADIUS = 1.5  # [A], where no covalent radius is tabulated

# Hydrogen isotopes keep their own symbol and mass and take hydrogen's place among the elements.
_ISOTOPES = {"D": (1, 2.01410177812), "T": (1, 3.01604928199)}


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
    value = float(_columns()["electronegativity"][atomic_number(symbol) - 1])
    return float("inf") if np.isnan(value) else value


@cache
def _columns() -> dict[str, NDArray[np.float64]]:
    text = (files("phonodos.physics") / "element_properties.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    if tuple(row["symbol"] for row in rows) != symbols():
        raise AssertionError("element_properties.csv does not list the 118 elements in order")
    names = [name for name in rows[0] if name != "symbol"]
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def column(name: str) -> NDArray[np.float64]:
    """Return one column of the table for the 118 elements; NaN where nothing is tabulated."""
    return _columns()[name].copy()


def covalent_radii() -> NDArray[np.float64]:
    """Return (118,) covalent radii [A]; 1.5 A where none is tabulated."""
    radii = column("covalent_radius")
    return np.where(np.isnan(radii), UNKNOWN_RADIUS, radii)


def standardised_properties() -> NDArray[np.float64]:
    """Return (118, 15) numbers of order one: all columns, the mass and its logarithm.

    Each column is shifted and scaled to mean 0 and deviation 1 over the elements up to plutonium;
    what is not tabulated becomes 0, the mean.
    """
    masses = np.array([atomic_mass(symbol) for symbol in symbols()])
    table = np.stack([*_columns().values(), masses, np.log(masses)], axis=1)
    natural = table[:NATURAL]
    scaled = (table - np.nanmean(natural, axis=0)) / np.nanstd(natural, axis=0)
    return np.asarray(np.nan_to_num(scaled, nan=0.0))
