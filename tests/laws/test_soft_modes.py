"""Along which mode the default weights have known crystals unstable: displacements, not verdicts.

A verdict can be right by the wrong mode: a network once had zirconium go soft where oxygen should.
"""

import numpy as np
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import Predictor, load

X = np.array([0.5, 0.5, 0.0])
L = np.array([0.5, 0.5, 0.5])
GAMMA_ALONG_Z = np.array([0.0, 0.0, 1e-3])
FACES = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


@pytest.fixture(scope="module")
def default() -> Predictor:
    model = load()
    assert isinstance(model, Predictor)
    return model


@pytest.fixture(scope="module")
def zirconia(default: Predictor) -> Prediction:
    places = [[0.0] * 3, [0.25] * 3, [0.75] * 3]
    cubic = Crystal.ordered(5.07 * FACES, places, ["Zr", "O", "O"], "cubic ZrO2")
    with pytest.warns(match="predicted unstable"):
        return default.predict(cubic)


def displacements(prediction: Prediction, qpoint: np.ndarray, branch: int = 0) -> np.ndarray:
    """Return the (n, 3) parts of the squared eigenvector of a branch."""
    assert prediction.lattice is not None
    _, vectors = prediction.lattice.modes(qpoint)
    return np.asarray(np.abs(vectors[0][:, branch].reshape(-1, 3)) ** 2)


def test_cubic_zirconia_is_unstable_at_x_alone(zirconia: Prediction) -> None:
    """One mode (X2-; Parlinski et al., Phys. Rev. Lett. 78, 4063, 1997): L and Gamma are stable."""
    assert zirconia.lattice is not None
    at_x, at_l, at_gamma = zirconia.lattice.frequencies(np.array([X, L, 0.0 * X]))
    assert at_x[0] < -100.0
    assert at_x[1] > 50.0
    assert at_l[0] > 50.0
    assert np.abs(at_gamma[:3]).max() < 1.0
    assert at_gamma[3] > 150.0
    stability = zirconia.stability
    assert stability is not None
    assert (stability.verdict, stability.label) == ("unstable", "X")


def test_it_is_oxygen_that_moves_in_it_along_the_wave_vector(zirconia: Prediction) -> None:
    zirconium, *oxygen = displacements(zirconia, X)
    axis = np.abs(X @ np.linalg.inv(zirconia.crystal.cell).T)
    along = axis / np.linalg.norm(axis)
    assert zirconium.sum() < 1e-3
    np.testing.assert_allclose(oxygen, np.tile(along**2 / 2.0, (2, 1)), atol=1e-3)


def test_barium_titanate_is_polar_soft(default: Predictor) -> None:
    """Ti against O at Gamma; with the field of a longitudinal wave it is no longer soft."""
    places = [[0.0] * 3, [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    cubic = Crystal.ordered(3.99 * np.eye(3), places, ["Ba", "Ti", "O", "O", "O"], "BaTiO3")
    with pytest.warns(match="predicted unstable"):
        found = default.predict(cubic)
    assert found.lattice is not None
    (w,) = found.lattice.frequencies(GAMMA_ALONG_Z)
    assert w[1] < -40.0
    assert w[2] > -1.0
    barium, titanium, *oxygen = displacements(found, GAMMA_ALONG_Z)
    assert titanium.sum() > 0.3
    assert barium.sum() < 0.1
    assert np.sum(oxygen) > 0.2
