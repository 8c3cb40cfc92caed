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
from phonodos.prediction.predictor import Predictor
from phonodos.studies.alloy import AlloyStudy, _doubts, alloy, alloy_between


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
    assert first.mean_frequency > half.mean_frequency  # heavier atoms on the same lattice


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
    names, rows = study.table("THz")
    assert names[3] == "mean_frequency [THz]"
    assert [row[3] for row in rows] == [row["mean_frequency [THz]"] for row in record["results"]]
    head, lines = study.spectra_table()
    spectra = np.array(lines)
    assert head[1] == "embedding x=0 [states/cm-1 per cell]"
    for column in spectra.T[1:]:
        assert np.trapezoid(column, spectra[:, 0]) == pytest.approx(6.0, rel=1e-3)


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
    by_ends = alloy(alloy_of(rock_salt, potassium), x=[0.5], model=quick)
    assert by_rule.points[0].mean_frequency == by_ends.points[0].mean_frequency


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
