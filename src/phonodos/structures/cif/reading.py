"""Crystals from CIF text: every block, every site, occupancies kept, nothing guessed."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import is_element
from phonodos.physics.space_group import METRIC_TOLERANCE
from phonodos.structures.cif.contents import (
    Formula,
    check_contents,
    setting_agrees,
    stated_formula,
)
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
FEW_IMAGES = 48  # of a site, up to which all pairs are looked at
MOST_PARTS = 12  # elements of a mixture written as a type

_CELL = (
    *(f"_cell_length_{axis}" for axis in "abc"),
    *(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")),
)
_COORDS = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_CARTESIAN = ("_atom_site_cartn_x", "_atom_site_cartn_y", "_atom_site_cartn_z")
_TYPE, _OCCUPANCY = "_atom_site_type_symbol", "_atom_site_occupancy"
_MACROMOLECULE = ("_atom_site_group_pdb", "_atom_site_label_comp_id", "_atom_site_auth_comp_id")
# Names of tables of scattering factors: valence form factors of carbon and silicon.
_SCATTERING = re.compile(r"([A-Z][a-z]?)(?:val|va|v)", re.IGNORECASE)
_PART = re.compile(r"\s*(\d*\.?\d+)\s*\*?\s*([A-Z][a-z]?(?:\d*[+-])?)\s*")


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
    block = _with_plain_types(_without_dummies(block))
    _refuse_unsupported(block)
    angles = {key: 90.0 for key in _CELL if "angle" in key and key not in block}
    parameters = [_number(block, key, 0, angles.get(key)) for key in _CELL]
    cell = cell_from_parameters(*parameters)
    formula = stated_formula(block)
    symbols, by_label = _symbols(block, formula)
    coords, notes = _coordinates(block, cell, len(symbols))
    fractions = _column(block, _OCCUPANCY, len(symbols), 1.0)
    candidates = [o for o in operations(block, cell) if o.fit(cell)]
    if not candidates:
        raise StructureError(
            "the cell does not fit the symmetry of the file",
            "a symmetry operation changes the lengths or angles of the cell by more than 1 %",
            "check the cell against the space group and its setting",
        )
    symmetry, sites = _expanded(block, formula, candidates, cell, coords, symbols, fractions)
    places, species, shares = coords, np.array(symbols), fractions
    if len(symmetry.rotations) > 1:
        counts = [len(images) for images in sites]
        places, species = np.concatenate(sites), np.repeat(symbols, counts)
        shares = np.repeat(fractions, counts)
    rows, merged = _merged(symmetry, cell, places, species, shares, len(symbols))
    crystal = shared_sites(cell, places[rows], species[rows].tolist(), shares[rows].tolist(), name)
    listed: dict[str, float] = {}
    for symbol, share in zip(species[rows].tolist(), shares[rows].tolist(), strict=True):
        listed[symbol] = listed.get(symbol, 0.0) + share
    listed = {symbol: amount for symbol, amount in listed.items() if amount > 0.0}
    notes += merged + check_contents(block, formula, crystal, listed)
    if by_label and not formula.amounts:
        notes.append("elements are taken from the labels of the sites; no formula checks them")
    return replace(crystal, notes=(*crystal.notes, *notes)) if notes else crystal


def _expanded(
    block: Block,
    formula: Formula,
    candidates: Sequence[Operations],
    cell: NDArray[np.float64],
    coords: NDArray[np.float64],
    symbols: Sequence[str],
    fractions: NDArray[np.float64],
) -> tuple[Operations, list[NDArray[np.float64]]]:
    """Return the operations that are meant, and the images of every row."""
    expansions = [(o, [_orbit(o, cell, xyz) for xyz in coords]) for o in candidates]
    if len(expansions) > 1:
        shares = fractions.tolist()
        expansions = [
            e for e in expansions if setting_agrees(block, formula, symbols, shares, e[1])
        ]
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


def _with_plain_types(block: Block) -> Block:
    """Return the block with a row an element where a type is a mixture (``0.8Nb + 0.2Zr``)."""
    types = block.get(_TYPE, [])
    mixtures = {t: _mixture(t) for t in set(types) if "+" in t and len(t) > 4}
    if not any(mixtures.values()):
        return block
    parts = [mixtures.get(t) or [(t, 1.0)] for t in types]
    rows = [row for row, found in enumerate(parts) for _ in found]
    spelled = {
        key: [values[row] for row in rows]
        if _is_site_key(key) and len(values) == len(types)
        else values
        for key, values in block.items()
    }
    spelled[_TYPE] = [symbol for found in parts for symbol, _ in found]
    whole = [_number(block, _OCCUPANCY, row, 1.0) for row in range(len(types))]
    shares = [share for found in parts for _, share in found]
    spelled[_OCCUPANCY] = [
        f"{whole[row] * share:.9g}" for row, share in zip(rows, shares, strict=True)
    ]
    return spelled


def _mixture(text: str) -> list[tuple[str, float]]:
    """Return element and share of every part of a mixture; nothing if it is none."""
    parts = [_PART.fullmatch(part) for part in re.split(r"\+(?=\s*[\d.])", text[:200])]
    found = [(m.group(2), float(m.group(1))) for m in parts if m is not None]
    return found if 1 < len(found) == len(parts) <= MOST_PARTS else []


def _refuse_unsupported(block: Block) -> None:
    if block.get("_cell_modulation_dimension", ["0"])[:1] not in ([], ["0"], ["."], ["?"]):
        raise StructureError(
            "modulated structure",
            "an incommensurate crystal has no unit cell that repeats in three dimensions",
            "give a commensurate approximant",
        )
    if any(key in block for key in _MACROMOLECULE):
        raise StructureError(
            "a macromolecule",
            "its water is a liquid and most of its hydrogen has no positions: it is no crystal "
            "whose phonons could be computed",
            "give an inorganic or molecular crystal",
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
            "write 1 for sites that are full, or the fraction of each of its elements"
            if key == _OCCUPANCY
            else "complete the CIF: six cell parameters, and fractional coordinates for every atom",
        ) from None


def _column(
    block: Block, key: str, n_rows: int, default: float | None = None
) -> NDArray[np.float64]:
    """Return the numbers of a column; a missing one is the default, if there is one."""
    texts = block.get(key)
    if texts is None and default is not None:
        return np.full(n_rows, default)
    if texts is not None and len(texts) == n_rows:
        joined = "".join(texts)
        if joined.isascii() and "_" not in joined:
            try:
                return np.array([float(text) for text in texts])
            except ValueError:
                pass  # uncertainties in brackets, dots and question marks
    return np.array([_number(block, key, row, default) for row in range(n_rows)])


def _symbols(block: Block, formula: Formula) -> tuple[list[str], bool]:
    """Return the element of every listed atom, and whether labels had to say it."""
    labels, types = block.get("_atom_site_label", []), block.get(_TYPE, [])
    if types and len(labels) == len(types):
        unknown = [t in ("?", ".") for t in types]
        symbols = [
            label_symbol(label, formula.amounts) if open_ else _type_symbol(t)
            for t, label, open_ in zip(types, labels, unknown, strict=True)
        ]
        return symbols, any(unknown)
    if types:
        return [_type_symbol(t) for t in types], False
    if labels:
        return [label_symbol(label, formula.amounts) for label in labels], True
    raise StructureError(
        "the atoms of the CIF have no elements",
        "neither _atom_site_type_symbol nor _atom_site_label is there",
        "add _atom_site_type_symbol to the table of atoms",
    )


@lru_cache(maxsize=1024)
def _type_symbol(text: str) -> str:
    """Return the element of a type: ``Sr2+``, or ``Cval`` and ``Siva`` of scattering factors."""
    symbol = element_symbol(text)
    match = None if is_element(symbol) else _SCATTERING.fullmatch(text)
    if match and is_element(match.group(1).capitalize()):
        return match.group(1).capitalize()
    return symbol


def _coordinates(
    block: Block, cell: NDArray[np.float64], n_rows: int
) -> tuple[NDArray[np.float64], list[str]]:
    """Return (n, 3) fractional coordinates, and what was assumed about them."""
    cartesian = not any(key in block for key in _COORDS) and _CARTESIAN[0] in block
    keys = _CARTESIAN if cartesian else _COORDS
    coords = np.stack([_column(block, key, n_rows) for key in keys], axis=1)
    if not np.isfinite(coords).all():
        raise StructureError(
            "coordinates are not finite numbers",
            "a NaN or an infinity stands where a number should",
            "check the structure file, or the code that wrote it",
        )
    return _from_cartesian(block, cell, coords) if cartesian else (coords, [])


def _from_cartesian(
    block: Block, cell: NDArray[np.float64], coords: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return fractions of Cartesian coordinates [A], by the stated axes or the usual ones."""
    for kind in ("cartn", "fract"):
        key = f"_atom_sites_{kind}_tran_"
        if f"{key}matrix_11" not in block:
            continue
        matrix = np.array(
            [[_number(block, f"{key}matrix_{i}{j}", 0) for j in (1, 2, 3)] for i in (1, 2, 3)]
        )
        shift = np.array([_number(block, f"{key}vector_{i}", 0, 0.0) for i in (1, 2, 3)])
        # Cartesian = matrix fractional + shift, or the other way round.
        vectors: NDArray[np.float64] = (matrix if kind == "cartn" else _inverse(matrix)).T
        metric = cell @ cell.T
        if np.abs(vectors @ vectors.T - metric).max() > METRIC_TOLERANCE * np.trace(metric):
            raise _strange_axes()
        if kind == "cartn":
            return (coords - shift) @ _inverse(vectors), []
        return coords @ matrix.T + shift, []
    # b in the plane of a and x, as the protein data bank has it: the one usual choice.
    vectors = np.asarray(np.linalg.cholesky(cell @ cell.T), dtype=np.float64)
    right = np.abs(cell - np.diag(np.diag(cell))).max() < 1e-6
    note = "Cartesian coordinates were taken with a along x and b in the xy plane"
    return coords @ _inverse(vectors), [] if right else [note]


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.inv(matrix))
    except np.linalg.LinAlgError:
        raise _strange_axes() from None


