"""Checkpoints: whole after a crash, refused when damaged, exact; starts from released weights."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from phonodos.errors import ConfigError, DataError, WeightsError
from phonodos.model.ensemble import join_members
from phonodos.model.weights import read_header
from phonodos.training.checkpoint import (
    CHECKPOINT_NAME,
    Progress,
    read_checkpoint,
    restore,
    save_checkpoint,
    seeded,
)
from phonodos.training.config import TrainConfig
from phonodos.training.loop import BEST_NAME, LOG_NAME, fit
from phonodos.training.origin import Origin

FullDisk = Callable[..., AbstractContextManager[None]]
Configure = Callable[..., TrainConfig]
LogOf = Callable[[Path], list[dict[str, Any]]]
Parts = tuple[nn.Module, nn.Module, torch.optim.AdamW]


def parts(seed: int, steps: int) -> Parts:
    """A network, an average and an optimizer after some steps."""
    torch.manual_seed(seed)
    network, average = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    return network, average, optimizer


def test_a_full_disk_leaves_the_checkpoint_that_was_there(
    tmp_path: Path, full_disk: FullDisk
) -> None:
    save_checkpoint(tmp_path, {"name": "x"}, Progress(epoch=1), *parts(0, 1))
    with full_disk(100), pytest.raises(DataError, match="cannot be written") as told:
        save_checkpoint(tmp_path, {"name": "x"}, Progress(epoch=2), *parts(0, 2))
    assert "make room" in told.value.fix
    assert read_checkpoint(tmp_path)[1].epoch == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_NAME]


def test_round_trip(tmp_path: Path) -> None:
    progress = Progress(
        3, 17, 0.1 + 0.2, 9.5, 1 / 3, 2, [{"epoch": 0}], ["a, b"], 2, Origin("y", ["a"])
    )
    network, average, optimizer = parts(0, 3)
    save_checkpoint(tmp_path, {"name": "x"}, progress, network, average, optimizer)
    config, found, tensors = read_checkpoint(tmp_path)
    assert config == {"name": "x"}
    assert found == progress
    assert found.loss_sum == 0.1 + 0.2  # to the last bit
    others = parts(1, 0)
    restore(tensors, *others)
    for ours, theirs in zip((network, average), others[:2], strict=True):
        assert all(
            torch.equal(a, b)
            for a, b in zip(*map(nn.Module.parameters, (ours, theirs)), strict=True)
        )
    ours, theirs = optimizer.state_dict()["state"], others[2].state_dict()["state"]
    assert ours.keys() == theirs.keys() != set()
    for index, state in ours.items():
        assert all(torch.equal(value, theirs[index][key]) for key, value in state.items())


def test_a_run_without_a_best_yet(tmp_path: Path) -> None:
    network, _, optimizer = parts(0, 0)
    save_checkpoint(tmp_path, {}, Progress(), network, None, optimizer)
    _, found, tensors = read_checkpoint(tmp_path)
    assert found.best == float("inf")
    restore(tensors, *parts(0, 0)[:1], None, optimizer)
    assert all(key.startswith("network.") for key in tensors)


@pytest.mark.parametrize("moment", ["writing", "renaming"])
def test_a_crash_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    save_checkpoint(tmp_path, {}, Progress(epoch=1), *parts(0, 1))
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()

    def crash(*_: object) -> None:
        raise OSError("the power is gone")

    if moment == "writing":
        monkeypatch.setattr(os, "fsync", crash)
    else:
        monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(DataError, match="cannot be written"):
        save_checkpoint(tmp_path, {}, Progress(epoch=2), *parts(0, 2))
    monkeypatch.undo()
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == before
    assert read_checkpoint(tmp_path)[1].epoch == 1
    save_checkpoint(tmp_path, {}, Progress(epoch=2), *parts(0, 2))  # what was left does not matter
    assert read_checkpoint(tmp_path)[1].epoch == 2


def test_a_run_goes_on_from_the_checkpoint_before_a_crash(
    configure: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(configure("whole"))
    saved: list[int] = []
    original = Path.replace

    def crash(self: Path, target: Path) -> Path:
        saved.append(1)
        if len(saved) == 5:  # start, best, epoch 0, best, then epoch 1
            raise OSError("the power is gone")
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(DataError, match="cannot be written"):
            fit(configure("parts"))
    fit(configure("parts"), resume=True)
    ours, theirs = (read_checkpoint(configure(name).folder) for name in ("whole", "parts"))
    assert all(torch.equal(ours[2][key], theirs[2][key]) for key in ours[2])
    texts = [(configure(name).folder / LOG_NAME).read_text() for name in ("whole", "parts")]
    assert [len(text.splitlines()) for text in texts] == [3, 3]


def damaged(path: Path) -> list[bytes]:
    whole = path.read_bytes()
    return [b"", whole[:100], whole[:-8], b"<html></html>" * 50, b"\xff" * 8 + whole[8:]]


@pytest.mark.parametrize("kind", range(5))
def test_damaged_file(tmp_path: Path, kind: int) -> None:
    path = tmp_path / CHECKPOINT_NAME
    save_checkpoint(tmp_path, {}, Progress(), *parts(0, 1))
    path.write_bytes(damaged(path)[kind])
    with pytest.raises(DataError, match="is damaged") as caught:
        read_checkpoint(tmp_path)
    assert "init=" in caught.value.fix


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"config": "{}"},
        {"config": "{}", "progress": "[1]"},
        {"config": "{", "progress": "{}"},
        {"config": "{}", "progress": '{"epochs": 3}'},
    ],
)
def test_a_file_of_something_else(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"network.weight": torch.zeros(1)}, tmp_path / CHECKPOINT_NAME, metadata=metadata)
    with pytest.raises(DataError, match="is damaged"):
        read_checkpoint(tmp_path)


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to resume"):
        read_checkpoint(tmp_path)


def test_tensors_of_another_network(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {}, Progress(), *parts(0, 1))
    network = nn.Linear(4, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    with pytest.raises(ConfigError, match="does not fit"):
        restore(read_checkpoint(tmp_path)[2], network, None, optimizer)


def test_random_numbers_depend_on_seed_and_place_only() -> None:
    def draw(*place: int) -> list[int]:
        return torch.randint(10**9, (4,), generator=seeded(*place)).tolist()

    places = [(seed, epoch, step) for seed in (0, 1) for epoch in (0, 1, 2) for step in (0, 1)]
    drawn = [draw(*place) for place in places]
    assert drawn == [draw(*place) for place in places]
    assert len({tuple(d) for d in drawn}) == len(places)


def test_init_starts_from_weights(configure: Configure, log_of: LogOf) -> None:
    first, still = configure("first"), {"lr": 1e-12, "weight_decay": 0.0}
    fit(first)
    best = first.folder / BEST_NAME
    second = configure("second", init=str(best), optimizer=still, epochs=1, seed=5)
    fit(second)
    wanted = read_header(best)["metrics"]["valid"]
    assert log_of(second.folder)[0]["valid"]["mse"] == pytest.approx(wanted["mse"], rel=1e-5)
    said = read_header(second.folder / BEST_NAME)["training"]["config"]["init"]
    assert said == best.name  # its folder is nobody's business


def test_init_from_a_member_of_an_ensemble(
    configure: Configure, log_of: LogOf, tmp_path: Path
) -> None:
    both = tmp_path / "both.safetensors"
    paths = []
    for seed in (1, 2):
        fit(configure(f"m{seed}", epochs=1, seed=seed))
        paths.append(configure(f"m{seed}").folder / BEST_NAME)
    join_members(paths, both, "both")
    still = {"lr": 1e-12, "weight_decay": 0.0}
    for number, path in enumerate(paths, 1):
        config = configure(
            f"from{number}", init=str(both), init_member=number, optimizer=still, epochs=1
        )
        fit(config)
        wanted = read_header(path)["metrics"]["valid"]["mse"]
        assert log_of(config.folder)[0]["valid"]["mse"] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(WeightsError, match="has no member 3"):
        fit(configure("from3", init=str(both), init_member=3))


def test_resume_does_not_need_the_init_file_again(configure: Configure) -> None:
    fit(configure("first", epochs=1))
    init = configure("first").folder / BEST_NAME
    fit(configure("second", init=str(init), epochs=1))
    init.unlink()
    assert fit(configure("second", init=str(init), epochs=2), resume=True).finished


def test_init_from_damaged_or_foreign_weights(configure: Configure, tmp_path: Path) -> None:
    fit(configure("first", epochs=1))
    best = configure("first").folder / BEST_NAME
    with pytest.raises(WeightsError, match="do not fit"):
        fit(configure("second", init=str(best), network={"kind": "spectrum", "embedding": 5}))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(best.read_bytes()[:-50])
    with pytest.raises(WeightsError, match="not a readable weight file"):
        fit(configure("third", init=str(broken)))
    with pytest.raises(WeightsError, match="no weight file"):
        fit(configure("fourth", init="gone.safetensors"))


TEXTS = {
    "nested lists": "[" * 100_000 + "]" * 100_000,
    "nested objects": '{"epoch":' * 100_000 + "1" + "}" * 100_000,
    "list": "[]",
    "null": "null",
    "integer of 10,000 digits": '{"epoch": ' + "9" * 10_000 + "}",
    "unknown key": '{"colour": 1}',
    "text for a number": '{"epoch": "soon"}',
    "negative": '{"epoch": -1}',
    "null for a number": '{"step": null}',
    "text for the history": '{"history": "long"}',
    "numbers in the history": '{"history": [1, 2]}',
    "empty": "",
}


BROKEN = ("nested lists", "nested objects", "list", "null", "integer of 10,000 digits", "empty")


@pytest.mark.parametrize(
    ("part", "case"), [*(("progress", c) for c in TEXTS), *(("config", c) for c in BROKEN)]
)
def test_hostile_texts_are_refused(tmp_path: Path, part: str, case: str) -> None:
    texts = {"progress": "{}", "config": "{}"} | {part: TEXTS[case]}
    save_file({"a": torch.zeros(1)}, tmp_path / CHECKPOINT_NAME, metadata=texts)
    with pytest.raises(DataError, match="is damaged") as caught:
        read_checkpoint(tmp_path)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network.weight", torch.zeros(7)),
        ("network.more", torch.zeros(1)),
        ("average.weight", torch.zeros(7)),
        ("optimizer.0.exp_avg", torch.zeros(7)),
        ("optimizer.0.exp_avg", torch.zeros(2, 3, dtype=torch.int32)),
        ("optimizer.99.exp_avg", torch.zeros(2, 3)),
        ("optimizer.-1.exp_avg", torch.zeros(2, 3)),
        ("optimizer.first.exp_avg", torch.zeros(2, 3)),
        ("optimizer.0", torch.zeros(2, 3)),
        ("optimizer.0.step", torch.zeros(3)),
    ],
)
def test_wrong_tensors_are_refused(tmp_path: Path, name: str, value: torch.Tensor) -> None:
    network, average, optimizer = parts(0, 3)
    save_checkpoint(tmp_path, {}, Progress(), network, average, optimizer)
    _, _, tensors = read_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match="does not fit"):
        restore(tensors | {name: value}, *parts(1, 0))
