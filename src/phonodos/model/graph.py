"""`CrystalGraph`: one or many crystals as atoms and directed edges to all near neighbours.

One formula for an edge from centre i to neighbour j in the periodic image S:
``edge_vector = r_j - r_i + S cell`` [A], and |edge_vector| < cutoff. A pair is listed once in each
direction; an atom is a neighbour of its own periodic images but never of itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from phonodos.errors import StructureError
from phonodos.model.arrays import Array, as_numpy, converted, indices_like, library_of
from phonodos.model.imports import hidden
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.physics.lattice_vectors import compact_basis

with hidden("torch", "cupy"):  # vesin loads them wherever they are installed
    from vesin import NeighborList

FAR = 10.0  # fractional coordinates beyond it are brought back into the cell first
ALIKE = 1e-6  # [A], lengths that count as equal


@dataclass(frozen=True, eq=False)
class CrystalGraph:
    """Atoms and edges of one crystal or of a batch, in arrays of NumPy or (`to`) of torch.

    Attributes
    ----------
    site_masses
        (n, 118) mass times fraction of every element at every site [amu]: equation 1 of the paper.
    fractions
        (n, 118) fraction of every element at every site.
    edge_index
        (2, m) row 0 the centre i, row 1 the neighbour j; sorted by centre.
    edge_vectors
        (m, 3) from centre to neighbour [A].
    batch
        (n,) crystal every atom belongs to.
    n_crystals
        Number of crystals.
    distinct, alike
        (u,) an edge of every kind (`distinct_edges`); (m,) of which kind every edge is. By default
        they are found; a graph with other vectors needs others.
    """

    site_masses: Array
    fractions: Array
    edge_index: Array
    edge_vectors: Array
    batch: Array
    n_crystals: int
    distinct: Array = None  # found in __post_init__
    alike: Array = None

    def __post_init__(self) -> None:
        if self.distinct is None:
            seen = map(as_numpy, (self.fractions, self.edge_index, self.edge_vectors))
            for name, found in zip(("distinct", "alike"), distinct_edges(*seen), strict=True):
                object.__setattr__(self, name, indices_like(found, self.edge_index))

    @property
    def n_atoms(self) -> int:
        """Number of atoms in the batch."""
        return int(self.batch.shape[0])

    @cached_property
    def atoms_by_kind(self) -> list[np.ndarray]:
        """Numbers of the atoms that have the same elements, kind by kind."""
        kinds = alike_rows(as_numpy(self.fractions))
        return [np.flatnonzero(kinds == kind) for kind in range(kinds.max(initial=-1) + 1)]

    @cached_property
    def neighbour_counts(self) -> Array:
        """(n,) number of neighbours of every atom."""
        centres = self.edge_index[0]
        return library_of(centres).bincount(centres, minlength=self.n_atoms)

    @cached_property
    def first_edges(self) -> list[int]:
        """First edge of every atom, and the number of edges at the end."""
        return [0, *self.neighbour_counts.cumsum(0).tolist()]

    @cached_property
    def neighbour_slots(self) -> Array:
        """(n, most neighbours) edge numbers of every atom, padded with the number of edges."""
        counts = self.neighbour_counts
        first = counts.cumsum(0) - counts
        offsets = indices_like(np.arange(max(int(counts.max()), 1)), counts)
        slots = first[:, None] + offsets[None, :]
        outside = self.edge_index.shape[1]
        return library_of(counts).where(offsets[None, :] < counts[:, None], slots, outside)

    def to(self, *, dtype: Any, device: Any = None) -> "CrystalGraph":
        """Return the graph in a floating-point type: in the arrays of NumPy or torch it is of.

        Whole numbers stay int64. `device` is where torch's arrays go; where they are if None.
        """
        names = (
            "site_masses", "fractions", "edge_index", "edge_vectors", "batch", "distinct", "alike",
        )  # fmt: skip
        return replace(self, **{k: converted(getattr(self, k), dtype, device) for k in names})


def distinct_edges(
    fractions: np.ndarray, edge_index: np.ndarray, edge_vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (u,) an edge of every kind and (m,) of which kind every edge is.

    Edges are alike if the elements at both ends are and their lengths agree within 1e-6 A: what a
    network makes of distance and elements alone is the same. In crystals most edges are
    like another one, and no symmetry needs to be known. Ten times the tolerance would move
    frequencies by 0.01 cm^-1.
    """
    kinds = alike_rows(fractions)
    pairs = kinds[edge_index[0]] * (kinds.max(initial=0) + 1) + kinds[edge_index[1]]
    lengths = np.linalg.norm(edge_vectors, axis=1)
    # One key for both: sorting by two takes three times as long.
    order = np.argsort(pairs * (np.ceil(lengths.max(initial=0.0)) + 1.0) + lengths, kind="stable")
    new = np.diff(pairs[order], prepend=-1) != 0
    new |= np.diff(lengths[order], prepend=0.0) > ALIKE
    alike = np.empty(len(order), dtype=np.int64)
    alike[order] = np.cumsum(new) - 1
    return order[new], alike


