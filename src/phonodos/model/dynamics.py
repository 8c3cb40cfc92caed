"""The dynamical matrix: short range plus dipole-dipole, its eigenvalues as frequencies.

D_ij(q) = (m_i m_j)^-1/2 [ sum_S Phi_ij exp(i q.r_ij) + DD_ij(q) - delta_ij A_i ], q Cartesian,
phases with the full vectors r_ij. DD is the reciprocal-space sum of Gonze and Lee, Phys. Rev. B 55,
10355 (1997), screened with Lambda = 0.4 / A; what it leaves out is short-ranged and part of Phi.
"""

import numpy as np
import torch
from torch import Tensor

from phonodos.errors import PredictionError
from phonodos.model.harmonic import HarmonicCrystals, obey_sum_rules, on_site
from phonodos.physics.crystal import reciprocal, reduced_basis
from phonodos.physics.dipole import COULOMB, LAMBDA
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

# Dipole terms smaller than exp(-9) are left out: less than half of the wave vectors that
# `physics.dipole` takes for the references, down to exp(-16). A test holds the two together.
LARGEST_EXPONENT = 9.0
MOST_WAVES = 4e6  # reciprocal lattice vectors looked at; a cell of 5000 atoms takes 40,000
NEAR_GAMMA = 1e-5  # [1/A], below it q counts as zero and has no direction

Waves = tuple[Tensor, Tensor]  # (C, G, 3) reciprocal lattice vectors [1/A], (C, G) which are meant


def dynamical_matrices(harmonic: HarmonicCrystals, qpoints: Tensor) -> Tensor:
    """Return (C, Q, 3N, 3N) Hermitian dynamical matrices [eV/(A^2 amu)].

    Parameters
    ----------
    harmonic
        Crystals of equal size.
    qpoints
        (C, Q, 3) wave vectors in fractions of the reciprocal lattice vectors.
    """
    return settled_matrices(*settled(harmonic), qpoints)


def settled(harmonic: HarmonicCrystals) -> tuple[HarmonicCrystals, Tensor]:
    """Return the crystals with constants that obey both sum rules, and (C, N, 3, 3) on-site terms.

    What the dynamical matrices of all wave vectors share: to be done once where there are many.
    """
    gamma = harmonic.cells.new_zeros(harmonic.n_crystals, 1, 3)
    waves = reciprocal_vectors(harmonic, gamma)
    at_gamma = dipole_row_sums(harmonic, waves)
    harmonic = obey_sum_rules(harmonic, at_gamma, dipole_slope(harmonic, waves))
    site = on_site(harmonic, at_gamma)
    return harmonic, (site + site.transpose(-1, -2)) / 2.0  # without what rounding left


def settled_matrices(harmonic: HarmonicCrystals, site: Tensor, qpoints: Tensor) -> Tensor:
    """Return `dynamical_matrices` of what `settled` returned."""
    c, n = harmonic.n_crystals, harmonic.n_atoms
    q = torch.einsum("cqa,cab->cqb", qpoints, harmonic.reciprocal)
    matrix = short_range_matrices(harmonic, q) + dipole_matrices(harmonic, q)
    blocks = matrix.view(c, -1, n, 3, n, 3)
    eye = torch.eye(n, dtype=site.dtype, device=site.device)
    blocks = blocks - torch.einsum("cnab,nm->cnamb", site, eye)[:, None]
    root = harmonic.masses.rsqrt()
    return (
        blocks * root[:, None, :, None, None, None] * root[:, None, None, None, :, None]
    ).reshape(c, -1, 3 * n, 3 * n)


def dipole_row_sums(harmonic: HarmonicCrystals, waves: Waves | None = None) -> Tensor:
    """Return (C, N, 3, 3) sum_j of the dipole term DD_ij at q = 0, G = 0 left out [eV/A^2].

    It is real. `waves` are the `reciprocal_vectors` of q = 0, for those who have them already.
    """
    c, n = harmonic.n_crystals, harmonic.n_atoms
    gamma = harmonic.cells.new_zeros(c, 1, 3)
    vectors, kept = waves or reciprocal_vectors(harmonic, gamma)
    root, _ = _dipole_weights(harmonic, vectors[:, None], kept)
    rows = _dipole_factor(harmonic, gamma, vectors, root)[:, 0]  # (C, 2G, 3N)
    whole: Tensor = rows.mT @ rows.reshape(c, -1, n, 3).sum(dim=2)
    return whole.view(c, n, 3, 3)


