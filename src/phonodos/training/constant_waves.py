"""Frequencies that stored force constants have at chosen waves: those of the supercell, long ones.

A record with Born charges and without a band path says of its modes what its constants say. Where a
wave fits the supercell, short range plus dipole term is what the forces were; of long waves they
tell the sound, once both sum rules hold. Constants are stored up to a cutoff, so the rules are
imposed on what is listed.
"""

import zlib
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.force_constants import ForceConstants, commensurate_points
from phonodos.datasets.pack import one_direction
from phonodos.evaluation.sound import FROM, TO
from phonodos.model.dynamics import frequencies, settled, settled_matrices
from phonodos.model.harmonic import HarmonicCrystals
from phonodos.physics.crystal import Crystal

MOST_FITTING = 20  # waves of the supercell, of q and -q one
LONG = 10  # long waves, in directions of their own for every record
Array = NDArray[np.float64]


class ConstantWaves:
    """Waves of one record, whose frequencies are computed when they are first asked for.

    Parameters
    ----------
    dataset, index
        The record; it has force constants with the dipole term separated.
    crystal
        Its crystal.
    masses
        (n,) [amu].
    fitting
        Whether waves that fit the supercell are among them.
    """

    def __init__(
        self, dataset: Dataset, index: int, crystal: Crystal, masses: Array, *, fitting: bool
    ) -> None:
        self._dataset, self._index = dataset, index
        self._crystal, self._masses = crystal, masses
        self._fitting = fitting

    @cached_property
    def bands(self) -> tuple[Array, Array]:
        """(k, 3) fractional q and (k, 3n) frequencies [cm^-1], ascending; ten long waves last."""
        constants = self._dataset.force_constants(self._index)
        born = self._dataset.born_charges(self._index)
        dielectric = self._dataset.dielectric(self._index)
        assert constants is not None
        assert born is not None
        assert dielectric is not None
        rng = np.random.default_rng(zlib.crc32(self._dataset.ids[self._index].encode()))
        points = long_waves(self._crystal.reciprocal_cell, rng)
        if self._fitting:
            points = np.concatenate([fitting_waves(constants.supercell, rng), points])
        harmonic = harmonic_crystal(self._crystal, self._masses, constants, born, dielectric)
        return points, frequencies(settled_matrices(*settled(harmonic), points[None]))[0]


def fitting_waves(supercell: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """Return at most 20 (k, 3) fractional wave vectors that repeat in a supercell; of q, -q one."""
    points = commensurate_points(supercell)
    opposite = np.mod(-points.round(9), 1.0).round(6)
    kept = [k for k, q in enumerate(points.round(6)) if tuple(q) <= tuple(opposite[k])]
    chosen = points[np.sort(rng.permutation(kept)[:MOST_FITTING])]
    return np.asarray(chosen - np.rint(chosen))


def long_waves(reciprocal: Array, rng: np.random.Generator) -> Array:
    """Return ten (10, 3) fractional wave vectors as long as those that sound is judged by.

    `reciprocal` are the (3, 3) reciprocal lattice vectors as rows, 2 pi included [1/A].
    """
    directions = rng.normal(size=(LONG, 3))
    lengths = rng.uniform(FROM, TO, size=(LONG, 1))
    waves = directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths
    return np.asarray(waves @ np.linalg.inv(reciprocal))


def harmonic_crystal(
    crystal: Crystal, masses: Array, constants: ForceConstants, born: Array, dielectric: Array
) -> HarmonicCrystals:
    """Return the crystal that stored constants make, for NumPy; no sum rule is imposed yet.

    Parameters
    ----------
    masses
        (n,) [amu].
    constants
        Of edges in both directions or one, on-site terms are not looked at.
    born, dielectric
        (n, 3, 3) [e] and (3, 3), those of the separated dipole term.
    """
    edges = np.column_stack([constants.centres, constants.neighbours, constants.images])
    bonds, tensors = one_direction(edges, constants.tensors.astype(np.float64))
    firsts, seconds = bonds[:, 0], bonds[:, 1]
    apart = crystal.frac_coords[seconds] - crystal.frac_coords[firsts] + bonds[:, 2:]
    return HarmonicCrystals(
        cells=crystal.cell[None],
        positions=(crystal.frac_coords @ crystal.cell)[None],
        masses=masses[None],
        owners=np.zeros(len(bonds), dtype=np.int64),
        firsts=firsts,
        seconds=seconds,
        vectors=apart @ crystal.cell,
        force_constants=tensors,
        stiffness=np.linalg.norm(tensors, axis=(1, 2)),
        born=born[None],
        dielectric=dielectric[None],
    )
