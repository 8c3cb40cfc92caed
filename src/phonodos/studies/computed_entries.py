"""Vibrational free energies of pymatgen's computed entries, for phase diagrams at temperatures.

An entry of a calculation holds the energy of atoms at rest. What is added is F_vib(T) of its own
structure, harmonic, at its own volume; elements are entries like all others. Gases are not: a
molecule in a box has no phonons, and is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.displacements import check_temperatures
from phonodos.physics.dos import MENTIONED_SHARE, PhononDos
from phonodos.physics.thermodynamics import ThermalProperties, thermal_properties
from phonodos.physics.units import AVOGADRO, ELEMENTARY_CHARGE, ROOM_TEMPERATURE
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import AnyPredictor, as_predictor
from phonodos.structures.reading import as_crystal
from phonodos.studies.harmonic import check_solid, number, spread

NAME = "vibrational free energy"  # what the names of our adjustments begin with
JOULE_PER_EV = ELEMENTARY_CHARGE * AVOGADRO  # [J/mol per eV]
SAME_SHARE = 1e-4  # of an element in an entry and in its structure
WHAT = "vibrational correction"


@dataclass(frozen=True, eq=False)
class VibrationalCorrection:
    """The vibrational free energy of an entry.

    Attributes
    ----------
    entry
        A copy of the entry whose energy holds the correction, as an energy adjustment.
    temperature
        [K].
    free_energy
        What was added [eV per entry], with or without zero-point energy.
    spread
        Standard deviation of the members' [eV per entry]; None of a single network.
    zero_point_energy
        [eV per entry], whether it was added or not.
    zero_point
        Whether `free_energy` holds it.
    imaginary_share
        Share of the states at imaginary frequencies, which add nothing.
    model
        Name of the weights.
    doubts
        Reasons for doubt.
    """

    entry: Any
    temperature: float
    free_energy: float
    spread: float | None
    zero_point_energy: float
    zero_point: bool
    imaginary_share: float
    model: str
    doubts: tuple[str, ...] = ()

    @property
    def per_atom(self) -> float:
        """`free_energy` per atom [eV]."""
        return self.free_energy / float(self.entry.composition.num_atoms)

    @property
    def warnings(self) -> list[str]:
        """Reasons for doubt: those of the prediction, and states that add nothing."""
        found = list(self.doubts)
        if self.imaginary_share > MENTIONED_SHARE:
            found.append(
                f"{100 * self.imaginary_share:.1f} % of the states are imaginary and add nothing"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary fit for JSON."""
        return {
            "entry_id": self.entry.entry_id,
            "formula": self.entry.composition.reduced_formula,
            "n_atoms": float(self.entry.composition.num_atoms),
            "temperature_K": self.temperature,
            "free_energy_eV": self.free_energy,
            "free_energy_spread_eV": number(self.spread),
            "free_energy_eV_per_atom": self.per_atom,
            "zero_point_energy_eV": self.zero_point_energy,
            "zero_point_included": self.zero_point,
            "corrected_energy_eV": float(self.entry.energy),
            "imaginary_share": self.imaginary_share,
            "model": self.model,
            "warnings": self.warnings,
        }


def vibrational_correction(
    entry: Any,
    temperature: float = ROOM_TEMPERATURE,
    *,
    structure: Any = None,
    zero_point: bool = True,
    accept_unstable: bool = False,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
) -> VibrationalCorrection:
    """Return a computed entry of pymatgen with F_vib(T) in its energy.

    Parameters
    ----------
    entry
        A `ComputedStructureEntry`, or a `ComputedEntry` whose `structure` is given.
    temperature
        [K], not negative.
    structure
        Of an entry that has none, or another one than its own.
    zero_point
        Whether zero-point energy is added too.
    accept_unstable
        Whether a crystal is taken whose verdict is unstable; without one, of which more than 1 % of
        the states are imaginary.
    model, members, metal
        A predictor, or weights and number of members as `load` takes them; whether charges are left
        out.

    Raises
    ------
    ConfigError
        If the temperature makes no sense, or the entry has such a correction already, or no place
        for one.
    StructureError
        As `Predictor.predict`; if the entry has no structure, or one of another composition, or a
        molecule in a box.
    PredictionError
        As `Predictor.predict`, and if the crystal is unstable.
    """
    structures = None if structure is None else [structure]
    return vibrational_corrections(
        [entry], temperature, structures=structures, zero_point=zero_point,
        accept_unstable=accept_unstable, model=model, members=members, metal=metal,
    )[0]  # fmt: skip


