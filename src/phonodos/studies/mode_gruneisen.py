"""Grueneisen parameters of single modes: at the special points, and averaged over all modes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, PredictionError
from phonodos.physics.crystal import Crystal
from phonodos.physics.path import band_path
from phonodos.physics.strain import mode_gammas, strained
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, ROOM_TEMPERATURE
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import AnyPredictor

STEP = 0.005  # linear strain on either side
SOFTEST = 1.0  # [cm^-1], modes below are left out of the averages
COLUMNS = ("point", "q_1", "q_2", "q_3", "branch", "frequency_cm-1", "gruneisen")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """The modes at one special point of the Brillouin zone.

    Attributes
    ----------
    label
        As Hinuma et al. name it (``X``), or ``GAMMA``, where polar modes are transverse.
    qpoint
        Fractions of the reciprocal lattice vectors of the primitive cell.
    frequencies
        (3n,) rising [cm^-1]; imaginary ones negative.
    gammas
        (3n,) -d ln w / d ln V; NaN for imaginary modes and the acoustic ones at Gamma.
    """

    label: str
    qpoint: tuple[float, float, float]
    frequencies: Array
    gammas: Array


@dataclass(frozen=True, eq=False)
class ModeGruneisen:
    """Grueneisen parameters of single modes.

    Attributes
    ----------
    points
        The special points along the recommended path, each once.
    mode_average
        Mean over all modes of the mesh with real frequencies.
    thermal
        The same, weighted by the modes' heat capacities at 300 K: what thermal expansion measures.
    """

    points: tuple[SpecialPoint, ...]
    mode_average: float
    thermal: float

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the names of the columns and a row a point and branch, branches from 1."""
        rows = [
            (p.label, *p.qpoint, k, float(w), _number(gamma))
            for p in self.points
            for k, (w, gamma) in enumerate(zip(p.frequencies, p.gammas, strict=True), 1)
        ]
        return COLUMNS, rows

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON; None where a mode has no parameter."""
        return {
            "mode_average": self.mode_average,
            "thermal_300_K": self.thermal,
            "points": [
                {
                    "label": p.label,
                    "qpoint": list(p.qpoint),
                    "frequency_cm-1": p.frequencies.tolist(),
                    "gruneisen": [_number(gamma) for gamma in p.gammas],
                }
                for p in self.points
            ],
        }


def check_modes(predictor: AnyPredictor) -> None:
    """Raise `ConfigError` where a network has no modes."""
    if predictor.header.kind == "spectrum":
        raise ConfigError(
            f"{predictor.name} has no single modes",
            "it predicts a spectrum, and modes belong to networks of lattice dynamics",
            "choose --model lattice, or leave --by-mode out",
        )


def mode_gruneisen(crystal: Crystal, predictor: AnyPredictor) -> ModeGruneisen:
    """Return the Grueneisen parameters of the modes of a crystal, V = V0 (1 + e)^3.

    dD/d ln V comes from the dynamical matrices at e = -0.005 and 0.005 and the same fractional wave
    vectors; no atom is relaxed.

    Raises
    ------
    ConfigError
        If the network has no modes.
    PredictionError
        If it gives no lattice dynamics, or no mode has a real frequency.
    """
    check_modes(predictor)
    first = _lattice(predictor, crystal)
    primitive = first.crystal
    below, middle, above = (_lattice(predictor, strained(primitive, e)) for e in (-STEP, 0.0, STEP))
    for lattice in (below, above):
        check_same_atoms(primitive, lattice.crystal)
    check_same_atoms(primitive, middle.crystal)
    corners = _special_points(primitive)
    mesh = middle.mesh()
    qpoints = np.concatenate([np.array(list(corners.values())), mesh.qpoints])
    change = above.dynamical_matrices(qpoints) - below.dynamical_matrices(qpoints)
    change /= 3.0 * (np.log1p(STEP) - np.log1p(-STEP))
    w = middle.frequencies(qpoints)
    gammas = mode_gammas(middle.dynamical_matrices(qpoints), change)
    points = tuple(
        SpecialPoint(label, (float(q[0]), float(q[1]), float(q[2])), w[k], gammas[k])
        for k, (label, q) in enumerate(corners.items())
    )
    inside = slice(len(corners), None)
    average, thermal = _averages(w[inside], gammas[inside], mesh.weights, primitive)
    return ModeGruneisen(points, average, thermal)


def _lattice(predictor: AnyPredictor, crystal: Crystal) -> LatticeDynamics:
    found = next(iter(predictor.predict_many([crystal]))).lattice
    if found is None:
        raise PredictionError(
            f"{crystal.label}: no lattice dynamics",
            f"{predictor.name} answered with a spectrum alone",
            "choose a network of lattice dynamics, or leave --by-mode out",
        )
    return found


def check_same_atoms(one: Crystal, other: Crystal) -> None:
    """Raise `PredictionError` unless two cells have their atoms at the same fractions, in order.

    A cell may be larger than the other.
    """
    scale = (other.volume / one.volume) ** (1.0 / 3.0)
    if (
        one.occupancy != other.occupancy
        or np.abs(other.cell - scale * one.cell).max() > 1e-6
        or np.abs(other.frac_coords - one.frac_coords).max() > 1e-6
    ):
        raise PredictionError(
            f"{one.label}: its primitive cells at two volumes do not belong together",
            "the symmetry found in the crystal changes with its volume, by atoms that lie almost "
            "on special positions",
            "symmetrise the structure first",
        )


def _special_points(crystal: Crystal) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for segment in band_path(crystal).segments:
        for label, q in zip(segment.labels, (segment.qpoints[0], segment.qpoints[-1]), strict=True):
            found.setdefault(label, q)
    return found


def _averages(w: Array, gammas: Array, weights: Array, crystal: Crystal) -> tuple[float, float]:
    kept = np.isfinite(gammas) & (w > SOFTEST)
    if not kept.any():
        raise PredictionError(
            f"{crystal.label}: no mode has a real frequency",
            "the crystal as given has no restoring forces",
            "check the structure",
        )
    x = np.where(kept, w, 1.0) * KELVIN_PER_WAVENUMBER / ROOM_TEMPERATURE
    capacity = (x / (2.0 * np.sinh(np.minimum(x, 500.0) / 2.0))) ** 2
    shares = weights[:, None] * kept
    known = np.where(kept, gammas, 0.0)
    return (
        float((shares * known).sum() / shares.sum()),
        float((shares * capacity * known).sum() / (shares * capacity).sum()),
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