def alike_rows(fractions: np.ndarray) -> np.ndarray:
    """Return (n,) numbers of the kinds of rows: equal ones have the same, from 0 on."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in fractions], np.int64)


def find_neighbours(crystal: Crystal, cutoff: float) -> tuple[np.ndarray, ...]:
    """Return centres i, neighbours j, images S (m, 3) and vectors (m, 3) [A], sorted by centre.

    Those of a very skewed cell, or of sites far from it, are sought in the reduced cell.
    """
    basis = compact_basis(crystal.cell, crystal.reduction)
    cell, points = basis @ crystal.cell, crystal.positions
    far = np.abs(crystal.frac_coords).max() > FAR or not np.array_equal(basis, np.eye(3))
    if far:
        home = np.floor(points @ np.linalg.inv(cell))
        points = points - home @ cell
    neighbours = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    i, j, images, vectors = neighbours.compute(
        points=np.ascontiguousarray(points),
        box=np.ascontiguousarray(cell),
        periodic=True,
        quantities="ijSD",
        copy=True,
    )
    i, j = i.astype(np.int64), j.astype(np.int64)
    if far:
        whole = images.astype(np.int64) + home[i].astype(np.int64) - home[j].astype(np.int64)
        images = whole @ basis
    return i, j, images, vectors


def build_graph(crystal: Crystal, cutoff: float) -> CrystalGraph:
    """Return the graph of one crystal with all neighbours closer than `cutoff` [A].

    Its arrays are NumPy's, in float64 and int64.

    Raises
    ------
    StructureError
        If no atom has a neighbour: a lone atom in a large box has no phonons.
    """
    i, j, _, vectors = find_neighbours(crystal, cutoff)
    return graph_of(crystal, cutoff, i, j, vectors)


def graph_of(
    crystal: Crystal, cutoff: float, i: np.ndarray, j: np.ndarray, vectors: np.ndarray
) -> CrystalGraph:
    """Return `build_graph` of what `find_neighbours` found."""
    if len(i) == 0:
        raise StructureError(
            f"{crystal.label}: no atom has a neighbour within {cutoff:g} A",
            "the network sees a crystal through its bonds, and here there are none "
            "(an isolated atom or molecule in a large box?)",
            "give the crystal in its periodic cell, with lengths in Angstrom",
        )
    fractions, site_masses = _encode_sites(crystal)
    return CrystalGraph(
        site_masses=site_masses,
        fractions=fractions,
        edge_index=np.stack([i, j]),
        edge_vectors=vectors,
        batch=np.zeros(crystal.n_atoms, dtype=np.int64),
        n_crystals=1,
    )


def isolated_sites(graph: CrystalGraph) -> tuple[int, ...]:
    """Return the atoms without any neighbour; a network knows nothing of their surroundings."""
    return tuple(np.flatnonzero(as_numpy(graph.neighbour_counts) == 0).tolist())


def collate(graphs: Sequence[CrystalGraph]) -> CrystalGraph:
    """Return one graph of the crystals of all `graphs`, of one library, side by side."""
    if len(graphs) == 1:
        return graphs[0]
    atoms = [g.n_atoms for g in graphs]
    first_atom = np.concatenate([[0], np.cumsum(atoms)[:-1]]).tolist()
    first_edge = np.cumsum([0] + [len(g.alike) for g in graphs])[:-1].tolist()
    first_kind = np.cumsum([0] + [len(g.distinct) for g in graphs])[:-1].tolist()
    first_crystal = np.cumsum([0] + [g.n_crystals for g in graphs]).tolist()
    join = library_of(graphs[0].edge_index).concatenate
    return CrystalGraph(
        site_masses=join([g.site_masses for g in graphs]),
        fractions=join([g.fractions for g in graphs]),
        edge_index=join([g.edge_index + n for g, n in zip(graphs, first_atom, strict=True)], 1),
        edge_vectors=join([g.edge_vectors for g in graphs]),
        batch=join([g.batch + n for g, n in zip(graphs, first_crystal, strict=False)]),
        n_crystals=first_crystal[-1],
        distinct=join([g.distinct + n for g, n in zip(graphs, first_edge, strict=True)]),
        alike=join([g.alike + n for g, n in zip(graphs, first_kind, strict=True)]),
    )


def _encode_sites(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    fractions = np.zeros((crystal.n_atoms, elements.N_ELEMENTS))
    masses = np.zeros_like(fractions)
    for row, site in enumerate(crystal.occupancy):
        for symbol, fraction in site.items():
            place = elements.atomic_number(symbol) - 1
            fractions[row, place] += fraction
            masses[row, place] += fraction * elements.atomic_mass(symbol)
    return fractions, masses
