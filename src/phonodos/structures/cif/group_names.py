"""Names of space groups as files write them, and the settings (Hall numbers of spglib) they mean.

Hermann-Mauguin names, Hall symbols and numbers are looked up apart: ``C 2`` is one group as a name
and another one as a Hall symbol. Names from before 1992 (``C m c a``, today ``C m c e``) come from
International Tables A, 1983.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

_HALL_KEYS = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAME_KEYS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m_full",
)
_NUMBER_KEYS = ("_space_group_it_number", "_symmetry_int_tables_number")

# First Hall number of each group with an e in its name, and the old names of its settings.
_BEFORE_1992 = (
    (191, 1, "Abm2 Bma2 B2cm C2mb Cm2a Ac2m"),
    (203, 1, "Aba2 Bba2 B2cb C2cb Cc2a Ac2a"),
    (304, 1, "Cmca Ccmb Abma Acam Bbcm Bmab"),
    (316, 1, "Cmma Cmmb Abmm Acmm Bmcm Bmam"),
    (322, 2, "Ccca Cccb Abaa Acaa Bbcb Bbab"),  # two origins each
)
_CENTRINGS = {
    "a": ((0, 0, 0), (0, 0.5, 0.5)),
    "b": ((0, 0, 0), (0.5, 0, 0.5)),
    "c": ((0, 0, 0), (0.5, 0.5, 0)),
    "i": ((0, 0, 0), (0.5, 0.5, 0.5)),
    "f": ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """(m, 3, 3) rotations and (m, 3) translations of one setting of a space group."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]


def named_settings(block: Mapping[str, Sequence[str]]) -> tuple[str, list[Setting]]:
    """Return the name of the group in a CIF block and the settings it may stand for.

    The Hall symbol decides, then the Hermann-Mauguin name, then the number; what is not known
    leaves it to the next. Without settings, the name is one that nobody knows, or "".
    """
    unknown = ""
    for keys, lookup in (
        (_HALL_KEYS, _by_hall),
        (_NAME_KEYS, _by_name),
        (_NUMBER_KEYS, _by_number),
    ):
        for key in keys:
            name = "".join(block.get(key, ("",))[:1]).strip()
            if name in ("", "?", "."):
                continue
            if found := lookup(name[:80]):
                return name, found
            unknown = unknown or name
    return unknown, []


def _by_hall(name: str) -> list[Setting]:
    symbol = _plain_hall(name.replace("''", '"').replace("=", '"'))
    return [_from_database(hall) for hall in _tables()[1].get(symbol, ())]


def _by_number(name: str) -> list[Setting]:
    return [_from_database(hall) for hall in _tables()[2].get(name.strip("'\" "), ())]


def _by_name(name: str) -> list[Setting]:
    names, symbol = _tables()[0], _plain(name)
    # R -3 c RS, F d -3 m Z: data bases write the axes and the origin behind the name.
    shorter = re.sub(r":?(rs|hr|h|r|hex|rho)$", "", symbol) if symbol.startswith("r") else symbol
    origin = re.sub(r":?([sz])$", lambda m: ":1" if m[1] == "s" else ":2", symbol)
    for key in (symbol, origin, shorter):
        if key in names:
            # B 2 is B 1 1 2 to old files and B 1 2 1 to others: the cell tells.
            other = _centred(key) if key in ("b2", "bm", "b2/m") else []
            return [_from_database(hall) for hall in names[key]] + other
    return _centred(symbol)


def _centred(symbol: str) -> list[Setting]:
    """Return a group like A -1 or F 4/m m m: that of the primitive name, and a centring.

    Only without screw axes and glide planes, where the origin is the same for both.
    """
    found = _tables()[0].get("p" + symbol[1:], ())
    if symbol[:1] not in _CENTRINGS or len(found) != 1:
        return []
    plain = _from_database(found[0])
    if np.abs(plain.translations).max() > 1e-6:
        return []
    shifts = np.array(_CENTRINGS[symbol[0]], dtype=np.float64)
    pairs = [(r, s) for s, r in product(shifts, plain.rotations)]
    return [Setting(np.array([r for r, _ in pairs]), np.array([s for _, s in pairs]))]


