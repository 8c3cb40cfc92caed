"""Sites as files write them: element symbols with decorations, shared sites, isotopes by mass."""

import re
from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import OCCUPANCY_TOLERANCE, Crystal
from phonodos.physics.lattice_vectors import volume_and_heights
from phonodos.structures.occupancies import occupied

SAME_PLACE = 0.05  # [A]; atoms that share a site are written at the same place up to rounding
FILLED_TWICE = 1.5  # sum of occupancies at one place from which on rows are repeated
FEW_SITES = 600  # up to which all pairs are looked at
MOST_REPEATS = 60  # times that an atom is listed; packed cells list one at a corner 8 times
MASS_TOLERANCE = 0.005  # relative; tables of standard masses differ by up to half a percent
LOOSE_TOLERANCE = 0.02  # relative; for elements without stable isotopes tables disagree
SAME_MASS = 0.001  # relative; below it a mass is the standard one whatever isotope is near
ISOTOPE_TOLERANCE = 1e-4  # relative; how well the mass of an isotope is given

_HYDROXYL = re.compile(r"O-H|O\(H", re.IGNORECASE)
_WATER = re.compile(r"(?:O-?H|OW|H2O|WAT)\w*|W\d+\w*|HO\d+\w*|[Ww]at.*|O[hw]\d*")
_SITE_LETTER = re.compile(r"([A-Z][a-z]?)[A-Z]\d*(?![A-Za-z])")  # MgM1, AlT, OA
_MASS_NUMBER = re.compile(r"(\d{1,3})([A-Z][a-z]?)(?:\d{0,2}\.?\d*[+-]|[+-]\d{0,2})?")
_NAMED_ISOTOPE = re.compile(r"([A-Z][a-z]?)-(\d{1,3})")  # B-10, Li-7; O-2 is a charge
HIGHEST_CHARGE = 4  # of anions; larger numbers behind a minus are those of isotopes
# Names in tables of X-ray scattering factors (International Tables C, 6.1.1).
_SCATTERING = {"Cval": "C", "Siva": "Si", "Sival": "Si", "Siv": "Si", "Hiso": "H"}
_DECORATED = re.compile(r"([A-Za-z]+)(?:\d*\.?\d*[+-]|[+-]\d*\.?\d*)?\d*")


