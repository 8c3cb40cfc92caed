"""Short-range order: how often neighbours are of unlike elements, against chance."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def shell_pairs(
    cell: NDArray[np.float64], frac_coords: NDArray[np.float64], radii: Sequence[float]
) -> NDArray[np.int64]:
    """Return how many images of site j lie in each shell of neighbours around site i.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors as rows [A].
    frac_coords
        (n, 3) sites.
    radii
        Rising bounds between the shells [A], the first inside the nearest distance.

    Returns
    -------
    (len(radii) - 1, n, n) numbers; every image counts, so a small cell has no blind spot.
    """
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    reach = [int(np.ceil(radii[-1] / height)) + 1 for height in heights]
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    gaps = frac_coords[None, :] - frac_coords[:, None]
    gaps = gaps - np.rint(gaps)
    counts = np.zeros((len(radii) - 1, len(gaps), len(gaps)), dtype=np.int64)
    for image in images:
        distances = np.linalg.norm((gaps + image) @ cell, axis=2)
        distances[distances < 1e-6] = np.inf
        for k, (low, high) in enumerate(itertools.pairwise(radii)):
            counts[k] += (distances > low) & (distances <= high)
    return counts


def warren_cowley(pairs: NDArray[np.int64], elements: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Warren-Cowley parameters 1 - P_ij / c_j of a decorated set of sites.

    P_ij is the share of element j among the neighbours of element i, c_j that among all sites: 0 is
    chance, negative means that unlike neighbours attract. J. M. Cowley, Phys. Rev. 77, 669 (1950).

    Parameters
    ----------
    pairs
        (shells, n, n) of `shell_pairs`.
    elements
        (n) number of the element on every site, from 0; each must occur.

    Returns
    -------
    (shells, e, e) parameters; 0 in a shell without neighbours.
    """
    marks = np.eye(int(elements.max()) + 1)[elements]
    found = np.einsum("ia,kij,jb->kab", marks, pairs, marks)
    total = found.sum(axis=2, keepdims=True)
    shares = marks.mean(axis=0)
    return np.where(total > 0, 1.0 - found / np.maximum(total, 1) / shares, 0.0)
