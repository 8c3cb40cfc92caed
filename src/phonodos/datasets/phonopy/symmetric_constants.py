"""Force constants of a supercell made symmetric; of unknown origin, far from it is refused."""

from typing import Any

import numpy as np

from phonodos.datasets.phonopy.files import named
from phonodos.errors import DataError

SYMMETRY_ROUNDS = 10  # alternating permutation and translation; one leaves 0.01 eV/A^2 of either
# Of 259 calculations of phonondb half are below 0.001, of all 4,085 ten above 0.2; of those read
# with the numbers of DIM in another order most are between 0.2 and 0.7.
LARGEST_ASYMMETRY = 0.2


def symmetrise(phonon: Any, *, known_sound: bool = False) -> None:
    """Make the force constants obey Phi_ij = Phi_ji^T and the sum rule; refuse what is far off.

    Forces that were calculated in a supercell of another shape and as many atoms are read without
    complaint, but the constants that come of them are not symmetric.

    Parameters
    ----------
    phonon
        Phonopy object with compact force constants, which are changed.
    known_sound
        Whether the supercell is beyond doubt, as in a published data base.

    Raises
    ------
    DataError
        If more than a fifth of them (root of the sum of squares, on-site terms left out) changes.
    """
    raw = phonon.force_constants.copy()
    with named("the force constants cannot be symmetrised", "check the forces"):
        phonon.symmetrize_force_constants(level=SYMMETRY_ROUNDS, show_drift=False)
    change = phonon.force_constants - raw
    itself = phonon.primitive.p2s_map
    for values in (raw, change):  # the on-site terms are large, and are made to fit the sum rule
        values[np.arange(len(itself)), itself] = 0.0
    share = float(np.linalg.norm(change)) / max(float(np.linalg.norm(raw)), 1e-12)
    if share > LARGEST_ASYMMETRY and not known_sound:
        raise DataError(
            "the forces do not fit the supercell",
            f"{share:.0%} of their force constants break the symmetry Phi_ij = Phi_ji^T or the sum "
            f"rule, more than {LARGEST_ASYMMETRY:.0%}",
            "check DIM, the order of its numbers too, and that FORCE_SETS is of this cell; if all "
            "is right, let phonopy write symmetric FORCE_CONSTANTS and give those",
        )
