"""The task of the spectrum network: samples, loss and measures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from phonodos.datasets.dataset import Dataset
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.model.graph import collate
from phonodos.model.spectrum import SpectrumNetwork, normalise
from phonodos.training import losses
from phonodos.training.checkpoint import seeded
from phonodos.training.config import TrainConfig
from phonodos.training.losses import Sample, SpectrumTask, make_task
from phonodos.training.module import NetworkModule

Configure = Callable[..., TrainConfig]


@pytest.fixture
def task(configure: Configure) -> SpectrumTask:
    made = make_task(configure("run", dtype="float64"))
    assert isinstance(made, SpectrumTask)
    return made


@pytest.fixture
def samples(task: SpectrumTask, data: Path) -> list[Sample]:
    return task.samples(Dataset.open(data / "data.parquet"))


@pytest.fixture
def network(configure: Configure) -> NetworkModule:
    torch.manual_seed(0)
    return NetworkModule(SpectrumNetwork, configure("run").network).double()


def test_samples(samples: list[Sample], data: Path) -> None:
    dataset = Dataset.open(data / "data.parquet")
    assert [s.id for s in samples] == dataset.ids
    for sample, target in zip(samples, dataset.targets, strict=True):
        assert sample.graph.edge_vectors.dtype == sample.target.dtype == torch.float64
        assert sample.target.shape == (1, 51)
        np.testing.assert_array_equal(sample.target[0].numpy(), target)
    lengths = torch.linalg.vector_norm(samples[0].graph.edge_vectors, dim=1)
    assert float(lengths.min()) == pytest.approx(2.82)
    assert float(lengths.max()) < 5.0


def test_precision_follows_the_configuration(configure: Configure, data: Path) -> None:
    task = make_task(configure("run", dtype="float32"))
    sample = task.samples(Dataset.open(data / "data.parquet"))[0]
    assert sample.graph.site_masses.dtype == sample.target.dtype == torch.float32


def test_loss_is_the_mean_of_every_crystal_alone(
    task: SpectrumTask, samples: list[Sample], network: NetworkModule
) -> None:
    generator = seeded(0)
    alone = [float(task.loss(network, [s], generator).detach()) for s in samples]
    with torch.no_grad():
        first = normalise(network(samples[0].graph))
    assert alone[0] == pytest.approx(float(((first - samples[0].target) ** 2).mean()))
    together = float(task.loss(network, samples, generator).detach())
    assert together == pytest.approx(np.mean(alone))
    assert len({round(x, 12) for x in alone}) == len(alone)


def test_loss_of_the_target_itself_is_zero(task: SpectrumTask, samples: list[Sample]) -> None:
    class Oracle(torch.nn.Module):
        def forward(self, graph: object) -> torch.Tensor:  # noqa: ARG002
            return 7.0 * torch.cat([s.target for s in samples])

    assert float(task.loss(Oracle(), samples, seeded(0))) < 1e-30
    found = task.validate(Oracle(), samples)
    assert found["mse"] < 1e-30
    assert found["r2"] == pytest.approx(1.0)


def test_loss_has_a_gradient_everywhere(
    task: SpectrumTask, samples: list[Sample], network: NetworkModule
) -> None:
    task.loss(network, samples, seeded(0)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0.0, name


def test_a_network_that_gives_zero_is_no_nan(
    task: SpectrumTask, samples: list[Sample], network: NetworkModule
) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    loss = task.loss(network, samples, seeded(0))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_validation_is_the_measures_on_all_samples(
    task: SpectrumTask,
    samples: list[Sample],
    network: NetworkModule,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with torch.no_grad():
        rows = normalise(network(collate([s.graph for s in samples]))).numpy()
    wanted = spectrum_scores(torch.cat([s.target for s in samples]).numpy(), rows)
    network.train()
    for atoms in (1, 5, 512):  # whatever the size of the batches
        monkeypatch.setattr(losses, "VALIDATION_ATOMS", atoms)
        assert task.validate(network, samples) == pytest.approx(wanted, rel=1e-9)
    assert network.training
    assert all(p.grad is None for p in network.parameters())
