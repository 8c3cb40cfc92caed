"""Errors of predicted lattice dynamics: bands, Born charges, dielectric tensor, projected DOS."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from phonodos.datasets.dataset import Dataset
from phonodos.physics.dos import STEP
from phonodos.physics.mesh import ROOM_ABOVE
from phonodos.physics.path import step_along_path
from phonodos.prediction.prediction import Prediction


@dataclass(frozen=True)
class LatticeErrors:
    """Errors of one material; None where the reference does not have the quantity.

    Attributes
    ----------
    bands_mae
        Mean absolute error of sorted frequencies at all points of the stored path [cm^-1].
    born_mae
        Mean absolute error of the components of the Born charges [e], sound references only.
    dielectric_error
        |tr eps - tr eps*| / tr eps*, sound references only.
    projected_wd
        Wasserstein distance of the atoms' projected spectra [cm^-1], mean over atoms.
    max_mae
        |difference| of the highest frequency [cm^-1]: of the prediction the mean over members, of
        the reference that of its stored bands, else that of its density of states.
    """

    bands_mae: float | None
    born_mae: float | None
    dielectric_error: float | None
    projected_wd: float | None
    max_mae: float | None = None


def lattice_errors(records: Dataset, index: int, prediction: Prediction) -> LatticeErrors | None:
    """Return the errors of a prediction for record `index`.

    None for networks that predict a spectrum only, and where the record's cell is not primitive:
    its path and sites are then not those of the prediction.
    """
    lattice = prediction.lattice
    if lattice is None or lattice.crystal.n_atoms != prediction.crystal.n_atoms:
        return None
    bands = None
    if (stored := records.bands(index)) is not None:
        qpoints, truth = stored[0], np.sort(stored[1], axis=1)
        moved = step_along_path(qpoints, truth, prediction.crystal)
        bands = float(np.abs(lattice.frequencies(moved) - truth).mean())
    born = eps = None
    if (charges := records.tensor("born_charges", index)) is not None:
        born = float(np.abs(lattice.born_charges - charges.reshape(-1, 3, 3)).mean())
    if (tensor := records.tensor("dielectric", index)) is not None:
        trace = float(np.trace(tensor.reshape(3, 3)))
        eps = abs(float(np.trace(lattice.dielectric)) - trace) / trace
    reference = records.dos(index)
    projected = None
    if reference.projected is not None:
        projected = reference.projected_distance(lattice.dos(projected=True))
    highest = reference_highest(records, index)
    top = None if highest is None else abs(prediction.max_frequency - highest)
    return LatticeErrors(bands, born, eps, projected, top)


def reference_highest(records: Dataset, index: int) -> float | None:
    """Return the highest frequency [cm^-1] of a reference; None if not known.

    That of the stored bands; without bands the highest state of the density of states, whose axis
    ends 100 cm^-1 above it (`physics.mesh.dos_from_frequencies`), to 1 cm^-1.
    """
    if (stored := records.bands(index)) is not None:
        return float(stored[1].max())
    if "smoothing_cm-1" not in records.provenance:
        return None
    return float(records.dos(index).frequencies[-1]) - ROOM_ABOVE - STEP / 2.0


def lattice_scores(errors: Sequence[LatticeErrors | None]) -> dict[str, float | int | None]:
    """Return the mean of every error over the materials that have it, and how many have bands."""
    rows = [asdict(e) for e in errors if e is not None]
    scores: dict[str, float | int | None] = {}
    for name in (f.name for f in fields(LatticeErrors)):
        values = [row[name] for row in rows if row[name] is not None]
        scores[name] = float(np.mean(values)) if values else None
    return scores
