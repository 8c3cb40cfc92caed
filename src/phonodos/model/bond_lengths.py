"""How close atoms come and how far they stand apart: what training showed, the net behind readers.

Whatever slips through a reader (a lattice in bohr, lost atoms, a wrong setting) shows in distances.
A table of training's shortest distance for every pair of elements, of the loosest nearest neighbour
of every element and of the emptiest crystal is kept in the weight file.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from phonodos.errors import StructureError
from phonodos.model.arrays import as_numpy
from phonodos.model.bond_kinds import bond_name
from phonodos.model.graph import CrystalGraph, build_graph
from phonodos.physics import elements
from phonodos.physics.crystal import Crystal

REACH = 6.0  # [A], distances that are looked at
MARGIN = 0.05  # relative; distances beyond training's by more are told of
ABSURD = 0.5  # times training's shortest: no strain or pressure does that
ABSURD_RADII = 0.6  # times the sum of covalent radii, for pairs that training never showed
CLOSE_RADII, LOOSE_RADII = 0.8, 1.5  # times the sum of radii, where nothing better is known
EMPTY = 1.25  # times the volume an atom has in the emptiest crystal of training

Length = Annotated[float, Field(gt=0.0, lt=1000.0)]


class TrainingLengths(BaseModel):
    """What a weight file says of distances in its training crystals.

    Attributes
    ----------
    shortest
        Shortest distance of every pair of elements [A], by the name of the bond.
    loosest
        Largest distance to the nearest neighbour of every element [A].
    emptiest
        Largest volume per atom [A^3]; None where nothing is known.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    shortest: dict[str, Length] = {}
    loosest: dict[str, Length] = {}
    emptiest: float | None = None


class Contact(NamedTuple):
    """Two sites of a crystal and their distance [A]."""

    first: int
    second: int
    length: float


def closest_contacts(crystal: Crystal, graph: CrystalGraph) -> dict[str, Contact]:
    """Return the closest contact of every pair of elements, by the name of the bond.

    Shared sites are left out: their elements make room for each other.
    """
    alone = [
        elements.element_of(next(iter(site))) if len(site) == 1 else ""
        for site in crystal.occupancy
    ]
    # One edge of those alike, the first of the shortest: the others say nothing else.
    i, j, lengths = (x[as_numpy(graph.distinct)] for x in _edges(graph))
    kinds = np.unique(alone, return_inverse=True)[1]
    pairs = np.sort(np.stack([kinds[i], kinds[j]]), axis=0)
    named = np.array([bool(name) for name in alone])
    order = np.argsort(lengths, kind="stable")
    order = order[named[i[order]] & named[j[order]]]
    codes = (pairs[0] * len(alone) + pairs[1])[order]
    # Of every pair the shortest, in the order of the longest, descending.
    _, shortest = np.unique(codes, return_index=True)
    _, longest = np.unique(codes[::-1], return_index=True)
    found = {}
    for k in order[shortest[np.argsort(longest)]].tolist():
        contact = Contact(int(i[k]), int(j[k]), float(lengths[k]))
        found[bond_name((alone[contact.first], alone[contact.second]))] = contact
    return found


def nearest_contacts(graph: CrystalGraph) -> list[Contact]:
    """Return the contact of every site with its nearest neighbour; none for isolated sites."""
    i, j, lengths = _edges(graph)
    places = np.flatnonzero(lengths == nearest_lengths(graph)[i])
    _, first = np.unique(i[places], return_index=True)
    return [Contact(int(i[k]), int(j[k]), float(lengths[k])) for k in places[first].tolist()]


def measure_lengths(crystals: Iterable[Crystal]) -> TrainingLengths:
    """Return the table of distances in crystals."""
    shortest: dict[str, float] = {}
    loosest: dict[str, float] = {}
    emptiest = 0.0
    for crystal in crystals:
        graph = build_graph(crystal, REACH)
        for name, contact in closest_contacts(crystal, graph).items():
            shortest[name] = min(contact.length, shortest.get(name, np.inf))
        for contact in nearest_contacts(graph):
            for species in crystal.occupancy[contact.first]:
                element = elements.element_of(species)
                loosest[element] = max(contact.length, loosest.get(element, 0.0))
        emptiest = max(emptiest, crystal.volume / crystal.n_atoms)
    rounded = {name: round(length, 3) for name, length in sorted(shortest.items())}
    loose = {name: round(length, 3) for name, length in sorted(loosest.items())}
    return TrainingLengths(shortest=rounded, loosest=loose, emptiest=round(emptiest, 1) or None)


