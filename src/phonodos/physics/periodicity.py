"""In how many directions a network of bonds has no end: 3 in a crystal, 0 in a molecule."""

from collections import deque

import numpy as np
from numpy.typing import NDArray


def periodicity(n: int, ends: NDArray[np.int64], shifts: NDArray[np.int64]) -> int:
    """Return the largest number of independent translations that bonds carry an atom along.

    Parameters
    ----------
    n
        Number of atoms in the cell.
    ends
        (b, 2) atoms i and j of every bond.
    shifts
        (b, 3) the cell in which j is, seen from the cell of i.
    """
    own = ends[:, 0] == ends[:, 1]
    for atom in np.unique(ends[own, 0]):  # most crystals are told by bonds to an atom's own images
        if np.linalg.matrix_rank(shifts[own & (ends[:, 0] == atom)]) == 3:
            return 3
    beside: list[list[tuple[int, NDArray[np.int64]]]] = [[] for _ in range(n)]
    for (i, j), shift in zip(ends.tolist(), shifts, strict=True):
        beside[i].append((j, shift))
        beside[j].append((i, -shift))
    place: dict[int, NDArray[np.int64]] = {}
    most = 0
    for start in range(n):
        if start in place:
            continue
        place[start] = np.zeros(3, dtype=np.int64)
        loops, queue = [np.zeros(3, dtype=np.int64)], deque([start])
        while queue:
            i = queue.popleft()
            for j, shift in beside[i]:
                there = place[i] + shift
                if j in place:
                    loops.append(there - place[j])
                else:
                    place[j] = there
                    queue.append(j)
        most = max(most, int(np.linalg.matrix_rank(np.unique(loops, axis=0))))
    return most
