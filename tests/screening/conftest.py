"""Small crystals as sources, and tables to compare."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonodos.physics.crystal import Crystal
from phonodos.prediction import predictor
from phonodos.screening.landscape import Landscape, read_landscape

CATIONS = ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba")
ANIONS = ("O", "S", "Se", "F", "Cl", "Br")


def small_crystal(number: int, seed: int = 7) -> Crystal:
    """Return a rock salt (2 atoms) or a perovskite (5 atoms) of its own elements and size."""
    rng = np.random.default_rng([seed, number])
    a, b, x = rng.choice(CATIONS), rng.choice(CATIONS), rng.choice(ANIONS)
    length = float(rng.uniform(4.2, 6.2))
    if number % 3:
        cell = length / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
        return Crystal.ordered(cell, [[0.0] * 3, [0.5] * 3], [a, x], name=f"c-{number}")
    coords = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Crystal.ordered(length * np.eye(3), coords, [a, b, x, x, x], name=f"c-{number}")


def record(crystal: Crystal) -> dict[str, Any]:
    """Return a crystal in the shape of a line of JSON."""
    return {
        "id": crystal.name,
        "lattice": crystal.cell.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
        "species": list(crystal.symbols),
    }


def write_lines(path: Path, n: int, seed: int = 7) -> Path:
    """Write `n` small crystals as JSON lines."""
    lines = [json.dumps(record(small_crystal(i, seed))) for i in range(n)]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table without their computing times."""
    rows: list[dict[str, Any]] = pq.read_table(path).drop_columns(["seconds"]).to_pylist()
    return rows


def assert_close(found: Path, wanted: Path, tolerance: float = 1e-5) -> None:
    """Assert that two tables hold the same rows, numbers within a relative tolerance."""
    for a, b in zip(rows_of(found), rows_of(wanted), strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            if isinstance(value, float) or (
                isinstance(value, list) and isinstance(value[0], float)
            ):
                np.testing.assert_allclose(
                    value, b[name], rtol=tolerance, atol=tolerance * np.max(np.abs(b[name]))
                )
            else:
                assert value == b[name], name


@pytest.fixture(scope="session")
def crystal_number() -> Callable[..., Crystal]:
    """Function (number, seed=7) -> a small crystal, always the same for the same numbers."""
    return small_crystal


@pytest.fixture(scope="session")
def lines() -> Callable[..., Path]:
    """Function (path, n, seed=7) that writes small crystals as JSON lines."""
    return write_lines


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], list[dict[str, Any]]]:
    """Function that reads a table without its computing times."""
    return rows_of


@pytest.fixture(scope="session")
def close() -> Callable[..., None]:
    """Function (table, table, tolerance=1e-5) that asserts that they are alike."""
    return assert_close


@pytest.fixture(autouse=True)
def quick_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screen with quick weights unless a test names others."""
    monkeypatch.setattr(predictor, "DEFAULT_WEIGHTS", "chen2021")


@pytest.fixture(scope="session")
def forty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forty small crystals as JSON lines, and their table by the serial engine."""
    from phonodos.screening.screen import screen

    folder = tmp_path_factory.mktemp("forty")
    source, table = write_lines(folder / "forty.jsonl", 40), folder / "table.parquet"
    screen(source, table, model="chen2021", engine="serial", max_atoms=20)
    return source, table


AXIS = np.arange(0.0, 801.0)


def narrow_row(
    name: str, species: list[str], centre: float, *, trained: bool = False
) -> dict[str, Any]:
    g = np.exp(-(((AXIS - centre) / 5.0) ** 2))
    return {
        "id": name, "formula": "".join(species), "status": "ok", "species": species,
        "dos_frequencies": AXIS, "dos_densities": 3.0 * len(species) * g / np.trapezoid(g, AXIS),
        "in_training": trained, "model": "some",
    }  # fmt: skip


ROWS = [
    narrow_row("a", ["Na", "Cl"], 180.0, trained=True),
    narrow_row("b", ["Li", "H"], 600.0),
    narrow_row("c", ["Mg", "O"], 400.0),
    narrow_row("d", ["Cu:0.75 Au:0.25"], 150.0),
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    """Function that writes rows as a table."""

    def table(rows: list[dict[str, Any]]) -> Path:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    return table


@pytest.fixture
def landscape(write: Callable[..., Path]) -> Landscape:
    """The four rows as they are read, beside a failed one."""
    return read_landscape(write([*ROWS, {"id": "e", "status": "failed"}]))


@pytest.fixture(scope="session")
def four_rows() -> list[dict[str, Any]]:
    """Rows of narrow spectra, the first of a formula of training."""
    return ROWS
