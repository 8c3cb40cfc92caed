"""Extended XYZ: frame after frame, each with lattice, elements, positions and perhaps masses."""

import re
from functools import partial
from io import StringIO
from typing import Any

import numpy as np

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.structures.builds import Entries, failed
from phonodos.structures.ids import label_of
from phonodos.structures.objects import crystal_from_atoms
from phonodos.structures.sites import MASS_TOLERANCE, element_symbol, shared_sites

_LAYOUT = (
    'a frame is: number of atoms, a line with Lattice="..." and Properties=..., and a line an atom'
)
_MASSES = ("mass", "masses", "atomic_mass")
_OCCUPANCIES = ("occupancy", "occupancies", "occ")


def read_extxyz(text: str) -> Entries:
    """Yield the frames of an extended XYZ file; a frame's own id is its label if it has one.

    Where frames begin and end is counted here, so that a broken frame costs itself alone.

    Raises
    ------
    StructureError
        At the step where a frame's number of atoms makes no sense: what follows has no place.
    """
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].strip():  # a blank line between frames, or what follows the last one
            at = next((k for k in range(at, len(lines)) if lines[k].strip()), len(lines))
            if at == len(lines) or not lines[at].strip().isdecimal():
                return
        word = lines[at].strip()
        n = int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else -1
        if n < 0 or at + 2 + n > len(lines):
            raise StructureError(
                "not a readable extended XYZ file",
                f"line {at + 1} ('{word[:40]}') should be the number of atoms of a frame, with a "
                "comment and as many lines after it",
                _LAYOUT,
            )
        end = at + 2 + n
        while end < len(lines) and end < at + 5 + n and lines[end].lstrip().startswith("VEC"):
            end += 1
        frame = lines[at:end]
        at = end
        yield from _frame(frame, n)


def _frame(frame: list[str], n_atoms: int) -> Entries:
    from ase.io.extxyz import read_xyz

    try:
        _check_columns(frame)
        kinds = _plain_elements(frame, n_atoms)
        atoms = next(read_xyz(StringIO("\n".join(frame) + "\n"), index=0))
        _check_numbers(atoms, kinds)
    # ASE reports broken text with whatever Python raised where it happened.
    except Exception as error:
        wrong = error if isinstance(error, StructureError) else StructureError(
            "not a readable extended XYZ frame", f"{type(error).__name__}: {error}", _LAYOUT
        )  # fmt: skip
        yield "", partial(failed, wrong)
        return
    yield label_of(atoms.info), partial(_build, atoms, kinds)


def _check_mass(atom: int, species: str, mass: float) -> None:
    """Refuse a mass [amu] that is not that of the isotope the species names."""
    if elements.element_of(species) == species or not elements.is_element(species):
        return
    named = elements.atomic_mass(species)
    if not abs(mass - named) <= MASS_TOLERANCE * named:
        raise StructureError(
            f"atom {atom + 1} is {species} by its name and has a mass of {mass:g} amu",
            f"{species} has {named:g} amu",
            "correct the name or the mass",
        )


def _check_columns(frame: list[str]) -> None:
    """Refuse what would make ASE reserve columns that no line has, or read numbers as Python."""
    words = len(frame[2].split()) if len(frame) > 2 else 0
    widths = [width for _, _, width in _columns(frame)]
    if any(not w.isdecimal() or len(w) > 6 for w in widths) or sum(map(int, widths)) > max(
        words, 1
    ):
        raise StructureError(
            "Properties that do not fit the columns",
            f"they stand for {'+'.join(w[:12] for w in widths)} columns, and there are {words}",
            "write Properties=species:S:1:pos:R:3 with the columns that are there",
        )
    if any("_" in word for line in frame[2:] for word in line.split()[1:4]):
        raise StructureError(
            "a coordinate that is no number", "an underscore stands in it", "write plain numbers"
        )


def _columns(frame: list[str]) -> list[tuple[str, str, str]]:
    """Return name, kind and width of the columns, as text."""
    found = re.search(r"Properties=\"?([^\s\"]*)", frame[1], re.IGNORECASE)
    parts = found.group(1).split(":") if found else []
    return list(zip(parts[::3], parts[1::3], parts[2::3], strict=False))


def _plain_elements(frame: list[str], n_atoms: int) -> dict[int, str]:
    """Put elements that ASE knows in the place of ``D``, ``7Li``, ``Li1``, ``Na+``.

    Returns
    -------
    Species of the atoms that are named, by their number.
    """
    column = 0
    for name, _, width in _columns(frame):
        if name.lower() in ("species", "symbols", "element", "elements"):
            break
        column += int(width)
    else:
        column = 0
    kinds: dict[int, str] = {}
    known: dict[str, str] = {}
    for atom, line in enumerate(frame[2 : 2 + n_atoms]):
        words = line.split()
        word = words[column] if column < len(words) else ""
        if not re.search(r"[A-Za-z]", word):
            continue  # an atomic number
        if word not in known:
            found = element_symbol(word)
            plain = found if elements.is_element(found) else element_symbol(word.split("_")[0])
            known[word] = plain if elements.is_element(plain) else word
        symbol = known[word]
        if symbol != word or elements.element_of(symbol) != symbol:
            words[column] = elements.element_of(symbol)
            frame[2 + atom] = " ".join(words)
        kinds[atom] = symbol
    return kinds


def _check_numbers(atoms: Any, kinds: dict[int, str]) -> None:
    """Refuse atomic numbers in a column of their own that are not those of the species."""
    for atom, symbol in enumerate(atoms.symbols):
        named = kinds.get(atom, symbol)
        if elements.is_element(named) and elements.element_of(named) != symbol:
            raise StructureError(
                f"atom {atom + 1} is {named} by its name and {symbol} by its atomic number",
                "the columns of species and of atomic numbers contradict each other",
                "correct or leave out the column of atomic numbers",
            )


def _build(atoms: Any, kinds: dict[int, str], name: str) -> Crystal:
    arrays = atoms.arrays
    masses = next((arrays[key] for key in _MASSES if key in arrays), None)
    if masses is not None:
        if np.shape(masses) != (len(atoms),):
            raise StructureError(
                "masses that are not one number an atom",
                f"their column has the shape {np.shape(masses)}",
                "write masses:R:1 among the Properties",
            )
        atoms.set_masses(masses)
    species = [kinds.get(atom, symbol) for atom, symbol in enumerate(atoms.symbols)]
    if masses is not None:
        for atom, symbol in enumerate(species):
            _check_mass(atom, symbol, float(masses[atom]))
    crystal = crystal_from_atoms(atoms, name, species=species)
    shares = next((arrays[key] for key in _OCCUPANCIES if key in arrays), None)
    if shares is None or not crystal.is_ordered:
        return crystal
    return shared_sites(
        crystal.cell, crystal.frac_coords, crystal.symbols, np.asarray(shares).tolist(), name
    )
