"""What a network is taught: samples, the loss of a batch, and the measures on valid.

A task belongs to a kind of network; the loop knows nothing of what it optimises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.model.graph import CrystalGraph, build_graph, collate
from phonodos.model.kinds import KINDS, resolved
from phonodos.model.spectrum import normalise
from phonodos.training.config import TrainConfig

VALIDATION_ATOMS = 512  # atoms a batch when nothing is learned


@dataclass(frozen=True)
class Sample:
    """One crystal as the network sees it, and what it should give."""

    id: str
    graph: CrystalGraph
    target: Tensor


class Task(Protocol):
    """What the loop asks of a kind of network."""

    def samples(self, dataset: Dataset, *, judged: bool = False) -> list[Any]:
        """Return the samples of a data set, graphs built once; `judged` ones for validation."""
        ...

    def strained(self, taught: Sequence[Dataset]) -> list[Any]:
        """Return the samples of the teacher of strain; asked only where there is one."""
        ...

    def size(self, sample: Any) -> int:
        """Return the number of atoms of a sample."""
        ...

    def loss(self, network: nn.Module, batch: Sequence[Any], generator: torch.Generator) -> Tensor:
        """Return the scalar loss of a batch; randomness only from `generator`."""
        ...

    def validate(self, network: nn.Module, samples: Sequence[Any]) -> dict[str, float]:
        """Return the measures of accuracy on samples."""
        ...


class SpectrumTask:
    """MSE on the own-maximum 51-point spectrum (Chen et al. 2021)."""

    def __init__(self, config: TrainConfig) -> None:
        self.cutoff = config.network.cutoff
        self.dtype = getattr(torch, config.dtype)
        self.device = config.device

    def size(self, sample: Sample) -> int:
        """Return the number of atoms."""
        return sample.graph.n_atoms

    def samples(self, dataset: Dataset, *, judged: bool = False) -> list[Sample]:  # noqa: ARG002
        """Return graphs and (1, 51) targets."""
        targets = torch.from_numpy(dataset.targets).to(device=self.device, dtype=self.dtype)
        found = []
        for index, (name, crystal) in enumerate(zip(dataset.ids, dataset.crystals(), strict=True)):
            graph = build_graph(crystal, self.cutoff).to(device=self.device, dtype=self.dtype)
            found.append(Sample(name, graph, targets[index : index + 1]))
        return found

    def strained(self, taught: Sequence[Dataset]) -> list[Sample]:  # noqa: ARG002
        """Return nothing: a spectrum has no teacher of strain (`TrainConfig` refuses one)."""
        return []

    def loss(
        self,
        network: nn.Module,
        batch: Sequence[Sample],
        generator: torch.Generator,  # noqa: ARG002 - nothing random here
    ) -> Tensor:
        """Return the mean squared error over the 51 points of all crystals in the batch."""
        predicted = normalise(network(collate([s.graph for s in batch])))
        return torch.mean((predicted - torch.cat([s.target for s in batch])) ** 2)

    @torch.no_grad()
    def validate(self, network: nn.Module, samples: Sequence[Sample]) -> dict[str, float]:
        """Return MSE, R2, WD [cm^-1], mean-frequency MAE [cm^-1] and the share within 10 %."""
        network.eval()
        rows = [
            normalise(network(collate([s.graph for s in batch])))
            for batch in _bounded(samples, VALIDATION_ATOMS)
        ]
        network.train()
        reference = torch.cat([s.target for s in samples]).double().cpu().numpy()
        return spectrum_scores(reference, torch.cat(rows).double().cpu().numpy())


def make_task(config: TrainConfig) -> Task:
    """Return the task of the configured kind of network."""
    task: Task = resolved(KINDS[config.network.kind].task)(config)
    return task


def _bounded(samples: Sequence[Sample], atoms: int) -> list[list[Sample]]:
    batches: list[list[Sample]] = [[]]
    held = 0
    for sample in samples:
        if batches[-1] and held + sample.graph.n_atoms > atoms:
            batches.append([])
            held = 0
        batches[-1].append(sample)
        held += sample.graph.n_atoms
    return batches
