"""Symmetry operations of a CIF block: written out, or looked up from the name of the group.

Operations that are written out are held against the group the block names: files whose list was
cut short, lost its centring or its identity would else give half of the crystal without a word.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.space_group import IDENTITY, SpaceGroup
from phonodos.structures.cif.group_names import named_settings

LONGEST_OPERATION = 200  # characters
SAME_SHIFT = 0.02  # of the cell; translations closer than this are one (0.33 is a third)
MOST_FACTORS = 192  # operations whose products with all others are looked at; no group has more

_OPERATION_KEYS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = "_space_group_symop_magn_operation_xyz"
_BOTH_MAGNETIC = (_MAGNETIC, "_space_group_symop_magn_centering_xyz")
MOST_OPERATIONS = 4_000  # of a magnetic cell; a list that is cut here is no group
_TERM = re.compile(r"([+-]?)(?:(\d+/\d+|\d*\.\d+|\d+\.?)|([xyz]))")


@dataclass(frozen=True, eq=False)
class Operations(SpaceGroup):
    """The space group of a CIF block; `note` says what was assumed about it, "" for nothing."""

    note: str = ""


def operations(
    block: Mapping[str, Sequence[str]], cell: NDArray[np.float64] | None = None
) -> list[Operations]:
    """Return the operations a CIF block states.

    One entry where the block leaves no choice; several where it names a group that has more
    than one setting or origin, to be decided by the cell and the stated contents. A block
    that says nothing about symmetry lists all its atoms (P1). Listed operations that are fewer
    than those of the named group, and among them, are completed from the name, with a note.

    Parameters
    ----------
    block
        Keys and values of the block.
    cell
        (3, 3) lattice vectors [A]; settings of the named group that do not fit it are not meant.

    Raises
    ------
    StructureError
        If an operation or the name of the group cannot be understood, the listed operations are
        neither a group nor part of the named one, or for magnetic and modulated structures.
    """
    name, settings = named_settings(block)
    for key in _OPERATION_KEYS:
        texts = [text for text in block.get(key, ()) if text.strip() not in ("", "?", ".")]
        if texts:
            named = [Operations(s.rotations, s.translations) for s in settings]
            return _held_against(_listed(tuple(texts)), name, named, cell)
    if _MAGNETIC in block:
        return _held_against(_nuclear(block), "", [], cell)
    if any(k.startswith(("_space_group_symop_magn", "_space_group_magn")) for k in block):
        raise StructureError(
            "magnetic symmetry without operations",
            "the magnetic symmetry operations, not listed here, would say how the nuclei repeat",
            "export the structure with ordinary symmetry operations, or in P1",
        )
    if settings:
        return [Operations(s.rotations, s.translations) for s in settings]
    if name:
        raise StructureError(
            f"space group '{name}' is not known",
            "the file gives no symmetry operations, only this name, "
            "and it is none of the 530 tabulated settings",
            "add the symmetry operations to the file, or write all atoms in P1",
        )
    return [_stack([parse_operation("x,y,z")])]


def _nuclear(block: Mapping[str, Sequence[str]]) -> Operations:
    """Return the operations of the nuclei under a magnetic group: time reversal moves none."""
    texts = [[re.sub(r",\s*[+-]?1\s*$", "", t) for t in block.get(k, ())] for k in _BOTH_MAGNETIC]
    moves, centrings = (_stack([parse_operation(t) for t in ts or ["x,y,z"]]) for ts in texts)
    pairs = product(zip(centrings.rotations, centrings.translations, strict=True),
                    zip(moves.rotations, moves.translations, strict=True))  # fmt: skip
    found = [(c @ r, c @ t + s) for (c, s), (r, t) in islice(pairs, MOST_OPERATIONS)]
    return _distinct(_stack(found))


def _held_against(
    listed: Operations,
    name: str,
    named: Sequence[Operations],
    cell: NDArray[np.float64] | None,
) -> list[Operations]:
    """Return the listed operations if they are a group as large as the named one; else see above.

    Settings that do not fit the cell are not meant: rhombohedral axes under the name of a
    hexagonal cell, a primitive cell under the name of the centred one.
    """
    if len(listed.rotations) == 1 and (listed.rotations[0] == IDENTITY).all():
        named = [o for o in named if len(o.rotations) > 1]
        if not named and not listed.translations.any():
            return [listed]
    fitting = [o for o in named if cell is None or o.fit(cell)]
    n, complete = len(listed.rotations), _is_group(listed)
    if complete and all(len(o.rotations) <= n for o in fitting):
        return [listed]
    if complete and any(len(o.rotations) == n and _within(listed, o) for o in fitting):
        return [listed]
    larger = [o for o in fitting if len(o.rotations) >= n and _within(listed, o)]
    if larger:
        total = len(larger[0].rotations)
        note = (
            f"the file lists {n} of the {total} symmetry operations of '{name}', the group it "
            "names; the others were added from the name"
        )
        return [Operations(o.rotations, o.translations, note) for o in larger]
    if complete and not any(len(o.rotations) > n for o in fitting):
        return [listed]
    what = (
        f"the {n} listed are fewer than those of '{name}', and not among them"
        if complete
        else "the identity or products of them are missing from the list"
    )
    raise StructureError(
        "the symmetry operations of the file are not those of its space group",
        f"{what}; atoms would be lost, and which is open",
        "correct the list of operations, or delete it and give the full name of the group with "
        "its setting",
    )


@lru_cache(maxsize=256)
def _listed(texts: tuple[str, ...]) -> Operations:
    """Return the distinct operations (modulo lattice vectors) of a list."""
    return _distinct(_stack([parse_operation(text) for text in texts]))


def _distinct(found: Operations) -> Operations:
    """Return the operations that differ by more than lattice vectors."""
    keep: dict[tuple[int, ...], list[int]] = {}
    for row, rotation in enumerate(_codes(found.rotations).tolist()):
        same = keep.setdefault((rotation,), [])
        gaps = found.translations[same] - found.translations[row]
        if not (np.abs(gaps - np.rint(gaps)) < SAME_SHIFT).all(axis=1).any():
            same.append(row)
    rows = sorted(row for same in keep.values() for row in same)
    return Operations(found.rotations[rows], found.translations[rows])


def _codes(rotations: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return one whole number a rotation (entries -5 to 5 are told apart)."""
    digits = np.rint(rotations).astype(np.int64).reshape(*rotations.shape[:-2], 9) + 5
    return np.asarray(digits @ 11 ** np.arange(9, dtype=np.int64))


