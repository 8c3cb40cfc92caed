"""The dynamical matrix: short range plus dipole-dipole, its eigenvalues as frequencies.

D_ij(q) = (m_i m_j)^-1/2 [ sum_S Phi_ij exp(i q.r_ij) + DD_ij(q) - delta_ij A_i ], q Cartesian,
phases with the full vectors r_ij. DD is the reciprocal-space sum of Gonze and Lee, Phys. Rev. B 55,
10355 (1997), screened with Lambda = 0.4 / A; what it leaves out is short-ranged and part of Phi.

Written once for arrays of NumPy, which predictions take, and of torch, whose gradients training
needs. Sums over more than two factors are products of matrices: NumPy has no fast way for others.
"""

import math
from typing import NamedTuple

import numpy as np

from phonodos.errors import PredictionError
from phonodos.model.arrays import Array, as_numpy, complex_of, indices_like, library_of, like
from phonodos.model.harmonic import HarmonicCrystals, obey_sum_rules, on_site
from phonodos.model.plane_waves import plane_waves
from phonodos.physics.dipole import COULOMB, LAMBDA
from phonodos.physics.lattice_vectors import reciprocal, reduced_basis
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

# Dipole terms smaller than exp(-9) are left out: less than half of the wave vectors that
# `physics.dipole` takes for the references, down to exp(-16). A test holds the two together.
LARGEST_EXPONENT = 9.0
MOST_WAVES = 4e6  # reciprocal lattice vectors looked at; a cell of 5000 atoms takes 40,000
NEAR_GAMMA = 1e-5  # [1/A], below it q counts as zero and has no direction

Waves = tuple[Array, Array]  # (C, G, 3) reciprocal lattice vectors [1/A], (C, G) which are meant


def dynamical_matrices(harmonic: HarmonicCrystals, qpoints: Array) -> Array:
    """Return (C, Q, 3N, 3N) Hermitian dynamical matrices [eV/(A^2 amu)].

    Parameters
    ----------
    harmonic
        Crystals of equal size.
    qpoints
        (C, Q, 3) wave vectors in fractions of the reciprocal lattice vectors.
    """
    return settled_matrices(*settled(harmonic), qpoints)


def settled(harmonic: HarmonicCrystals) -> tuple[HarmonicCrystals, Array]:
    """Return the crystals with constants that obey both sum rules, and (C, N, 3, 3) on-site terms.

    What the dynamical matrices of all wave vectors share: to be done once where there are many.
    """
    sums = GammaSums.of(harmonic)
    at_gamma = dipole_row_sums(harmonic, sums)
    harmonic = obey_sum_rules(harmonic, at_gamma, dipole_slope(harmonic, sums))
    site = on_site(harmonic, at_gamma)
    return harmonic, (site + site.swapaxes(-1, -2)) / 2.0  # without what rounding left


def settled_matrices(harmonic: HarmonicCrystals, site: Array, qpoints: Array) -> Array:
    """Return `dynamical_matrices` of what `settled` returned."""
    c, n = harmonic.n_crystals, harmonic.n_atoms
    q = qpoints @ harmonic.reciprocal
    matrix = short_range_matrices(harmonic, q) + dipole_matrices(harmonic, q)
    eye = like(np.eye(n), site)
    local = site[:, :, :, None, :] * eye[None, :, None, :, None]
    root = harmonic.masses[:, :, None] ** -0.5
    root = library_of(root).broadcast_to(root, (c, n, 3)).reshape(c, 1, 3 * n)
    scale = root[:, :, :, None] * root[:, :, None, :]
    return (matrix - local.reshape(c, 1, 3 * n, 3 * n)) * scale


def _gamma(harmonic: HarmonicCrystals) -> Array:
    return 0.0 * harmonic.cells[:, :1]


