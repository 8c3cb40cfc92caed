"""`BondedCrystals`: the crystal graph of the flagship, every pair of atoms known from both ends.

The force constants of a bond and of its reverse are transposes of each other. Networks and
dynamical matrices therefore work on *bonds*: every undirected pair once, with the numbers of its
two directed edges in the `CrystalGraph`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from phonodos.model.arrays import Array, converted, is_of_torch, library_of
from phonodos.model.graph import CrystalGraph, collate, find_neighbours, graph_of
from phonodos.model.representatives import (
    Representatives,
    collate_representatives,
    plain_representatives,
    representatives_of,
)
from phonodos.physics.asymmetric_unit import asymmetric_unit
from phonodos.physics.crystal import Crystal


@dataclass(frozen=True, eq=False)
class BondedCrystals:
    """One crystal or a batch, with cells, positions and the two directions of every bond.

    Arrays are those of its graph: NumPy's or (`to`) torch's.

    Attributes
    ----------
    graph
        Atoms and directed edges.
    forward, backward
        (b,) directed edge of every bond and the same bond seen from its other end.
    images
        (b, 3) whole-number lattice translation S of the forward edge.
    cells
        (n_crystals, 3, 3) lattice vectors as rows [A].
    positions
        (n, 3) Cartesian coordinates [A].
    atom_counts, bond_counts
        Atoms and bonds of every crystal; bonds are sorted by crystal.
    representatives
        Which atoms and bonds a network need look at; None for all. Its arrays are NumPy's always.
    """

    graph: CrystalGraph
    forward: Array
    backward: Array
    images: Array
    cells: Array
    positions: Array
    atom_counts: tuple[int, ...]
    bond_counts: tuple[int, ...]
    representatives: Representatives | None = None

    @property
    def first_atoms(self) -> list[int]:
        """First atom of every crystal."""
        return [0, *accumulate(self.atom_counts)][:-1]

    @property
    def masses(self) -> Array:
        """(n,) mean mass of every site [amu]."""
        return self.graph.site_masses.sum(axis=1)

    @property
    def ends(self) -> tuple[Array, Array]:
        """(b,) atoms i and j of every bond."""
        i, j = self.graph.edge_index
        return i[self.forward], j[self.forward]

    @property
    def seen(self) -> CrystalGraph:
        """The atoms that a network looks at, and the edges from them."""
        return self.graph if self.representatives is None else self.representatives.graph

    @property
    def seen_ends(self) -> tuple[Array, Array]:
        """(m,) atoms i and j of every edge of `seen`, as numbered here."""
        i, j = self.seen.edge_index
        return (i if self.representatives is None else self.representatives.atoms[i]), j

    @property
    def seen_bonds(self) -> Array:
        """(u,) edges of `seen` that a network is asked the force constants of."""
        return self.forward if self.representatives is None else self.representatives.bonds

    @property
    def vectors(self) -> Array:
        """(b, 3) r_j - r_i + S cell [A]."""
        return self.graph.edge_vectors[self.forward]

    def to(self, *, dtype: Any, device: Any = None) -> "BondedCrystals":
        """Return the crystals in a floating-point type of NumPy or torch, as `CrystalGraph.to`."""
        names = ("forward", "backward", "images", "cells", "positions")
        own = {k: converted(getattr(self, k), dtype, device) for k in names}
        seen = self.representatives
        if seen is not None and not is_of_torch(dtype):
            seen = seen.to(dtype=dtype)
        graph = self.graph.to(dtype=dtype, device=device)
        return replace(self, graph=graph, representatives=seen, **own)


def bond_crystal(crystal: Crystal, cutoff: float, *, by_symmetry: bool = False) -> BondedCrystals:
    """Return the bonded crystal with all neighbours closer than `cutoff` [A].

    Its arrays are NumPy's, in float64 and int64. `by_symmetry` has networks look at
    representatives of equivalent atoms and bonds alone.

    Raises
    ------
    StructureError
        If no atom has a neighbour.
    """
    i, j, images, vectors = find_neighbours(crystal, cutoff)
    graph = graph_of(crystal, cutoff, i, j, vectors)
    # An edge and its reverse sort to the same place, by (i, j, S) and by (j, i, -S).
    far = int(np.abs(images).max(initial=0))
    place = images.astype(np.int64) @ ((2 * far + 1) ** np.arange(3))  # of -S the opposite
    n, size = crystal.n_atoms, (2 * far + 1) ** 3
    by_edge = np.argsort((i * n + j) * size + place)
    by_reverse = np.argsort((j * n + i) * size - place)
    reverse = np.empty(len(i), dtype=np.int64)
    reverse[by_reverse] = by_edge
    forward = np.flatnonzero(np.arange(len(i)) < reverse)
    unit, seen = asymmetric_unit(crystal) if by_symmetry else None, None
    if unit is not None:
        seen = representatives_of(graph, unit, images.astype(np.int64), reverse, forward)
    return BondedCrystals(
        graph=graph,
        forward=forward,
        backward=reverse[forward],
        images=images[forward].astype(np.int64),
        cells=crystal.cell[None].copy(),
        positions=crystal.positions.copy(),
        atom_counts=(crystal.n_atoms,),
        bond_counts=(len(forward),),
        representatives=seen,
    )


def collate_bonded(crystals: Sequence[BondedCrystals]) -> BondedCrystals:
    """Return all crystals side by side."""
    if len(crystals) == 1:
        return crystals[0]
    edges = [0, *accumulate(c.graph.edge_index.shape[1] for c in crystals)][:-1]
    join = library_of(crystals[0].forward).concatenate
    return BondedCrystals(
        graph=collate([c.graph for c in crystals]),
        forward=join([c.forward + n for c, n in zip(crystals, edges, strict=True)]),
        backward=join([c.backward + n for c, n in zip(crystals, edges, strict=True)]),
        images=join([c.images for c in crystals]),
        cells=join([c.cells for c in crystals]),
        positions=join([c.positions for c in crystals]),
        atom_counts=tuple(n for c in crystals for n in c.atom_counts),
        bond_counts=tuple(n for c in crystals for n in c.bond_counts),
        representatives=_representatives(crystals),
    )


def _representatives(crystals: Sequence[BondedCrystals]) -> Representatives | None:
    """Return those of a batch; None if no crystal has symmetry that is made use of."""
    if all(c.representatives is None for c in crystals):
        return None
    return collate_representatives(
        [c.representatives or plain_representatives(c.graph, c.forward) for c in crystals]
    )
