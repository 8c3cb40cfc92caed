"""`compare`: a predicted spectrum and one from elsewhere, over one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve, Fit, check_scale, distance, fitted, sampled_like
from phonodos.physics.dos import Gap, PhononDos
from phonodos.physics.isotopes import Isotope
from phonodos.physics.neutron import curve_of, neutron_curve, neutron_weights, thermal_curve
from phonodos.physics.resolution import Resolution
from phonodos.physics.units import per_wavenumber
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor, check_unpredicted
from phonodos.results.measurements import read_measurement
from phonodos.results.provenance import Provenance
from phonodos.results.spectra import read_dos_csv, read_pymatgen_dos, read_total_dos
from phonodos.structures.reading import as_crystal

RESULTS = ("total_dos.dat", "dos.csv", "pymatgen_phonon_dos.json")  # of `phonodos predict`
SCALES = "both curves over their own maximum; negative frequencies are left out"
PLAIN = "plain density of states: no neutron weights (--neutron)"
WEIGHTED = "weighted by sigma/m of every element (bound total cross-sections, periodictable)"
NEGATIVE = "negative frequencies are left out"
HOW = {
    "max": SCALES,
    "area": f"the prediction brought to the area of the reference; {NEGATIVE}",
    "fit": f"the prediction brought to the reference by least squares; {NEGATIVE}",
}
ELASTIC = 0.02  # of the axis: a largest point before it is taken for the elastic line
RESAMPLED = "the reference has the paper's 51 points: smoothed and sampled as it is"


@dataclass(frozen=True, eq=False)
class Features:
    """What can be read off a curve.

    Attributes
    ----------
    peaks
        Frequencies [cm^-1] of peaks that stand out by 5 % of the maximum.
    cut_off
        Last frequency [cm^-1] with at least 2 % of the maximum.
    gap
        Widest stretch below 2 % of the maximum, or None.
    """

    peaks: tuple[float, ...]
    cut_off: float
    gap: Gap | None

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON, in ``cm-1``, ``THz`` or ``meV``."""
        factor, gap = per_wavenumber(unit), self.gap
        return {
            "peaks": [w * factor for w in self.peaks],
            "cut_off": self.cut_off * factor,
            "gap": None if gap is None else [gap.low * factor, gap.high * factor],
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """A predicted curve beside a reference.

    Attributes
    ----------
    predicted, reference
        Both curves, as they are compared.
    distance
        Their Wasserstein distance [cm^-1], of unit area where both are known.
    label
        Formula of the crystal, or the name of the file with the spectrum.
    notes
        What was done, and reasons for doubt.
    provenance
        Where the predicted curve comes from.
    scale
        How both are brought to one scale: ``max``, ``area`` or ``fit``.
    """

    predicted: Curve
    reference: Curve
    distance: float
    label: str
    notes: tuple[str, ...]
    provenance: Provenance
    scale: str = "max"

    @cached_property
    def fit(self) -> Fit:
        """What brings the prediction to the scale of the reference, and how well it meets it."""
        return fitted(self.predicted, self.reference, self.scale)

    @property
    def features(self) -> tuple[Features, Features]:
        """Peaks, cut-off and gap of the predicted curve and of the reference."""
        return features_of(self.predicted), features_of(self.reference)

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON, frequencies in `unit`, the distance in cm-1."""
        predicted, reference = self.features
        return {
            "units": unit,
            "prediction": predicted.to_dict(unit),
            "reference": reference.to_dict(unit),
            "wasserstein_cm-1": self.distance,
            "scale": self.scale,
            "points": self.fit.points,
            "chi_squared": self.fit.chi_squared,
            "notes": list(self.notes),
        }

    def table(self, unit: str = "cm-1") -> tuple[list[str], Any]:
        """Return the names of the columns and a row a point of the reference.

        Both are over the maximum of the reference, the prediction on the scale of `fit`.
        """
        given = self.reference.scaled()
        top = float(self.reference.values.max())
        predicted = self.predicted.times(self.fit.factor / top)
        names = [f"frequency [{unit}]", "reference", "prediction"]
        columns = [given.frequencies * per_wavenumber(unit), given.values]
        columns.append(predicted.on(given.frequencies))
        if given.errors is not None:
            names.append("error of reference")
            columns.append(given.errors)
        return names, np.column_stack(columns)


@dataclass(frozen=True)
class _Order:
    """How a structure is to be predicted."""

    model: AnyPredictor | str | Path | None
    members: int | None
    metal: bool
    isotopes: tuple[Isotope | str, ...]

    def check_unpredicted(self, what: str) -> None:
        check_unpredicted(what, metal=self.metal, isotopes=self.isotopes)


@dataclass(frozen=True)
class _Side:
    curve: Curve
    label: str
    notes: tuple[str, ...]
    provenance: Provenance


def compare(
    predicted: Any, reference: Curve | PhononDos | Prediction | str | Path, *,
    reference_units: str | None = None, neutron: bool = False,
    resolution: float = 0.0, relative_resolution: float = 0.0,
    model: AnyPredictor | str | Path | None = None, members: int | None = None,
    metal: bool = False, isotopes: Sequence[Isotope | str] = (),
    instrument: Resolution | None = None, temperature: float | None = None, side: str = "loss",
    window: tuple[float, float] | None = None, scale: str = "max",
) -> Comparison:  # fmt: skip
    """Hold a prediction against a spectrum that was measured or calculated elsewhere.

    Parameters
    ----------
    predicted
        A `Prediction`, `PhononDos` or `Curve`; a spectrum or folder that ``phonodos predict``
        wrote; or a structure as `Predictor.predict` takes it, which is predicted.
    reference, reference_units
        A spectrum, or a file (`read_measurement`) and its unit; None is that of its header.
    neutron
        Whether every element is weighted by sigma / m, which takes the spectra of its atoms.
    resolution, relative_resolution, instrument
        Full width at half maximum, constant [cm^-1] and as a share of the frequency; or a
        `Resolution` in their place. Without, a reference on the paper's 51 points meets its like.
    model, members, metal, isotopes
        A predictor, or weights as `load` takes them; masses, as `Predictor.predict` does.
    temperature
        Of the measurement [K], where the reference is S(E) and no density of states yet: the
        prediction gets the factor (n + 1) / w of one phonon.
    side
        Of a file with both signs of energy transfer: ``loss``, or ``gain``, which is made loss by
        detailed balance at `temperature`.
    window, scale
        Frequencies that are compared [cm^-1]; ``max``, ``area`` or ``fit`` (least squares, by the
        errors of the reference where it has them) brings both to one scale.

    Raises
    ------
    DataError
        If a spectrum cannot be read, is no curve, knows nothing of its atoms where neutrons ask for
        them, or has nothing in common with the other.
    ConfigError
        If the unit of the reference is not known, a setting makes no sense, or `metal` or
        `isotopes` are given with what is predicted already.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    check_scale(scale)
    seen = _instrument(instrument, resolution, relative_resolution)
    given, told = _reference(reference, reference_units, side, temperature)
    found = _predicted(predicted, neutron, _Order(model, members, metal, tuple(isotopes)))
    notes = [HOW[scale], *found.notes, *told]
    curve = _as_measured(found.curve, given, seen, temperature, notes)
    if window is not None:
        curve, given = _between(curve, *window), given.within(*window)
    elif scale == "max":
        notes += _elastic_line(given)
    apart = distance(curve, given)
    return Comparison(curve, given, apart, found.label, tuple(notes), found.provenance, scale)


def _as_measured(
    curve: Curve, reference: Curve, seen: Resolution, kelvin: float | None, notes: list[str]
) -> Curve:
    """Return a prediction with temperature and resolution of the reference; tell it in `notes`."""
    if kelvin is not None:
        curve = thermal_curve(curve, kelvin)
        notes.append(f"prediction as one-phonon S(E) at {kelvin:g} K")
    if not seen.is_sharp:
        return curve.seen_by(seen)
    if (alike := sampled_like(curve, reference)) is not curve:
        notes.append(RESAMPLED)
    return alike


def _between(curve: Curve, low: float, high: float) -> Curve:
    """Return a prediction from `low` to `high` [cm^-1], with points at both ends.

    Where nothing is predicted there, the error is that of `Curve.within`, which names the range.
    """
    w = curve.frequencies
    ends = np.clip([low, high], w[0], w[-1])
    inside = np.concatenate([w[(w > low) & (w < high)], ends, [ends.mean()]])
    axis = np.unique(inside)
    if len(axis) < 3 or not (values := curve.on(axis)).max() > 0.0:
        return curve.within(low, high)
    return Curve(axis, values)


def _instrument(given: Resolution | None, constant: float, relative: float) -> Resolution:
    widths = Resolution(constant=constant, relative=relative)
    if given is None:
        return widths
    if not widths.is_sharp:
        raise ConfigError(
            "two resolutions are given",
            "an instrument has its widths, and a constant or relative one was given too",
            "leave one of them out",
        )
    return given


def _elastic_line(curve: Curve) -> list[str]:
    """Return a word on the largest point if it lies next to zero."""
    place = float(curve.frequencies[int(np.argmax(curve.values))])
    if place >= ELASTIC * float(curve.frequencies[-1]):
        return []
    return [
        f"the largest point of the reference lies at {place:.1f} cm^-1: if it is the elastic "
        "line, leave it out with --range"
    ]


def features_of(curve: Curve) -> Features:
    """Return peaks, cut-off and gap of a curve."""
    return Features(tuple(float(w) for w in curve.peaks()), curve.cut_off(), curve.gap())


def read_predicted(path: Path) -> PhononDos | None:
    """Return the spectrum in a file or folder of ``phonodos predict``; None for another file.

    Raises
    ------
    DataError
        If the folder or the file holds no spectrum.
    """
    if path.is_dir():
        inside = [path / name for name in RESULTS if (path / name).is_file()]
        if not inside:
            raise DataError(
                f"{path}: no spectrum in this folder",
                "none of " + ", ".join(RESULTS) + " is there",
                "give a folder that phonodos predict wrote, or a file",
            )
        return read_predicted(inside[0])
    if path.suffix == ".dat":
        return read_total_dos(path)
    if path.suffix == ".csv":
        return read_dos_csv(path)
    return read_pymatgen_dos(path) if path.name == RESULTS[2] else None


def _reference(
    x: Curve | PhononDos | Prediction | str | Path,
    unit: str | None,
    side: str,
    temperature: float | None,
) -> tuple[Curve, tuple[str, ...]]:
    if isinstance(x, Curve):
        return x, ()
    if isinstance(x, PhononDos | Prediction):
        return curve_of(x if isinstance(x, PhononDos) else x.dos), ()
    found = read_measurement(Path(x), unit, side=side, temperature=temperature)
    return found.curve, found.notes


def _predicted(x: Any, neutron: bool, order: _Order) -> _Side:
    if isinstance(x, Prediction):
        order.check_unpredicted("a prediction")
        return _of_prediction(x, neutron, Provenance(x.model))
    spectrum, label = x, "spectrum"
    if isinstance(x, str | Path):
        spectrum, label = read_predicted(Path(x)), Path(x).stem
    if isinstance(spectrum, Curve | PhononDos):
        order.check_unpredicted("a spectrum")
        if neutron:
            raise DataError(
                f"{x if isinstance(x, str | Path) else 'this'} is a spectrum without its crystal",
                "neutron weights need the elements and the projected density of states",
                "give the structure file instead, with --model",
            )
        curve = spectrum if isinstance(spectrum, Curve) else curve_of(spectrum)
        return _Side(curve, label, (), Provenance())
    crystal = as_crystal(x, isotopes=order.isotopes)
    if neutron:
        neutron_weights(crystal)  # an element without a scattering length is refused first
    predictor = as_predictor(order.model, order.members, project=neutron, metal=order.metal)
    answer = next(predictor.predict_many([crystal]))
    return _of_prediction(answer, neutron, predictor.provenance)


def _of_prediction(answer: Prediction, neutron: bool, origin: Provenance) -> _Side:
    crystal: Crystal = answer.crystal
    curve = neutron_curve(answer.dos, crystal) if neutron else curve_of(answer.dos)
    notes = (*answer.warnings, WEIGHTED if neutron else PLAIN)
    return _Side(curve, crystal.written_formula, notes, origin.warned(answer.warnings))
