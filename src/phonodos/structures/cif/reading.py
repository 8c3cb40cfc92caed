"""Crystals from CIF text: every block, every site, occupancies kept, nothing guessed."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of
from phonodos.structures.cif.grammar import Block, parse_blocks
from phonodos.structures.cif.symmetry import Operations, operations
from phonodos.structures.sites import (
    element_symbol,
    label_symbol,
    number,
    repeated_sites,
    shared_sites,
)

SPECIAL_POSITION = 0.1  # [A]; images of one site this close are the site itself
DENSITY_TOLERANCE = 0.06  # relative; stated densities differ from mass over volume by less
LARGEST_DENSITY = 100.0  # [g/cm^3]; osmium has 22.6
GRAM_PER_CM3 = 1.66053906660  # amu/A^3 in g/cm^3
LONGEST_FORMULA = 2000  # characters
DEEPEST_BRACKETS = 4
FORMULA_TOLERANCE = 0.05  # share of an element among the atoms, stated against found

_CELL = (
    *(f"_cell_length_{axis}" for axis in "abc"),
    *(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")),
)
_COORDS = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")


def read_cif(text: str) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
    """Yield the name of every block with atoms and a function (name -> crystal) that builds it.

    Raises
    ------
    StructureError
        If there is no such block or the text breaks the grammar; the functions raise it where
        a block is incomplete, contradicts itself or leaves open what decides the structure.
    """
    blocks = [(name, b) for name, b in parse_blocks(text) if any(map(_is_site_key, b))]
    if not blocks:
        raise StructureError(
            "no crystal structure in the CIF",
            "no data block lists atoms (_atom_site_fract_x and so on)",
            "export the structure again, with its atomic positions",
        )
    for name, block in blocks:
        yield name, partial(build_crystal, block)


def _is_site_key(key: str) -> bool:
    return key.startswith("_atom_site_") and not key.startswith("_atom_site_aniso")


def build_crystal(block: Block, name: str) -> Crystal:
    """Build the crystal of one block.

    The cell is oriented as in pymatgen: c along z, a in the xz plane. Positions stay as written,
    except that a site within 0.1 A of one of its own images is put onto the symmetry element.

    Raises
    ------
    StructureError
        As `read_cif` says.
    """
    block = _without_dummies(block)
    _refuse_unsupported(block)
    cell = cell_from_parameters(
        *(
            _number(block, key, 0, 90.0 if "angle" in key and key not in block else None)
            for key in _CELL
        )
    )
    symbols, fractions, coords = _rows(block)
    candidates = [o for o in operations(block, cell) if o.fit(cell)]
    if not candidates:
        raise StructureError(
            "the cell does not fit the symmetry of the file",
            "a symmetry operation changes the lengths or angles of the cell by more than 1 %",
            "check the cell against the space group and its setting",
        )
    symmetry, sites = _expanded(block, candidates, cell, coords, symbols, fractions)
    counts = [len(images) for images in sites]
    places, species = np.concatenate(sites), np.repeat(symbols, counts)
    shares = np.repeat(fractions, counts)
    rows, notes = _merged(symmetry, cell, places, species, shares, len(symbols))
    crystal = shared_sites(cell, places[rows], species[rows].tolist(), shares[rows].tolist(), name)
    _check_formula(block, crystal)
    notes += _density_note(block, crystal)
    if "_atom_site_type_symbol" not in block and not _formula(block):
        notes.append("elements are taken from the labels of the sites; no formula checks them")
    return replace(crystal, notes=(*crystal.notes, *notes)) if notes else crystal


def _expanded(
    block: Block,
    candidates: Sequence[Operations],
    cell: NDArray[np.float64],
    coords: NDArray[np.float64],
    symbols: Sequence[str],
    fractions: Sequence[float],
) -> tuple[Operations, list[NDArray[np.float64]]]:
    """Return the operations that are meant, and the images of every row."""
    expansions = [(o, [_orbit(o, cell, xyz) for xyz in coords]) for o in candidates]
    if len(expansions) > 1:
        expansions = [e for e in expansions if _agrees(block, symbols, fractions, e[1])]
    if len(expansions) != 1:
        raise StructureError(
            "the space group leaves the origin or the axes open",
            f"the file names a group without its operations, and {len(expansions) or 'none'} of "
            "its settings fit the formula, Z and site multiplicities that the file states",
            "add the symmetry operations to the file, or the setting, as in 'F d -3 m :2'",
        )
    return expansions[0]


def _merged(
    symmetry: Operations,
    cell: NDArray[np.float64],
    places: NDArray[np.float64],
    species: NDArray[np.str_],
    shares: NDArray[np.float64],
    n_listed: int,
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the sites to keep, and notes: full atoms of one element at one place are one atom.

    Programs that pack a cell write atoms on its faces several times, or all images of an atom.
    Where operations were added from the name of the group, the table must have been either an
    asymmetric unit or the whole cell; in between, the name does not belong to the table.
    """
    notes = [symmetry.note] if symmetry.note else []
    twice = repeated_sites(cell, places, species, shares)
    rows = np.flatnonzero(~twice)
    if not twice.any():
        return rows, notes
    if symmetry.note and len(rows) != n_listed:
        raise StructureError(
            "the symmetry operations of the file are not those of its space group",
            f"{symmetry.note}; but that puts {int(twice.sum())} atoms where others are already",
            "correct the list of operations, or the name of the group",
        )
    if symmetry.note:
        return rows, []  # all atoms of the cell are listed; the name only says what they are like
    return rows, [
        f"{int(twice.sum())} of {len(places)} sites repeat an atom of the same element at the same "
        "place (as exports of packed cells do); each was taken once"
    ]


