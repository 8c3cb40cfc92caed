"""Data bases written by ASE (SQLite and JSON), read without ASE and without touching them.

ASE opens a data base to write: it puts its tables into any SQLite file and locks beside it. Here a
file is opened read-only, and only what makes a crystal is read.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal
from phonodos.structures.objects import crystal_from_atoms
from phonodos.structures.unpacking import largest_content, plain

if TYPE_CHECKING:
    import sqlite3

OLDEST, NEWEST = 5, 9  # versions of ASE's layout of the tables
LONGEST_ID = 100  # characters
_COLUMNS = ("id", "numbers", "positions", "cell", "pbc", "masses")
_FIX = "write it again with ase.db.connect(...).write(atoms)"

Rows = Iterator[tuple[str, Callable[[str], Crystal]]]


def read_sqlite(path: Path) -> Rows:
    """Yield every row of an ASE data base in SQLite (``.db``), its number as the label.

    The rows may be asked for in another thread than the first was.

    Parameters
    ----------
    path
        The file; nothing is written to it or beside it.

    Raises
    ------
    StructureError
        If it is no SQLite file, not ASE's, of another version, or another program is writing it.
    """
    import sqlite3

    real = Path(os.path.realpath(path))  # SQLite writes beside the file, not beside a link to it
    for suffix in ("-wal", "-journal"):
        unfinished = real.with_name(real.name + suffix)
        if unfinished.is_file() and unfinished.stat().st_size:
            raise StructureError(
                "a data base that is being written",
                f"{unfinished.name} beside it holds changes that are not in it yet",
                "close the program that writes it, or read a copy made with ASE",
            )
    try:
        base = sqlite3.connect(
            f"file:{quote(bytes(path.absolute()))}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        try:
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(largest_content(), 2**31 - 1))
            base.execute("PRAGMA trusted_schema = OFF")
            _check_tables(base)
            for row in base.execute(f"SELECT {', '.join(_COLUMNS)} FROM systems ORDER BY id"):
                values = dict(zip(_COLUMNS, row, strict=True))
                yield plain(str(values["id"])), partial(_build_binary, values)
        finally:
            base.close()
    except sqlite3.Error as error:
        raise StructureError(
            "not a readable ASE data base", f"{type(error).__name__}: {error}", _FIX
        ) from None


def _check_tables(base: "sqlite3.Connection") -> None:
    kinds = dict(
        base.execute(
            "SELECT name, type || ' ' || sql FROM sqlite_master "
            "WHERE name IN ('systems', 'information') AND type IN ('table', 'view')"
        ).fetchall()
    )
    if not all(
        str(kinds.get(name)).upper().startswith("TABLE CREATE TABLE ")
        for name in ("systems", "information")
    ):
        raise StructureError(
            "an SQLite data base that is not ASE's",
            "it has no tables 'systems' and 'information', in which ASE keeps structures",
            "leave it out, or give a data base written with ase.db.connect",
        )
    found = base.execute("SELECT value FROM information WHERE name='version'").fetchone()
    version = str(found[0]) if found else "none"
    if not (version.isascii() and version.isdigit() and OLDEST <= int(version[:9]) <= NEWEST):
        raise StructureError(
            f"an ASE data base of version {version[:20]}",
            f"versions {OLDEST} to {NEWEST} are known here",
            "convert it: python -m ase.db.convert FILE",
        )


def _build_binary(values: Mapping[str, Any], name: str) -> Crystal:
    try:
        pbc = int(values["pbc"] or 0)
        return _crystal(
            _array(values["numbers"], "<i4"),
            _array(values["positions"], "<f8").reshape(-1, 3),
            np.zeros((3, 3))
            if values["cell"] is None
            else _array(values["cell"], "<f8").reshape(3, 3),
            [bool(pbc & bit) for bit in (1, 2, 4)],
            None if values["masses"] is None else _array(values["masses"], "<f8"),
            name,
        )
    except (TypeError, ValueError) as error:
        raise _broken(error) from None


def _array(blob: Any, kind: str) -> NDArray[Any]:
    if not isinstance(blob, bytes):
        raise TypeError(f"a value is {type(blob).__name__}, not binary")
    return np.frombuffer(blob, dtype=kind)


def is_ase_json(data: Any) -> bool:
    """Return whether parsed JSON is a data base written by ASE."""
    return isinstance(data, Mapping) and "ids" in data and "nextid" in data


def is_ase_atoms(data: Mapping[str, Any]) -> bool:
    """Return whether parsed JSON is one Atoms object of ASE (``ase.io.jsonio``, ``todict``)."""
    return "numbers" in data and "positions" in data and ("cell" in data or "pbc" in data)


def crystal_of_ase_json(data: Mapping[str, Any], name: str = "") -> Crystal:
    """Build the crystal of one Atoms object in JSON.

    Raises
    ------
    StructureError
        If a part is missing or of the wrong kind, and as `crystal_from_atoms` does.
    """
    return _build_json(data, name)


def rows_of_json(data: Mapping[str, Any]) -> Rows:
    """Yield every row of an ASE data base in JSON, its number as the label.

    Raises
    ------
    StructureError
        If its list of rows is none; what is wrong with a row is raised when it is built.
    """
    ids = data["ids"]
    if not isinstance(ids, list):
        raise StructureError("not a readable ASE data base", "'ids' is no list", _FIX)
    for number in ids:
        label = plain(str(number)[:LONGEST_ID])
        yield label, partial(_build_json, data.get(label))


def _build_json(row: Any, name: str) -> Crystal:
    try:
        if not isinstance(row, Mapping):
            raise TypeError("a row that 'ids' names is not there")
        cell, pbc, masses = row.get("cell"), row.get("pbc"), row.get("masses")
        if isinstance(cell, Mapping) and "array" in cell:
            cell = cell["array"]
        return _crystal(
            _plain(row["numbers"]),
            _plain(row["positions"]),
            np.zeros((3, 3)) if cell is None else _plain(cell),
            [bool(p) for p in np.broadcast_to(False if pbc is None else _plain(pbc), (3,))],
            None if masses is None else _plain(masses),
            name,
            _occupancies(row),
        )
    except KeyError as error:
        raise _broken(f"it has no {error}") from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _broken(error) from None


def _occupancies(row: Mapping[str, Any]) -> tuple[Any, NDArray[Any] | None]:
    """Return what ASE keeps of shared sites beside the atoms: their table, and the kind of each."""
    info, kinds = row.get("info"), row.get("spacegroup_kinds")
    table = info.get("occupancy") if isinstance(info, Mapping) else None
    return table, None if kinds is None else _plain(kinds).astype(np.int64)


def _plain(value: Any) -> NDArray[Any]:
    """Return an array as ASE writes it: shape, type and values; or a plain list."""
    if isinstance(value, Mapping):
        shape, _, flat = value["__ndarray__"]
        return np.array(flat, dtype=np.float64).reshape(shape)
    return np.array(value, dtype=np.float64)


def _crystal(
    numbers: NDArray[Any],
    positions: NDArray[Any],
    cell: NDArray[Any],
    pbc: list[bool],
    masses: NDArray[Any] | None,
    name: str,
    occupancies: tuple[Any, NDArray[Any] | None] = (None, None),
) -> Crystal:
    from ase import Atoms

    whole = numbers.astype(np.int64)
    if (whole != numbers).any() or numbers.ndim != 1 or positions.shape != (len(numbers), 3):
        raise ValueError(f"{numbers.shape} atomic numbers and positions of {positions.shape}")
    if cell.shape not in ((3, 3), (3,)) or len(pbc) != 3:
        raise ValueError(f"a cell of shape {cell.shape}, periodic in {len(pbc)} directions")
    atoms = Atoms(whole, positions=positions, cell=cell, pbc=pbc, masses=masses)
    atoms.info["occupancy"], kinds = occupancies
    if kinds is not None:
        atoms.set_array("spacegroup_kinds", kinds)
    return crystal_from_atoms(atoms, name)


def _broken(reason: Any) -> StructureError:
    return StructureError("a row that makes no structure", f"{reason}", _FIX)
