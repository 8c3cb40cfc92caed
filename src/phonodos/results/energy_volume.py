"""Static energies against volume as other programs write them: phonopy's ``e-v.dat``."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError

Array = NDArray[np.float64]
FIX = "give two columns of numbers, volume [A^3] and energy [eV] of one cell; comments start with #"


def read_energy_volume(path: Path) -> tuple[Array, Array]:
    """Read volumes [A^3] and energies [eV], two columns apart by blanks, commas or semicolons.

    Lines that start with # and empty ones are skipped, and so are further columns.

    Raises
    ------
    DataError
        If the file cannot be read, or a line holds no two numbers.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or "it is not a text file"
        raise DataError(f"{path} cannot be read", reason, "check the path") from err
    rows = []
    for n, line in enumerate(text.splitlines(), 1):
        content = line.split("#")[0].strip()
        if not content:
            continue
        words = content.replace(";", " ").replace(",", " ").split()
        try:
            rows.append((float(words[0]), float(words[1])))
        except (ValueError, IndexError) as err:
            reason = f"it reads '{content[:60]}'"
            raise DataError(f"{path}, line {n}: no volume and energy", reason, FIX) from err
    if not rows:
        raise DataError(f"{path}: no energies", "it holds no line of numbers", FIX)
    volumes, energies = np.array(rows, dtype=np.float64).T
    return volumes, energies