class GammaSums(NamedTuple):
    """What the terms of the dipole sum at q = 0 have in common, the term G = 0 left out."""

    vectors: Array  # (C, G, 3) reciprocal lattice vectors [1/A]
    weight: Array  # (C, G, 1) of the terms
    rate: Array  # (C, G, 1) what makes d log weight / d K of eps.K
    waves: tuple[Array, Array]  # (C, G, N) cosines and sines of G.tau
    slopes: tuple[Array, Array]  # (C, G, 3, 3) their sums over atoms with Born charges
    moments: tuple[Array, Array]  # (C, G, 3) the same, the first index times G

    @classmethod
    def of(cls, harmonic: HarmonicCrystals) -> "GammaSums":
        """Return those of crystals."""
        c, n = harmonic.n_crystals, harmonic.n_atoms
        vectors, kept = reciprocal_vectors(harmonic, _gamma(harmonic))
        root, rate = (x[:, 0] for x in dipole_weights(harmonic, vectors[:, None], kept))
        waves = plane_waves(vectors, harmonic.positions, harmonic.cells)
        born = harmonic.born.reshape(c, n, 9)
        even, odd = ((wave @ born).reshape(c, -1, 3, 3) for wave in waves)
        # F_a = sum_i (G.Z_i)_a exp(i G.tau_i), and its derivative with G_c in front.
        first, second = ((vectors[..., None] * x).sum(axis=2) for x in (even, odd))
        weight = (root * root)[..., None]
        return cls(vectors, weight, rate[..., None], waves, (even, odd), (first, second))


def dipole_row_sums(harmonic: HarmonicCrystals, sums: GammaSums | None = None) -> Array:
    """Return (C, N, 3, 3) sum_j of the dipole term DD_ij at q = 0, G = 0 left out [eV/A^2].

    It is real. `sums` are for those who have them already.
    """
    c, n = harmonic.n_crystals, harmonic.n_atoms
    sums = sums or GammaSums.of(harmonic)
    # sum_G weight (G.Z_i)_a exp(i G.tau_i) F_b*: charges after the sum over G.
    ahead = (sums.weight * sums.vectors)[..., None]
    field = sum(
        wave.swapaxes(1, 2) @ (ahead * moment[..., None, :]).reshape(c, -1, 9)
        for wave, moment in zip(sums.waves, sums.moments, strict=True)
    )
    return harmonic.born.swapaxes(2, 3) @ field.reshape(c, n, 3, 3)


def dipole_slope(harmonic: HarmonicCrystals, sums: GammaSums | None = None) -> Array:
    """Return (C, 3, 3, 3) sum over i, j of Im d DD_ij,ab / d q_c at q = 0 [eV/A].

    The term G = 0 starts with the second order in q, because the charges are neutral. `sums` are
    for those who have them already.
    """
    lib, c = library_of(harmonic.cells), harmonic.n_crystals
    sums = sums or GammaSums.of(harmonic)
    weight, turned = sums.weight, sums.vectors @ harmonic.dielectric
    (even_slope, odd_slope), (even, odd) = sums.slopes, sums.moments
    both = (odd[..., :, None] * even[..., None, :]).reshape(c, -1, 9)
    first = (both.swapaxes(1, 2) @ (weight * sums.rate * turned)).reshape(c, 3, 3, 3)
    second, third = (
        lib.moveaxis((x.reshape(c, -1, 9).swapaxes(1, 2) @ (weight * y)).reshape(c, 3, 3, 3), 1, 3)
        for x, y in ((odd_slope, even), (even_slope, odd))
    )
    half = first + second - third
    return half - half.swapaxes(1, 2)


def _width(dielectric: Array) -> Array:
    """Return (C,) 4 Lambda^2 tr(eps) / 3 [1/A^2]."""
    trace = dielectric[:, 0, 0] + dielectric[:, 1, 1] + dielectric[:, 2, 2]
    return 4.0 * LAMBDA**2 / 3.0 * trace


