"""What the flagship is taught of one crystal: bands, DOS quantiles, tensors, force constants."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phonodos.datasets.dataset import Dataset
from phonodos.model.arrays import as_numpy
from phonodos.model.bonds import BondedCrystals, bond_crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import QMesh, irreducible_mesh
from phonodos.physics.path import step_along_path

if TYPE_CHECKING:
    from phonodos.datasets.force_constants import ForceConstants

UNSTABLE = -15.0  # [cm^-1], a branch below it is one that the crystal is unstable along
MESH_LENGTH = 20.0  # [A], of the meshes of validation
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tensors:
    """Reference Born charges (n, 3, 3) [e] and dielectric tensor (3, 3); None where unsound."""

    born: Tensor | None
    dielectric: Tensor | None


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

    @property
    def unstable(self) -> bool:
        """Return whether a branch of the bands is imaginary, by more than rounding."""
        return self.band_frequencies is not None and bool(
            (self.band_frequencies[:, 0] < UNSTABLE).any()
        )

    def quantiles(self, n: int) -> Array:
        """Return n frequencies [cm^-1] at equal steps of the cumulated DOS."""
        assert self.levels is not None
        assert self.level_frequencies is not None
        return np.interp((np.arange(n) + 0.5) / n, self.levels, self.level_frequencies)


def lattice_samples(
    dataset: Dataset, cutoff: float, dtype: torch.dtype, *, meshes: bool
) -> list[LatticeSample]:
    """Return the samples of a data set; with `meshes` those that validation needs."""
    bands = dataset.column("band_qpoints"), dataset.column("band_frequencies")
    waves = dataset.column("commensurate_qpoints"), dataset.column("commensurate_frequencies")
    born, dielectric = dataset.column("born_charges"), dataset.column("dielectric")
    sound = {
        name: dataset.mask(f"{name}_sound") & ~dataset.mask("large_cnsr_break")
        for name in ("born", "dielectric")
    }
    targets = dataset.targets
    found = []
    for k, (name, crystal) in enumerate(zip(dataset.ids, dataset.crystals(), strict=True)):
        n = crystal.n_atoms
        bonded = bond_crystal(crystal, cutoff)
        whole = waves[0][k] is None
        points, values = (column[k] for column in (bands if whole else waves))
        dos = dataset.dos(k)
        levels, frequencies = cumulated(dos)
        tensors = Tensors(
            _tensor(born[k], (n, 3, 3), dtype) if sound["born"][k] else None,
            _tensor(dielectric[k], (3, 3), dtype) if sound["dielectric"][k] else None,
        )
        constants = dataset.force_constants(k) if whole else None
        qpoints = None if points is None else np.array(points).reshape(-1, 3)
        modes = None if values is None else np.sort(np.array(values).reshape(-1, 3 * n), axis=1)
        if whole and qpoints is not None and modes is not None:
            qpoints = step_along_path(qpoints, modes, crystal)
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
