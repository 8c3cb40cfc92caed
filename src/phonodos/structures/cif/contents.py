"""What a CIF block states of its contents (formula, Z, density), held against its atoms.

A file that lost hydrogen, a solvent or symmetry operations still reads well; what it says of
itself elsewhere gives it away.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import atomic_mass, element_of, is_element
from phonodos.structures.cif.grammar import Block
from phonodos.structures.sites import number

FORMULA_TOLERANCE = 0.01  # relative, of the amount of an element; formulas are rounded to that
MIXING_TOLERANCE = 0.05  # of all atoms; analyses and refined occupancies of shared sites differ
TRACE = 0.01  # of all atoms; dopants this rare are in the formula alone, or in the table alone
SETTING_TOLERANCE = 0.05  # relative; settings of a group differ by whole factors
DENSITY_TOLERANCE = 0.06  # relative; stated densities differ from mass over volume by less
SAME_DENSITY = 0.01  # relative; a density this close proves what it was computed from
LARGEST_DENSITY = 100.0  # [g/cm^3]; osmium has 22.6
GRAM_PER_CM3 = 1.66053906660  # amu/A^3 in g/cm^3
LONGEST_FORMULA = 2000  # characters
LARGEST_FORMULA = 1e9  # atoms
DEEPEST_BRACKETS = 4

_AMOUNT = r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?"


@dataclass(frozen=True)
class Formula:
    """A stated formula: text, amount of every element, and how far rounding may have moved it."""

    text: str
    amounts: dict[str, float]
    rounding: dict[str, float]


def stated_formula(block: Block) -> Formula:
    """Return the stated formula; without amounts where there is none or it is not a plain sum."""
    text = "".join(block.get("_chemical_formula_sum", ("",))[:1])
    amounts: dict[str, float] = {}
    rounding: dict[str, float] = {}
    for symbol, digits, times in _parts(text[:LONGEST_FORMULA]):
        if symbol == "":
            return Formula(text, {}, {})
        element = element_of(symbol)
        amounts[element] = amounts.get(element, 0.0) + float(digits or 1.0) * times
        decimals = len(digits.partition(".")[2])
        unit = 0.5 * 10.0**-decimals * times if decimals else 0.0
        rounding[element] = rounding.get(element, 0.0) + unit
    if not sum(amounts.values()) < LARGEST_FORMULA:
        return Formula(text, {}, {})
    return Formula(text, amounts, rounding)


def _parts(formula: str) -> list[tuple[str, str, float]]:
    """Return (symbol, digits of its amount, factor of its brackets); symbol "" for other words.

    ``(Fe.1 Mg.9) (O H)2`` holds Fe.1, Mg.9, and O and H twice. Elements may stand together only
    where capitals tell them apart: FE2 O3 does not hold fluorine.
    """
    unknown = [("", "", 1.0)]
    together = re.search(r"[a-z]", formula) is not None
    found: list[tuple[str, str, float]] = []
    opened: list[int] = []
    for token in re.findall(r"[(\[]|[)\]](?:\d+\.?\d*|\.\d+)?|[^\s()\[\]]+", formula):
        if token in ("(", "["):
            opened.append(len(found))
        elif token[0] in ")]":
            if not opened:
                return unknown
            start, times = opened.pop(), float(token[1:] or 1.0)
            found[start:] = [(s, n, f * times) for s, n, f in found[start:]]
        elif re.fullmatch(f"(?:{_AMOUNT})+", token[:60]) is None:
            return unknown
        else:
            words = re.findall(_AMOUNT, token)
            if len(words) > 1 and not (together or opened):
                return unknown
            if len(words) > 1 and not all(is_element(symbol) for symbol, _ in words):
                return unknown
            found += [(symbol, digits, 1.0) for symbol, digits in words]
        if len(opened) > DEEPEST_BRACKETS:
            return unknown
    return unknown if opened else found


def setting_agrees(
    block: Block,
    formula: Formula,
    symbols: Sequence[str],
    fractions: Sequence[float],
    sites: Sequence[NDArray[np.float64]],
) -> bool:
    """Return whether the number of atoms and site multiplicities are those the file states.

    Parameters
    ----------
    block, formula
        The block and its formula.
    symbols, fractions, sites
        Element, occupancy and (m, 3) images of every listed atom under one setting of the group.
    """
    for key in ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity"):
        stated = block.get(key, [])
        if any(
            s.isascii() and s.isdecimal() and s.lstrip("0") != str(len(n))
            for s, n in zip(stated, sites, strict=False)
        ):
            return False
    units = "".join(block.get("_cell_formula_units_z", ("",))[:1])
    if not formula.amounts or not (units.isascii() and units.isdecimal() and len(units) < 7):
        return True
    found: dict[str, float] = {}
    for symbol, fraction, images in zip(symbols, fractions, sites, strict=True):
        element = element_of(symbol)
        found[element] = found.get(element, 0.0) + fraction * len(images)
    return all(
        abs(found.get(s, 0.0) - int(units) * n) <= SETTING_TOLERANCE * int(units) * n
        for s, n in formula.amounts.items()
    )


def check_contents(
    block: Block, formula: Formula, crystal: Crystal, listed: Mapping[str, float] | None = None
) -> list[str]:
    """Return notes on what the file states of its contents and its atoms are not.

    Amounts are compared element by element, after scaling on the elements that agree; elements that
    share sites are compared by their sum, and loosely one by one. A formula that cannot be meant
    is a note: it lacks elements that the sites have and has none that they lack, or the stated
    density is that of the sites and not that of the formula.

    Parameters
    ----------
    block, formula, crystal
        The block, its formula and the crystal built of it.
    listed
        Number of atoms of every species in the cell as the file lists them, before occupancies
        were scaled or vacancies filled; those of the crystal if None.

    Raises
    ------
    StructureError
        If atoms are missing or too many by the formula.
    """
    notes = _density_note(block, crystal)
    found: dict[str, float] = {}
    for symbol, amount in (crystal.composition if listed is None else listed).items():
        found[element_of(symbol)] = found.get(element_of(symbol), 0.0) + amount
    if not sum(formula.amounts.values()) or _is_multiple(formula, found):
        return notes
    scale, off = _offenders(formula, found, _sharing(crystal))
    if not off:
        return notes
    said = ", ".join(
        f"{s} {formula.amounts.get(s, 0.0):g} by the formula and {found.get(s, 0.0) / scale:.4g} "
        "by the sites"
        for s in off
    )
    stated = formula.text if len(formula.text) < 200 else formula.text[:200] + "..."
    if _is_mistaken(block, formula, found, off, crystal, scale) and not notes:
        return [f"the formula of the file, '{stated}', is not that of its atoms ({said})"]
    raise StructureError(
        f"the atoms do not add up to the formula '{stated}'",
        f"{said}, on the scale of the elements that agree; atoms without positions (often "
        "hydrogen or solvent) or lost symmetry operations do this",
        "complete the table of atoms or the symmetry, or correct _chemical_formula_sum",
    )


def _is_multiple(formula: Formula, found: dict[str, float]) -> bool:
    """Return whether the atoms are exactly so many formulas, as they mostly are."""
    if formula.amounts.keys() != found.keys() or min(formula.amounts.values()) <= 0.0:
        return False
    ratios = [amount / formula.amounts[symbol] for symbol, amount in found.items()]
    return max(ratios) - min(ratios) < 1e-6 * max(ratios)


def _sharing(crystal: Crystal) -> dict[str, str]:
    """Map every element to one that stands for all it shares sites with, directly or not."""
    group: dict[str, str] = {}
    for site in crystal.occupancy:
        kinds = [element_of(s) for s in site]
        for kind in kinds:
            group.setdefault(kind, kind)
        joined = {group[kind] for kind in kinds}
        if len(joined) > 1:
            first = min(joined)
            group = {k: first if g in joined else g for k, g in group.items()}
    return group


def _offenders(
    formula: Formula, found: dict[str, float], sharing: dict[str, str]
) -> tuple[float, list[str]]:
    """Return the number of formulas in the cell and the elements whose amounts are others."""
    names = {s: sharing.get(s, s) for s in (*formula.amounts, *found)}
    stated, slack, held = (
        {g: sum(table.get(s, 0.0) for s, own in names.items() if own == g) for g in names.values()}
        for table in (formula.amounts, formula.rounding, found)
    )

    def apart(group: str, scale: float, doubt: float) -> bool:
        allowed = stated[group] * (FORMULA_TOLERANCE + doubt) + slack[group]
        return abs(held[group] / scale - stated[group]) > allowed

    scale, best = 1.0, (-1, -1.0, 0.0)
    for group in stated:
        if stated[group] > 0.0 and held[group] > 0.0:
            ratio, doubt = held[group] / stated[group], slack[group] / stated[group]
            alike = [g for g in stated if not apart(g, ratio, doubt)]
            score = (len(alike), sum(held[g] for g in alike), -doubt)
            if score > best:
                scale, best = ratio, score
    doubt = -best[2]
    everything, units = sum(found.values()), sum(formula.amounts.values())
    off = []
    for symbol, group in names.items():
        share, actual = (
            formula.amounts.get(symbol, 0.0) / units,
            found.get(symbol, 0.0) / everything,
        )
        alone = share == 0.0 or actual == 0.0
        shared = sum(own == group for own in names.values()) > 1
        mixed = shared and abs(share - actual) > MIXING_TOLERANCE
        missing = alone and not (shared and max(share, actual) < TRACE)
        if apart(group, scale, doubt) or mixed or missing:
            off.append(symbol)
    traces = [
        s
        for s in off
        if found.get(s, 0.0) == 0.0 and formula.amounts[s] < min(1.0, TRACE * units) and s != "H"
    ]
    return scale, [s for s in off if s not in traces]


def _is_mistaken(
    block: Block,
    formula: Formula,
    found: dict[str, float],
    off: Sequence[str],
    crystal: Crystal,
    scale: float,
) -> bool:
    """Return whether a formula that differs is the mistake, not the table of atoms."""
    if "_atom_site_type_symbol" in block:
        surplus = all(s not in formula.amounts for s in off)
        if surplus or not any(s in found for s in formula.amounts):
            return True
    density = _stated_density(block)
    if density is None or not all(is_element(s) for s in formula.amounts):
        return False
    mass = float(crystal.masses.sum())
    meant = scale * sum(atomic_mass(s) * n for s, n in formula.amounts.items())
    by_sites, by_formula = (m / crystal.volume * GRAM_PER_CM3 / density for m in (mass, meant))
    return abs(by_sites - 1.0) <= SAME_DENSITY and abs(by_formula - 1.0) > 2.0 * SAME_DENSITY


def _stated_density(block: Block) -> float | None:
    text = "".join(block.get("_exptl_crystal_density_diffrn", ("",))[:1])
    try:
        stated = number(text.partition("(")[0])
    except ValueError:
        return None
    return stated if 0.0 < stated < LARGEST_DENSITY else None


def _density_note(block: Block, crystal: Crystal) -> list[str]:
    """Return a note where the stated density is not mass over volume: atoms may be missing."""
    stated = _stated_density(block)
    if stated is None:
        return []
    found = float(crystal.masses.sum()) / crystal.volume * GRAM_PER_CM3
    if abs(found / stated - 1.0) <= DENSITY_TOLERANCE:
        return []
    return [
        f"the file states a density of {stated:g} g/cm3, its atoms and cell give {found:.4g}: "
        "atoms may be missing or too many"
    ]
