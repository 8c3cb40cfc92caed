"""Bands: at Gamma they are the frequencies of the crystal; networks without lattice dynamics."""

import json

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.path import GAMMA, path_of_lines
from phonodos.physics.units import THZ_PER_WAVENUMBER
from phonodos.prediction.predictor import Predictor
from phonodos.studies.bands import bands


def test_bands_at_gamma_are_the_frequencies_of_the_crystal(
    lattice: Predictor, rock_salt: Crystal
) -> None:
    """Up to the polar modes: three acoustic ones at zero, the lowest optical ones as at q = 0."""
    study = phonodos.bands(rock_salt, model=lattice)
    segment, found = next(iter(study.structure))
    assert segment.labels[0] == GAMMA
    at_gamma = next(lattice.predict_many([rock_salt])).lattice.frequencies(np.zeros((1, 3)))[0]
    order = np.argsort(np.abs(at_gamma))
    assert np.abs(np.sort(np.abs(found[0]))[:3]).max() < 0.5
    assert np.abs(at_gamma[order[:3]]).max() < 0.5
    # A path that leaves Gamma along a polar direction keeps the transverse pair.
    transverse = sorted(at_gamma[order[3:]])[:2]
    assert all(np.abs(found[0] - w).min() < 0.5 for w in transverse)


def test_the_ends_of_the_bands(lattice: Predictor, rock_salt: Crystal) -> None:
    prediction = next(lattice.predict_many([rock_salt]))
    study = bands(prediction)
    assert study.warnings == prediction.warnings
    assert study.path.startswith("Gamma-X-U | K-Gamma")
    everything = np.concatenate(study.structure.frequencies)
    assert study.min_frequency == everything.min()
    assert study.max_frequency == everything.max()
    assert study.dos().integral == pytest.approx(6.0, rel=1e-3)
    assert study.dos().max_frequency == pytest.approx(study.max_frequency, abs=15.0)


def test_the_record(lattice: Predictor, rock_salt: Crystal) -> None:
    study = bands(rock_salt, model=lattice)
    record = json.loads(json.dumps(study.to_dict("THz")))
    assert record["formula"] == "NaCl"
    assert record["n_atoms_primitive"] == 2
    highest = study.max_frequency * THZ_PER_WAVENUMBER
    assert record["max_frequency"] == {"value": pytest.approx(highest), "unit": "THz"}
    assert np.max(record["bands"]["segments"][0]["frequencies"]) <= highest + 1e-9


def test_a_path_of_ones_own(lattice: Predictor, rock_salt: Crystal) -> None:
    line = path_of_lines(rock_salt, [("A", "B", np.full(3, 0.1), np.full(3, 0.4))])
    study = bands(rock_salt, line, model=lattice)
    qpoints = line.segments[0].qpoints
    found = study.structure.frequencies[0]
    assert np.allclose(found, study.lattice.frequencies(qpoints), atol=1e-6)


def test_a_spectrum_network_has_no_bands(quick: Predictor, rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError, match="chen2021 has no bands"):
        bands(rock_salt, model=quick)
