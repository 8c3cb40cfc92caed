"""What the table of `predict` leaves out is said."""

import numpy as np
import pytest

from phonodos.cli.prediction_table import remarks
from phonodos.physics.crystal import Crystal
from phonodos.physics.dos import PhononDos
from phonodos.prediction.prediction import Prediction


@pytest.fixture
def mixed(rock_salt: Crystal) -> Crystal:
    return Crystal(rock_salt.cell, rock_salt.frac_coords, ({"Na": 0.5, "K": 0.5}, {"Cl": 1.0}))


def prediction(crystal: Crystal, lattice: object) -> Prediction:
    dos = PhononDos(np.arange(101.0), np.full(101, 0.06), 2)
    return Prediction(crystal, dos, lattice, "x", ())  # type: ignore[arg-type]


def test_imaginary_states() -> None:
    crystal = Crystal.ordered(4.0 * np.eye(3), [[0, 0, 0]], ["Po"])
    p = prediction(crystal, None)
    assert remarks(p, 0.0005, ("phonopy",)) == []
    (text,) = remarks(p, 0.0123, ("phonopy",))
    assert text.startswith("1.2 % of the states are imaginary and left out of heat capacity")


def test_shared_sites_have_no_phonopy_yaml(mixed: Crystal, rock_salt: Crystal) -> None:
    (text,) = remarks(prediction(mixed, object()), 0.0, ("phonopy", "csv"))
    assert text.startswith("no phonopy.yaml")
    assert remarks(prediction(mixed, object()), 0.0, ("csv",)) == []
    assert remarks(prediction(mixed, None), 0.0, ("phonopy",)) == []
    assert remarks(prediction(rock_salt, object()), 0.0, ("phonopy",)) == []
