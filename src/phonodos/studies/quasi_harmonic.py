"""Quasi-harmonic approximation: thermal expansion, C_p and Grueneisen parameter of a crystal.

Phonons are predicted at several volumes, V = V0 (1 + e)^3, shape of the cell and fractions of the
atoms kept. The static energy E(V) is the user's, or that of a bulk modulus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonodos.errors import ConfigError, DataError, PredictionError
from phonodos.model.header import StrainScore
from phonodos.physics.crystal import Crystal
from phonodos.physics.displacements import check_temperatures
from phonodos.physics.dos import MENTIONED_SHARE, PhononDos, mean_of
from phonodos.physics.isotopes import Isotope
from phonodos.physics.quasi_harmonic import (
    FEWEST_VOLUMES,
    VINET,
    EquationOfState,
    QuasiHarmonic,
    QuasiHarmonicCrystal,
    check_bulk_modulus,
    check_equation,
    fit_equation_of_state,
)
from phonodos.physics.strain import strained
from phonodos.physics.thermodynamics import known_basis
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.results.energy_volume import read_energy_volume
from phonodos.structures.reading import as_crystal
from phonodos.studies.elastic import ElasticStudy, elastic
from phonodos.studies.harmonic import check_solid, harmonic_prediction, number, numbers, spread
from phonodos.studies.mode_gruneisen import check_same_atoms
from phonodos.studies.strain import StrainStudy, check_judged, check_strains, strain, strain_doubts

Array = NDArray[np.float64]
STRAINS = (-0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.04)
TEMPERATURES = (0.0, 100.0, 200.0, 298.15, 300.0, 400.0, 500.0, 600.0)
WHAT = "quasi-harmonic properties"
ELASTIC = "elastic"  # the bulk modulus of `elastic`
SAME_CELL = 0.25  # by which the volume of E(V) may differ from that of the crystal
WORST_MISFIT = 1e-3  # [eV per atom] of E(V), that is told
# name in tables, field, unit; {} is the amount
QUANTITIES = (
    ("volume", "volumes", "A^3/cell"),
    ("expansion", "expansion", "1/K"),
    ("bulk_modulus", "bulk_modulus", "GPa"),
    ("gruneisen", "gruneisen", "1"),
    ("heat_capacity_volume", "heat_capacity_volume", "J/(K {})"),
    ("heat_capacity_pressure", "heat_capacity_pressure", "J/(K {})"),
    ("entropy", "entropy", "J/(K {})"),
    ("gibbs_energy", "gibbs_energy", "J/{}"),
)


@dataclass(frozen=True, eq=False)
class QuasiHarmonicStudy:
    """A crystal that expands with temperature, at pressure zero.

    Attributes
    ----------
    crystal
        The crystal as given: its cell is that of all numbers.
    strains
        Linear strains e of the phonons, from the minimum of E(V), or from the cell as given.
    source
        Where the static energy is from, in words.
    series
        Equation of state and spectra of the ensemble.
    members
        The same of every member; empty for a single network.
    properties
        What follows, per amount.
    judged
        How the weights did in exams on strain; None where they sat none.
    doubts
        Reasons for doubt of the predictions and of what they rest on.
    model
        Name of the weights.
    member_properties
        What follows of every member.
    """

    crystal: Crystal
    strains: tuple[float, ...]
    source: str
    series: QuasiHarmonicCrystal
    members: tuple[QuasiHarmonicCrystal, ...]
    properties: QuasiHarmonic
    judged: StrainScore | None = None
    doubts: tuple[str, ...] = ()
    model: str = ""
    member_properties: tuple[QuasiHarmonic, ...] = ()

    @property
    def equation(self) -> EquationOfState:
        """The static energy against volume."""
        return self.series.equation

    def at(self, temperatures: Sequence[float], per: str = "cell") -> "QuasiHarmonicStudy":
        """Return the same at other temperatures [K], per another amount.

        Raises
        ------
        ConfigError
            If a temperature is negative or not a number, or the amount is unknown.
        """
        kelvin = check_temperatures(temperatures)
        whole, *each = (
            s.properties(kelvin).per(per, self.crystal) for s in (self.series, *self.members)
        )
        return QuasiHarmonicStudy(
            self.crystal, self.strains, self.source, self.series, self.members, whole, self.judged,
            self.doubts, self.model, tuple(each),
        )  # fmt: skip

    @cached_property
    def spreads(self) -> dict[str, Array | None]:
        """Standard deviations of the members, by field of `properties`; None of one network."""
        return {
            name: spread(getattr(x, name) for x in self.member_properties)
            for _, name, _ in QUANTITIES
        }

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: of the weights under strain first, then of the rest."""
        found = [*strain_doubts(self.judged), *self.doubts]
        lost = self.properties.temperatures[np.isnan(self.properties.expansion)]
        if len(lost):
            found.append(
                f"from {lost.min():g} K on no volume among those of the phonons "
                f"({self.series.volumes[0]:.1f} to {self.series.volumes[-1]:.1f} A^3) minimises "
                "the free energy: no numbers there"
            )
        return list(dict.fromkeys(found))

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the names of the columns, which hold the units, and a row a temperature."""
        amount = self.properties.amount
        names, columns = ["temperature_K"], [self.properties.temperatures]
        for title, name, unit in QUANTITIES:
            wide = self.spreads[name]
            shown = unit.format(amount)
            names += [f"{title} [{shown}]", f"{title}_spread [{shown}]"]
            value = getattr(self.properties, name)
            columns += [value, np.full_like(value, np.nan) if wide is None else wide]
        rows = [tuple(number(x) for x in row) for row in zip(*columns, strict=True)]
        return tuple(names), rows

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON: lists by temperature; what there is not is None."""
        found, eos = self.properties, self.equation
        return {
            "formula": self.crystal.written_formula,
            "per": found.amount,
            "strains": list(self.strains),
            "phonon_volumes_A3": self.series.volumes.tolist(),
            "static_energy": {
                "source": self.source,
                "equation": eos.kind,
                "volume_A3": eos.volume,
                "bulk_modulus_GPa": eos.bulk_modulus,
                "bulk_modulus_derivative": eos.derivative,
                "misfit_eV": eos.misfit,
            },
            "units": {title: unit.format(found.amount) for title, _, unit in QUANTITIES},
            "temperatures_K": found.temperatures.tolist(),
            **{title: numbers(getattr(found, name)) for title, name, _ in QUANTITIES},
            **{f"{title}_spread": numbers(self.spreads[name]) for title, name, _ in QUANTITIES},
            "strain_error": None if self.judged is None else self.judged.gamma_mae,
            "judged_on_strain": None
            if self.judged is None
            else self.judged.model_dump(mode="json"),
            "warnings": self.warnings,
        }


