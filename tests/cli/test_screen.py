"""`phonodos screen`: the table, what it says on the way, exit codes, refusals."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from phonodos.cli.screen import state
from phonodos.screening.screen import Progress

Phonodos = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, examples: Path) -> Path:
    """Three good structures and a broken one."""
    path = tmp_path / "in"
    path.mkdir()
    for name in ("Si.cif", "NaCl.cif", "Cu0.7Au0.3.cif"):
        (path / name).write_bytes((examples / name).read_bytes())
    (path / "broken.cif").write_text("data_x\n_cell_length_a 4\n")
    return path


def test_a_folder(phonodos: Phonodos, folder: Path, tmp_path: Path) -> None:
    words = ("screen", folder, "-o", "t.parquet", "--engine", "serial", "--temperatures", "293.15")
    done = phonodos(*words)
    assert done.exit_code == 3
    assert done.stdout.startswith("t.parquet: 4 rows, 1 of them failed\n4 made now in ")
    assert "failed broken: broken.cif: " in done.stderr
    table = pq.read_table(tmp_path / "t.parquet")
    assert table["id"].to_pylist() == ["Cu0.7Au0.3", "NaCl", "Si", "broken"]
    assert table["status"].to_pylist() == ["ok", "ok", "ok", "failed"]
    assert 0 < table["c_v_293_15_per_kg"][2].as_py() < table["c_v_300_per_kg"][2].as_py()
    again = phonodos(*words, "--resume", "--json")
    assert again.exit_code == 3
    found = json.loads(again.stdout)
    assert (found["rows"], found["kept"], found["made_now"], found["failed"]) == (4, 4, 0, 1)
    assert phonodos(*words, "--no-resume").exit_code == 2


def test_the_table_is_what_predict_says(phonodos: Phonodos, folder: Path, tmp_path: Path) -> None:
    phonodos("screen", folder / "NaCl.cif", "-o", "t.parquet", "--engine", "serial")
    done = phonodos("predict", folder / "NaCl.cif", "--no-plot", "--json")
    (result,) = json.loads(done.stdout)["results"]
    (row,) = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert row["mean_frequency"] == pytest.approx(result["mean_frequency"]["value"], rel=1e-5)
    assert row["c_v_300_per_formula"] == pytest.approx(result["heat_capacity"]["value"], rel=1e-5)


def test_what_force_constants_know_besides(
    phonodos: Phonodos, folder: Path, tmp_path: Path, lattice_weights: Path
) -> None:
    words = ("screen", folder / "NaCl.cif", "-o", "t.parquet", "--engine", "serial",
             "--model", lattice_weights)  # fmt: skip
    assert phonodos(*words, "--with", "elastic, modes").exit_code == 0
    names = pq.read_schema(tmp_path / "t.parquet").names
    assert {"eps_0", "bulk_modulus_std"} <= set(names)
    assert "u_iso_300" not in names
    done = phonodos(*words, "--with", "displacements")
    assert done.exit_code == 2
    assert "with: ['modes', 'elastic'], now ['displacements']" in " ".join(done.stderr.split())
    assert "fix:" in done.stderr
    top = phonodos("results", "top", "t.parquet", "--by", "eps_inf")
    assert "eps_inf: a third of the trace" in top.stdout


def test_all_failed(phonodos: Phonodos, folder: Path) -> None:
    done = phonodos("screen", folder, "-o", "t.parquet", "--engine", "serial", "--shard", "4/4")
    assert done.exit_code == 4


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["gone"], 4, "nothing at gone"),
        (["."], 4, "no structure file in this folder"),
        (["in", "--shard", "5/4"], 2, "--shard 5/4"),
        (["in", "--engine", "slurm"], 2, "unknown engine 'slurm'"),
        (["in", "--model", "none"], 2, "no weights named"),
        (["in", "--members", "99"], 2, "99 members"),
        (["in", "--temperatures", "-5"], 2, "no temperature"),
        (["in", "--temperatures", "hot"], 2, "--temperatures hot"),
        (["in", "--batch-atoms", "0"], 2, "--batch-atoms 0"),
        (["in", "--timeout", "0"], 2, "time limit"),
        (["in", "--with", "modes,heat"], 2, "--with 'heat'"),
        (["in", "--workers", "100000"], 2, "100000 workers"),
    ],
)
def test_refusals(phonodos: Phonodos, folder: Path, words: list[str], code: int, text: str) -> None:
    if words[0] == ".":
        (folder.parent / "in").rename(folder.parent / ".in")
    done = phonodos("screen", *words, "-o", "t.parquet")
    assert (done.exit_code, text in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.parent.glob("t.parquet*"))


@pytest.mark.parametrize("name", ["", ".", "in", "x" * 300])
def test_outputs_that_cannot_be(phonodos: Phonodos, folder: Path, name: str) -> None:
    for more in ((), ("--no-resume",)):
        done = phonodos("screen", folder / "Si.cif", "-o", name, *more)
        assert done.exit_code == 2, done.stderr
        assert "fix:" in done.stderr
    assert list(folder.parent.iterdir()) == [folder]


def test_a_link_stays_a_link(phonodos: Phonodos, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to("real.parquet")
    words = ("screen", folder / "Si.cif", "-o", "link.parquet", "--engine", "serial")
    assert phonodos(*words).exit_code == 0
    assert (tmp_path / "link.parquet").is_symlink()
    assert pq.read_table(tmp_path / "real.parquet")["id"].to_pylist() == ["Si"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_cleanly(folder: Path, tmp_path: Path, name: str) -> None:
    """As a batch system ends a job: rows are kept, workers gone, one line says what to do."""
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.NAME, signal.SIG_DFL)\n"  # the tests may run under nohup
        "from phonodos.cli import screen\n"
        "from phonodos.cli.main import app\n"
        "screen.state = lambda *_: os.kill(os.getpid(), signal.NAME)\n"
        "screen.SECONDS = 0.0\n"
        "app(sys.argv[1:])\n"
    ).replace("NAME", name)
    words = ["screen", folder, "-o", "t.parquet", "--engine", "serial", "--batch-atoms", "1"]
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert "stopped; finished rows are kept" in done.stderr
    assert "Traceback" not in done.stderr
    parts = list((tmp_path / "t.parquet.parts").glob("*.parquet"))
    assert sum(pq.read_metadata(path).num_rows for path in parts) == 1


def test_what_is_said_on_the_way() -> None:
    progress = Progress(ok=90, failed=10, kept=100, total=1000)
    assert state(progress, 20.0) == "200 of 1000 crystals, 5.0 /s, 0:02:40 left, 10 failed"
    assert state(Progress(ok=5), 0.0) == "5 crystals, 0.0 /s"
    assert state(Progress(ok=5, total=3), 1.0) == "5 crystals, 5.0 /s"
