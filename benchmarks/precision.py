"""The same weights in float64, float32 and compressed float32, as released: spectra and scores.

Nothing is trained. Without --data: synthetic crystals, judged against float64 itself. With it: the
valid part of the split in the weight file, judged against the reference spectra.
"""

import argparse
import time

import numpy as np
from crystals import synthetic_crystals

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.model.graph import CrystalGraph, build_graph, collate
from phonodos.model.spectrum import SpectrumNetwork, compressed, normalise
from phonodos.model.weights import load_network, weights_path

BATCH = 32


def spectra(network: SpectrumNetwork, graphs: list[CrystalGraph]) -> tuple[np.ndarray, float]:
    """Return (n, 51) own-maximum spectra and the seconds they took."""
    start = time.perf_counter()
    rows = [
        normalise(network(collate(graphs[i : i + BATCH]))) for i in range(0, len(graphs), BATCH)
    ]
    return np.concatenate(rows).astype(np.float64), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="chen2021")
    parser.add_argument("--data", help="Parquet data set (phonodos data prepare)")
    parser.add_argument("--crystals", type=int, default=64, help="synthetic ones, without --data")
    chosen = parser.parse_args()
    single, header = load_network(weights_path(chosen.model))
    assert isinstance(single, SpectrumNetwork)
    kinds = {
        "float64": single.to(dtype=np.float64),
        "float32": single,
        "float32, compressed": compressed(single),
    }
    if chosen.data:
        records = Dataset.open(chosen.data).select(header.split["valid"])
        crystals, reference = list(records.crystals()), records.targets
    else:
        crystals, reference = synthetic_crystals(chosen.crystals), None
    graphs = [build_graph(c, single.config.cutoff) for c in crystals]
    found = {name: spectra(network, graphs) for name, network in kinds.items()}
    exact = found["float64"][0]
    print(f"{chosen.model}, {len(graphs)} crystals")
    names = list(spectrum_scores(exact, exact))
    print(f"{'':20s} {'largest diff.':>13} {'seconds':>8} " + " ".join(f"{n:>18}" for n in names))
    for name, (values, seconds) in found.items():
        scores = spectrum_scores(exact if reference is None else reference, values)
        numbers = " ".join(f"{scores[n]:18.6f}" for n in names)
        print(f"{name:20s} {np.abs(values - exact).max():13.1e} {seconds:8.2f} {numbers}")


if __name__ == "__main__":
    main()
