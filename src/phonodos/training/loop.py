"""THE training loop: epochs over shuffled batches, validation, checkpoints, the best weights.

The order of batches and every random number depend only on the seed, the epoch and the step, so a
run that was stopped anywhere and resumed gives the bit-identical losses (on CPU).
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from phonodos.datasets.dataset import Dataset
from phonodos.errors import ConfigError, PredictionError, WeightsError
from phonodos.model.devices import check_device
from phonodos.model.kinds import network_of
from phonodos.model.weights import save_network, weights_path
from phonodos.training.checkpoint import (
    CHECKPOINT_NAME,
    Progress,
    read_checkpoint,
    restore,
    save_checkpoint,
    seeded,
)
from phonodos.training.config import TrainConfig
from phonodos.training.data import emphasised, open_data, run_origin, weight_header
from phonodos.training.interrupts import collected
from phonodos.training.losses import Sample, Task, make_task
from phonodos.training.module import NetworkModule
from phonodos.training.optimizers import make_optimizer
from phonodos.training.origin import Origin, with_origin
from phonodos.training.starts import started

BEST_NAME = "best.safetensors"
LOG_NAME = "log.jsonl"
WINDOW = 8  # batches whose crystals are sorted by size
RUN_FILES = (LOG_NAME, CHECKPOINT_NAME, BEST_NAME)
ALLOWED_SKIPS = 50  # steps of an epoch without a finite gradient before the run gives up

Report = Callable[[dict[str, Any]], None]


def _silent(event: dict[str, Any]) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class FitResult:
    """How a call of `fit` ended."""

    folder: Path
    finished: bool
    reason: str  # "finished", "time limit" or "interrupted"
    epochs: int
    best_epoch: int
    best: float


@dataclass
class _Run:
    config: TrainConfig
    task: Task
    network: NetworkModule
    average: NetworkModule | None
    optimizer: torch.optim.Optimizer
    train: list[Sample]
    valid: list[Sample]
    progress: Progress
    header: dict[str, Any]
    report: Report

    def evaluated(self) -> NetworkModule:
        """Return the network whose accuracy counts: the moving average if there is one."""
        return self.network if self.average is None else self.average

    def save(self) -> None:
        save_checkpoint(
            self.config.folder,
            self.config.model_dump(mode="json"),
            self.progress,
            self.network,
            self.average,
            self.optimizer,
        )


def fit(
    config: TrainConfig,
    *,
    resume: bool = False,
    time_limit: float | None = None,
    report: Report = _silent,
) -> FitResult:
    """Train a network; stop at the end, at `time_limit` [s], or at an interrupt, always resumable.

    The run folder gets ``log.jsonl`` (a line an epoch), ``checkpoint.safetensors`` and
    ``best.safetensors`` (lowest valid error, or the last epoch: `select`). `report` receives a dict
    a step and an epoch.

    Raises
    ------
    ConfigError
        If the folder already holds a run and `resume` is not set, there is no such device, or the
        checkpoint does not fit the configuration.
    DataError
        If data set, split or checkpoint cannot be read.
    PredictionError
        If more than 50 steps of an epoch, or all, are not finite; the crystals are named.
    WeightsError
        If the weights to start from cannot be read or do not fit, or were taught what judges.
    """
    begun = time.monotonic()
    check_device(config.device)
    with _own_settings(config):
        run = _set_up(config, resume, report)
        deadline = None if time_limit is None else begun + time_limit
        return _train(run, deadline)


@contextmanager
def _own_settings(config: TrainConfig) -> Iterator[None]:
    """Give a run its threads, and the process its own threads and random numbers back after it."""
    threads = torch.get_num_threads()
    used = range(torch.cuda.device_count()) if config.device.startswith("cuda") else ()
    torch.set_num_threads(config.threads)
    try:
        with torch.random.fork_rng(devices=list(used)):
            yield
    finally:
        torch.set_num_threads(threads)


def _train(run: _Run, deadline: float | None) -> FitResult:
    config = run.config
    with collected() as interrupted:
        while run.progress.epoch < config.epochs:
            reason = _train_epoch(run, deadline, interrupted)
            if reason:
                run.save()
                return _result(run, reason)
            _finish_epoch(run)
    return _result(run, "finished")


def _set_up(config: TrainConfig, resume: bool, report: Report) -> _Run:
    if not resume and any((config.folder / name).exists() for name in RUN_FILES):
        raise ConfigError(
            f"{config.folder} already holds a run",
            "a new run would overwrite its log and weights",
            f"continue it with --resume {config.folder}, or choose another folder",
        )
    taught, judged, provenance = open_data(config)
    progress = Progress()
    if not resume:
        progress.origin = run_origin(config, taught, provenance)
    config.folder.mkdir(parents=True, exist_ok=True)
    task = make_task(config)
    torch.manual_seed(config.seed)
    network = NetworkModule(*network_of(config.network.model_dump()))
    if config.init is not None and not resume:
        network = started(network, weights_path(config.init), config.init_member)
    network = network.to(device=config.device, dtype=getattr(torch, config.dtype))
    average = copy.deepcopy(network).requires_grad_(False) if config.average else None
    optimizer = make_optimizer(network, config.optimizer)
    if resume:
        _, progress, tensors = read_checkpoint(config.folder)
        progress.origin = progress.origin or _origin_at_last(config, taught, provenance)
        restore(tensors, network, average, optimizer)
        _cut_log(config.folder, progress)
    train = [sample for dataset in taught for sample in task.samples(dataset)]
    if config.emphasis is not None:
        train = emphasised(train, config.emphasis)
    if config.strain is not None:
        train += task.strained(taught)
    valid = task.samples(judged, judged=True)
    header = with_origin({**weight_header(config, taught), **provenance}, progress.origin)
    run = _Run(config, task, network, average, optimizer, train, valid, progress, header, report)
    if not resume:
        run.save()
        (config.folder / LOG_NAME).touch()
    return run


def _origin_at_last(
    config: TrainConfig, taught: list[Dataset], provenance: dict[str, Any]
) -> Origin | None:
    """Return the origin of a run whose checkpoint, of an older version, holds none.

    None where it began from nothing, or its file has gone, which a resumed run can do without.
    """
    try:
        weights_path(config.init or "")
    except WeightsError:
        return None
    return run_origin(config, taught, provenance)


def _train_epoch(run: _Run, deadline: float | None, interrupted: list[int]) -> str:
    """Train to the end of the epoch; return why it stopped before, or an empty string."""
    config, progress = run.config, run.progress
    batches = shuffled_batches(run)
    steps = len(batches)
    run.network.train()
    while progress.step < steps:
        if interrupted:
            return "interrupted"
        if deadline is not None and time.monotonic() > deadline:
            return "time limit"
        begun = time.monotonic()
        picked = batches[progress.step]
        rate = config.optimizer.rate(progress.epoch + progress.step / steps, config.epochs)
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        loss = _train_step(run, [run.train[i] for i in picked])
        progress.loss_sum += loss * len(picked)
        progress.step += 1
        progress.seconds += time.monotonic() - begun
        run.report({"epoch": progress.epoch, "step": progress.step, "steps": steps, "loss": loss})
    return ""


def shuffled_batches(run: _Run) -> list[list[int]]:
    """Return the batches of an epoch; those of more than one crystal hold crystals alike in size.

    Windows of a few batches are drawn at random and sorted by size, then cut: what is padded or
    grouped by size is cheap, and an epoch still sees every crystal once in random company.
    """
    config = run.config
    generator = seeded(config.seed, run.progress.epoch)
    order = torch.randperm(len(run.train), generator=generator).tolist()
    size = config.batch_size
    if size == 1:
        return [[index] for index in order]
    window = WINDOW * size
    for first in range(0, len(order), window):
        part = order[first : first + window]
        order[first : first + window] = sorted(part, key=lambda k: run.task.size(run.train[k]))
    batches = [order[first : first + size] for first in range(0, len(order), size)]
    shuffle = torch.randperm(len(batches), generator=generator).tolist()
    return [batches[k] for k in shuffle]


def _train_step(run: _Run, batch: list[Sample]) -> float:
    generator = seeded(run.config.seed, run.progress.epoch, run.progress.step)
    run.optimizer.zero_grad()
    loss = run.task.loss(run.network, batch, generator)
    loss.backward()  # type: ignore[no-untyped-call]
    value = float(loss.detach())
    gradients = [p.grad for p in run.network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if not (torch.isfinite(norm) and math.isfinite(value)):
        _skip(run, batch)
        return 0.0
    if run.config.optimizer.clip is not None:
        nn.utils.clip_grads_with_norm_(run.network.parameters(), run.config.optimizer.clip, norm)
    run.optimizer.step()
    if run.average is not None:
        # A young average follows closely, or it would remember the random start for epochs.
        steps = run.progress.epoch * len(run.train) / run.config.batch_size + run.progress.step
        decay = min(run.config.average, (1.0 + steps) / (10.0 + steps))
        with torch.no_grad():
            for slow, fast in zip(run.average.parameters(), run.network.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - decay)
    return value


def _skip(run: _Run, batch: list[Sample]) -> None:
    names = ", ".join(sample.id for sample in batch)
    skipped = run.progress.skipped
    skipped.append(names)
    run.progress.unseen += len(batch)
    run.report({"skipped": names})
    if len(skipped) > ALLOWED_SKIPS or run.progress.unseen == len(run.train):
        raise PredictionError(
            f"{len(skipped)} steps of epoch {run.progress.epoch} have no finite gradient",
            "last crystals: " + "; ".join(skipped[-3:]),
            "lower optimizer.lr, or remove the named records from the data set",
        )


def _finish_epoch(run: _Run) -> None:
    """Validate, log, keep the best, write the checkpoint."""
    progress, config = run.progress, run.config
    scores = run.task.validate(run.evaluated(), run.valid)
    line: dict[str, Any] = {
        "epoch": progress.epoch,
        "train_loss": progress.loss_sum / (len(run.train) - progress.unseen),
        "valid": scores,
        "lr": run.optimizer.param_groups[0]["lr"],
        "seconds": round(progress.seconds, 3),
    }
    if progress.skipped:
        line["skipped"] = progress.skipped
    progress.history.append(line)
    score = scores["mse" if config.select == "last" else config.select]
    if config.select == "last" or score < progress.best:
        progress.best, progress.best_epoch = score, progress.epoch
        curve = [{k: v for k, v in h.items() if k != "skipped"} for h in progress.history]
        header = {**run.header, "metrics": {"valid": scores}}
        header["training"] = {**header["training"], "epoch": progress.epoch, "curve": curve}
        save_network(config.folder / BEST_NAME, run.evaluated().frozen(), header)
    progress.epoch += 1
    progress.step, progress.loss_sum, progress.seconds = 0, 0.0, 0.0
    progress.skipped, progress.unseen = [], 0
    run.save()
    with (config.folder / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    run.report(line)


def _cut_log(folder: Path, progress: Progress) -> None:
    """Make the log agree with the checkpoint: a crash may fall between the two."""
    text = "".join(json.dumps(line) + "\n" for line in progress.history)
    (folder / LOG_NAME).write_text(text, encoding="utf-8")


def _result(run: _Run, reason: str) -> FitResult:
    p = run.progress
    done = reason == "finished"
    return FitResult(run.config.folder, done, reason, p.epoch, p.best_epoch, p.best)