def _density_note(block: Block, crystal: Crystal) -> list[str]:
    """Return a note where the stated density is not mass over volume: atoms may be missing."""
    text = "".join(block.get("_exptl_crystal_density_diffrn", ("",))[:1])
    try:
        stated = number(text.partition("(")[0])
    except ValueError:
        return []
    found = float(crystal.masses.sum()) / crystal.volume * GRAM_PER_CM3
    if not 0.0 < stated < LARGEST_DENSITY or abs(found / stated - 1.0) <= DENSITY_TOLERANCE:
        return []
    return [
        f"the file states a density of {stated:g} g/cm3, its atoms and cell give {found:.4g}: "
        "atoms may be missing or too many"
    ]


def cell_from_parameters(
    a: float, b: float, c: float, alpha: float, beta: float, gamma: float
) -> NDArray[np.float64]:
    """Return the (3, 3) lattice vectors [A] for lengths [A] and angles [degrees]."""
    angles = (alpha, beta, gamma)
    if not (min(a, b, c) > 0.0 and all(0.0 < angle < 180.0 for angle in angles)):
        raise StructureError(
            f"impossible cell: {a:g}, {b:g}, {c:g} A, {alpha:g}, {beta:g}, {gamma:g} degrees",
            "lengths must be positive and angles between 0 and 180 degrees",
            "check the cell parameters in the file",
        )
    ca, cb, cg = (math.cos(math.radians(angle)) for angle in angles)
    sa, sb = math.sin(math.radians(alpha)), math.sin(math.radians(beta))
    cosine = max(-1.0, min(1.0, (ca * cb - cg) / (sa * sb)))
    sine = math.sqrt(1.0 - cosine**2)
    return np.array(
        [[a * sb, 0.0, a * cb], [-b * sa * cosine, b * sa * sine, b * ca], [0.0, 0.0, c]]
    )


def _without_dummies(block: Block) -> Block:
    """Return the block without rows of flag ``dum``: sites whose coordinates mean nothing."""
    flags = block.get("_atom_site_calc_flag", [])
    if "dum" not in flags:
        return block
    keep = [row for row, flag in enumerate(flags) if flag != "dum"]
    return {
        key: [values[row] for row in keep]
        if _is_site_key(key) and len(values) == len(flags)
        else values
        for key, values in block.items()
    }


def _refuse_unsupported(block: Block) -> None:
    if block.get("_cell_modulation_dimension", ["0"])[:1] not in ([], ["0"], ["."], ["?"]):
        raise StructureError(
            "modulated structure",
            "an incommensurate crystal has no unit cell that repeats in three dimensions",
            "give a commensurate approximant",
        )
    key = "_atom_site_attached_hydrogens"
    known = [row for row, text in enumerate(block.get(key, ())) if text != "?"]
    if any(_number(block, key, row, 0.0) for row in known):
        raise StructureError(
            "hydrogen atoms without positions",
            f"{key} says that atoms carry hydrogen which is not in the table of atoms",
            "add the hydrogen positions; without them the vibrations are those of another crystal",
        )


def _number(block: Block, key: str, row: int, default: float | None = None) -> float:
    values = block.get(key, [] if default is None else ["."])
    text = values[row] if row < len(values) else "?"
    if text == "." and default is not None:
        return default
    try:
        return number(text.partition("(")[0])
    except ValueError:
        raise StructureError(
            f"{key} is missing or not a number" + ("" if text == "?" else f" ('{text}')"),
            "the structure is not defined without it",
            "complete the CIF: six cell parameters, and fractional coordinates for every atom",
        ) from None


def _rows(block: Block) -> tuple[list[str], list[float], NDArray[np.float64]]:
    """Return element, occupancy and position of every listed atom."""
    if "_atom_site_type_symbol" in block:
        symbols = [element_symbol(s) for s in block["_atom_site_type_symbol"]]
    else:
        known = _formula(block)
        symbols = [label_symbol(s, known) for s in block.get("_atom_site_label", ())]
    if not symbols:
        raise StructureError(
            "the atoms of the CIF have no elements",
            "neither _atom_site_type_symbol nor _atom_site_label is there",
            "add _atom_site_type_symbol to the table of atoms",
        )
    rows = range(len(symbols))
    coords = np.array([[_number(block, key, row) for key in _COORDS] for row in rows])
    if not np.isfinite(coords).all():
        raise StructureError(
            "coordinates are not finite numbers",
            "a NaN or an infinity stands where a number should",
            "check the structure file, or the code that wrote it",
        )
    if "_atom_site_occupancy" not in block:
        return symbols, [1.0] * len(symbols), coords
    return symbols, [_number(block, "_atom_site_occupancy", row, 1.0) for row in rows], coords


