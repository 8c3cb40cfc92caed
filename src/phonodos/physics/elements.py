"""The 118 elements and their isotopes: symbols, atomic numbers, masses [amu] (IUPAC, from ASE).

A species is an element (``O``), one of hydrogen's isotopes that have symbols of their own (``D``,
``T``), or an element with a mass of its own in brackets (``O[17.999]``). Isotopes take the place
of their element in everything but the mass.

`element_properties.csv` holds what networks are told of them, to know an element they never saw:
group, period, Pauling electronegativity, atomic radius [A], covalent radius [A] (Cordero 2008),
first ionisation energy [eV], electron affinity [eV], mean, highest and lowest common oxidation
state, Mendeleev number (Pettifor), and two flags. The values are those of pymatgen 2026.10 and, for
covalent radii, of ASE 3.29; a test compares them.
"""

import csv
import re
from functools import cache, lru_cache
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

_WITH_MASS = re.compile(r"([A-Z][a-z]?)\[(\d{1,3}(?:\.\d{1,6})?)\]")


@cache
def _table() -> tuple[dict[str, int], NDArray[np.float64]]:
    from ase.data import atomic_masses_iupac2016, chemical_symbols

    numbers = {symbol: z for z, symbol in enumerate(chemical_symbols[: N_ELEMENTS + 1]) if z > 0}
    return numbers, np.asarray(atomic_masses_iupac2016[: N_ELEMENTS + 1], dtype=np.float64)


def symbols() -> tuple[str, ...]:
    """Return the symbols of the 118 elements in order of atomic number."""
    return tuple(_table()[0])


def is_element(species: str) -> bool:
    """Return whether a species is one of the 118 elements or an isotope of one."""
    return element_of(species) in _table()[0]


@lru_cache(maxsize=4096)
def element_of(species: str) -> str:
    """Return the element of a species: H for D, O for ``O[17.999]``; else the text itself."""
    if species in _ISOTOPES:
        return "H"
    match = _WITH_MASS.fullmatch(species)
    return match.group(1) if match else species


def with_mass(element: str, mass: float) -> str:
    """Return the species of an element with a mass [amu].

    D and T where the mass is theirs. Nothing is rounded to the standard mass here.

    Raises
    ------
    StructureError
        If no isotope of the element has such a mass.
    """
    element = element_of(element)
    low, high = isotope_range(element)
    if not low - 1.0 <= mass <= high + 1.0:
        raise StructureError(
            f"an atom of {element} has a mass of {mass:g} amu",
            f"isotopes of {element} weigh {low:.3f} to {high:.3f} amu",
            "give the mass in amu, or set the masses of the atoms back to the standard ones",
        )
    for symbol, (_, own) in _ISOTOPES.items():
        if element == "H" and abs(mass - own) < 0.01:
            return symbol
    return f"{element}[{mass:.6f}".rstrip("0").rstrip(".") + "]"


@cache
def isotope_masses(element: str) -> tuple[float, ...]:
    """Return the masses of the known isotopes of an element [amu], ascending."""
    import periodictable

    found = getattr(periodictable, element)
    return tuple(float(found[number].mass) for number in found.isotopes)


@cache
def isotope_mass(element: str, mass_number: int) -> float | None:
    """Return the mass of an isotope [amu], None if none of this mass number is known."""
    import periodictable

    found = getattr(periodictable, element)
    return float(found[mass_number].mass) if mass_number in found.isotopes else None


@cache
def is_natural(element: str) -> bool:
    """Return whether an element occurs in nature, so that its standard mass is a measured one."""
    import periodictable

    found = getattr(periodictable, element)
    # It states no abundances of uranium, which has them (IUPAC: 99.27 % of 238U).
    return element == "U" or any(found[number].abundance > 0.0 for number in found.isotopes)


def isotope_range(element: str) -> tuple[float, float]:
    """Return the smallest and the largest mass of the isotopes of an element [amu]."""
    masses = (*isotope_masses(element), atomic_mass(element))
    return min(masses), max(masses)


def atomic_number(species: str) -> int:
    """Return the atomic number (1 to 118).

    Raises
    ------
    StructureError
        If the species is no element (a dummy species, a vacancy, Z > 118).
    """
    try:
        return _table()[0][element_of(species)]
    except KeyError:
        raise StructureError(
            f"'{species}' is not a chemical element",
            "a site is occupied by a dummy species, a vacancy or something beyond the 118 elements",
            "write the symbol of the element; partial occupancy is written with real elements",
        ) from None


def atomic_mass(species: str) -> float:
    """Return the mass of an isotope, else the standard atomic mass [amu].

    Raises
    ------
    StructureError
        As `atomic_number` does.
    """
    if species in _ISOTOPES:
        return _ISOTOPES[species][1]
    match = _WITH_MASS.fullmatch(species)
    return float(match.group(2)) if match else float(_table()[1][atomic_number(species)])


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=4096)
def covalent_radius(species: str) -> float:
    """Return one of `covalent_radii` [A].

    Raises
    ------
    StructureError
        As `atomic_number` does.
    """
    return float(covalent_radii()[atomic_number(species) - 1])


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
