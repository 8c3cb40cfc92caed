"""Processor time of warm predictions by two versions of the sources, in turn, and their numbers.

    python benchmarks/two_trees.py OTHER_SRC STRUCTURES [--atoms 2 8 24 48 96] [--each 2]
        [--draw 60] [--members 1] [--weights NAME] [--rounds 7] [--seed 1]

OTHER_SRC is the `src` of another checkout; STRUCTURES a file of lines of JSON (``id``, ``lattice``,
``frac_coords``, ``species``), compressed or not. Two processes, one a version, answer by turns, so
that what else the machine does slows both. Of every size of `--atoms` crystals are drawn, each
timed `--rounds` times; `--draw` crystals of any size are timed as one job. Frequencies are those
at the mesh of the other version and at a few other points.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ANYWHERE = [[0.13, 0.27, 0.41], [0.02, -0.31, 0.17], [0.5, 0.0, 0.0], [0.0, 0.5, 0.5]]


class Version:
    """A process that predicts with one version of the sources."""

    def __init__(self, sources: Path, weights: str, members: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", weights, str(members)],
            env=os.environ | {"PYTHONPATH": str(sources), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: Any) -> Any:
        """Return the answer to a question."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def serve(weights: str, members: int) -> None:
    """Answer questions: processor seconds of crystals, or frequencies of one."""
    import warnings

    from phonodos.physics.crystal import Crystal
    from phonodos.prediction.predictor import load

    warnings.simplefilter("ignore")
    model = load(weights, members=members)

    def crystal(record: dict[str, Any]) -> Any:
        return Crystal.ordered(
            np.array(record["lattice"]), np.array(record["frac_coords"]), record["species"],
            name=record["id"],
        )  # fmt: skip

    for line in sys.stdin:
        question = json.loads(line)
        crystals = [crystal(record) for record in question["crystals"]]
        if question["what"] == "times":
            start = time.process_time()
            for each in crystals:
                next(model.predict_many([each], errors="yield"))
            answer: Any = time.process_time() - start
        else:
            found = next(model.predict_many(crystals))
            q = np.array(question["qpoints"] or [*found.lattice.mesh().qpoints, *ANYWHERE])
            answer = {
                "qpoints": q.tolist(), "frequencies": found.lattice.frequencies(q).tolist(),
                "lowest": found.stability.lowest, "place": found.stability.place,
                "axis": found.dos.frequencies.tolist(), "dos": found.dos.densities.tolist(),
            }  # fmt: skip
        print(json.dumps(answer), flush=True)


def records_of(path: Path) -> list[dict[str, Any]]:
    """Return the crystals of a file of lines of JSON."""
    packed = path.read_bytes()
    text = gzip.decompress(packed) if path.suffix == ".gz" else packed
    return [json.loads(line) for line in text.splitlines()]


def compare(versions: list[Version], record: dict[str, Any]) -> tuple[float, float, float]:
    """Return differences: of frequencies, of the lowest [cm^-1], of the spectrum over its peak."""
    theirs = versions[0].ask(what="numbers", crystals=[record], qpoints=None)
    ours = versions[1].ask(what="numbers", crystals=[record], qpoints=theirs["qpoints"])
    w, v = (np.array(x["frequencies"]) for x in (theirs, ours))
    same = np.interp(theirs["axis"], ours["axis"], ours["dos"])
    apart = np.abs(same - theirs["dos"]).max() / max(theirs["dos"])
    if theirs["place"] != ours["place"]:
        print(f"  {record['id']}: lowest {theirs['place']} -> {ours['place']}")
    return float(np.abs(w - v).max()), abs(theirs["lowest"] - ours["lowest"]), float(apart)


def timed(versions: list[Version], records: list[dict[str, Any]], rounds: int) -> np.ndarray:
    """Return (rounds, 2) processor seconds, after one round to warm up."""
    turns: Iterator[list[float]] = (
        [v.ask(what="times", crystals=records) for v in versions] for _ in range(rounds + 1)
    )
    return np.array(list(turns))[1:]


def main() -> None:
    """Print times and differences."""
    if len(sys.argv) < 3:  # `make bench` has no second version
        print("skipped: it takes another checkout and a file of structures")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("other", type=Path)
    parser.add_argument("structures", type=Path)
    parser.add_argument("--atoms", type=int, nargs="*", default=[2, 8, 24, 48, 96])
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--draw", type=int, default=60)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--weights", default="lattice")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    here = Path(__file__).parent.parent / "src"
    versions = [Version(s.resolve(), asked.weights, asked.members) for s in (asked.other, here)]
    records, rng = records_of(asked.structures), np.random.default_rng(asked.seed)
    drawn = [records[k] for k in rng.choice(len(records), asked.draw, replace=False)]
    print(f"{asked.weights}, {asked.members} member(s); ms of the processor, median (least)")
    for n in asked.atoms:
        sized = [r for r in records if len(r["species"]) == n]
        for k in rng.choice(len(sized), asked.each, replace=False):
            show(versions, [sized[k]], f"{n:4d} atoms, {sized[k]['id']:12s}", asked.rounds)
    if not drawn:
        return
    mean = np.mean([len(r["species"]) for r in drawn])
    found = timed(versions, drawn, max(asked.rounds // 3, 1))
    a, b = len(drawn) / np.median(found, axis=0)
    print(
        f"{len(drawn)} crystals of {mean:.1f} atoms: {a:.1f} -> {b:.1f} a second of one processor"
    )
    apart = np.array([compare(versions, record) for record in drawn])
    w, lowest, dos = apart.max(axis=0)
    print(
        f"  largest difference of a frequency {w:.1e}, of the lowest {lowest:.1e} cm^-1, of a "
        f"spectrum {dos:.1e} of its peak"
    )


def show(versions: list[Version], records: list[dict[str, Any]], label: str, rounds: int) -> None:
    """Print times of crystals and how far their numbers are apart."""
    found = 1e3 * timed(versions, records, rounds)
    (a, b), (c, d) = np.median(found, axis=0), found.min(axis=0)
    w, lowest, _ = compare(versions, records[0])
    ratio = np.median(found[:, 0] / found[:, 1])
    print(
        f"{label} {a:7.1f} ({c:6.1f}) -> {b:7.1f} ({d:6.1f})  x {ratio:.2f}"
        f"  frequencies {w:.1e}, lowest {lowest:.1e} cm^-1",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
