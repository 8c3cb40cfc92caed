"""The dynamical matrix: short range plus dipole-dipole, its eigenvalues as frequencies.

D_ij(q) = (m_i m_j)^-1/2 [ sum_S Phi_ij exp(i q.r_ij) + DD_ij(q) - delta_ij A_i ], q Cartesian,
phases with the full vectors r_ij. DD is the reciprocal-space sum of Gonze and Lee, Phys. Rev. B 55,
10355 (1997), screened with Lambda = 0.4 / A; what it leaves out is short-ranged and part of Phi.
"""

import numpy as np
import torch
from torch import Tensor

from phonodos.model.harmonic import HarmonicCrystals, on_site, symmetric_on_site
from phonodos.physics.dipole import COULOMB, LAMBDA
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

LARGEST_K = 2.4  # [1/A], where the screened sum has fallen by four orders of magnitude
NEAR_GAMMA = 1e-5  # [1/A], below it q counts as zero and has no direction


def dynamical_matrices(harmonic: HarmonicCrystals, qpoints: Tensor) -> Tensor:
    """Return (C, Q, 3N, 3N) Hermitian dynamical matrices [eV/(A^2 amu)].

    Parameters
    ----------
    harmonic
        Crystals of equal size.
    qpoints
        (C, Q, 3) wave vectors in fractions of the reciprocal lattice vectors.
    """
    c, n = harmonic.n_crystals, harmonic.n_atoms
    at_gamma = dipole_at_gamma(harmonic)
    harmonic = symmetric_on_site(harmonic, at_gamma)
    site = on_site(harmonic, at_gamma)
    site = (site + site.transpose(-1, -2)) / 2.0  # what rounding left
    q = torch.einsum("cqa,cab->cqb", qpoints, harmonic.reciprocal)
    matrix = short_range_matrices(harmonic, q) + dipole_matrices(harmonic, q)
    blocks = matrix.view(c, -1, n, 3, n, 3)
    eye = torch.eye(n, dtype=site.dtype, device=site.device)
    blocks = blocks - torch.einsum("cnab,nm->cnamb", site, eye)[:, None]
    root = harmonic.masses.rsqrt()
    return (
        blocks * root[:, None, :, None, None, None] * root[:, None, None, None, :, None]
    ).reshape(c, -1, 3 * n, 3 * n)


def dipole_at_gamma(harmonic: HarmonicCrystals) -> Tensor:
    """Return (C, N, N, 3, 3) the dipole term at q = 0, G = 0 left out [eV/A^2]; it is real."""
    c, n = harmonic.n_crystals, harmonic.n_atoms
    matrix = dipole_matrices(harmonic, harmonic.cells.new_zeros(c, 1, 3)).real
    return matrix.view(c, n, 3, n, 3).permute(0, 1, 3, 2, 4)


def short_range_matrices(harmonic: HarmonicCrystals, q: Tensor) -> Tensor:
    """Return (C, Q, 3N, 3N) sum_S Phi_ij exp(i q.r_ij) for Cartesian q [1/A], without masses."""
    c, n, n_q = harmonic.n_crystals, harmonic.n_atoms, q.shape[1]
    angles = torch.einsum("bqa,ba->bq", q[harmonic.owners], harmonic.vectors)
    flat = harmonic.force_constants.flatten(1)
    parts = [
        harmonic.pair_sums(wave(angles)[:, :, None] * flat[:, None, :])
        .view(c, n, n, n_q, 3, 3)
        .permute(0, 3, 1, 4, 2, 5)
        .reshape(c, n_q, 3 * n, 3 * n)
        for wave in (torch.cos, torch.sin)
    ]
    half = torch.complex(*parts)
    return half + half.mH


def dipole_matrices(harmonic: HarmonicCrystals, q: Tensor) -> Tensor:
    """Return (C, Q, 3N, 3N) DD_ij(q) for Cartesian q [1/A], without masses [eV/A^2].

    At q = 0 the term G = 0, which depends on the direction, is left out.
    """
    c, n, n_q = harmonic.n_crystals, harmonic.n_atoms, q.shape[1]
    vectors, kept = reciprocal_vectors(harmonic, float(q.detach().norm(dim=2).amax()))
    k = q[:, :, None, :] + vectors[:, None]
    eps = harmonic.dielectric
    screened = torch.einsum("cqga,cab,cqgb->cqg", k, eps, k)
    size = torch.linalg.vector_norm(k.detach(), dim=3)
    kept = kept[:, None] & (size < LARGEST_K) & (size > NEAR_GAMMA)
    # Masked terms get a harmless denominator: 0/0 would poison the gradient.
    safe = torch.where(kept, screened, torch.ones_like(screened))
    width = 4.0 * LAMBDA**2 * eps.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
    volume = torch.linalg.det(harmonic.cells).abs()[:, None, None]
    weight = torch.exp(-safe / width) / safe * (4.0 * torch.pi * COULOMB / volume) * kept
    charge = torch.einsum("cqga,cnab->cqgnb", k, harmonic.born)
    angles = torch.einsum("cga,cna->cgn", vectors, harmonic.positions)[:, None, :, :, None]
    even = (charge * torch.cos(angles)).view(c, n_q, -1, 3 * n)
    odd = (charge * torch.sin(angles)).view(c, n_q, -1, 3 * n)
    weighted_even, weighted_odd = (x * weight[..., None] for x in (even, odd))
    real = even.mT @ weighted_even + odd.mT @ weighted_odd
    imaginary = odd.mT @ weighted_even - even.mT @ weighted_odd
    return torch.complex(real, imaginary)


def reciprocal_vectors(harmonic: HarmonicCrystals, largest_q: float) -> tuple[Tensor, Tensor]:
    """Return (C, G, 3) lattice vectors [1/A] that may come within reach, and which are meant."""
    basis = harmonic.reciprocal.detach().double().cpu().numpy()
    reach = LARGEST_K + largest_q
    found = [_inside(b, reach) for b in basis]
    most = max(len(g) for g in found)
    vectors = np.zeros((len(found), most, 3))
    kept = np.zeros((len(found), most), dtype=bool)
    for row, g in enumerate(found):
        vectors[row, : len(g)], kept[row, : len(g)] = g, True
    like = harmonic.cells
    return torch.from_numpy(vectors).to(like), torch.from_numpy(kept).to(like.device)


def _inside(basis: np.ndarray, reach: float) -> np.ndarray:
    most = np.floor(reach * np.linalg.norm(np.linalg.inv(basis), axis=0)).astype(int)
    grids = np.meshgrid(*[np.arange(-m, m + 1) for m in most], indexing="ij")
    g = np.stack([x.ravel() for x in grids], axis=1) @ basis
    return np.asarray(g[(g**2).sum(axis=1) < reach**2])


def frequencies(matrices: Tensor, softening: float = 0.0) -> Tensor:
    """Return (..., 3N) frequencies [cm^-1], ascending, imaginary ones as negative numbers.

    With a `softening` [cm^-1] the root l / sqrt(|l| + s^2) is taken instead of sign(l) sqrt|l|: it
    has a finite slope at zero, as training needs. It changes w by less than s^2 / (2 w).
    """
    eigenvalues: Tensor = torch.linalg.eigvalsh(matrices)
    if softening == 0.0:
        root = eigenvalues.sign() * eigenvalues.abs().sqrt()
        return root * WAVENUMBER_PER_SQRT_SPRING
    square = eigenvalues * WAVENUMBER_PER_SQRT_SPRING**2
    return square * (square.abs() + softening**2).rsqrt()