def quasi_harmonic(
    crystal: Any,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    energy_volume: str | Path | tuple[Sequence[float], Sequence[float]] | None = None,
    bulk_modulus: float | str | None = None,
    equation: str = VINET,
    strains: Sequence[float] = STRAINS,
    per: str = "cell",
    cell_temperature: float | None = None,
    accept_strain_error: bool = False,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
    isotopes: Sequence[Isotope | str] = (),
) -> QuasiHarmonicStudy:
    """Predict thermal expansion, C_p and Grueneisen parameter in the quasi-harmonic approximation.

    Parameters
    ----------
    crystal, temperatures
        A path, or a structure as `Predictor.predict` takes it; [K], not negative.
    energy_volume, bulk_modulus, equation, cell_temperature
        Of the static energy: as `StaticEnergy`.
    strains, per
        Linear strains e of the phonons; amount of the caloric numbers, as ``formula``.
    accept_strain_error
        Whether weights are taken that were never judged on strain, or erred by more than 0.35.
    model, members, metal, isotopes
        As in `phonodos.strain`.

    Raises
    ------
    ConfigError
        If the weights are refused or predict spectra only, or an argument makes no sense.
    DataError
        If the energies cannot be read, or have no minimum among four or more volumes.
    StructureError, PredictionError
        As `Predictor.predict`; if atoms do not hold together in three directions, or the crystal
        is not stable at five volumes or more.
    """
    check_temperatures(temperatures)
    check_strains(strains)
    known_basis(per)
    static = StaticEnergy(energy_volume, bulk_modulus, equation, cell_temperature)
    predictor = as_predictor(model, members, metal=metal)
    check_judged(predictor.header.strain, WHAT, accept=accept_strain_error)
    whole = as_crystal(crystal, isotopes=isotopes)
    return _studied(whole, static, sorted(set(strains)), predictor).at(temperatures, per)


@dataclass(frozen=True)
class StaticEnergy:
    """What is known of the energy of the atoms at rest against volume; checked when it is made.

    Attributes
    ----------
    energy_volume
        Energies of the cell as given: a file of volumes [A^3] and energies [eV], or both.
    bulk_modulus
        Instead of them [GPa], with B' = 4; ``"elastic"`` takes that of `phonodos.elastic` (Voigt's,
        as the shape is kept).
    equation
        Of state: ``vinet`` or ``birch-murnaghan``.
    cell_temperature
        [K] at which the cell as given is in equilibrium and has that bulk modulus, if measured;
        None for the static crystal, as calculations relax it. Not with `energy_volume`.
    """

    energy_volume: str | Path | tuple[Sequence[float], Sequence[float]] | None = None
    bulk_modulus: float | str | None = None
    equation: str = VINET
    cell_temperature: float | None = None

    def __post_init__(self) -> None:
        check_source(
            energy_volume=self.energy_volume,
            bulk_modulus=self.bulk_modulus,
            equation=self.equation,
            cell_temperature=self.cell_temperature,
        )


