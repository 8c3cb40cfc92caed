"""A training step of lattice dynamics: crystals a second, where the time goes, what each loss adds.

The steps are those of `phonodos train` on real records, from the released weights, batches of 6
crystals alike in size, one thread; times are processor time, so that other work does not count.

    python benchmarks/lattice_training.py DATASET [WEIGHTS]
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phonodos.datasets.dataset import Dataset
from phonodos.model.weights import read_member, weights_path
from phonodos.training import lattice_losses
from phonodos.training.config import LatticeLossConfig, read_config
from phonodos.training.lattice_losses import LatticeTask
from phonodos.training.lattice_samples import LatticeSample
from phonodos.training.module import NetworkModule

CONFIG = Path(__file__).parent.parent / "configs" / "lattice.toml"
STEPS, BATCH, SEED = 40, 6, 0
LOSSES = ("bands", "dos", "tensors", "force_constants")
PARTS = {
    "collate_bonded": "joining crystals",
    "settled": "sum rules",
    "settled_matrices": "dynamical matrices",
    "frequencies": "diagonalisation",
}


@contextmanager
def clocked(spent: dict[str, float]) -> Iterator[None]:
    """Count the processor time of the forward parts by label."""
    originals = {name: getattr(lattice_losses, name) for name in PARTS}

    def timed(function: Callable[..., Any], label: str) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            start = time.process_time()
            found = function(*words, **more)
            spent[label] = spent.get(label, 0.0) + time.process_time() - start
            return found

        return call

    for name, label in PARTS.items():
        setattr(lattice_losses, name, timed(originals[name], label))
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(lattice_losses, name, function)


def batches_of(task: LatticeTask, dataset: Dataset) -> list[list[LatticeSample]]:
    """Return batches of crystals alike in size, drawn from all over the data set."""
    chosen = np.random.default_rng(SEED).choice(len(dataset), STEPS * BATCH, replace=False)
    records = dataset.select([dataset.ids[int(i)] for i in chosen])
    samples = sorted(task.samples(records), key=task.size)
    return [samples[k : k + BATCH] for k in range(0, len(samples), BATCH)]


def step_times(network: NetworkModule, task: LatticeTask, batches: list[Any]) -> dict[str, float]:
    """Return the seconds of every part over all steps."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
    spent: dict[str, float] = {}
    forward = {"network, losses": 0.0, "backward": 0.0, "optimiser": 0.0}
    with clocked(spent):
        for batch in batches:
            marks = [time.process_time()]
            optimizer.zero_grad()
            loss = task.loss(network, batch, torch.Generator().manual_seed(SEED))
            marks.append(time.process_time())
            loss.backward()
            marks.append(time.process_time())
            optimizer.step()
            marks.append(time.process_time())
            for label, seconds in zip(forward, np.diff(marks), strict=True):
                forward[label] += float(seconds)
    forward["network, losses"] -= sum(spent.values())
    return spent | forward


def loss_shares(network: NetworkModule, task: LatticeTask, batches: list[Any]) -> dict[str, float]:
    """Return the mean contribution of every loss to the sum that is minimised."""
    weights, found = task.weights, {}
    for name in LOSSES:
        alone = dict.fromkeys(LOSSES, 0.0) | {name: getattr(weights, name)}
        task.weights = LatticeLossConfig(**alone, budget=weights.budget)
        with torch.no_grad():
            values = [task.loss(network, b, torch.Generator().manual_seed(SEED)) for b in batches]
        found[name] = float(torch.stack(values).mean())
    task.weights = weights
    return found


def main() -> None:
    if len(sys.argv) < 2:  # `make bench` has no data
        print("skipped: it takes a data set")
        return
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    task = LatticeTask(read_config(CONFIG))
    batches = batches_of(task, Dataset.open(Path(sys.argv[1])))
    name = sys.argv[2] if len(sys.argv) > 2 else "lattice"
    held = read_member(weights_path(name))
    network = NetworkModule(type(held), held.config)
    network.fill(held)
    step_times(network, task, batches[:: STEPS // 8])  # warm
    spent = step_times(network, task, batches)
    total, n = sum(spent.values()), STEPS * BATCH
    atoms = sum(task.size(s) for batch in batches for s in batch)
    print(f"{n} crystals, {atoms} atoms: {n / total:.1f} crystals/s, {atoms / total:.0f} atoms/s")
    for label, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        print(f"  {label:20s} {1e3 * seconds / n:7.1f} ms a crystal {100 * seconds / total:5.1f} %")
    values = loss_shares(network, task, batches)
    for label, value in values.items():
        share = 100 * value / sum(values.values())
        print(f"  loss {label:15s} {value:9.5f} {share:5.1f} % of the sum")


if __name__ == "__main__":
    main()
