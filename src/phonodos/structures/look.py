"""The format of a text, told by its look."""

import re

from phonodos.errors import StructureError

FORMATS = "CIF, POSCAR, extxyz, JSON of pymatgen or ASE, ASE db, phonopy.yaml"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+|nan)(?:[eE][+-]?\d+)?", re.IGNORECASE)


def format_of(text: str) -> str:
    """Return ``cif``, ``poscar``, ``extxyz``, ``json`` or ``phonopy``.

    Raises
    ------
    StructureError
        If the text looks like none of them.
    """
    start = text.lstrip("\ufeff \t\r\n\f\v")
    lines = text.lstrip("\ufeff").splitlines()
    if start[:1] in ("{", "["):
        return "json"
    words = [line.lstrip()[:5].lower() for line in lines]
    if any(w in ("data_", "_cell") for w in words) and any(re.match(r"_\w", w) for w in words):
        return "cif"
    if any(line.startswith(("unit_cell:", "lattice:")) for line in lines):
        return "phonopy"
    numbers = [_floats(line) for line in lines[1:5]]
    if len(numbers) == 4 and numbers[0] in (1, 3) and all(n >= 3 for n in numbers[1:]):
        return "poscar"
    if len(lines) > 2 and lines[0].strip().isdecimal():
        return "extxyz"
    raise unknown("its contents look like none of the known formats")


def _floats(line: str) -> int:
    """Return how many numbers a line begins with, at most 4."""
    count = 0
    for word in line[:400].split()[:4]:
        if len(word) > 60 or not _NUMBER.fullmatch(word):
            break
        count += 1
    return count


def unknown(reason: str) -> StructureError:
    """Return the error that something is in no known format."""
    return StructureError("is in no format known here", reason, f"give one of: {FORMATS}")