def number(text: str) -> float:
    """Return the number a file writes, `ValueError` if it is none.

    Python reads ``1_000`` and digits of other scripts too, which no structure file writes.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"could not convert string to float: '{text[:40]}'")
    return float(text)


def element_symbol(text: str) -> str:
    """Return the element in ``Sr2+``, ``O-2``, ``FE``, ``Cl1``; the text itself if there is none.

    Names of scattering factors (``Cval``) are those of their element, and ``10B`` or ``B-10`` is
    the isotope. A text that names no element (Vac, OH, X) is returned as it is, for `Crystal` to
    refuse.
    """
    word = text.strip()[:40]
    named = _MASS_NUMBER.fullmatch(word)
    behind = _NAMED_ISOTOPE.fullmatch(word)
    if named:
        return _isotope_of(named.group(2), int(named.group(1))) or text
    if behind and int(behind.group(2)) > HIGHEST_CHARGE:
        return _isotope_of(behind.group(1), int(behind.group(2))) or text
    match = _DECORATED.fullmatch(word)
    symbol = match.group(1).capitalize() if match else text
    symbol = _SCATTERING.get(symbol, symbol)
    return symbol if elements.is_element(symbol) else text


def _isotope_of(element: str, mass_number: int) -> str:
    """Return the species of an isotope, "" if none is known."""
    if element not in elements.symbols():
        return ""
    mass = elements.isotope_mass(element, mass_number)
    if mass is None:
        return ""
    standard = elements.atomic_mass(element)
    same = abs(mass - standard) <= SAME_MASS * standard
    return element if same else elements.with_mass(element, mass)


def label_symbol(label: str, known: Container[str] = ()) -> str:
    """Return the element at the start of a site label (``Sr1``, ``O1A``, ``MgM1``).

    Parameters
    ----------
    label
        The label; a text that names no element is returned as it is.
    known
        Elements of the stated formula: the longest start of the label among them is meant.

    Raises
    ------
    StructureError
        If the label may stand for hydroxyl or water (``O-H``, ``OH1``, ``W1``, ``HO1``, ``Wat``)
        and no formula decides.
    """
    text = label.strip()
    match = re.match(r"[A-Za-z]+", text)
    letters = match.group(0) if match else ""
    hydrous = _HYDROXYL.match(text) is not None
    if not hydrous:
        for length in (2, 1):
            if (symbol := letters[:length].capitalize()) in known and len(symbol) == length:
                return symbol
    if hydrous or _WATER.fullmatch(text):
        raise StructureError(
            f"label '{label[:20]}' may stand for hydroxyl or water",
            "elements are taken from the labels, and this one may mean oxygen with hydrogen whose "
            "positions are not listed",
            "add _atom_site_type_symbol with the element of every row, and rows for the hydrogen "
            "atoms; do not delete the site",
        )
    if elements.is_element(letters.capitalize()):
        return letters.capitalize()
    lettered = _SITE_LETTER.match(text)
    return lettered.group(1) if lettered and elements.is_element(lettered.group(1)) else label


def isotope(symbol: str, mass: float) -> str:
    """Return the species of an atom with a given mass [amu].

    A mass within half a percent of the standard one is that of another table of standard masses,
    unless it is that of an isotope to four digits (28Si is 0.4 % lighter than silicon).

    Raises
    ------
    StructureError
        If no isotope of the element has such a mass.
    """
    if not elements.is_element(symbol):
        return symbol
    element = elements.element_of(symbol)
    standard = elements.atomic_mass(element)
    off = abs(mass - standard) / standard
    exact = any(abs(mass - m) < ISOTOPE_TOLERANCE * m for m in elements.isotope_masses(element))
    if not elements.is_natural(element):
        exact, off = False, off * MASS_TOLERANCE / LOOSE_TOLERANCE
    if off <= SAME_MASS or (off <= MASS_TOLERANCE and not exact):
        return element
    return elements.with_mass(element, mass)


def scaled(cell: NDArray[np.float64], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractional coordinates; of a cell without volume, which `Crystal` refuses, any."""
    try:
        with np.errstate(all="ignore"):
            if np.isfinite(cell).all() and abs(np.linalg.det(cell)) >= 1e-9:
                return np.asarray(np.linalg.solve(cell.T, positions.T).T)
    except np.linalg.LinAlgError:
        pass
    return positions


def shared_sites(
    cell: ArrayLike,
    frac_coords: ArrayLike,
    symbols: Sequence[str],
    fractions: Sequence[float],
    name: str,
) -> Crystal:
    """Build a crystal from one row an element and place; rows at the same place share a site.

    Two full atoms at one place are left as they are, for the overlap check to refuse; rows of
    fraction 0 hold no atom and are left out.

    Parameters
    ----------
    cell, frac_coords, symbols, fractions
        (3, 3) lattice vectors [A], and for each row position, element and occupancy.
    name
        Name of the crystal.

    Raises
    ------
    StructureError
        As `Crystal` does: fractions of a site that do not sum to 1, among others.
    """
    lattice = np.asarray(cell, dtype=np.float64)
    coords = np.asarray(frac_coords, dtype=np.float64)
    if lattice.shape != (3, 3) or coords.shape != (len(symbols), 3):
        raise StructureError(
            f"{len(symbols)} sites with coordinates of shape {coords.shape}",
            "a lattice has three vectors of three numbers, and every site three coordinates",
            "check the structure file for missing or surplus numbers",
        )
    full = [abs(f - 1.0) <= OCCUPANCY_TOLERANCE for f in fractions]
    places: list[int] = []
    sites: list[dict[str, float]] = []
    for row, (symbol, fraction) in enumerate(zip(symbols, fractions, strict=True)):
        if fraction == 0.0:
            continue
        host = -1 if all(full) else _host(lattice, coords, places, row, full)
        if host < 0:
            places.append(row)
            sites.append({symbol: fraction})
        else:
            sites[host][symbol] = sites[host].get(symbol, 0.0) + fraction
    return occupied(lattice, coords[places], sites, name)


