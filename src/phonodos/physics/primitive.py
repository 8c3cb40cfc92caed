"""The primitive cell of a crystal and its space group, through spglib."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal, compact
from phonodos.physics.lattice_vectors import reduced_basis
from phonodos.physics.space_group import SpaceGroup, group_of, symmetry_of

SYMMETRY_TOLERANCE = 1e-3  # [A], how far equivalent sites may be from each other

# What was found before, for as long as the crystal is there.
_searched: WeakKeyDictionary[Crystal, dict[tuple[float, tuple[int, ...]], Any]] = (
    WeakKeyDictionary()
)

# Standard primitive vectors, as columns, in those of the conventional cell (spglib's choice).
CENTRING = {
    "P": np.eye(3),
    "A": np.array([[2, 0, 0], [0, 1, -1], [0, 1, 1]]) / 2,
    "C": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "R": np.array([[2, -1, -1], [1, 1, -2], [1, 1, 1]]) / 3,
}


@dataclass(frozen=True, eq=False)
class PrimitiveCell:
    """The smallest cell of a crystal and how the input is made of it.

    Parameters
    ----------
    crystal
        The primitive cell, not rotated against the input; the input itself if it is primitive and
        not very skewed.
    multiplicity
        How many primitive cells the input cell holds; exact.
    site_map
        (n_input,) index of the primitive site that each input site is a copy of.
    """

    crystal: Crystal
    multiplicity: int
    site_map: NDArray[np.int64]


def primitive_cell(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> PrimitiveCell:
    """Return the primitive cell of a crystal, pure or mixed, in the orientation of the input.

    Sites are alike if they hold the same elements (isotopes count as different) in the same
    fractions. The lattice is an exact rational multiple of the input's; a site is the mean of
    its copies. A crystal in which spglib finds no symmetry is its own primitive cell. A very skewed
    cell is reduced first: what follows costs what the reduced cell costs.

    Parameters
    ----------
    crystal
        Any cell of the crystal.
    symprec
        Tolerance of the symmetry search [A].
    """
    crystal, _ = compact(crystal)
    whole = PrimitiveCell(crystal, 1, np.arange(crystal.n_atoms))
    # Most inputs are primitive already, and to see that is 10 times faster than a symmetry search.
    dataset = symmetry_dataset(crystal, symprec) if _may_repeat(crystal, 4.0 * symprec) else None
    if dataset is None:
        return whole
    orbit = np.asarray(dataset.mapping_to_primitive)
    copies = np.flatnonzero(orbit == orbit[0])
    count = len(copies)
    if count == 1 or set(np.unique(orbit, return_counts=True)[1].tolist()) != {count}:
        return whole
    # The translations form a group of order `count` modulo the lattice, so `count` times each
    # of them is a lattice vector: whole numbers, free of the noise of the positions.
    coords = crystal.frac_coords
    translations = np.rint(count * (coords[copies] - coords[copies[0]])).astype(np.int64)
    basis = row_basis(np.vstack([count * np.eye(3, dtype=np.int64), translations]))
    if abs(int(np.prod(np.diag(basis)))) != count**2:
        return whole
    cell = basis @ crystal.cell / count
    short = reduced_basis(cell)
    sign = np.sign(np.linalg.det(basis.astype(np.float64)))
    into = sign * (short @ basis) / count
    found = _fold(crystal, whole, into, orbit, 10.0 * symprec)
    if found is not whole:
        _pass_on(dataset, into, found, symprec)
    return found


def space_group(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> tuple[int, str] | None:
    """Return number (1 to 230) and international symbol of the space group, None if not found."""
    dataset = symmetry_dataset(compact(crystal)[0], symprec)
    return None if dataset is None else (int(dataset.number), str(dataset.international))


def _may_repeat(crystal: Crystal, tolerance: float) -> bool:
    """Return whether some translation inside the cell maps every site near one of its kind."""
    if crystal.n_formula_units == 1:
        return False
    cell = crystal.reduction @ crystal.cell
    coords = crystal.positions @ np.linalg.inv(cell)
    kinds = np.array(crystal.site_kinds)
    rarest = np.flatnonzero(kinds == np.argmin(np.bincount(kinds)))
    shifts = coords[rarest[1:]] - coords[rarest[0]]
    for kind, position in zip(kinds, coords, strict=True):
        gaps = (position + shifts)[:, None] - coords[kinds == kind]
        gaps -= np.rint(gaps)
        near = np.linalg.norm(gaps @ cell, axis=2) < tolerance
        shifts = shifts[near.any(axis=1)]
        if not len(shifts):
            return False
    return True


def _fold(
    crystal: Crystal,
    whole: PrimitiveCell,
    basis: NDArray[np.float64],
    orbit: NDArray[np.int64],
    tolerance: float,
) -> PrimitiveCell:
    """Fold the input sites into the cell ``basis @ crystal.cell``, one site an orbit."""
    cell = basis @ crystal.cell
    coords = crystal.frac_coords @ np.linalg.inv(basis)
    _, first, index = np.unique(orbit, return_index=True, return_inverse=True)
    order = np.argsort(first)  # primitive sites in the order in which the input names them
    site_map = np.argsort(order)[index]
    parents = first[order]
    drift = coords - coords[parents][site_map]
    drift -= np.rint(drift)
    if np.linalg.norm(drift @ cell, axis=1).max() > tolerance:
        return whole
    count = crystal.n_atoms // len(parents)
    mean = np.zeros((len(parents), 3))
    np.add.at(mean, site_map, drift / count)
    occupancy = tuple(crystal.occupancy[i] for i in parents)
    primitive = Crystal(cell, np.mod(coords[parents] + mean, 1.0), occupancy, crystal.name)
    return PrimitiveCell(primitive, count, site_map.astype(np.int64))


def _pass_on(
    dataset: Any, basis: NDArray[np.float64], found: PrimitiveCell, symprec: float
) -> None:
    """Keep the symmetry of an input cell as that of its primitive cell ``basis @ cell``."""
    back = np.linalg.inv(basis).T  # of fractional coordinates, as columns
    turned = back @ dataset.rotations @ basis.T
    rotations = np.rint(turned).astype(dataset.rotations.dtype)
    rotations, first = np.unique(rotations, axis=0, return_index=True)
    if np.abs(turned[first] - rotations).max() > 1e-6:
        return
    # Spglib leaves out what turns the input cell, if not the crystal, into another.
    if not len(rotations) == _order(int(dataset.hall_number)) == len(turned) // found.multiplicity:
        return
    site_map = found.site_map
    parents = np.unique(site_map, return_index=True)[1]
    known = replace(
        dataset,
        rotations=rotations,
        translations=np.mod(dataset.translations[first] @ back.T, 1.0),
        transformation_matrix=dataset.transformation_matrix @ basis.T,
        mapping_to_primitive=np.arange(len(parents)),
        **{
            name: _lowest(site_map[getattr(dataset, name)[parents]])
            for name in ("equivalent_atoms", "crystallographic_orbits")
        },
        **{
            name: [getattr(dataset, name)[k] for k in parents]
            for name in ("wyckoffs", "site_symmetry_symbols")
        },
    )
    _searched[found.crystal] = {(symprec, found.crystal.site_kinds): known}


@lru_cache(maxsize=64)
def _order(hall_number: int) -> int:
    """Return the number of operations of the point group that belongs to a Hall symbol."""
    import spglib

    rotations = spglib.get_symmetry_from_database(hall_number)["rotations"]
    return len({rotation.tobytes() for rotation in rotations})


def _lowest(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first site with the same label, of every site."""
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first[index])