def _orbit(
    symmetry: Operations, cell: NDArray[np.float64], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (m, 3) distinct images of a site."""
    if len(symmetry.rotations) == 1:
        return position[None]
    images = symmetry.rotations @ position + symmetry.translations
    total, sites, sizes = len(images), [], []
    while len(images):
        gaps = images - images[0]
        gaps -= np.rint(gaps)
        same = np.linalg.norm(gaps @ cell, axis=1) < SPECIAL_POSITION
        # The mean over the images that coincide is the projection onto the special position:
        # 0.3333 becomes a third.
        sites.append(np.mod(images[0] + gaps[same].mean(axis=0), 1.0))
        sizes.append(int(same.sum()))
        images = images[~same]
    if len(set(sizes)) > 1:
        shown = ", ".join(f"{x:g}" for x in position)
        raise StructureError(
            f"the site at ({shown}) does not fit the symmetry of the file",
            f"its {total} images fall into groups of {min(sizes)} to {max(sizes)} at one place; "
            "the operations are no group, or the site lies just off a symmetry element",
            "check the symmetry operations and the position, or write all atoms in P1",
        )
    return np.array(sites)


def _agrees(
    block: Block,
    symbols: Sequence[str],
    fractions: Sequence[float],
    sites: Sequence[NDArray[np.float64]],
) -> bool:
    """Return whether the number of atoms and site multiplicities are those the file states."""
    for key in ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity"):
        stated = block.get(key, [])
        if any(
            s.isascii() and s.isdecimal() and s.lstrip("0") != str(len(n))
            for s, n in zip(stated, sites, strict=False)
        ):
            return False
    formula = _formula(block)
    units = "".join(block.get("_cell_formula_units_z", ("",))[:1])
    if not formula or not (units.isascii() and units.isdecimal() and len(units) < 7):
        return True
    found: dict[str, float] = {}
    for symbol, fraction, images in zip(symbols, fractions, sites, strict=True):
        element = _hydrogen(symbol)
        found[element] = found.get(element, 0.0) + fraction * len(images)
    return all(
        abs(found.get(s, 0.0) - int(units) * n) <= FORMULA_TOLERANCE * int(units) * n
        for s, n in formula.items()
    )


def _formula(block: Block) -> dict[str, float]:
    """Return the stated formula; empty where there is none or it is not a plain sum."""
    text = "".join(block.get("_chemical_formula_sum", ("",))[:1])
    amounts: dict[str, float] = {}
    for part in _without_brackets(text[:LONGEST_FORMULA]).split():
        match = re.fullmatch(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", part[:60])
        if match is None:
            return {}
        symbol = _hydrogen(match.group(1))
        amounts[symbol] = amounts.get(symbol, 0.0) + float(match.group(2) or 1.0)
    return amounts


def _without_brackets(formula: str) -> str:
    """Write out brackets: ``(Fe.1 Mg.9) (O H)2`` is ``Fe.1 Mg.9 O2 H2``."""

    def multiplied(match: re.Match[str]) -> str:
        times = float(match.group(2) or 1.0)
        parts = re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", match.group(1))
        return " ".join(f" {s}{float(n or 1.0) * times:.6f} " for s, n in parts)

    text = formula.replace("[", "(").replace("]", ")")
    for _ in range(DEEPEST_BRACKETS):
        text = re.sub(r"\(([A-Za-z0-9.\s]*)\)(\d+\.?\d*|\.\d+)?", multiplied, text)
    return text


def _hydrogen(symbol: str) -> str:
    return element_of(symbol)


def _check_formula(block: Block, crystal: Crystal) -> None:
    """Refuse a crystal that is not what the file says it is: lost hydrogen, lost symmetry."""
    stated = _formula(block)
    found: dict[str, float] = {}
    for symbol, amount in crystal.composition.items():
        found[_hydrogen(symbol)] = found.get(_hydrogen(symbol), 0.0) + amount
    if not stated or not sum(stated.values()):
        return
    for symbol in {**stated, **found}:
        share = stated.get(symbol, 0.0) / sum(stated.values())
        actual = found.get(symbol, 0.0) / crystal.n_atoms
        if abs(share - actual) > FORMULA_TOLERANCE or (share > 0.0) != (actual > 0.0):
            raise StructureError(
                f"the atoms do not add up to the formula '{block['_chemical_formula_sum'][0]}'",
                f"{symbol} is {share:.1%} of the atoms by the formula, {actual:.1%} by the sites; "
                "atoms without positions (often hydrogen) or lost symmetry operations do this",
                "complete the table of atoms or the symmetry, or correct _chemical_formula_sum",
            )
