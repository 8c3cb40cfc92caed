"""The loop: what it refuses, learns, skips and keeps (stopping and resuming: test_interrupts)."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from phonodos.errors import ConfigError, DataError, PredictionError
from phonodos.model.kinds import network_of
from phonodos.model.weights import load_network, read_header
from phonodos.training import loop
from phonodos.training.checkpoint import CHECKPOINT_NAME, Progress, read_checkpoint
from phonodos.training.config import TrainConfig
from phonodos.training.loop import BEST_NAME, LOG_NAME, FitResult, fit
from phonodos.training.losses import SpectrumTask, make_task
from phonodos.training.module import NetworkModule

Configure = Callable[..., TrainConfig]
LogOf = Callable[[Path], list[dict[str, Any]]]
SameRun = Callable[[Path, Path], None]
STEPS = 3  # an epoch: six crystals in batches of two


def test_a_finished_run_can_be_resumed_for_more_epochs(
    configure: Configure, assert_same_run: SameRun
) -> None:
    fit(configure("whole", epochs=3))
    fit(configure("parts", epochs=2))
    assert fit(configure("parts", epochs=3), resume=True).epochs == 3
    assert_same_run(configure("whole").folder, configure("parts").folder)


def test_the_seed_decides(configure: Configure, log_of: LogOf) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        fit(configure(name, epochs=1, seed=seed))
    a, b, c = (log_of(configure(name).folder) for name in "abc")
    assert a == b
    assert a != c


def test_it_learns(configure: Configure, log_of: LogOf) -> None:
    config = configure("run", epochs=60, optimizer={"lr": 0.02, "weight_decay": 0.0})
    assert fit(config).finished
    losses = [line["train_loss"] for line in log_of(config.folder)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("left", [LOG_NAME, CHECKPOINT_NAME, BEST_NAME])
def test_a_folder_that_holds_a_run_is_left_alone(configure: Configure, left: str) -> None:
    config = configure("run")
    config.folder.mkdir()
    (config.folder / left).write_text("precious")
    with pytest.raises(ConfigError, match="already holds a run") as caught:
        fit(config)
    assert "--resume" in caught.value.fix
    assert [p.name for p in config.folder.iterdir()] == [left]
    assert (config.folder / left).read_text() == "precious"


def test_a_run_that_could_not_start_can_start_again(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure before the first checkpoint must not look like a run."""

    def broken(*_: object) -> None:
        raise DataError("record 7 is broken", "", "")

    with monkeypatch.context() as patch:
        patch.setattr(SpectrumTask, "samples", broken)
        with pytest.raises(DataError, match="record 7"):
            fit(configure("run"))
    assert fit(configure("run", epochs=1)).finished


def test_nothing_to_resume(configure: Configure) -> None:
    with pytest.raises(DataError, match="nothing to resume"):
        fit(configure("run"), resume=True)


def test_resume_with_another_network(configure: Configure) -> None:
    fit(configure("run", epochs=1))
    with pytest.raises(ConfigError, match="does not fit the configuration"):
        fit(configure("run", network={"kind": "spectrum", "embedding": 5}), resume=True)
    with pytest.raises(ConfigError, match="does not fit the configuration"):
        fit(configure("run", average=0.5), resume=True)


def test_an_unknown_device(configure: Configure) -> None:
    with pytest.raises(ConfigError, match="cannot compute on device 'gpu'"):
        fit(configure("run", device="gpu"))


def test_log_is_cut_to_the_checkpoint(configure: Configure, log_of: LogOf) -> None:
    """A crash may fall between checkpoint and log, on either side."""
    fit(configure("whole"))
    for name, damage in (
        ("more", lambda text: text + '{"epoch": 9}\n{"ep'),
        ("less", lambda _: ""),
    ):
        config = configure(name, epochs=2)
        fit(config)
        log = config.folder / LOG_NAME
        log.write_text(damage(log.read_text()))
        fit(configure(name), resume=True)
        assert log_of(config.folder) == log_of(configure("whole").folder)


