"""A training step of the paper's network (batch 1), ours beside the plain e3nn form, in one run.

The two start from the same weights; the outputs are compared first. An epoch is 1,218 steps.
"""

import statistics
import time

import torch
from crystals import synthetic_crystals
from plain_network import PlainNetwork, copy_weights
from torch import nn

from phonodos.model.graph import build_graph, collate
from phonodos.model.spectrum import SpectrumConfig, SpectrumNetwork, normalise
from phonodos.training.module import NetworkModule

STEPS, EPOCH, BATCHES = 24, 1218, (1, 8)


def steps_time(network: nn.Module, batches: list, targets: torch.Tensor) -> float:
    """Return the median seconds of one optimisation step."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.05, fused=True)
    seconds = []
    for graph in batches:
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = torch.mean((normalise(network(graph)) - targets[: graph.n_crystals]) ** 2)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours = NetworkModule(SpectrumNetwork, SpectrumConfig())
    plain = PlainNetwork(ours)
    copy_weights(plain, ours)
    graphs = [build_graph(c, 5.0).to(dtype=torch.float32) for c in synthetic_crystals(STEPS)]
    with torch.no_grad():
        a, b = normalise(ours(collate(graphs))), normalise(plain(collate(graphs)))
    print(f"largest difference of the normalised outputs: {float((a - b).abs().max()):.1e}")
    targets = torch.rand(max(BATCHES), 51)
    base = 0.0
    print(f"{'network':>9} {'batch':>5} {'step [ms]':>10} {'epoch [s]':>10} {'speed-up':>8}")
    for name, network, size in (
        ("plain", plain, 1),
        *(("phonodos", ours, size) for size in BATCHES),
    ):
        batches = [
            collate([graphs[(size * k + i) % STEPS] for i in range(size)]) for k in range(STEPS)
        ]
        step = steps_time(network, batches, targets)
        epoch = step * EPOCH / size
        base = base or epoch
        row = f"{name:>9} {size:5d} {step * 1e3:10.1f} {epoch:10.1f} {base / epoch:8.1f}"
        print(row)


if __name__ == "__main__":
    main()
