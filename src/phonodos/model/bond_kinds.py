"""Kinds of bonds: which elements touch in a crystal, to tell what training showed and what not."""

from collections.abc import Iterable

import numpy as np

from phonodos.model.arrays import as_numpy
from phonodos.model.graph import CrystalGraph, build_graph
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import covalent_radii

TOUCHING = 0.5  # [A] beyond the sum of both covalent radii; it holds in ionic crystals and metals
NEAREST = 1.2  # of the distance to the nearest neighbour of one end: no bond reaches past others
REACH = 5.0  # [A], of the graph that is searched; hardly any bond is longer


def bond_kinds(crystal: Crystal, graph: CrystalGraph) -> set[str]:
    """Return the pairs of elements of all bonds, as ``Na-Cl``: the more electropositive first.

    A bond is a pair of atoms no further apart than the sum of their covalent radii plus 0.5 A, and
    than 1.2 times the distance from one of them to its nearest neighbour: the radii of electro-
    positive elements alone would bond every Sr of SrTiO3 to the next. A site shared by elements
    counts for each of them.
    """
    radii = covalent_radii()
    sites = [[elements.element_of(s) for s in site] for site in crystal.occupancy]
    reach = np.array([max(radii[elements.atomic_number(s) - 1] for s in site) for site in sites])
    i, j = as_numpy(graph.edge_index)
    lengths = np.linalg.norm(as_numpy(graph.edge_vectors), axis=1)
    nearest = np.full(len(sites), np.inf)
    start = np.flatnonzero(np.diff(i, prepend=-1))  # edges are sorted by their centres
    if len(start):
        nearest[i[start]] = np.minimum.reduceat(lengths, start)
    close = lengths < NEAREST * np.maximum(nearest[i], nearest[j])
    near = np.flatnonzero(close & (lengths < reach[i] + reach[j] + TOUCHING) & (i <= j))
    shortest: dict[tuple[int, int], float] = {}
    for a, b, r in zip(i[near].tolist(), j[near].tolist(), lengths[near].tolist(), strict=True):
        shortest[a, b] = min(r, shortest.get((a, b), r))
    found: dict[tuple[str, str], float] = {}
    for (a, b), r in shortest.items():
        for pair in ((x, y) for x in sites[a] for y in sites[b]):
            found[pair] = min(r, found.get(pair, r))
    return {
        bond_name(pair)
        for pair, r in found.items()
        if r < sum(radii[elements.atomic_number(s) - 1] for s in pair) + TOUCHING
    }


def count_bond_kinds(crystals: Iterable[Crystal]) -> dict[str, int]:
    """Return in how many of the crystals every kind of bond occurs, by name."""
    counts: dict[str, int] = {}
    for crystal in crystals:
        for name in bond_kinds(crystal, build_graph(crystal, REACH)):
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def bond_name(pair: Iterable[str]) -> str:
    """Return two elements as a bond, the more electropositive one first."""
    return "-".join(sorted(pair, key=lambda s: (elements.electronegativity(s), s)))