def _strange_axes() -> StructureError:
    return StructureError(
        "the Cartesian axes of the file do not fit its cell",
        "the transformation it states (_atom_sites_Cartn_tran_ or _atom_sites_fract_tran_) does "
        "not give the lengths and angles of the cell",
        "give fractional coordinates",
    )


def _orbit(
    symmetry: Operations, cell: NDArray[np.float64], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (m, 3) distinct images of a site."""
    if len(symmetry.rotations) == 1:
        return position[None]
    images = symmetry.rotations @ position + symmetry.translations
    total = len(images)
    found = grouped_images(images, cell) if total <= FEW_IMAGES else None
    sites, sizes = gathered_images(images, cell) if found is None else found
    if len(set(sizes)) > 1:
        shown = ", ".join(f"{x:g}" for x in position)
        raise StructureError(
            f"the site at ({shown}) does not fit the symmetry of the file",
            f"its {total} images fall into groups of {min(sizes)} to {max(sizes)} at one place; "
            "the operations are no group, or the site lies just off a symmetry element",
            "check the symmetry operations and the position, or write all atoms in P1",
        )
    return sites


def grouped_images(
    images: NDArray[np.float64], cell: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[int]] | None:
    """Return the distinct images and how many fall on each, from all pairs at once.

    None where being at one place is not transitive: then the order of gathering decides.
    """
    gaps = images[:, None] - images
    gaps -= np.rint(gaps)
    along = gaps @ cell
    same = np.einsum("ijk,ijk->ij", along, along) < SPECIAL_POSITION**2
    first = same.argmax(axis=1)
    if (same[first] != same).any():
        return None
    rows = np.flatnonzero(first == np.arange(len(images)))
    sizes = same[rows].sum(axis=1)
    offsets = -np.einsum("ij,ijk->ik", same[rows], gaps[rows]) / sizes[:, None]
    return np.mod(images[rows] + offsets, 1.0), sizes.tolist()


def gathered_images(
    images: NDArray[np.float64], cell: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[int]]:
    """Return the same, gathered one place after the other."""
    sites, sizes = [], []
    while len(images):
        gaps = images - images[0]
        gaps -= np.rint(gaps)
        along = gaps @ cell
        same = np.einsum("ij,ij->i", along, along) < SPECIAL_POSITION**2
        # The mean over the images that coincide is the projection onto the special position:
        # 0.3333 becomes a third.
        sizes.append(int(same.sum()))
        sites.append(images[0] + gaps[same].sum(axis=0) / sizes[-1])
        images = images[~same]
    return np.mod(sites, 1.0), sizes
