"""A new kind of network is one entry of `KINDS`: trained, saved, answered, judged, calibrated."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor
from typer.testing import CliRunner

from phonodos.cli.main import app
from phonodos.datasets.dataset import write_dataset
from phonodos.datasets.splits import Split
from phonodos.errors import PhonodosError, PhonodosWarning, WeightsError
from phonodos.evaluation.metrics import spectrum_scores
from phonodos.model.arrays import Array, indices_like, library_of, like, softplus, sums_at
from phonodos.model.graph import CrystalGraph, build_graph, collate
from phonodos.model.header import WeightHeader
from phonodos.model.kinds import KINDS, Kind, Words, build_network, kind_of, network_of, resolved
from phonodos.model.network import Network, NetworkConfig
from phonodos.model.parameters import Table, linear
from phonodos.model.reference import reference_crystals
from phonodos.model.trunk import affine
from phonodos.physics.crystal import Crystal
from phonodos.physics.target import TARGET_GRID, dos_from_target
from phonodos.prediction.answers import Answer
from phonodos.prediction.doubts import training_doubts
from phonodos.prediction.mixtures import methods_of
from phonodos.prediction.predictor import load
from phonodos.training.module import NetworkModule


class ToyConfig(NetworkConfig):
    kind: Literal["toy"] = "toy"
    cutoff: float = Field(4.0, gt=0, le=20.0)
    width: int = Field(3, gt=0, le=100)


class Toy(Network):
    """The mean of the elements' fractions decides; neighbours do not count."""

    config: ToyConfig

    @classmethod
    def table(cls, config: ToyConfig) -> Table:
        return (*linear("first", 118, config.width), *linear("last", config.width, TARGET_GRID.n))

    def __call__(self, graph: CrystalGraph) -> Array:
        fractions = like(graph.fractions, self.parameters["first.weight"])
        batch = indices_like(graph.batch, fractions)
        total = sums_at(graph.n_crystals, batch, fractions)
        hidden = library_of(total).tanh(affine(self.parameters, "first", total))
        return softplus(affine(self.parameters, "last", hidden))


class ToyAnswers:
    def __init__(
        self, networks: Sequence[Toy], header: WeightHeader, device: str, project: bool
    ) -> None:
        assert (device, project) == ("cpu", False)
        self.networks, self.header = networks, header

    def graph(self, crystal: Crystal) -> CrystalGraph:
        return build_graph(crystal, self.networks[0].config.cutoff)

    def answer(
        self, crystals: Sequence[Crystal], graphs: Sequence[CrystalGraph]
    ) -> list[Answer | PhonodosError]:
        values = np.mean([n(collate(graphs)) for n in self.networks], axis=0, dtype=np.float64)
        return [
            Answer(dos_from_target(v, c.n_atoms), tuple(training_doubts(c, self.header)))
            for c, v in zip(crystals, values, strict=True)
        ]


class ToyTask:
    def __init__(self, config: Any) -> None:
        self.cutoff = config.network.cutoff

    def size(self, sample: Any) -> int:
        return int(sample.graph.n_atoms)

    def samples(self, dataset: Any, *, judged: bool = False) -> list[Any]:
        from phonodos.training.losses import Sample

        del judged
        targets = torch.from_numpy(dataset.targets).float()
        return [
            Sample(name, build_graph(c, self.cutoff).to(dtype=torch.float32), t[None])
            for name, c, t in zip(dataset.ids, dataset.crystals(), targets, strict=True)
        ]

    def loss(
        self, network: NetworkModule, batch: Sequence[Any], generator: torch.Generator
    ) -> Tensor:
        del generator
        found = network(collate([s.graph for s in batch]))
        return torch.mean((found - torch.cat([s.target for s in batch])) ** 2)

    @torch.no_grad()
    def validate(self, network: NetworkModule, samples: Sequence[Any]) -> dict[str, float]:
        found = network(collate([s.graph for s in samples]))
        truth = torch.cat([s.target for s in samples])
        return spectrum_scores(truth.double().numpy(), found.double().numpy())


def toy_reference(network: Toy) -> Array:
    graphs = [build_graph(c, network.config.cutoff) for c in reference_crystals()]
    return network(collate(graphs))


TOY = Kind(
    ToyConfig, Toy, toy_reference, answers=ToyAnswers, task=ToyTask,
    words=Words("A toy that knows elements only.", ("It knows no distances.",)),
)  # fmt: skip
CONFIG = """name = "toy"
folder = "run"
epochs = 3
batch_size = 4
[data]
dataset = "data.parquet"
split = "split.json"
[network]
kind = "toy"
width = 2
"""


