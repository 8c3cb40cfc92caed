"""Errors of predicted lattice dynamics: bands, charges, eps_inf and eps_0, projected DOS."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.sound import Ratios, sound_ratios
from phonodos.evaluation.stability import lowest_away
from phonodos.physics.dos import STEP
from phonodos.physics.infrared import gamma_modes
from phonodos.physics.mesh import ROOM_ABOVE
from phonodos.physics.path import lengths_from_gamma, step_along_path
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction

MEANS = ("bands_mae", "born_mae", "dielectric_error", "projected_wd", "max_mae")
FEWEST = 3  # materials of a rank correlation


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
        ``|tr eps - tr eps*| / tr eps*``, sound references only.
    projected_wd
        Wasserstein distance of the atoms' projected spectra [cm^-1], mean over atoms.
    max_mae
        Absolute difference of the highest frequency [cm^-1]: of the prediction the mean over
        members, of the reference that of its stored bands, else of its density of states.
    static, predicted_static
        A third of the trace of eps_0 of the clamped cell, sound references without soft modes only;
        None of the prediction where an optic mode of it is soft.
    sound
        Predicted over reference frequency of the three lowest branches at the long waves of the
        stored path (`evaluation.sound`).
    path_lowest
        Lowest predicted frequency on the stored path away from Gamma [cm^-1].
    """

    bands_mae: float | None
    born_mae: float | None
    dielectric_error: float | None
    projected_wd: float | None
    max_mae: float | None = None
    static: float | None = None
    predicted_static: float | None = None
    sound: Ratios = ()
    path_lowest: float | None = None

    @property
    def static_error(self) -> float | None:
        """``|tr eps_0 - tr eps_0*| / tr eps_0*``; None where one of both is not known."""
        if self.static is None or self.predicted_static is None:
            return None
        return abs(self.predicted_static - self.static) / self.static


def lattice_errors(records: Dataset, index: int, prediction: Prediction) -> LatticeErrors | None:
    """Return the errors of a prediction for record `index`.

    None for networks that predict a spectrum only, and where the record's cell is not primitive:
    its path and sites are then not those of the prediction.
    """
    lattice = prediction.lattice
    if lattice is None or lattice.crystal.n_atoms != prediction.crystal.n_atoms:
        return None
    bands = lowest = None
    sound: Ratios = ()
    if (stored := records.bands(index)) is not None:
        qpoints, truth = stored[0], np.sort(stored[1], axis=1)
        moved = step_along_path(qpoints, truth, prediction.crystal)
        found = lattice.frequencies(moved)
        bands = float(np.abs(found - truth).mean())
        lengths = lengths_from_gamma(qpoints, prediction.crystal.reciprocal_cell)
        sound = sound_ratios(lengths, truth, found)
        lowest = lowest_away(lengths, found)
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
    static = predicted = None
    if (total := records.tensor("dielectric_static", index)) is not None:
        static = float(np.trace(total.reshape(3, 3))) / 3.0
        predicted = static_constant(lattice)
    return LatticeErrors(bands, born, eps, projected, top, static, predicted, sound, lowest)


def static_constant(lattice: LatticeDynamics) -> float | None:
    """Return a third of the trace of eps_0; None if an optic mode is soft, and of metals."""
    if lattice.metal:
        return None
    matrix = lattice.dynamical_matrices(np.zeros((1, 3)))[0].real
    found = gamma_modes(
        (matrix + matrix.T) / 2.0, lattice.masses, lattice.crystal.volume, lattice.born_charges,
        lattice.dielectric,
    )  # fmt: skip
    mean = float(np.trace(found.static)) / 3.0
    return mean if np.isfinite(mean) else None


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
    """Return the mean of every error over the materials that have it, and those of eps_0.

    Of eps_0 the median relative error and Spearman's rank correlation, with how many materials they
    are of, and for how many more the reference has an eps_0 and the prediction none.
    """
    rows = [e for e in errors if e is not None]
    scores: dict[str, float | int | None] = {}
    for name in MEANS:
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        scores[name] = float(np.mean(values)) if values else None
    return scores | _static_scores(rows)


def _static_scores(rows: Sequence[LatticeErrors]) -> dict[str, float | int | None]:
    known = [row for row in rows if row.static is not None]
    both = [row for row in known if row.predicted_static is not None]
    errors = [row.static_error for row in both if row.static_error is not None]
    return {
        "static_materials": len(both),
        "static_soft": len(known) - len(both),
        "static_error": float(np.median(errors)) if errors else None,
        "static_rank": rank_correlation(
            [row.static or 0.0 for row in both], [row.predicted_static or 0.0 for row in both]
        ),
    }


def rank_correlation(reference: Sequence[float], predicted: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None of fewer than three, or where all are equal."""
    from scipy.stats import spearmanr

    if len(reference) < FEWEST or min(len({*reference}), len({*predicted})) == 1:
        return None
    return float(spearmanr(reference, predicted).statistic)
