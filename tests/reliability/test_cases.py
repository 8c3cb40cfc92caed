"""Files that once ended, stopped or misled a run: each costs itself alone, by the real command."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
CASES = Path(__file__).parent / "cases"
ENDS = 600.0  # [s] of a whole run, on a busy machine; it takes about ten
MEMORY = 8 * 2**30  # [bytes] of addresses; torch alone takes half of them
GOOD = ("MgO.cif", "NaCl.vasp", "Si.cif")

# name -> structures that are right and those that are not
STRUCTURES = {
    "GaAs_x1.89.vasp": (1, 0),
    "Si_x0.529.vasp": (1, 0),
    "Z_superscript.cif": (0, 1),
    "ase_json_Z_out_of_range.json": (2, 1),
    "ase_json_assertion.json": (2, 1),
    "ase_json_no_positions.json": (2, 1),
    "axes_17140.vasp": (0, 1),
    "axis_1e18.cif": (0, 1),
    "extxyz_singular.extxyz": (0, 1),
    "formula_dot.cif": (1, 0),
    "frac_1e308.cif": (0, 1),
    "frac_1e308.vasp": (0, 1),
    "good10.db": (10, 0),
    "json_hugeint.json": (0, 1),
    "json_lattice_huge.json": (0, 1),
    "json_meta_null.json": (1, 0),
    "json_meta_str.json": (1, 0),
    "json_nest.json.gz": (0, 1),
    "poscar_negcount.vasp": (0, 1),
    "properties_empty.extxyz": (0, 1),
    "quotes_300k.cif.gz": (1, 0),
    "row_1e25.vasp": (0, 1),
    "xyz_hugecount.extxyz": (0, 1),
    "yaml_0b.yaml": (0, 1),
    "yaml_aliases.yaml": (0, 1),
    "yaml_date.yaml": (0, 1),
    **dict.fromkeys(GOOD, (1, 0)),
}
# What depends on the weights: `lattice` sees the neighbours 5 A away, and shorter bonds of Si.
BY_LATTICE = {"yaml_date.yaml": (1, 0)}
BY_CHEN2021 = {"Si_x0.529.vasp": (0, 1)}
LINES = {
    "hugeint100.jsonl": (199, 1),
    "latin.jsonl": (200, 0),
    "metanull.jsonl": (4, 0),
    "sur.jsonl": (4, 0),
}
Count = dict[str, tuple[int, int]]  # name of a file -> good and failed


def run(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command with limits of time and memory."""
    return subprocess.run(
        [sys.executable, "-m", "phonodos", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def inputs(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all the cases, with good files between them."""
    folder = tmp_path_factory.mktemp("cases") / "in"
    folder.mkdir()
    for path in [*CASES.glob("*.*"), *CASES.glob("lines/*"), *(examples / n for n in GOOD)]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def predicted(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Count:
    """What `phonodos predict` makes of them."""
    folder = tmp_path_factory.mktemp("predict")
    before = sums(inputs)
    files = [path for path in sorted(inputs.iterdir()) if path.suffix != ".jsonl"]
    done = run(folder, "predict", "--json", "--no-plot", "--members", 1, *files)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert sums(inputs) == before
    found = json.loads(done.stdout)
    good, bad = (Counter(Path(x["input"]).name for x in found[k]) for k in ("results", "failures"))
    assert all(x["summary"] and x["reason"] and x["fix"] for x in found["failures"])
    return {name: (good[name], bad[name]) for name in {*good, *bad}}


@pytest.fixture(scope="module", params=["serial", "pool"])
def screened(
    request: pytest.FixtureRequest, inputs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Count, list[dict[str, Any]]]:
    """What `phonodos screen` makes of them: counts and rows."""
    folder = tmp_path_factory.mktemp("screen")
    before = sums(inputs)
    engine = ("--engine", request.param, *(["--workers", 2] if request.param == "pool" else []))
    done = run(folder, "screen", inputs, "-o", "t.parquet", "--model", "chen2021", *engine)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert sums(inputs) == before
    assert [path.name for path in folder.iterdir()] == ["t.parquet"]
    rows = pq.read_table(folder / "t.parquet").to_pylist()
    found = Counter((row["source"].split(", ")[0], row["status"]) for row in rows)
    names = {name for name, _ in found}
    return {name: (found[name, "ok"], found[name, "failed"]) for name in names}, rows


@pytest.mark.parametrize("name", STRUCTURES)
def test_predict(predicted: Count, name: str) -> None:
    assert predicted[name] == (STRUCTURES | BY_LATTICE)[name]


def test_predict_names_what_it_refuses_after_reading(predicted: Count) -> None:
    assert predicted["MgO_x0.4.vasp"] == (0, 1)  # frequencies that no crystal has
    assert predicted["newlines.txt.gz"] == (0, 1)
    assert len(predicted) == len(STRUCTURES) + 2


@pytest.mark.parametrize("name", [*STRUCTURES, *LINES])
def test_screen(screened: tuple[Count, list[dict[str, Any]]], name: str) -> None:
    assert screened[0][name] == (STRUCTURES | LINES | BY_CHEN2021)[name]


def test_every_row_of_a_screening_is_right_or_says_why_not(
    screened: tuple[Count, list[dict[str, Any]]],
) -> None:
    count, rows = screened
    assert sum(map(sum, count.values())) == len(rows)
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert bool(row["reason"]) == (row["status"] == "failed")
        assert (row["mean_frequency"] is None) == (row["status"] == "failed")


@pytest.mark.parametrize("command", ["predict", "screen", "prepare"])
def test_no_tag_runs_anything(command: str, tmp_path: Path) -> None:
    shutil.copy(CASES / "tags" / "phonopy_params.yaml", tmp_path)
    words = {
        "predict": ["predict", "phonopy_params.yaml"],
        "screen": ["screen", "phonopy_params.yaml", "-o", "t.parquet", "--engine", "serial"],
        "prepare": ["data", "prepare", "phonondb", ".", "-o", "t.parquet", "--workers", "1"],
    }
    done = run(tmp_path, *words[command])
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", [*STRUCTURES, "MgO_x0.4.vasp", "newlines.txt.gz"])
def test_predict_alone(name: str, inputs: Path, tmp_path: Path) -> None:
    good, bad = {**STRUCTURES, "MgO_x0.4.vasp": (0, 1), "newlines.txt.gz": (0, 1)}[name]
    done = run(tmp_path, "predict", inputs / name, "--no-plot")  # all members
    assert done.returncode == (0 if not bad else 3 if good else 4), done.stderr
    assert "Traceback" not in done.stderr
