"""The input files of a phonopy calculation: cell, supercell and primitive matrix, data set."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError, PhonodosError
from phonodos.structures.objects import read_phonopy
from phonodos.structures.poscar import read_poscar
from phonodos.structures.sites import number
from phonodos.structures.yaml_text import read_yaml_mapping

PHONOPY_FILES = ("phonopy_params.yaml", "phonopy.yaml", "phonopy_disp.yaml")
CELL_FILES = ("POSCAR-unitcell", "POSCAR")
CONSTANT_FILES = ("FORCE_CONSTANTS", "force_constants.hdf5")
OTHER_FILES = ("phonopy.conf", "FORCE_SETS", "BORN", "disp.yaml")
FILES = PHONOPY_FILES + CELL_FILES + CONSTANT_FILES + OTHER_FILES
LARGEST_SUPERCELL = 20_000  # atoms; the largest of phonondb have some hundreds
WHAT_IT_NEEDS = (
    "a calculation is phonopy_params.yaml, or a cell (POSCAR-unitcell with phonopy.conf, "
    "phonopy.yaml, phonopy_disp.yaml), forces (FORCE_SETS, FORCE_CONSTANTS, force_constants.hdf5) "
    "and, for polar crystals, BORN"
)


@contextlib.contextmanager
def named(summary: str, fix: str) -> Iterator[None]:
    """Turn what phonopy raises about a bad file into a `DataError`."""
    try:
        yield
    except PhonodosError as err:
        raise DataError(f"{summary}: {err.summary}", err.reason, err.fix) from err
    except (Exception, SystemExit) as err:  # phonopy raises many kinds, and exits in places
        reason = " ".join(str(err).split()) or type(err).__name__
        raise DataError(summary, reason[:300], fix) from err


@dataclass
class Parts:
    """What the files of a calculation hold, in phonopy's types and units."""

    unit_cell: Any = None
    supercell: Any = None
    primitive: Any = "auto"
    nac: Any = None
    dataset: Any = None
    constants: Any = None
    calculator: str | None = None
    scale: float = 1.0  # [A] per unit of length


def read_parts(folder: Path) -> Parts:
    for name in PHONOPY_FILES:
        if (folder / name).is_file():
            return _from_yaml(folder / name)
    from phonopy.interface.vasp import read_vasp

    cell = next((folder / name for name in CELL_FILES if (folder / name).is_file()), None)
    if cell is None:
        raise DataError("no cell", f"none of {', '.join(CELL_FILES)} is there", WHAT_IT_NEEDS)
    with named(f"{cell.name} is not readable", "give the unit cell in VASP's format"):
        next(read_poscar(cell.read_text(encoding="utf-8")))[1]("")  # phonopy believes any count
        unit_cell = read_vasp(str(cell))
    conf = folder / "phonopy.conf"
    if not conf.is_file():
        raise DataError(
            "no supercell",
            "phonopy.conf is missing, and no phonopy.yaml is there either",
            "add phonopy.conf with the DIM of the calculation",
        )
    supercell, primitive = read_conf(conf.read_text(encoding="utf-8", errors="replace"))
    check_supercell(supercell, len(unit_cell))
    return Parts(unit_cell, supercell, primitive)


def read_conf(text: str) -> tuple[NDArray[np.int64], Any]:
    """Return the supercell matrix and the primitive matrix ("auto" if not given) of phonopy.conf.

    Raises
    ------
    DataError
        If DIM is missing, or numbers cannot be read.
    """
    lines = (line.partition("#")[0].partition("=") for line in text.splitlines())
    tags = {key.strip().upper(): value.strip() for key, _, value in lines if value.strip()}
    if "DIM" not in tags:
        raise DataError("no supercell", "phonopy.conf has no DIM", "add the line DIM = ...")
    axes = tags.get("PRIMITIVE_AXES", tags.get("PRIMITIVE_AXIS", "auto"))
    return _supercell_matrix(tags["DIM"]), _primitive_matrix(axes)


def _supercell_matrix(text: str) -> NDArray[np.int64]:
    try:
        if "_" in text:
            raise ValueError("an underscore stands in it")
        numbers = np.array([int(word) for word in text.split()], dtype=np.int64)
        matrix = np.diag(numbers) if numbers.size == 3 else numbers.reshape(3, 3)
    except (ValueError, OverflowError):
        matrix = np.zeros((3, 3), dtype=np.int64)
    if round(float(np.linalg.det(matrix))) < 1:
        raise DataError(
            "no supercell",
            f"DIM = {text} is not 3 or 9 whole numbers that span a cell",
            "correct DIM in phonopy.conf",
        )
    return matrix


def check_supercell(matrix: NDArray[np.int64], n_atoms: int) -> None:
    """Refuse a supercell that no calculation was ever made in, before it is built.

    Raises
    ------
    DataError
        If the matrix is none, or the supercell has more than `LARGEST_SUPERCELL` atoms.
    """
    numbers = np.asarray(matrix, dtype=np.float64)
    shaped = np.diag(numbers) if numbers.shape == (3,) else numbers
    if shaped.shape != (3, 3) or not np.isfinite(shaped).all():
        raise DataError(
            "no supercell", "the supercell matrix is not 3 or 9 whole numbers", "correct it"
        )
    # The length of the columns bounds what phonopy fills before it cuts the supercell out.
    size = max(abs(np.linalg.det(shaped)), np.abs(shaped).sum(axis=1).prod() / 27.0) * n_atoms
    if size > LARGEST_SUPERCELL:
        raise DataError(
            f"a supercell of {size:.3g} atoms",
            f"calculations have at most {LARGEST_SUPERCELL} atoms here",
            "correct DIM or supercell_matrix",
        )


def _primitive_matrix(text: str) -> Any:
    words = text.split()
    if len(words) == 1:
        return "auto" if words[0].lower() == "auto" else words[0].upper()
    try:
        values = [number(a) / number(b or "1") for a, _, b in (w.partition("/") for w in words)]
        return np.array(values).reshape(3, 3)
    except (ValueError, ZeroDivisionError):
        raise DataError(
            "no primitive cell",
            f"PRIMITIVE_AXES = {text} is not 9 numbers",
            "correct PRIMITIVE_AXES in phonopy.conf, or write auto",
        ) from None


def _from_yaml(path: Path) -> Parts:
    from phonopy.interface.phonopy_yaml import PhonopyYamlLoader

    with named(f"{path.name} is not readable", "write the file again with phonopy"):
        text = path.read_text(encoding="utf-8")
        # phonopy would read the file with a loader that runs what the text asks for.
        reader = PhonopyYamlLoader(dict(read_yaml_mapping(text))).parse().data
        crystal = next(read_phonopy(text))[1](path.name)
    if reader.unitcell is None or reader.supercell_matrix is None:
        missing = "unit_cell" if reader.unitcell is None else "supercell_matrix"
        raise DataError(
            f"{path.name} is incomplete",
            f"it has no {missing}",
            "write the file again with phonopy --save-params",
        )
    check_supercell(reader.supercell_matrix, len(reader.unitcell))
    length = (abs(np.linalg.det(crystal.cell)) / abs(np.linalg.det(reader.unitcell.cell))) ** (
        1 / 3
    )
    primitive = "auto" if reader.primitive_matrix is None else reader.primitive_matrix
    return Parts(
        unit_cell=reader.unitcell,
        supercell=reader.supercell_matrix,
        primitive=primitive,
        nac=reader.nac_params,
        dataset=reader.dataset,
        constants=reader.force_constants,
        calculator=reader.calculator,
        scale=float(length),
    )
