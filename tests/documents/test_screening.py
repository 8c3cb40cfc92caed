"""The page on screening: its examples of DuckDB, polars and pandas run, and find what is there."""

import ast
import importlib
import re
import shlex
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phonodos.cli.main import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "screening.md").read_text(encoding="utf-8")
BLOCKS = {
    block.split()[1]: block for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
}
STRUCTURES = ("Si.cif", "NaCl.cif", "MgO.cif", "SrTiO3.cif")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the first command of the page was run, on four crystals and a ruin."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "structures").mkdir()
    for name in STRUCTURES:
        shutil.copy(ROOT / "examples" / name, folder / "structures")
    (folder / "structures" / "broken.cif").write_text("data_x\n_cell_length_a 4\n")
    command = re.findall(r"^    (phonodos screen .*)$", TEXT, re.M)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # One process is enough here; those of the pool have tests of their own.
        done = CliRunner().invoke(app, [*shlex.split(command)[1:], "--engine", "serial"])
    assert done.exit_code == 3, done.output  # one failed
    return folder


def shown(library: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the block of a library as it stands on the page; return what its last line gives."""
    try:
        importlib.import_module(library)
    except ImportError:
        pytest.skip(f"{library} is not installed: pip install {library}")
    monkeypatch.chdir(folder)
    *before, last = ast.parse(BLOCKS[library]).body
    assert isinstance(last, ast.Expr)
    names: dict[str, Any] = {}
    exec(compile(ast.Module(before, []), "docs/screening.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "docs/screening.md", "eval"), names)


@pytest.fixture
def rows(results: Path) -> list[dict[str, Any]]:
    """The successful rows."""
    found = pq.read_table(results / "results.parquet").to_pylist()
    assert len(found) == len(STRUCTURES) + 1
    return [row for row in found if row["status"] == "ok"]


def test_every_block_is_run() -> None:
    assert set(BLOCKS) == {"duckdb", "polars", "pandas"}


def test_duckdb(results: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown("duckdb", results, monkeypatch).fetchall()
    wanted = sorted(rows, key=lambda row: -row["c_v_300_per_kg"])
    assert found == [(row["id"], row["formula"], row["c_v_300_per_kg"]) for row in wanted]
    assert found[0][0] == "MgO"


def test_polars(results: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict(shown("polars", results, monkeypatch).rows())
    groups = sorted({row["spacegroup"] for row in rows})
    assert list(found) == groups
    assert 225 in groups
    for group in groups:
        values = [row["debye_temperature"] for row in rows if row["spacegroup"] == group]
        assert found[group] == pytest.approx(median(values))


def test_pandas(results: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown("pandas", results, monkeypatch)
    wanted = sorted(rows, key=lambda row: row["omega_log"])
    assert found["id"].tolist() == [row["id"] for row in wanted]
    for row, (_, line) in zip(wanted, found.iterrows(), strict=True):
        integral = np.trapezoid(line["dos_densities"], line["dos_frequencies"])
        assert integral == pytest.approx(3 * row["n_atoms"], rel=1e-5)


def test_tables_are_read_whole(results: Path) -> None:
    """Every column, lists included, with the same numbers by all three."""
    duckdb = pytest.importorskip("duckdb")
    polars = pytest.importorskip("polars")
    path = str(results / "results.parquet")
    wanted = pq.read_table(path).to_pylist()
    relation = duckdb.sql(f"SELECT * FROM '{path}'")
    assert [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()] == wanted
    assert polars.read_parquet(path).to_dicts() == wanted
