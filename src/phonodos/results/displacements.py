"""Crystals with anisotropic displacement parameters as CIF, for refinement programs."""

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of

_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def displacements_cif(
    crystal: Crystal, u_cif: NDArray[np.float64], u_iso: NDArray[np.float64], kelvin: float
) -> str:
    """Return a CIF of all sites of the cell (space group P 1) with U^ij.

    Parameters
    ----------
    crystal
        The crystal.
    u_cif, u_iso
        (n, 3, 3) in the convention of CIF files, (n,) [A^2].
    kelvin
        Temperature [K].
    """
    lengths = np.linalg.norm(crystal.cell, axis=1)
    unit = crystal.cell / lengths[:, None]
    angles = np.degrees(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]))
    lines = [f"data_{crystal.formula}", f"_diffrn_ambient_temperature {kelvin:g}"]
    lines += [f"_cell_length_{k} {x:.8f}" for k, x in zip("abc", lengths, strict=True)]
    greek = ("alpha", "beta", "gamma")
    lines += [f"_cell_angle_{k} {x:.6f}" for k, x in zip(greek, angles, strict=True)]
    lines += [
        f"_cell_volume {crystal.volume:.6f}", "_space_group_name_H-M_alt 'P 1'",
        "_space_group_IT_number 1", "loop_", "_space_group_symop_operation_xyz", "'x, y, z'",
    ]  # fmt: skip
    keys = ("label", "type_symbol", *(f"fract_{k}" for k in "xyz"), "occupancy",
            "U_iso_or_equiv", "adp_type")  # fmt: skip
    sites, tensors = [], []
    for i, (site, xyz) in enumerate(zip(crystal.occupancy, crystal.frac_coords, strict=True)):
        for symbol, share in site.items():
            label = f"{element_of(symbol)}{i + 1}"
            place = " ".join(f"{x:.10f}" for x in xyz)
            kind = element_of(symbol)
            sites.append(f"{label} {kind} {place} {share:.6g} {u_iso[i]:.6f} Uani")
            values = " ".join(f"{u_cif[i][pair]:z.6f}" for pair in _PAIRS)
            tensors.append(f"{label} {values}")
    lines += ["loop_", *(f"_atom_site_{key}" for key in keys), *sites]
    names = ("label", *(f"U_{i + 1}{j + 1}" for i, j in _PAIRS))
    lines += ["loop_", *(f"_atom_site_aniso_{name}" for name in names), *tensors]
    return "\n".join([*lines, ""])
