"""Errors of lattice dynamics: zero against the network's own answer, right in size otherwise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.datasets.dataset import Dataset, write_dataset
from phonodos.evaluation.lattice_errors import (
    LatticeErrors,
    lattice_errors,
    lattice_scores,
    rank_correlation,
    reference_highest,
    static_constant,
)
from phonodos.physics.crystal import Crystal
from phonodos.physics.mesh import dos_from_frequencies
from phonodos.physics.path import step_along_path
from phonodos.prediction.prediction import Prediction
from phonodos.prediction.predictor import load

PATH = np.array([[0.0, 0, 0], [0.1, 0, 0.1], [0.5, 0, 0.5], [0.5, 0.25, 0.75]])


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    cell = 4.21 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    oxide = Crystal.ordered(cell, [[0.0] * 3, [0.5] * 3], ["Mg", "O"], "MgO")
    return load("lattice-paper").predict(oxide)


def records(path: Path, prediction: Prediction, **changes: Any) -> Dataset:
    """One record that holds what was predicted, with some of it changed."""
    lattice, crystal = prediction.lattice, prediction.crystal
    assert lattice is not None
    dos = lattice.dos(projected=True)
    assert dos.projected is not None
    bands = lattice.frequencies(step_along_path(PATH, lattice.frequencies(PATH), crystal))
    row = {
        "id": "a", "source": "own", "formula": "MgO", "n_atoms": 2, "species": ["Mg", "O"],
        "cell": crystal.cell.ravel(), "frac_coords": crystal.frac_coords.ravel(),
        "dos_frequencies": dos.frequencies, "dos_densities": dos.densities,
        "projected_densities": dos.projected.ravel(), "target": np.linspace(0.0, 1.0, 51),
        "band_qpoints": PATH.ravel(), "band_frequencies": bands.ravel(),
        "born_charges": lattice.born_charges.ravel(), "dielectric": lattice.dielectric.ravel(),
        "born_sound": True, "dielectric_sound": True,
    }  # fmt: skip
    values = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
    write_dataset(path, [values | changes], {})
    return Dataset.open(path)


def test_own_answer_has_no_error(prediction: Prediction, tmp_path: Path) -> None:
    found = lattice_errors(records(tmp_path / "x.parquet", prediction), 0, prediction)
    assert found is not None
    assert found.bands_mae == pytest.approx(0.0, abs=1e-6)
    assert found.born_mae == pytest.approx(0.0, abs=1e-9)
    assert found.dielectric_error == pytest.approx(0.0, abs=1e-9)
    assert found.projected_wd == pytest.approx(0.0, abs=1e-3)  # stored in single precision
    highest = reference_highest(records(tmp_path / "x.parquet", prediction), 0)
    assert highest is not None
    assert found.max_mae == pytest.approx(abs(prediction.max_frequency - highest))
    assert highest == pytest.approx(prediction.max_frequency, rel=0.1)  # Gamma is on the path


def test_sound_and_the_lowest_frequency_of_the_path(prediction: Prediction, tmp_path: Path) -> None:
    lattice = prediction.lattice
    assert lattice is not None
    path = np.array([[0.0, 0, 0], [0.03, 0, 0.03], [0.05, 0, 0.05], [0.5, 0, 0.5]])
    w = lattice.frequencies(path)
    changed = records(
        tmp_path / "x.parquet", prediction, band_qpoints=path.ravel().tolist(),
        band_frequencies=(1.25 * w).ravel().tolist(),
    )  # fmt: skip
    found = lattice_errors(changed, 0, prediction)
    assert found is not None
    assert np.array(found.sound) == pytest.approx(np.full((2, 3), 0.8), rel=1e-3)
    assert found.path_lowest == pytest.approx(w[1, 0], rel=1e-3)


def test_errors_have_the_size_of_the_change(prediction: Prediction, tmp_path: Path) -> None:
    lattice = prediction.lattice
    assert lattice is not None
    charges = lattice.born_charges + 0.2 * np.eye(3)
    changed = records(
        tmp_path / "x.parquet", prediction, born_charges=charges.ravel().tolist(),
        dielectric=(2.0 * lattice.dielectric).ravel().tolist(),
    )  # fmt: skip
    found = lattice_errors(changed, 0, prediction)
    assert found is not None
    assert found.born_mae == pytest.approx(0.2 / 3.0)
    assert found.dielectric_error == pytest.approx(0.5)


def test_unsound_references_are_not_compared(prediction: Prediction, tmp_path: Path) -> None:
    changed = records(
        tmp_path / "x.parquet", prediction, born_sound=False, dielectric_sound=False,
        band_qpoints=None, band_frequencies=None, projected_densities=None,
    )  # fmt: skip
    assert lattice_errors(changed, 0, prediction) == LatticeErrors(None, None, None, None)


def test_spectrum_networks_have_no_lattice(rock_salt: Crystal, prediction: Prediction,
                                           tmp_path: Path) -> None:  # fmt: skip
    answer = load("chen2021").predict(rock_salt)
    assert lattice_errors(records(tmp_path / "x.parquet", prediction), 0, answer) is None


def test_means_are_over_those_that_have_the_quantity() -> None:
    scores = lattice_scores(
        [LatticeErrors(2.0, None, 0.1, None), None, LatticeErrors(4.0, 0.2, None, None)]
    )
    assert scores == pytest.approx(
        {
            "bands_mae": 3.0, "born_mae": 0.2, "dielectric_error": 0.1, "projected_wd": None,
            "max_mae": None, "static_materials": 0, "static_soft": 0, "static_error": None,
            "static_rank": None,
        }
    )  # fmt: skip


def of_static(static: float | None, predicted: float | None) -> LatticeErrors:
    return LatticeErrors(None, None, None, None, static=static, predicted_static=predicted)


def test_scores_of_eps_0_are_over_those_where_both_have_one() -> None:
    pairs = [(10.0, 11.0), (20.0, 26.0), (5.0, 10.0), (40.0, None), (None, None)]
    scores = lattice_scores([*(of_static(a, b) for a, b in pairs), None])
    assert scores["static_materials"] == 3
    assert scores["static_soft"] == 1
    assert scores["static_error"] == pytest.approx(0.3)  # the median of 0.1, 0.3, 1.0
    assert scores["static_rank"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("reference", "predicted", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 4.0, 9.0, 16.0], 1.0),
        ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], -1.0),
        ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], 0.5),  # 1 - 6 sum d^2 / n (n^2 - 1)
        ([1.0, 2.0], [1.0, 2.0], None),
        ([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], None),
    ],
)
def test_rank_correlation(
    reference: list[float], predicted: list[float], expected: float | None
) -> None:
    assert rank_correlation(reference, predicted) == pytest.approx(expected)


def test_eps_0_obeys_the_law_of_lyddane_sachs_and_teller(
    prediction: Prediction, tmp_path: Path
) -> None:
    """In a cubic crystal of two atoms eps_0 / eps_inf is (LO / TO)^2."""
    lattice = prediction.lattice
    assert lattice is not None
    transverse = lattice.frequencies(np.zeros((1, 3)))[0, 3:]
    longitudinal = lattice.frequencies(np.array([[1e-5, 0.0, 1e-5]]))[0, -1]
    eps = float(np.trace(lattice.dielectric)) / 3.0
    law = eps * float(longitudinal / transverse.mean()) ** 2
    given = (2.0 * law * np.eye(3)).ravel().tolist()
    changed = records(tmp_path / "x.parquet", prediction, dielectric_static=given)
    found = lattice_errors(changed, 0, prediction)
    assert found is not None
    assert found.static == pytest.approx(2.0 * law)
    assert found.predicted_static == pytest.approx(law, rel=1e-4)
    assert found.static_error == pytest.approx(0.5, abs=1e-4)


def test_soft_predictions_and_metals_have_no_eps_0(prediction: Prediction) -> None:
    lattice = prediction.lattice
    assert lattice is not None
    assert static_constant(lattice) is not None
    assert static_constant(replace(lattice, metal=True)) is None
    turned = replace(lattice.harmonic, force_constants=-lattice.harmonic.force_constants)
    assert static_constant(replace(lattice, harmonic=turned)) is None


def test_highest_frequency_of_a_reference() -> None:
    class Records:
        def __init__(self) -> None:
            self.bands_of: Any = (np.zeros((1, 3)), np.array([[10.0, 400.0, 250.0]]))
            self.provenance = {"smoothing_cm-1": 2.0}

        def bands(self, _: int) -> Any:
            return self.bands_of

        def dos(self, _: int) -> Any:
            return dos_from_frequencies(
                np.array([[50.0, 60.0, 70.0, 90.0, 95.0, 333.3]]), np.ones(1)
            )

    found: Any = Records()
    assert reference_highest(found, 0) == 400.0
    found.bands_of = None
    assert reference_highest(found, 0) == pytest.approx(333.3, abs=0.6)
    found.provenance = {}
    assert reference_highest(found, 0) is None
