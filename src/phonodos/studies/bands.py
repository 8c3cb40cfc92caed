"""`bands`: the frequencies of a crystal along a path through the Brillouin zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.isotopes import Isotope
from phonodos.physics.mesh import MESH_LENGTH
from phonodos.physics.path import GAMMA_STEP, BandPath, BandStructure, step_from_gamma
from phonodos.physics.units import per_wavenumber
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import AnyPredictor
from phonodos.prediction.stability import Stability
from phonodos.results.bands import bands_record, path_text
from phonodos.studies.harmonic import prediction_of

TIE = 1e-6  # relative difference of components that count as equally large
FINE_MESH, SMALL_CELL = 40.0, 40  # [A], of the density of states beside at most 40 atoms


@dataclass(frozen=True, eq=False)
class BandStudy:
    """Bands of a crystal, in its primitive cell.

    Attributes
    ----------
    structure
        The path, and (m, 3n) frequencies a segment [cm^-1], ascending, imaginary ones negative.
    lattice
        The predicted lattice dynamics, in the primitive cell.
    warnings
        Reasons for doubt.
    stability
        That of the prediction: of the lowest frequency anywhere, mean of the members. The bands are
        those of the members' mean force constants and know the path only.
    members
        Lattice dynamics of every member of an ensemble; empty for a single network.
    """

    structure: BandStructure
    lattice: LatticeDynamics
    warnings: tuple[str, ...] = ()
    stability: Stability | None = None
    members: tuple[LatticeDynamics, ...] = ()

    @cached_property
    def spread(self) -> tuple[NDArray[np.float64], ...] | None:
        """(m, 3n) standard deviation (n - 1) of the members' bands a segment [cm^-1], by rank.

        None for a single network.
        """
        if len(self.members) < 2:
            return None
        each = [member.bands(self.structure.path).frequencies for member in self.members]
        return tuple(np.std(segment, axis=0, ddof=1) for segment in zip(*each, strict=True))

    @property
    def crystal(self) -> Crystal:
        """The primitive cell."""
        return self.lattice.crystal

    @property
    def path(self) -> str:
        """The corners in words: ``Gamma-X-U | K-Gamma``."""
        return path_text(self.structure)

    @property
    def min_frequency(self) -> float:
        """Lowest frequency on the path [cm^-1]; imaginary ones are negative."""
        return min(float(w.min()) for w in self.structure.frequencies)

    @property
    def max_frequency(self) -> float:
        """Highest frequency on the path [cm^-1]."""
        return max(float(w.max()) for w in self.structure.frequencies)

    @cached_property
    def eigenvectors(self) -> tuple[NDArray[np.complex128], ...]:
        """(m, 3n, 3n) eigenvectors of D(q) a segment, modes in columns, ordered as `structure`.

        Rows are atom by atom x, y, z; phases are those of the full vectors between atoms, as
        phonopy's. Norm 1, the largest component of every mode real and positive; among modes of
        one frequency any basis. Where a segment ends at Gamma, the limit along it.
        """
        reciprocal = self.crystal.reciprocal_cell
        segments = self.structure.path.segments
        points = [step_from_gamma(s.qpoints, reciprocal, GAMMA_STEP) for s in segments]
        return tuple(_turned(self.lattice.modes(q)[1]) for q in points)

    def dos(self) -> PhononDos:
        """Return the density of states of the primitive cell, on a fine mesh for a small one."""
        length = FINE_MESH if self.crystal.n_atoms <= SMALL_CELL else MESH_LENGTH
        return self.lattice.dos(self.lattice.mesh(length))

    def to_dict(self, unit: str = "cm-1", *, eigenvectors: bool = False) -> dict[str, Any]:
        """Return a dictionary fit for JSON, frequencies in ``cm-1``, ``THz`` or ``meV``.

        With `eigenvectors` of every mode, complex numbers as pairs.
        """
        factor = per_wavenumber(unit)
        return {
            "formula": self.crystal.written_formula,
            "n_atoms_primitive": self.crystal.n_atoms,
            "path": self.path,
            "min_frequency": {"value": self.min_frequency * factor, "unit": unit},
            "max_frequency": {"value": self.max_frequency * factor, "unit": unit},
            "stability": None if self.stability is None else self.stability.to_dict(unit),
            "warnings": list(self.warnings),
            "bands": bands_record(
                self.structure, unit, self.eigenvectors if eigenvectors else None
            ),
        }


def _turned(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return (m, 3n, k) vectors in columns, the first of their largest components made real."""
    sizes = np.abs(vectors)
    first = np.argmax(sizes > (1.0 - TIE) * sizes.max(axis=1, keepdims=True), axis=1)
    largest = np.take_along_axis(vectors, first[:, None, :], axis=1)
    return vectors * (np.abs(largest) / largest)


def bands(
    crystal: Any,
    path: BandPath | None = None,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
) -> BandStudy:
    """Predict the bands of a crystal.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    path
        Lines of the Brillouin zone of the primitive cell; by default those recommended for its
        symmetry (`phonodos.physics.path.band_path`).
    model, members
        A predictor, or weights and number of members as `load` takes them.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.

    Raises
    ------
    ConfigError
        If the network predicts spectra only, or `metal` or `isotopes` are given with a
        `Prediction`.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    prediction = prediction_of(
        crystal, model=model, members=members, metal=metal, isotopes=isotopes
    )
    if prediction.lattice is None:
        raise ConfigError(
            f"{prediction.model} has no bands",
            "this network predicts the density of states only; bands take force constants",
            "choose a model of lattice dynamics with --model (phonodos models list)",
        )
    return BandStudy(
        prediction.lattice.bands(path),
        prediction.lattice,
        prediction.warnings,
        prediction.stability,
        prediction.member_lattices,
    )