def _studied(
    whole: Crystal, given: StaticEnergy, strains: Sequence[float], predictor: AnyPredictor
) -> QuasiHarmonicStudy:
    """Return what is predicted, with properties at 0 K."""
    equation, kelvin = given.equation, given.cell_temperature
    source, modulus = check_source(
        energy_volume=given.energy_volume,
        bulk_modulus=given.bulk_modulus,
        equation=equation,
        cell_temperature=kelvin,
    )
    energies = given.energy_volume
    static = None if energies is None else _fitted(energies, equation, whole)
    centre = whole if static is None else _with_volume(whole, static.volume)
    prediction, lattice = harmonic_prediction(centre, WHAT, model=predictor)
    check_solid(lattice, WHAT)
    elasticity = elastic(prediction) if modulus == ELASTIC else None
    statics = _statics(whole, static or modulus, elasticity, equation)
    study = strain(centre, strains, model=predictor)
    kept, doubts = _stable(study)
    volumes = np.array([study.points[k].volume for k in kept])
    series = [
        QuasiHarmonicCrystal(eos, volumes, spectra)
        for eos, spectra in zip(cycle(statics), _spectra(study, kept, prediction), strict=False)
    ]
    if kelvin is not None:
        series = [each.anchored(kelvin) for each in series]
    return QuasiHarmonicStudy(
        whole, tuple(study.points[k].strain for k in kept), source, series[0], tuple(series[1:]),
        series[0].properties([0.0]), study.judged,
        (*_doubts(study, elasticity, statics[0], whole), *doubts), predictor.name,
    )  # fmt: skip


def check_source(
    *,
    energy_volume: object,
    bulk_modulus: float | str | None,
    equation: str = VINET,
    cell_temperature: float | None = None,
) -> tuple[str, float | str | None]:
    """Return in words where the static energy is from, and the bulk modulus [GPa] if it was given.

    Raises
    ------
    ConfigError
        As `quasi_harmonic`, for the same words.
    DataError
        If a file of energies cannot be read.
    """
    energies, modulus, kelvin = energy_volume, bulk_modulus, cell_temperature
    check_equation(equation)
    if (energies is None) == (modulus is None):
        raise ConfigError(
            f"{WHAT} take E(V) or a bulk modulus" + ("" if modulus is None else ", not both"),
            "the static energy of the crystal against volume is not predicted",
            "give --energy-volume FILE, or --bulk-modulus GPA (or elastic)",
        )
    where = "that of the static crystal"
    if kelvin is not None:
        check_temperatures([kelvin])
        where = f"that at {kelvin:g} K"
    if modulus is None and kelvin is not None:
        raise ConfigError(
            "--cell-temperature with E(V)",
            "E(V) says itself where its minimum is",
            "leave one of the two out",
        )
    if modulus is None:
        if isinstance(energies, tuple):
            return "E(V) that was given", None
        name = Path(str(energies)).name
        read_energy_volume(Path(str(energies)))
        return f"E(V) of {name}", None
    if modulus == ELASTIC:
        return f"bulk modulus predicted (elastic), B' = 4, the cell given is {where}", ELASTIC
    try:
        value = float(modulus)
    except ValueError:
        raise ConfigError(
            f"no bulk modulus: '{modulus}'",
            "a number in GPa is wanted, or the word elastic",
            "write for example --bulk-modulus 160",
        ) from None
    check_bulk_modulus(value)
    return f"bulk modulus given, {value:g} GPa, B' = 4, the cell given is {where}", value


def _fitted(energies: Any, equation: str, crystal: Crystal) -> EquationOfState:
    name = "E(V)" if isinstance(energies, tuple) else str(energies)
    pairs = energies if isinstance(energies, tuple) else read_energy_volume(Path(energies))
    found = fit_equation_of_state(pairs[0], pairs[1], equation, name)
    if not abs(found.volume / crystal.volume - 1.0) < SAME_CELL:
        raise DataError(
            f"{name}: minimum at {found.volume:.1f} A^3, {crystal.label} has {crystal.volume:.1f}",
            "volumes and energies are wanted of the cell as given, and these are of another",
            "scale them to that cell, or give the cell that they are of",
        )
    return found


def _with_volume(crystal: Crystal, volume: float) -> Crystal:
    return strained(crystal, float((volume / crystal.volume) ** (1.0 / 3.0) - 1.0))


