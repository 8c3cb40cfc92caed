"""Prediction with the released weights, in one run: one by one against batches, the shares of
time inside, the memory of a batch of 256, and the shares of the whole `phonodos predict`.

    python benchmarks/prediction.py [--crystals N]
    python benchmarks/prediction.py --warm [STRUCTURE ...]

With --warm: processor time of one thread of structures of 2, 8, 24 and 100 atoms (or of those
given), one member and all. Run it in turn with another version to compare the two.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from crystals import synthetic_crystals

from phonodos.prediction import predictor
from phonodos.prediction.predictor import Predictor, load
from phonodos.structures.reading import read_crystal

EXAMPLE = Path(__file__).parent.parent / "examples" / "SrTiO3.cif"
BATCH = 256
REPEATS = 3
SIZES, WARM = (2, 8, 24, 100), 12


class Clock:
    """Seconds spent in functions, by label."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def watch(self, owner: Any, name: str, label: str) -> Callable[[], None]:
        """Time every call of `owner.name` from now on; return what ends it."""
        plain = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return plain(*args, **kwargs)
            finally:
                self.seconds[label] += time.perf_counter() - start

        setattr(owner, name, timed)
        return lambda: setattr(owner, name, plain)

    def show(self, total: float, rest: str, n: int = 1) -> None:
        """Print every share of `total` and what is left."""
        left = {rest: max(total - sum(self.seconds.values()), 0.0)}
        for label, value in (self.seconds | left).items():
            print(f"  {label:36s} {value / n * 1e3:9.2f} ms {100 * value / total:6.1f} %")


def peak_memory() -> float:
    """Return the largest memory of this process so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def batched_against_single(model: Predictor, n: int) -> None:
    crystals = synthetic_crystals(n)
    list(model.predict_many(crystals[:32]))
    single, batched = [], []
    for _ in range(REPEATS):  # in turn, so that a busy machine slows both
        start = time.perf_counter()
        for crystal in crystals[: n // 4]:
            next(model.predict_many([crystal]))
        single.append((n // 4) / (time.perf_counter() - start))
        start = time.perf_counter()
        done = sum(1 for _ in model.predict_many(crystals))
        batched.append(done / (time.perf_counter() - start))
    a, b = max(single), max(batched)
    print(f"{n} crystals of 8 atoms, {model.name}")
    print(f"  one by one {a:7.1f} /s   batched {b:7.1f} /s   x {b / a:.2f}")


def shares(model: Predictor, n: int) -> None:
    crystals = synthetic_crystals(n)
    clock = Clock()
    stops = [
        clock.watch(predictor, "primitive_cell", "primitive cell"),
        clock.watch(model.answers, "graph", "graph"),
        clock.watch(model.answers, "answer", "network and spectrum"),
    ]
    start = time.perf_counter()
    list(model.predict_many(crystals))
    total = time.perf_counter() - start
    for stop in stops:
        stop()
    print("share of predict_many, a crystal")
    clock.show(total, "the rest", n)


def memory() -> None:
    """All crystals in one batch, in a process of its own."""
    command = [sys.executable, __file__, "--one-batch"]
    before, after = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(f"memory of one batch of {BATCH} crystals of 8 atoms")
    print(f"  peak {after:.2f} GiB, of which the batch {after - before:.2f} GiB")


def one_batch() -> None:
    model = load()
    crystals = synthetic_crystals(BATCH)
    list(model.predict_many(crystals[:1]))
    before = peak_memory()
    predictor.BATCH_ATOMS, predictor.LOOK_AHEAD = 8 * BATCH, BATCH
    assert len(list(model.predict_many(crystals))) == BATCH
    print(json.dumps([before, peak_memory()]))


def warm(structures: list[str]) -> None:
    """Print the processor time of one structure after the other, with one member and with all."""
    crystals = [read_crystal(Path(path)) for path in structures] or [
        synthetic_crystals(1, n_atoms=n)[0] for n in SIZES
    ]
    models = [load(members=1), load()]
    for crystal in crystals:
        times: list[list[float]] = [[], []]
        for k in range(WARM):
            for model, found in zip(models, times, strict=True):
                start = time.process_time()
                next(model.predict_many([crystal]))
                if k:
                    found.append(1e3 * (time.process_time() - start))
        one, every = (f"{np.median(t):7.1f} ({min(t):6.1f})" for t in times)
        print(f"{crystal.label:24s} {crystal.n_atoms:4d} atoms  one {one}  all {every} ms")


def whole_command() -> None:
    print(f"phonodos --help and phonodos predict examples/{EXAMPLE.name}, new processes")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "phonodos", "--help"], check=True, capture_output=True)
    print(f"  {'--help':36s} {1e3 * (time.perf_counter() - start):9.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        for options in (["--no-plot"], []):
            command = [sys.executable, __file__, "--command", *options, "-o", folder]
            start = time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            total = time.perf_counter() - start
            clock = Clock()
            clock.seconds.update(json.loads(done.stderr.splitlines()[-1]))
            print(f"  predict {' '.join(options)}".rstrip() + f": {total:.2f} s")
            clock.show(total, "start: interpreter, imports, reading")


def watched_command(words: list[str]) -> None:
    """Run `phonodos predict` in this process; print the seconds of its parts on stderr."""
    from phonodos.cli import predict
    from phonodos.cli.main import app

    clock = Clock()
    plain = predictor.load

    def watched_load(*args: Any, **kwargs: Any) -> Predictor:
        model = plain(*args, **kwargs)
        clock.watch(model.answers, "graph", "graph")
        clock.watch(model.answers, "answer", "network and spectrum")
        return model

    predictor.load = watched_load
    clock.watch(predictor, "load", "loading weights")
    clock.watch(predict, "write_outputs", "output")
    try:
        app(["predict", str(EXAMPLE), *words])
    except SystemExit as end:
        if end.code:
            raise
    print(json.dumps(clock.seconds), file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one-batch"]:
        one_batch()
    elif sys.argv[1:2] == ["--command"]:
        watched_command(sys.argv[2:])
    elif sys.argv[1:2] == ["--warm"]:
        warm(sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--crystals", type=int, default=256)
        n = parser.parse_args().crystals
        released = load()
        batched_against_single(released, n)
        shares(released, n)
        memory()
        whole_command()
