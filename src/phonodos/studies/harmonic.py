"""What the studies of one harmonic crystal share: the prediction, its refusals, the spread."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.physics.isotopes import Isotope
from phonodos.physics.periodicity import periodicity
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor, check_unpredicted
from phonodos.structures.reading import as_crystal

Array = NDArray[np.float64]
SOLID = 3  # directions in which the bonds of a solid go on


def prediction_of(
    crystal: Any,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
) -> Prediction:
    """Return the prediction for a crystal, or the `Prediction` it is.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    model, members
        A predictor, or weights and number of members as `load` takes them.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.

    Raises
    ------
    ConfigError
        If `metal` or `isotopes` are given with a `Prediction`.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    if isinstance(crystal, Prediction):
        check_unpredicted("a prediction", metal=metal, isotopes=isotopes)
        return crystal
    predictor = as_predictor(model, members, metal=metal)
    if isotopes:
        crystal = as_crystal(crystal, vacancies=predictor.vacancies, isotopes=isotopes)
    return next(predictor.predict_many([crystal]))


def harmonic_prediction(
    crystal: Any,
    what: str,
    *,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
) -> tuple[Prediction, LatticeDynamics]:
    """Return the prediction for a crystal, or the `Prediction` it is, and its lattice dynamics.

    Parameters
    ----------
    crystal
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    what
        What is wanted, in the words of an error: ``bands``.
    model, members
        A predictor, or weights and number of members as `load` takes them.

    Raises
    ------
    ConfigError
        If the network predicts spectra only.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    prediction = prediction_of(crystal, model=model, members=members)
    if prediction.lattice is None:
        raise ConfigError(
            f"{prediction.model} has no {what}",
            f"this network predicts the density of states only; {what} take force constants",
            "choose a model of lattice dynamics with --model (phonodos models list)",
        )
    return prediction, prediction.lattice


def check_solid(lattice: LatticeDynamics, what: str) -> None:
    """Raise `StructureError` unless the bonds of the network hold the crystal in all directions."""
    crystal = lattice.crystal
    ends, vectors, _ = lattice.force_constants()
    between = crystal.positions[ends[:, 1]] - crystal.positions[ends[:, 0]]
    shifts = np.rint((vectors - between) @ np.linalg.inv(crystal.cell)).astype(np.int64)
    found = periodicity(crystal.n_atoms, ends, shifts)
    if found < SOLID:
        shape = ("a molecule", "a chain", "a layer")[found]
        raise StructureError(
            f"{crystal.label}: no {what} of {shape} in a box",
            f"within the reach of the network, its atoms hold together in {found} of 3 directions "
            "only: what is asked for is a property of a solid",
            "give the crystal, without vacuum",
        )


def check_insulator(prediction: Prediction, what: str) -> None:
    """Raise `PredictionError` for a likely metal whose charges were not left out."""
    lattice = prediction.lattice
    if lattice is not None and not lattice.metal and "a metal" in prediction.outside:
        raise PredictionError(
            f"{prediction.crystal.label}: no {what} of what is likely a metal",
            "free electrons screen the charges of the ions, and training held insulators only: "
            "infrared strengths and dielectric constants would mean nothing",
            "say --metal (load(..., metal=True)) for frequencies and irreps without charges",
        )


def spread(values: Iterable[Any]) -> Any:
    """Return the standard deviation (n - 1) of the members' numbers or arrays; None of one.

    Members that have no number (NaN) make it NaN.
    """
    found = [np.asarray(v, dtype=np.float64) for v in values]
    if len(found) < 2:
        return None
    return np.std(found, axis=0, ddof=1)


def number(value: Any) -> float | None:
    """Return a number fit for JSON: None for what is not finite or not there."""
    if value is None or not np.isfinite(value):
        return None
    return float(value)


def numbers(values: Any) -> Any:
    """Return an array as nested lists fit for JSON: None for what is not finite or not there."""
    if values is None:
        return None
    found = np.asarray(values, dtype=np.float64)
    if np.isfinite(found).all():
        return found.tolist()
    return number(found) if found.ndim == 0 else [numbers(v) for v in found]


def with_spread(value: float, deviation: float | None, digits: int, per: float = 1.0) -> str:
    """Return ``12.3+-0.4`` for a table, without the second where it is not known."""
    if not np.isfinite(value):
        return "-"
    text = f"{value * per:z.{digits}f}"
    if deviation is None or not np.isfinite(deviation):
        return text
    return f"{text}+-{deviation * per:.{digits}f}"


def directions(axes: Sequence[str], cell: Array) -> dict[str, Array]:
    """Return unit vectors along sums of lattice vectors named ``a``, ``a+b``, ...: (3,) each."""
    found = {}
    for name in axes:
        vector = np.sum([cell["abc".index(letter)] for letter in name.split("+")], axis=0)
        found[name] = np.asarray(vector / np.linalg.norm(vector))
    return found