def _statics(
    crystal: Crystal, static: EquationOfState | float | str | None,
    elasticity: ElasticStudy | None, equation: str,
) -> list[EquationOfState]:  # fmt: skip
    """Return one equation of state for all, or that of the ensemble and of every member."""
    if isinstance(static, EquationOfState):
        return [static]
    if elasticity is None:
        assert static is not None
        return [EquationOfState(equation, 0.0, crystal.volume, float(static))]
    if not elasticity.is_stable:
        raise PredictionError(
            f"{crystal.label}: no bulk modulus",
            f"it is elastically unstable (smallest eigenvalue {elasticity.elasticity.lowest:.1f} "
            "GPa)",
            "give --bulk-modulus GPA, or --energy-volume FILE",
        )
    moduli = [elasticity.moduli["bulk_voigt"]]
    for each, _ in elasticity.members:
        own = each.moduli["bulk_voigt"]
        moduli.append(own if np.isfinite(own) else moduli[0])
    return [EquationOfState(equation, 0.0, crystal.volume, m) for m in moduli]


def _stable(study: StrainStudy) -> tuple[list[int], list[str]]:
    """Return which strains around e = 0 leave every mode real, and a remark on the others."""
    soft = [p.imaginary_share > MENTIONED_SHARE for p in study.points]
    middle = int(np.argmin([abs(p.strain) for p in study.points]))
    low, high = middle, middle
    while not soft[middle] and low > 0 and not soft[low - 1]:
        low -= 1
    while not soft[middle] and high < len(soft) - 1 and not soft[high + 1]:
        high += 1
    kept = list(range(low, high + 1))
    if soft[middle] or len(kept) < FEWEST_VOLUMES:
        share = 100 * study.points[middle].imaginary_share
        raise PredictionError(
            f"{study.crystal.label}: no {WHAT} of a crystal that is not stable",
            f"{share:.1f} % of the states are imaginary at e = 0"
            if soft[middle]
            else f"it is stable at {len(kept)} of {len(soft)} volumes, and {FEWEST_VOLUMES} are "
            "wanted",
            "look at `phonodos strain` and `phonodos bands`: the structure may not be at rest",
        )
    if len(kept) == len(soft):
        return kept, []
    left = ", ".join(f"{100 * p.strain:+g} %" for p, s in zip(study.points, soft, strict=True) if s)
    return kept, [f"imaginary states at strains of {left}: volumes beyond them are left out"]


def _spectra(study: StrainStudy, kept: Sequence[int], middle: Prediction) -> list[list[PhononDos]]:
    """Return the spectra at every volume: of the ensemble, then of every member.

    All on the wave vectors of e = 0: a mesh that loses points to a larger volume would make a step.
    """
    assert middle.lattice is not None
    mesh = middle.lattice.mesh()
    rows = []
    for k in kept:
        p = study.predictions[k]
        assert p.lattice is not None
        check_same_atoms(middle.lattice.crystal, p.lattice.crystal)
        if p.lattice.mesh().divisions == mesh.divisions:
            rows.append((p.dos, *p.members))
            continue
        lattices = p.member_lattices or (p.lattice,)
        each = [_whole(lattice.dos(mesh), lattice, p.crystal) for lattice in lattices]
        rows.append((mean_of(each), *(each if p.member_lattices else ())))
    return [list(column) for column in zip(*rows, strict=True)]


def _whole(dos: PhononDos, lattice: LatticeDynamics, crystal: Crystal) -> PhononDos:
    """Return a spectrum of the primitive cell for the cell as given."""
    factor = crystal.n_atoms / lattice.crystal.n_atoms
    return PhononDos(dos.frequencies, dos.densities * factor, crystal.n_atoms, None, dos.highest)


def _doubts(
    study: StrainStudy, elasticity: ElasticStudy | None, eos: EquationOfState, crystal: Crystal
) -> list[str]:
    found = list(study.warnings)
    if study.judged is not None:
        seen = {exam.formula for exam in study.judged.exams} - {""}
        if crystal.formula not in seen:
            found.append(
                f"exams on strain were of {', '.join(sorted(seen)) or 'other crystals'}: elsewhere "
                "gamma can err more, in tetrahedral crystals by a factor of 2 to 4 (docs/strain.md)"
            )
    if elasticity is not None:
        found += [text for text in elasticity.warnings if text not in found]
    if eos.misfit > WORST_MISFIT * crystal.n_atoms:
        found.append(
            f"the equation of state misses E(V) by {1000 * eos.misfit / crystal.n_atoms:.1f} meV "
            "per atom: the energies may not be of one curve"
        )
    return found
