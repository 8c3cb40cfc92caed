"""The lesson of strain: how squared frequencies change with the cell, by the ratios of a teacher.

A teacher file holds, a line a crystal, frequencies of a strained cell with its fractional
coordinates kept, at the wave vectors that fit its supercell, where they are exact. Values of
another functional are not taught, only ln w^2 of a strained cell over that of the unstrained one.
Traces of the dynamical matrix are compared, which need no branch to be followed across crossings,
and sums over the three lowest branches. All errors are in units of the Grueneisen parameter,
gamma = -(1/6) d ln w^2 / d e for a linear strain e; along one axis and in shear e is the isotropic
strain of equal size (`physics.strain.linear_strain`).
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from phonodos.datasets.dataset import Dataset
from phonodos.errors import ConfigError, DataError
from phonodos.model.bonds import BondedCrystals, bond_crystal, collate_bonded
from phonodos.model.dynamics import dynamical_matrices
from phonodos.model.harmonic import group_of, members_by_size
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import linear_strain, strained
from phonodos.physics.units import WAVENUMBER_PER_SQRT_SPRING

MOST_POINTS = 8  # wave vectors drawn of a crystal in a step
FLOOR = 20.0  # [cm^-1], softer acoustic branches have no ratio worth teaching
HUBER = 0.5  # in units of gamma
PARTS = 0.5  # weight of single wave vectors, and of the acoustic branches, beside the whole
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StrainSample:
    """One crystal at several strains, and how the teacher's squares change from the unstrained.

    Attributes
    ----------
    crystals
        The unstrained crystal first.
    strains
        (s,) linear strains of the others; of a tensor the isotropic one of equal size.
    qpoints
        (k, 3) fractions of the reciprocal lattice vectors.
    squares, acoustic
        (s + 1, k) mean of w^2 over all branches, and over the three lowest [cm^-2], of the teacher.
    """

    id: str
    crystals: tuple[BondedCrystals, ...]
    strains: Array
    qpoints: Array
    squares: Array
    acoustic: Array


def read_teacher(
    path: Path, taught: Sequence[Dataset], cutoff: float, dtype: torch.dtype
) -> list[StrainSample]:
    """Return the samples of a teacher file (JSON lines, gzipped or not).

    Parameters
    ----------
    path
        Keys of a line: `id`, `strains` (0 among them; numbers, or symmetric tensors of three by
        three in the frame of the stored cell), `qpoints` (fractions), `frequencies`
        [strain][q][branch] in cm^-1, imaginary ones negative.
    taught
        The data sets of training; every crystal of the file must be one of theirs.
    cutoff
        Of the bonds [A].
    dtype
        Type of the numbers of the samples.

    Raises
    ------
    DataError
        If the file cannot be read, a line is not of that form, or a crystal is not one of training.
    """
    known: dict[str, Crystal] = {}
    for dataset in taught:
        known.update(zip(dataset.ids, dataset.crystals(), strict=True))
    found = []
    for number, text in enumerate(_lines(path), 1):
        try:
            line = json.loads(text)
            name = str(line["id"])
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise _unusable(path, number, f"no JSON with an id: {str(err)[:200]}") from err
        if name not in known:
            raise DataError(
                f"{path} teaches strain of {name}, which the run is not trained on",
                "what is neither valid nor test must be known of every crystal that is taught",
                "leave the line out, or add its record to the training part of the split",
            )
        try:
            found.append(_sample(line, known[name], cutoff, dtype))
        except (ValueError, KeyError, TypeError, ConfigError) as err:
            raise _unusable(path, number, str(err)[:300]) from err
    return found


def _unusable(path: Path, number: int, reason: str) -> DataError:
    return DataError(
        f"{path}, line {number}: not a crystal of a teacher of strain",
        reason,
        "give id, strains with 0 among them, qpoints and frequencies[strain][q][branch]",
    )


def _lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            return [line for line in file if line.strip()]
    except (OSError, EOFError, UnicodeDecodeError) as err:
        raise DataError(
            f"{path} cannot be read", str(err)[:300], "give the file of a teacher of strain"
        ) from err


def _sample(
    line: Mapping[str, Any], crystal: Crystal, cutoff: float, dtype: torch.dtype
) -> StrainSample:
    tensors = [_tensor(e) for e in line["strains"]]
    strains = np.array([linear_strain(e) for e in tensors])
    qpoints = np.asarray(line["qpoints"], dtype=np.float64)
    w = np.asarray(line["frequencies"], dtype=np.float64)
    if qpoints.ndim != 2 or w.shape != (len(strains), len(qpoints), 3 * crystal.n_atoms):
        raise ValueError(
            f"frequencies are of shape {w.shape}, the crystal has {crystal.n_atoms} atoms"
        )
    if not (np.isfinite(w).all() and np.isfinite(qpoints).all()):
        raise ValueError("a number is not finite")
    (rest,) = np.nonzero(strains == 0.0)
    if len(rest) != 1 or len(strains) < 2:
        raise ValueError("strains must hold 0 once, and another")
    order = [int(rest[0]), *(k for k in range(len(strains)) if k != rest[0])]
    square = np.sort(w * np.abs(w), axis=2)[order]
    return StrainSample(
        id=str(line["id"]),
        crystals=tuple(
            bond_crystal(strained(crystal, tensors[k]), cutoff, by_symmetry=True).to(dtype=dtype)
            for k in order
        ),
        strains=strains[order[1:]],
        qpoints=qpoints,
        squares=square.mean(axis=2),
        acoustic=square[:, :, :3].mean(axis=2),
    )


def _tensor(strain: float | Sequence[Sequence[float]]) -> Array:
    """Return the (3, 3) strain tensor that a line of a teacher gives, as it is or as a number."""
    found = np.asarray(strain, dtype=np.float64)
    if found.shape not in ((), (3, 3)):
        raise ValueError(f"a strain is of shape {found.shape}, no number and no tensor")
    return found * np.eye(3) if found.ndim == 0 else found


def strain_loss(
    network: nn.Module,
    samples: Sequence[StrainSample],
    factor: float,
    generator: torch.Generator,
    device: str = "cpu",
) -> Tensor:
    """Return the sum over crystals of the Huber losses of gamma: whole, by wave vector, acoustic.

    Parameters
    ----------
    factor
        By which the teacher's logarithms of ratios are multiplied: teachers made for energies are
        too soft, and their gamma too small.
    generator
        Draws the wave vectors.
    """
    crystals = [c for sample in samples for c in sample.crystals]
    joined = collate_bonded(crystals).to(device=device, dtype=crystals[0].cells.dtype)
    lattice = network(joined)
    owners = [(k, j) for k, sample in enumerate(samples) for j in range(len(sample.crystals))]
    picked = [_drawn(sample, generator) for sample in samples]
    most = max(len(q) for q in picked)
    found: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    for chosen in members_by_size(joined):
        group = group_of(joined, lattice, chosen)
        # Short draws are filled up with their first wave vector, and cut off again.
        points = np.stack(
            [
                np.resize(samples[k].qpoints[picked[k]], (most, 3))
                for k, _ in map(owners.__getitem__, chosen)
            ]
        )
        matrices = dynamical_matrices(group, torch.from_numpy(points).to(group.cells))
        values = torch.linalg.eigvalsh(matrices) * WAVENUMBER_PER_SQRT_SPRING**2
        for row, place in enumerate(chosen):
            k, j = owners[place]
            kept = values[row, : len(picked[k])]
            found[k, j] = kept.mean(dim=1), kept[:, :3].mean(dim=1)
    total: Tensor = joined.cells.new_zeros(())
    for k, sample in enumerate(samples):
        answers = [found[k, j] for j in range(len(sample.crystals))]
        total = total + _of_one(sample, picked[k], answers, factor)
    return total


def _drawn(sample: StrainSample, generator: torch.Generator) -> NDArray[np.int64]:
    order = torch.randperm(len(sample.qpoints), generator=generator).numpy()
    return np.asarray(order[:MOST_POINTS], dtype=np.int64)


def _of_one(
    sample: StrainSample,
    picked: NDArray[np.int64],
    answers: Sequence[tuple[Tensor, Tensor]],
    factor: float,
) -> Tensor:
    wanted, acoustic = sample.squares[:, picked], sample.acoustic[:, picked]
    rest, sound = answers[0]
    total = rest.new_zeros(())
    for j, strain in enumerate(sample.strains, 1):
        squares, slow = answers[j]
        whole = _gammas(wanted[[0, j]].mean(axis=1, keepdims=True), strain, factor)
        parts = _gammas(wanted[[0, j]], strain, factor)
        low = _gammas(acoustic[[0, j]], strain, factor)
        total = total + _error(rest.mean()[None], squares.mean()[None], strain, whole)
        total = total + PARTS * _error(rest, squares, strain, parts)
        total = total + PARTS * _error(sound, slow, strain, low)
    return total / len(sample.strains)


def _gammas(squares: Array, strain: float, factor: float) -> Array:
    """Return gamma from the rows unstrained and strained; NaN where it is not worth teaching."""
    good = (squares > FLOOR**2).all(axis=0)
    safe = np.where(good, squares, 1.0)
    return np.where(good, -factor * np.log(safe[1] / safe[0]) / (6.0 * strain), np.nan)


def _error(rest: Tensor, squares: Tensor, strain: float, wanted: Array) -> Tensor:
    """Return the mean Huber loss of gamma over what is worth teaching; zero if that is nothing."""
    good = torch.from_numpy(np.isfinite(wanted)).to(rest.device)
    if not bool(good.any()):
        return rest.new_zeros(())
    low = FLOOR**2 / 4.0  # an unstable answer gets no gradient from its ratio
    ratio = torch.log(squares.clamp_min(low) / rest.clamp_min(low))
    gamma = -ratio[good] / (6.0 * strain)
    return functional.huber_loss(gamma, torch.from_numpy(wanted).to(rest)[good], delta=HUBER)
