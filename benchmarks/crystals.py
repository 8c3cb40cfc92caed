"""Synthetic crystals like the real ones: 8 atoms, 27 neighbours within 5 A in the mean."""

import numpy as np

from phonodos.physics.crystal import Crystal

ELEMENTS = ("Li", "O", "Mg", "Si", "S", "Ca", "Ti", "Ga", "As", "Sr", "Te", "Ba")
VOLUME_PER_ATOM = 19.4  # [A^3]: 4/3 pi 5^3 / 27


def synthetic_crystals(n: int, n_atoms: int = 8, seed: int = 0) -> list[Crystal]:
    """Return `n` triclinic crystals of `n_atoms` atoms on a shaken grid."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[[0.0, 0.5]] * 3), axis=-1).reshape(-1, 3)
    side = int(np.ceil((n_atoms / 8) ** (1 / 3)))
    blocks = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 1, 3)
    grid = ((corners[None] + blocks) / side).reshape(-1, 3)
    found = []
    for _ in range(n):
        cell = np.eye(3) + 0.15 * rng.normal(size=(3, 3))
        cell *= (n_atoms * VOLUME_PER_ATOM / abs(np.linalg.det(cell))) ** (1 / 3)
        sites = rng.permutation(len(grid))[:n_atoms]
        coords = grid[sites] + 0.03 * rng.normal(size=(n_atoms, 3)) / side
        found.append(Crystal.ordered(cell, coords, rng.choice(ELEMENTS, n_atoms).tolist()))
    return found
