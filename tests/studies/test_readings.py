"""Readings: names as users write them, and the studies they stand for."""

from collections.abc import Callable

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.prediction.lattice_dynamics import LatticeDynamics
from phonodos.prediction.prediction import Prediction
from phonodos.studies.displacements import TEMPERATURES, DisplacementStudy
from phonodos.studies.elastic import ElasticStudy
from phonodos.studies.modes import ModeStudy
from phonodos.studies.readings import READINGS, reading, reading_names


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("", ()),
        ((), ()),
        ("elastic", ("elastic",)),
        (" displacements,modes ,modes", ("modes", "displacements")),
        (["displacements", "elastic", "modes"], READINGS),
    ],
)
def test_names(wanted: str | list[str], names: tuple[str, ...]) -> None:
    assert reading_names(wanted) == names


@pytest.mark.parametrize("wanted", ["mode", "modes,", "modes;elastic", ["thermo"]])
def test_other_names_are_refused(wanted: str | list[str]) -> None:
    with pytest.raises(ConfigError, match="--with") as caught:
        reading_names(wanted)
    assert "modes, elastic, displacements" in caught.value.reason


def test_the_studies(
    rock_salt: Crystal,
    sprung: Callable[..., LatticeDynamics],
    predicted: Callable[..., Prediction],
) -> None:
    prediction = predicted(sprung(rock_salt))
    kinds = (ModeStudy, ElasticStudy, DisplacementStudy)
    for name, kind in zip(READINGS, kinds, strict=True):
        assert isinstance(reading(name, prediction), kind)
    cold = reading("displacements", prediction, [7.0])
    assert isinstance(cold, DisplacementStudy)
    np.testing.assert_array_equal(cold.temperatures, [7.0])
    usual = reading("displacements", prediction)
    assert isinstance(usual, DisplacementStudy)
    np.testing.assert_array_equal(usual.temperatures, TEMPERATURES)
