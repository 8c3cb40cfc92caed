"""`elastic`: springs whose constants are known, laws of the classes, spread, refusals."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import phonodos
from phonodos.errors import ConfigError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.units import ELEMENTARY_CHARGE
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.studies.elastic import MEDIAN_RATIOS, elastic

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]


@pytest.fixture
def wurtzite() -> Crystal:
    a, c, u = 3.2, 5.2, 0.38
    cell = np.array([[a, 0, 0], [-a / 2, a * math.sqrt(3) / 2, 0], [0, 0, c]])
    coords = [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, u], [2 / 3, 1 / 3, 0.5 + u]]
    return Crystal.ordered(cell, coords, ["Zn", "Zn", "O", "O"])


def test_what_is_said_of_slopes_is_what_was_measured() -> None:
    metrics = Path(__file__).parents[2] / "docs" / "metrics"
    for name, ratios in MEDIAN_RATIOS.items():
        sound = json.loads((metrics / name / "test.json").read_text(encoding="utf-8"))["sound"]
        assert sound["materials"] == 62
        assert ratios == tuple(round(sound["ratio"][branch], 2) for branch in "123")


def test_springs_of_a_rock_salt(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    """Every atom at a centre of symmetry: C_ijkl = sum k r_i r_j r_k r_l / (2 V), Cauchy's law."""
    lattice = sprung(rock_salt)
    found = elastic(predicted(lattice)).stiffness
    _, r, _ = lattice.force_constants()
    length = np.linalg.norm(r, axis=1)
    k = 5.0 * np.exp(-(length - 2.0) / 0.6) / length**2
    pascal = ELEMENTARY_CHARGE * 1e30 / 1e9  # eV/A^3 in GPa; each pair of atoms stands once
    c11 = float((k * r[:, 0] ** 4).sum()) / rock_salt.volume * pascal
    c12 = float((k * r[:, 0] ** 2 * r[:, 1] ** 2).sum()) / rock_salt.volume * pascal
    assert found[0, 0] == pytest.approx(c11, rel=1e-4)
    assert found[0, 1] == pytest.approx(c12, rel=1e-4)
    assert found[3, 3] == pytest.approx(c12, rel=1e-4)


def test_the_class_decides_what_is_zero(
    wurtzite: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    found = elastic(predicted(sprung(wurtzite))).stiffness
    hexagonal = np.zeros((6, 6), dtype=bool)
    hexagonal[:3, :3] = True
    hexagonal[range(3, 6), range(3, 6)] = True
    np.testing.assert_array_equal(found != 0.0, hexagonal)
    assert found[5, 5] == pytest.approx((found[0, 0] - found[0, 1]) / 2.0)
    assert found[0, 2] == pytest.approx(found[1, 2])
    np.testing.assert_allclose(found, found.T)


def test_orientation_cell_and_charges(
    wurtzite: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    """A turned crystal in another cell has the same constants; charges stiffen its velocities."""
    born = np.array([1.0, 1.0, -1.0, -1.0])[:, None, None] * np.diag([2.0, 2.0, 2.2])
    plain = elastic(predicted(sprung(wurtzite, born, 4.0 * np.eye(3))))
    turn = Rotation.from_rotvec([0.4, 0.9, -0.3]).as_matrix()
    basis = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    moved = Crystal(
        basis @ wurtzite.cell @ turn.T,
        wurtzite.frac_coords @ np.linalg.inv(basis),
        wurtzite.occupancy,
    )
    other = elastic(predicted(sprung(moved, turn @ born @ turn.T, 4.0 * np.eye(3))))
    np.testing.assert_allclose(other.stiffness, plain.stiffness, atol=1e-3)
    np.testing.assert_allclose(other.velocities()[0], plain.velocities()[0], rtol=1e-4)
    assert other.debye_temperature == pytest.approx(plain.debye_temperature, rel=1e-4)
    along_c = plain.velocities(["c"])[0][0]
    field_free = math.sqrt(plain.stiffness[2, 2] * 1e9 / plain.elasticity.density)
    assert along_c[2] > 1.0001 * field_free


def test_the_velocities_are_those_of_the_bands(
    wurtzite: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    lattice = sprung(wurtzite)
    found = elastic(predicted(lattice)).velocities(["a"])[0][0]
    q = np.array([[1e-3, 0.5e-3, 0.0]])  # along a in reciprocal fractions of a hexagonal cell
    length = np.linalg.norm(q @ wurtzite.reciprocal_cell)
    slopes = lattice.frequencies(q)[0, :3] / length * 2.0 * math.pi * 2.99792458
    np.testing.assert_allclose(found, slopes, rtol=1e-4)


def test_spread_and_record(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    members = [sprung(rock_salt, stiffness=k) for k in (4.0, 5.0, 6.0)]
    study = elastic(predicted(members[1], *members))
    assert study.stiffness_spread is not None
    np.testing.assert_allclose(study.stiffness_spread, study.stiffness / 5.0, atol=1e-6)
    assert study.moduli_spread["bulk"] == pytest.approx(study.moduli["bulk"] / 5.0)
    assert study.moduli_spread["poisson"] == pytest.approx(0.0, abs=1e-9)
    record = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert record["point_group"] == "m-3m"
    assert record["crystal_system"] == "cubic"
    assert record["elastic_debye_temperature_spread_K"] > 0.0
    names, rows = study.table()
    assert names == ("quantity", "value", "spread", "unit")
    assert rows[0][0] == "C11"
    assert rows[0][1] == pytest.approx(study.stiffness[0, 0])
    alone = elastic(predicted(members[1]))
    assert alone.stiffness_spread is None
    assert alone.to_dict()["velocities_spread_m_per_s"] is None


def test_an_unstable_crystal_is_called_so(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    study = elastic(predicted(sprung(rock_salt, stiffness=-5.0)))
    assert not study.is_stable
    assert "elastically unstable" in study.warnings[0]
    assert study.to_dict()["moduli_GPa"]["bulk"] is None
    assert study.to_dict()["elastic_debye_temperature_K"] is None


def test_what_is_refused(sprung: Sprung, predicted: Predicted, rock_salt: Crystal) -> None:
    molecule = Crystal.ordered(12.0 * np.eye(3), [[0, 0, 0], [0.1, 0, 0]], ["C", "O"])
    with pytest.raises(StructureError, match="of a molecule in a box"):
        elastic(predicted(sprung(molecule)))
    layer = Crystal.ordered(np.diag([2.5, 2.5, 15.0]), [[0, 0, 0]], ["C"])
    with pytest.raises(StructureError, match="of a layer in a box"):
        elastic(predicted(sprung(layer)))
    with pytest.raises(ConfigError, match="chen2021 has no elastic constants"):
        phonodos.elastic(rock_salt, model="chen2021")
