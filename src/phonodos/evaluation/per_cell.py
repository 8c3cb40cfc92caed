"""Errors in the units of benchmarks of universal potentials: per mole of primitive cells, 300 K.

As Loew et al., npj Comput. Mater. 11, 178 (2025): mean absolute errors of the highest frequency
as a temperature, and of S, F and C_V of a primitive cell. Large cells weigh more in them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.dos import PhononDos
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, ROOM_TEMPERATURE

Array = NDArray[np.float64]


def cell_errors(reference: PhononDos, predicted: PhononDos, primitive_atoms: int) -> Array:
    """Return the (3,) errors of S [J/(K mol)], F [kJ/mol] and C_V [J/(K mol)] of one material.

    Parameters
    ----------
    reference, predicted
        Spectra of one cell, of any size.
    primitive_atoms
        Atoms of its primitive cell, a mole of which the errors are for.
    """
    found = []
    for dos in (reference, predicted):
        t = thermal_properties(dos, [ROOM_TEMPERATURE])
        whole = np.array([t.entropy[0], t.free_energy[0] / 1000.0, t.heat_capacity[0]])
        found.append(whole * primitive_atoms / dos.n_atoms)
    return np.asarray(np.abs(found[1] - found[0]))


def cell_section(errors: Array, highest: Sequence[float | None]) -> dict[str, Any]:
    """Return the mean absolute errors of n materials.

    Parameters
    ----------
    errors
        (n, 3) what `cell_errors` gave.
    highest
        Errors of the highest frequency [cm^-1]; None where it is not known.
    """
    known = [value for value in highest if value is not None]
    names = ("entropy_mae", "free_energy_mae", "heat_capacity_mae")
    top = float(np.mean(known)) * KELVIN_PER_WAVENUMBER if known else None
    means = zip(names, errors.mean(axis=0).tolist(), strict=True)
    return {"cell": {"max_frequency_mae": top, **dict(means)}}
