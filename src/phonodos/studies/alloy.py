"""`alloy`: spectra and thermodynamics along a composition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import ConfigError
from phonodos.physics.alloy import Alloy, alloy_of
from phonodos.physics.curve import Curve, distance, sampled_like
from phonodos.physics.isotopes import (
    Isotope,
    alloy_with_isotopes,
    check_sites,
    read_isotopes,
)
from phonodos.physics.neutron import curve_of
from phonodos.physics.substitution import parse_substitution, substituted
from phonodos.physics.thermodynamics import debye_temperature
from phonodos.physics.units import ROOM_TEMPERATURE, per_wavenumber
from phonodos.prediction.mixtures import (
    METHODS,
    Method,
    methods_of,
    predict_mixtures,
)
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.prediction.record import absent_intervals, interval_record
from phonodos.structures.reading import as_crystal
from phonodos.studies.alloy_notes import alloy_notes

COMPOSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, eq=False)
class AlloyPoint:
    """An alloy at one composition, by one method.

    Attributes
    ----------
    method, x
        How mixed sites are treated; the share of the second end member.
    prediction
        Spectrum, crystal and reasons for doubt.
    temperature
        Of heat capacity, entropy and free energy [K].
    heat_capacity, heat_capacity_per_kg
        C_V [J/(K mol of atoms)], and [J/(K kg)].
    entropy
        [J/(K mol of atoms)], of the vibrations.
    free_energy, zero_point_energy
        [kJ/mol of atoms].
    debye_temperature
        Of the second moment [K].
    imaginary_share
        Share of the states at imaginary frequencies, which are left out.
    """

    method: Method
    x: float
    prediction: Prediction
    temperature: float
    heat_capacity: float
    heat_capacity_per_kg: float
    entropy: float
    free_energy: float
    zero_point_energy: float
    debye_temperature: float
    imaginary_share: float

    @property
    def formula(self) -> str:
        """Of the crystal at this composition."""
        return self.prediction.crystal.written_formula

    @property
    def mean_frequency(self) -> float:
        """First moment over the positive frequencies [cm^-1]."""
        return self.prediction.dos.mean_frequency

    @property
    def max_frequency(self) -> float:
        """Largest frequency [cm^-1], the mean over members."""
        return self.prediction.max_frequency

    def intervals(self, unit: str = "cm-1") -> dict[str, dict[str, Any]]:
        """Return the 90 % intervals of a prediction at this composition; empty where none holds.

        Of ``mean_frequency``, and at 300 K of ``heat_capacity`` [J/(K mol of atoms)]: half width,
        low, high, level, unit. None for force constants or spectra that were averaged.
        """
        found = interval_record(self.prediction, unit, "atom")
        return {k: v for k, v in found.items() if k not in self.uncalibrated}

    def absent_intervals(self) -> dict[str, str]:
        """Return why no interval is stated: name -> ``n/a: unstable``; empty where none is due."""
        return {**self.uncalibrated, **absent_intervals(self.prediction)}

    @property
    def uncalibrated(self) -> dict[str, str]:
        """What was calibrated at another temperature than that of the point: name -> why."""
        if "heat_capacity" not in self.prediction.calibrations:
            return {}
        other = abs(self.temperature - ROOM_TEMPERATURE) > 1e-6
        return {"heat_capacity": f"n/a: calibrated at {ROOM_TEMPERATURE:g} K"} if other else {}

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON; names hold units, `unit` is that of frequencies."""
        return {
            **self.row(unit),
            "intervals": self.intervals(unit),
            "absent_intervals": self.absent_intervals(),
        }

    def row(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a row of ``alloy.csv``: numbers, half widths of 90 % intervals, why none is."""
        factor, spread = per_wavenumber(unit), self.prediction.max_frequency_spread
        return {
            "method": self.method,
            "x": self.x,
            "formula": self.formula,
            f"mean_frequency [{unit}]": self.mean_frequency * factor,
            f"max_frequency [{unit}]": self.max_frequency * factor,
            "c_v [J/(K mol of atoms)]": self.heat_capacity,
            "c_v [J/(K kg)]": self.heat_capacity_per_kg,
            "entropy [J/(K mol of atoms)]": self.entropy,
            "free_energy [kJ/mol of atoms]": self.free_energy,
            "zero_point_energy [kJ/mol of atoms]": self.zero_point_energy,
            "debye_temperature [K]": self.debye_temperature,
            "imaginary_share": self.imaginary_share,
            "temperature [K]": self.temperature,
            f"max_frequency_std [{unit}]": None if spread is None else spread * factor,
            f"mean_frequency_half_width [{unit}]": self._half_width("mean_frequency", unit),
            "c_v_half_width [J/(K mol of atoms)]": self._half_width("heat_capacity", unit),
            "no_interval": "; ".join(
                dict.fromkeys(
                    text.removeprefix("n/a: ") for text in self.absent_intervals().values()
                )
            ),
        }

    def _half_width(self, name: str, unit: str) -> float | None:
        found = self.intervals(unit).get(name)
        return None if found is None else found["half_width"]


@dataclass(frozen=True, eq=False)
class Beside:
    """A spectrum from elsewhere at one composition, and what every method says there.

    Attributes
    ----------
    x, curve
        The composition and the spectrum.
    predicted
        Method -> curve, sampled as the spectrum is.
    """

    x: float
    curve: Curve
    predicted: Mapping[str, Curve]

    @cached_property
    def distances(self) -> dict[str, float]:
        """Wasserstein distance [cm^-1] of every method."""
        return {m: distance(c, self.curve) for m, c in self.predicted.items()}


@dataclass(frozen=True, eq=False)
class AlloyStudy:
    """An alloy along its composition.

    Attributes
    ----------
    alloy
        Both end members, site by site.
    model
        Name of the weights.
    compositions
        Shares x of the second end member.
    points
        Method by method, a composition after the other.
    notes
        What is assumed, what is outside of the training data, and reasons for doubt.
    references
        The spectra from elsewhere that were given.
    """

    alloy: Alloy
    model: str
    compositions: tuple[float, ...]
    points: tuple[AlloyPoint, ...]
    notes: tuple[str, ...]
    references: tuple[Beside, ...] = ()

    @property
    def beside(self) -> Beside | None:
        """The first of the spectra from elsewhere."""
        return self.references[0] if self.references else None

    @property
    def methods(self) -> tuple[Method, ...]:
        """Methods, in their order."""
        return tuple(dict.fromkeys(point.method for point in self.points))

    def of(self, method: Method) -> list[AlloyPoint]:
        """Return the points of a method, in the order of `compositions`."""
        return [point for point in self.points if point.method == method]

    def table(self, unit: str = "cm-1") -> tuple[list[str], list[list[Any]]]:
        """Return the names of the columns, with units, and a row a point."""
        rows = [point.row(unit) for point in self.points]
        return list(rows[0]), [list(row.values()) for row in rows]

    def spectra_table(self) -> tuple[list[str], list[tuple[float, ...]]]:
        """Return the names of the columns, with units, and a row a frequency, on a common axis."""
        spectra = [point.prediction.dos for point in self.points]
        low = min(d.frequencies[0] for d in spectra)
        high = max(d.frequencies[-1] for d in spectra)
        step = min(float(np.diff(d.frequencies).max()) for d in spectra)
        axis = np.arange(low, high + step / 2, step)
        head = [f"{p.method} x={p.x:g} [states/cm-1 per cell]" for p in self.points]
        columns = [d.on(axis) for d in spectra]
        return ["frequency [cm-1]", *head], list(zip(axis, *columns, strict=True))

    def to_dict(self, unit: str = "cm-1") -> dict[str, Any]:
        """Return a dictionary fit for JSON; distances are by method [cm^-1].

        ``reference`` holds those from the first spectrum, ``references`` from all of them.
        """
        return {
            "model": self.model,
            "results": [point.to_dict(unit) for point in self.points],
            "notes": list(self.notes),
            "lattice_of": self.alloy.lattice_of,
            "reference": {} if self.beside is None else self.beside.distances,
            "references": [{"x": r.x, "distances [cm-1]": r.distances} for r in self.references],
        }


def alloy(
    first: Any,
    second: Any = None,
    x: Sequence[float] = COMPOSITIONS,
    *,
    substitute: Sequence[str] = (),
    method: str | None = None,
    temperature: float = ROOM_TEMPERATURE,
    reference: Curve | Sequence[Curve] | None = None,
    at: float | Sequence[float] = 0.5,
    cell_end: Any = None,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
) -> AlloyStudy:
    """Predict an alloy between two end members, or by substitution on a parent.

    Parameters
    ----------
    first, second
        The end members x = 0 and x = 1: paths, or structures as `Predictor.predict` takes them;
        or the parent alone; or an `Alloy` alone.
    x
        Compositions, within [0, 1].
    substitute
        Rules such as ``Sb=Sb{1-x}Bi{x}`` for the elements of a parent.
    method
        ``embedding``, ``vca`` or ``both``; by default all that the model has.
    temperature
        Of heat capacity, entropy and free energy [K].
    reference, at
        Spectra from elsewhere and their compositions (one for all, or one each).
    cell_end
        A structure whose lattice a substituted parent has at x = 1; by default the parent's, scaled
        by radii (`phonodos.physics.substitution.bond_scale`).
    model, members
        A predictor, or weights and number of members as `load` takes them; a
        `QuasirandomPredictor` fills mixed sites with whole atoms.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them, of the
        end members that hold the element (a site is one of the parent).

    Raises
    ------
    ConfigError
        If neither or both of second end member and rules are given, a composition or a temperature
        makes no sense, or the model does not have the method.
    StructureError
        If a structure cannot be read, or the end members do not correspond.
    PredictionError
        If the prediction of a mixture fails.
    """
    mixed = alloy_between(first, second, substitute, cell_end=cell_end, isotopes=isotopes)
    given = _placed(reference, at)
    compositions = _compositions(mixed, x, [place for _, place in given])
    predictor = as_predictor(model, members, metal=metal)
    return _study(predictor, mixed, compositions, given, method, temperature)


def _study(
    predictor: AnyPredictor, mixed: Alloy, compositions: tuple[float, ...],
    given: list[tuple[Curve, float]], method: str | None, temperature: float,
) -> AlloyStudy:  # fmt: skip
    methods = _methods(predictor, method)
    found = {m: list(predict_mixtures(predictor, mixed, compositions, m)) for m in methods}
    points = tuple(
        _point(m, composition, prediction, temperature)
        for m, each in found.items()
        for composition, prediction in zip(compositions, each, strict=True)
    )
    beside = tuple(_beside(predictor, mixed, methods, *each) for each in given)
    notes = alloy_notes(predictor, mixed, methods, points)
    return AlloyStudy(mixed, predictor.name, compositions, points, notes, beside)


def alloy_between(
    first: Any,
    second: Any = None,
    substitute: Sequence[str] = (),
    *,
    cell_end: Any = None,
    isotopes: Sequence[Isotope | str] = (),
) -> Alloy:
    """Return the alloy of two structures, or of a parent and rules; raises as `alloy` does.

    An `Alloy` alone comes back as it is, but for the isotopes.
    """
    wanted = read_isotopes(isotopes)
    if second is not None:
        check_sites(wanted)
    if cell_end is not None and not substitute:
        raise ConfigError(
            "--cell-end without a substitution",
            "two end members have lattices of their own",
            "leave it out, or give a parent and --sub",
        )
    return alloy_with_isotopes(_between(first, second, substitute, cell_end), wanted)


def _between(first: Any, second: Any, substitute: Sequence[str], cell_end: Any) -> Alloy:
    if isinstance(first, Alloy) and second is None and not substitute:
        return first
    if isinstance(first, Alloy) or (second is None) == (not substitute):
        raise ConfigError(
            "an alloy needs two end members or a substitution",
            "either a second structure or --sub must be given, and not both",
            "phonodos alloy A.cif B.cif, or phonodos alloy A.cif --sub 'Sb=Sb{1-x}Bi{x}'",
        )
    if second is None:
        end = None if cell_end is None else as_crystal(cell_end)
        return substituted(as_crystal(first), [parse_substitution(r) for r in substitute], end)
    return alloy_of(as_crystal(first), as_crystal(second))


def _placed(
    reference: Curve | Sequence[Curve] | None, at: float | Sequence[float]
) -> list[tuple[Curve, float]]:
    """Return spectra from elsewhere, each with its composition."""
    curves = [] if reference is None else reference
    curves = [curves] if isinstance(curves, Curve) else list(curves)
    places = [float(at)] if isinstance(at, int | float) else [float(each) for each in at]
    if len(places) == 1:
        places *= len(curves)
    if len(places) != len(curves):
        raise ConfigError(
            f"{len(curves)} references and {len(places)} compositions of references",
            "every reference is of one composition: --at once for all, or once for each",
            "write for example --reference A.csv --at 0 --reference B.csv --at 1",
        )
    return list(zip(curves, places, strict=True))


def _compositions(mixed: Alloy, x: Sequence[float], at: Sequence[float]) -> tuple[float, ...]:
    """Return the compositions; one that makes no sense is refused before weights are loaded."""
    if not len(x):
        raise ConfigError(
            "an alloy without a composition", "nothing was asked for", "give x, such as [0, 0.5, 1]"
        )
    for composition in (*x, *at):
        mixed.mixture(composition)
    return tuple(float(composition) for composition in x)


def _methods(predictor: AnyPredictor, wanted: str | None) -> tuple[Method, ...]:
    known = methods_of(predictor)
    if wanted is None:
        return known
    if known == ("sqs",):
        raise ConfigError(
            "--method and --disorder sqs do not go together",
            "a method says how shared sites are averaged, and quasi-random structures have none",
            "leave one of the two out",
        )
    if wanted not in (*METHODS, "both"):
        raise ConfigError(
            f"--method {wanted} is not known",
            "alloys are predicted by " + " or ".join(METHODS) + ", or both side by side",
            "choose one of them",
        )
    return METHODS if wanted == "both" else tuple(m for m in METHODS if m == wanted)


def _point(method: Method, x: float, prediction: Prediction, kelvin: float) -> AlloyPoint:
    crystal = prediction.crystal
    thermal = prediction.thermal_properties([kelvin]).per("atom", crystal)
    return AlloyPoint(
        method,
        x,
        prediction,
        kelvin,
        heat_capacity=float(thermal.heat_capacity[0]),
        heat_capacity_per_kg=float(thermal.per("kg", crystal).heat_capacity[0]),
        entropy=float(thermal.entropy[0]),
        free_energy=float(thermal.free_energy[0]) / 1000,
        zero_point_energy=thermal.zero_point_energy / 1000,
        debye_temperature=debye_temperature(prediction.dos),
        imaginary_share=thermal.imaginary_fraction,
    )


def _beside(
    predictor: AnyPredictor, mixed: Alloy, methods: Sequence[Method], curve: Curve, x: float
) -> Beside:
    predicted: dict[str, Curve] = {}
    for method in methods:
        prediction = next(predict_mixtures(predictor, mixed, [x], method))
        predicted[method] = sampled_like(curve_of(prediction.dos), curve)
    return Beside(x, curve, predicted)