@cache
def _from_database(hall: int) -> Setting:
    import spglib

    with warnings.catch_warnings():  # spglib speaks of its own ways to report errors
        warnings.simplefilter("ignore", DeprecationWarning)
        database = spglib.get_symmetry_from_database(hall)
    return Setting(database["rotations"].astype(np.float64), database["translations"])


def _plain(name: str) -> str:
    return re.sub(r"[\s_'\"()]", "", name).lower()


_Table = dict[str, tuple[int, ...]]


@cache
def _tables() -> tuple[_Table, _Table, _Table]:
    """Map names, Hall symbols and numbers, blanks and underscores left out, to Hall numbers."""
    import spglib

    names: dict[str, list[int]] = {}
    halls: dict[str, list[int]] = {}
    numbers: dict[str, list[int]] = {}
    standard: dict[int, int] = {}
    along_c: dict[str, list[int]] = {}
    old = _old_names()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kinds = [spglib.get_spacegroup_type(hall) for hall in range(1, 531)]
    for hall, kind in enumerate(kinds, start=1):
        first = standard.setdefault(kind.number, hall)
        # Without a word on the setting the standard one is meant; origins and axes are a choice.
        plain = hall == first or kind.choice in ("1", "2", "H", "R")
        # One setting of no. 68 goes by its old name there, and by the new one nowhere.
        international = "B b e b" if hall == 331 else kind.international
        found = {_plain(n) for n in _names(international, kind.choice)}
        found |= {_plain(kind.international_full)}
        if plain:
            found |= {_plain(kind.international_short)}
            numbers.setdefault(str(kind.number), []).append(hall)
            if kind.choice:
                numbers.setdefault(f"{kind.number}:{kind.choice.lower()}", []).append(hall)
        if hall in old:
            found.add(old[hall].lower())
        if kind.number >= 195:
            found |= {n.replace("-3", "3") for n in found}  # Fm3m, as written before 1983
        found |= {f"{n}:{kind.choice.lower()}" for n in found if kind.choice}
        found |= {f"{n}:{kind.choice[0]}" for n in found if kind.choice[:1].isdigit()}
        for name in found:
            names.setdefault(name, []).append(hall)
        if kind.choice.lstrip("-").startswith("c"):
            along_c.setdefault(_plain(_without_ones(international)), []).append(hall)
        symbol = _plain_hall(kind.hall_symbol)
        for written in {symbol, symbol.replace(" ", "")}:
            halls.setdefault(written, []).append(hall)
    names = along_c | names  # B 2/b and P 21/b, as written before 1983: only c can be the axis
    return tuple({k: tuple(v) for k, v in t.items()} for t in (names, halls, numbers))  # type: ignore[return-value]


def _old_names() -> dict[int, str]:
    """Map Hall numbers to the names from before 1992."""
    return {
        first + places * k + origin: symbol
        for first, places, symbols in _BEFORE_1992
        for k, symbol in enumerate(symbols.split())
        for origin in range(places)
    }


def _plain_hall(symbol: str) -> str:
    return re.sub(r"[\s_]+", " ", symbol).strip().lower()  # P 3 2 is another group than P 32


def _names(international: str, choice: str) -> Iterator[str]:
    """Yield ``P 1 21/n 1`` and its short form ``P 21/n`` (only for the usual unique axis b)."""
    full = international.rsplit("=", 1)[-1].strip()
    yield full
    if choice.lstrip("-").startswith("b"):
        yield _without_ones(international)


def _without_ones(international: str) -> str:
    return re.sub(r"\s1(?=\s|$)", "", international.rsplit("=", 1)[-1].strip())