def _within(few: Operations, many: Operations) -> bool:
    """Return whether operations are among others, modulo lattice vectors."""
    return bool(_among(_codes(few.rotations), few.translations, many).all())


def _among(
    codes: NDArray[np.int64], shifts: NDArray[np.float64], many: Operations
) -> NDArray[np.bool_]:
    """Return for each operation (m codes, (m, 3) translations) whether it is among `many`."""
    same = codes[:, None] == _codes(many.rotations)[None]
    found = np.zeros(len(codes), dtype=bool)
    rows, columns = np.nonzero(same)
    gaps = shifts[rows] - many.translations[columns]
    near = (np.abs(gaps - np.rint(gaps)) < SAME_SHIFT).all(axis=1)
    found[rows[near]] = True
    return found


@lru_cache(maxsize=256)
def _is_group(found: Operations) -> bool:
    """Return whether the identity is there and the product of any two (modulo lattice)."""
    identity = _among(_codes(np.eye(3)[None]), np.zeros((1, 3)), found)
    if not identity.all():
        return False
    for rotation, shift in zip(
        found.rotations[:MOST_FACTORS], found.translations[:MOST_FACTORS], strict=True
    ):
        codes = _codes(rotation @ found.rotations)
        if not _among(codes, found.translations @ rotation.T + shift, found).all():
            return False
    return True


def parse_operation(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Parse ``-y, x-y, z+1/3`` into a rotation (3, 3) and a translation (3,)."""
    rotation, translation = np.zeros((3, 3)), np.zeros(3)
    parts = text.lower().replace(" ", "").replace("*", "").split(",")
    readable = len(parts) == 3 and len(text) <= LONGEST_OPERATION
    for row, part in enumerate(parts[:3]):
        readable = readable and bool(part) and _TERM.sub("", part) == ""
        for sign, number, axis in _TERM.findall(part) if readable else ():
            value = -1.0 if sign == "-" else 1.0
            if axis:
                rotation[row, "xyz".index(axis)] += value
            elif number.endswith("/0") or "/00" in number:
                readable = False
            else:
                translation[row] += value * float(Fraction(number))
    if not readable or abs(abs(np.linalg.det(rotation)) - 1.0) > 1e-6:
        raise StructureError(
            f"symmetry operation '{text}' cannot be read",
            "an operation is written like -y, x-y, z+1/3",
            "correct the operation in the file, or write all atoms in P1",
        )
    return rotation, translation


def _stack(pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Operations:
    return Operations(np.array([r for r, _ in pairs]), np.array([t for _, t in pairs]))
