"""Symmetry operations of a CIF block: written out, or looked up from the name of the group."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError

LONGEST_OPERATION = 200  # characters
METRIC_TOLERANCE = 0.01  # relative; a cell that an operation deforms by more does not fit the group

_OPERATION_KEYS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL_KEYS = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAME_KEYS = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
_NUMBER_KEYS = ("_space_group_it_number", "_symmetry_int_tables_number")
_TERM = re.compile(r"([+-]?)(?:(\d+/\d+|\d*\.\d+|\d+\.?)|([xyz]))")


@dataclass(frozen=True, eq=False)
class Operations:
    """(m, 3, 3) rotations and (m, 3) translations on fractional coordinates: x' = R x + t."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    def fit(self, cell: NDArray[np.float64]) -> bool:
        """Return whether every rotation leaves the lengths and angles of the cell as they are."""
        metric = cell @ cell.T
        rotated = np.einsum("mji,jk,mkl->mil", self.rotations, metric, self.rotations)
        return bool(np.abs(rotated - metric).max() <= METRIC_TOLERANCE * np.trace(metric))


def operations(block: Mapping[str, Sequence[str]]) -> list[Operations]:
    """Return the operations a CIF block states.

    One entry where the block leaves no choice; several where it names a group that has more
    than one setting or origin, to be decided by the cell and the stated contents. A block
    that says nothing about symmetry lists all its atoms (P1).

    Raises
    ------
    StructureError
        If an operation or the name of the group cannot be understood, or for magnetic and
        modulated structures.
    """
    for key in _OPERATION_KEYS:
        if key in block:
            return [_stack([parse_operation(text) for text in block[key]])]
    if any(k.startswith(("_space_group_symop_magn", "_space_group_magn")) for k in block):
        raise StructureError(
            "magnetic symmetry operations only",
            "a magnetic space group does not say by itself how the nuclei repeat",
            "export the structure with ordinary symmetry operations, or in P1",
        )
    halls = _hall_numbers(block)
    if halls is None:
        return [_stack([parse_operation("x,y,z")])]
    return [_from_database(hall) for hall in halls]


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


def _from_database(hall: int) -> Operations:
    import spglib

    with warnings.catch_warnings():  # spglib speaks of its own ways to report errors
        warnings.simplefilter("ignore", DeprecationWarning)
        database = spglib.get_symmetry_from_database(hall)
    return Operations(database["rotations"].astype(np.float64), database["translations"])


def _hall_numbers(block: Mapping[str, Sequence[str]]) -> list[int] | None:
    """Return the settings of the group that is named; None if none is, or P1."""
    for keys in (_HALL_KEYS, _NAME_KEYS, _NUMBER_KEYS):
        for key in keys:
            name = "".join(block.get(key, ("",))[:1]).strip()
            if name in ("", "?", "."):
                continue
            found = _settings().get(_plain(name), ())
            if not found:
                raise StructureError(
                    f"space group '{name}' is not known",
                    "the file gives no symmetry operations, only this name, "
                    "and it is none of the 530 tabulated settings",
                    "add the symmetry operations to the file, or write all atoms in P1",
                )
            return list(found)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\s_'\"()]", "", name).lower()


@cache
def _settings() -> dict[str, tuple[int, ...]]:
    """Map every way to name a group, blanks and underscores left out, to spglib's Hall numbers."""
    import spglib

    table: dict[str, list[int]] = {}
    standard: dict[int, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kinds = [spglib.get_spacegroup_type(hall) for hall in range(1, 531)]
    for hall, kind in enumerate(kinds, start=1):
        first = standard.setdefault(kind.number, hall)
        # Without a word on the setting the standard one is meant; origins and axes are a choice.
        plain = hall == first or kind.choice in ("1", "2", "H", "R")
        names = {_plain(n) for n in _names(kind.international, kind.choice)}
        names |= {_plain(kind.international_full)}
        if plain:
            names |= {_plain(kind.international_short), str(kind.number)}
        if kind.number >= 195:
            names |= {n.replace("-3", "3") for n in names}  # Fm3m, as written before 1983
        names |= {f"{n}:{kind.choice.lower()}" for n in names if kind.choice}
        for name in {*names, _plain(kind.hall_symbol)}:
            table.setdefault(name, []).append(hall)
    return {name: tuple(halls) for name, halls in table.items()}


def _names(international: str, choice: str) -> Iterator[str]:
    """Yield ``P 1 21/n 1`` and its short form ``P 21/n`` (only for the usual unique axis b)."""
    full = international.rsplit("=", 1)[-1].strip()
    yield full
    if choice.startswith("b"):
        yield re.sub(r"\s1(?=\s|$)", "", full)
