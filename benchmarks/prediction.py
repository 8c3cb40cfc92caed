"""Prediction with the released weights: one by one against batched, the parts of a `predict`."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from crystals import synthetic_crystals

from phonodos.model.graph import build_graph, collate
from phonodos.model.spectrum import SpectrumNetwork
from phonodos.prediction.predictor import load

N = 256
EXAMPLE = Path(__file__).parent.parent / "examples" / "SrTiO3.cif"


def batched_against_single() -> None:
    model = load()
    crystals = synthetic_crystals(N)
    list(model.predict_many(crystals[:32]))
    start = time.perf_counter()
    for crystal in crystals[:64]:
        next(model.predict_many([crystal]))
    single = 64 / (time.perf_counter() - start)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    n = sum(1 for _ in model.predict_many(crystals))
    batched = n / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"crystals of 8 atoms, {torch.get_num_threads()} threads")
    print(f"  one by one {single:7.1f} /s   batched {batched:7.1f} /s   x {batched / single:.2f}")
    print(
        f"  peak memory {peak / 2**20:.2f} GiB, of which batches {(peak - before) / 2**20:.2f} GiB"
    )


def shares() -> None:
    model = load()
    crystals = synthetic_crystals(N)
    network = model.network
    assert isinstance(network, SpectrumNetwork)
    seconds = {}
    start = time.perf_counter()
    graphs = [build_graph(c, network.config.cutoff) for c in crystals]
    seconds["graph"] = time.perf_counter() - start
    start = time.perf_counter()
    with torch.inference_mode():
        for i in range(0, N, 64):
            network(collate(graphs[i : i + 64]).to(dtype=model.dtype))
    seconds["network"] = time.perf_counter() - start
    start = time.perf_counter()
    list(model.predict_many(crystals))
    rest = time.perf_counter() - start - sum(seconds.values())
    seconds["primitive cell, spectrum, checks"] = max(rest, 0.0)
    total = sum(seconds.values())
    print("share of predict_many")
    for name, value in seconds.items():
        print(f"  {name:34s} {value / N * 1e3:7.2f} ms a crystal {100 * value / total:5.1f} %")


def start_up() -> None:
    print("whole command, phonodos predict examples/SrTiO3.cif")
    with tempfile.TemporaryDirectory() as folder:
        for label, arguments in (
            ("--help", ["--help"]),
            ("predict --no-plot", ["predict", str(EXAMPLE), "-o", folder, "--no-plot"]),
            ("predict", ["predict", str(EXAMPLE), "-o", folder]),
        ):
            start = time.perf_counter()
            command = [sys.executable, "-m", "phonodos", *arguments]
            subprocess.run(command, check=True, capture_output=True)
            print(f"  {label:20s} {time.perf_counter() - start:6.2f} s")


if __name__ == "__main__":
    batched_against_single()
    shares()
    start_up()
