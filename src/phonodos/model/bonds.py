"""`BondedCrystals`: the crystal graph of the flagship, every pair of atoms known from both ends.

The force constants of a bond and of its reverse are transposes of each other. Networks and
dynamical matrices therefore work on *bonds*: every undirected pair once, with the numbers of its
two directed edges in the `CrystalGraph`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from phonodos.model.graph import CrystalGraph, build_graph, collate, find_neighbours
from phonodos.physics.crystal import Crystal


@dataclass(frozen=True, eq=False)
class BondedCrystals:
    """One crystal or a batch, with cells, positions and the two directions of every bond.

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
    """

    graph: CrystalGraph
    forward: Tensor
    backward: Tensor
    images: Tensor
    cells: Tensor
    positions: Tensor
    atom_counts: tuple[int, ...]
    bond_counts: tuple[int, ...]

    @property
    def first_atoms(self) -> list[int]:
        """First atom of every crystal."""
        return [0, *accumulate(self.atom_counts)][:-1]

    @property
    def masses(self) -> Tensor:
        """(n,) mean mass of every site [amu]."""
        return self.graph.site_masses.sum(dim=1)

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """(b,) atoms i and j of every bond."""
        i, j = self.graph.edge_index.index_select(1, self.forward)
        return i, j

    @property
    def vectors(self) -> Tensor:
        """(b, 3) r_j - r_i + S cell [A]."""
        return self.graph.edge_vectors.index_select(0, self.forward)

    def to(
        self, *, device: str | torch.device | None = None, dtype: torch.dtype
    ) -> "BondedCrystals":
        """Return the crystals on a device and in a floating-point type."""
        return replace(
            self,
            graph=self.graph.to(device=device, dtype=dtype),
            forward=self.forward.to(device=device),
            backward=self.backward.to(device=device),
            images=self.images.to(device=device),
            cells=self.cells.to(device=device, dtype=dtype),
            positions=self.positions.to(device=device, dtype=dtype),
        )


def bond_crystal(crystal: Crystal, cutoff: float) -> BondedCrystals:
    """Return the bonded crystal with all neighbours closer than `cutoff` [A], in float64.

    Raises
    ------
    StructureError
        If no atom has a neighbour.
    """
    graph = build_graph(crystal, cutoff)
    i, j, images, _ = find_neighbours(crystal, cutoff)
    # An edge and its reverse sort to the same place, by (i, j, S) and by (j, i, -S).
    by_edge = np.lexsort((*images.T, j, i))
    by_reverse = np.lexsort((*-images.T, i, j))
    reverse = np.empty(len(i), dtype=np.int64)
    reverse[by_reverse] = by_edge
    forward = np.flatnonzero(np.arange(len(i)) < reverse)
    return BondedCrystals(
        graph=graph,
        forward=torch.from_numpy(forward),
        backward=torch.from_numpy(reverse[forward]),
        images=torch.from_numpy(images[forward].astype(np.int64)),
        cells=torch.from_numpy(crystal.cell[None].copy()),
        positions=torch.from_numpy(crystal.positions.copy()),
        atom_counts=(crystal.n_atoms,),
        bond_counts=(len(forward),),
    )


def collate_bonded(crystals: Sequence[BondedCrystals]) -> BondedCrystals:
    """Return all crystals side by side."""
    if len(crystals) == 1:
        return crystals[0]
    edges = [0, *accumulate(c.graph.edge_index.shape[1] for c in crystals)][:-1]
    return BondedCrystals(
        graph=collate([c.graph for c in crystals]),
        forward=torch.cat([c.forward + n for c, n in zip(crystals, edges, strict=True)]),
        backward=torch.cat([c.backward + n for c, n in zip(crystals, edges, strict=True)]),
        images=torch.cat([c.images for c in crystals]),
        cells=torch.cat([c.cells for c in crystals]),
        positions=torch.cat([c.positions for c in crystals]),
        atom_counts=tuple(n for c in crystals for n in c.atom_counts),
        bond_counts=tuple(n for c in crystals for n in c.bond_counts),
    )
