"""`Crystal`: a periodic arrangement of sites, each held by one element or by a mixture."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonodos.errors import StructureError
from phonodos.physics import elements

OCCUPANCY_TOLERANCE = 1e-3
MINIMUM_VOLUME_PER_ATOM = 0.5  # [A^3]; solid hydrogen at a megabar has more than 1


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

    Raises
    ------
    StructureError
        On wrong shapes, NaN or infinite numbers, a cell without volume, unknown species,
        or occupancies that do not sum to 1.
    """

    cell: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    occupancy: tuple[Mapping[str, float], ...]
    name: str = ""

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
            (self.cell, self.frac_coords, [dict(o) for o in self.occupancy], self.name),
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
        return self.name or self.formula

    @property
    def n_atoms(self) -> int:
        """Number of sites in the cell, N of the 3N modes."""
        return len(self.occupancy)

    @cached_property
    def volume(self) -> float:
        """Volume of the cell [A^3]."""
        return float(abs(np.linalg.det(self.cell)))

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3) Cartesian positions [A]."""
        return self.frac_coords @ self.cell

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
    def n_formula_units(self) -> int:
        """Number of formula units in the cell.

        The greatest common divisor of the numbers of sites of each kind (same elements, same
        fractions), so it grows with the cell for mixed crystals as for pure ones.
        """
        return gcd(*Counter(site_kinds(self)).values())

    @cached_property
    def formula(self) -> str:
        """Reduced formula, elements by rising electronegativity."""
        return "".join(
            symbol + _amount(self.composition[symbol] / self.n_formula_units)
            for symbol in sorted(self.composition, key=lambda s: (elements.electronegativity(s), s))
        )


def _amount(value: float) -> str:
    if abs(value - 1.0) < 1e-6:
        return ""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def site_kinds(crystal: Crystal) -> tuple[int, ...]:
    """Number the sites by what is on them, from 0 in order of first appearance."""
    numbers: dict[tuple[tuple[str, float], ...], int] = {}
    keys = (tuple(sorted((s, round(f, 6)) for s, f in o.items())) for o in crystal.occupancy)
    return tuple(numbers.setdefault(key, len(numbers)) for key in keys)


def mixed_sites(crystal: Crystal) -> tuple[int, ...]:
    """Return the indices of the sites shared by more than one element."""
    return tuple(i for i, o in enumerate(crystal.occupancy) if len(o) > 1)


def _filled(site: Mapping[str, float]) -> Mapping[str, float]:
    total = sum(site.values())
    if total == 1.0:
        return site
    return MappingProxyType({symbol: fraction / total for symbol, fraction in site.items()})


def reduced_basis(cell: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find short lattice vectors of the same lattice.

    Repeatedly subtracts from each vector the whole multiples of the others that shorten it.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].

    Returns
    -------
    (3, 3) whole numbers T of determinant 1; the rows of ``T @ cell`` are the short vectors.
    """
    basis = np.eye(3, dtype=np.int64)
    short = np.array(cell, dtype=np.float64)
    changed = True
    while changed:
        changed = False
        for i, j in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
            ratio = float(short[i] @ short[j] / (short[j] @ short[j]))
            if abs(ratio) > 0.5 + 1e-9:  # at a tie nothing gets shorter and the loop would not end
                basis[i] -= round(ratio) * basis[j]
                short[i] = basis[i] @ cell
                changed = True
    return basis


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
    volume = abs(np.linalg.det(cell))
    if volume < MINIMUM_VOLUME_PER_ATOM * len(sites):
        raise StructureError(
            f"{who}: cell volume of {volume:.3g} A^3 for {len(sites)} atoms",
            "the lattice vectors span no volume, or are not in Angstrom",
            "check the lattice vectors; molecules and slabs need three of them too",
        )


def _check_occupancy(crystal: Crystal) -> None:
    who = crystal.name or "crystal"
    for i, site in enumerate(crystal.occupancy):
        for symbol in site:
            if not elements.is_element(symbol):
                raise StructureError(
                    f"{who}: site {i + 1} holds '{symbol}', which is not a chemical element",
                    "dummy species and elements beyond 118 have no mass and no phonons",
                    "replace or remove that site",
                )
        total = sum(site.values())
        # 0.333 + 0.333 + 0.333 is allowed, and its last digit is rounding.
        if not abs(total - 1.0) <= OCCUPANCY_TOLERANCE + 1e-9 or min(site.values()) <= 0.0:
            shown = ", ".join(f"{s} {f:g}" for s, f in site.items())
            raise StructureError(
                f"{who}: occupancies of site {i + 1} sum to {total:g} ({shown})",
                "every site must be filled exactly once by positive fractions; "
                "vacancies and split sites are not supported",
                "complete the fractions to 1 (or give an ordered approximant of the crystal)",
            )


def element_union(crystals: Iterable[Crystal]) -> frozenset[str]:
    """Return every element that occurs in any of the crystals."""
    return frozenset(symbol for crystal in crystals for symbol in crystal.composition)
