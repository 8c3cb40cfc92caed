"""`Crystal`: a periodic arrangement of sites, each held by one element or by a mixture."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import StructureError
from phonodos.physics import elements
from phonodos.physics.formula import as_written
from phonodos.physics.lattice_vectors import (
    compact_basis,
    not_reducible,
    reciprocal,
    reduced_basis,
    volume_and_heights,
)

OCCUPANCY_TOLERANCE = 1e-3
MINIMUM_VOLUME_PER_ATOM = 0.5  # [A^3]; solid hydrogen at a megabar has more than 1
# No solid has more than 100; an atom in a box of 21 A has this, slabs and molecules less.
MAXIMUM_VOLUME_PER_ATOM = 1e4  # [A^3]
LONGEST_AXIS = 5000.0  # [A], of the reduced cell; the longest polytype of SiC repeats after 1500
LOWEST_HEIGHT = 0.2  # [A], of the reduced cell; the shortest bond of all, in H2, is 0.74
FARTHEST_CELL = 1000.0  # a site lies in this cell from the origin at most; usual ones lie in 0 to 1
ROUNDING = float(np.finfo(np.float64).eps)
LOST_DIGITS = 1e-5  # [A]; where rounding moves atoms further, the numbers do not hold the crystal


@dataclass(frozen=True, eq=False)
class Crystal:
    """A periodic crystal with site occupancies; a pure crystal is the case of ones.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A]; left-handed cells are allowed.
    frac_coords
        (n, 3) fractional coordinates.
    occupancy
        One mapping a site, element symbol -> fraction; fractions sum to 1 on every site
        (within 0.001, as rounded thirds do; they are scaled to exactly 1).
    name
        What to call the crystal in messages and outputs; the formula if empty.
    notes
        What was assumed when it was read; they become warnings of its prediction.

    Raises
    ------
    StructureError
        On wrong shapes, NaN or infinite numbers, a cell without volume or of a size and shape that
        no crystal has, sites far away from it, unknown species, or occupancies that do not sum
        to 1.
    """

    cell: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    occupancy: tuple[Mapping[str, float], ...]
    name: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        cell = np.array(self.cell, dtype=np.float64)
        coords = np.array(self.frac_coords, dtype=np.float64)
        sites = tuple(MappingProxyType({k: float(v) for k, v in o.items()}) for o in self.occupancy)
        cell.setflags(write=False)
        coords.setflags(write=False)
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "frac_coords", coords)
        object.__setattr__(self, "occupancy", sites)
        _check_geometry(self)
        _check_occupancy(self)
        object.__setattr__(self, "occupancy", tuple(_filled(site) for site in sites))

    def __reduce__(self) -> tuple[object, ...]:
        # A mappingproxy does not pickle, and worker processes receive crystals.
        return (
            Crystal,
            (self.cell, self.frac_coords, [dict(o) for o in self.occupancy], self.name, self.notes),
        )

    @classmethod
    def ordered(
        cls, cell: ArrayLike, frac_coords: ArrayLike, symbols: Sequence[str], name: str = ""
    ) -> "Crystal":
        """Build a crystal with one element on every site."""
        return cls(
            np.asarray(cell, dtype=np.float64),
            np.asarray(frac_coords, dtype=np.float64),
            tuple({s: 1.0} for s in symbols),
            name,
        )

    @property
    def label(self) -> str:
        """The name if there is one, else the formula."""
        return self.name or self.written_formula

    @property
    def n_atoms(self) -> int:
        """Number of sites in the cell, N of the 3N modes."""
        return len(self.occupancy)

    @cached_property
    def reduction(self) -> NDArray[np.int64]:
        """(3, 3) whole numbers T: the rows of ``T @ cell`` are short vectors (`reduced_basis`)."""
        return reduced_basis(self.cell)

    @cached_property
    def volume(self) -> float:
        """Volume of the cell [A^3], from its short vectors: no digits are lost if it is skewed."""
        return self.shape[0]

    @cached_property
    def shape(self) -> tuple[float, tuple[float, float, float]]:
        """Volume [A^3] and distances of the lattice planes of the short vectors [A]."""
        return volume_and_heights(self.short_cell)

    @cached_property
    def short_cell(self) -> NDArray[np.float64]:
        """(3, 3) short vectors of the same lattice [A], ``reduction @ cell``."""
        return self.reduction @ self.cell

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3) Cartesian positions [A]."""
        return self.frac_coords @ self.cell

    @cached_property
    def site_kinds(self) -> tuple[int, ...]:
        """(n,) what is on each site, numbered from 0 in order of first appearance."""
        keys = [tuple(sorted((s, round(f, 6)) for s, f in o.items())) for o in self.occupancy]
        return tuple(map(list(dict.fromkeys(keys)).index, keys))

    @property
    def is_ordered(self) -> bool:
        """Whether every site holds exactly one element."""
        return all(len(o) == 1 for o in self.occupancy)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Element of every site; raises `StructureError` if a site is mixed."""
        if not self.is_ordered:
            raise StructureError(
                f"{self.label} has mixed sites",
                "an element per site was asked for, but some sites are shared by several elements",
                "use Crystal.occupancy, or build an ordered approximant first",
            )
        return tuple(next(iter(o)) for o in self.occupancy)

    @cached_property
    def masses(self) -> NDArray[np.float64]:
        """(n,) mean mass of every site [amu], the virtual-crystal mass where it is mixed."""
        return np.array(
            [sum(f * elements.atomic_mass(s) for s, f in o.items()) for o in self.occupancy]
        )

    @cached_property
    def composition(self) -> dict[str, float]:
        """Amount of every element in the cell, in order of first appearance."""
        amounts: dict[str, float] = {}
        for site in self.occupancy:
            for symbol, fraction in site.items():
                amounts[symbol] = amounts.get(symbol, 0.0) + fraction
        return amounts

    @cached_property
    def reciprocal_cell(self) -> NDArray[np.float64]:
        """(3, 3) reciprocal lattice vectors as rows, with the factor 2 pi [1/A]."""
        return reciprocal(self.cell)

    @cached_property
    def n_formula_units(self) -> int:
        """Number of formula units in the cell.

        The greatest common divisor of the numbers of sites of each kind (same elements, same
        fractions), so it grows with the cell for mixed crystals as for pure ones.
        """
        return math.gcd(*Counter(self.site_kinds).values())

    @cached_property
    def formula(self) -> str:
        """Reduced formula by rising electronegativity: the key of data sets and splits."""
        return "".join(
            symbol + _amount(self.composition[symbol] / self.n_formula_units)
            for symbol in sorted(self.composition, key=lambda s: (elements.electronegativity(s), s))
        )

    @cached_property
    def written_formula(self) -> str:
        """Reduced formula in the order in which chemists write it: what is shown."""
        return as_written(self.formula)


def _amount(value: float) -> str:
    return "" if abs(value - 1.0) < 1e-6 else f"{value:.4f}".rstrip("0").rstrip(".")


def mixed_sites(crystal: Crystal) -> tuple[int, ...]:
    """Return the indices of the sites shared by more than one element."""
    return tuple(i for i, o in enumerate(crystal.occupancy) if len(o) > 1)


def _filled(site: Mapping[str, float]) -> Mapping[str, float]:
    total = sum(site.values())
    return site if total == 1.0 else MappingProxyType({k: v / total for k, v in site.items()})


def compact(crystal: Crystal) -> tuple[Crystal, NDArray[np.int64]]:
    """Return the crystal in the cell ``B @ cell`` of its `compact_basis` B, and B.

    The sites stay where they are and in their order; the crystal itself where B is the identity.
    """
    basis = compact_basis(crystal.cell, crystal.reduction)
    if np.array_equal(basis, np.eye(3)):
        return crystal, basis
    cell = basis @ crystal.cell
    coords = np.mod(crystal.positions @ np.linalg.inv(cell), 1.0)
    return Crystal(cell, coords, crystal.occupancy, crystal.name), basis


def _check_geometry(crystal: Crystal) -> None:
    who = crystal.name or "crystal"
    cell, coords, sites = crystal.cell, crystal.frac_coords, crystal.occupancy
    if cell.shape != (3, 3) or coords.ndim != 2 or coords.shape[1:] != (3,):
        raise StructureError(
            f"{who}: arrays of the wrong shape",
            f"cell has shape {cell.shape} and coordinates {coords.shape}, not (3, 3) and (n, 3)",
            "give three lattice vectors as rows and one row of fractional coordinates a site",
        )
    if len(coords) != len(sites) or not sites:
        raise StructureError(
            f"{who}: {len(coords)} coordinates for {len(sites)} sites",
            "every site needs one position and one occupancy, and a crystal at least one site",
            "check the structure file for missing or surplus lines",
        )
    if not (np.isfinite(cell).all() and np.isfinite(coords).all()):
        raise StructureError(
            f"{who}: lattice or coordinates are not finite numbers",
            "a NaN or an infinity stands where a number should",
            "check the structure file, or the code that wrote it",
        )
    with np.errstate(all="ignore"):  # a number that overflows here is refused as too large
        _check_cell(crystal, who)
        _check_places(crystal, who)


def _check_cell(crystal: Crystal, who: str) -> None:
    """Refuse cells no crystal has; see the constants for the limits."""
    cell, n = crystal.cell, crystal.n_atoms
    if ROUNDING * np.abs(cell).max() > LOST_DIGITS:
        limit = f"{LONGEST_AXIS:g} A at most, and digits enough to tell atoms apart"
        raise _out_of_range(who, f"a lattice vector of {np.abs(cell).max():.3g} A", limit)
    volume, _ = volume_and_heights(cell)
    if volume < MINIMUM_VOLUME_PER_ATOM * n:
        raise StructureError(
            f"{who}: cell volume of {volume:.3g} A^3 for {n} atoms",
            "the lattice vectors span no volume, or are not in Angstrom",
            "check the lattice vectors; molecules and slabs need three of them too",
        )
    try:
        basis = crystal.reduction
    except StructureError as err:
        raise StructureError(f"{who}: {err.summary}", err.reason, err.fix) from None
    lost = ROUNDING * (np.abs(basis) @ np.abs(cell).max(axis=1)).max()
    if lost > LOST_DIGITS:
        error = not_reducible(f"rounding its numbers moves its short vectors by {lost:.1g} A")
        raise StructureError(f"{who}: {error.summary}", error.reason, error.fix)
    longest = max(math.hypot(*v) for v in crystal.short_cell.tolist())
    height = min(crystal.shape[1])
    if crystal.volume > MAXIMUM_VOLUME_PER_ATOM * n:
        found = f"a cell volume of {crystal.volume:.3g} A^3 for {n} atoms"
        raise _out_of_range(who, found, f"{MAXIMUM_VOLUME_PER_ATOM:g} A^3 an atom at most")
    if longest > LONGEST_AXIS:
        limit = f"{LONGEST_AXIS:g} A at most, with the shortest choice of lattice vectors"
        raise _out_of_range(who, f"a lattice vector of {longest:.3g} A", limit)
    if height < LOWEST_HEIGHT:
        limit = f"lattice planes at least {LOWEST_HEIGHT:g} A apart"
        raise _out_of_range(who, f"lattice planes {height:.2g} A apart", limit)


def _check_places(crystal: Crystal, who: str) -> None:
    """Refuse sites far from the origin in the cell as it is and in the reduced one."""
    far = np.abs(crystal.frac_coords).max(axis=1)
    if far.max() <= 1.0:
        return
    inverse = np.linalg.inv(crystal.reduction @ crystal.cell)
    cells = np.fmin(far, np.abs(crystal.positions @ inverse).max(axis=1))
    sizes = np.abs(crystal.frac_coords) @ np.abs(crystal.cell).max(axis=1)
    site = int(np.argmax(cells))
    if cells[site] > FARTHEST_CELL:
        raise StructureError(
            f"{who}: site {site + 1} lies {cells[site]:.3g} cells away",
            f"fractional coordinates beyond {FARTHEST_CELL:g} are no places in a crystal",
            "check the coordinates: are they Cartesian ones taken for fractions?",
        )
    if ROUNDING * sizes.max() > LOST_DIGITS:
        site = int(np.argmax(sizes))
        raise StructureError(
            f"{who}: site {site + 1} has lost its place to rounding",
            "its fractional coordinates and the lattice vectors are too large to be exact to "
            f"{LOST_DIGITS:g} A",
            "give coordinates between 0 and 1, and short lattice vectors (a reduced cell)",
        )


def _out_of_range(who: str, found: str, limit: str) -> StructureError:
    return StructureError(
        f"{who}: {found}",
        f"no crystal is like that: phonodos takes {limit}",
        "check the lattice vectors and their unit (Angstrom)",
    )


def _check_occupancy(crystal: Crystal) -> None:
    who = crystal.name or "crystal"
    for i, site in enumerate(crystal.occupancy):
        for symbol in site:
            if not elements.is_element(symbol):
                raise StructureError(
                    f"{who}: site {i + 1} holds '{symbol}', which is not a chemical element",
                    "dummy species, groups of atoms (OH, Wat) and elements beyond 118 have no mass "
                    "of their own",
                    "write the symbol of the element that is there, with a position for every "
                    "atom of a group; leave the site out only if no atom is there",
                )
        total = sum(site.values())
        # 0.333 + 0.333 + 0.333 is allowed, and its last digit is rounding.
        if not abs(total - 1.0) <= OCCUPANCY_TOLERANCE + 1e-9 or min(site.values()) <= 0.0:
            raise _wrong_sum(f"{who}: occupancies of site {i + 1} sum to {total:g}", site, total)


def _wrong_sum(summary: str, site: Mapping[str, float], total: float) -> StructureError:
    shown = ", ".join(f"{s} {f:g}" for s, f in site.items())
    if 0.0 < total < 1.0 and min(site.values()) > 0.0:
        fix = (
            "if the missing part is a rounding, complete the fractions to 1; if it is vacant, give "
            "an ordered approximant, or take the spectrum of the filled crystal instead "
            "(--vacancies fill, in Python vacancies='fill')"
        )
    else:
        fix = "correct the fractions; atoms of a split site are not there at the same time"
    return StructureError(
        f"{summary} ({shown})",
        "every site must be filled exactly once by positive fractions; "
        "vacancies and split sites are not supported",
        fix,
    )


def element_union(crystals: Iterable[Crystal]) -> frozenset[str]:
    """Return every element that occurs in any of the crystals."""
    return frozenset(symbol for crystal in crystals for symbol in crystal.composition)
