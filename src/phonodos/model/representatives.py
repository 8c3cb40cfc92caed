"""`Representatives`: of equivalent atoms and bonds of crystals, the one that a network looks at.

What a network says of an atom turns with the crystal (it is equivariant), so what it says of the
atoms of the asymmetric unit, turned by the operations of the space group, it says of all. In
crystals of 50 atoms and more six are alike in the mean. Predictions use it, and training: gradients
with respect to parameters are those of the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.model.arrays import Array, as_numpy, indices_like, library_of, like, taken
from phonodos.model.couplings import representation
from phonodos.model.graph import CrystalGraph, collate, distinct_edges
from phonodos.model.irreps import Irrep
from phonodos.model.layers import Features
from phonodos.physics.asymmetric_unit import AsymmetricUnit

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Representatives:
    """One atom of every orbit of atoms, and one bond of every kind, of one crystal or a batch.

    Arrays are NumPy's, also where those of the crystals are torch's.

    Attributes
    ----------
    graph
        The atoms, and the edges from them; those end at atoms of the whole crystals, in the
        numbers of these.
    atoms
        (k,) their numbers in the whole crystals.
    places, operations
        (n,) which of them every atom is an image of, and by which of `turns`.
    turns
        (m, 3, 3) rotations of Cartesian vectors.
    bonds
        (u,) edges of the graph that bonds are made of.
    bond_places, bond_turns, is_reversed
        (b,) which of those every bond is made of, (b, 3, 3) by which rotation, (b,) and whether
        its ends are exchanged before.
    """

    graph: CrystalGraph
    atoms: Places
    places: Places
    operations: Places
    turns: NDArray[np.floating]
    bonds: Places
    bond_places: Places
    bond_turns: NDArray[np.floating]
    is_reversed: NDArray[np.bool_]

    def of_centres(self, values: Array) -> Array:
        """Return the rows of the representatives out of rows of all atoms."""
        return taken(values, indices_like(self.atoms, values))

    def everywhere(self, features: Features) -> Features:
        """Return features of all atoms of those of the representatives."""
        found = {}
        for irrep, block in features.items():
            turned = taken(block, indices_like(self.places, block))
            if irrep.l > 0 or irrep.p < 0:
                turned = like(self._turned[irrep], block) @ turned
            found[irrep] = turned
        return found

    @cached_property
    def _turned(self) -> "_Turned":
        return _Turned(self.turns, self.operations)

    def of_all_bonds(self, constants: Array) -> Array:
        """Return (b, 3, 3) force constants of all bonds of (u, 3, 3) those of `bonds`."""
        found = taken(constants, indices_like(self.bond_places, constants))
        is_reversed = indices_like(self.is_reversed, constants)[:, None, None]
        found = library_of(constants).where(is_reversed, found.swapaxes(1, 2), found)
        turns = like(self.bond_turns, constants)
        return turns @ found @ turns.swapaxes(1, 2)

    def of_all_stiffness(self, stiffness: Array) -> Array:
        """Return (b,) stiffness of all bonds of (u,) those of `bonds`."""
        return taken(stiffness, indices_like(self.bond_places, stiffness))

    def to(self, *, dtype: Any) -> "Representatives":
        """Return the same in a floating-point type of NumPy."""
        turns, bond_turns = (x.astype(dtype, copy=False) for x in (self.turns, self.bond_turns))
        return replace(self, graph=self.graph.to(dtype=dtype), turns=turns, bond_turns=bond_turns)


class _Turned(dict[Irrep, NDArray[np.float64]]):
    """(n, 2l+1, 2l+1) what makes the features of every atom, by irrep, each made once."""

    def __init__(self, turns: NDArray[np.floating], operations: Places) -> None:
        super().__init__()
        self.turns, self.operations = turns, operations

    def __missing__(self, irrep: Irrep) -> NDArray[np.float64]:
        self[irrep] = representation(self.turns, irrep).take(self.operations, axis=0)
        return self[irrep]


def representatives_of(
    graph: CrystalGraph, unit: AsymmetricUnit, images: Places, reverse: Places, forward: Places
) -> Representatives | None:
    """Return the representatives of a crystal with symmetry.

    None where an edge has no image: one that is longer than the cutoff by rounding.

    Parameters
    ----------
    graph
        Of the whole crystal.
    unit
        Its asymmetric unit.
    images
        (m, 3) lattice translations of the edges.
    reverse
        (m,) every edge seen from its other end.
    forward
        (b,) the edges that bonds are counted by.
    """
    i, j = graph.edge_index
    is_kept = np.zeros(len(unit.places), dtype=bool)
    is_kept[unit.atoms] = True
    kept = np.flatnonzero(is_kept[i])
    wanted = np.concatenate([forward, reverse[kept]])
    far, moved = unit.carried_back(i[wanted], j[wanted], images[wanted])
    found = _places_among(
        (unit.places[i[kept]], j[kept], images[kept]), (unit.places[i[wanted]], far, moved)
    )
    if found is None:
        return None
    of_bonds, of_reverse = found[: len(forward)], found[len(forward) :]
    chosen = np.minimum(np.arange(len(kept)), of_reverse)[of_bonds]
    is_reversed = chosen != of_bonds
    # From j's atom of the unit to j, then from i's to i.
    turns = unit.turns[unit.operations[i[forward]]]
    before = unit.operations[j[kept[of_bonds[is_reversed]]]]
    turns[is_reversed] = turns[is_reversed] @ unit.turns[before]
    bonds, bond_places = np.unique(chosen, return_inverse=True)
    index, vectors = graph.edge_index[:, kept], graph.edge_vectors[kept]
    distinct, alike = distinct_edges(graph.fractions, index, vectors)
    seen = CrystalGraph(
        site_masses=graph.site_masses[unit.atoms],
        fractions=graph.fractions[unit.atoms],
        edge_index=np.stack([unit.places[index[0]], index[1]]),
        edge_vectors=vectors,
        batch=graph.batch[unit.atoms],
        n_crystals=1,
        distinct=distinct,
        alike=alike,
    )
    return Representatives(
        seen, unit.atoms, unit.places, unit.operations, unit.turns,
        bonds, bond_places, turns, is_reversed,
    )  # fmt: skip


Edges = tuple[Places, Places, Places]  # atoms of the unit, atoms, (m, 3) lattice translations


def _places_among(edges: Edges, wanted: Edges) -> Places | None:
    """Return where each of the `wanted` edges stands among others; None if one does not."""
    reach = 1 + max(int(np.abs(x[2]).max(initial=0)) for x in (edges, wanted))
    n = 1 + max(int(x[1].max(initial=0)) for x in (edges, wanted))
    base = (2 * reach + 1) ** np.arange(3)

    def keys(of: Edges) -> Places:
        place, atom, image = of
        return (place * n + atom) * (2 * reach + 1) ** 3 + (image + reach) @ base

    known, asked = keys(edges), keys(wanted)
    order = np.argsort(known)
    found = order[np.minimum(np.searchsorted(known, asked, sorter=order), len(known) - 1)]
    return found if bool((known[found] == asked).all()) else None


def plain_representatives(graph: CrystalGraph, forward: Array) -> Representatives:
    """Return those of a crystal without symmetry: all its atoms and bonds."""
    graph, forward = graph.to(dtype=np.float64), as_numpy(forward)
    atoms, bonds = np.arange(graph.n_atoms), np.arange(len(forward))
    return Representatives(
        graph, atoms, atoms, np.zeros_like(atoms), np.eye(3)[None],
        forward, bonds, np.tile(np.eye(3), (len(bonds), 1, 1)), np.zeros(len(bonds), dtype=bool),
    )  # fmt: skip


def collate_representatives(parts: Sequence[Representatives]) -> Representatives:
    """Return those of all crystals side by side."""

    def firsts(sizes: Sequence[int]) -> list[int]:
        return [0, *accumulate(sizes)][:-1]

    def joined(name: str, starts: Sequence[int] | None = None) -> NDArray[Any]:
        found = [getattr(part, name) for part in parts]
        return np.concatenate(
            found if starts is None else [x + n for x, n in zip(found, starts, strict=True)]
        )

    graphs = [part.graph for part in parts]
    seen, whole = firsts([g.n_atoms for g in graphs]), firsts([len(p.places) for p in parts])
    edges = firsts([len(g.alike) for g in graphs])
    starts = zip(graphs, seen, whole, strict=True)
    ends = np.concatenate([g.edge_index + [[a], [b]] for g, a, b in starts], axis=1)
    graph = replace(collate(graphs), edge_index=ends)  # far ends count whole crystals
    return Representatives(
        graph=graph,
        atoms=joined("atoms", whole),
        places=joined("places", seen),
        operations=joined("operations", firsts([len(p.turns) for p in parts])),
        turns=joined("turns"),
        bonds=joined("bonds", edges),
        bond_places=joined("bond_places", firsts([len(p.bonds) for p in parts])),
        bond_turns=joined("bond_turns"),
        is_reversed=joined("is_reversed"),
    )
