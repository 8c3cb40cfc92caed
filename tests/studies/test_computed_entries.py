"""Vibrational free energies of entries: a hull of three phases, amounts, what is refused."""

import json

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Lattice, Structure
from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry

import phonodos
from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.physics.thermodynamics import thermal_properties
from phonodos.prediction.predictor import Predictor
from phonodos.studies.computed_entries import (
    JOULE_PER_EV,
    vibrational_correction,
    vibrational_corrections,
)

SODIUM = Structure.from_spacegroup("Im-3m", Lattice.cubic(4.29), ["Na"], [[0, 0, 0]])
CHLORINE = Structure.from_spacegroup(  # molecules on a lattice, close enough to be a crystal
    "Cmce", Lattice.orthorhombic(6.24, 4.48, 8.26), ["Cl"], [[0, 0.13, 0.10]]
)
SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3])


def entry(structure: Structure, per_atom: float, name: str) -> ComputedStructureEntry:
    energy = per_atom * len(structure)
    return ComputedStructureEntry(structure, energy, entry_id=name)


@pytest.fixture
def entries() -> list[ComputedStructureEntry]:
    return [entry(SODIUM, -1.3, "na"), entry(CHLORINE, -1.8, "cl"), entry(SALT, -3.4, "salt")]


def test_a_hull_at_a_temperature(quick: Predictor, entries: list[ComputedStructureEntry]) -> None:
    """Formation energies change by F of the compound less F of the elements, all alike."""
    cold = PhaseDiagram(entries).get_form_energy_per_atom(entries[2])
    found = vibrational_corrections(entries, 600.0, model=quick)
    warm = PhaseDiagram([c.entry for c in found]).get_form_energy_per_atom(found[2].entry)
    by_hand = [
        p.thermal_properties([600.0]).free_energy[0] / JOULE_PER_EV
        for p in quick.predict_many([e.structure for e in entries])
    ]
    per_atom = [f / len(e.structure) for f, e in zip(by_hand, entries, strict=True)]
    assert warm - cold == pytest.approx(per_atom[2] - (per_atom[0] + per_atom[1]) / 2, abs=1e-9)
    assert [c.per_atom for c in found] == pytest.approx(per_atom)
    assert [c.entry.energy - e.energy for c, e in zip(found, entries, strict=True)] == (
        pytest.approx(by_hand)
    )
    assert entries[0].energy_adjustments == []  # those given stay as they were


def test_what_vibrations_decide(quick: Predictor) -> None:
    """Of two phases of nearly equal energy the softer one wins when it is warm."""
    soft = SALT.copy()
    soft.scale_lattice(soft.volume * 1.12)
    hard = vibrational_correction(entry(SALT, -3.4, "hard"), 0.0, model=quick)
    loose = vibrational_correction(entry(soft, -3.395, "loose"), 0.0, model=quick)
    warm = [
        vibrational_correction(e, 900.0, model=quick).entry.energy_per_atom
        for e in (entry(SALT, -3.4, "hard"), entry(soft, -3.395, "loose"))
    ]
    gap = loose.entry.energy_per_atom - hard.entry.energy_per_atom
    assert warm[1] - warm[0] < gap - 0.005


def test_amounts_and_zero_point_energy(quick: Predictor) -> None:
    """An entry of one formula unit with the structure of four; zero-point energy left out."""
    whole = vibrational_correction(entry(SALT, -3.4, "cell"), 300.0, model=quick)
    one = vibrational_correction(ComputedEntry("NaCl", -6.8), 300.0, structure=SALT, model=quick)
    assert one.free_energy == pytest.approx(whole.free_energy / 4)
    bare = vibrational_correction(entry(SALT, -3.4, "x"), 300.0, zero_point=False, model=quick)
    assert bare.free_energy == pytest.approx(whole.free_energy - whole.zero_point_energy)
    at_rest = vibrational_correction(entry(SALT, -3.4, "x"), 0.0, zero_point=False, model=quick)
    assert at_rest.free_energy == pytest.approx(0.0, abs=1e-12)


def test_record_adjustment_and_spread(entries: list[ComputedStructureEntry]) -> None:
    model = phonodos.load(members=2)
    found = phonodos.vibrational_correction(entries[2], 300.0, model=model)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["entry_id"] == "salt"
    assert record["free_energy_eV"] == pytest.approx(found.free_energy)
    assert record["free_energy_spread_eV"] == pytest.approx(found.spread)
    members = model.predict(SALT).members
    each = [thermal_properties(m, [300.0]).free_energy[0] for m in members]
    assert found.spread == pytest.approx(np.std(each, ddof=1) / JOULE_PER_EV)
    (adjustment,) = found.entry.energy_adjustments
    assert adjustment.name == "vibrational free energy at 300 K"
    assert "with zero-point energy" in adjustment.description
    assert adjustment.uncertainty == pytest.approx(found.spread)
    again = ComputedStructureEntry.from_dict(json.loads(json.dumps(found.entry.as_dict())))
    assert again.energy == pytest.approx(found.entry.energy)


def test_what_is_refused(quick: Predictor, entries: list[ComputedStructureEntry]) -> None:
    once = vibrational_correction(entries[2], 300.0, model=quick).entry
    with pytest.raises(ConfigError, match=r"salt \(NaCl\) has a vibrational correction already"):
        vibrational_correction(once, 300.0, model=quick)
    with pytest.raises(StructureError, match="NaCl has no structure"):
        vibrational_correction(ComputedEntry("NaCl", -6.8), model=quick)
    with pytest.raises(StructureError, match="KCl: its structure is NaCl"):
        vibrational_correction(ComputedEntry("KCl", -6.8), structure=SALT, model=quick)
    with pytest.raises(ConfigError, match="temperatures -1 K"):
        vibrational_correction(entries[2], -1.0, model=quick)
    with pytest.raises(ConfigError, match="no vibrational correction of a PDEntry"):
        vibrational_correction(PDEntry("NaCl", -6.8), model=quick)
    with pytest.raises(ConfigError, match="1 structures for 3 entries"):
        vibrational_corrections(entries, structures=[SALT], model=quick)


def test_molecules_and_unstable_crystals() -> None:
    model = phonodos.load(members=1)
    box = Structure(Lattice.cubic(12.0), ["O", "O"], [[0, 0, 0], [0.1, 0, 0]])
    with pytest.raises(StructureError, match="of a molecule in a box"):
        vibrational_correction(ComputedStructureEntry(box, -9.8), model=model)
    cubic = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0]]
    )
    wanted = ComputedStructureEntry(cubic, -40.0)
    with pytest.raises(PredictionError, match=r"SrTiO3: no vibrational .* not stable"):
        vibrational_correction(wanted, model=model)
    found = vibrational_correction(wanted, accept_unstable=True, model=model)
    assert "imaginary and add nothing" in found.warnings[-1]
    assert "imaginary" in found.entry.energy_adjustments[0].description
