"""`bands`: the frequencies of a crystal along a path through the Brillouin zone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.mesh import MESH_LENGTH
from phonodos.physics.path import BandPath, BandStructure
from phonodos.physics.units import per_wavenumber
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import AnyPredictor
from phonodos.results.bands import bands_record, path_text
from phonodos.studies.harmonic import harmonic_prediction

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
    """

    structure: BandStructure
    lattice: LatticeDynamics
    warnings: tuple[str, ...] = ()

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

    def dos(self) -> PhononDos:
        """Return the density of states of the primitive cell, on a fine mesh for a small one."""
        length = FINE_MESH if self.crystal.n_atoms <= SMALL_CELL else MESH_LENGTH
        return self.lattice.dos(self.lattice.mesh(length))

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON, frequencies in ``cm-1``, ``THz`` or ``meV``."""
        factor = per_wavenumber(unit)
        return {
            "formula": self.crystal.formula,
            "n_atoms_primitive": self.crystal.n_atoms,
            "path": self.path,
            "min_frequency": {"value": self.min_frequency * factor, "unit": unit},
            "max_frequency": {"value": self.max_frequency * factor, "unit": unit},
            "warnings": list(self.warnings),
            "bands": bands_record(self.structure, unit),
        }


def bands(
    crystal: Any,
    path: BandPath | None = None,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
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

    Raises
    ------
    ConfigError
        If the network predicts spectra only.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    prediction, lattice = harmonic_prediction(crystal, "bands", model=model, members=members)
    return BandStudy(lattice.bands(path), lattice, prediction.warnings)
