"""Many predictions at once: equation 2, elements, components, springs, agreement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.errors import DataError
from phonodos.evaluation.landscape import (
    Landscape,
    agreement,
    heat_capacity,
    principal_components,
    read_landscape,
    spring_constant,
)
from phonodos.physics.dos import PhononDos
from phonodos.physics.elements import atomic_mass
from phonodos.physics.units import GAS_CONSTANT, KELVIN_PER_WAVENUMBER

AXIS = np.arange(0.0, 801.0)


def row(name: str, species: list[str], centre: float, *, trained: bool = False) -> dict[str, Any]:
    g = np.exp(-(((AXIS - centre) / 5.0) ** 2))
    return {
        "id": name, "formula": "".join(species), "status": "ok", "species": species,
        "dos_frequencies": AXIS, "dos_densities": 3.0 * len(species) * g / np.trapezoid(g, AXIS),
        "in_training": trained, "model": "some",
    }  # fmt: skip


ROWS = [
    row("a", ["Na", "Cl"], 180.0, trained=True),
    row("b", ["Li", "H"], 600.0),
    row("c", ["Mg", "O"], 400.0),
    row("d", ["Cu:0.75 Au:0.25"], 150.0),
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    def table(rows: list[dict[str, Any]]) -> Path:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    return table


@pytest.fixture
def landscape(write: Callable[..., Path]) -> Landscape:
    return read_landscape(write([*ROWS, {"id": "e", "status": "failed"}]))


def test_what_is_read(landscape: Landscape) -> None:
    assert landscape.ids == ["a", "b", "c", "d"]
    assert landscape.n_failed == 1
    assert landscape.model == "some"
    assert landscape.kelvin == 293.15
    assert landscape.compositions[3] == {"Cu": 0.75, "Au": 0.25}
    assert landscape.in_training.tolist() == [True, False, False, False]


def test_equation_2(landscape: Landscape) -> None:
    """A narrow line is an Einstein solid."""
    half = KELVIN_PER_WAVENUMBER * 600.0 / (2 * 293.15)
    mass = atomic_mass("Li") + atomic_mass("H")
    einstein = 6.0 * GAS_CONSTANT * (half / np.sinh(half)) ** 2 / (mass * 1e-3)
    assert landscape.heat_capacities[1] == pytest.approx(einstein, rel=1e-3)
    assert heat_capacity(landscape.spectra[1], mass, 1e4) == pytest.approx(
        6.0 * GAS_CONSTANT / (mass * 1e-3), rel=1e-2
    )


def test_elements_and_groups(landscape: Landscape) -> None:
    elements = landscape.by_element()
    assert elements["O"] == (pytest.approx(landscape.heat_capacities[2]), 1)
    assert landscape.rich_in("H").tolist() == [False, True, False, False]
    assert landscape.rich_in("Li").tolist() == [False, True, False, False]
    assert landscape.top().tolist() == [1]
    gold = 0.75 * atomic_mass("Cu") + 0.25 * atomic_mass("Au")
    assert landscape.mean_masses[3] == pytest.approx(gold)


def test_components_of_known_data(rng: np.random.Generator) -> None:
    first, second = np.eye(51)[3], np.eye(51)[7]
    amounts = rng.normal(size=(200, 2)) * [3.0, 1.0]
    scores, axes, explained = principal_components(1.0 + amounts @ [first, second])
    np.testing.assert_allclose(np.abs(axes[0]), first, atol=0.1)
    assert axes.sum(axis=1).min() > 0.0
    assert explained.sum() == pytest.approx(1.0)
    assert explained[0] == pytest.approx(0.9, abs=0.03)
    assert np.corrcoef(scores[:, 0], amounts[:, 0])[0, 1] > 0.99


def test_springs() -> None:
    masses = np.array([7.0, 30.0, 90.0])
    a, rho = spring_constant(masses, 1234.0 * masses**-0.5)
    assert a == pytest.approx(1234.0)
    assert rho == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "formula": "H"}], "columns are missing: status"),
        (ROWS[:2], "three are the least"),
    ],
)
def test_tables_that_are_refused(
    write: Callable[..., Path], rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(DataError, match="no table of predictions") as caught:
        read_landscape(write(rows))
    assert message in caught.value.reason


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    for name in ("x.parquet", "gone.parquet"):
        with pytest.raises(DataError, match="no table of predictions"):
            read_landscape(tmp_path / name)


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
    assert found.leaders(landscape).tolist() == [0, 1]
    with pytest.raises(DataError, match="outside the training"):
        agreement(landscape, Records(["a"], [rock_salt]))  # type: ignore[arg-type]