def record(first: str, second: str, a: float) -> dict[str, Any]:
    w = TARGET_GRID.frequencies
    peak = 100.0 + 3.0 * len(first) * a * ord(second[0]) / 10
    spectrum = np.exp(-(((w - peak) / 60) ** 2)) + 0.2 * np.exp(-(((w - peak / 2) / 40) ** 2))
    cell = a / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return {
        "id": first + second, "source": "made up", "formula": first + second, "n_atoms": 2,
        "species": [first, second], "cell": cell.ravel().tolist(),
        "frac_coords": [0.0, 0.0, 0.0, 0.5, 0.5, 0.5], "dos_frequencies": w.tolist(),
        "dos_densities": (spectrum * 6 / np.trapezoid(spectrum, w)).tolist(),
        "target": (spectrum / spectrum.max()).tolist(),
    }  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set of made-up spectra and a configuration; the kind is registered."""
    monkeypatch.setitem(KINDS, "toy", TOY)
    monkeypatch.chdir(tmp_path)
    pairs = [(m, x) for m in ("Li", "Na", "K", "Rb", "Mg", "Ca") for x in ("F", "Cl", "Br", "I",
             "O", "S", "Se", "Te")]  # fmt: skip
    rows = [record(m, x, 4.5 + 0.1 * k % 1.5) for k, (m, x) in enumerate(pairs)]
    write_dataset(tmp_path / "data.parquet", rows, {"citation": "nobody"})
    ids = [row["id"] for row in rows]
    parts = {"train": tuple(ids[:14]), "valid": tuple(ids[14:46]), "test": tuple(ids[46:])}
    Split(parts).write(tmp_path / "split.json")
    (tmp_path / "toy.toml").write_text(CONFIG)
    return tmp_path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_a_toy_kind_needs_its_entry_only(desk: Path, examples: Path) -> None:
    run("train", "toy.toml")
    best = "run/best.safetensors"
    shutil.copy(best, "first.safetensors")
    run("train", "--resume", "run", "epochs=4")
    run("predict", str(examples / "NaCl.cif"), "--model", best, "-o", "out", "--no-plot")
    assert (desk / "out" / "NaCl" / "total_dos.dat").is_file()
    run("evaluate", best, "--data", "data.parquet", "--part", "valid", "-o", "judged")
    assert json.loads((desk / "judged" / "metrics.json").read_text())["n"] == 32
    assert "factor" in run("models", "calibrate", best, "--data", "data.parquet")
    run("models", "join", "first.safetensors", best, "-o", "two.safetensors", "--name", "two")
    run("screen", str(examples), "-o", "table.parquet", "--model", best, "--engine", "serial")
    assert "0 differ" in run("results", "verify", "table.parquet", "--model", best)
    card = run("models", "card", best, "--metrics", "judged/metrics.json")
    assert "A toy that knows elements only." in card
    assert "- It knows no distances." in card
    assert "Deviations from" not in card
    model = load(best)
    assert isinstance(model.networks[0], Toy)
    assert methods_of(model) == ("embedding",)
    with pytest.warns(PhonodosWarning, match="rarely seen in training"):
        prediction = model.predict(examples / "NaCl.cif")
    assert prediction.dos.integral == pytest.approx(24.0)  # of the conventional cell
    assert prediction.intervals["mean_frequency"].half_width > 0.0
    assert len(load("two.safetensors").networks) == 2


def test_its_settings_are_checked_like_those_of_others(desk: Path) -> None:
    done = CliRunner().invoke(app, ["train", "toy.toml", "network.widht=5"])
    assert done.exit_code == 2
    assert "unknown key 'network.widht'" in done.stderr
    assert "did you mean 'width'?" in done.stderr
    assert (desk / "toy.toml").is_file()
    with pytest.raises(WeightsError, match="configuration of the toy network is invalid"):
        network_of({"kind": "toy", "width": 10**9})


@pytest.mark.parametrize("name", list(KINDS))
def test_every_part_of_an_entry_is_there(name: str) -> None:
    kind = KINDS[name]
    assert kind.config.model_fields["kind"].default == name
    assert callable(resolved(kind.answers))
    assert callable(resolved(kind.task))
    assert isinstance(resolved(kind.words), Words)
    network, config = network_of({"kind": name})
    made = network.untrained(config)
    assert kind_of(made) is kind
    assert isinstance(build_network({"kind": name}, made.parameters), network)
    with pytest.raises(WeightsError, match="do not fit"):
        build_network({"kind": name}, {})


def test_an_unknown_kind() -> None:
    with pytest.raises(WeightsError, match="unknown kind of network 'oracle'") as caught:
        network_of({"kind": "oracle"})
    assert "spectrum, lattice" in caught.value.reason
