"""`neutron`: sums, limits, detailed balance, members, isotopes, refusals."""

import json
from collections.abc import Callable

import numpy as np
import pytest

import phonodos
from phonodos.errors import ConfigError, DataError, StructureError
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.physics.resolution import Resolution, instrument_resolution
from phonodos.physics.units import KELVIN_PER_WAVENUMBER, MEV_PER_WAVENUMBER
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.studies.neutron import neutron

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]


@pytest.fixture
def salt(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> Prediction:
    return predicted(sprung(rock_salt), *(sprung(rock_salt, stiffness=k) for k in (4.5, 5.5)))


def test_the_integral_is_3n_and_the_shares_are_the_weights(salt: Prediction) -> None:
    study = neutron(salt)
    assert np.trapezoid(study.values, study.frequencies) == pytest.approx(6.0, rel=1e-6)
    for resolution in (Resolution("x", 20.0), Resolution("x", relative=0.05)):
        seen = neutron(salt, resolution=resolution)
        assert np.trapezoid(seen.values, seen.frequencies) == pytest.approx(6.0, rel=1e-3)
    shares = np.array([s.share for s in study.scatterers])
    weights = np.array([s.weight for s in study.scatterers])
    np.testing.assert_allclose(shares, weights / weights.sum(), rtol=1e-6)
    assert [s.name for s in study.scatterers] == ["Na", "Cl"]


def test_alike_scatterers_show_the_density_of_states(sprung: Sprung, predicted: Predicted) -> None:
    """The incoherent limit: equal powers to scatter leave the plain spectrum."""
    crystal = Crystal.ordered(
        5.43 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2, [[0] * 3, [0.25] * 3], ["Si"] * 2
    )
    lattice = sprung(crystal)
    study = neutron(predicted(lattice))
    dos = lattice.dos(projected=True)
    far = study.frequencies > 10.0
    np.testing.assert_allclose(
        study.values[far], dos.on(study.frequencies[far]), atol=1e-9 * dos.densities.max()
    )


def test_detailed_balance_and_the_cold(salt: Prediction) -> None:
    study = neutron(salt, temperature=150.0)
    w, s = study.frequencies, study.values
    loss, gain = s[w > 0], s[w < 0][::-1]
    expected = np.exp(-KELVIN_PER_WAVENUMBER * w[w > 0] / 150.0)
    np.testing.assert_allclose(gain, loss * expected, rtol=1e-6, atol=1e-12 * s.max())
    cold = neutron(salt, temperature=0.0)
    assert cold.frequencies[0] == 0.0
    plain = neutron(salt)
    some = (plain.frequencies > 20) & (plain.values > 0.01 * plain.values.max())
    ratio = cold.values[some] * plain.frequencies[some] / plain.values[some]
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-9)


def test_debye_waller_factors_weaken_what_moves_most(salt: Prediction) -> None:
    free, bound = (neutron(salt, temperature=300.0, momentum=q) for q in (0.0, 6.0))
    u = phonodos.displacements(salt, [300.0]).u_iso[0]
    for k, name in enumerate(("Na", "Cl")):
        ratio = bound.parts[name].sum() / free.parts[name].sum()
        assert ratio == pytest.approx(np.exp(-36.0 * u[k]), rel=0.05)


def test_instruments(salt: Prediction) -> None:
    found = neutron(salt, temperature=300.0, resolution=instrument_resolution("MARI", 20.0, 5.0))
    assert found.frequencies[-1] <= 0.99 * 20.0 / MEV_PER_WAVENUMBER
    assert found.resolution.label == "MARI, Ei 20 meV"
    sharp = neutron(salt, temperature=300.0)
    assert found.values.max() < sharp.values.max()


