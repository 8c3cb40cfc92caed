"""Structures of other programs, in and out: pymatgen, ASE and phonopy objects, phonopy.yaml."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from phonodos.errors import ConfigError, StructureError
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.structures.sites import (
    crystal_of_species,
    element_symbol,
    isotope,
    scaled,
    shared_sites,
)

if TYPE_CHECKING:
    from ase import Atoms
    from phonopy.structure.atoms import PhonopyAtoms
    from pymatgen.core import Structure

BOHR = 0.529177210903  # [A], CODATA 2018
LAST_ELEMENT = 118
# Programs whose phonopy files are in Angstrom or in bohr
# (`phonopy.interface.calculator.get_calculator_physical_units`).
IN_ANGSTROM = frozenset({"vasp", "aims", "castep", "cp2k", "crystal", "lammps", "pwmat"})
IN_BOHR = frozenset(
    {"abacus", "abinit", "dftbp", "elk", "exciting", "fleur", "octopus", "qe", "qlm", "siesta"}
    | {"turbomole", "wien2k"}
)


def kind_of(x: object) -> str:
    """Return what is known of an object's kind, "" if nothing, importing nothing.

    ``structure``, ``molecule``, ``atoms``, ``phonopy`` (PhonopyAtoms), ``calculation`` (Phonopy,
    Phono3py), ``jarvis``, ``frame`` or ``series`` (of pandas or polars).
    """
    names = {(c.__module__.partition(".")[0], c.__name__) for c in type(x).__mro__}
    kinds = {
        ("pymatgen", "IStructure"): "structure",
        ("pymatgen", "IMolecule"): "molecule",
        ("ase", "Atoms"): "atoms",
        ("phonopy", "PhonopyAtoms"): "phonopy",
        ("phonopy", "Phonopy"): "calculation",
        ("phono3py", "Phono3py"): "calculation",
        ("jarvis", "Atoms"): "jarvis",
        ("pandas", "DataFrame"): "frame",
        ("pandas", "Series"): "series",
        ("polars", "DataFrame"): "frame",
        ("polars", "Series"): "series",
    }
    return next((kind for name, kind in kinds.items() if name in names), "")


def crystal_from_structure(structure: Any, name: str = "") -> Crystal:
    """Convert a pymatgen Structure; occupancies are kept, oxidation states stripped."""
    if not all(structure.lattice.pbc):
        raise _not_periodic(structure.lattice.pbc, "build the Lattice with pbc=(True, True, True)")
    # pymatgen's symbol of deuterium is H; only the name of the element tells them apart.
    species = []
    for site in structure:
        shares: dict[str, float] = {}
        for s, fraction in site.species.items():  # Fe2+ and Fe3+ are both iron
            symbol = getattr(getattr(s, "element", s), "name", s.symbol)
            shares[symbol] = shares.get(symbol, 0.0) + fraction
        species.append(shares)
    return crystal_of_species(structure.lattice.matrix, structure.frac_coords, species, name)


def crystal_from_atoms(atoms: Any, name: str = "", species: Sequence[str] = ()) -> Crystal:
    """Convert ASE Atoms, honouring the occupancies that ASE keeps beside the atoms.

    Masses that were set make isotopes, D and T among them.

    Parameters
    ----------
    atoms
        The atoms.
    name
        Name of the crystal.
    species
        One an atom, where they are known better than ASE can hold them (``D``).

    Raises
    ------
    StructureError
        If the atoms are not periodic in all three directions, if occupancies are there but
        cannot be assigned to the atoms, or if no isotope has the mass that was set.
    """
    if not all(atoms.pbc):
        raise _not_periodic(
            atoms.pbc.tolist(), "set atoms.pbc = True, with a cell (a slab with its vacuum)"
        )
    numbers = np.asarray(atoms.numbers)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() <= LAST_ELEMENT:
        raise StructureError(
            f"an atom of atomic number {max(numbers.max(), -numbers.min())}",
            f"elements have 1 to {LAST_ELEMENT}",
            "correct the atomic numbers",
        )
    symbols = list(species) or list(atoms.symbols)
    if "masses" in atoms.arrays:
        symbols = [isotope(s, float(m)) for s, m in zip(symbols, atoms.get_masses(), strict=True)]
    coords = scaled(atoms.cell.array, atoms.positions)
    if atoms.info.get("occupancy") is None:
        return Crystal.ordered(atoms.cell.array, coords, symbols, name)
    return crystal_of_species(atoms.cell.array, coords, _ase_occupancy(atoms, symbols), name)


def _ase_occupancy(atoms: Any, symbols: list[str]) -> list[Mapping[str, float]]:
    table, kinds = atoms.info["occupancy"], atoms.arrays.get("spacegroup_kinds")
    species = []
    for i, symbol in enumerate(symbols):
        kind = None if kinds is None or not isinstance(table, Mapping) else kinds[i]
        site = None if kind is None else table.get(str(kind), table.get(int(kind)))
        if not isinstance(site, Mapping) or symbol not in site:
            raise StructureError(
                f"{atoms.get_chemical_formula()}: occupancies that belong to no atoms",
                "atoms.info['occupancy'] says that sites are shared, but "
                "atoms.arrays['spacegroup_kinds'] does not lead from the atoms to its rows",
                "give the CIF file itself, or delete atoms.info['occupancy'] if the atoms are "
                "meant to be ordered",
            )
        species.append(site)
    return species


def _not_periodic(pbc: Any, fix: str) -> StructureError:
    return StructureError(
        f"not periodic in all directions (pbc {list(pbc)})",
        "phonons need a lattice that repeats in three dimensions",
        fix,
    )


def crystal_from_phonopy(atoms: Any, name: str = "") -> Crystal:
    """Convert PhonopyAtoms, site mixtures of phonopy 4 included.

    They do not say their unit of length: Angstrom is assumed. A Phonopy object says it
    (`crystal_from_calculation`).
    """
    if getattr(atoms, "is_site_mixture", False):
        from phonodos.structures.yaml_text import read_yaml_mapping

        block = read_yaml_mapping("\n".join(atoms.get_yaml_lines()))
        return _from_cell_block(block, 1.0, name)
    symbols = [_base(symbol) for symbol in atoms.symbols]
    if atoms.masses is not None:
        symbols = [isotope(s, m) for s, m in zip(symbols, atoms.masses, strict=True)]
    return Crystal.ordered(atoms.cell, atoms.scaled_positions, symbols, name)


def crystal_from_calculation(phonon: Any, name: str = "") -> Crystal:
    """Convert the unit cell of a Phonopy or Phono3py object, in the unit of its calculator.

    Raises
    ------
    StructureError
        If phonopy's unit of length for the calculator is not known here.
    """
    calculator = getattr(phonon, "calculator", None)
    scale = _length_unit(None, calculator)
    crystal = crystal_from_phonopy(phonon.unitcell, name)
    if scale == 1.0:
        return crystal
    return replace(crystal, cell=scale * crystal.cell)


def _length_unit(stated: object, calculator: object) -> float:
    """Return a unit of length [A]: the stated one, else that of the calculator, else Angstrom."""
    program = str(calculator or "vasp").lower()
    if stated:
        found = {"angstrom": 1.0, "a": 1.0, "au": BOHR, "bohr": BOHR}.get(str(stated).lower())
    else:
        found = 1.0 if program in IN_ANGSTROM else BOHR if program in IN_BOHR else None
    if found is None:
        raise StructureError(
            f"unit of length '{str(stated or None)[:40]}' of the phonopy file is not known",
            f"it was made for {str(calculator or 'another program')[:40]}, which may use bohr",
            "add 'physical_unit:' with 'length: \"angstrom\"' or 'length: \"au\"' to the file",
        )
    return found


def crystal_from_jarvis(atoms: Any, name: str = "") -> Crystal:
    """Convert Atoms of jarvis-tools."""
    symbols = [element_symbol(str(s)) for s in atoms.elements]
    return Crystal.ordered(atoms.lattice_mat, atoms.frac_coords, symbols, name)


def _base(symbol: str) -> str:
    return symbol.rstrip("0123456789")  # phonopy numbers the kinds of an element: Fe1, Fe2


def read_phonopy(text: str) -> Iterator[tuple[str, Callable[[str], Crystal]]]:
    """Yield the unit cell of phonopy.yaml, phonopy_disp.yaml or phonopy_params.yaml.

    Only the cell and the units are parsed, not the forces, which can be megabytes.
    """
    from phonodos.structures.yaml_text import read_yaml_mapping

    parts = {key: _section(text, key) for key in ("unit_cell", "physical_unit", "phonopy")}
    if not parts["unit_cell"]:
        parts["unit_cell"] = "unit_cell:\n" + "".join(
            "  " + line
            for key in ("lattice", "points", "atoms")
            for line in _section(text, key).splitlines(keepends=True)
        )
    data = read_yaml_mapping("".join(parts.values()))
    yield "", partial(_build_phonopy, data)


def _section(text: str, key: str) -> str:
    """Return the lines of one top-level key of a YAML text in block style."""
    lines = text.splitlines(keepends=True)
    first = next((k for k, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if first is None:
        return ""
    last = first + 1
    while last < len(lines) and (lines[last][0] in " -#" or not lines[last].strip()):
        last += 1
    return "".join(lines[first:last]).rstrip() + "\n"


def _build_phonopy(data: Mapping[str, Any], name: str) -> Crystal:
    units, header = data.get("physical_unit"), data.get("phonopy")
    length = units.get("length") if isinstance(units, Mapping) else None
    calculator = header.get("calculator") if isinstance(header, Mapping) else None
    if isinstance(units, Mapping) and not length and calculator not in IN_ANGSTROM:
        length = "none"  # the list of units was cut: nothing is certain
    scale = _length_unit(length, calculator or "vasp")
    block = data.get("unit_cell")
    if not isinstance(block, Mapping) or "lattice" not in block:
        raise StructureError(
            "no unit cell in the YAML file",
            "phonopy keeps it under 'unit_cell', with 'lattice' and 'points'",
            "give phonopy.yaml, phonopy_disp.yaml or phonopy_params.yaml",
        )
    return _from_cell_block(block, scale, name)


def _from_cell_block(block: Mapping[str, Any], scale: float, name: str) -> Crystal:
    try:
        cell = scale * np.array(block["lattice"], dtype=np.float64)
        points = block.get("points") or block["atoms"]
        coords = [p["coordinates"] if "coordinates" in p else p["position"] for p in points]
        rows = [row for p, xyz in zip(points, coords, strict=True) for row in _shares(p, xyz)]
        places = np.array([xyz for xyz, _, _ in rows], dtype=np.float64)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StructureError(
            "incomplete unit cell in the phonopy file",
            f"{type(error).__name__}: {error}",
            "write the file again with phonopy",
        ) from None
    return shared_sites(cell, places, [s for _, s, _ in rows], [f for _, _, f in rows], name)


def _shares(point: Mapping[str, Any], xyz: Any) -> list[tuple[Any, str, float]]:
    """Return (position, element, fraction) of the elements that one listed point stands for."""
    if "mixture" in point:
        return [(xyz, _base(str(symbol)), float(part)) for symbol, part in point["mixture"]]
    symbol = element_symbol(_base(str(point["symbol"])))
    if point.get("mass") is not None:
        symbol = isotope(symbol, float(point["mass"]))
    return [(xyz, symbol, float(point.get("weight", 1.0)))]


def to_structure(crystal: Crystal) -> "Structure":
    """Return the crystal as a pymatgen Structure, occupancies kept, isotopes but D and T lost.

    Raises
    ------
    ConfigError
        If pymatgen is not installed.
    """
    require_pymatgen("a Structure of pymatgen")
    from pymatgen.core import Structure

    species: list[dict[str, float]] = []
    for site in crystal.occupancy:
        shares: dict[str, float] = {}
        for symbol, fraction in site.items():
            known = symbol if symbol in ("D", "T") else elements.element_of(symbol)
            shares[known] = shares.get(known, 0.0) + fraction
        species.append(shares)
    return Structure(crystal.cell, species, crystal.frac_coords)


def require_pymatgen(what: str) -> None:
    """Raise `ConfigError` if pymatgen, which `what` needs and predictions do not, is absent."""
    try:
        import pymatgen.core  # noqa: F401
    except ImportError as err:
        raise ConfigError(
            f"{what} needs pymatgen",
            f"it is not installed, and predictions do without it ({err})",
            "pip install pymatgen-core",
        ) from err


def to_atoms(crystal: Crystal) -> "Atoms":
    """Return the crystal as ASE Atoms; raises `StructureError` if a site is mixed."""
    from ase import Atoms

    symbols, masses = _plain_elements(crystal)
    heavy = masses if symbols != list(crystal.symbols) else None
    return Atoms(
        symbols, cell=crystal.cell, scaled_positions=crystal.frac_coords, pbc=True, masses=heavy
    )


def to_phonopy_atoms(crystal: Crystal) -> "PhonopyAtoms":
    """Return the crystal as PhonopyAtoms with our masses; raises `StructureError` if mixed."""
    from phonopy.structure.atoms import PhonopyAtoms

    symbols, masses = _plain_elements(crystal)
    return PhonopyAtoms(
        symbols=symbols, masses=masses, cell=crystal.cell, scaled_positions=crystal.frac_coords
    )


def _plain_elements(crystal: Crystal) -> tuple[list[str], list[float]]:
    """Return symbols that every program knows (D and T as H) and the masses [amu]."""
    table = elements.symbols()
    symbols = [table[elements.atomic_number(s) - 1] for s in crystal.symbols]
    return symbols, crystal.masses.tolist()
