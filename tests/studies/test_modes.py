"""`modes`: irreps, laws of light, orientation, spread, refusals."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import phonodos
from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.infrared import GammaModes
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.studies.modes import matched, modes

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]
BORN = 1.2 * np.array([1.0, -1.0])[:, None, None] * np.eye(3)
EPS = 3.0 * np.eye(3)


def charges(*values: float) -> np.ndarray:
    return np.array(values)[:, None, None] * np.eye(3)


def test_a_rock_salt(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    """The law of Lyddane, Sachs and Teller; LO as the bands have it; acoustic modes are neutral."""
    lattice = sprung(rock_salt, BORN, EPS)
    study = modes(predicted(lattice))
    (optic,) = study.sets
    assert (optic.irrep, optic.activity, optic.degeneracy) == ("T1u", "IR", 3)
    assert study.acoustic == "T1u"
    (lo,) = study.longitudinal["a"]
    assert study.static[0, 0] / 3.0 == pytest.approx((lo / optic.frequency) ** 2)
    near = lattice.frequencies(np.array([[0.0, 2e-4, 2e-4]]))[0]
    assert near[-1] == pytest.approx(lo, rel=1e-4)
    assert near[-2] == pytest.approx(optic.frequency, rel=1e-4)
    np.testing.assert_allclose(study.permittivity[0], study.static[0, 0], rtol=1e-9)


def test_a_perovskite(perovskite: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    """3 T1u + T2u; the product of LO/TO squared is eps_0 over eps_inf; strengths sum to charges."""
    born = charges(2.0, 4.0, -2.0, -2.0, -2.0)
    study = modes(predicted(sprung(perovskite, born, 5.0 * np.eye(3), 15.0)))
    assert sorted(s.irrep for s in study.sets) == ["T1u"] * 3 + ["T2u"]
    assert {s.irrep: s.activity for s in study.sets} == {"T1u": "IR", "T2u": "silent"}
    to = [s.frequency for s in study.sets if s.irrep == "T1u"]
    ratio = np.prod(np.array(study.longitudinal["b"]) / to) ** 2
    assert ratio == pytest.approx(study.static[1, 1] / 5.0)
    added = sum(s.static_part for s in study.sets)
    assert study.static[0, 0] - 5.0 == pytest.approx(added)
    p = study.modes.dipoles
    total = sum(z @ z / m for z, m in zip(born, study.modes.masses, strict=True))
    np.testing.assert_allclose(p.T @ p, total, atol=1e-9)


def test_orientation_changes_nothing(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    turn = Rotation.from_rotvec([0.3, 0.5, -1.0]).as_matrix()
    moved = Crystal(rock_salt.cell @ turn.T, rock_salt.frac_coords, rock_salt.occupancy)
    one, other = (modes(predicted(sprung(c, BORN, EPS))) for c in (rock_salt, moved))
    np.testing.assert_allclose(other.static, one.static, rtol=1e-6, atol=1e-6)
    assert other.sets[0].frequency == pytest.approx(one.sets[0].frequency, rel=1e-6)
    assert other.sets[0].intensity == pytest.approx(one.sets[0].intensity, rel=1e-6)


def test_spread_and_record(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    members = [sprung(rock_salt, BORN, EPS, k) for k in (4.0, 5.0, 6.0)]
    study = modes(predicted(members[1], *members))
    assert study.sets[0].spread is not None
    assert study.sets[0].spread > 1.0
    assert study.sets[0].intensity_spread == pytest.approx(0.0, abs=1e-9)
    assert study.static_spread is not None
    record = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert record["modes"][0]["irrep"] == "T1u"
    assert record["eps_0"][0][0] == pytest.approx(study.static[0, 0])


def test_modes_that_cross_are_compared_with_those_alike() -> None:
    """A single and a double optic mode change their order; the vectors of the pair are turned."""
    masses, dipoles = np.array([20.0, 30.0]), np.zeros((6, 3))
    rng = np.random.default_rng(3)
    vectors = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    single, pair = vectors[:, 3:4], vectors[:, 4:]
    one = GammaModes(
        np.array([0.0, 0, 0, 100, 120, 120]), vectors, dipoles, masses, 50.0, np.eye(3)
    )
    crossed = np.hstack([vectors[:, :3], pair @ turn, single])
    two = GammaModes(
        np.array([0.0, 0, 0, 104, 104, 110]), crossed, dipoles, masses, 50.0, np.eye(3)
    )
    found = matched(one, two)
    assert found[3] == 5
    assert sorted(found[4:]) == [3, 4]
    assert sorted(found[:3]) == [0, 1, 2]
    assert sorted(matched(one, one)[:3]) == [0, 1, 2]
    assert matched(one, one)[3] == 3


def test_a_soft_mode_is_told(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    study = modes(predicted(sprung(rock_salt, 5.0 * BORN, EPS, 0.5)))
    assert study.sets[0].frequency < 0.0
    assert "no eps_0" in study.warnings[-1]
    assert study.to_dict()["eps_0"][0][0] is None


def test_what_is_refused(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    molecule = Crystal.ordered(12.0 * np.eye(3), [[0, 0, 0], [0.1, 0, 0]], ["C", "O"])
    with pytest.raises(StructureError, match="of a molecule in a box"):
        modes(predicted(sprung(molecule)))
    with pytest.raises(PredictionError, match="likely a metal") as caught:
        modes(predicted(sprung(rock_salt), outside=("a metal",)))
    assert "--metal" in caught.value.fix
    with pytest.raises(ConfigError, match="a damping of 0"):
        modes(predicted(sprung(rock_salt)), 0.0)
    with pytest.raises(ConfigError, match="chen2021 has no modes at Gamma"):
        phonodos.modes(rock_salt, model="chen2021")


def test_a_crystal_without_symmetry(lattice: Predictor, low_symmetry: Crystal) -> None:
    study = modes(low_symmetry, model=lattice)
    assert {s.irrep for s in study.sets} == {"A"}
    assert study.acoustic == "3A"
    assert all(s.infrared and s.raman for s in study.sets)
