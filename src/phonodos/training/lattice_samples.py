"""What the flagship is taught of one crystal: bands, DOS quantiles, tensors, force constants."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.sound import FROM, LEAST, TO
from phonodos.model.arrays import as_numpy
from phonodos.model.bonds import BondedCrystals, bond_crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.lattice_vectors import reciprocal
from phonodos.physics.mesh import QMesh, irreducible_mesh
from phonodos.physics.path import lengths_from_gamma, step_along_path
from phonodos.training.branches import Line, lines_from_gamma
from phonodos.training.constant_waves import LONG, ConstantWaves

if TYPE_CHECKING:
    from phonodos.datasets.force_constants import ForceConstants

UNSTABLE = -15.0  # [cm^-1], a branch below it is one that the crystal is unstable along
FEW = 9  # branches that can be followed through their crossings
AT_GAMMA = 0.01  # [1/A], closer three branches are rigid translations
MESH_LENGTH = 20.0  # [A], of the meshes of validation
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tensors:
    """Reference Born charges (n, 3, 3) [e] and dielectric tensor (3, 3); None where unsound."""

    born: Tensor | None
    dielectric: Tensor | None

    @property
    def whole(self) -> bool:
        """Return whether both are sound."""
        return self.born is not None and self.dielectric is not None


@dataclass(frozen=True, eq=False)
class BondConstants:
    """Reference short-range force constants on the bonds of a sample.

    Attributes
    ----------
    bonds
        (k,) bonds whose constants are known.
    tensors
        (k, 3, 3) [eV/A^2].
    on_site
        (n, 3, 3) [eV/A^2].
    """

    bonds: Tensor
    tensors: Tensor
    on_site: Tensor


@dataclass(frozen=True, eq=False)
class LatticeSample:
    """One crystal as the network sees it, and what is known of it.

    A record without Born charges has for bands the waves that fit the supercell of its calculation,
    where the forces hold the dipole term; its other frequencies and its constants lack it.
    """

    id: str
    crystal: BondedCrystals
    band_qpoints: Array | None  # (k, 3) fractions, of a path or those that fit a supercell
    band_frequencies: Array | None  # (k, 3n) [cm^-1], ascending
    levels: Array | None  # (m,) cumulated states, 0 to 1; None where they are not to be taught
    level_frequencies: Array | None  # (m,) [cm^-1]
    tensors: Tensors
    constants: BondConstants | None
    target: Array  # (51,) own maximum
    mesh: QMesh | None  # validation only
    mean_frequency: float  # [cm^-1]
    waves: ConstantWaves | None = None  # further bands, if those of the constants are taught

    @cached_property
    def bands(self) -> tuple[Array, Array] | None:
        """(k, 3) wave vectors and (k, 3n) frequencies [cm^-1] to teach; last those of `waves`."""
        found = [] if self.waves is None else [self.waves.bands]
        if self.band_qpoints is not None and self.band_frequencies is not None:
            found.insert(0, (self.band_qpoints, self.band_frequencies))
        if len(found) < 2:
            return found[0] if found else None
        qpoints, frequencies = zip(*found, strict=True)
        return np.concatenate(qpoints), np.concatenate(frequencies)

    @cached_property
    def usual(self) -> int:
        """Number of wave vectors, the first of `bands`, to draw from where long ones are apart."""
        if self.bands is None:
            return 0
        return len(self.bands[0]) - (0 if self.waves is None else LONG)

    @cached_property
    def soft(self) -> NDArray[np.int64]:
        """(s,) places in `bands` where the lowest branch is imaginary, by more than rounding."""
        if self.bands is None:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.bands[1][: self.usual, 0] < UNSTABLE)

    @cached_property
    def lengths(self) -> Array:
        """(k,) distances of the wave vectors of `bands` from Gamma [1/A]."""
        if self.bands is None:
            return np.zeros(0)
        (cell,) = as_numpy(self.crystal.cells)
        return lengths_from_gamma(self.bands[0], reciprocal(cell))

    @cached_property
    def long(self) -> NDArray[np.int64]:
        """(l,) places in `bands` of the waves that sound is judged by."""
        if self.bands is None:
            return np.zeros(0, dtype=np.int64)
        near = (self.lengths > FROM) & (self.lengths < TO)
        return np.flatnonzero(near & (self.bands[1][:, 0] > LEAST))

    @cached_property
    def lines(self) -> list[Line]:
        """Lines from Gamma, first in `bands`, that tell which branch of few is unstable."""
        if not self.unstable or self.waves is not None or self.bands is None:
            return []
        qpoints, frequencies = self.bands
        if frequencies.shape[1] > FEW:
            return []
        return lines_from_gamma(qpoints, self.lengths < AT_GAMMA)

    @property
    def unstable(self) -> bool:
        """Return whether a branch of the bands is imaginary, by more than rounding."""
        return len(self.soft) > 0

    def quantiles(self, n: int) -> Array:
        """Return n frequencies [cm^-1] at equal steps of the cumulated DOS."""
        assert self.levels is not None
        assert self.level_frequencies is not None
        return np.interp((np.arange(n) + 0.5) / n, self.levels, self.level_frequencies)


def lattice_samples(
    dataset: Dataset, cutoff: float, dtype: torch.dtype, *, meshes: bool, waves: bool = False
) -> list[LatticeSample]:
    """Return the samples of a data set; with `meshes` those that validation needs.

    With `waves` records with Born charges and without a path are taught the waves of their
    supercell, those stored or, without, those of their constants, and long waves of these.
    """
    bands = dataset.column("band_qpoints"), dataset.column("band_frequencies")
    fitting = dataset.column("commensurate_qpoints"), dataset.column("commensurate_frequencies")
    born, dielectric = dataset.column("born_charges"), dataset.column("dielectric")
    sound = {
        name: dataset.mask(f"{name}_sound") & ~dataset.mask("large_cnsr_break")
        for name in ("born", "dielectric")
    }
    targets = dataset.targets
    found = []
    for k, (name, crystal) in enumerate(zip(dataset.ids, dataset.crystals(), strict=True)):
        n = crystal.n_atoms
        bonded = bond_crystal(crystal, cutoff, by_symmetry=True)
        whole = fitting[0][k] is None or born[k] is not None
        pathless = whole and waves and bands[0][k] is None
        stored = fitting if pathless or not whole else bands
        points, values = (column[k] for column in stored)
        dos = dataset.dos(k)
        levels, frequencies = cumulated(dos)
        tensors = Tensors(
            _tensor(born[k], (n, 3, 3), dtype) if sound["born"][k] else None,
            _tensor(dielectric[k], (3, 3), dtype) if sound["dielectric"][k] else None,
        )
        constants = dataset.force_constants(k) if whole else None
        qpoints = None if points is None else np.array(points).reshape(-1, 3)
        modes = None if values is None else np.sort(np.array(values).reshape(-1, 3 * n), axis=1)
        if stored is bands and qpoints is not None and modes is not None:
            qpoints = step_along_path(qpoints, modes, crystal)
        elif pathless and qpoints is not None:
            qpoints = qpoints - np.rint(qpoints)
        separated = pathless and tensors.whole and constants is not None and constants.has_nac
        found.append(
            LatticeSample(
                id=name,
                crystal=bonded.to(dtype=dtype),
                band_qpoints=qpoints,
                band_frequencies=modes,
                levels=levels if whole else None,
                level_frequencies=frequencies if whole else None,
                tensors=tensors,
                constants=None if constants is None else match_bonds(bonded, constants, dtype),
                target=targets[k],
                mesh=irreducible_mesh(crystal, MESH_LENGTH) if meshes else None,
                mean_frequency=dos.mean_frequency,
                waves=ConstantWaves(
                    dataset, k, crystal, as_numpy(bonded.masses), fitting=qpoints is None
                )
                if separated
                else None,
            )
        )
    return found


def cumulated(dos: PhononDos) -> tuple[Array, Array]:
    """Return strictly rising cumulated shares of states and their frequencies [cm^-1]."""
    w, g = dos.frequencies, np.clip(dos.densities, 0.0, None)
    steps = 0.5 * (g[1:] + g[:-1]) * np.diff(w)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    total /= total[-1]
    kept = np.concatenate([[True], np.diff(total) > 1e-9])
    return total[kept], w[kept]


def match_bonds(
    bonded: BondedCrystals, constants: "ForceConstants", dtype: torch.dtype
) -> BondConstants:
    """Return the reference constants of the bonds that a reference exists for."""
    i, j, images = map(as_numpy, (*bonded.ends, bonded.images))
    keys = np.column_stack([i, j, images]).tolist()
    place = {tuple(key): bond for bond, key in enumerate(keys)}
    edges = np.concatenate(
        [constants.centres[:, None], constants.neighbours[:, None], constants.images], axis=1
    )
    pairs = [
        (bond, edge)
        for edge, key in enumerate(edges.tolist())
        if (bond := place.get(tuple(key))) is not None
    ]
    bonds, picked = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return BondConstants(
        torch.from_numpy(bonds.copy()),
        torch.from_numpy(constants.tensors[picked]).to(dtype),
        torch.from_numpy(constants.on_site).to(dtype),
    )


def _tensor(values: list[float], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, dtype=dtype).view(shape)
