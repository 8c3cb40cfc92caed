"""Crystals with projected spectra as the content of NCMAT files, the input of NCrystal.

Format: NCMAT v5 (X.-X. Cai and T. Kittelmann, Comput. Phys. Commun. 246, 106851, 2020; wiki of
mctools/ncrystal). Every species has its own density of states [any unit], over energies [eV]; below
the first one NCrystal goes on as E^2.

NCrystal (4.4) takes a cell with an oblique alpha, or two oblique angles, for one of another
volume. Such cells are written in their conventional setting; triclinic crystals, which have none
that helps, by their density alone, without Bragg reflections.
"""

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import STEP, VISIBLE_FRACTION, PhononDos, sampled
from phonodos.physics.elements import atomic_mass, element_of, isotope_masses
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, symmetry_dataset
from phonodos.physics.units import ATOMIC_MASS, EV_PER_WAVENUMBER

Array = NDArray[np.float64]

VERSION = "NCMAT v5"
LOWEST = 3.0  # [cm^-1], where the density of states starts in the file
TAIL = 1e-3 * VISIBLE_FRACTION  # of the maximum: it ends where it stays below
A_LINE = 10  # numbers
SAME = 0.002  # [amu]
RIGHT = 1e-3  # [degrees]


def ncmat_text(crystal: Crystal, dos: PhononDos, head: tuple[str, ...] = ()) -> str:
    """Return the NCMAT file of a crystal: cell, atoms, a density of states for every species.

    Isotopes keep their names (``D``, ``O18``); imaginary states are left out.

    Parameters
    ----------
    crystal
        The cell.
    dos
        Its spectrum, projected on the atoms.
    head
        Lines of comment.

    Raises
    ------
    DataError
        If the spectrum is not projected, or a species has no states at real frequencies.
    StructureError
        If a site is mixed, or a mass is that of no isotope: the format has a place for neither.
    """
    if dos.projected is None:
        raise DataError(
            f"{crystal.label}: the spectrum is not projected on the atoms",
            "NCMAT holds one for every species, and only the total is known",
            "choose a model with force constants (phonodos models list)",
        )
    names = [_name(crystal, i) for i in range(crystal.n_atoms)]
    lines = [VERSION, *(f"# {' '.join(line.split())}" for line in head)]
    lines += _structure(crystal, names)
    for name in dict.fromkeys(names):
        places = [i for i, other in enumerate(names) if other == name]
        energies, values = _states(crystal, name, dos, places)
        lines += ["@DYNINFO", f"  element {name}", f"  fraction {len(places)}/{len(names)}"]
        lines += ["  type vdos", f"  vdos_egrid {energies[0]:.10g} {energies[-1]:.10g}"]
        words = [f"{v:.5g}" for v in values]
        rows = [" ".join(words[k : k + A_LINE]) for k in range(0, len(words), A_LINE)]
        lines += [f"  vdos_density {rows[0]}", *(f"               {row}" for row in rows[1:])]
    return "\n".join([*lines, ""])


def _name(crystal: Crystal, index: int) -> str:
    """Return the species of a site as NCMAT calls it: ``O``, ``D``, ``O18``."""
    site = crystal.occupancy[index]
    if len(site) != 1:
        raise StructureError(
            f"{crystal.label}: site {index + 1} is shared by {' and '.join(site)}",
            "NCMAT gives every atom the density of states of its own species, and of a shared site "
            "only that of their mean is known",
            "give an ordered structure, or leave the format out",
        )
    (species,) = site
    element = element_of(species)
    if species in (element, "D"):
        return species
    mass = atomic_mass(species)
    nearest = min(isotope_masses(element), key=lambda m: abs(m - mass), default=0.0)
    if abs(nearest - mass) > SAME:
        raise StructureError(
            f"{crystal.label}: an atom of {element} has a mass of {mass:g} amu",
            "NCMAT names isotopes, and this is the mass of none",
            f"name one, as in --isotope {element}={element}{round(mass)}, or leave the format out",
        )
    return f"{element}{round(nearest)}"


def _states(crystal: Crystal, name: str, dos: PhononDos, places: list[int]) -> tuple[Array, Array]:
    assert dos.projected is not None
    axis = np.arange(LOWEST, dos.frequencies[-1] + STEP / 2, STEP)
    values = sampled(axis, dos.frequencies, dos.projected[places].sum(axis=0))
    values = np.clip(values, 0.0, None)
    seen = np.flatnonzero(values > TAIL * values.max(initial=0.0))
    if len(seen) < 2:
        raise DataError(
            f"{crystal.label}: {name} has no states at real frequencies",
            "all its vibrations are imaginary",
            "check the structure: it is not a minimum of the energy",
        )
    last = min(int(seen[-1]) + 2, len(axis))
    values = values[:last] / values.max()
    return axis[:last] * EV_PER_WAVENUMBER, np.asarray(values)


def _structure(crystal: Crystal, names: list[str]) -> list[str]:
    """Return cell and atoms, or the density where NCrystal would take the cell for another."""
    cell, coords = crystal.cell, crystal.frac_coords
    if not _is_plain(cell):
        known = list(dict.fromkeys(names))
        kinds = [known.index(name) for name in names]
        dataset = symmetry_dataset(crystal, SYMMETRY_TOLERANCE, kinds)
        if dataset is None or not _is_plain(np.asarray(dataset.std_lattice)):
            grams = float(crystal.masses.sum()) * ATOMIC_MASS * 1e3 / (crystal.volume * 1e-24)
            remark = "# triclinic: by its density, without Bragg reflections"
            return [remark, "@DENSITY", f"  {grams:.8g} g_per_cm3"]
        cell, coords = np.asarray(dataset.std_lattice), np.asarray(dataset.std_positions)
        names = [known[kind] for kind in dataset.std_types]
    lengths, angles = (" ".join(f"{x:.10g}" for x in numbers) for numbers in _parameters(cell))
    lines = ["@CELL", f"  lengths {lengths}", f"  angles {angles}", "@ATOMPOSITIONS"]
    for name, xyz in zip(names, np.mod(coords, 1.0), strict=True):
        lines.append(f"  {name} " + " ".join(f"{x:.10f}" for x in xyz))
    return lines


def _is_plain(cell: Array) -> bool:
    """Return whether alpha is 90 degrees, and beta or gamma too."""
    oblique = np.abs(_parameters(cell)[1] - 90.0) > RIGHT
    return not oblique[0] and oblique.sum() <= 1


def _parameters(cell: Array) -> tuple[Array, Array]:
    """Return lengths [A] and angles [degrees]."""
    a, b, c = cell
    sides = np.linalg.norm(cell, axis=1)
    pairs = ((b, c), (a, c), (a, b))
    cosines = [x @ y / (np.linalg.norm(x) * np.linalg.norm(y)) for x, y in pairs]
    return sides, np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
