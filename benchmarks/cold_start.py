"""`phonodos predict` from cold, two source trees in turn: CPU seconds, peak memory, their ratio.

    python benchmarks/cold_start.py OLD/src src --runs 3

With --threads nobody sets the number of threads of the libraries, as on a user's machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

EXAMPLES = Path(__file__).parent.parent / "examples"
WAYS = {
    "one member, csv": ["--members", "1", "--no-plot", "--format", "csv"],
    "all members, default formats": ["--no-plot"],
}
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


def main() -> None:
    """Print a line a way and source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--structure", type=Path, default=EXAMPLES / "MgO.cif")
    parser.add_argument("--threads", action="store_true")
    options = parser.parse_args()
    for name, words in WAYS.items():
        found: dict[Path, list[tuple[float, float]]] = {path: [] for path in options.sources}
        for _ in range(options.runs):
            for path in options.sources:
                order = [str(options.structure), *words]
                found[path].append(run(path, order, threads=options.threads))
        first = median(s for s, _ in found[options.sources[0]])
        for number, path in enumerate(options.sources, 1):
            seconds, memory = (median(x) for x in zip(*found[path], strict=True))
            print(
                f"{name:30s} source {number}: {seconds:6.2f} s CPU, {memory:4.0f} MB, "
                f"{first / seconds:.2f} times as fast as source 1"
            )


if __name__ == "__main__":
    main()
