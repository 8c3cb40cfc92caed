"""The dynamical matrix folded onto the rigid translations: three branches, smooth in q.

Sorted frequencies have kinks wherever branches cross; the matrix whose eigenvalues they are has
none. With D(q) projected on the three rigid translations (a) and on the rest (o), waves slower than
the rest solve S u = w^2 M u, S = D_aa - D_ao D_oo^-1 D_oa and M = 1 + D_ao D_oo^-2 D_oa (P.-O.
Lowdin, J. Chem. Phys. 19, 1396 (1951), to first order in w^2). It is a symmetric matrix of the size
M^-1 S that is returned: it shows how the branches turn and cross, not their exact frequencies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonodos.physics.sound import FIRST, SECOND
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

Array = NDArray[np.float64]
PLACES = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])  # of the elements xx, yy, zz, yz, xz, xy


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Points of a mesh around Gamma, in a box, and where their dynamical matrices come from.

    A point is turned into an irreducible one by an operation of the crystal or time reversal, and
    moved by a reciprocal lattice vector, which does not move the translations along.

    Attributes
    ----------
    steps
        Whole steps of the mesh along each of its axes, rising and not wrapped.
    chosen
        (c,) numbers of irreducible wave vectors.
    waves
        (c, g, 3) where the points are turned into, in fractions of the reciprocal lattice vectors:
        these wave vectors and others that reciprocal lattice vectors lead to.
    image
        (steps) which of the c g it is for each point.
    turns
        (steps, 3, 3) what turns matrices there into matrices here, Cartesian.
    """

    steps: tuple[NDArray[np.int64], ...]
    chosen: NDArray[np.int64]
    waves: Array
    image: NDArray[np.int64]
    turns: Array

    def spread(self, folded: Array) -> Array:
        """Return (steps, 6) elements at all points, of (c, g, 6) at `waves`."""
        matrices = (
            self.turns
            @ folded.reshape(-1, 6)[self.image][..., PLACES]
            @ self.turns.swapaxes(-1, -2)
        )
        return np.asarray(matrices[..., FIRST, SECOND])


def downfolded(
    matrices: NDArray[np.complex128], masses: Array, phases: NDArray[np.complex128]
) -> Array:
    """Return (c, g, 6) elements xx, yy, zz, yz, xz, xy [cm^-2] of dynamical matrices.

    By S^-1 = V^+ D^-1 V and S^-1 M S^-1 = V^+ D^-2 V, V the rigid translations. Their real parts:
    the imaginary ones are of third order in q, and zero in crystals that have a centre of symmetry.
    Where the matrices are not positive the result means nothing.

    Parameters
    ----------
    matrices
        (c, 3n, 3n) D(q) [eV/(A^2 amu)], phases with the full vectors r_ij, none of them singular.
    masses
        (n,) [amu].
    phases
        (c, g, n) exp(i G.tau) of the g reciprocal lattice vectors by which q is wanted elsewhere.
    """
    (count, several), size = phases.shape[:2], 3 * len(masses)
    weighed = (phases * np.sqrt(masses / masses.sum())).swapaxes(1, 2)
    rigid = weighed[:, :, None, :, None] * np.eye(3)[:, None, :]
    rigid = rigid.reshape(count, size, 3 * several)
    answer = np.linalg.solve(matrices, rigid).reshape(count, size, several, 3).transpose(0, 2, 1, 3)
    rigid = rigid.reshape(count, size, several, 3).transpose(0, 2, 3, 1).conj()
    twice = answer.conj().swapaxes(-1, -2) @ answer
    found = (rigid @ answer) @ np.linalg.inv(twice)
    both = (found.real + found.real.swapaxes(-1, -2)) / 2.0
    return np.asarray(both[..., FIRST, SECOND] * WAVENUMBER_PER_SQRT_SPRING**2)
