"""`compare`: a predicted spectrum and one from elsewhere, over one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonodos.errors import DataError
from phonodos.physics.crystal import Crystal
from phonodos.physics.curve import Curve, distance, sampled_like
from phonodos.physics.dos import Gap, PhononDos
from phonodos.physics.isotopes import Isotope
from phonodos.physics.neutron import curve_of, neutron_curve, neutron_weights
from phonodos.physics.units import per_wavenumber
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor, check_unpredicted
from phonodos.results.measurements import read_curve
from phonodos.results.provenance import Provenance
from phonodos.results.spectra import read_dos_csv, read_pymatgen_dos, read_total_dos
from phonodos.structures.reading import as_crystal

RESULTS = ("total_dos.dat", "dos.csv", "pymatgen_phonon_dos.json")  # of `phonodos predict`
SCALES = "both curves over their own maximum; negative frequencies are left out"
PLAIN = "plain density of states: no neutron weights (--neutron)"
WEIGHTED = "weighted by sigma/m of every element (bound total cross-sections, periodictable)"
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
    """

    predicted: Curve
    reference: Curve
    distance: float
    label: str
    notes: tuple[str, ...]
    provenance: Provenance

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
            "notes": list(self.notes),
        }


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
    predicted: Any,
    reference: Curve | PhononDos | Prediction | str | Path,
    *,
    reference_units: str | None = None,
    neutron: bool = False,
    resolution: float = 0.0,
    relative_resolution: float = 0.0,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
) -> Comparison:
    """Hold a prediction against a spectrum that was measured or calculated elsewhere.

    Parameters
    ----------
    predicted
        A `Prediction`, `PhononDos` or `Curve`; a spectrum or folder that ``phonodos predict``
        wrote; or a structure as `Predictor.predict` takes it, which is predicted.
    reference
        A spectrum, or a file of two columns, frequency and intensity.
    reference_units
        Of that file: ``cm-1``, ``meV`` or ``THz``; by default as its header says.
    neutron
        Whether every element is weighted by sigma / m, which takes the spectra of its atoms.
    resolution, relative_resolution
        Full width at half maximum of the instrument: constant [cm^-1], and as a share of the
        frequency. Without it, a reference on the paper's 51 points is compared with its like.
    model, members
        A predictor, or weights and number of members as `load` takes them.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.

    Raises
    ------
    DataError
        If a spectrum cannot be read, is no curve, knows nothing of its atoms where neutrons ask for
        them, or has nothing in common with the other.
    ConfigError
        If the unit of the reference is not known, a width makes no sense, or `metal` or `isotopes`
        are given with what is predicted already.
    StructureError, PredictionError
        As `Predictor.predict`.
    """
    given = _reference(reference, reference_units)
    order = _Order(model, members, metal, tuple(isotopes))
    side = _predicted(predicted, neutron, order)
    curve, notes = side.curve, side.notes
    if resolution or relative_resolution:
        curve = curve.broadened(resolution, relative_resolution)
    elif (alike := sampled_like(curve, given)) is not curve:
        curve, notes = alike, (*notes, RESAMPLED)
    return Comparison(curve, given, distance(curve, given), side.label, notes, side.provenance)


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


def _reference(x: Curve | PhononDos | Prediction | str | Path, unit: str | None) -> Curve:
    if isinstance(x, Curve):
        return x
    if isinstance(x, PhononDos | Prediction):
        return curve_of(x if isinstance(x, PhononDos) else x.dos)
    return read_curve(Path(x), unit)[0]


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
        return _Side(curve, label, (SCALES,), Provenance())
    crystal = as_crystal(x, isotopes=order.isotopes)
    if neutron:
        neutron_weights(crystal)  # an element without a scattering length is refused first
    predictor = as_predictor(order.model, order.members, project=neutron, metal=order.metal)
    answer = next(predictor.predict_many([crystal]))
    return _of_prediction(answer, neutron, predictor.provenance)


def _of_prediction(answer: Prediction, neutron: bool, origin: Provenance) -> _Side:
    crystal: Crystal = answer.crystal
    curve = neutron_curve(answer.dos, crystal) if neutron else curve_of(answer.dos)
    notes = (SCALES, *answer.warnings, WEIGHTED if neutron else PLAIN)
    return _Side(curve, crystal.formula, notes, origin.warned(answer.warnings))
