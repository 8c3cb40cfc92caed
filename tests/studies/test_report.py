"""`report`: one record of a crystal, its numbers those of Python, its gaps explained."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.units import AVOGADRO, per_wavenumber
from phonodos.prediction.predictor import Predictor, load
from phonodos.prediction.uncertainty import Calibration
from phonodos.results.spectra import projections
from phonodos.studies import displacements as displacements_home
from phonodos.studies import record as record_home
from phonodos.studies import report as home
from phonodos.studies.bands import bands
from phonodos.studies.displacements import displacements
from phonodos.studies.modes import modes
from phonodos.studies.report import FUNCTIONS, PARTS, Report, report
from phonodos.time_limit import TimeLimitExceeded


@pytest.fixture(scope="module")
def released() -> Predictor:
    """The default weights, two members of them."""
    return load("lattice", members=2)


@pytest.fixture(scope="module")
def magnesia(released: Predictor, examples: Path) -> Report:
    """The report of MgO, eight atoms in the cell of the file and two in the primitive one."""
    return report(examples / "MgO.cif", released)


@pytest.fixture(scope="module")
def record(magnesia: Report) -> dict[str, Any]:
    return magnesia.to_dict()


def round_trip(found: Report) -> dict[str, Any]:
    text = json.dumps(found.to_dict(), allow_nan=False)
    again: dict[str, Any] = json.loads(text)
    assert again == found.to_dict()
    return again


def test_the_numbers_are_those_of_predict(
    released: Predictor, examples: Path, record: dict[str, Any]
) -> None:
    alone = next(released.predict_many([examples / "MgO.cif"]))
    dos, thermal = record["dos"], record["thermal"]
    assert dos["frequencies"] == alone.dos.frequencies.tolist()
    assert dos["densities"] == alone.dos.densities.tolist()
    assert dos["n_modes"] == 24
    axis = alone.dos.frequencies
    wide = np.std([m.on(axis) for m in alone.members], axis=0, ddof=1)
    assert dos["spread"] == wide.tolist()
    assert thermal["temperatures"] == [10.0 * k for k in range(101)]
    same = alone.thermal_properties(thermal["temperatures"])
    for name in FUNCTIONS:
        assert thermal[name] == getattr(same, name).tolist()
        each = [replace(alone, dos=m).thermal_properties([300.0]) for m in alone.members]
        spread = np.std([getattr(t, name)[0] for t in each], ddof=1)
        assert thermal[f"{name}_spread"][30] == pytest.approx(spread, rel=1e-9)
    assert record["stability"]["verdict"] == alone.stability.verdict
    assert record["stability"]["lowest_frequency"] == alone.stability.lowest
    assert record["provenance"]["weights"] == "lattice"


def test_the_elements_are_those_of_a_projected_prediction(
    examples: Path, record: dict[str, Any]
) -> None:
    projected = load("lattice", members=2, project=True)
    alone = next(projected.predict_many([examples / "MgO.cif"]))
    wanted = projections(alone.dos, alone.crystal, "element")
    found = record["dos"]["elements"]
    assert set(found) == {"Mg", "O"}
    assert {k: v.tolist() for k, v in wanted.items()} == found
    total = np.sum(list(found.values()), axis=0)
    np.testing.assert_allclose(total, record["dos"]["densities"], atol=1e-6)
    # A predictor that projects anyway is asked for nothing twice.
    assert home._elements(alone, ())["Mg"].tolist() == found["Mg"]


def test_the_parts_are_those_of_the_studies(magnesia: Report, record: dict[str, Any]) -> None:
    prediction = magnesia.prediction
    lines, moved, found = (
        bands(prediction),
        displacements(prediction, record["thermal"]["temperatures"]),
        modes(prediction),
    )
    segments = record["bands"]["segments"]
    for segment, w in zip(segments, lines.structure.frequencies, strict=True):
        assert segment["frequencies"] == w.tolist()
    assert lines.spread is not None
    assert segments[0]["spread"] == lines.spread[0].tolist()
    assert (segments[0]["from"], segments[0]["to"]) == ("\u0393", "X")
    ticks = lines.structure.path.ticks()
    assert [t["at"] for t in record["bands"]["ticks"]] == [at for at, _ in ticks]
    assert record["displacements"]["u_iso"] == moved.u_iso.tolist()
    assert moved.u_iso_spread is not None
    assert record["displacements"]["spread"] == moved.u_iso_spread.tolist()
    assert record["displacements"]["sites"] == ["Mg"] * 4 + ["O"] * 4
    sets = record["modes"]["sets"]
    assert [s["activity"] for s in sets] == ["acoustic", *(s.activity for s in found.sets)]
    for one, s in zip(sets[1:], found.sets, strict=True):
        assert (one["frequency"], one["ir_intensity"]) == (s.frequency, s.intensity)
        assert (one["spread"], one["irrep"]) == (s.spread, s.irrep)
    assert record["modes"]["eps_0"] == found.static.tolist()
    assert record["modes"]["permittivity"]["imag"] == found.permittivity.imag.tolist()
    assert record["modes"]["reflectivity"] == found.reflectivity.tolist()


def test_what_units_and_bases_multiply(magnesia: Report, record: dict[str, Any]) -> None:
    assert record["units"] == {u: per_wavenumber(u) for u in ("cm-1", "THz", "meV")}
    prediction, place = magnesia.prediction, record["thermal"]["temperatures"].index(300.0)
    for basis, factor in record["bases"].items():
        same = prediction.thermal_properties([300.0]).per(basis, prediction.crystal)
        for name in FUNCTIONS:
            found = factor * record["thermal"][name][place]
            assert found == pytest.approx(float(getattr(same, name)[0]), rel=1e-12)
    assert record["bases"]["formula"] == 0.25
    rows = {row["key"]: row for row in record["summary"]}
    record_of_python = prediction.to_dict("THz", "atom")
    thz, atoms = record["units"]["THz"], record["bases"]["atom"]
    for key in ("mean_frequency", "max_frequency"):
        assert rows[key]["scale"] == "frequency"
        assert rows[key]["value"] * thz == pytest.approx(record_of_python[key]["value"])
    for key in ("heat_capacity", "entropy", "zero_point_energy"):
        assert rows[key]["scale"] == "amount"
        assert rows[key]["value"] * atoms == pytest.approx(record_of_python[key]["value"])
    assert rows["heat_capacity"]["text"].endswith(" J/(K mol of formula units)")
    assert rows["heat_capacity"]["unit"] == "J/(K mol of cells)"
    assert rows["heat_capacity"]["temperature"] == 300.0
    assert (rows["debye_temperature"]["scale"], rows["debye_temperature"]["unit"]) == (None, "K")


def test_intervals_are_per_mole_of_cells(magnesia: Report) -> None:
    known = {name: Calibration(2.0, 1.0, 100) for name in ("mean_frequency", "heat_capacity")}
    prediction = replace(magnesia.prediction, calibrations=known)
    record = replace(magnesia, prediction=prediction).to_dict()
    assert record["absent_intervals"] == {}
    wanted = prediction.intervals["heat_capacity"]
    sure = record["intervals"]["heat_capacity"]
    assert sure["half_width"] == pytest.approx(8.0 * wanted.half_width)
    assert sure["value"] == pytest.approx(8.0 * wanted.value)
    assert sure["low"] < sure["value"] < sure["high"]
    rows = {row["key"]: row for row in record["summary"]}
    assert rows["heat_capacity"]["interval"] == [sure["low"], sure["high"]]
    assert f"\u00b1 {2.0 * wanted.half_width:.2f} J/(K mol of f" in rows["heat_capacity"]["text"]


def test_the_crystal(magnesia: Report, record: dict[str, Any]) -> None:
    found, crystal = record["crystal"], magnesia.crystal
    assert (found["formula"], found["n_atoms"], found["n_formula_units"]) == ("MgO", 8, 4)
    assert found["space_group"] == {"number": 225, "symbol": "Fm-3m"}
    mass = float(crystal.masses.sum())
    assert found["density_g_cm3"] == pytest.approx(mass / AVOGADRO / (crystal.volume * 1e-24))
    assert 3.4 < found["density_g_cm3"] < 3.8
    site = found["sites"][4]
    assert (site["label"], site["elements"]) == ("O5", {"O": 1.0})
    cell, fractional = np.array(found["cell"]), np.array(site["fractional"])
    np.testing.assert_allclose(fractional @ cell, site["cartesian"])


def test_patterns_are_the_modes_of_the_given_cell(magnesia: Report) -> None:
    found, crystal = magnesia.to_dict()["modes"]["sets"], magnesia.crystal
    acoustic, optic = (np.array(s["patterns"]) for s in found)
    assert acoustic.shape == optic.shape == (3, 8, 3)
    # All atoms move alike; magnesium and oxygen against each other, the light one farther.
    np.testing.assert_allclose(
        acoustic, np.broadcast_to(acoustic[:, :1], acoustic.shape), atol=2e-4
    )
    assert np.linalg.norm(optic, axis=2).max(axis=1) == pytest.approx(np.ones(3), abs=2e-4)
    np.testing.assert_allclose(np.einsum("i,mia->ma", crystal.masses, optic), 0.0, atol=1e-2)
    assert np.linalg.norm(optic[:, 0], axis=1) == pytest.approx(
        crystal.masses[4] / crystal.masses[0], abs=1e-3
    )


def test_patterns_stand_as_the_crystal_does(lattice: Predictor, low_symmetry: Crystal) -> None:
    # Turned into the conventional setting for tensors, and back: they solve D(0) e = w^2 e.
    study = modes(low_symmetry, model=lattice)
    dynamics = next(lattice.predict_many([low_symmetry])).lattice
    assert dynamics is not None
    matrix = dynamics.dynamical_matrices(np.zeros((1, 3)))[0].real
    root = np.repeat(np.sqrt(dynamics.masses), 3)
    squares = [k for places in study.modes.sets for k in places]
    for k, u in zip(squares, np.concatenate(study.patterns), strict=True):
        e = u.ravel() * root
        e /= np.linalg.norm(e)
        wanted = np.linalg.norm(matrix @ e - (e @ matrix @ e) * e)
        assert wanted < 1e-6 * np.abs(matrix).max(), k


def test_a_round_trip(magnesia: Report) -> None:
    found = round_trip(magnesia)
    assert found["format"] == "phonodos-report"
    assert found["format_version"] == 1
    assert found["not_made"] == []
    assert found["cite"].startswith("% this program")


def test_a_disordered_crystal(examples: Path) -> None:
    found = round_trip(report(examples / "Cu0.7Au0.3.cif", load("lattice", members=1)))
    assert found["crystal"]["sites"][0]["elements"] == {"Cu": 0.7, "Au": 0.3}
    assert list(found["dos"]["elements"]) == ["Cu0.7Au0.3"]
    (refused,) = found["not_made"]
    assert refused["what"] == "modes"
    assert "metal" in refused["summary"]
    assert "--metal" in refused["fix"]
    assert found["modes"] is None
    assert found["bands"]["segments"][0]["spread"] is None
    assert found["dos"]["spread"] is found["thermal"]["entropy_spread"] is None
    assert found["displacements"]["u_iso"]


def test_a_metal_without_charges(examples: Path) -> None:
    found = round_trip(
        report(examples / "Cu0.7Au0.3.cif", "lattice", members=1, metal=True, name="alloy <1>")
    )
    assert found["not_made"] == []
    assert found["name"] == "alloy <1>"
    assert [s["activity"] for s in found["modes"]["sets"]] == ["acoustic"]
    assert found["modes"]["permittivity"] is found["modes"]["eps_0"] is None
    assert any("charges left out" in text for text in found["warnings"])


def test_a_network_of_spectra(quick: Predictor, examples: Path) -> None:
    found = round_trip(report(examples / "NaCl.cif", quick))
    assert [refused["what"] for refused in found["not_made"]] == list(PARTS)
    assert all(refused["fix"] for refused in found["not_made"])
    assert found["dos"]["elements"] == {}
    assert found["stability"] is found["bands"] is found["displacements"] is None
    assert len(found["dos"]["densities"]) == len(found["dos"]["frequencies"])


def test_an_unstable_crystal(released: Predictor, examples: Path) -> None:
    found = round_trip(report(examples / "SrTiO3_cubic.cif", released, include=["modes", "bands"]))
    assert found["stability"]["verdict"] == "unstable"
    assert found["stability"]["lowest_frequency"] < -20.0
    assert found["intervals"] == {}
    assert min(w for s in found["bands"]["segments"] for q in s["frequencies"] for w in q) < 0.0
    assert set(found["dos"]["elements"]) == {"Sr", "Ti", "O"}
    assert any("predicted unstable" in text for text in found["warnings"])


def test_a_soft_mode_at_gamma_has_no_static_constant(magnesia: Report) -> None:
    assert magnesia.modes is not None
    w = magnesia.modes.modes.frequencies.copy()
    w[3:] = -40.0
    soft = replace(magnesia.modes, modes=replace(magnesia.modes.modes, frequencies=w))
    found = round_trip(replace(magnesia, modes=soft))
    assert found["modes"]["eps_0"] == [[None] * 3] * 3
    assert any("eps_0" in text for text in found["modes"]["notes"])
    assert any("eps_0" in text for text in found["warnings"])


def test_what_goes_wrong_in_a_part_stays_there(
    lattice: Predictor, rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise np.linalg.LinAlgError("no convergence")

    monkeypatch.setattr(home, "bands", broken)
    found = report(rock_salt, lattice, temperatures=[300.0]).to_dict()
    (refused,) = found["not_made"]
    assert refused["what"] == "bands"
    assert "no convergence" in refused["reason"]
    assert found["modes"] is not None

    def late(_: object) -> None:
        raise TimeLimitExceeded("NaCl: took longer than 1 s", "late", "more time")

    monkeypatch.setattr(home, "modes", late)
    with pytest.raises(TimeLimitExceeded):
        report(rock_salt, lattice)


def test_only_what_was_asked_for(lattice: Predictor, rock_salt: Crystal) -> None:
    found = report(rock_salt, lattice, include=(), temperatures=[0.0, 500.0])
    assert found.bands is found.modes is found.displacements is None
    assert found.not_made == ()
    assert found.to_dict()["thermal"]["temperatures"] == [0.0, 500.0]
    assert set(found.elements) == {"Na", "Cl"}


@pytest.mark.parametrize("include", [["bands", "colour"], "bands"])
def test_an_unknown_part(lattice: Predictor, rock_salt: Crystal, include: Any) -> None:
    with pytest.raises(ConfigError, match="a report has no part"):
        report(rock_salt, lattice, include=include)


def test_wrong_choices(lattice: Predictor, rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError):
        report(rock_salt, lattice, temperatures=[-1.0])
    prediction = next(lattice.predict_many([rock_salt]))
    with pytest.raises(ConfigError, match="--isotope with a prediction"):
        report(prediction, isotopes=["Na=23.0"])
    assert report(prediction, include=()).to_dict()["command"] is None


def test_a_large_cell_has_no_spread_of_bands(
    magnesia: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "MOST_FOR_SPREAD", 1)
    found = report(magnesia.prediction, include=["bands"])
    assert found.bands is not None
    assert "spread" not in vars(found.bands)  # it was not even made
    assert all(s["spread"] is None for s in found.to_dict()["bands"]["segments"])
    assert found.to_dict()["dos"]["spread"] is not None


def test_a_very_large_cell_has_no_bands(magnesia: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "MOST_FOR_BANDS", 1)
    found = report(magnesia.prediction, include=["bands"])
    assert found.bands is None
    (refused,) = found.not_made
    assert refused.summary == "MgO: no bands of 2 atoms in a report"
    assert "phonodos bands" in refused.fix


@pytest.mark.parametrize("include", [(), ("displacements",)])
def test_a_large_cell_is_projected_by_kinds(
    released: Predictor, examples: Path, monkeypatch: pytest.MonkeyPatch, include: tuple[str, ...]
) -> None:
    prediction = next(released.predict_many([examples / "SrTiO3.cif"]))
    each = report(prediction, include=include).elements
    monkeypatch.setattr(displacements_home, "MOST_APART", 1)
    kinds = report(prediction, include=include).elements
    assert list(kinds) == list(each)
    for name, row in each.items():
        np.testing.assert_allclose(kinds[name], row, atol=2e-3 * row.max())
    assert not np.array_equal(kinds["O"], each["O"])  # it was another way


def test_a_large_cell_keeps_no_patterns(
    lattice: Predictor, rock_salt: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_home, "MOST_IN_PATTERNS", 10)
    found = report(rock_salt, lattice, include=["modes"]).to_dict()["modes"]
    assert [s["patterns"] for s in found["sets"]] == [None, None]
    assert "too large" in found["notes"][-1]


def test_it_is_a_public_name() -> None:
    assert phonodos.report is report
