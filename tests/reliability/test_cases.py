"""Files that once ended, stopped or misled a run: each costs itself alone, by the real command."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
CASES = Path(__file__).parent / "cases"
PRELOADED = Path(__file__).parent / "preloaded.py"
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
# What the network of bonds to 5 A might go wrong with is shown to it too (Si_x0.529, which takes it
# twenty seconds, by the long test).
FOR_LATTICE = ("GaAs_x1.89.vasp", "MgO_x0.4.vasp", "yaml_date.yaml")
ALONE = {**STRUCTURES, "MgO_x0.4.vasp": (0, 1), "newlines.txt.gz": (0, 1), **BY_LATTICE}
Count = dict[str, tuple[int, int]]  # name of a file -> good and failed


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str
    folder: Path


def runs(folder: Path, commands: dict[str, list[object]]) -> dict[str, Done]:
    """Run commands with limits of time and memory, each in a folder of its own name."""
    wanted = [
        {
            "words": [str(word) for word in words],
            **{key: str(folder / f"{name}.{key}") for key in ("folder", "stdout", "stderr")},
            "memory": MEMORY,
            "ends": ENDS,
        }
        for name, words in commands.items()
    ]
    for name in commands:
        (folder / f"{name}.folder").mkdir(exist_ok=True)
    found = subprocess.run(
        [sys.executable, PRELOADED],
        input=json.dumps(wanted),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    done = {}
    for name, code in zip(commands, json.loads(found.stdout), strict=True):
        said, errors = ((folder / f"{name}.{key}").read_text() for key in ("stdout", "stderr"))
        done[name] = Done(code, said, errors, folder / f"{name}.folder")
    return done


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
def done(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What the commands make of them, by name; their folders hold what they wrote."""
    folder = tmp_path_factory.mktemp("runs")
    before = sums(inputs)
    files = [path for path in sorted(inputs.iterdir()) if path.suffix != ".jsonl"]
    predict: list[object] = ["predict", "--json", "--no-plot"]
    screen: list[object] = ["screen", inputs, "-o", "t.parquet", "--model", "chen2021"]
    commands: dict[str, list[object]] = {
        "chen2021": [*predict, "--model", "chen2021", *files],
        "lattice": [
            *predict,
            "--format",
            "csv",
            "--members",
            1,
            *(inputs / name for name in FOR_LATTICE),
        ],
        "serial": [*screen, "--engine", "serial"],
        "pool": [*screen, "--engine", "pool", "--workers", 2],
    }
    tags: dict[str, list[object]] = {
        "predict": ["predict", "phonopy_params.yaml"],
        "screen": ["screen", "phonopy_params.yaml", "-o", "t.parquet", "--engine", "serial"],
        "prepare": ["data", "prepare", "phonondb", ".", "-o", "t.parquet", "--workers", 1],
    }
    for name in tags:
        (folder / f"{name}.folder").mkdir()
        shutil.copy(CASES / "tags" / "phonopy_params.yaml", folder / f"{name}.folder")
    found = runs(folder, commands | tags)
    assert sums(inputs) == before
    for name, end in found.items():
        assert end.returncode == (4 if name in tags else 3), end.stderr
        assert "Traceback" not in end.stderr
        there = sorted(path.name for path in end.folder.iterdir())
        assert "ran" not in there
        if name in ("serial", "pool"):
            assert there == ["t.parquet"]
    return found


def counted(end: Done) -> Count:
    """Return good and failed of every file that a prediction was asked for."""
    found = json.loads(end.stdout)
    good, bad = (Counter(Path(x["input"]).name for x in found[k]) for k in ("results", "failures"))
    assert all(x["summary"] and x["reason"] and x["fix"] for x in found["failures"])
    return {name: (good[name], bad[name]) for name in {*good, *bad}}


@pytest.fixture(scope="module")
def predicted(done: dict[str, Done]) -> Count:
    """What `phonodos predict` makes of them."""
    return counted(done["chen2021"])


@pytest.fixture(scope="module", params=["serial", "pool"])
def screened(
    request: pytest.FixtureRequest, done: dict[str, Done]
) -> tuple[Count, list[dict[str, Any]]]:
    """What `phonodos screen` makes of them: counts and rows."""
    folder = done[request.param].folder
    rows = pq.read_table(folder / "t.parquet").to_pylist()
    found = Counter((row["source"].split(", ")[0], row["status"]) for row in rows)
    names = {name for name, _ in found}
    return {name: (found[name, "ok"], found[name, "failed"]) for name in names}, rows


@pytest.mark.parametrize("name", STRUCTURES)
def test_predict(predicted: Count, name: str) -> None:
    assert predicted[name] == (STRUCTURES | BY_CHEN2021)[name]


def test_predict_by_bonds(done: dict[str, Done]) -> None:
    wanted = {**STRUCTURES, "MgO_x0.4.vasp": (0, 1)} | BY_LATTICE
    assert counted(done["lattice"]) == {name: wanted[name] for name in FOR_LATTICE}


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
def test_no_tag_runs_anything(command: str, done: dict[str, Done]) -> None:
    assert "tag" in done[command].stderr
    assert not (done[command].folder / "ran").exists()


@pytest.fixture(scope="module")
def alone(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What `phonodos predict` makes of each file alone, by the weights that it takes by itself."""
    commands: dict[str, list[object]] = {n: ["predict", inputs / n, "--no-plot"] for n in ALONE}
    return runs(tmp_path_factory.mktemp("alone"), commands)


@pytest.mark.long
@pytest.mark.parametrize("name", ALONE)
def test_predict_alone(name: str, alone: dict[str, Done]) -> None:
    good, bad = ALONE[name]
    assert alone[name].returncode == (0 if not bad else 3 if good else 4), alone[name].stderr
    assert "Traceback" not in alone[name].stderr
