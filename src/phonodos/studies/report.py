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

from phonodos.errors import ConfigError, PhonodosError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.displacements import check_temperatures
from phonodos.physics.dos import PhononDos, mean_of
from phonodos.physics.isotopes import Isotope
from phonodos.physics.primitive import primitive_cell
from phonodos.physics.thermodynamics import AMOUNTS, BASES, ThermalProperties, cells_per
from phonodos.physics.units import FREQUENCY_DIGITS, FREQUENCY_UNITS
from phonodos.prediction.failures import failed
from phonodos.prediction.files import THERMAL_MAX, THERMAL_STEP
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.prediction.record import absent_intervals, remarks
from phonodos.results.citations import bibtex
from phonodos.results.provenance import Provenance
from phonodos.results.single_file import single_file
from phonodos.results.spectra import projections
from phonodos.studies.bands import BandStudy, bands
from phonodos.studies.displacements import (
    DisplacementStudy,
    displacements_and_spectra,
    projection_mesh,
)
from phonodos.studies.harmonic import harmonic_prediction, numbers, prediction_of, spread
from phonodos.studies.modes import ModeStudy, modes
from phonodos.studies.recipe import Recipe, recipe_of
from phonodos.studies.record import (
    bands_of,
    crystal_record,
    middles_and_intervals,
    model_in_words,
    modes_of,
    stability_record,
    summary_rows,
)
from phonodos.time_limit import TimeLimitExceeded

Array = NDArray[np.float64]
Made = TypeVar("Made")
PARTS = ("bands", "modes", "displacements")
FORMAT, FORMAT_VERSION = "phonodos-report", 1
AXIS = tuple(THERMAL_STEP * k for k in range(round(THERMAL_MAX / THERMAL_STEP) + 1))  # [K]
MOST_FOR_SPREAD = 40  # atoms; the bands of every member of larger cells cost more than all else
MOST_FOR_BANDS = 100  # atoms of the primitive cell
ENERGIES = ("internal_energy", "free_energy")
FUNCTIONS = ("heat_capacity", "entropy", *ENERGIES)


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
            "model": {"name": prediction.model, "summary": model_in_words(prediction)},
            "crystal": crystal_record(prediction),
            "units": dict(FREQUENCY_UNITS),
            "digits": dict(FREQUENCY_DIGITS),
            "bases": {basis: cells_per(basis, self.crystal) for basis in BASES},
            "amounts": dict(AMOUNTS),
            "summary": summary_rows(prediction),
            "dos": self._dos(),
            "thermal": self._thermal(),
            "intervals": middles_and_intervals(prediction),
            "absent_intervals": absent_intervals(prediction),
            "stability": stability_record(prediction),
            "warnings": list(self.warnings),
            "bands": self._bands(),
            "modes": None if self.modes is None else modes_of(self.modes, self.crystal),
            "displacements": self._displacements(),
            "not_made": [asdict(refusal) for refusal in self.not_made],
            "command": None if self.recipe is None else self.recipe.command(),
            "python": None if self.recipe is None else self.recipe.python(),
            "cite": bibtex(),
        }

    def to_html(self) -> str:
        """Return the report as one file of HTML, which shows it and asks nobody for anything.

        Raises
        ------
        DataError
            If the page is not built in this copy of phonodos.
        """
        return single_file(self.to_dict(), f"{self.name} ({self.crystal.written_formula})")

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

    def _bands(self) -> dict[str, Any] | None:
        study = self.bands
        if study is None:
            return None
        return bands_of(study, study.spread if study.crystal.n_atoms <= MOST_FOR_SPREAD else None)

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
    lattice = prediction.lattice
    if lattice is not None and lattice.crystal.n_atoms > MOST_FOR_BANDS:
        n = lattice.crystal.n_atoms
        raise StructureError(
            f"{prediction.crystal.label}: no bands of {n} atoms in a report",
            f"{3 * n} lines would fill the figure, and take many times as long as all else",
            "run phonodos bands (phonodos.bands) for them",
        )
    study = bands(prediction)
    if study.crystal.n_atoms <= MOST_FOR_SPREAD:
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
            mesh = projection_mesh(members[0], members[0].mesh())
            spectra = [member.dos(mesh, projected=True) for member in members]
        sites = primitive_cell(prediction.crystal).site_map
        rows = mean_of(spectra).projected_on(dos.frequencies)[sites]
        dos = replace(dos, projected=rows)
    return projections(dos, prediction.crystal, "element")
