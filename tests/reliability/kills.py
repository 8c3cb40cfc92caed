"""Kill tests: whatever is killed and whenever, the table is that of an undisturbed run, to the bit.

    python tests/reliability/kills.py screen parent --kills 25

starts the real command, kills it (or, with `worker`, its workers) at seeded moments, gives the same
command again, and compares. It prints one line a table; exit code 1 if one differs, a process stays
behind, or something is left beside the output.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import preloaded

CRYSTALS = 120  # of a screening
CALCULATIONS = 24  # of a data set
KILLS_A_TABLE = 3
HANGS = 600.0  # [s] without an end
GOES = 20.0  # [s] until the workers of a killed parent are gone
CATIONS, ANIONS = ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba"), ("O", "S", "Se", "F", "Cl", "Br")
# The real command, but for commits so frequent that a short run makes many.
COMMAND = """import sys
from phonodos.datasets import growing
growing.ROWS, growing.SECONDS = 4, 0.3
from phonodos.cli.main import main
main()
"""
Process = subprocess.Popen[bytes] | preloaded.Command


def crystals(folder: Path, number: int) -> Path:
    """Write rock salts and perovskites of many sizes as JSON lines."""
    rng = np.random.default_rng(7)
    lines = []
    for i in range(number):
        a, b, x = rng.choice(CATIONS), rng.choice(CATIONS), rng.choice(ANIONS)
        length = float(rng.uniform(4.2, 6.2))
        cell = length / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
        coords, species = [[0.0] * 3, [0.5] * 3], [a, x]
        if i % 3 == 0:
            cell = length * np.eye(3)
            coords = [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
            species = [a, b, x, x, x]
        record = {"id": f"c-{i}", "lattice": cell.tolist(), "frac_coords": coords}
        lines.append(json.dumps(record | {"species": list(map(str, species))}))
    path = folder / "crystals.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def calculations(folder: Path, number: int) -> Path:
    """Write phonopy calculations of rock salts whose atoms are held by springs to all others."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    places = np.vstack([corners, (corners + 0.5) % 1.0])
    for i in range(number):
        atoms = PhonopyAtoms(
            ["Na"] * 4 + ["Cl"] * 4, cell=5.64 * np.eye(3), scaled_positions=places
        )
        phonon = Phonopy(atoms, np.eye(3, dtype=int), primitive_matrix="F")
        phonon.generate_displacements(distance=0.01)
        forces = []
        for displaced in phonon.dataset["first_atoms"]:
            pull = (2.0 + 0.1 * i) * np.array(displaced["displacement"])
            share = np.tile(pull / (len(places) - 1), (len(places), 1))
            share[displaced["number"]] = -pull
            forces.append(share)
        phonon.forces = np.array(forces)
        place = folder / "calculations" / f"salt-{i:02d}"
        place.mkdir(parents=True)
        phonon.save(place / "phonopy_params.yaml", settings={"force_sets": True})
    return folder / "calculations"


@dataclass(frozen=True)
class Work:
    """A command whose table must not depend on what was killed."""

    source: Path
    words: tuple[str, ...]
    imported: bool  # begins with everything imported

    def start(self, output: Path) -> Process:
        """Start it."""
        if self.imported:
            words = [*self.words, str(self.source), "-o", str(output)]
            return preloaded.Command(words, Path(os.devnull), output.parent / "stderr")
        words = [sys.executable, "-W", "ignore", "-c", COMMAND, *self.words, str(self.source)]
        with (output.parent / "stderr").open("ab") as errors:
            return subprocess.Popen(
                [*words, "-o", str(output)],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )


def work(what: str, folder: Path, workers: int, imported: bool, size: float) -> Work:
    """Return the screening of some crystals, or the preparation of a data set."""
    many = ("--workers", str(workers))
    if what == "screen":
        alone = ("--model", "chen2021", "--batch-atoms", "2")  # each crystal a batch of its own
        return Work(crystals(folder, round(size * CRYSTALS)), ("screen", *alone, *many), imported)
    return Work(
        calculations(folder, round(size * CALCULATIONS)),
        ("data", "prepare", "phonondb", *many),
        imported,
    )


def table(path: Path) -> list[str]:
    """Return the rows in full precision, without the time they took, in the order of the ids."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return sorted(repr({k: v for k, v in row.items() if k != "seconds"}) for row in rows)


def children(pid: int) -> dict[int, str]:
    """Return the living children of a process with their command lines."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found[int(place.name)] = (place / "cmdline").read_text()
        except OSError:
            continue  # it has ended meanwhile
    return found


