"""Weights for the studies: quick ones of a spectrum, small random ones of lattice dynamics."""

import pytest

from phonodos.model.lattice import LatticeConfig, LatticeNetwork
from phonodos.prediction.predictor import Predictor, load


@pytest.fixture(scope="session")
def quick() -> Predictor:
    """A network that predicts a spectrum only."""
    return load("chen2021")


def small(*, project: bool = False) -> Predictor:
    """Return a small random network of lattice dynamics; NaCl is its training data."""
    config = LatticeConfig(
        learned=2, tabulated=3, bessel=3, gaussians=3, embedding=6, cutoff=4.5,
        hidden=("6x0e+2x1o+2x2e",), radial_hidden=(6,), head=(4, 2, 2), head_hidden=(6,),
        head_mixed=2, charge_hidden=4,
    )  # fmt: skip
    header = {
        "name": "small", "training_elements": {"Na": 9, "Cl": 9}, "training_formulas": ["NaCl"]
    }  # fmt: skip
    return Predictor([LatticeNetwork.untrained(config, seed=1)], header, project=project)


@pytest.fixture(scope="session")
def lattice() -> Predictor:
    """A network of lattice dynamics."""
    return small()


@pytest.fixture(scope="session")
def projecting() -> Predictor:
    """The same, projected on the atoms."""
    return small(project=True)
