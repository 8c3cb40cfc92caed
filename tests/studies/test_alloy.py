"""Alloys: the ends are the pure crystals, notes have their place, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError
from phonodos.physics.alloy import alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.physics.neutron import curve_of
from phonodos.prediction.predictor import Predictor, load
from phonodos.prediction.uncertainty import Calibration
from phonodos.studies.alloy import AlloyStudy, alloy, alloy_between
from phonodos.studies.alloy_notes import _disagreements, _doubts


@pytest.fixture
def potassium(rock_salt: Crystal) -> Crystal:
    """KCl on the lattice of rock salt."""
    return Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["K", "Cl"], name="KCl")


@pytest.fixture
def study(quick: Predictor, rock_salt: Crystal, potassium: Crystal) -> AlloyStudy:
    return phonodos.alloy(rock_salt, potassium, [0.0, 0.5, 1.0], model=quick)


def test_ends_are_the_pure_crystals(
    quick: Predictor, rock_salt: Crystal, potassium: Crystal, study: AlloyStudy
) -> None:
    first, half, second = study.points
    for point, crystal in ((first, rock_salt), (second, potassium)):
        alone = next(quick.predict_many([crystal]))
        assert np.array_equal(point.prediction.dos.densities, alone.dos.densities)
        heat = alone.thermal_properties([300.0]).per("atom", crystal)
        assert point.heat_capacity == float(heat.heat_capacity[0])
        assert point.free_energy == float(heat.free_energy[0]) / 1000
        kilograms = float(crystal.masses.sum()) / crystal.n_atoms / 1000  # of a mole of atoms
        assert point.heat_capacity_per_kg * kilograms == pytest.approx(point.heat_capacity)
    assert half.formula == "K0.5Na0.5Cl"
    assert half.mean_frequency not in (first.mean_frequency, second.mean_frequency)


def test_both_methods_agree_at_the_ends(
    lattice: Predictor, rock_salt: Crystal, potassium: Crystal
) -> None:
    study = alloy(rock_salt, potassium, (0.0, 0.5, 1.0), model=lattice)
    assert study.methods == ("embedding", "vca")
    one, other = (study.of(method) for method in study.methods)
    assert one[0].mean_frequency == other[0].mean_frequency
    assert one[2].mean_frequency == other[2].mean_frequency
    assert one[1].mean_frequency != other[1].mean_frequency
    single = alloy(rock_salt, potassium, [0.5], method="vca", model=lattice)
    assert single.methods == ("vca",)


def test_the_tables(study: AlloyStudy) -> None:
    record = json.loads(json.dumps(study.to_dict("THz")))
    assert [row["x"] for row in record["results"]] == [0.0, 0.5, 1.0]
    assert record["reference"] == {}
    for row in record["results"]:
        assert {*row["intervals"], *row["absent_intervals"]} == {"mean_frequency", "heat_capacity"}
    names, rows = study.table("THz")
    assert names[3] == "mean_frequency [THz]"
    assert [row[3] for row in rows] == [row["mean_frequency [THz]"] for row in record["results"]]
    head, lines = study.spectra_table()
    spectra = np.array(lines)
    assert head[1] == "embedding x=0 [states/cm-1 per cell]"
    for column in spectra.T[1:]:
        assert np.trapezoid(column, spectra[:, 0]) == pytest.approx(6.0, rel=1e-3)


def test_intervals_are_those_of_predictions(rock_salt: Crystal, potassium: Crystal) -> None:
    """As `predict` states them at every composition; where none holds, it is said why."""
    model = load("lattice")
    study = alloy(rock_salt, potassium, [0.0, 0.5], model=model)
    point, shared = study.of("embedding")
    alone = next(model.predict_many([point.prediction.crystal]))
    assert set(alone.intervals) == {"mean_frequency", "heat_capacity"}
    stated = point.intervals("THz")
    for name, factor in (("mean_frequency", 0.0299792458), ("heat_capacity", 1.0)):
        width = alone.intervals[name].half_width * factor
        assert stated[name]["half_width"] == pytest.approx(width)
    assert point.absent_intervals() == {}
    pure, mixed = study.of("vca")
    assert pure.intervals() == point.intervals()
    for one, what in ((shared, "shared sites"), (mixed, "averaged force constants")):
        assert one.intervals() == {}
        reason = f"n/a: {what}"
        assert one.absent_intervals() == {"mean_frequency": reason, "heat_capacity": reason}
        assert f"x = 0.5 ({one.method}): no interval is stated: {what}" in study.notes
    names, rows = study.table()
    table = [dict(zip(names, row, strict=True)) for row in rows]
    assert sorted(r["no_interval"] for r in table) == [
        "", "", "averaged force constants", "shared sites"
    ]  # fmt: skip
    for r in table:
        assert (r["c_v_half_width [J/(K mol of atoms)]"] is None) == bool(r["no_interval"])


def test_an_interval_at_another_temperature_is_not_stated(
    rock_salt: Crystal, potassium: Crystal
) -> None:
    model = load("lattice")
    study = alloy(rock_salt, potassium, [0.0], method="embedding", temperature=500.0, model=model)
    (point,) = study.points
    assert set(point.intervals()) == {"mean_frequency"}
    assert point.absent_intervals() == {"heat_capacity": "n/a: calibrated at 300 K"}
    assert any(text.startswith("no interval of C_V is stated at 500 K") for text in study.notes)


def test_a_spectrum_beside_it(quick: Predictor, rock_salt: Crystal, potassium: Crystal) -> None:
    own = curve_of(next(quick.predict_many([rock_salt])).dos)
    far = replace(own, frequencies=own.frequencies + 30.0)
    for curve, apart in ((own, 0.0), (far, 30.0)):
        study = alloy(rock_salt, potassium, [1.0], reference=curve, at=0.0, model=quick)
        assert study.beside is not None
        assert study.beside.distances["embedding"] == pytest.approx(apart, abs=1.5)
        assert study.to_dict()["reference"] == study.beside.distances


def test_assumptions_and_extrapolation(
    lattice: Predictor, rock_salt: Crystal, potassium: Crystal
) -> None:
    notes = alloy(rock_salt, potassium, [0.0], method="embedding", model=lattice).notes
    assert notes[0].startswith("embedding: a mixed site")
    assert notes[1].startswith("it assumes no disorder")
    assert notes[2].endswith("without configurational entropy")
    assert [n for n in notes if "extrapolation" in n] == [
        "KCl (x = 1) was not in the training data of small: towards it the sweep is an "
        "extrapolation"
    ]
    both = alloy(rock_salt, potassium, [0.0], model=lattice).notes
    assert any(n.startswith("both assume no disorder") for n in both)


def test_doubts_have_a_place(study: AlloyStudy) -> None:
    def points(method: str, *warnings: tuple[str, ...]):
        return [
            replace(p, method=method, prediction=replace(p.prediction, warnings=texts))
            for p, texts in zip(study.points, warnings, strict=False)
        ]

    one = points("embedding", ("old",), ("old", "soft"))
    assert list(_doubts(one, 1)) == ["old", "x = 0.5: soft"]
    assert list(_doubts([*one, *points("vca", (), ("soft",))], 2)) == [
        "x = 0 (embedding), x = 0.5 (embedding): old",
        "x = 0.5 (embedding), x = 0.5 (vca): soft",
    ]


def test_substitution(quick: Predictor, rock_salt: Crystal, potassium: Crystal) -> None:
    by_rule = alloy(rock_salt, x=[0.5], substitute=["Na=Na{1-x}K{x}"], model=quick)
    scale = by_rule.alloy.second.cell[0, 1] / rock_salt.cell[0, 1]
    assert 1.05 < scale < 1.2
    other = replace(potassium, cell=scale * potassium.cell)
    by_ends = alloy(alloy_of(rock_salt, other), x=[0.5], model=quick)
    assert by_rule.points[0].mean_frequency == by_ends.points[0].mean_frequency


def test_the_lattice_of_the_other_end(
    quick: Predictor, rock_salt: Crystal, potassium: Crystal
) -> None:
    wide = replace(potassium, cell=1.1 * potassium.cell)
    words = {"substitute": ["Na=Na{1-x}K{x}"], "model": quick}
    study = alloy(rock_salt, x=[1.0], cell_end=wide, **words)
    np.testing.assert_allclose(study.points[0].prediction.crystal.cell, wide.cell)
    record = study.to_dict()
    assert record["lattice_of"] == "cell end"
    assert record["notes"][0].startswith("lattice of x = 1: that of KCl")
    assert any("the parent's to the other end's" in text for text in record["notes"])
    assert not any("positions follow Vegard" in text for text in record["notes"])
    with pytest.raises(ConfigError, match="--cell-end without a substitution"):
        alloy(rock_salt, potassium, cell_end=wide, model=quick)


def test_several_spectra_beside_it(
    quick: Predictor, rock_salt: Crystal, potassium: Crystal
) -> None:
    own = [curve_of(p.dos) for p in quick.predict_many([rock_salt, potassium])]
    study = alloy(rock_salt, potassium, [0.5], reference=own, at=[0.0, 1.0], model=quick)
    assert [r.x for r in study.references] == [0.0, 1.0]
    assert study.beside is study.references[0]
    for found in study.to_dict()["references"]:
        assert found["distances [cm-1]"]["embedding"] == pytest.approx(0.0, abs=1.5)
    same = alloy(rock_salt, potassium, [0.5], reference=own, at=1.0, model=quick)
    assert [r.x for r in same.references] == [1.0, 1.0]
    with pytest.raises(ConfigError, match="2 references and 3 compositions"):
        alloy(rock_salt, potassium, [0.5], reference=own, at=[0.0, 1.0, 0.5], model=quick)


def test_methods_that_differ_say_so(study: AlloyStudy) -> None:
    def point(method: str, x: float, shift: float):
        dos = study.points[0].prediction.dos
        moved = replace(dos, frequencies=dos.frequencies + shift)
        calibrations = {"mean_frequency": Calibration(1.0, 8.0, 100)}
        p = replace(study.points[0].prediction, dos=moved, calibrations=calibrations)
        return replace(study.points[0], method=method, x=x, prediction=p)

    pairs = [point("embedding", 0.5, 0), point("embedding", 0.7, 0), point("vca", 0.5, 20.0),
             point("vca", 0.7, 5.0)]  # fmt: skip
    (said,) = _disagreements(pairs)
    assert said.startswith("x = 0.5: the methods differ by 20 cm^-1 in mean frequency")
    assert "+-8" in said
    assert not list(_disagreements(study.points))


def test_metals_and_isotopes(lattice: Predictor, rock_salt: Crystal, potassium: Crystal) -> None:
    study = alloy(rock_salt, potassium, [0.0, 0.5], isotopes=["Cl=Cl37"], model=lattice)
    assert study.notes[0] == "isotopes: Cl = 36.965903 amu"
    assert not any("isotopes" in text for p in study.points for text in p.prediction.warnings)
    assert not any(text.startswith("NaCl") for text in study.notes)  # trained on, of other mass
    with pytest.raises(ConfigError, match="that keeps the charges"):
        alloy(rock_salt, potassium, [0.0], metal=True, model=lattice)


def test_what_is_refused(quick: Predictor, rock_salt: Crystal, potassium: Crystal) -> None:
    whole = alloy_of(rock_salt, potassium)
    cases = ((rock_salt, None, []), (rock_salt, potassium, ["Na=K"]), (whole, None, ["Na=K"]))
    for first, second, rules in cases:
        with pytest.raises(ConfigError, match="two end members or a substitution"):
            alloy_between(first, second, rules)
    unread = {"model": "no such weights, which are not looked for"}
    with pytest.raises(ConfigError, match=r"composition 1.5 lies outside"):
        alloy(rock_salt, potassium, [0.0, 1.5], **unread)
    own = curve_of(next(quick.predict_many([rock_salt])).dos)
    with pytest.raises(ConfigError, match="composition 2 lies outside"):
        alloy(rock_salt, potassium, [0.0], reference=own, at=2.0, **unread)
    with pytest.raises(ConfigError, match="without a composition"):
        alloy(rock_salt, potassium, [], **unread)
    for method, what in (("cpa", "is not known"), ("vca", "cannot do 'vca'")):
        with pytest.raises(ConfigError, match=what):
            alloy(rock_salt, potassium, [0.5], method=method, model=quick)