def vibrational_corrections(
    entries: Iterable[Any],
    temperature: float = ROOM_TEMPERATURE,
    *,
    structures: Sequence[Any] | None = None,
    zero_point: bool = True,
    accept_unstable: bool = False,
    model: AnyPredictor | str | Path | None = None,
    members: int | None = None,
    metal: bool = False,
) -> list[VibrationalCorrection]:
    """Return computed entries with F_vib(T), in order, predicted together.

    `PhaseDiagram([c.entry for c in found])` is the phase diagram at that temperature. Parameters
    and errors are those of `vibrational_correction`; `structures` are as many as entries.
    """
    (kelvin,) = check_temperatures([temperature]).tolist()
    given = list(entries)
    own = [None] * len(given) if structures is None else list(structures)
    if len(own) != len(given):
        raise ConfigError(
            f"{len(own)} structures for {len(given)} entries",
            "every entry takes one, in order",
            "give one an entry, or none",
        )
    crystals = [_crystal(entry, mine) for entry, mine in zip(given, own, strict=True)]
    predictor = as_predictor(model, members, metal=metal)
    return [
        _corrected(entry, prediction, kelvin, zero_point, accept_unstable)
        for entry, prediction in zip(given, predictor.predict_many(crystals), strict=True)
    ]


def _label(entry: Any) -> str:
    name = getattr(entry, "entry_id", None)
    formula = getattr(getattr(entry, "composition", None), "reduced_formula", "entry")
    return f"{name} ({formula})" if name else str(formula)


def _crystal(entry: Any, structure: Any) -> Crystal:
    """Return the structure of an entry, and check that both are of the same composition."""
    if not all(hasattr(entry, name) for name in ("energy_adjustments", "composition", "copy")):
        raise ConfigError(
            f"no {WHAT} of a {type(entry).__name__}",
            "it has no place for energy adjustments",
            "give entries of pymatgen's classes ComputedStructureEntry or ComputedEntry",
        )
    if any(str(each.name).startswith(NAME) for each in entry.energy_adjustments):
        raise ConfigError(
            f"{_label(entry)} has a {WHAT} already",
            "a second one would count the vibrations twice",
            "give the entries as they were calculated",
        )
    found = getattr(entry, "structure", None) if structure is None else structure
    if found is None:
        raise StructureError(
            f"{_label(entry)} has no structure",
            "the free energy is that of a crystal, and a ComputedEntry knows its composition only",
            "give a ComputedStructureEntry, or structure=...",
        )
    crystal = as_crystal(found)
    shares = {str(e): float(x) for e, x in entry.composition.element_composition.items()}
    total = sum(shares.values())
    counts: dict[str, float] = {}
    for site in crystal.occupancy:
        for symbol, share in site.items():
            counts[symbol] = counts.get(symbol, 0.0) + share
    if any(
        abs(shares.get(s, 0.0) / total - counts.get(s, 0.0) / crystal.n_atoms) > SAME_SHARE
        for s in {*shares, *counts}
    ):
        raise StructureError(
            f"{_label(entry)}: its structure is {crystal.written_formula}",
            "entry and structure are of different composition",
            "give the structure that the energy belongs to",
        )
    return crystal


def _corrected(
    entry: Any, prediction: Prediction, kelvin: float, zero_point: bool, accept: bool
) -> VibrationalCorrection:
    if prediction.lattice is not None:
        check_solid(prediction.lattice, WHAT)
    verdict = prediction.stability
    unstable = prediction.dos.is_unstable if verdict is None else verdict.is_unstable
    if unstable and not accept:
        raise PredictionError(
            f"{_label(entry)}: no {WHAT} of a crystal that is not stable",
            f"{100 * prediction.dos.imaginary_fraction:.1f} % of the states are imaginary, and "
            "have no free energy in the harmonic approximation",
            "give the stable structure, or say accept_unstable=True: they add nothing then",
        )
    cells = float(entry.composition.num_atoms) / prediction.crystal.n_atoms

    def free(dos: PhononDos) -> tuple[float, ThermalProperties]:
        found = thermal_properties(dos, [kelvin])
        lost = 0.0 if zero_point else found.zero_point_energy
        return (float(found.free_energy[0]) - lost) / JOULE_PER_EV * cells, found

    value, thermal = free(prediction.dos)
    deviation = spread(free(dos)[0] for dos in prediction.members)
    record = VibrationalCorrection(
        entry.copy(), kelvin, value, None if deviation is None else float(deviation),
        thermal.zero_point_energy / JOULE_PER_EV * cells, zero_point, thermal.imaginary_fraction,
        prediction.model, prediction.warnings,
    )  # fmt: skip
    record.entry.energy_adjustments.append(_adjustment(record))
    return record


def _adjustment(record: VibrationalCorrection) -> Any:
    try:
        from pymatgen.core.entries import ConstantEnergyAdjustment
    except ImportError:  # pymatgen before it was split
        from pymatgen.entries.computed_entries import ConstantEnergyAdjustment

    part = "with" if record.zero_point else "without"
    words = [f"harmonic, predicted by phonodos ({record.model}), {part} zero-point energy"]
    return ConstantEnergyAdjustment(
        record.free_energy,
        uncertainty=np.nan if record.spread is None else record.spread,
        name=f"{NAME} at {record.temperature:g} K",
        cls={},
        description="; ".join([*words, *record.warnings]),
    )