def dipole_slope(harmonic: HarmonicCrystals, waves: Waves | None = None) -> Tensor:
    """Return (C, 3, 3, 3) sum over i, j of Im d DD_ij,ab / d q_c at q = 0 [eV/A].

    The term G = 0 starts with the second order in q, because the charges are neutral. `waves` are
    the `reciprocal_vectors` of q = 0, for those who have them already.
    """
    gamma = harmonic.cells.new_zeros(harmonic.n_crystals, 1, 3)
    vectors, kept = waves or reciprocal_vectors(harmonic, gamma)
    k = vectors[:, None]
    root, rate = (x[:, 0] for x in _dipole_weights(harmonic, k, kept))
    weight = root.square()
    turned = torch.einsum("cga,cab->cgb", vectors, harmonic.dielectric)
    angles = torch.einsum("cga,cna->cgn", vectors, harmonic.positions)
    phases = torch.stack([torch.cos(angles), torch.sin(angles)])
    # F_a = sum_i (G.Z_i)_a exp(i G.tau_i), and its derivative with G_c in front.
    even_slope, odd_slope = torch.einsum("pcgn,cnba->pcgba", phases, harmonic.born)
    even, odd = torch.einsum("cgb,pcgba->pcga", vectors, torch.stack([even_slope, odd_slope]))
    first = torch.einsum("cga,cgb,cgk->cabk", odd, even, (weight * rate)[..., None] * turned)
    second = torch.einsum("cg,cgka,cgb->cabk", weight, odd_slope, even)
    third = torch.einsum("cg,cgka,cgb->cabk", weight, even_slope, odd)
    half = first + second - third
    return half - half.transpose(1, 2)


def _dipole_weights(harmonic: HarmonicCrystals, k: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Return (C, Q, G) roots of the weights of the terms K, and what makes d log / d K of eps.K."""
    eps = harmonic.dielectric
    width = 4.0 * LAMBDA**2 * eps.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
    screened = torch.einsum("cqga,cab,cqgb->cqg", k, eps, k)
    size = torch.linalg.vector_norm(k.detach(), dim=3)
    kept = kept[:, None] & (screened < LARGEST_EXPONENT * width) & (size > NEAR_GAMMA)
    # Masked terms get a harmless denominator: 0/0 would poison the gradient.
    safe = torch.where(kept, screened, torch.ones_like(screened))
    volume = torch.linalg.det(harmonic.cells).abs()[:, None, None]
    factor = (4.0 * torch.pi * COULOMB / volume).sqrt()
    root = torch.exp(-safe / (2.0 * width)) * safe.rsqrt() * factor * kept
    return root, -2.0 * (1.0 / width + 1.0 / safe)


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


def dipole_matrices(harmonic: HarmonicCrystals, q: Tensor, waves: Waves | None = None) -> Tensor:
    """Return (C, Q, 3N, 3N) DD_ij(q) for Cartesian q [1/A], without masses [eV/A^2].

    At q = 0 the term G = 0, which depends on the direction, is left out. `waves` are the
    `reciprocal_vectors` of q, for those who have them already.
    """
    vectors, kept = waves or reciprocal_vectors(harmonic, q)
    root, _ = _dipole_weights(harmonic, q[:, :, None, :] + vectors[:, None], kept)
    rows = _dipole_factor(harmonic, q, vectors, root)
    even, odd = rows.chunk(2, dim=2)
    half = odd.mT @ even
    return torch.complex(rows.mT @ rows, half - half.mT)


def _dipole_factor(harmonic: HarmonicCrystals, q: Tensor, vectors: Tensor, root: Tensor) -> Tensor:
    """Return (C, Q, 2G, 3N) B with B^T B the real part of the dipole term: cosines, then sines."""
    c, n, n_q = harmonic.n_crystals, harmonic.n_atoms, q.shape[1]
    # K.Z = G.Z + q.Z: products with G are the same for all q.
    born = harmonic.born.transpose(1, 2).reshape(c, 3, 3 * n)
    charge = ((vectors @ born)[:, None] + (q @ born)[:, :, None]) * root[..., None]
    angles = vectors @ harmonic.positions.mT
    waves = torch.stack([torch.cos(angles), torch.sin(angles)], dim=1).repeat_interleave(3, dim=3)
    return (waves[:, None] * charge[:, :, None]).view(c, n_q, -1, 3 * n)


def reciprocal_vectors(harmonic: HarmonicCrystals, q: Tensor) -> Waves:
    """Return (C, G, 3) lattice vectors [1/A] with q + G within reach, and which are meant."""
    eps = harmonic.dielectric.detach().double()
    width = 4.0 * LAMBDA**2 * eps.diagonal(dim1=1, dim2=2).mean(dim=1)
    waves = q.detach().double()
    farthest = torch.einsum("cqa,cab,cqb->cq", waves, eps, waves).clamp_min(0.0).sqrt().amax(dim=1)
    reach = ((LARGEST_EXPONENT * width).sqrt() + farthest).cpu().numpy()
    metrics, cells = eps.cpu().numpy(), harmonic.cells.detach().double().cpu().numpy()
    found = [_inside(*x) for x in zip(cells, metrics, reach, strict=True)]
    most = max(len(g) for g in found)
    vectors = np.zeros((len(found), most, 3))
    kept = np.zeros((len(found), most), dtype=bool)
    for row, g in enumerate(found):
        vectors[row, : len(g)], kept[row, : len(g)] = g, True
    like = harmonic.cells
    return torch.from_numpy(vectors).to(like), torch.from_numpy(kept).to(like.device)


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
