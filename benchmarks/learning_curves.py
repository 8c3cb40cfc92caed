"""Learning curves: the error on valid against the number of training crystals.

Two networks, the paper's (chen2021) and the voxel network of `voxel_cnn.py` trained with random
rotations, on nested random subsets of the paper's training part. A smaller subset is passed more
often, so that all sizes take about the same number of steps (at most 64 passes, as in the paper),
and the learning rate falls as far in the end. The error is that of the last epoch.

    python benchmarks/learning_curves.py dfpt2018.parquet split_paper.json --epochs 10
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from voxel_cnn import read_part, train_voxels, valid_errors

from phonodos.datasets.dataset import Dataset
from phonodos.datasets.splits import Split
from phonodos.training.config import TrainConfig, read_config
from phonodos.training.loop import LOG_NAME, fit

NETWORKS = ("voxels", "chen2021")
SIZES = "150,300,600,1218"
MOST_EPOCHS = 64  # of the paper
CONFIG = Path(__file__).parent.parent / "configs" / "chen2021.toml"


def subset(split: Split, size: int, seed: int) -> Split:
    """Return the split with `size` of its training records; larger subsets hold the smaller."""
    order = np.random.default_rng(seed).permutation(split.parts["train"])
    return Split({**split.parts, "train": tuple(str(name) for name in order[:size])})


def passes(size: int, largest: int, epochs: int) -> int:
    """Return the epochs of a subset for about the steps of `epochs` over the largest."""
    return max(epochs, min(MOST_EPOCHS, round(epochs * largest / size)))


def chen_config(dataset: Path, split: Path, folder: Path, epochs: int, seed: int) -> TrainConfig:
    """Return the released settings, shortened: the rate falls as far as over 64 epochs."""
    decay = read_config(CONFIG).optimizer.decay_per_epoch ** (MOST_EPOCHS / epochs)
    values = {
        "folder": str(folder), "data.dataset": str(dataset.absolute()), "data.split": str(split),
        "epochs": epochs, "seed": seed, "threads": 1, "optimizer.decay_per_epoch": decay,
    }  # fmt: skip
    return read_config(CONFIG, [f"{key}={json.dumps(value)}" for key, value in values.items()])


def chen_errors(dataset: Path, split: Split, epochs: int, seed: int) -> tuple[float, float]:
    """Return the errors on valid of the last and of the best epoch."""
    with tempfile.TemporaryDirectory() as place:
        where = Path(place)
        split.write(where / "split.json")
        fit(chen_config(dataset, where / "split.json", where / "run", epochs, seed))
        lines = (where / "run" / LOG_NAME).read_text(encoding="utf-8").splitlines()
    found = [json.loads(line)["valid"]["mse"] for line in lines]
    return found[-1], min(found)


def voxel_errors(path: Path, split: Split, epochs: int, seed: int) -> tuple[float, float]:
    """Return the errors on valid as the cells are stored, and turned at random."""
    dataset = Dataset.open(path)
    train, valid = (read_part(dataset, split.parts[part]) for part in ("train", "valid"))
    network = train_voxels(*train, epochs=epochs, rotate=True, seed=seed)
    return valid_errors(network, *valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", type=Path, nargs="?", help="Parquet data set (phonodos data)")
    parser.add_argument("split", type=Path, nargs="?", help="JSON file with the ids of every part")
    parser.add_argument("--epochs", type=int, default=10, help="over the largest subset")
    parser.add_argument("--sizes", default=SIZES, help="numbers of training crystals")
    parser.add_argument("--network", choices=NETWORKS, help="one of the two only")
    parser.add_argument("--seed", type=int, default=0, help="of subsets and networks")
    given = parser.parse_args()
    if given.split is None:  # `make bench` has no data
        print("skipped: it takes a data set and a split")
        return
    torch.set_num_threads(1)
    split = Split.read(given.split)
    sizes = [int(size) for size in given.sizes.split(",")]
    if max(sizes) > len(split.parts["train"]):
        parser.error(f"there are {len(split.parts['train'])} training crystals")
    print(f"MSE on the {len(split.parts['valid'])} of valid, seed {given.seed}; second error: ")
    print("of the best epoch (chen2021), of crystals turned at random (voxels)")
    head = ("network", "crystals", "epochs", "MSE", "second", "CPU [s]")
    print("{:>9} {:>9} {:>7} {:>8} {:>8} {:>8}".format(*head), flush=True)
    for name in NETWORKS if given.network is None else (given.network,):
        errors = chen_errors if name == "chen2021" else voxel_errors
        for size in sizes:
            epochs = passes(size, max(sizes), given.epochs)
            start = time.process_time()
            found = errors(given.dataset, subset(split, size, given.seed), epochs, given.seed)
            numbers = f"{found[0]:8.4f} {found[1]:8.4f} {time.process_time() - start:8.0f}"
            print(f"{name:>9} {size:9d} {epochs:7d} {numbers}", flush=True)


if __name__ == "__main__":
    main()
