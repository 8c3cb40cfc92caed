"""The command line in this process or in another one, always in an empty folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import phonodos.prediction.predictor as home_of_load
from phonodos.cli.main import app
from phonodos.datasets.dataset import Dataset
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import Predictor

CIF = """data_x
_cell_length_a {a}
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{sites}
"""

Phonodos = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def write_cif() -> Callable[..., Path]:
    """Function (path, sites, a=4.0) that writes a small P1 cell, a line a site."""

    def write(path: Path, *sites: str, a: float = 4.0) -> Path:
        path.write_text(CIF.format(a=a, sites="\n".join(sites)))
        return path

    return write


@pytest.fixture
def vacant(tmp_path: Path, write_cif: Callable[..., Path]) -> Path:
    """MgO in the structure of CsCl, a tenth of whose magnesium sites are empty."""
    sites = ("Mg 0 0 0 0.9", "O 0.5 0.5 0.5 1")
    return write_cif(tmp_path / "vacant.cif", *sites, a=4.0)


@pytest.fixture(scope="session")
def released() -> Predictor:
    """Quick weights, read once: they stand for the default ones where the weights do not matter."""
    return home_of_load.load("chen2021")


@pytest.fixture
def phonodos(released: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phonodos:
    """Function (*words, stdin=None) that runs the command line in `tmp_path`."""
    load = home_of_load.load
    monkeypatch.setattr(
        home_of_load, "load", lambda name=None, **more: load(name, **more) if name else released
    )
    monkeypatch.setattr(home_of_load, "DEFAULT_WEIGHTS", "chen2021")
    monkeypatch.chdir(tmp_path)
    # Whatever terminal runs the tests, lines are as wide as in a pipe and bare of colours.
    for name, value in {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)

    def run(*words: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], input=stdin)

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Function (*words, stdin=None) that runs `python -m phonodos` in `tmp_path`."""

    def run(*words: str | Path, **more: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "phonodos", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "80"},
            **more,
        )

    return run


CONFIG = """name = "tiny"
folder = "run"
epochs = 2
batch_size = 2
[data]
dataset = "data.parquet"
split = "split.json"
[network]
kind = "spectrum"
embedding = 4
hidden = ["4x0e+2x1o"]
radial_hidden = [6]
"""


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, make_record: Callable[..., dict[str, Any]]
) -> Path:
    """A folder with data.parquet, split.json and tiny.toml, made by `phonodos data`."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "records").mkdir()
    cell = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    salts = {"NaCl": 5.64, "KBr": 6.60, "MgO": 4.21, "CaO": 4.81, "LiF": 4.03, "NaF": 4.62}
    for i, (formula, a) in enumerate(salts.items()):
        symbols = [s for s in ("Na", "Mg", "Ca", "Li", "K") if formula.startswith(s)][:1]
        symbols.append(formula.removeprefix(symbols[0]))
        crystal = Crystal.ordered(a * cell, [[0.0] * 3, [0.5] * 3], symbols)
        record = make_record(crystal, f"mp-{i + 1}")
        (folder / "records" / f"mp-{i + 1}.json").write_text(json.dumps(record))
    (folder / "tiny.toml").write_text(CONFIG)
    data, split = str(folder / "data.parquet"), str(folder / "split.json")
    for words in (
        ["prepare", "dfpt2018", str(folder / "records"), "-o", data],
        ["split", data, "-o", split, "--valid", "0.3", "--test", "0.3"],
    ):
        done = CliRunner().invoke(app, ["data", *words])
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory, workshop: Path, released: Predictor) -> Path:
    """Predictions for the six salts of the workshop; NaCl counts as trained."""
    records = Dataset.open(workshop / "data.parquet")
    rows: list[dict[str, Any]] = []
    for name, p in zip(records.ids, released.predict_many(records.crystals()), strict=True):
        rows.append(
            {
                "id": name, "formula": p.crystal.formula, "status": "ok", "model": p.model,
                "dos_frequencies": p.dos.frequencies, "dos_densities": p.dos.densities,
                "species": list(p.crystal.symbols), "in_training": p.crystal.formula == "NaCl",
            }
        )  # fmt: skip
    path = tmp_path_factory.mktemp("table") / "results.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
