"""Bands: at Gamma they are the frequencies of the crystal; networks without lattice dynamics."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.path import GAMMA, BandPath, path_of_lines
from phonodos.physics.units import THZ_PER_WAVENUMBER, WAVENUMBER_PER_SQRT_SPRING
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.predictor import Predictor
from phonodos.studies.bands import BandStudy, bands

LatticeOf = Callable[[Crystal], LatticeDynamics]


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


def test_the_spread_is_that_of_the_members(lattice: Predictor, rock_salt: Crystal) -> None:
    study = bands(rock_salt, model=lattice)
    assert study.spread is None
    one, two = study.lattice, study.lattice.with_masses(1.21 * study.lattice.masses)
    found = replace(study, members=(one, two)).spread
    assert found is not None
    each = [x.bands(study.structure.path).frequencies for x in (one, two)]
    for wide, a, b in zip(found, *each, strict=True):
        np.testing.assert_allclose(wide, np.abs(a - b) / np.sqrt(2.0), atol=1e-9)
    assert max(float(wide.max()) for wide in found) > 1.0


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


@pytest.fixture
def line(low_symmetry: Crystal) -> BandPath:
    ends = np.array([0.13, -0.21, 0.32]), np.array([0.41, 0.17, -0.26])
    return path_of_lines(low_symmetry, [("A", "B", *ends)], 1.0)


def test_eigenvectors_are_those_of_the_dynamical_matrix(
    lattice_of: LatticeOf, low_symmetry: Crystal, line: BandPath
) -> None:
    """Orthonormal, D(q) = e w^2 e^+, the largest component of every mode real and positive."""
    lattice = lattice_of(low_symmetry)
    study = BandStudy(lattice.bands(line), lattice)
    (e,), (w,) = study.eigenvectors, study.structure.frequencies
    squares = np.sign(w) * (w / WAVENUMBER_PER_SQRT_SPRING) ** 2
    again = np.einsum("mik,mk,mjk->mij", e, squares, e.conj())
    wanted = lattice.dynamical_matrices(line.segments[0].qpoints)
    np.testing.assert_allclose(again, wanted, atol=1e-8 * np.abs(wanted).max())
    unit = np.swapaxes(e, 1, 2).conj() @ e
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(12), unit.shape), atol=1e-12)
    largest = np.take_along_axis(e, np.abs(e).argmax(axis=1)[:, None], axis=1)
    np.testing.assert_allclose(largest.imag, 0.0, atol=1e-12)
    assert (largest.real > 0.0).all()


def test_eigenvectors_are_phonopys_up_to_a_phase(
    sprung: Callable[..., LatticeDynamics], low_symmetry: Crystal, line: BandPath
) -> None:
    lattice = sprung(low_symmetry)
    study = BandStudy(lattice.bands(line), lattice)
    phonon = lattice.to_phonopy()
    phonon.run_qpoints(line.segments[0].qpoints, with_eigenvectors=True)
    theirs = phonon.qpoints.eigenvectors
    overlap = np.abs(np.einsum("mik,mik->mk", theirs.conj(), study.eigenvectors[0]))
    np.testing.assert_allclose(overlap, 1.0, atol=1e-4)
    # The phases within a mode are phonopy's too: one factor turns all components.
    turn = np.einsum("mik,mik->mk", study.eigenvectors[0].conj(), theirs)
    np.testing.assert_allclose(study.eigenvectors[0] * turn[:, None], theirs, atol=1e-2)


def test_the_record_with_eigenvectors(lattice: Predictor, rock_salt: Crystal) -> None:
    study = bands(rock_salt, model=lattice)
    assert "eigenvectors" not in study.to_dict()["bands"]["segments"][0]
    record = json.loads(json.dumps(study.to_dict(eigenvectors=True)))["bands"]
    assert "norm 1" in record["eigenvector_convention"]
    parts = np.array(record["segments"][0]["eigenvectors"])
    m = len(study.structure.frequencies[0])
    assert parts.shape == (m, 6, 2, 3, 2)
    e = (parts[..., 0] + 1j * parts[..., 1]).reshape(m, 6, 6)
    np.testing.assert_allclose(np.swapaxes(e, 1, 2), study.eigenvectors[0], atol=1e-8)
