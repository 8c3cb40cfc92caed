"""`report`: all that is shown of one crystal, in one record: spectrum, bands, modes and the rest.

One prediction stands behind all parts. A part that cannot be made (modes of a metal, bands of a
network that predicts a spectrum) is said to be missing, with the reason, and the others are there.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, PhonodosError
from phonodos.physics.crystal import Crystal
from phonodos.physics.displacements import check_temperatures
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.physics.formula import in_html
from phonodos.physics.isotopes import Isotope
from phonodos.physics.path import corner_symbol
from phonodos.physics.primitive import primitive_cell, space_group
from phonodos.physics.thermodynamics import AMOUNTS, BASES, ThermalProperties, cells_per
from phonodos.physics.units import FREQUENCY_DIGITS, FREQUENCY_UNITS
from phonodos.prediction.failures import failed
from phonodos.prediction.files import THERMAL_MAX, THERMAL_STEP
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.prediction.record import (
    absent_intervals,
    interval_record,
    largest_record,
    quantities,
    remarks,
)
from phonodos.results.citations import bibtex
from phonodos.results.provenance import Provenance
from phonodos.results.spectra import projections
from phonodos.studies.bands import BandStudy, bands
from phonodos.studies.displacements import DisplacementStudy, displacements_and_spectra
from phonodos.studies.harmonic import harmonic_prediction, numbers, prediction_of, spread
from phonodos.studies.modes import ModeStudy, modes
from phonodos.studies.recipe import Recipe, recipe_of
from phonodos.time_limit import TimeLimitExceeded

Array = NDArray[np.float64]
Made = TypeVar("Made")
PARTS = ("bands", "modes", "displacements")
FORMAT, FORMAT_VERSION = "phonodos-report", 1
PATTERN_DIGITS = 4  # of displacements that are drawn, the largest of which is 1
MOST_IN_PATTERNS = 1_000_000  # numbers of all patterns together; larger cells have none
AXIS = tuple(THERMAL_STEP * k for k in range(round(THERMAL_MAX / THERMAL_STEP) + 1))  # [K]
ENERGIES = ("internal_energy", "free_energy")
FUNCTIONS = ("heat_capacity", "entropy", *ENERGIES)
SHOWN = (  # quantity, words, digits, what its number is scaled with
    ("mean_frequency", "mean frequency", 0, "frequency"),
    ("max_frequency", "highest frequency", 0, "frequency"),
    ("heat_capacity", "heat capacity C_V at 300 K", 2, "amount"),
    ("entropy", "entropy S at 300 K", 2, "amount"),
    ("zero_point_energy", "zero-point energy", 2, "amount"),
    ("debye_temperature", "Debye temperature (2nd moment)", 0, None),
)


@dataclass(frozen=True)
class Refusal:
    """A part that could not be made: which, what happened, why, and what to do about it."""

    what: str
    summary: str
    reason: str
    fix: str


@dataclass(frozen=True, eq=False)
class Report:
    """All that is shown of one crystal.

    Attributes
    ----------
    prediction
        Behind all parts.
    name
        What the crystal is called.
    thermal
        C_V, S, U and F against temperature, per mole of cells.
    elements
        Share of every kind of site in the density of states [states / cm^-1 per cell], on the axis
        of the spectrum: ``Mg``, a mixed site by its content, ``Cu0.7Au0.3``. Empty for networks
        that predict the total only.
    bands, modes, displacements
        The studies; None where not asked for, or not made.
    not_made
        What could not be made, and why.
    recipe
        How to make it again; None where the predictor is not known.
    """

    prediction: Prediction
    name: str
    thermal: ThermalProperties
    elements: dict[str, Array]
    bands: BandStudy | None = None
    modes: ModeStudy | None = None
    displacements: DisplacementStudy | None = None
    not_made: tuple[Refusal, ...] = ()
    recipe: Recipe | None = None

    @property
    def crystal(self) -> Crystal:
        """The crystal as given."""
        return self.prediction.crystal

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Every reason for doubt, those of the parts included, each once."""
        found = [*self.prediction.warnings]
        found += remarks(self.prediction, self.thermal.imaginary_fraction, ())
        for study in (self.modes, self.displacements):
            found += [] if study is None else study.warnings
        return tuple(dict.fromkeys(found))

    @cached_property
    def thermal_spread(self) -> dict[str, Array] | None:
        """(t,) standard deviation (n - 1) of the members' functions; None for a single network."""
        if len(self.prediction.members) < 2:
            return None
        each = [
            replace(self.prediction, dos=member, members=()).thermal_properties(
                self.thermal.temperatures
            )
            for member in self.prediction.members
        ]
        return {name: spread(getattr(t, name) for t in each) for name in FUNCTIONS}

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON, without NaN; its format is in `docs/observables.md`.

        Frequencies are in cm^-1, thermodynamics per mole of cells; ``units`` and ``bases`` hold
        what to multiply them with.
        """
        prediction = self.prediction
        origin = prediction.provenance or Provenance(prediction.model)
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "provenance": origin.warned(self.warnings).record(),
            "name": self.name,
            "model": {"name": prediction.model, "summary": _model_in_words(prediction)},
            "crystal": _crystal_record(self.crystal),
            "units": dict(FREQUENCY_UNITS),
            "digits": dict(FREQUENCY_DIGITS),
            "bases": {basis: cells_per(basis, self.crystal) for basis in BASES},
            "amounts": dict(AMOUNTS),
            "summary": _summary(prediction),
            "dos": self._dos(),
            "thermal": self._thermal(),
            "intervals": interval_record(prediction, "cm-1", "cell"),
            "absent_intervals": absent_intervals(prediction),
            "stability": _stability_record(prediction),
            "warnings": list(self.warnings),
            "bands": None if self.bands is None else _bands_record(self.bands),
            "modes": None if self.modes is None else _modes_record(self.modes, self.crystal),
            "displacements": self._displacements(),
            "not_made": [asdict(refusal) for refusal in self.not_made],
            "command": None if self.recipe is None else self.recipe.command(),
            "python": None if self.recipe is None else self.recipe.python(),
            "cite": bibtex(),
        }

    def _dos(self) -> dict[str, Any]:
        dos = self.prediction.dos
        return {
            "frequencies": dos.frequencies.tolist(),
            "densities": dos.densities.tolist(),
            "spread": numbers(spread(m.on(dos.frequencies) for m in self.prediction.members)),
            "elements": {name: row.tolist() for name, row in self.elements.items()},
            "unit": "states / cm^-1 per cell",
            "n_modes": 3 * dos.n_atoms,
        }

    def _thermal(self) -> dict[str, Any]:
        found: dict[str, Any] = {"temperatures": self.thermal.temperatures.tolist()}
        for name in FUNCTIONS:
            found[name] = getattr(self.thermal, name).tolist()
            wide = self.thermal_spread
            found[f"{name}_spread"] = None if wide is None else numbers(wide[name])
        units = dict.fromkeys(FUNCTIONS, f"J/(K {self.thermal.amount})")
        found["units"] = units | dict.fromkeys(ENERGIES, f"J/{self.thermal.amount}")
        found["zero_point_energy"] = self.thermal.zero_point_energy
        return found

    def _displacements(self) -> dict[str, Any] | None:
        study = self.displacements
        if study is None:
            return None
        return {
            "temperatures": study.temperatures.tolist(),
            "sites": study.sites,
            "u_iso": study.u_iso.tolist(),
            "spread": numbers(study.u_iso_spread),
            "unit": "A^2",
            "left_out_share": study.left_out,
        }


def report(
    x: Any,
    model: AnyPredictor | str | Path | None = None,
    *,
    include: Collection[str] = PARTS,
    temperatures: Sequence[float] | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
    name: str | None = None,
    members: int | None = None,
    recipe: Recipe | None = None,
) -> Report:
    """Predict a crystal and all that is shown of it.

    Parameters
    ----------
    x
        A path, a structure as `Predictor.predict` takes it, or a `Prediction`.
    model, members
        A predictor, or weights and number of members as `load` takes them. With a `Prediction`,
        the predictor that made it, for the recipe.
    include
        Any of ``bands``, ``modes`` and ``displacements``.
    temperatures
        [K], of thermodynamics and displacements; by default 0 to 1000 in steps of 10.
    metal, isotopes
        Whether the charges are left out (`load`); masses, as `Predictor.predict` takes them.
    name
        What to call the crystal; by default what it is called already, or its formula.
    recipe
        How to make it again, where that is not to be told from the other arguments.

    Raises
    ------
    ConfigError
        If a part or isotope is not known, a temperature is negative or not a number, or `metal` or
        `isotopes` are given with a `Prediction`.
    WeightsError, StructureError, PredictionError
        As `load` and `Predictor.predict`, and if no state has a real frequency.
    TimeLimitExceeded
        If the caller limits the time: it ends the report, not a part of it.
    """
    _check_parts(include)
    kelvin = check_temperatures(AXIS if temperatures is None else temperatures)
    known = isinstance(model, AnyPredictor) or not isinstance(x, Prediction)
    predictor = as_predictor(model, members, metal=metal) if known else None
    prediction = prediction_of(x, model=predictor, metal=metal, isotopes=isotopes)
    label = name or prediction.crystal.label
    if recipe is None and predictor is not None:
        recipe = recipe_of(_source(x, label), predictor, isotopes)
    return _assembled(prediction, kelvin, include, label, recipe)


def _assembled(
    prediction: Prediction, kelvin: Array, include: Collection[str], label: str,
    recipe: Recipe | None,
) -> Report:  # fmt: skip
    """Return the report of a prediction, with those of `PARTS` that are in `include`."""
    refused: list[Refusal] = []
    thermal = prediction.thermal_properties(kelvin)

    def made(what: str, make: Callable[[], Made]) -> Made | None:
        return _made(what, make, prediction, refused) if what in include else None

    moved = made("displacements", lambda: _displaced(prediction, kelvin))
    spectra = () if moved is None else moved[1]
    elements = _made("elements", lambda: _elements(prediction, spectra), prediction, refused)
    return Report(
        prediction, label, thermal, elements or {}, made("bands", lambda: _bands(prediction)),
        made("modes", lambda: _modes(prediction)), None if moved is None else moved[0],
        tuple(sorted(refused, key=lambda r: (*PARTS, "elements").index(r.what))), recipe,
    )  # fmt: skip


def _source(x: Any, label: str) -> str:
    """Return the path of a structure, or what its file might be called."""
    return str(x) if isinstance(x, Path | str) and "\n" not in str(x) else f"{label}.cif"


def _check_parts(include: Collection[str]) -> None:
    if isinstance(include, str) or (unknown := [part for part in include if part not in PARTS]):
        raise ConfigError(
            f"a report has no part '{include if isinstance(include, str) else unknown[0]}'",
            "spectrum, thermodynamics and stability are always there; the parts that can be chosen "
            "are " + ", ".join(PARTS),
            "give a list of some of them, such as ['bands']",
        )


def _made(
    what: str, make: Callable[[], Made], prediction: Prediction, refused: list[Refusal]
) -> Made | None:
    """Return a part; whatever goes wrong with it is its own refusal, but for the time limit."""
    try:
        return make()
    except TimeLimitExceeded:
        raise
    except Exception as err:
        failure: PhonodosError = failed(err, f"{prediction.crystal.label}, {what}")
        refused.append(Refusal(what, failure.summary, failure.reason, failure.fix))
        return None


def _bands(prediction: Prediction) -> BandStudy:
    study = bands(prediction)
    _ = study.spread  # made here, where its failure is that of this part
    return study


def _modes(prediction: Prediction) -> ModeStudy:
    study = modes(prediction)
    _ = None if study.metal else study.permittivity
    return study


def _displaced(
    prediction: Prediction, kelvin: Array
) -> tuple[DisplacementStudy, tuple[PhononDos, ...]]:
    _, lattice = harmonic_prediction(prediction, "displacements")
    wanted = prediction.dos.projected is None
    return displacements_and_spectra(prediction, lattice, kelvin, projected=wanted)


def _elements(prediction: Prediction, spectra: Sequence[PhononDos]) -> dict[str, Array]:
    """Return the density of states by element; of projected `spectra` where some are there."""
    dos = prediction.dos
    if dos.projected is None:
        if prediction.lattice is None:
            return {}
        if not spectra:
            members = prediction.member_lattices or (prediction.lattice,)
            mesh = members[0].mesh()
            spectra = [member.dos(mesh, projected=True) for member in members]
        sites = primitive_cell(prediction.crystal).site_map
        rows = mean_of(spectra).projected_on(dos.frequencies)[sites]
        dos = replace(dos, projected=rows)
    return projections(dos, prediction.crystal, "element")


def _model_in_words(prediction: Prediction) -> str:
    n = max(1, len(prediction.members))
    what = "density of states" if prediction.lattice is None else "lattice dynamics"
    return f"a network of the {what}" if n == 1 else f"mean of {n} networks of the {what}"


def _crystal_record(crystal: Crystal) -> dict[str, Any]:
    group = space_group(crystal)
    sites = [
        {
            "label": "".join(site) + str(i + 1),
            "elements": dict(site),
            "fractional": crystal.frac_coords[i].tolist(),
            "cartesian": crystal.positions[i].tolist(),
            "mass_amu": float(crystal.masses[i]),
        }
        for i, site in enumerate(crystal.occupancy)
    ]
    return {
        "formula": crystal.written_formula,
        "formula_html": in_html(crystal.written_formula),
        "n_atoms": crystal.n_atoms,
        "n_formula_units": crystal.n_formula_units,
        "space_group": None if group is None else {"number": group[0], "symbol": group[1]},
        "cell": crystal.cell.tolist(),
        "volume_a3": crystal.volume,
        "density_g_cm3": 1000.0 * cells_per("cm3", crystal) / cells_per("kg", crystal),
        "sites": sites,
    }


def _summary(prediction: Prediction) -> list[dict[str, Any]]:
    """Return the rows of the table of `predict`; numbers per mole of cells, words per formula."""
    cells, formulas = (quantities(prediction, "cm-1", per) for per in ("cell", "formula"))
    sure, shown = (interval_record(prediction, "cm-1", per) for per in ("cell", "formula"))
    rows = []
    for key, label, digits, scale in SHOWN:
        value, unit = cells[key]
        text = f"{formulas[key][0]:.{digits}f}"
        if key in shown:
            text += f" \u00b1 {shown[key]['half_width']:.{digits}f}"
        wide = largest_record(prediction, "cm-1").get("spread") if key == "max_frequency" else None
        rows.append(
            {
                "key": key,
                "label": label,
                "value": float(value),
                "unit": unit.removesuffix(" at 300 K"),
                "interval": [sure[key]["low"], sure[key]["high"]] if key in sure else None,
                "spread": wide,
                "digits": digits,
                "scale": scale,
                "text": f"{text} {formulas[key][1].removesuffix(' at 300 K')}",
            }
        )
    return rows


def _stability_record(prediction: Prediction) -> dict[str, Any] | None:
    found = prediction.stability
    if found is None:
        return None
    return {
        "verdict": found.verdict,
        "probability": found.probability,
        "lowest_frequency": found.lowest,
        "spread": found.spread,
        "where": found.place,
        "qpoint": list(found.qpoint),
        "text": found.text(),
    }


def _bands_record(study: BandStudy) -> dict[str, Any]:
    wide = study.spread
    segments = [
        {
            "from": corner_symbol(segment.labels[0]),
            "to": corner_symbol(segment.labels[1]),
            "distances": segment.distances.tolist(),
            "frequencies": frequencies.tolist(),
            "spread": None if wide is None else numbers(wide[k]),
        }
        for k, (segment, frequencies) in enumerate(study.structure)
    ]
    ticks = study.structure.path.ticks()
    return {
        "segments": segments,
        "ticks": [{"at": at, "label": corner_symbol(label)} for at, label in ticks],
        "unit": "cm-1",
        "distance_unit": "1/A",
        "n_modes": 3 * study.crystal.n_atoms,
    }


def _modes_record(study: ModeStudy, crystal: Crystal) -> dict[str, Any]:
    """Return the sets of modes, the acoustic one first, and the infrared spectra."""
    sites = primitive_cell(crystal).site_map
    small = 3 * study.crystal.n_atoms * 3 * crystal.n_atoms <= MOST_IN_PATTERNS
    patterns = [
        u[:, sites].round(PATTERN_DIGITS).tolist() if small else None for u in study.patterns
    ]
    acoustic = {
        "irrep": study.acoustic, "degeneracy": 3, "frequency": 0.0, "spread": None,
        "activity": "acoustic", "ir_intensity": 0.0, "ir_intensity_spread": None,
        "charge": 0.0, "patterns": patterns[0],
    }  # fmt: skip
    optic = [
        {
            "irrep": s.irrep, "degeneracy": s.degeneracy, "frequency": s.frequency,
            "spread": numbers(s.spread), "activity": s.activity,
            "ir_intensity": numbers(s.intensity),
            "ir_intensity_spread": numbers(s.intensity_spread),
            "charge": numbers(s.charge), "patterns": moved,
        }
        for s, moved in zip(study.sets, patterns[1:], strict=True)
    ]  # fmt: skip
    notes = [text for text in study.warnings if text not in study.doubts]
    if not small:
        notes.append("the cell is too large for the displacements of all its modes to be kept here")
    return {
        "sets": [acoustic, *optic],
        "point_group": study.setting.point_group,
        "unit": "cm-1",
        "intensity_unit": "(D/A)^2/amu",
        **_infrared_record(study),
        "notes": notes,
    }


def _infrared_record(study: ModeStudy) -> dict[str, Any]:
    """Return the spectra, x, y and z in the conventional setting; None each for a metal."""
    names = ("axis", "permittivity", "reflectivity", "longitudinal", "eps_inf", "eps_0")
    if study.metal:
        return {**dict.fromkeys(names), "damping": None}
    eps = study.permittivity
    return {
        "axis": study.axis.tolist(),
        "permittivity": {"real": numbers(eps.real), "imag": numbers(eps.imag)},
        "reflectivity": numbers(study.reflectivity),
        "longitudinal": study.longitudinal,
        "eps_inf": study.modes.dielectric.tolist(),
        "eps_0": numbers(study.static),
        "eps_0_spread": numbers(study.static_spread),
        "damping": study.damping,
    }
