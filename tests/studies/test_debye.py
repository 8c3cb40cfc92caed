"""Both Debye temperatures: against their formulas, and where the elastic one is not there."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.thermodynamics import debye_temperature, thermal_properties
from phonodos.physics.units import GAS_CONSTANT
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor
from phonodos.studies.debye import debye_kinds, debye_temperatures
from phonodos.studies.elastic import elastic

Sprung = Callable[..., LatticeDynamics]
Predicted = Callable[..., Prediction]


def test_both_kinds(rock_salt: Crystal, sprung: Sprung) -> None:
    """One from the moment of the spectrum, one that rules its cold end (C_V ~ T^3)."""
    springs = sprung(rock_salt)
    prediction = Prediction(rock_salt, springs.dos(), springs, "springs", ())
    moment, sound = debye_temperatures(prediction)
    assert (moment.kind, sound.kind) == ("moment", "elastic")
    assert (moment.name, sound.name) == ("debye_temperature", "elastic_debye_temperature")
    assert moment.value == debye_temperature(prediction.dos)
    assert sound.value == elastic(prediction).debye_temperature
    assert moment.value != pytest.approx(sound.value, rel=0.01)
    cold = thermal_properties(prediction.dos, [2.0]).heat_capacity[0] / rock_salt.n_atoms
    theta = 2.0 * (12.0 * np.pi**4 * GAS_CONSTANT / 5.0 / cold) ** (1.0 / 3.0)
    assert sound.value == pytest.approx(theta, rel=0.01)
    assert moment.spread is sound.spread is None
    assert str(sound) == (
        "elastic, k theta = hbar (6 pi^2 n / V)^(1/3) <1/v^3>^(-1/3), v of sound: "
        f"{sound.value:.0f} K"
    )


def test_the_members_spread(rock_salt: Crystal, sprung: Sprung) -> None:
    members = [sprung(rock_salt, stiffness=k) for k in (4.0, 5.0, 6.0)]
    spectra = tuple(m.dos() for m in members)
    prediction = Prediction(
        rock_salt, spectra[1], members[1], "springs", (), spectra, member_lattices=tuple(members)
    )
    for found in debye_temperatures(prediction):
        assert found.value is not None
        assert found.spread == pytest.approx(found.value * np.std(np.sqrt([0.8, 1, 1.2]), ddof=1),
                                             rel=0.02)  # fmt: skip
        assert "+-" in str(found)
        record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert record["unit"] == "K"
        assert record["reason"] is None


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("spectrum", "without force constants"),
        ("unstable", "a long wave is imaginary"),
        ("layer", "in 2 of 3 directions"),
    ],
)
def test_no_elastic_one(
    rock_salt: Crystal, sprung: Sprung, predicted: Predicted, quick: Predictor, case: str,
    reason: str,
) -> None:  # fmt: skip
    if case == "spectrum":
        prediction = quick.predict(rock_salt)
    elif case == "unstable":
        prediction = predicted(sprung(rock_salt, stiffness=-5.0))
    else:
        layer = Crystal.ordered(np.diag([2.5, 2.5, 15.0]), [[0, 0, 0]], ["C"])
        prediction = predicted(sprung(layer))
    moment, sound = debye_temperatures(prediction)
    assert moment.value is not None
    assert sound.value is sound.spread is None
    assert sound.reason is not None
    assert reason in sound.reason
    assert reason in str(sound)
    assert sound.to_dict()["value"] is None


def test_which_kinds() -> None:
    assert debye_kinds("both") == ("moment", "elastic")
    assert debye_kinds("elastic") == ("elastic",)
    with pytest.raises(ConfigError, match="--debye sound is not known"):
        debye_kinds("sound")
