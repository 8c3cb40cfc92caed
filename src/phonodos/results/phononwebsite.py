"""Band structures as a file for phononwebsite, where modes can be watched."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of, symbols
from phonodos.physics.path import GAMMA, BandStructure
from phonodos.results.bands import Vectors, by_atom, complex_parts

MOST_ATOMS, MOST_REPETITIONS = 120, 3  # that it is first asked to draw


def website_record(
    bands: BandStructure, crystal: Crystal, vectors: Vectors, masses: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the JSON that phononwebsite reads (Miranda, henriquemiranda.github.io/phononwebsite).

    As its reader takes them (``src/phononjson.js`` at 077a50a7, function getFromInternalJson):
    ``vectors`` are displacements, eigenvectors over the root of the masses [amu], with the phase of
    the atom in its cell, norm 1, by wave vector, mode, atom, axis, part (real, imaginary); it adds
    the phase of the cell alone. Frequencies are in cm^-1, lengths in A, lattice vectors rows,
    ``line_breaks`` first wave vector of a line and the one after its last. Every segment is a line
    of its own: at Gamma its polar modes are those of its direction. A site shows its most frequent
    element, of an isotope the element, whose number picks colour and radius.
    """
    segments = [s for s, _ in bands]
    ends = np.cumsum([0, *(len(s.qpoints) for s in segments)]).tolist()
    shown = [element_of(max(site, key=lambda s: site[s])) for site in crystal.occupancy]
    table = symbols()
    moved = []
    for segment, each in zip(segments, vectors, strict=True):
        phases = np.exp(2j * np.pi * segment.qpoints @ crystal.frac_coords.T)
        u = by_atom(each) / np.sqrt(masses)[:, None] * phases[:, None, :, None]
        moved.append(u / np.sqrt((np.abs(u) ** 2).sum(axis=(2, 3), keepdims=True)))
    n = crystal.n_atoms
    times = max(1, min(MOST_REPETITIONS, int((MOST_ATOMS / n) ** (1.0 / 3.0))))
    return {
        "name": crystal.written_formula,
        "formula": crystal.written_formula,
        "natoms": n,
        "lattice": crystal.cell.tolist(),
        "atom_types": shown,
        "atom_numbers": [table.index(symbol) + 1 for symbol in shown],
        "atom_pos_red": crystal.frac_coords.tolist(),
        "atom_pos_car": crystal.positions.tolist(),
        "masses": masses.tolist(),
        "repetitions": [times] * 3,
        "qpoints": np.concatenate([s.qpoints for s in segments]).tolist(),
        "distances": np.concatenate([s.distances for s in segments]).tolist(),
        "line_breaks": [list(pair) for pair in pairwise(ends)],
        "highsym_qpts": _corners(bands, ends),
        "eigenvalues": np.concatenate(bands.frequencies).tolist(),
        "vectors": [part for u in moved for part in complex_parts(u)],
    }


def _corners(bands: BandStructure, ends: list[int]) -> list[list[Any]]:
    """Return number of the wave vector and name of the ends of segments, one name a distance.

    The website keeps names by their distance: where the path jumps, both ends have both names.
    """
    names = dict(bands.path.ticks())
    found: list[list[Any]] = []
    for segment, (first, last) in zip(bands.path.segments, pairwise(ends), strict=True):
        for place, distance in ((first, segment.distances[0]), (last - 1, segment.distances[-1])):
            near = min(names, key=lambda x: abs(x - float(distance)))
            words = names[near].replace("_", "").replace(GAMMA, "\u0393")
            found.append([place, words])
    return found
