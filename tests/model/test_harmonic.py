"""Groups of equal size and the sum rules of their force constants."""

from dataclasses import replace

import numpy as np
import torch

from phonodos.model.bonds import bond_crystal, collate_bonded
from phonodos.model.dynamics import dipole_row_sums, dipole_slope
from phonodos.model.harmonic import (
    HarmonicCrystals,
    group_by_size,
    harmonic_of,
    members_by_size,
    obey_sum_rules,
    on_site,
)
from phonodos.model.lattice import Lattice
from phonodos.physics.crystal import Crystal


def random_harmonic(crystal: Crystal, cutoff: float = 4.5) -> HarmonicCrystals:
    """Return a crystal with force constants and charges of no symmetry at all."""
    torch.manual_seed(3)
    bonded = bond_crystal(crystal, cutoff)
    born = torch.randn(crystal.n_atoms, 3, 3, dtype=torch.float64)
    lattice = Lattice(
        torch.randn(len(bonded.forward), 3, 3, dtype=torch.float64),
        born - born.mean(dim=0),
        torch.diag(torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64))[None],
        torch.rand(len(bonded.forward), dtype=torch.float64) + 0.1,
    )
    return harmonic_of(bonded, lattice, 0)


def skewness(site: torch.Tensor) -> float:
    return float((site - site.mT).abs().max())


def obeying(harmonic: HarmonicCrystals) -> HarmonicCrystals:
    return obey_sum_rules(harmonic, dipole_row_sums(harmonic), dipole_slope(harmonic))


def slope_of_sound(harmonic: HarmonicCrystals) -> torch.Tensor:
    """Return Im d/dq of the sum of all blocks at q = 0, (3, 3, 3) [eV/A]: no sound has it."""
    skew = harmonic.force_constants - harmonic.force_constants.mT
    short = torch.einsum("bij,bk->ijk", skew, harmonic.vectors)
    return short + dipole_slope(harmonic)[0]


def test_on_site_terms_become_symmetric(low_symmetry: Crystal) -> None:
    harmonic = random_harmonic(low_symmetry)
    dipole = dipole_row_sums(harmonic)
    assert skewness(on_site(harmonic, dipole)) > 0.1
    fixed = obeying(harmonic)
    assert skewness(on_site(fixed, dipole)) < 1e-7
    change = fixed.force_constants - harmonic.force_constants
    torch.testing.assert_close(change, -change.mT)


def test_the_first_moment_vanishes(low_symmetry: Crystal) -> None:
    harmonic = random_harmonic(low_symmetry)
    assert float(slope_of_sound(harmonic).abs().max()) > 0.1
    assert float(dipole_slope(harmonic).abs().max()) > 1e-3
    assert float(slope_of_sound(obeying(harmonic)).abs().max()) < 1e-6


def test_lawful_constants_stay_as_they_are(low_symmetry: Crystal) -> None:
    fixed = obeying(random_harmonic(low_symmetry))
    again = obeying(fixed)
    torch.testing.assert_close(again.force_constants, fixed.force_constants, rtol=0, atol=1e-7)


def test_the_change_is_the_smallest_one(low_symmetry: Crystal) -> None:
    """Weighted by stiffness: orthogonal to whatever keeps both rules."""
    harmonic = random_harmonic(low_symmetry)
    change = obeying(harmonic).force_constants - harmonic.force_constants
    torch.manual_seed(8)
    noise = torch.randn_like(change)
    noise = noise - noise.mT
    neutral = replace(harmonic, born=torch.zeros_like(harmonic.born), force_constants=noise)
    allowed = obeying(neutral).force_constants
    product = (change * allowed).sum(dim=(1, 2)) / harmonic.stiffness
    assert abs(float(product.sum())) < 1e-6 * float(product.abs().sum())


def test_single_precision_keeps_both_rules(low_symmetry: Crystal) -> None:
    harmonic = random_harmonic(low_symmetry)
    single = {k: v.float() for k, v in vars(harmonic).items() if v.is_floating_point()}
    rough = obeying(replace(harmonic, **single))
    assert rough.force_constants.dtype == torch.float32
    assert skewness(on_site(rough, dipole_row_sums(rough))) < 1e-4
    assert float(slope_of_sound(rough).abs().max()) < 1e-3


def test_separate_pieces_do_not_spoil_each_other() -> None:
    """Two molecules and an atom out of each other's reach: the equations are singular."""
    crystal = Crystal.ordered(
        15.0 * np.eye(3),
        [[0, 0, 0], [0.08, 0.03, 0], [0.5, 0.5, 0.5], [0.55, 0.45, 0.52], [0.5, 0, 0]],
        ["C", "O", "N", "O", "Ar"],
    )
    harmonic = random_harmonic(crystal, cutoff=3.0)
    for kind in (torch.float64, torch.float32):
        values = {k: v.to(kind) for k, v in vars(harmonic).items() if v.is_floating_point()}
        fixed = obeying(replace(harmonic, **values))
        assert bool(torch.isfinite(fixed.force_constants).all())
        change = fixed.force_constants - values["force_constants"]
        assert float(change.abs().max()) < 10.0


def test_one_atom_has_nothing_to_turn_against() -> None:
    harmonic = random_harmonic(Crystal.ordered(2.8 * np.eye(3), [[0.0] * 3], ["Po"]))
    fixed = obeying(harmonic)
    assert skewness(on_site(fixed, dipole_row_sums(fixed))) < 1e-12
    assert float(slope_of_sound(fixed).abs().max()) < 1e-6


def test_groups_hold_crystals_of_one_size(low_symmetry: Crystal, rock_salt: Crystal) -> None:
    crystals = (rock_salt, low_symmetry, rock_salt)
    batch = collate_bonded([bond_crystal(c, 4.5) for c in crystals]).to(dtype=torch.float64)
    n, atoms = len(batch.forward), sum(batch.atom_counts)
    lattice = Lattice(
        torch.arange(9 * n, dtype=torch.float64).view(n, 3, 3),
        torch.arange(9 * atoms, dtype=torch.float64).view(atoms, 3, 3),
        torch.eye(3).double().repeat(3, 1, 1),
        torch.ones(n, dtype=torch.float64),
    )
    groups = group_by_size(batch, lattice)
    assert [(g.n_crystals, g.n_atoms) for g in groups] == [(2, 2), (1, 4)]
    assert members_by_size(batch) == [[0, 2], [1]]
    pair = groups[0]
    torch.testing.assert_close(pair.born.flatten(0, 1), lattice.born[[0, 1, 6, 7]])
    own = batch.bond_counts[0]
    torch.testing.assert_close(pair.force_constants[own:], lattice.force_constants[-own:])
    assert pair.firsts.max() < 2
    single = harmonic_of(batch, lattice, 1)
    torch.testing.assert_close(single.positions[0], batch.positions[2:6])


def test_one_crystal_of_a_rounded_batch_gets_its_own_numbers_back(low_symmetry: Crystal) -> None:
    exact = bond_crystal(low_symmetry, 4.5)
    rounded = exact.to(dtype=torch.float32)
    n = len(exact.forward)
    lattice = Lattice(torch.ones(n, 3, 3), torch.zeros(4, 3, 3), torch.eye(3)[None], torch.ones(n))
    alone = harmonic_of(rounded, lattice, 0, exact)
    np.testing.assert_array_equal(alone.vectors.numpy(), exact.vectors)
    np.testing.assert_array_equal(alone.cells.numpy(), exact.cells)
    assert alone.force_constants.dtype == torch.float64
    assert harmonic_of(rounded, lattice, 0).vectors.dtype == torch.float64
