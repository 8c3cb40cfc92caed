"""The losses of the flagship: bands, quantiles of the DOS, Born charges, eps, force constants.

All frequencies in units of 100 cm^-1. The quantile loss compares the sorted frequencies of a
randomly shifted set of wave vectors with the quantiles of the reference spectrum: in one dimension
that is the Wasserstein distance.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.model.bonds import collate_bonded
from phonodos.model.dynamics import (
    dynamical_matrices,
    frequencies,
    settled,
    settled_matrices,
    signed_squares,
    softened_roots,
)
from phonodos.model.harmonic import (
    HarmonicCrystals,
    group_by_size,
    group_of,
    members_by_size,
)
from phonodos.model.lattice import Lattice
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.physics.target import target_of
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING
from phonodos.training.branches import Places, branches_of_path, matched_branches
from phonodos.training.lattice_samples import AT_GAMMA, UNSTABLE, LatticeSample, lattice_samples
from phonodos.training.strain import StrainSample, read_teacher, strain_loss

if TYPE_CHECKING:
    from phonodos.training.config import LatticeLossConfig, TrainConfig

UNIT = 100.0  # [cm^-1]
BAND_HUBER, DOS_HUBER, TENSOR_HUBER, SOUND_HUBER = 0.2, 0.1, 0.3, 0.2
SOUND_FLOOR = 15.0  # [cm^-1], relative errors of the acoustic branches are of w plus this
SOFT_SHARE = 3  # one of so many wave vectors is drawn where an unstable crystal is softest
LONG_SHARE, LONG_FLOOR = 3, 5.0  # of long waves the same; [cm^-1], softer ones count as so stiff
# Signed squares of imaginary branches have errors in units of (|w| + this)^2 [cm^-1].
IMAGINARY_FLOOR, IMAGINARY_HUBER, TRANSVERSE_HUBER = 50.0, 1.0, 0.3
TRANSLATIONS = 3
# Steps of the additive recurrence with the best spread in three dimensions (1/g, 1/g^2, 1/g^3).
SPREAD = np.array([0.8191725133961645, 0.6710436067037893, 0.5497004779019703])


class LatticeTask:
    """Teaches lattice dynamics; validates on the 51-point spectrum."""

    def __init__(self, config: "TrainConfig") -> None:
        self.cutoff = config.network.cutoff
        self.dtype = getattr(torch, config.dtype)
        self.device = config.device
        self.weights: LatticeLossConfig = config.losses
        self.strain = config.strain

    def samples(self, dataset: Dataset, *, judged: bool = False) -> list[LatticeSample]:
        """Return the samples of a data set; `judged` ones get the mesh of validation.

        Of those to teach an unstable crystal is there `unstable_times`.
        """
        waves = self.weights.waves and not judged
        found = lattice_samples(dataset, self.cutoff, self.dtype, meshes=judged, waves=waves)
        if judged or self.weights.unstable_times == 1:
            return found
        soft = [sample for sample in found if sample.unstable]
        return found + soft * (self.weights.unstable_times - 1)

    def strained(self, taught: Sequence[Dataset]) -> list[StrainSample]:
        """Return the samples of the teacher of strain, whose crystals are among those taught."""
        if self.strain is None:
            return []
        return read_teacher(self.strain.teacher, taught, self.cutoff, self.dtype)

    def size(self, sample: LatticeSample | StrainSample) -> int:
        """Return the number of atoms: crystals of equal size share a batch cheaply."""
        if isinstance(sample, StrainSample):
            return sample.crystals[0].atom_counts[0]
        return sample.crystal.atom_counts[0]

    def loss(
        self,
        network: nn.Module,
        batch: Sequence[LatticeSample | StrainSample],
        generator: torch.Generator,
    ) -> Tensor:
        """Return the mean over the crystals of a batch of the weighted sum of all losses."""
        strained = [s for s in batch if isinstance(s, StrainSample)]
        records = [s for s in batch if isinstance(s, LatticeSample)]
        total = torch.zeros((), dtype=self.dtype, device=self.device)
        if records:
            total = total + self._records_loss(network, records, generator)
        if strained:
            factor = 1.0 if self.strain is None else self.strain.factor
            lesson = strain_loss(network, strained, factor, generator, self.device)
            total = total + self.weights.strain * lesson
        return total / len(batch)

    def _records_loss(
        self, network: nn.Module, batch: Sequence[LatticeSample], generator: torch.Generator
    ) -> Tensor:
        crystals = collate_bonded([s.crystal for s in batch]).to(
            device=self.device, dtype=self.dtype
        )
        lattice: Lattice = network(crystals)
        total = self.weights.tensors * self._tensor_loss(batch, lattice)
        for picked in members_by_size(crystals):
            group = group_of(crystals, lattice, picked)
            total = total + self._vibrations(group, [batch[k] for k in picked], generator)
        return total

    def _vibrations(
        self, group: HarmonicCrystals, samples: list[LatticeSample], generator: torch.Generator
    ) -> Tensor:
        modes = 3 * group.n_atoms
        n = self.weights.points(group.n_atoms)
        weights = self.weights
        points, bands, drawn = _draw(
            samples, n, generator, soft=weights.unstable > 0.0 or weights.imaginary > 0.0,
            long=weights.long_waves > 0.0,
        )  # fmt: skip
        group, site = settled(group)
        matrices = settled_matrices(group, site, points.to(group.cells))
        softening = weights.softening
        squares: Tensor = signed_squares(matrices)
        found: Tensor = softened_roots(squares, softening)
        total = found.new_zeros(())
        for k, sample in enumerate(samples):
            first = 0
            reference = bands[k]
            if reference is not None:
                first = len(reference)
                if sample.lines:
                    beside, known = _followed(group, site, k, sample, drawn[k])
                else:
                    beside = matched_branches(_roots(squares[k, :first]), reference)
                    known = np.ones(first, dtype=bool)
                total = total + self._taught(
                    squares[k, :first], found[k, :first], reference, sample, drawn[k], beside, known
                )
            if sample.levels is None:
                continue
            spread = found[k, first:].flatten().sort().values
            quantiles = torch.from_numpy(sample.quantiles(len(spread)))
            quantiles = _soft(quantiles, softening).to(found)
            dos = functional.huber_loss(spread / UNIT, quantiles / UNIT, delta=DOS_HUBER)
            total = total + weights.dos * dos
        if weights.force_constants and any(s.constants for s in samples):
            total = total + weights.force_constants * self._constants(group, site, samples)
        if weights.transverse and any(s.constants for s in samples):
            total = total + weights.transverse * _transverse_loss(group, samples)
        assert found.shape[2] == modes
        return total

    def _taught(
        self, squares: Tensor, found: Tensor, reference: np.ndarray, sample: LatticeSample,
        drawn: np.ndarray, beside: Places, known: np.ndarray,
    ) -> Tensor:  # fmt: skip
        """Return the losses of the bands of a crystal at its (q,) `drawn` wave vectors.

        Of those that are not `known` nothing but long waves is taught.
        """
        weights = self.weights
        wanted = _soft(torch.from_numpy(reference), weights.softening).to(found)
        total = found.new_zeros(())
        long = np.isin(drawn, sample.long)
        if weights.long_waves and long.any():
            waves = found[long, :3], wanted[long, :3]
            total = total + weights.long_waves * _long_loss(*waves, reference[long, :3])
        if not known.any():
            return total
        if not known.all():
            rows = torch.from_numpy(np.flatnonzero(known)).to(found.device)
            squares, found, wanted = squares[rows], found[rows], wanted[rows]
            reference, drawn, beside = reference[known], drawn[known], beside[known]
        total = total + self._band_loss(found, wanted, sample, beside)
        if weights.imaginary and sample.unstable:
            rigid = sample.lengths[drawn] < AT_GAMMA
            total = total + weights.imaginary * _imaginary_loss(squares, reference, beside, rigid)
        return total

    def _band_loss(
        self, found: Tensor, wanted: Tensor, sample: LatticeSample, beside: Places
    ) -> Tensor:
        """Return the loss of (q, 3n) frequencies: absolute of all, relative of the lowest three.

        `beside` tells which stands beside which (`matched_branches`); the lowest go by order.
        """
        weight = self.weights.bands
        if sample.unstable:
            weight *= 1.0 + self.weights.unstable
        matched = found.gather(1, torch.from_numpy(beside).to(found.device))
        band = functional.huber_loss(matched / UNIT, wanted / UNIT, delta=BAND_HUBER)
        if not self.weights.sound:
            return weight * band
        lowest = wanted[:, :3]
        error = (found[:, :3] - lowest) / (lowest.abs() + SOUND_FLOOR)
        sound = functional.huber_loss(error, torch.zeros_like(error), delta=SOUND_HUBER)
        return weight * band + self.weights.sound * sound

    def _constants(
        self, group: HarmonicCrystals, site: Tensor, samples: list[LatticeSample]
    ) -> Tensor:
        """Return the sum over crystals of the estimated error of w from that of D (Parseval).

        The crystals and their on-site terms are those that `settled` returned.
        """
        c, n = group.n_crystals, group.n_atoms
        counts = torch.bincount(group.owners, minlength=c).tolist()
        first = 0
        total: Tensor = site.new_zeros(())
        for k, sample in enumerate(samples):
            if sample.constants is not None:
                bonds = sample.constants.bonds.to(site.device) + first
                error = group.force_constants[bonds] - sample.constants.tensors.to(site)
                masses = group.masses[k]
                ends = masses[group.firsts[bonds]] * masses[group.seconds[bonds]]
                square = 2.0 * (error.square().sum(dim=(1, 2)) / ends).sum()
                local = site[k] - sample.constants.on_site.to(site)
                square = square + (local.square().sum(dim=(1, 2)) / masses**2).sum()
                root = (square / (3 * n)).add(1e-12).sqrt()
                scale = WAVENUMBER_PER_SQRT_SPRING**2 / UNIT / (2.0 * sample.mean_frequency)
                total = total + functional.huber_loss(root * scale, root.new_zeros(()), delta=1.0)
            first += counts[k]
        return total

    def _tensor_loss(self, batch: Sequence[LatticeSample], lattice: Lattice) -> Tensor:
        """Return the sum over crystals of the losses of Born charges [e] and of log eps."""
        total: Tensor = lattice.born.new_zeros(())
        first = 0
        for k, sample in enumerate(batch):
            n = sample.crystal.atom_counts[0]
            if (born := sample.tensors.born) is not None:
                found = lattice.born[first : first + n]
                total = total + functional.smooth_l1_loss(found, born.to(found), beta=TENSOR_HUBER)
            if (eps := sample.tensors.dielectric) is not None:
                found = lattice.dielectric[k]
                ratio = (found - eps.to(found)) / (eps.trace() / 3.0).to(found)
                total = total + functional.smooth_l1_loss(
                    ratio, torch.zeros_like(ratio), beta=TENSOR_HUBER
                )
            first += n
        return total

    @torch.no_grad()
    def validate(self, network: nn.Module, samples: Sequence[LatticeSample]) -> dict[str, float]:
        """Return MSE, R2, WD [cm^-1], mean-frequency MAE [cm^-1] and the share within 10 %."""
        network.eval()
        predicted = np.stack([self._spectrum(network, sample) for sample in samples])
        network.train()
        return spectrum_scores(np.stack([s.target for s in samples]), predicted)

    def _spectrum(self, network: nn.Module, sample: LatticeSample) -> np.ndarray:
        assert sample.mesh is not None
        crystal = sample.crystal.to(device=self.device, dtype=self.dtype)
        (group,) = group_by_size(crystal, network(crystal))
        points = torch.from_numpy(sample.mesh.qpoints)[None].to(group.cells)
        w = frequencies(dynamical_matrices(group, points))[0].double().cpu().numpy()
        return target_of(dos_from_frequencies(w, sample.mesh.weights))


def _soft(w: Tensor, softening: float) -> Tensor:
    return w * w.abs() / (w.square() + softening**2).sqrt()


def _long_loss(found: Tensor, wanted: Tensor, reference: np.ndarray) -> Tensor:
    """Return the loss of the (q, 3) lowest branches at long waves, by their relative errors.

    All are softened but the `reference`, which an error is relative to.
    """
    scale = torch.from_numpy(np.maximum(np.abs(reference), LONG_FLOOR)).to(found)
    error = (found - wanted) / scale
    return functional.huber_loss(error, torch.zeros_like(error), delta=SOUND_HUBER)


def _roots(squares: Tensor) -> np.ndarray:
    """Return signed squares as frequencies [cm^-1], imaginary ones negative."""
    found = squares.detach().double().cpu().numpy()
    return np.asarray(np.sign(found) * np.sqrt(np.abs(found)))


@torch.no_grad()
def _followed(
    group: HarmonicCrystals, site: Tensor, k: int, sample: LatticeSample, drawn: np.ndarray
) -> tuple[Places, np.ndarray]:
    """Return which branch stands beside which at the `drawn` wave vectors, and where it is known.

    By all of the path of the crystal in place k of the group (`branches_of_path`).
    """
    assert sample.bands is not None
    qpoints, reference = sample.bands
    path = torch.from_numpy(qpoints - np.rint(qpoints)).to(group.cells)
    points = path[None].expand(group.n_crystals, -1, -1)
    squares = signed_squares(settled_matrices(group, site, points)[k])
    places, known = branches_of_path(_roots(squares), reference, sample.lines, UNSTABLE)
    return places[drawn], known[drawn]


def _imaginary_loss(
    squares: Tensor, reference: np.ndarray, beside: Places, rigid: np.ndarray
) -> Tensor:
    """Return the loss of the branches that are imaginary in the reference, by signed squares.

    `beside` tells which stands beside which (`matched_branches`).
    Where a crystal that should be unstable is stable, the slope of the square does not vanish as
    that of the softened root nearly does, and what is right of other branches does not share it.
    At Gamma (`rigid`, a flag a wave vector) the translations are left out on both sides: they are
    the lowest branch of a stable crystal, and no constants move them. Where multiplets tell
    branches apart none of it is needed.
    """
    rigid = rigid & (beside == np.arange(reference.shape[1])).all(axis=1)
    places = beside
    if rigid.any():
        places = beside.copy()
        sizes = squares.detach().abs().cpu().numpy()
        places[rigid] = _optic_first(sizes[rigid])
        own = _optic_first(np.abs(reference[rigid]))
        reference = reference.copy()
        reference[rigid] = np.take_along_axis(reference[rigid], own, axis=1)
        reference[rigid, -TRANSLATIONS:] = 0.0
    soft = reference < UNSTABLE
    if not soft.any():
        return squares.new_zeros(())
    w = torch.from_numpy(reference[soft]).to(squares)
    matched = squares.gather(1, torch.from_numpy(places).to(squares.device))
    error = matched[torch.from_numpy(soft).to(squares.device)] - w * w.abs()
    error = error / (w.abs() + IMAGINARY_FLOOR).square()
    return functional.huber_loss(error, torch.zeros_like(error), delta=IMAGINARY_HUBER)


def _optic_first(sizes: np.ndarray) -> np.ndarray:
    """Return (q, 3n) places of the branches, in their order, but the three smallest at the end."""
    order = np.argsort(sizes, axis=1, kind="stable")
    return np.concatenate(
        [np.sort(order[:, TRANSLATIONS:], axis=1), order[:, :TRANSLATIONS]], axis=1
    )


def _transverse_loss(group: HarmonicCrystals, samples: Sequence[LatticeSample]) -> Tensor:
    """Return the sum over crystals of the error of the constants across their bonds.

    It is relative to these constants, which beside those along the bond hardly count, and weighted
    by masses as in dynamical matrices: light atoms turn by them.
    """
    counts = torch.bincount(group.owners, minlength=group.n_crystals).tolist()
    first = 0
    total: Tensor = group.force_constants.new_zeros(())
    for k, sample in enumerate(samples):
        if sample.constants is not None and len(sample.constants.bonds):
            bonds = sample.constants.bonds.to(group.firsts.device) + first
            wanted = sample.constants.tensors.to(group.force_constants)
            line = functional.normalize(group.vectors[bonds], dim=1)
            across = torch.eye(3).to(line) - line[:, :, None] * line[:, None, :]
            ends = group.masses[k][group.firsts[bonds]] * group.masses[k][group.seconds[bonds]]
            error, size = (
                ((across @ x @ across).square().sum(dim=(1, 2)) / ends).sum()
                for x in (group.force_constants[bonds] - wanted, wanted)
            )
            ratio = (error / (size + 1e-12) + 1e-12).sqrt()
            total = total + functional.huber_loss(
                ratio, torch.zeros_like(ratio), delta=TRANSVERSE_HUBER
            )
        first += counts[k]
    return total


def _draw(
    samples: Sequence[LatticeSample], n: int, generator: torch.Generator, *, soft: bool = False,
    long: bool = False,
) -> tuple[Tensor, list[np.ndarray | None], list[np.ndarray]]:  # fmt: skip
    """Return (C, 2n, 3) wave vectors, the first n from the bands where there are some.

    All of them where nothing but bands is taught. With `soft` a third of those of an unstable
    crystal lies where its lowest branch is imaginary, with `long` a third among its long waves.
    Then (n, 3N) frequencies of the bands [cm^-1], and their (n,) places in the sample.
    """
    points, bands, places = [], [], []
    for sample in samples:
        shift = torch.rand(3, generator=generator).numpy()
        spread = np.mod(shift + np.arange(1, 2 * n + 1)[:, None] * SPREAD, 1.0) - 0.5
        reference, drawn = None, np.zeros(0, dtype=np.int64)
        if sample.bands is not None:
            qpoints, frequencies_there = sample.bands
            count = 2 * n if sample.levels is None else n
            usual = sample.usual or len(qpoints)
            drawn = torch.randint(usual, (count,), generator=generator).numpy()
            if soft and sample.unstable:
                drawn[::SOFT_SHARE] = sample.soft[drawn[::SOFT_SHARE] % len(sample.soft)]
            if long and len(sample.long):
                aimed = drawn[1::LONG_SHARE]
                again = torch.randint(len(sample.long), (len(aimed),), generator=generator)
                drawn[1::LONG_SHARE] = sample.long[again.numpy()]
            q = qpoints[drawn]
            spread = np.concatenate([q - np.rint(q), spread[: 2 * n - count]])
            reference = frequencies_there[drawn]
        points.append(torch.from_numpy(spread))
        bands.append(reference)
        places.append(drawn)
    return torch.stack(points), bands, places
