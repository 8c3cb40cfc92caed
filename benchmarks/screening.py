"""Screening: rates by engine beside one-by-one `predict`, shares of the time, memory, broken input.

python benchmarks/screening.py            rates, efficiency of two processes, shares
python benchmarks/screening.py shares     shares alone
python benchmarks/screening.py memory     peak memory over 100,000 crystals (repeats)
python benchmarks/screening.py broken     10,000 crystals, 5 % of them broken

--weights NAME, again and again: these networks instead of all that are released; --members N: so
many members of an ensemble; --ray: the engine ray too. Shares are processor time of one thread, so
that other work on the machine does not count; rates are those of the clock.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from crystals import synthetic_crystals

from phonodos.datasets.growing import write_rows
from phonodos.model.weights import available
from phonodos.physics.crystal import Crystal
from phonodos.prediction import lattice_dynamics, predictor
from phonodos.prediction.predictor import load
from phonodos.screening import calculator, rows
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.rows import schema
from phonodos.screening.screen import Progress, screen
from phonodos.screening.source import Shard, chunks, items
from phonodos.structures.entries import entries

SIZES = ((8, 400), (24, 200))  # atoms in a crystal, crystals
SINGLE = 24  # crystals for one-by-one predict
SHARED = 6  # every sixth crystal is enough for the shares


def mixed(every: int = 1) -> list[Crystal]:
    return [c for n_atoms, n in SIZES for c in synthetic_crystals(n // every, n_atoms)]


def write_lines(path: Path, crystals: list[Crystal], repeats: int = 1) -> Path:
    with path.open("w") as file:
        for k in range(repeats):
            for i, c in enumerate(crystals):
                record = {
                    "id": f"c-{k}-{i}",
                    "lattice": c.cell.tolist(),
                    "frac_coords": c.frac_coords.tolist(),
                    "species": list(c.symbols),
                }
                file.write(json.dumps(record) + "\n")
    return path


def rates(folder: Path, name: str, members: int | None, ray: bool) -> None:
    crystals = mixed()
    atoms = sum(c.n_atoms for c in crystals)
    source = write_lines(folder / "mixed.jsonl", crystals)
    model = load(name, members=members)
    print(
        f"{name}, {len(model.networks)} member(s): {len(crystals)} crystals, {atoms} atoms; rates "
        "without the start of the engine"
    )
    chosen = crystals[:: len(crystals) // SINGLE]
    next(model.predict_many(chosen[:1]))  # warm
    start = time.perf_counter()
    for crystal in chosen:
        next(model.predict_many([crystal]))
    print(f"  predict, one by one   {len(chosen) / (time.perf_counter() - start):8.1f} /s")
    found = {}
    for label, engine, workers in (
        ("serial", "serial", None),
        ("pool, 1 process", "pool", 1),
        ("pool, 2 processes", "pool", 2),
        *([("ray, 2 actors", "ray", 2)] if ray else []),
    ):
        output = folder / f"{name}-{label}.parquet"
        rate = steady_rate(source, output, name, members, engine, workers)
        found[label] = rate
        share = atoms / len(crystals)
        print(f"  screen, {label:18s} {rate:8.1f} crystals/s {rate * share:9.0f} atoms/s")
    efficiency = found["pool, 2 processes"] / found["pool, 1 process"] / 2
    print(f"  efficiency of two processes over one: {100 * efficiency:.0f} %")


def steady_rate(
    source: Path, output: Path, name: str, members: int | None, engine: str, workers: int | None
) -> float:
    """Return crystals a second between the first and the last rows."""
    seen: list[tuple[float, int]] = []

    def watch(progress: Progress) -> None:
        seen.append((time.perf_counter(), progress.done))

    screen(
        source, output, model=name, members=members, engine=engine, workers=workers,
        max_atoms=256, watch=watch,
    )  # fmt: skip
    first, last = seen[1], seen[-1]
    return (last[1] - first[1]) / (last[0] - first[0])


class Clock:
    """Processor time by label; what is called within another part counts for itself alone."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._labels: list[str] = []
        self._since = 0.0

    @contextmanager
    def part(self, label: str) -> Iterator[None]:
        """Count what is done meanwhile under a label."""
        self._settle()
        self._labels.append(label)
        try:
            yield
        finally:
            self._settle()
            self._labels.pop()

    def timed(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        """Return a function that does the same under a label."""

        def call(*words: Any, **more: Any) -> Any:
            with self.part(label):
                return function(*words, **more)

        return call

    @contextmanager
    def watching(self, places: list[tuple[Any, str, str]]) -> Iterator[None]:
        """Count the functions at (home, name, label) meanwhile."""
        before = [(home, name, getattr(home, name)) for home, name, _ in places]
        for home, name, label in places:
            setattr(home, name, self.timed(getattr(home, name), label))
        try:
            yield
        finally:
            for home, name, function in before:
                setattr(home, name, function)

    def _settle(self) -> None:
        now = time.process_time()
        if self._labels:
            label = self._labels[-1]
            self.spent[label] = self.spent.get(label, 0.0) + now - self._since
        self._since = now


def shares(folder: Path, name: str, members: int | None) -> None:
    """Print what one process does, from the file of structures to the file of results."""
    source = write_lines(folder / "shares.jsonl", mixed(SHARED))
    worker = Calculator(Recipe.of(name, members, (300.0,)))
    answers = worker.predictor.answers
    home = lattice_dynamics.LatticeDynamics
    places = [
        (predictor, "primitive_cell", "primitive cell"),
        (answers, "graph", "graph"),
        (answers, "answer", "batches, doubts"),
        (home, "mesh", "mesh (symmetry)"),
        (lattice_dynamics, "settled", "sum rules"),
        (lattice_dynamics, "settled_matrices", "matrices"),
        (lattice_dynamics, "frequencies", "diagonalisation"),
        (lattice_dynamics, "spectrum", "spectrum"),
        (calculator, "predicted_row", "thermodynamics"),
        (rows, "space_group", "space group"),
    ]
    worker.rows(next(iter(chunks(items(entries(source), Shard())))))  # warm
    clock = Clock()
    networks = answers.networks
    answers.networks = [clock.timed(network, "network") for network in networks]
    with clock.watching(places), clock.part("rest"):
        with clock.part("reading"):
            found = list(chunks(items(entries(source), Shard())))
        made = [row for chunk in found for row in worker.rows(chunk)]
        with clock.part("writing"):
            settings = {"schema_version": 1, "temperatures": [300.0]}
            write_rows(folder / "shares.parquet", made, schema(settings))
    answers.networks = networks
    total = sum(clock.spent.values())
    print(f"{name}, {len(networks)} member(s): shares of the time of one process")
    order = ["reading", *(label for _, _, label in places), "network", "rest", "writing"]
    for label in order:
        if label in clock.spent:
            value = clock.spent[label]
            print(
                f"  {label:18s} {1e3 * value / len(made):7.2f} ms each {100 * value / total:5.1f} %"
            )


def memory(folder: Path, model: str | None, members: int | None) -> None:
    """Repeat 1000 crystals of 2 atoms; the peak must not grow with their number."""
    source = write_lines(folder / "many.jsonl", synthetic_crystals(1000, 2), 100)
    peaks: list[tuple[int, float]] = []

    def watch(progress: Progress) -> None:
        if progress.done >= 10_000 * (len(peaks) + 1):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            peaks.append((progress.done, peak))
            print(f"  {progress.done:7d} crystals: peak {peak:.0f} MiB", flush=True)

    print("serial engine, reading, network and writing in one process")
    screen(
        source, folder / "many.parquet", model=model, members=members, engine="serial",
        watch=watch,
    )  # fmt: skip


def broken(folder: Path, model: str | None, members: int | None) -> None:
    crystals = synthetic_crystals(10_000, 2)
    source = write_lines(folder / "broken.jsonl", crystals)
    lines = source.read_text().splitlines()
    wrong = set(np.random.default_rng(0).choice(len(lines), 500, replace=False).tolist())
    source.write_text("\n".join(damaged(lines, wrong)))
    summary = screen(source, folder / "broken.parquet", model=model, members=members)
    named = {int(name.rpartition("-")[2]) for name, _ in summary.progress.failures}
    print(f"{summary.rows} rows, {summary.progress.failed} failed; all named: {named == wrong}")


def damaged(lines: list[str], wrong: set[int]) -> Iterator[str]:
    for i, line in enumerate(lines):
        record = json.loads(line)
        if i in wrong:
            record |= {"species": ["Xx", "O"]} if i % 2 else {"frac_coords": [[0, 0, 0]] * 2}
        yield json.dumps(record)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser()
    what = ("all", "shares", "memory", "broken")
    parser.add_argument("what", nargs="?", default="all", choices=what)
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--members", type=int)
    parser.add_argument("--ray", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if asked.what in ("memory", "broken"):
            model = asked.weights[0] if asked.weights else None
            {"memory": memory, "broken": broken}[asked.what](Path(place), model, asked.members)
            return
        for name in asked.weights or available():
            if asked.what == "all":
                rates(Path(place), name, asked.members, asked.ray)
            shares(Path(place), name, asked.members)


if __name__ == "__main__":
    main()
