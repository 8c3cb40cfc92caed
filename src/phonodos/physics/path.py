"""`BandPath`: the lines of the Brillouin zone that band structures are drawn along."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.brillouin_zone import special_lines
from phonodos.physics.crystal import Crystal, compact
from phonodos.physics.lattice_vectors import whole_inverse
from phonodos.physics.primitive import SYMMETRY_TOLERANCE, symmetry_dataset

Array = NDArray[np.float64]
SPACING = 0.02  # [1/A], largest distance of neighbouring points, 2 pi included
FEWEST = 11  # points of a segment
GAMMA = "GAMMA"
GREEK = {GAMMA: r"\Gamma", "SIGMA": r"\Sigma", "DELTA": r"\Delta", "LAMBDA": r"\Lambda"}
LETTERS = {GAMMA: "\u0393", "SIGMA": "\u03a3", "DELTA": "\u0394", "LAMBDA": "\u039b"}
SUBSCRIPTS = {ord(str(k)): chr(0x2080 + k) for k in range(10)}
# How far along a path "at Gamma" is [1/A]: far enough for a direction, too short for dispersion.
GAMMA_STEP = 1e-4
# The same for the stored paths of data sets; weights were taught and judged with it, so it stays.
STORED_STEP = 2e-3
_ZERO = 1e-9  # fractional, of a wave vector that is Gamma


@dataclass(frozen=True, eq=False)
class Segment:
    """A straight line between two wave vectors.

    Attributes
    ----------
    labels
        Names of its ends, ``GAMMA`` or as Hinuma et al. name them (``X``, ``SIGMA_0``).
    qpoints
        (m, 3) wave vectors in fractions of the reciprocal lattice vectors, both ends included.
    distances
        (m,) length of the path up to each point [1/A], 2 pi included.
    """

    labels: tuple[str, str]
    qpoints: Array
    distances: Array


@dataclass(frozen=True, eq=False)
class BandPath:
    """Segments in the order they are drawn; where two do not join, nothing lies between them."""

    segments: tuple[Segment, ...]

    def ticks(self) -> list[tuple[float, str]]:
        """Return distance [1/A] and name of every corner; ``X|K`` where the path jumps."""
        found: list[tuple[float, str]] = []
        for segment in self.segments:
            start, end = segment.labels
            if not found:
                found.append((float(segment.distances[0]), start))
            elif found[-1][1] != start:
                found[-1] = (found[-1][0], f"{found[-1][1]}|{start}")
            found.append((float(segment.distances[-1]), end))
        return found


@dataclass(frozen=True, eq=False)
class BandStructure:
    """Frequencies along a path: (m, 3n) a segment [cm^-1], ascending, imaginary ones negative."""

    path: BandPath
    frequencies: tuple[Array, ...]

    def __iter__(self) -> Iterator[tuple[Segment, Array]]:
        return iter(zip(self.path.segments, self.frequencies, strict=True))


def band_path(crystal: Crystal, spacing: float = SPACING, fewest: int = FEWEST) -> BandPath:
    """Return the recommended path of a primitive cell, for the cell as it is.

    The path of Hinuma, Pizzi, Kumagai, Oba and Tanaka, Comput. Mater. Sci. 128, 140 (2017), by
    seekpath; time reversal symmetry is assumed.

    Parameters
    ----------
    crystal
        A primitive cell, pure or mixed, of either handedness.
    spacing
        Largest distance of neighbouring points [1/A], 2 pi included.
    fewest
        Points of the shortest segments.

    Raises
    ------
    StructureError
        If no symmetry is found.
    """
    # Seekpath wants a right-handed cell, -a, -b, -c span the same lattice, and no very skewed one.
    short, basis = compact(crystal)
    hand = 1.0 if np.linalg.det(short.cell) > 0.0 else -1.0
    right = (
        short if hand > 0.0 else replace(short, cell=-short.cell, frac_coords=-short.frac_coords)
    )
    try:
        points, ends = _recommended(right)
    except ValueError as err:
        raise StructureError(
            f"{crystal.label}: no path through the Brillouin zone",
            f"no symmetry is found ({err})",
            "check for sites that almost coincide, or give your own path from Python",
        ) from err
    turn = hand * whole_inverse(basis).T
    corners = {name: q @ turn for name, q in points.items()}
    lines = [(a, b, corners[a], corners[b]) for a, b in ends]
    return path_of_lines(crystal, lines, spacing, fewest)


def _recommended(crystal: Crystal) -> tuple[dict[str, Array], list[tuple[str, str]]]:
    """Return special points and lines of a right-handed cell."""
    dataset = symmetry_dataset(crystal, SYMMETRY_TOLERANCE)
    if dataset is None:
        raise ValueError("sites are too close to each other, or the cell is no cell")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # edge cases between two lattice types: either path will do
        return special_lines(dataset, crystal.cell)


def path_of_lines(
    crystal: Crystal, lines: list[tuple[str, str, Array, Array]], spacing: float = SPACING,
    fewest: int = FEWEST,
) -> BandPath:  # fmt: skip
    """Return the path along given lines: name of start and end, fractional q of start and end."""
    reciprocal = crystal.reciprocal_cell
    segments, travelled = [], 0.0
    for start, end, a, b in lines:
        length = float(np.linalg.norm((np.asarray(b) - a) @ reciprocal))
        n = max(fewest, int(np.ceil(length / spacing)) + 1)
        share = np.linspace(0.0, 1.0, n)[:, None]
        qpoints = (1.0 - share) * a + share * b
        segments.append(Segment((start, end), qpoints, travelled + share[:, 0] * length))
        travelled += length
    return BandPath(tuple(segments))


def step_from_gamma(qpoints: Array, reciprocal: Array, step: float) -> Array:
    """Return the points of a segment, those at Gamma moved by `step` [1/A] along the segment.

    There the frequencies of polar modes depend on the direction.

    Parameters
    ----------
    qpoints
        (m, 3) fractional, m > 1.
    reciprocal
        (3, 3) reciprocal lattice vectors as rows [1/A], 2 pi included.
    step
        How far to move.
    """
    moved = qpoints.copy()
    for k, neighbour in ((0, 1), (len(qpoints) - 1, -2)):
        if np.abs(qpoints[k]).max() < _ZERO:
            direction = qpoints[neighbour]
            moved[k] = _shortened(direction, reciprocal, step)
    return moved


def step_along_path(qpoints: Array, frequencies: Array, crystal: Crystal) -> Array:
    """Return the path with every exact Gamma moved a little towards its own neighbour.

    The stored values at Gamma hold the non-analytic term for the direction of the path; of two
    neighbours the one with the closer frequencies gives that direction.
    """
    moved = qpoints.copy()
    reciprocal = crystal.reciprocal_cell
    for k in np.flatnonzero(np.abs(qpoints).max(axis=1) < _ZERO):
        sides = [j for j in (k - 1, k + 1) if 0 <= j < len(qpoints) and np.abs(qpoints[j]).any()]
        if not sides:
            continue
        near = min(sides, key=lambda j: float(np.abs(frequencies[j] - frequencies[k]).sum()))
        moved[k] = _shortened(qpoints[near], reciprocal, STORED_STEP)
    return moved


def _shortened(direction: Array, reciprocal: Array, step: float) -> Array:
    """Return the fractional wave vector of a direction that is `step` [1/A] long."""
    return np.asarray(direction * (step / np.linalg.norm(direction @ reciprocal)))


def lengths_from_gamma(qpoints: Array, reciprocal: Array) -> Array:
    """Return the (m,) distances [1/A], 2 pi included, of (m, 3) fractional q from the next Gamma.

    Next by their fractions: in a very skewed cell another one can be closer.
    """
    near = qpoints - np.rint(qpoints)
    return np.asarray(np.linalg.norm(near @ reciprocal, axis=1))


def corner_symbol(name: str) -> str:
    """Return the name of a corner in plain letters: ``\u0393``, ``X|K\u2080``."""
    words = []
    for word in name.split("|"):
        letter, _, index = word.partition("_")
        words.append(LETTERS.get(letter, letter) + index.translate(SUBSCRIPTS))
    return "|".join(words)


def corner_text(name: str) -> str:
    r"""Return the name of a corner for mathtext: ``$\Gamma$``, ``$\mathrm{X}|\mathrm{K}_{0}$``."""
    words = []
    for word in name.split("|"):
        letter, _, index = word.partition("_")
        shown = GREEK.get(letter, rf"\mathrm{{{re.sub(r'[^A-Za-z]', '', letter)}}}")
        words.append(shown + (f"_{{{index}}}" if index else ""))
    return f"${'|'.join(words)}$"