def alive(pid: int) -> bool:
    """Return whether a process is there and not only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def finish(process: Process) -> None:
    """Wait for a command; kill it, and say so, if it does not end."""
    try:
        process.wait(HANGS)
    except subprocess.TimeoutExpired:
        for pid in [*children(process.pid), process.pid]:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError("it does not end") from None


def sleep(process: Process, seconds: float) -> bool:
    """Wait; return whether the command still runs afterwards."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def end_parent(process: Process) -> None:
    """Kill a command, and wait until its children are gone too."""
    workers = children(process.pid)
    process.kill()
    process.wait()
    end = time.monotonic() + GOES
    while left := [pid for pid in workers if alive(pid)]:
        assert time.monotonic() < end, f"{len(left)} of {len(workers)} workers stay behind"
        time.sleep(0.05)


def kill_parent(rng: random.Random, work: Work, output: Path, lasts: float, most: int) -> int:
    """Kill the command up to `most` times, let it end, and return how often it was killed."""
    kills = 0
    for _ in range(most):
        process = work.start(output)
        if not sleep(process, rng.uniform(0.1, 1.0) * lasts):
            break
        end_parent(process)
        kills += 1
    process = work.start(output)
    finish(process)
    assert process.returncode == 0, f"exit code {process.returncode}"
    return kills


def kill_worker(rng: random.Random, pid: int) -> bool:
    """Kill one worker of a command, if it has one."""
    workers = [pid for pid, words in children(pid).items() if "resource_tracker" not in words]
    if workers:
        how = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT))
        os.kill(rng.choice(workers), how)
    return bool(workers)


def kill_both(rng: random.Random, work: Work, output: Path, lasts: float, most: int) -> int:
    """Kill a worker, then the command, then a worker of the next, and return how many."""
    process = work.start(output)
    kills = int(sleep(process, rng.uniform(0.1, 0.5) * lasts) and kill_worker(rng, process.pid))
    if sleep(process, rng.uniform(0.1, 0.4) * lasts):
        end_parent(process)
        kills += 1
    return kills + kill_workers(rng, work, output, lasts, most - kills)


def kill_workers(rng: random.Random, work: Work, output: Path, lasts: float, most: int) -> int:
    """Kill workers of the command, let it end, and return how many were killed."""
    process = work.start(output)
    kills = 0
    while kills < most and sleep(process, rng.uniform(0.1, 0.6) * lasts):
        kills += kill_worker(rng, process.pid)
    finish(process)
    assert process.returncode == 0, f"exit code {process.returncode}"
    return kills


def trials(arguments: argparse.Namespace, folder: Path) -> dict[str, int]:
    """Kill, compare and print until there were enough kills; return the numbers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rng = random.Random(f"{arguments.what}-{arguments.victim}-{arguments.seed}")
    job = work(arguments.what, folder, arguments.workers, arguments.imported, arguments.size)
    place = folder / "tables"
    place.mkdir()
    output = place / "table.parquet"
    start = time.monotonic()
    process = job.start(output)
    finish(process)
    assert process.returncode == 0, (place / "stderr").read_text()
    lasts, wanted = time.monotonic() - start, table(output)
    print(f"undisturbed: {len(wanted)} rows, {lasts:.1f} s", flush=True)
    kill = {"parent": kill_parent, "worker": kill_workers, "both": kill_both}[arguments.victim]
    done = {"kills": 0, "tables": 0, "wrong": 0}
    while done["kills"] < arguments.kills:
        shutil.rmtree(place)
        place.mkdir()
        most = min(KILLS_A_TABLE, arguments.kills - done["kills"])
        try:
            kills = kill(rng, job, output, lasts, most)
            left = sorted(p.name for p in place.iterdir() if p.name not in (output.name, "stderr"))
            assert not left, f"left behind: {left}"
            assert table(output) == wanted, "another table"
            said = "the same to the bit"
        except AssertionError as error:
            kills, said = 1, f"{error}; {(place / 'stderr').read_text()[-300:]}"
            done["wrong"] += 1
        done["kills"] += kills
        done["tables"] += 1
        print(f"table {done['tables']}: killed {kills} times, {said}", flush=True)
    return done


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["screen", "prepare"])
    parser.add_argument("victim", choices=["parent", "worker", "both"])
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=float, default=1.0, help="times the usual work")
    parser.add_argument("--imported", action="store_true", help="commands that import nothing")
    arguments = parser.parse_args()
    if arguments.imported:
        preloaded.load()
        from phonodos.datasets import growing

        growing.ROWS, growing.SECONDS = 4, 0.3
    with tempfile.TemporaryDirectory() as folder:
        done = trials(arguments, Path(folder))
    print(json.dumps(done))
    return int(done["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
