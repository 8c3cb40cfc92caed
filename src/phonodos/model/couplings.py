"""Couplings of real irreps: Wigner's 3j symbols, and the spherical harmonics they belong to.

Real components in the order of m = -l to l; those of degree 1 are x, y, z. Phases are those of
e3nn (Geiger and Smidt, arXiv:2207.09453), which weight files of phonodos are made for; computed by
Racah's formula (Edmonds, Angular Momentum in Quantum Mechanics, 3.6.11).
"""

from functools import cache
from math import factorial, sqrt

import numpy as np
from numpy.typing import NDArray

from phonodos.model.irreps import Irrep


@cache
def coupling(first: int, second: int, third: int) -> NDArray[np.float64]:
    """Return the real 3j symbols of three degrees, (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), norm 1.

    They turn components of degrees l1 and l2 into those of l3, invariantly under rotation. The
    array is shared: it must not be written to.

    Raises
    ------
    ValueError
        If l3 is not between |l1 - l2| and l1 + l2.
    """
    if not abs(first - second) <= third <= first + second:
        raise ValueError(f"degrees {first} and {second} do not couple to {third}")
    turned = np.einsum(
        "ij,kl,mn,ikn->jlm",
        _to_complex(first),
        _to_complex(second),
        _to_complex(third).conj().T,
        _complex_coupling(first, second, third),
    ).real
    found: NDArray[np.float64] = turned / np.linalg.norm(turned)
    found.flags.writeable = False
    return found


def _complex_coupling(first: int, second: int, third: int) -> NDArray[np.complex128]:
    """Return Clebsch-Gordan coefficients <l1 m1 l2 m2 | l3 m3> up to a factor of all of them."""
    found = np.zeros((2 * first + 1, 2 * second + 1, 2 * third + 1), dtype=np.complex128)
    f = factorial
    for m1 in range(-first, first + 1):
        for m2 in range(-second, second + 1):
            m3 = m1 + m2
            if abs(m3) > third:
                continue
            lowest = max(-first + second + m3, -first + m1, 0)
            highest = min(second + third + m1, third - first + second, third + m3)
            total = sum(
                (-1) ** (k + second + m2)
                * f(second + third + m1 - k)
                * f(first - m1 + k)
                / (f(k) * f(third - first + second - k) * f(third + m3 - k))
                / f(k + first - second - m3)
                for k in range(lowest, highest + 1)
            )
            above = f(third + m3) * f(third - m3)
            below = f(first - m1) * f(first + m1) * f(second - m2) * f(second + m2)
            found[first + m1, second + m2, third + m3] = sqrt(above / below) * total
    return found


def _to_complex(degree: int) -> NDArray[np.complex128]:
    """Return the unitary matrix from real components (columns) to complex ones (rows)."""
    found = np.zeros((2 * degree + 1, 2 * degree + 1), dtype=np.complex128)
    root = sqrt(0.5)
    for m in range(1, degree + 1):
        found[degree - m, degree + m], found[degree - m, degree - m] = root, -1j * root
        found[degree + m, degree + m] = (-1) ** m * root
        found[degree + m, degree - m] = 1j * (-1) ** m * root
    found[degree, degree] = 1.0
    return (-1j) ** degree * found


@cache
def raising(degree: int) -> NDArray[np.float64]:
    """Return (2l + 1, 3, 2l + 3) what makes Y_(l+1) of Y_l and Y_1, component normalised."""
    plain = coupling(degree, 1, degree + 1)
    # Along y, the axis of e3nn's harmonics, only m = 0 is there, and positive: sqrt(2l + 1).
    pole = sqrt(3.0 * (2 * degree + 1)) * plain[degree, 1, degree + 1]
    found: NDArray[np.float64] = plain * (sqrt(2 * degree + 3) / pole)
    return found


def representation(turns: NDArray[np.floating], irrep: Irrep) -> NDArray[np.float64]:
    """Return (m, 2l+1, 2l+1) what rotations, with or without inversion, do to features.

    Parameters
    ----------
    turns
        (m, 3, 3) orthogonal matrices.
    irrep
        Of the features. Even ones do not see inversion, odd ones change their sign.
    """
    signs = np.sign(np.linalg.det(turns.astype(np.float64)))[:, None, None]
    proper = turns * signs
    found = np.ones((len(turns), 1, 1))
    for degree in range(irrep.l):
        # Components of degree l + 1 are those of products of degrees l and 1.
        size = 2 * degree + 1
        both = found[:, :, None, :, None] * proper[:, None, :, None, :]
        both = both.reshape(len(turns), 3 * size, 3 * size)
        into = coupling(degree, 1, degree + 1).reshape(3 * size, -1) * (2 * degree + 3) ** 0.5
        found = into.T @ both @ into
    return found if irrep.p == 1 else found * signs