def row_basis(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return three rows that span the same whole-number lattice (echelon form, by Euclid)."""
    rows = rows.copy()
    for column in range(3):
        while True:
            below = np.abs(rows[column:, column])
            filled = np.flatnonzero(below)
            pivot = column + filled[np.argmin(below[filled])]
            rows[[column, pivot]] = rows[[pivot, column]]
            quotients = rows[column + 1 :, column] // rows[column, column]
            rows[column + 1 :] -= quotients[:, None] * rows[column]
            if not rows[column + 1 :, column].any():
                break
    return rows[:3]


def symmetry_dataset(crystal: Crystal, symprec: float, kinds: Sequence[int] | None = None) -> Any:
    """Return spglib's data set, None where it finds nothing.

    Sites are alike if their `kinds` are the same, by default `Crystal.site_kinds`. The search,
    a good part of the time of small crystals, is made once a crystal: mesh, export and table ask
    for the same.
    """
    numbers = tuple(kinds or crystal.site_kinds)
    known = _searched.setdefault(crystal, {})
    if (symprec, numbers) not in known:
        found = symmetry_of(crystal.cell, crystal.frac_coords, numbers, symprec)
        known[symprec, numbers] = found
    return known[symprec, numbers]


def symmetry_operations(crystal: Crystal, kinds: Sequence[int] | None = None) -> SpaceGroup:
    """Return the space group of a crystal, atoms permuted; the identity alone if none is found.

    Kinds and the search, which is made once, are those of `symmetry_dataset`.
    """
    found = symmetry_dataset(crystal, SYMMETRY_TOLERANCE, kinds)
    return group_of(found, crystal.cell, crystal.frac_coords)


def standard_basis(dataset: Any, otherwise: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Return whole numbers B: the rows of ``B @ cell`` are the standard primitive vectors.

    Where spglib found no symmetry or the cell is not primitive, it is `otherwise`.

    Parameters
    ----------
    dataset
        What `symmetry_dataset` returned for a primitive cell.
    otherwise
        (3, 3) whole numbers; by default the identity.
    """
    plain = np.eye(3) if otherwise is None else otherwise.astype(np.float64)
    if dataset is None:
        return plain
    # Columns of (a b c) P^-1 C, P from the cell to the conventional one, C to its primitive one.
    columns = np.linalg.inv(dataset.transformation_matrix) @ CENTRING[dataset.international[0]]
    basis = np.rint(columns.T)
    same = np.abs(columns.T - basis).max() < 1e-3 and abs(round(float(np.linalg.det(basis)))) == 1
    return basis if same else plain


@dataclass(frozen=True, eq=False)
class Setting:
    """The conventional cell of a crystal and how it is turned to stand as spglib has it.

    Attributes
    ----------
    cell
        (3, 3) conventional lattice vectors as rows [A], turned: a along x, b in the plane of x and
        y (the unique axis of monoclinic crystals is b).
    turn
        (3, 3) rotation: a vector v of the crystal is ``turn @ v`` in this setting.
    point_group
        In the notation of Hermann and Mauguin.
    number
        Of the space group, 1 to 230.
    """

    cell: NDArray[np.float64]
    turn: NDArray[np.float64]
    point_group: str
    number: int

    @property
    def system(self) -> str:
        """``triclinic`` ... ``cubic``."""
        names = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal")
        lasts = (2, 15, 74, 142, 167, 194)
        found = (name for name, last in zip(names, lasts, strict=True) if self.number <= last)
        return next(found, "cubic")


def setting_of(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> Setting:
    """Return the conventional setting of a crystal; its own cell where no symmetry is found."""
    dataset: Any = symmetry_dataset(compact(crystal)[0], symprec)
    if dataset is None:
        return Setting(crystal.cell, np.eye(3), "1", 1)
    u, _, v = np.linalg.svd(np.asarray(dataset.std_rotation_matrix))
    cell = np.asarray(dataset.std_lattice, dtype=np.float64)
    return Setting(cell, u @ v, str(dataset.pointgroup), int(dataset.number))
