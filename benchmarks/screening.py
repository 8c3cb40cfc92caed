"""Screening: rates by engine beside one-by-one `predict`, shares of the time, memory, broken input.

python benchmarks/screening.py            rates, efficiency of two processes, shares
python benchmarks/screening.py memory     peak memory over 100,000 crystals (repeats)
python benchmarks/screening.py broken     10,000 crystals, 5 % of them broken
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from crystals import synthetic_crystals

from phonodos.model.weights import available
from phonodos.physics.crystal import Crystal
from phonodos.prediction.predictor import load
from phonodos.screening import calculator, rows
from phonodos.screening.calculator import Calculator, Recipe
from phonodos.screening.chunks import chunks
from phonodos.screening.items import Shard, items
from phonodos.screening.screen import Progress, screen
from phonodos.screening.sources import entries
from phonodos.screening.table import write_rows

SIZES = ((8, 400), (24, 200))  # atoms in a crystal, crystals
SINGLE = 24  # crystals for one-by-one predict


def mixed() -> list[Crystal]:
    return [c for n_atoms, n in SIZES for c in synthetic_crystals(n, n_atoms)]


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


def rates(folder: Path, name: str, ray: bool) -> None:
    crystals = mixed()
    atoms = sum(c.n_atoms for c in crystals)
    source = write_lines(folder / "mixed.jsonl", crystals)
    print(f"{name}: {len(crystals)} crystals, {atoms} atoms; rates without the start of the engine")
    model = load(name)
    step = len(crystals) // SINGLE
    start = time.perf_counter()
    for crystal in crystals[::step]:
        next(model.predict_many([crystal]))
    print(
        f"  predict, one by one   {len(crystals[::step]) / (time.perf_counter() - start):8.1f} /s"
    )
    found = {}
    for label, engine, workers in (
        ("serial", "serial", None),
        ("pool, 1 process", "pool", 1),
        ("pool, 2 processes", "pool", 2),
        *([("ray, 2 actors", "ray", 2)] if ray else []),
    ):
        rate = steady_rate(source, folder / f"{name}-{label}.parquet", name, engine, workers)
        found[label] = rate
        share = atoms / len(crystals)
        print(f"  screen, {label:18s} {rate:8.1f} crystals/s {rate * share:9.0f} atoms/s")
    efficiency = found["pool, 2 processes"] / found["pool, 1 process"] / 2
    print(f"  efficiency of two processes over one: {100 * efficiency:.0f} %")


def steady_rate(source: Path, output: Path, name: str, engine: str, workers: int | None) -> float:
    """Return crystals a second between the first and the last rows."""
    seen: list[tuple[float, int]] = []

    def watch(progress: Progress) -> None:
        seen.append((time.perf_counter(), progress.done))

    screen(
        source, output, model=name, engine=engine, workers=workers, max_atoms=256, watch=watch
    )  # fmt: skip
    first, last = seen[1], seen[-1]
    return (last[1] - first[1]) / (last[0] - first[0])


def shares(folder: Path, name: str) -> None:
    source = write_lines(folder / "shares.jsonl", mixed())
    start = time.perf_counter()
    found = list(chunks(items(entries(source), Shard())))
    spent = {"reading": time.perf_counter() - start}
    worker = Calculator(Recipe.of(name, None, (300.0,)))
    answers = worker.predictor.answers
    timed = {"graph": (answers, "graph"), "network and spectrum": (answers, "answer")}
    for label, (home, attribute) in timed.items():
        setattr(home, attribute, clocked(getattr(home, attribute), spent, label))
    rows.space_group = clocked(rows.space_group, spent, "space group")
    calculator.predicted_row = clocked(calculator.predicted_row, spent, "row")
    start = time.perf_counter()
    made = [row for chunk in found for row in worker.rows(chunk)]
    whole = time.perf_counter() - start
    spent["row (thermodynamics)"] = spent.pop("row") - spent["space group"]
    spent["primitive cell, rest"] = whole + spent["reading"] - sum(spent.values())
    start = time.perf_counter()
    write_rows(folder / "t.parquet", made, {"schema_version": 1, "temperatures": [300.0]})
    spent["writing"] = time.perf_counter() - start
    total = sum(spent.values())
    print(f"{name}: share of the time of one process")
    for label, value in spent.items():
        print(f"  {label:22s} {1e3 * value / len(made):6.2f} ms each {100 * value / total:5.1f} %")


def clocked(
    function: Callable[..., object], spent: dict[str, float], label: str
) -> Callable[..., object]:
    def timed(*words: object, **more: object) -> object:
        start = time.perf_counter()
        try:
            return function(*words, **more)
        finally:
            spent[label] = spent.get(label, 0.0) + time.perf_counter() - start

    return timed


def memory(folder: Path) -> None:
    """Repeat 1000 crystals of 2 atoms; the peak must not grow with their number."""
    source = write_lines(folder / "many.jsonl", synthetic_crystals(1000, 2), 100)
    peaks: list[tuple[int, float]] = []

    def watch(progress: Progress) -> None:
        if progress.done >= 10_000 * (len(peaks) + 1):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            peaks.append((progress.done, peak))
            print(f"  {progress.done:7d} crystals: peak {peak:.0f} MiB", flush=True)

    print("serial engine, reading, network and writing in one process")
    screen(source, folder / "many.parquet", engine="serial", watch=watch)


def broken(folder: Path) -> None:
    crystals = synthetic_crystals(10_000, 2)
    source = write_lines(folder / "broken.jsonl", crystals)
    lines = source.read_text().splitlines()
    wrong = set(np.random.default_rng(0).choice(len(lines), 500, replace=False).tolist())
    source.write_text("\n".join(damaged(lines, wrong)))
    summary = screen(source, folder / "broken.parquet")
    named = {int(name.rpartition("-")[2]) for name, _ in summary.progress.failures}
    print(f"{summary.rows} rows, {summary.progress.failed} failed; all named: {named == wrong}")


def damaged(lines: list[str], wrong: set[int]) -> Iterator[str]:
    for i, line in enumerate(lines):
        record = json.loads(line)
        if i in wrong:
            record |= {"species": ["Xx", "O"]} if i % 2 else {"frac_coords": [[0, 0, 0]] * 2}
        yield json.dumps(record)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        if sys.argv[1:] == ["memory"]:
            memory(Path(place))
        elif sys.argv[1:] == ["broken"]:
            broken(Path(place))
        else:
            for weights in available():
                rates(Path(place), weights, "ray" in sys.argv)
                shares(Path(place), weights)
