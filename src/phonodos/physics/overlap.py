"""Sites that lie on top of each other, found exactly in every cell."""

import math

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import StructureError
from phonodos.physics.crystal import Crystal

MINIMUM_DISTANCE = 0.4  # [A]; the shortest bond of all, in H2, is 0.74
ITSELF = np.eye(3, dtype=np.int64)  # the reduction of a cell that is reduced
LARGEST_BLOCK = 4_000_000  # pairs of a site and an image looked at at once, 32 bytes each


def check_overlap(crystal: Crystal, minimum: float = MINIMUM_DISTANCE) -> None:
    """Raise if two sites, or a site and a periodic image, are closer than `minimum` [A].

    Exact for every cell: all lattice translations that could bring two sites that close are
    looked at, however small or skewed the cell is.

    Raises
    ------
    StructureError
        Names the closest two sites and their distance.
    """
    cell = crystal.short_cell
    if np.array_equal(crystal.reduction, ITSELF):
        home = np.mod(crystal.frac_coords, 1.0)
    else:
        home = np.mod(crystal.positions @ np.linalg.inv(cell), 1.0)
    # A distance d spans at most d over the distance of the planes of fractional coordinate.
    reach = minimum / np.array(crystal.shape[1])
    if reach.max() < 0.5:
        found = _closest_wrapped(home, cell, minimum)
    else:
        found = _closest_image(home, cell, reach, minimum)
    if found is not None:
        _raise_overlap(crystal, *found)


_Found = tuple[tuple[int, int], float] | None  # two sites and their distance [A]


def _closest_wrapped(
    home: NDArray[np.float64], cell: NDArray[np.float64], minimum: float
) -> _Found:
    """Return the closest two sites below `minimum` where a gap that short is the wrapped one.

    A lattice vector is longer than that, so no site meets its own image.
    """
    closest, pair = minimum, None
    step = max(1, min(256, LARGEST_BLOCK // len(home)))
    for start in range(0, len(home), step):
        gaps = home[start : start + step, None] - home[None]
        gaps -= np.rint(gaps)
        gaps = gaps @ cell
        squared = np.einsum("ijk,ijk->ij", gaps, gaps)
        rows = np.arange(len(squared))
        squared[rows, start + rows] = np.inf
        at = int(squared.argmin())
        i, j = divmod(at, len(home))
        if squared[i, j] < closest**2:
            closest, pair = math.sqrt(squared[i, j]), (start + i, j)
    return None if pair is None else (pair, closest)


def _closest_image(
    home: NDArray[np.float64],
    cell: NDArray[np.float64],
    reach: NDArray[np.float64],
    minimum: float,
) -> _Found:
    """Return the same for cells so thin that several images of a site may be that near."""
    whole = np.ceil(reach).astype(int)
    steps = np.array(np.meshgrid(*(np.arange(-w, w + 1) for w in whole), indexing="ij"))
    shifts = steps.reshape(3, -1).T
    images = home[None] + shifts[:, None]
    near = np.all((images >= -reach) & (images <= 1.0 + reach), axis=2)
    shift_index, origin = np.nonzero(near)
    points, at_home = images[near] @ cell, ~shifts[shift_index].any(axis=1)
    closest, pair = minimum, None
    step = max(1, min(256, LARGEST_BLOCK // len(points)))
    for start in range(0, len(home), step):
        gaps = home[start : start + step, None] @ cell - points[None]
        squared = np.einsum("ijk,ijk->ij", gaps, gaps)
        rows = np.arange(start, start + len(squared))
        squared[(rows[:, None] == origin) & at_home] = np.inf
        i, j = np.unravel_index(int(np.argmin(squared)), squared.shape)
        if squared[i, j] < closest**2:
            closest, pair = float(np.sqrt(squared[i, j])), (int(rows[i]), int(origin[j]))
    return None if pair is None else (pair, closest)


def _raise_overlap(crystal: Crystal, pair: tuple[int, int], distance: float) -> None:
    first, second = sorted(pair)
    names = [f"site {i + 1} ({'/'.join(crystal.occupancy[i])})" for i in (first, second)]
    other = names[1] if first != second else "its own periodic image"
    raise StructureError(
        f"{crystal.name or 'crystal'}: {names[0]} and {other} are {distance:.3f} A apart",
        f"no two atoms of a solid come closer than {MINIMUM_DISTANCE} A; "
        "a site is listed twice, a split site is written out, or the lattice is not in Angstrom",
        "look at the two: of an atom listed twice keep one, elements that share a site get "
        "fractions that sum to 1 at one place, and the lattice has to be in Angstrom",
    )
