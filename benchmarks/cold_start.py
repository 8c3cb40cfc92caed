"""`phonodos predict` from cold, two source trees in turn: CPU seconds, peak memory, their ratio.

    python benchmarks/cold_start.py OLD/src src --runs 3
    python benchmarks/cold_start.py OLD/src src --workers pool ray
    python benchmarks/cold_start.py OLD/src src --workers pool ray --atoms 150

With --workers it is a worker of `phonodos screen` from its start to its first row: in the pool with
all that the process spends, in Ray from the start of the actor. With --atoms the crystal is one of
so many atoms, made up and without symmetry. With --threads nobody sets the
number of threads of the libraries, as on a user's machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

EXAMPLES = Path(__file__).parent.parent / "examples"
WAYS = {
    "one member, csv": ["--members", "1", "--no-plot", "--format", "csv"],
    "all members, default formats": ["--no-plot"],
}
WORKER = """
import json, os, resource, sys
from pathlib import Path
from phonodos.pool import ONE_THREAD, Pool
from phonodos.screening import ray_engine
from phonodos.screening.calculator import Recipe, start_calculator
from phonodos.screening.source import Shard, chunks, items
from phonodos.structures.entries import entries

def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    threads = [os.environ.get(name) for name in ONE_THREAD]
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, "torch" in sys.modules, threads

class InPool:
    def __init__(self, recipe):
        self.recipe = recipe
    def __call__(self):
        stream = start_calculator(self.recipe)
        def work(chunk):
            list(stream(chunk))
            yield spent()
        return work

class InRay(ray_engine.RayWorker):
    def __init__(self, *words):  # what it is made with, and asked, is the business of its engine
        self.before, *_ = spent()
        super().__init__(*words)
    def rows(self, *words):
        yield from super().rows(*words)
        seconds, *rest = spent()
        with open(PLACE, "w") as file:
            json.dump([seconds - self.before, *rest], file)

if __name__ == "__main__":
    recipe = Recipe.of(None, None, (300.0,))
    (chunk,) = chunks(items(entries(Path(sys.argv[1])), Shard()))
    if sys.argv[2] == "ray":
        PLACE = sys.argv[3]
        ray_engine.RayWorker = InRay
        engine = ray_engine.RayEngine(recipe, 1, None)
        (row,) = engine.run(iter([chunk]))
        engine.close()
        print(Path(PLACE).read_text())
    else:
        with Pool(InPool(recipe), 1) as pool:
            print(json.dumps(next(iter(pool.run([chunk])))))
"""
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def run(source: Path, words: list[str], *, threads: bool) -> tuple[float, float]:
    """Return CPU seconds and peak memory [MB] of one command."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    chosen = {"PYTHONPATH": str(source)} | ({} if threads else {"OMP_NUM_THREADS": "1"})
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "phonodos", "predict", *words, "-o", folder]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command],
            capture_output=True, text=True, check=True, env=kept | chosen,
        )  # fmt: skip
    code, seconds, memory = done.stdout.split()
    assert code == "0", done.stderr
    return float(seconds), float(memory)


def work(source: Path, engine: str, structure: Path) -> tuple[float, float]:
    """Return CPU seconds and peak memory [MB] of a worker up to its first row."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "worker.py"
        script.write_text(WORKER)
        done = subprocess.run(
            [sys.executable, str(script), str(structure), engine, str(Path(folder) / "spent.json")],
            capture_output=True, text=True, check=True, env=kept | {"PYTHONPATH": str(source)},
        )  # fmt: skip
    seconds, memory, torch, threads = json.loads(done.stdout.splitlines()[-1])
    print(f"  {source}: torch {'loaded' if torch else 'not loaded'}, threads {threads}")
    return float(seconds), float(memory)


def made_up(n_atoms: int) -> Path:
    """Return a file with a crystal of so many atoms."""
    from crystals import synthetic_crystals

    (crystal,) = synthetic_crystals(1, n_atoms)
    record = {"lattice": crystal.cell.tolist(), "frac_coords": crystal.frac_coords.tolist()}
    path = Path(tempfile.mkdtemp()) / f"{n_atoms}.json"
    path.write_text(json.dumps(record | {"species": list(crystal.symbols)}))
    return path


def main() -> None:
    """Print a line a way and source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--structure", type=Path, default=EXAMPLES / "MgO.cif")
    parser.add_argument("--atoms", type=int, metavar="N")
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--workers", nargs="+", default=[], choices=["pool", "ray"])
    options = parser.parse_args()
    if options.atoms is not None:
        options.structure = made_up(options.atoms)
    ways: dict[str, Callable[[Path], tuple[float, float]]] = {
        name: partial(run, words=[str(options.structure), *words], threads=options.threads)
        for name, words in WAYS.items()
    }
    if options.workers:
        ways = {
            f"a worker, {engine}": partial(work, engine=engine, structure=options.structure)
            for engine in options.workers
        }
    for name, measured in ways.items():
        found: dict[Path, list[tuple[float, float]]] = {path: [] for path in options.sources}
        for _ in range(options.runs):
            for path in options.sources:
                found[path].append(measured(path))
        first, most = (median(x) for x in zip(*found[options.sources[0]], strict=True))
        for number, path in enumerate(options.sources, 1):
            seconds, memory = (median(x) for x in zip(*found[path], strict=True))
            print(
                f"{name:30s} source {number}: {seconds:6.2f} s CPU, {memory:4.0f} MB, "
                f"{first / seconds:.2f} times as fast as source 1, "
                f"{memory / most:.2f} of its memory"
            )


if __name__ == "__main__":
    main()
