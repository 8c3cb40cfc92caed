"""Strain: volumes, Grueneisen parameters of known laws, refusals."""

import numpy as np
import pytest

from phonodos.errors import ConfigError
from phonodos.physics.crystal import Crystal
from phonodos.physics.strain import gruneisen, strained


def test_volume(rock_salt: Crystal) -> None:
    for e in (-0.03, 0.0, 0.05):
        crystal = strained(rock_salt, e)
        assert crystal.volume == pytest.approx(rock_salt.volume * (1 + e) ** 3)
        assert np.array_equal(crystal.frac_coords, rock_salt.frac_coords)


@pytest.mark.parametrize("gamma", [1.6, -0.4])
@pytest.mark.parametrize("strains", [[-0.03, -0.01, 0.0, 0.02], [-0.01, 0.01]])
def test_a_power_law_is_recovered(gamma: float, strains: list[float]) -> None:
    volume = (1 + np.array(strains)) ** 3
    found = gruneisen(strains, 100 * volume**-gamma, 200 * volume ** (-2 * gamma))
    assert found.mode_average == pytest.approx(gamma, rel=1e-9)
    assert found.mean_frequency == pytest.approx(2 * gamma, rel=1e-9)


def test_the_slope_is_that_at_zero_strain() -> None:
    strains = np.array([-0.03, -0.02, 0.0, 0.01, 0.03])
    v = 3 * np.log1p(strains)
    w = np.exp(-1.5 * v - 3.0 * v**2)
    assert gruneisen(strains, w, w).mode_average == pytest.approx(1.5, rel=1e-9)


def test_refusals(rock_salt: Crystal) -> None:
    with pytest.raises(ConfigError, match="no slope"):
        gruneisen([0.01, 0.01], [1.0, 1.0], [1.0, 1.0])
    for e in (-0.5, 0.3, float("nan")):
        with pytest.raises(ConfigError, match="a strain of"):
            strained(rock_salt, e)
