"""A crystal under strain: what holds at zero, the sign of gamma, what is refused."""

import json

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import strained
from phonodos.prediction.predictor import Predictor
from phonodos.studies.strain import COLUMNS, TOLERATED, strain


def test_expansion_softens_rock_salt(quick: Predictor, rock_salt: Crystal) -> None:
    study = phonodos.strain(rock_salt, (-0.02, 0.0, 0.02), model=quick)
    means = [point.mean_frequency for point in study.points]
    assert means == sorted(means, reverse=True)
    assert study.gruneisen.mode_average > 0.0
    assert study.gruneisen.mean_frequency > 0.0
    assert [p.crystal.volume for p in study.predictions] == [p.volume for p in study.points]


def test_no_strain_is_the_crystal_itself(quick: Predictor, rock_salt: Crystal) -> None:
    study = strain(rock_salt, (0.0, 0.001), model=quick)
    alone = quick.predict(rock_salt).dos
    assert study.points[0].volume == rock_salt.volume
    assert study.points[0].mean_frequency == pytest.approx(alone.mean_frequency, rel=1e-6)
    assert np.isfinite(study.gruneisen.mode_average)
    other = quick.predict(strained(rock_salt, 0.001)).dos
    slope = np.log(other.mean_frequency / alone.mean_frequency) / (3 * np.log(1.001))
    assert study.gruneisen.mean_frequency == pytest.approx(-slope, rel=1e-3)


def test_the_record(quick: Predictor, rock_salt: Crystal) -> None:
    study = strain(rock_salt, [-0.01, 0.01], model=quick)
    record = json.loads(json.dumps(study.to_dict()))
    assert record["formula"] == "NaCl"
    assert record["volume_A^3"] == [point.volume for point in study.points]
    assert record["gruneisen_mode_average"] == study.gruneisen.mode_average
    names, rows = study.table()
    assert names == COLUMNS
    assert [list(column) for column in zip(*rows, strict=True)] == [record[n] for n in names]


def test_imaginary_modes_are_no_doubt_of_every_volume(quick: Predictor, rock_salt: Crystal) -> None:
    unknown = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Na", "Po"], name="NaPo")
    study = strain(unknown, [-0.01, 0.01], model=quick)
    assert len([t for t in study.warnings if "Po" in t and "never seen" in t]) == 1


@pytest.mark.parametrize(("strains", "what"), [([0.01], "no slope"), ([-0.9, 0.0], "of -0.9")])
def test_strains_that_make_no_sense(rock_salt: Crystal, strains: list[float], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        strain(rock_salt, strains, model="no such weights, which are not looked for")


def test_a_structure_that_is_none() -> None:
    with pytest.raises(StructureError):
        strain("gone.cif")


def judged(error: float) -> dict[str, object]:
    return {"gamma_mae": error, "exams": [{"name": "made", "gamma": 1.0 + error, "gamma_dft": 1}]}


@pytest.mark.parametrize(
    ("header", "doubt"),
    [
        ({}, "never judged on strain"),
        ({"strain": judged(TOLERATED + 0.01)}, "gamma erred by 0.36 on average"),
        ({"strain": judged(TOLERATED - 0.01)}, None),
    ],
)
def test_what_weights_were_judged_on(
    quick: Predictor, rock_salt: Crystal, header: dict[str, object], doubt: str | None
) -> None:
    known = {k: v for k, v in quick.header.to_dict().items() if k != "strain"}
    model = Predictor(quick.networks, known | header)
    study = strain(rock_salt, [-0.01, 0.01], model=model)
    found = [t for t in study.warnings if "strain" in t]
    assert len(found) == (doubt is not None)
    assert doubt is None or doubt in found[0]
    record = study.to_dict()["judged_on_strain"]
    assert (record is None) == (not header)
    assert record is None or record["exams"][0]["name"] == "made"


def test_a_network_of_spectra_has_no_modes(quick: Predictor, rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError, match="has no single modes"):
        strain(rock_salt, [-0.01, 0.01], model=quick, by_mode=True)