def dipole_weights(harmonic: HarmonicCrystals, k: Array, kept: Array) -> tuple[Array, Array]:
    """Return (C, Q, G) roots of the weights of the terms K, and what makes d log / d K of eps.K."""
    lib = library_of(k)
    width = _width(harmonic.dielectric)[:, None, None]
    screened = ((k @ harmonic.dielectric[:, None]) * k).sum(axis=3)
    size = (k * k).sum(axis=3)
    kept = kept[:, None] & (screened < LARGEST_EXPONENT * width) & (size > NEAR_GAMMA**2)
    # Masked terms get a harmless denominator: 0/0 would poison the gradient.
    safe = lib.where(kept, screened, lib.ones_like(screened))
    volume = lib.abs(lib.linalg.det(harmonic.cells))[:, None, None]
    factor = (4.0 * math.pi * COULOMB / volume) ** 0.5
    root = lib.exp(-safe / (2.0 * width)) * safe**-0.5 * factor * kept
    return root, -2.0 * (1.0 / width + 1.0 / safe)


def short_range_matrices(harmonic: HarmonicCrystals, q: Array) -> Array:
    """Return (C, Q, 3N, 3N) sum_S Phi_ij exp(i q.r_ij) for Cartesian q [1/A], without masses."""
    lib, c, n, n_q = library_of(q), harmonic.n_crystals, harmonic.n_atoms, q.shape[1]
    angles = (q[harmonic.owners] * harmonic.vectors[:, None, :]).sum(axis=2)
    flat = harmonic.force_constants.reshape(-1, 1, 9)
    parts = [
        lib.moveaxis(
            harmonic.pair_sums(wave(angles)[:, :, None] * flat).reshape(c, n, n, n_q, 3, 3),
            (3, 4),
            (1, 3),
        ).reshape(c, n_q, 3 * n, 3 * n)
        for wave in (lib.cos, lib.sin)
    ]
    real, imaginary = parts
    return complex_of(real + real.swapaxes(2, 3), imaginary - imaginary.swapaxes(2, 3))


def dipole_matrices(harmonic: HarmonicCrystals, q: Array, waves: Waves | None = None) -> Array:
    """Return (C, Q, 3N, 3N) DD_ij(q) for Cartesian q [1/A], without masses [eV/A^2].

    At q = 0 the term G = 0, which depends on the direction, is left out. `waves` are the
    `reciprocal_vectors` of q, for those who have them already.
    """
    vectors, kept = waves or reciprocal_vectors(harmonic, q)
    root, _ = dipole_weights(harmonic, q[:, :, None, :] + vectors[:, None], kept)
    rows = _dipole_factor(harmonic, q, vectors, root)
    n = vectors.shape[1]
    half = rows[:, :, n:].swapaxes(2, 3) @ rows[:, :, :n]
    return complex_of(rows.swapaxes(2, 3) @ rows, half - half.swapaxes(2, 3))


def _dipole_factor(harmonic: HarmonicCrystals, q: Array, vectors: Array, root: Array) -> Array:
    """Return (C, Q, 2G, 3N) B with B^T B the real part of the dipole term: cosines, then sines."""
    lib, c, n, n_q = library_of(q), harmonic.n_crystals, harmonic.n_atoms, q.shape[1]
    # K.Z = G.Z + q.Z: products with G are the same for all q.
    born = harmonic.born.swapaxes(1, 2).reshape(c, 3, 3 * n)
    charge = ((vectors @ born)[:, None] + (q @ born)[:, :, None]) * root[..., None]
    angles = vectors @ harmonic.positions.swapaxes(1, 2)
    waves = lib.stack([lib.cos(angles), lib.sin(angles)], 1)[:, None, :, :, :, None]
    return (waves * charge.reshape(c, n_q, 1, -1, n, 3)).reshape(c, n_q, -1, 3 * n)


