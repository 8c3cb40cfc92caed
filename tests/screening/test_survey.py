"""Many predictions at once: components, springs, agreement, all numbers of a table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import ConfigError, DataError
from phonodos.physics.dos import PhononDos
from phonodos.screening.landscape import Landscape
from phonodos.screening.survey import (
    Springs,
    agreement,
    principal_components,
    survey,
)


def test_components_of_known_data(rng: np.random.Generator) -> None:
    first, second = np.eye(51)[3], np.eye(51)[7]
    amounts = rng.normal(size=(200, 2)) * [3.0, 1.0]
    found = principal_components(1.0 + amounts @ [first, second])
    scores, axes, explained = found.scores, found.axes, found.explained
    np.testing.assert_allclose(np.abs(axes[0]), first, atol=0.1)
    assert axes.sum(axis=1).min() > 0.0
    assert explained.sum() == pytest.approx(1.0)
    assert explained[0] == pytest.approx(0.9, abs=0.03)
    assert np.corrcoef(scores[:, 0], amounts[:, 0])[0, 1] > 0.99


def test_springs() -> None:
    masses = np.array([7.0, 30.0, 90.0])
    found = Springs(masses, 1234.0 * masses**-0.5)
    assert found.a == pytest.approx(1234.0)
    assert found.spearman == pytest.approx(-1.0)


class Records:
    """A data set as `agreement` sees it."""

    def __init__(self, ids: list[str], crystals: list[Any]) -> None:
        self.ids, self._crystals = ids, crystals

    def select(self, ids: list[str]) -> "Records":
        return Records(list(ids), [self._crystals[self.ids.index(i)] for i in ids])

    def crystals(self) -> list[Any]:
        return self._crystals

    def dos(self, index: int) -> PhononDos:
        n = self._crystals[index].n_atoms
        w = np.arange(0.0, 2001.0)
        g = np.exp(-(((w - 500.0) / 20.0) ** 2)) + np.exp(-(((w - 1500.0) / 20.0) ** 2))
        return PhononDos(w, 3.0 * n * g / np.trapezoid(g, w), n)


def test_agreement_leaves_training_out(landscape: Landscape, rock_salt: Any) -> None:
    found = agreement(landscape, Records(["c", "a", "b", "z"], [rock_salt] * 4))  # type: ignore[arg-type]
    assert found.places.tolist() == [1, 2]
    # Half of the states lie above 1000 cm^-1 and are nearly frozen; cut, all lie at 500.
    assert found.full[0] < found.cut[0]
    assert found.leaders.tolist() == [0, 1]
    with pytest.raises(DataError, match="outside the training"):
        agreement(landscape, Records(["a"], [rock_salt]))  # type: ignore[arg-type]


def test_the_whole_of_a_table(write: Callable[..., Path], four_rows: list[dict[str, Any]]) -> None:
    path = write([*four_rows, {"id": "e", "status": "failed"}])
    found = survey(path, temperature=300.0)
    numbers = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (numbers["n"], numbers["n_failed"], numbers["temperature [K]"]) == (4, 1, 300.0)
    heat = sorted(found.landscape.heat_capacities)
    assert numbers["median_c_v [J/(kg K)]"] == pytest.approx(heat[2])
    assert numbers["share_above_1000_J/(kg K)"] == np.mean(np.array(heat) > 1000.0) == 0.25
    new = {
        "n": 3, "share_above_1000_J/(kg K)": 1 / 3, "median_c_v [J/(kg K)]": heat[2],
        "binomial_error_of_share": (2 / 27) ** 0.5,
    }  # fmt: skip
    assert numbers["never_trained_on"] == pytest.approx(new)
    assert [row["in_training"] for row in numbers["top"]] == [False]
    assert [row["id"] for row in numbers["top"]] == ["b"]
    assert found.agreement is None
    assert "n_reference" not in numbers
    with pytest.raises(ConfigError, match="above 0 K"):
        survey(path, temperature=0.0)


def test_errors_of_groups(landscape: Landscape, rock_salt: Any) -> None:
    records = Records(["b", "c", "d"], [rock_salt] * 3)
    found = agreement(landscape, records)  # type: ignore[arg-type]
    errors = found.errors()
    assert {name: e["n"] for name, e in errors.items()} == {
        "all": 3, "H-rich": 1, "Li-rich": 1, "others": 2,
    }  # fmt: skip
    apart = np.abs(landscape.heat_capacities[1] - found.full[0])
    assert errors["H-rich"]["mae_dft_full"] == pytest.approx(apart)
    assert errors["H-rich"]["mean_relative_dft_full"] == pytest.approx(apart / found.full[0])
    assert found.to_dict()["compared_with"] == "DFT in full"
    assert [row["id"] for row in found.table()] == ["b", "c", "d"]
    assert list(found.springs()) == ["DFT", "some"]