def test_members_and_record(salt: Prediction) -> None:
    study = neutron(salt, temperature=300.0)
    assert study.spread is not None
    assert study.spread.shape == study.values.shape
    expected = np.std([np.sqrt(4.5), np.sqrt(5.5)], ddof=1) / np.sqrt(5.0)
    plain = neutron(salt)
    assert plain.mean_frequency_spread == pytest.approx(expected * plain.mean_frequency, rel=0.05)
    record = json.loads(json.dumps(study.to_dict("meV"), allow_nan=False))
    assert record["temperature_K"] == 300.0
    assert record["mean_frequency"] == pytest.approx(study.mean_frequency * MEV_PER_WAVENUMBER)
    names, rows = plain.table("meV")
    assert names == [
        "energy_transfer [meV]", "intensity [states/meV per cell]", "spread [states/meV per cell]",
        "Na [states/meV per cell]", "Cl [states/meV per cell]",
    ]  # fmt: skip
    assert np.trapezoid(rows[:, 1], rows[:, 0]) == pytest.approx(6.0, rel=1e-6)
    np.testing.assert_allclose(rows[:, 3] + rows[:, 4], rows[:, 1])


def test_isotopes(projecting: Predictor, rock_salt: Crystal) -> None:
    light, heavy = (
        phonodos.neutron(rock_salt, model=projecting, isotopes=words)
        for words in ((), ("Cl=Cl37",))
    )
    chlorine = {s.name[:2]: s for s in heavy.scatterers}["Cl"]
    assert chlorine.cross_section == pytest.approx(1.19, rel=0.02)  # of 37Cl; natural: 16.8
    assert chlorine.share < {s.name: s for s in light.scatterers}["Cl"].share / 3


def test_a_cell_of_several_primitive_ones(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted, salt: Prediction
) -> None:
    double = Crystal.ordered(
        np.diag([2.0, 1.0, 1.0]) @ rock_salt.cell,
        [[0, 0, 0], [0.25, 0.5, 0.5], [0.5, 0, 0], [0.75, 0.5, 0.5]], ["Na", "Cl"] * 2,
    )  # fmt: skip
    found = neutron(predicted(sprung(rock_salt), crystal=double))
    np.testing.assert_allclose(found.values, 2.0 * neutron(salt).values, rtol=1e-9, atol=1e-12)


def test_what_is_refused(
    quick: Predictor, projecting: Predictor, rock_salt: Crystal, salt: Prediction
) -> None:
    with pytest.raises(DataError, match="not projected on the atoms"):
        neutron(next(quick.predict_many([rock_salt])))
    for words, message in (
        ({"temperature": -1.0}, "a temperature of -1 K"),
        ({"temperature": float("nan")}, "a temperature of nan K"),
        ({"momentum": 3.0}, "without a temperature"),
        ({"temperature": 10.0, "momentum": -3.0}, "momentum transfer of -3"),
        ({"metal": True}, "--metal with a prediction"),
    ):
        with pytest.raises(ConfigError, match=message):
            neutron(salt, **words)
    polonium = Crystal.ordered(rock_salt.cell, rock_salt.frac_coords, ["Na", "Po"])
    with pytest.raises(StructureError, match="no neutron scattering length is known for Po"):
        neutron(polonium, model=projecting)


def test_imaginary_states_are_told(rock_salt: Crystal) -> None:
    w = np.arange(-100.0, 200.0)
    rows = np.stack([np.exp(-(((w - c) / 10.0) ** 2)) for c in (-50.0, 100.0)])
    rows *= 3.0 / np.trapezoid(rows, w, axis=1)[:, None]
    soft = Prediction(rock_salt, PhononDos(w, rows.sum(axis=0), 2, rows), None, "x", ())
    study = neutron(soft)
    assert study.left_out == pytest.approx(0.5, abs=0.01)
    assert "imaginary and left out" in study.warnings[-1]
    assert study.scatterers[0].share == pytest.approx(0.0, abs=1e-6)


def test_a_molecule_in_a_box_is_refused(sprung: Sprung, predicted: Predicted) -> None:
    molecule = Crystal.ordered(12.0 * np.eye(3), [[0, 0, 0], [0.1, 0, 0]], ["C", "O"])
    with pytest.raises(StructureError, match="no neutron spectrum of a molecule in a box"):
        neutron(predicted(sprung(molecule)))