def reciprocal_vectors(harmonic: HarmonicCrystals, q: Array) -> Waves:
    """Return (C, G, 3) lattice vectors [1/A] with q + G within reach, and which are meant."""
    eps, waves, cells = (as_numpy(x) for x in (harmonic.dielectric, q, harmonic.cells))
    squares = np.maximum(((waves @ eps) * waves).sum(axis=2), 0.0)
    reach = np.sqrt(LARGEST_EXPONENT * _width(eps)) + np.sqrt(squares.max(axis=1))
    found = [_inside(*x) for x in zip(cells, eps, reach, strict=True)]
    most = max(len(g) for g in found)
    vectors = np.zeros((len(found), most, 3))
    kept = np.zeros((len(found), most), dtype=bool)
    for row, g in enumerate(found):
        vectors[row, : len(g)], kept[row, : len(g)] = g, True
    return like(vectors, harmonic.cells), indices_like(kept, harmonic.cells)


def _inside(cell: np.ndarray, metric: np.ndarray, reach: float) -> np.ndarray:
    """Return the reciprocal lattice vectors G with sqrt(G.metric.G) < reach."""
    short = reduced_basis(cell) @ cell  # of a skewed cell a box would hold far too many
    # The largest component of such G along a lattice vector a is reach sqrt(a.metric^-1.a).
    extent = np.sqrt(np.einsum("ka,ab,kb->k", short, np.linalg.inv(metric), short))
    most = np.floor(reach * extent / (2.0 * np.pi))
    count = float(np.prod(2.0 * most + 1.0))
    if not count <= MOST_WAVES:
        raise PredictionError(
            f"the dipole-dipole interaction needs {count:.2g} wave vectors",
            "the cell is almost empty, or the network's dielectric tensor is out of all proportion",
            "check the lattice vectors, and give the crystal in a smaller cell",
        )
    most = most.astype(int)
    grids = np.meshgrid(*[np.arange(-m, m + 1) for m in most], indexing="ij")
    g = np.stack([x.ravel() for x in grids], axis=1) @ reciprocal(short)
    return np.asarray(g[np.einsum("ka,ab,kb->k", g, metric, g) < reach**2])


def frequencies(matrices: Array, softening: float = 0.0) -> Array:
    """Return (..., 3N) frequencies [cm^-1], ascending, imaginary ones as negative numbers.

    With a `softening` [cm^-1] the root l / sqrt(|l| + s^2) is taken instead of sign(l) sqrt|l|: it
    has a finite slope at zero, as training needs. It changes w by less than s^2 / (2 w).
    """
    if softening == 0.0:
        return to_frequencies(library_of(matrices).linalg.eigvalsh(matrices))
    return softened_roots(signed_squares(matrices), softening)


def signed_squares(matrices: Array) -> Array:
    """Return (..., 3N) squares of frequencies [cm^-2], ascending, of imaginary ones negative."""
    return library_of(matrices).linalg.eigvalsh(matrices) * WAVENUMBER_PER_SQRT_SPRING**2


def softened_roots(squares: Array, softening: float) -> Array:
    """Return the frequencies [cm^-1] of `frequencies` with a softening, of their signed squares."""
    return squares * (abs(squares) + softening**2) ** -0.5


def to_frequencies(eigenvalues: Array) -> Array:
    """Return sign(l) sqrt|l| [cm^-1] of eigenvalues l of dynamical matrices [eV/(A^2 amu)]."""
    lib = library_of(eigenvalues)
    return lib.sign(eigenvalues) * lib.sqrt(abs(eigenvalues)) * WAVENUMBER_PER_SQRT_SPRING


def is_above(matrix: np.ndarray, frequency: float) -> bool:
    """Return whether all frequencies of one matrix (3N, 3N) of NumPy lie above one [cm^-1].

    By Cholesky's factors, which exist where they do: a few times quicker than the frequencies. The
    diagonal of the matrix itself is moved meanwhile and put back: a copy is megabytes.
    """
    shift = math.copysign((frequency / WAVENUMBER_PER_SQRT_SPRING) ** 2, frequency)
    diagonal = matrix.diagonal().copy()
    matrix.flat[:: len(matrix) + 1] -= shift
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    else:
        return True
    finally:
        matrix.flat[:: len(matrix) + 1] = diagonal
