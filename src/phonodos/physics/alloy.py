"""Alloys: two end members mixed by Vegard's rule, or elements substituted on a parent crystal.

An alloy is a path x in [0, 1]. Lattice vectors, fractional coordinates and site fractions are
linear in x; x = 0 and x = 1 are the end members themselves, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal

LARGEST_STRETCH = 0.25  # relative, between the lattices of two end members
LARGEST_SHIFT = 1.0  # [A], between the places of one site in two end members

Array = NDArray[np.float64]
LatticeOf = Literal["end members", "radii", "cell end"]


@dataclass(frozen=True, eq=False)
class Alloy:
    """Two end members, site by site.

    Parameters
    ----------
    first, second
        The end members as given, x = 0 and x = 1.
    partners
        (n,) site of `second` that belongs to each site of `first`.
    cell
        (3, 3) lattice of `second` [A], turned into the orientation of `first`.
    shifts
        (n, 3) fractional coordinates of the partners minus those of the sites of `first`.
    notes
        What was assumed of it, or asked for: where its lattice is from, isotopes.
    lattice_of
        What the lattice at x = 1 was taken from.
    """

    first: Crystal
    second: Crystal
    partners: NDArray[np.int64]
    cell: Array
    shifts: Array
    notes: tuple[str, ...] = ()
    lattice_of: LatticeOf = "end members"

    def mixture(self, x: float) -> Crystal:
        """Return the crystal at composition x: everything linear in x.

        Raises
        ------
        ConfigError
            If x lies outside [0, 1].
        """
        _check_composition(x)
        if x == 0.0:
            return self.first
        if x == 1.0:
            return self.second
        return self._geometry(x, tuple(_mixed(a, b, x) for a, b in self._pairs()), "")

    def decorated(self, x: float) -> tuple[Crystal, Crystal]:
        """Return the lattice and positions at x with the sites of `first` and of `second`.

        The virtual crystal approximation averages what a network says of these two.
        """
        _check_composition(x)
        ends = zip(*self._pairs(), strict=True)
        a, b = (self._geometry(x, sites, "") for sites in ends)
        return a, b

    def _pairs(self) -> list[tuple[Mapping[str, float], Mapping[str, float]]]:
        others = [self.second.occupancy[j] for j in self.partners]
        return list(zip(self.first.occupancy, others, strict=True))

    def _geometry(self, x: float, sites: tuple[Mapping[str, float], ...], name: str) -> Crystal:
        cell = (1.0 - x) * self.first.cell + x * self.cell
        return Crystal(cell, self.first.frac_coords + x * self.shifts, sites, name)


def alloy_of(first: Crystal, second: Crystal) -> Alloy:
    """Return the alloy of two end members, their sites matched one to one.

    The matching has the smallest sum of squared displacements, common translations of the second
    crystal included. An element that fills equally many sites of both stays on its sites.

    Raises
    ------
    StructureError
        If the numbers of sites differ, the lattices differ by more than 25 %, or a site has no
        partner within 1 A.
    """
    names = f"{first.label} and {second.label}"
    if first.n_atoms != second.n_atoms:
        raise StructureError(
            f"{names} have {first.n_atoms} and {second.n_atoms} sites",
            "every site of one end member needs a partner in the other",
            "give both in cells of the same kind and size (both primitive, or both conventional)",
        )
    cell = aligned(first, second, names)
    partners, shifts = _matched(first, second, (first.cell + cell) / 2.0, names)
    return Alloy(first, second, partners, cell, shifts)


def aligned(first: Crystal, second: Crystal, names: str) -> Array:
    """Return the second lattice in the orientation of the first (polar decomposition).

    Raises
    ------
    StructureError
        If the lattices, of crystals that errors call `names`, differ by more than 25 %.
    """
    change = np.linalg.inv(first.cell) @ second.cell
    left, stretches, right = np.linalg.svd(change)
    if np.linalg.det(change) < 0.0 or np.abs(stretches - 1.0).max() > LARGEST_STRETCH:
        raise StructureError(
            f"the lattices of {names} do not correspond",
            "vector by vector they differ by more than "
            f"{100 * LARGEST_STRETCH:.0f} % (or in handedness): structures of another kind, or "
            "the same lattice written with other vectors",
            "give both end members in the same setting, of the same structure type",
        )
    if np.allclose(left @ right, np.eye(3), atol=1e-9):
        return second.cell
    # Only the frame turns: an end member from another program may lie askew.
    stretch = left @ np.diag(stretches) @ left.T
    return np.asarray(first.cell @ stretch)


def _matched(
    first: Crystal, second: Crystal, cell: Array, names: str
) -> tuple[NDArray[np.int64], Array]:
    from scipy.optimize import linear_sum_assignment

    coords = second.frac_coords
    origins = [np.zeros(3), *(first.frac_coords[0] - c for c in coords)]
    best: tuple[int, float, NDArray[np.int64], Array] | None = None
    for origin in origins:
        gaps = (coords + origin)[None] - first.frac_coords[:, None]
        gaps -= np.rint(gaps)
        squared = ((gaps @ cell) ** 2).sum(axis=2)
        rows, partners = linear_sum_assignment(squared)
        farthest = float(np.sqrt(squared[rows, partners].max()))
        if farthest < LARGEST_SHIFT:
            moved = _misplaced(first, second, partners)
            if best is None or (moved, farthest) < (best[0], best[1] - 1e-6):
                best = moved, farthest, partners, gaps[rows, partners]
        if best is not None and best[0] == 0 and origin is origins[0]:
            break
    if best is None:
        raise StructureError(
            f"the sites of {names} do not correspond",
            f"some site has no partner within {LARGEST_SHIFT:g} A, whatever the common shift",
            "give two crystals of the same structure type and setting",
        )
    if best[0]:
        raise StructureError(
            f"the sites of {names} do not correspond",
            "an element that both hold would have to change places with another one",
            "shift the origin of one end member so that equal elements lie on equal sites",
        )
    return best[2].astype(np.int64), best[3]


def _misplaced(first: Crystal, second: Crystal, partners: NDArray[np.int64]) -> int:
    """Return how many sites of an element with equal numbers in both lie on other elements."""
    count = 0
    for symbol in set(first.composition) & set(second.composition):
        here = np.array([symbol in o for o in first.occupancy])
        there = np.array([symbol in second.occupancy[j] for j in partners])
        if here.sum() == there.sum():
            count += int((here != there).sum())
    return count


def _mixed(a: Mapping[str, float], b: Mapping[str, float], x: float) -> dict[str, float]:
    if dict(a) == dict(b):
        return dict(a)
    amounts = {s: (1.0 - x) * a.get(s, 0.0) + x * b.get(s, 0.0) for s in dict.fromkeys([*a, *b])}
    return {s: f for s, f in amounts.items() if f > 0.0}


def _check_composition(x: float) -> None:
    if not 0.0 <= x <= 1.0:
        raise ConfigError(
            f"composition {x:g} lies outside [0, 1]",
            "x is the share of the second end member: 0 is the first one, 1 the second",
            "write for example --x 0:1:0.25, or --x 0.1,0.5",
        )
