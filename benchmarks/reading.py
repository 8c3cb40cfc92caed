"""Time of reading 1,000 CIFs, in CPU seconds, against another version of phonodos.

    python benchmarks/reading.py FOLDER_OR_ARCHIVE --against ../other/src

The CIFs are those of a folder, or of the records of dfpt2018 (its tar.xz). Both versions read the
same files in turn, each time in a process of its own, five pairs; what is printed is the ratio of
every pair, their median and their spread. Without --against, this version's time alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

PAIRS = 5
N_FILES = 1000
HERE = Path(__file__).resolve().parent.parent / "src"

READ = """
import gc, importlib, sys, time
from pathlib import Path
for door in ("phonodos.structures.reading", "phonodos.data.structures"):
    try:
        read = importlib.import_module(door).iter_crystals
        break
    except ModuleNotFoundError:
        pass
paths = sorted(Path(sys.argv[1]).glob("*.cif"))
for path in paths[:20]:  # imports and tables of names are not what is timed
    list(read(path))
gc.collect()
start = time.process_time()
broken = sum(isinstance(c, Exception) for path in paths for c in read(path))
print(time.process_time() - start, broken)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        n = _gather(args.source, Path(folder))
        ratios = []
        for _ in range(PAIRS):
            ours, broken = _seconds(HERE, folder)
            print(f"{n} CIFs: {ours:.2f} s ({1e3 * ours / n:.2f} ms each), {broken} refused")
            if args.against:
                theirs, refused = _seconds(args.against, folder)
                ratios.append(ours / theirs)
                print(f"  against {theirs:.2f} s, {refused} refused: ratio {ratios[-1]:.3f}")
        if ratios:
            middle = statistics.median(ratios)
            print(f"median ratio {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def _gather(source: Path, folder: Path) -> int:
    """Write the CIFs into one folder and return how many there are."""
    if source.is_dir():
        texts = (p.read_text(encoding="utf-8") for p in sorted(source.glob("*.cif")))
    else:
        from phonodos.structures.archives import read_members

        members = read_members(source, ".json")
        texts = (json.loads(content)["metadata"]["structure"] for _, content in members)
    number = 0
    for number, text in enumerate(islice(texts, N_FILES), start=1):
        (folder / f"{number:04d}.cif").write_text(text, encoding="utf-8")
    return number


def _seconds(source: Path, folder: str) -> tuple[float, int]:
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READ, folder]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    seconds, broken = found.stdout.split()
    return float(seconds), int(broken)


if __name__ == "__main__":
    main()
