"""Landscapes: what is read of a table, equation 2, elements and groups."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonodos.errors import DataError
from phonodos.physics.elements import atomic_mass
from phonodos.physics.units import GAS_CONSTANT, KELVIN_PER_WAVENUMBER
from phonodos.screening.landscape import Landscape, heat_capacity, read_landscape

Row = dict[str, Any]


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


def test_tables_that_are_refused(write: Callable[..., Path], four_rows: list[Row]) -> None:
    for rows, message in (
        ([{"id": "a", "formula": "H"}], "columns are missing: status"),
        (four_rows[:2], "three are the least"),
    ):
        with pytest.raises(DataError, match="no table of predictions") as caught:
            read_landscape(write(rows))
        assert message in caught.value.reason


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    for name in ("x.parquet", "gone.parquet"):
        with pytest.raises(DataError, match="no table of predictions"):
            read_landscape(tmp_path / name)