def length_doubts(
    crystal: Crystal, graph: CrystalGraph, known: TrainingLengths, places: Sequence[int]
) -> list[str]:
    """Return what distances say: atoms closer or further apart than training showed, vacuum.

    Parameters
    ----------
    crystal, graph
        A primitive cell and its graph.
    known
        What training showed; covalent radii stand in for what it did not.
    places
        For every site its number in the crystal the user gave, from 0.

    Raises
    ------
    StructureError
        If two atoms are absurdly close; both and their distance are named.
    """
    found = []
    near = closest_contacts(crystal, graph)
    for limit in (_absurd, _close):
        ratios = {name: c.length / limit(name, known) for name, c in near.items()}
        # Of contacts that are about equally short for their kind, the shortest is the one to name.
        name = min(ratios, key=lambda k: (round(ratios[k], 2), near[k].length), default="")
        if not name or ratios[name] >= 1.0:
            continue
        contact, source = near[name], _shortest(name, known)[1]
        apart = f"{' and '.join(_names(crystal, contact, places))} are {contact.length:.2f} A apart"
        if limit is _absurd:
            raise StructureError(
                f"{crystal.label}: {apart}",
                f"{source}; so close they are in no crystal: the lattice may not be in Angstrom, "
                "or atoms are listed twice",
                "check the structure; --no-check (check=False in Python) predicts it all the same",
            )
        found.append(f"{apart}: {source}; expect larger errors")
    found += _loose(crystal, graph, known, places)
    volume = crystal.volume / crystal.n_atoms
    if known.emptiest is not None and volume > EMPTY * known.emptiest:
        found.append(
            f"{volume:.0f} A^3 an atom, in training {known.emptiest:.0f} at most: molecules and "
            "slabs in vacuum were not in training"
        )
    return found


def _loose(
    crystal: Crystal, graph: CrystalGraph, known: TrainingLengths, places: Sequence[int]
) -> list[str]:
    """Return what the loosest atom says, relative to what is known of its element."""
    worst, excess = None, 1.0 + MARGIN
    for contact in nearest_contacts(graph):
        pair = [elements.element_of(next(iter(crystal.occupancy[k]))) for k in contact[:2]]
        limit = known.loosest.get(pair[0], LOOSE_RADII * _radii(pair))
        if contact.length / limit > excess:
            worst, excess = (contact, pair[0], limit), contact.length / limit
    if worst is None:
        return []
    contact, element, limit = worst
    seen = "in training" if element in known.loosest else "by the covalent radii"
    first, second = _names(crystal, contact, places)
    return [
        f"the nearest neighbour of {first} is {second}, {contact.length:.2f} A away: {seen} that "
        f"of {element} is at most {limit:.2f} A away; expect larger errors (is the lattice in "
        "Angstrom?)"
    ]


def _shortest(name: str, known: TrainingLengths) -> tuple[float, str]:
    """Return the shortest distance that is known of a pair of elements [A], and from where."""
    if name in known.shortest:
        length = known.shortest[name]
        return length, f"in training {name} is never below {length:.2f} A"
    length = CLOSE_RADII * _radii(name.split("-"))
    return length, f"training has no {name} within {REACH:g} A, and the radii want {length:.2f} A"


def _close(name: str, known: TrainingLengths) -> float:
    """Return the distance below which a pair of elements is told of [A]."""
    return _shortest(name, known)[0] * (1.0 - MARGIN)


def _absurd(name: str, known: TrainingLengths) -> float:
    """Return the distance below which a pair of elements is refused [A].

    A pair that training held far apart only may well be a bond: there the radii decide.
    """
    by_radii = ABSURD_RADII * _radii(name.split("-"))
    return min(ABSURD * known.shortest.get(name, np.inf), by_radii)


def _radii(pair: Sequence[str]) -> float:
    return sum(map(elements.covalent_radius, pair))


def _names(crystal: Crystal, contact: Contact, places: Sequence[int]) -> tuple[str, str]:
    first, second = (
        f"{'/'.join(crystal.occupancy[k])} (site {places[k] + 1})" for k in contact[:2]
    )
    return first, second


def nearest_lengths(graph: CrystalGraph) -> np.ndarray:
    """Return (n,) distances of atoms to their nearest neighbours [A]; infinite without any."""
    i, _, lengths = _edges(graph)
    found = np.full(graph.n_atoms, np.inf)
    start = np.flatnonzero(np.diff(i, prepend=-1))  # edges are sorted by their centres
    if len(start):
        found[i[start]] = np.minimum.reduceat(lengths, start)
    return found


def _edges(graph: CrystalGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    i, j = as_numpy(graph.edge_index)
    return i, j, np.linalg.norm(as_numpy(graph.edge_vectors), axis=1)
