"""Means over quasi-random structures: pure crystals untouched, states counted, doubts told."""

from pathlib import Path

import numpy as np
import pytest

from phonodos.errors import ConfigError, PredictionError, StructureError
from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.physics.alloy import Alloy, alloy_of
from phonodos.physics.crystal import Crystal
from phonodos.prediction.disorder import QuasirandomPredictor
from phonodos.prediction.mixtures import methods_of, predict_mixtures
from phonodos.prediction.prediction import PhonodosWarning
from phonodos.prediction.predictor import Predictor, load
from phonodos.prediction.quasirandom import Arrangements, quasirandom
from phonodos.prediction.record import absent_intervals
from phonodos.structures.reading import read_crystal

pytest.importorskip("sqsgenerator", reason="extra [sqs] absent")

SMALL = Arrangements(atoms=10, number=2)
HEADER = {"name": "small", "training_elements": {"Na": 20, "K": 20, "Cl": 20}}


@pytest.fixture(scope="module")
def released() -> Predictor:
    return load()


@pytest.fixture(scope="module")
def alloy() -> Alloy:
    folder = Path(__file__).parents[2] / "examples"
    return alloy_of(*(read_crystal(folder / f"{name}.cif") for name in ("Mg3Sb2", "Mg3Bi2")))


def test_pure_ends_are_pure_predictions(released: Predictor, alloy: Alloy) -> None:
    model = QuasirandomPredictor(released, SMALL)
    assert methods_of(model) == ("sqs",)
    first, half, second = predict_mixtures(model, alloy, [0.0, 0.5, 1.0], "sqs")
    for found, crystal in ((first, alloy.first), (second, alloy.second)):
        alone = next(released.predict_many([crystal]))
        assert np.array_equal(found.dos.frequencies, alone.dos.frequencies)
        assert np.array_equal(found.dos.densities, alone.dos.densities)
        assert found.warnings == alone.warnings
    assert half.dos.n_atoms == 5
    assert half.dos.integral == pytest.approx(15.0)
    assert half.warnings[0].startswith("sqs: mean of ")
    assert "of 10 atoms (Bi2Mg6Sb2)" in half.warnings[0]
    with pytest.raises(ConfigError, match="cannot do 'embedding'"):
        next(predict_mixtures(model, alloy, [0.5]))


def test_the_mean_of_the_structures(released: Predictor, alloy: Alloy) -> None:
    mixed = alloy.mixture(0.5)
    found = next(QuasirandomPredictor(released, SMALL).predict_many([mixed]))
    made = quasirandom(mixed, SMALL)
    axis = found.dos.frequencies
    each = [
        np.interp(axis, p.dos.frequencies, p.dos.densities / 2.0, left=0.0, right=0.0)
        for p in released.predict_many(made.crystals)
    ]
    assert np.allclose(found.dos.densities, np.mean(each, axis=0), atol=1e-4)
    assert found.crystal is mixed
    assert found.lattice is None
    assert not any("shared by elements" in text for text in found.warnings)


def test_members_of_a_network_of_lattice_dynamics(rock_salt: Crystal) -> None:
    config = LatticeConfig(
        embedding=8, hidden=("8x0e+4x1o+4x2e", "8x0e+4x1o+2x1e+4x2e"), radial_hidden=(16,),
        head=(8, 4, 4), head_hidden=(16,), head_mixed=4, charge_hidden=8,
    )  # fmt: skip
    networks = [LatticeNetwork.untrained(config, seed) for seed in range(2)]
    sites = ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0})
    mixed = Crystal(rock_salt.cell, rock_salt.frac_coords, sites)
    model = QuasirandomPredictor(Predictor(networks, HEADER), Arrangements(atoms=4, number=1))
    found = next(model.predict_many([mixed]))
    assert found.dos.integral == pytest.approx(6.0)
    assert len(found.members) == 2
    assert all(m.integral == pytest.approx(6.0) for m in found.members)
    mean = np.mean([m.mean_frequency for m in found.members])
    assert found.dos.mean_frequency == pytest.approx(mean, rel=0.2)
    assert found.intervals == {}
    assert absent_intervals(found) == {}  # these weights state none anywhere


def test_why_a_mean_of_cells_has_no_interval(rock_salt: Crystal) -> None:
    sites = ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0})
    model = QuasirandomPredictor(load("lattice", members=1), Arrangements(atoms=4, number=1))
    mixed, pure = model.predict_many(
        [Crystal(rock_salt.cell, rock_salt.frac_coords, sites), rock_salt]
    )
    assert mixed.intervals == {}
    assert absent_intervals(mixed)["heat_capacity"] == "n/a: averaged quasi-random cells"
    assert set(pure.intervals) == {"mean_frequency", "heat_capacity"}


def test_errors_keep_their_place(released: Predictor, examples: Path) -> None:
    solution = read_crystal(examples / "Cu0.7Au0.3.cif")
    model = QuasirandomPredictor(released, Arrangements(atoms=4))
    found = list(model.predict_many([solution, examples / "NaCl.cif"], errors="yield"))
    assert isinstance(found[0], StructureError)
    assert found[1].crystal.formula == "NaCl"
    with pytest.raises(StructureError, match="3 atoms cannot hold"):
        next(model.predict_many([solution]))


def test_one_at_a_time_warns(released: Predictor, alloy: Alloy) -> None:
    with pytest.warns(PhonodosWarning, match="special quasi-random"):
        QuasirandomPredictor(released, SMALL).predict(alloy.mixture(0.5))


def test_one_crystal_does_not_stop_the_others(
    released: Predictor, alloy: Alloy, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = QuasirandomPredictor(released, SMALL)

    def odd(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("phonodos.prediction.disorder.quasirandom", odd)
    crystals = [alloy.first, alloy.mixture(0.5), 7, alloy.second]
    first, mixed, number, second = model.predict_many(crystals, errors="yield", timeout=300.0)
    assert first.dos.integral == pytest.approx(15.0)
    assert second.dos.integral == pytest.approx(15.0)
    assert "nested too deeply" in mixed.reason
    assert isinstance(number, StructureError)
    with pytest.raises(PredictionError, match="failed"):
        list(model.predict_many(crystals))