def repeated_sites(
    cell: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    symbols: NDArray[np.str_],
    fractions: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return (n,) whether a row repeats an earlier one: element, place and occupancy.

    Partial ones only where the place would be filled twice without: two rows of half an iron atom
    may be its two valences.

    Parameters
    ----------
    cell, frac_coords, symbols, fractions
        (3, 3) lattice vectors [A], and for each of n rows position, element and occupancy.
    """
    twice = np.zeros(len(symbols), dtype=bool)
    if len(symbols) < 2 or not np.isfinite(frac_coords).all():
        return twice
    pairs = _near_pairs(frac_coords, cell)
    if not len(pairs):
        return twice
    gaps = frac_coords[pairs[:, 0]] - frac_coords[pairs[:, 1]]
    pairs = pairs[np.linalg.norm((gaps - np.rint(gaps)) @ cell, axis=1) < SAME_PLACE]
    totals = fractions.copy()
    np.add.at(totals, pairs[:, 0], fractions[pairs[:, 1]])
    np.add.at(totals, pairs[:, 1], fractions[pairs[:, 0]])
    alike = symbols[pairs[:, 0]] == symbols[pairs[:, 1]]
    alike &= np.abs(np.subtract(*fractions[pairs].T)) <= OCCUPANCY_TOLERANCE
    pairs = pairs[alike & (totals[pairs] > FILLED_TWICE).all(axis=1)]
    twice[pairs.max(axis=1)] = True
    return twice


def _near_pairs(frac_coords: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (p, 2) pairs of rows that may be at one place; none in cells without volume."""
    none = np.zeros((0, 2), dtype=np.int64)
    height = min(volume_and_heights(cell)[1])
    if not height > 0.0:
        return none
    reach = min(SAME_PLACE / height, 0.49)
    if len(frac_coords) <= FEW_SITES:
        gaps = frac_coords[:, 0, None] - frac_coords[:, 0]
        first, second = np.nonzero(np.abs(gaps - np.rint(gaps)) <= reach)
        later = first < second
        first, second = first[later], second[later]
        for axis in (1, 2):
            gaps = frac_coords[first, axis] - frac_coords[second, axis]
            near = np.abs(gaps - np.rint(gaps)) <= reach
            first, second = first[near], second[near]
        return np.stack([first, second], axis=1)
    from scipy.spatial import cKDTree

    wrapped = np.mod(np.mod(frac_coords, 1.0), 1.0)  # -1e-17 becomes 1 at first
    tree = cKDTree(wrapped, boxsize=1.0)
    if tree.count_neighbors(tree, reach, p=np.inf) > MOST_REPEATS * len(frac_coords):
        return none  # no crystal, or a cell so skewed that near means nothing in fractions
    return np.asarray(tree.query_pairs(reach, p=np.inf, output_type="ndarray"))


def _host(
    cell: NDArray[np.float64],
    coords: NDArray[np.float64],
    places: list[int],
    row: int,
    full: list[bool],
) -> int:
    """Return the site at the place of a row that may share with it, -1 if there is none."""
    gaps = coords[places] - coords[row]
    distances = np.linalg.norm((gaps - np.rint(gaps)) @ cell, axis=1)
    for site in np.flatnonzero(distances < SAME_PLACE):
        if not (full[row] and full[places[site]]):
            return int(site)
    return -1


def crystal_of_species(
    cell: ArrayLike,
    frac_coords: ArrayLike,
    species: Sequence[Mapping[str, float]],
    name: str,
) -> Crystal:
    """Build a crystal from decorated species (``Sr2+``) -> fraction mappings, one a site."""
    sites: list[dict[str, float]] = []
    for mapping in species:
        site: dict[str, float] = {}
        for decorated, fraction in mapping.items():
            symbol = element_symbol(decorated)
            site[symbol] = site.get(symbol, 0.0) + float(fraction)
        sites.append(site)
    coords = np.asarray(frac_coords, dtype=np.float64)
    return occupied(np.asarray(cell, dtype=np.float64), coords, sites, name)