def test_the_average_is_what_is_validated_and_kept(configure: Configure) -> None:
    """Weights averaged by hand over the steps of an epoch are the ones in best.safetensors."""
    config = configure("run", average=0.15, epochs=1)
    states: list[dict[str, Tensor]] = []
    original = torch.optim.AdamW.step

    def noted(self: torch.optim.AdamW, *args: Any) -> Any:
        answer = original(self, *args)
        states.append([p.detach().clone() for p in self.param_groups[0]["params"]])
        return answer

    torch.manual_seed(config.seed)
    start = NetworkModule(*network_of(config.network.model_dump()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", noted)
        fit(config)
    assert len(states) == STEPS
    slow = [p.detach().clone() for p in start.parameters()]
    for step, state in enumerate(states):
        decay = min(0.15, (1 + step) / (10 + step))  # a young average follows closely
        slow = [decay * a + (1 - decay) * b for a, b in zip(slow, state, strict=True)]
    kept = load_file(config.folder / BEST_NAME)
    for (name, _), wanted in zip(start.named_parameters(), slow, strict=True):
        torch.testing.assert_close(kept[name], wanted)
    tensors = read_checkpoint(config.folder)[2]
    name = "embedding.weight"
    assert torch.equal(tensors[f"average.{name}"], kept[name])
    assert not torch.equal(tensors[f"network.{name}"], kept[name])


class Spoiled(SpectrumTask):
    """Gives no finite loss, or no finite gradient, for some crystals."""

    bad: tuple[str, ...] = ()
    only_gradient = False

    def loss(self, network: nn.Module, batch: Any, generator: torch.Generator) -> Tensor:
        value = super().loss(network, batch, generator)
        if not any(sample.id in self.bad for sample in batch):
            return value
        if self.only_gradient:
            return value + 0.0 * torch.sqrt(0.0 * value)
        return value / 0.0


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> type[Spoiled]:
    monkeypatch.setattr(loop, "make_task", Spoiled)
    monkeypatch.setattr(Spoiled, "bad", ("CaS-1",))
    return Spoiled


@pytest.mark.parametrize("only_gradient", [False, True])
def test_steps_that_are_not_finite_are_skipped_and_named(
    configure: Configure,
    spoiled: type[Spoiled],
    monkeypatch: pytest.MonkeyPatch,
    only_gradient: bool,
    log_of: LogOf,
) -> None:
    monkeypatch.setattr(spoiled, "only_gradient", only_gradient)
    config = configure("run", batch_size=1, epochs=2)
    events: list[dict[str, Any]] = []
    result = fit(config, report=events.append)
    assert result.finished
    assert [e["skipped"] for e in events if set(e) == {"skipped"}] == ["CaS-1"] * 2
    lines = log_of(config.folder)
    assert [line["skipped"] for line in lines] == [["CaS-1"]] * 2
    losses = [e["loss"] for e in events if e.get("epoch") == 0 and "loss" in e]
    assert lines[0]["train_loss"] == pytest.approx(sum(losses) / 5)  # of the crystals seen
    tensors = read_checkpoint(config.folder)[2]
    assert all(torch.isfinite(t).all() for t in tensors.values())
    curve = read_header(config.folder / BEST_NAME)["training"]["curve"]
    assert "skipped" not in curve[0]


@pytest.mark.usefixtures("spoiled", "ticking")
def test_skipped_steps_survive_a_stop(configure: Configure, assert_same_run: SameRun) -> None:
    changes = {"batch_size": 1, "epochs": 2}
    fit(configure("whole", **changes))
    config = configure("parts", **changes)
    result = fit(config, time_limit=5)
    while not result.finished:
        result = fit(config, resume=True, time_limit=5)
    assert_same_run(configure("whole").folder, config.folder)


@pytest.mark.parametrize("allowed", [2, 3])
def test_giving_up(
    allowed: int, configure: Configure, spoiled: type[Spoiled], monkeypatch: pytest.MonkeyPatch,
    log_of: LogOf,
) -> None:  # fmt: skip
    """Three steps are not finite: one more than two, and just as many as three allow."""
    monkeypatch.setattr(loop, "ALLOWED_SKIPS", allowed)
    monkeypatch.setattr(spoiled, "bad", ("CaS-1", "NaCl-1", "MgO-1"))
    config = configure("run", batch_size=1, epochs=1)
    if allowed == 3:
        fit(config)
        assert sorted(log_of(config.folder)[0]["skipped"]) == sorted(spoiled.bad)
        return
    with pytest.raises(PredictionError, match="3 steps of epoch 0") as caught:
        fit(config)
    assert all(name in caught.value.reason for name in spoiled.bad)
    _, progress, _ = read_checkpoint(config.folder)  # what was there before is whole
    assert (progress.epoch, progress.step, progress.skipped) == (0, 0, [])


def test_giving_up_where_no_step_is_finite(
    configure: Configure, spoiled: type[Spoiled], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch shorter than the allowed number of skips must not pass for training."""
    monkeypatch.setattr(spoiled, "bad", ("CaS-1", "NaCl-1", "MgO-1", "LiF-1", "GaAs-1", "ZnS-1"))
    with pytest.raises(PredictionError, match="no finite gradient"):
        fit(configure("run"))


@pytest.mark.parametrize("names", [50, 51])
def test_fifty_are_allowed(names: int) -> None:
    """As `fit` promises: the fifty-first skipped step of an epoch ends the run."""
    progress = Progress(skipped=[f"x{k}" for k in range(names - 1)], unseen=names - 1)
    run = SimpleNamespace(progress=progress, train=range(1000), report=lambda _: None)
    batch = [SimpleNamespace(id="last")]
    if names == 50:
        loop._skip(run, batch)  # type: ignore[arg-type]
        assert progress.skipped[-1] == "last"
        return
    with pytest.raises(PredictionError, match="51 steps of epoch 0") as caught:
        loop._skip(run, batch)  # type: ignore[arg-type]
    assert caught.value.reason.endswith("x48; x49; last")


def test_threads_and_random_numbers_of_the_process_stay(configure: Configure) -> None:
    """A run seeds itself; whoever calls it goes on with the numbers it would have had."""
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    seen = []
    fit(
        configure("run", epochs=1, threads=threads + 1),
        report=lambda _: seen.append(torch.get_num_threads()),
    )
    assert set(seen) == {threads + 1}
    assert torch.get_num_threads() == threads
    torch.testing.assert_close(torch.rand(3), wanted, rtol=0.0, atol=0.0)


def test_best_weights_hold_what_a_card_needs(
    configure: Configure, data: Path, log_of: LogOf
) -> None:
    config = configure("run")
    result: FitResult = fit(config)
    network, header = load_network(config.folder / BEST_NAME)
    assert header["network"] == network.config.model_dump(mode="json")
    assert header["split"] == json.loads((data / "split.json").read_text())
    assert header["training_elements"]["S"] == 2
    assert header["training_formulas"] == ["CaS", "GaAs", "LiF", "MgO", "NaCl", "ZnS"]
    assert header["target"]["points"] == 51
    assert header["training"]["epoch"] == result.best_epoch
    assert header["training"]["data"]["citation"] == "nobody"
    assert header["training"]["config"]["epochs"] == 3
    curve = header["training"]["curve"]
    assert [line["epoch"] for line in curve] == list(range(result.best_epoch + 1))
    assert curve[-1]["valid"] == header["metrics"]["valid"]
    assert header["metrics"]["valid"]["mse"] == result.best
    assert result.best == min(line["valid"]["mse"] for line in log_of(config.folder))
    assert "folder" not in header["training"]["config"]


def test_another_measure_can_pick_the_best(configure: Configure, log_of: LogOf) -> None:
    config = configure("run", select="wd", epochs=5)
    result = fit(config)
    assert result.best == min(line["valid"]["wd"] for line in log_of(config.folder))
    assert (config.folder / CHECKPOINT_NAME).is_file()


def test_the_last_epoch_can_be_taken(
    configure: Configure, log_of: LogOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.1, 0.3])
    config = configure("run", select="last")
    monkeypatch.setattr(
        type(make_task(config)), "validate", lambda *_: {"mse": next(scores), "wd": 9.0}
    )
    result = fit(config)
    assert (result.best_epoch, result.best) == (2, 0.3)
    header = read_header(config.folder / BEST_NAME)
    assert header["training"]["epoch"] == 2
    assert header["metrics"]["valid"] == log_of(config.folder)[-1]["valid"]


def test_learning_rate_falls_each_epoch(configure: Configure, log_of: LogOf) -> None:
    config = configure("run", optimizer={"lr": 0.01, "decay_per_epoch": 0.5})
    fit(config)
    assert [line["lr"] for line in log_of(config.folder)] == [0.01, 0.005, 0.0025]
