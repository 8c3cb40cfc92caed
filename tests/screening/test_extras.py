"""Extras: the numbers of the studies, null where there are none, failures said and no row lost."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.screening import extras
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.checks import verify
from phonodos.screening.extras import extra_columns, extra_row
from phonodos.screening.ray_engine import RayWorker, chunk_text, read_answer
from phonodos.screening.rows import columns, predicted_row
from phonodos.screening.screen import screen
from phonodos.screening.source import Chunk, Item
from phonodos.studies.displacements import displacements
from phonodos.studies.elastic import elastic
from phonodos.studies.modes import modes
from phonodos.studies.readings import READINGS
from phonodos.time_limit import TimeLimitExceeded

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]
BORN = np.array([1.5, -1.5])[:, None, None] * np.eye(3)


@pytest.fixture
def salt(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> Prediction:
    """Rock salt of three members, whose springs differ by a fifth."""
    members = [sprung(rock_salt, BORN, 2.5 * np.eye(3), k) for k in (4.0, 5.0, 6.0)]
    return predicted(members[1], *members)


def test_numbers_are_those_of_the_studies(salt: Prediction) -> None:
    row, words = extra_row(salt, READINGS)
    assert words == []
    assert set(row) == set(extra_columns(READINGS))
    light, stiff, motion = modes(salt), elastic(salt), displacements(salt, [300.0])
    assert (row["eps_inf"], row["eps_inf_std"]) == (pytest.approx(2.5), pytest.approx(0.0))
    assert row["eps_0"] == pytest.approx(light.static[0, 0])
    assert light.static_spread is not None
    assert row["eps_0_std"] == pytest.approx(light.static_spread[0, 0])
    assert row["eps_ionic"] == pytest.approx(row["eps_0"] - 2.5)
    assert row["eps_ionic_std"] == pytest.approx(row["eps_0_std"])
    assert row["lowest_infrared"] == pytest.approx(light.sets[0].frequency)
    assert row["bulk_modulus"] == pytest.approx(stiff.moduli["bulk"])
    assert row["bulk_modulus_std"] == pytest.approx(stiff.moduli_spread["bulk"])
    assert row["shear_modulus"] == pytest.approx(stiff.moduli["shear"])
    assert row["elastic_debye_temperature"] == pytest.approx(stiff.debye_temperature)
    assert row["sound_velocity"] == pytest.approx(stiff.mean_velocity)
    slow, fast = np.sort(stiff.velocities()[0].ravel())[[0, -1]]
    assert slow < row["sound_velocity"] < fast
    assert row["u_iso_300"] == pytest.approx(motion.u_iso[0].mean())
    assert row["u_iso_300_max"] == pytest.approx(motion.u_iso[0].max())
    assert row["u_iso_300_max"] > row["u_iso_300"] > 0.0
    assert row["u_iso_300_std"] > 0.0


def test_velocity_and_temperature_of_debye(salt: Prediction) -> None:
    """k theta = hbar v (6 pi^2 n / V)^(1/3)."""
    row, _ = extra_row(salt, ["elastic"])
    assert salt.lattice is not None
    wave = (6.0 * np.pi**2 * 2 / salt.lattice.crystal.volume) ** (1 / 3) * 1e10  # [1/m]
    theta = 1.054571817e-34 * row["sound_velocity"] * wave / 1.380649e-23
    assert row["elastic_debye_temperature"] == pytest.approx(theta, rel=1e-6)


def test_one_network_has_no_spread(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    row, _ = extra_row(predicted(sprung(rock_salt, BORN)), READINGS)
    assert all((row[name] is None) is name.endswith("_std") for name in row)


def test_an_unstable_crystal(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    """Soft modes at Gamma: no eps_0, no moduli, no displacements; what is known stays."""
    row, words = extra_row(predicted(sprung(rock_salt, BORN, stiffness=-5.0)), READINGS)
    known = {name for name, value in row.items() if value is not None}
    assert known == {"eps_inf", "lowest_infrared"}
    assert row["lowest_infrared"] < 0.0
    text = "; ".join(words)
    assert "there is no eps_0" in text
    assert "elastically unstable" in text
    assert "the true displacements are larger" in text


def test_metals_have_no_dielectric_constants(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted
) -> None:
    lattice = sprung(rock_salt)
    told = predicted(replace(lattice, metal=True))
    row, words = extra_row(told, ["modes"])
    assert words == []
    assert row["lowest_infrared"] is not None
    assert "eps_inf" not in row
    likely = predicted(lattice, outside=("a metal",))
    row, words = extra_row(likely, READINGS)
    assert "lowest_infrared" not in row
    assert row["bulk_modulus"] > 0.0
    (text,) = words
    assert text.startswith("modes left out: free electrons screen the charges")


def test_spectra_have_none_of_it(rock_salt: Crystal, sprung: Sprung, predicted: Predicted) -> None:
    p = replace(predicted(sprung(rock_salt)), lattice=None)
    row, words = extra_row(p, READINGS)
    assert row == {}
    assert [text.partition(":")[0] for text in words] == [f"{n} left out" for n in READINGS]
    assert all("predicts the density of states only" in text for text in words)


def test_a_failure_loses_no_row(salt: Prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Prediction) -> Any:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setitem(extras._NUMBERS, "elastic", fails)
    item = Item("x", 0, "f.cif", "0", salt.crystal)
    row = predicted_row(item, replace(salt, warnings=("one",)), (300.0,), READINGS)
    assert row["status"] == "ok"
    assert row["trust"] == "one; elastic left out: LinAlgError: Singular matrix"
    assert "bulk_modulus" not in row
    assert row["eps_0"] > row["eps_inf"]
    assert row["u_iso_300"] > 0.0
    assert set(row) <= set(columns((300.0,), extra=READINGS))


def test_the_time_of_a_crystal_is_no_failure_of_an_extra(
    salt: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_: Prediction) -> Any:
        raise TimeLimitExceeded("x: took longer than 1 s", "", "")

    monkeypatch.setitem(extras._NUMBERS, "modes", slow)
    with pytest.raises(TimeLimitExceeded):
        extra_row(salt, READINGS)


def test_what_is_the_same_in_every_row_is_not_said_in_each(salt: Prediction) -> None:
    named = replace(salt, model="lattice")
    assert elastic(named).warnings == [elastic(named).known_error]
    assert extra_row(named, ["elastic"])[1] == []


def test_columns_and_units() -> None:
    assert extra_columns(()) == {}
    found = extra_columns(READINGS)
    assert all(name.isidentifier() and unit.endswith("]") for name, (_, unit) in found.items())
    assert set(columns([300.0], extra=["modes"])) - set(columns([300.0])) == set(
        extra_columns(["modes"])
    )


def test_engines_give_the_same_columns(
    tmp_path: Path, lines: Callable[..., Path], rows: Callable[..., Any], lattice_weights: Path
) -> None:
    source = lines(tmp_path / "x.jsonl", 4)
    how: dict[str, Any] = {"model": lattice_weights, "extra": READINGS}
    for engine in ("serial", "pool"):
        screen(source, tmp_path / f"{engine}.parquet", engine=engine, workers=1, **how)
    found = rows(tmp_path / "serial.parquet")
    assert found == rows(tmp_path / "pool.parquet")
    assert all(row["eps_inf"] > 0.0 for row in found)
    check = verify(tmp_path / "serial.parquet", 1.0, model=lattice_weights)
    assert (check.checked, check.differing) == (4, [])
    unit = pq.read_schema(tmp_path / "pool.parquet").field("sound_velocity").metadata[b"unit"]
    assert unit.endswith(b"[m/s]")


def test_what_an_actor_of_ray_answers(rock_salt: Crystal, lattice_weights: Path) -> None:
    recipe = Recipe.of(lattice_weights, None, (300.0,), extra=READINGS)
    chunk = Chunk((Item("x", 0, "f", "0", rock_salt),))
    (wanted,) = Calculator(recipe).stream(chunk)
    _, text = RayWorker().rows(recipe, chunk_text(chunk), None, 0)
    found = read_answer(text)
    assert isinstance(found, dict)
    for name in extra_columns(READINGS):
        assert found.get(name) == wanted.get(name)
