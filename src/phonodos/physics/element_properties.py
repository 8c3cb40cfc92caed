"""Tabulated properties of the elements, for networks that must know an element they never saw.

`element_properties.csv` holds them: group, period, Pauling electronegativity, atomic radius [A],
covalent radius [A] (Cordero 2008), first ionisation energy [eV], electron affinity [eV], mean,
highest and lowest common oxidation state, Mendeleev number (Pettifor), and two flags. The values
are those of pymatgen 2026.10 and, for covalent radii, of ASE 3.29; a test compares them.
"""

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from phonodos.physics import elements

N_PROPERTIES = 15
NATURAL = 94  # elements up to plutonium set the scale
UNKNOWN_RADIUS = 1.5  # [A], where no covalent radius is tabulated


@cache
def _columns() -> dict[str, NDArray[np.float64]]:
    text = (files("phonodos.physics") / "element_properties.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    if tuple(row["symbol"] for row in rows) != elements.symbols():
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
    masses = np.array([elements.atomic_mass(symbol) for symbol in elements.symbols()])
    table = np.stack([*_columns().values(), masses, np.log(masses)], axis=1)
    natural = table[:NATURAL]
    scaled = (table - np.nanmean(natural, axis=0)) / np.nanstd(natural, axis=0)
    return np.asarray(np.nan_to_num(scaled, nan=0.0))
