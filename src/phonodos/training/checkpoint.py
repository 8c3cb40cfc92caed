"""Checkpoints: the whole state of a run in one safetensors file, written atomically, no pickle."""

import json
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from phonodos.errors import ConfigError, DataError
from phonodos.files import write_bytes
from phonodos.training.origin import Origin

CHECKPOINT_NAME = "checkpoint.safetensors"


@dataclass(config=ConfigDict(extra="forbid"))
class Progress:
    """Where a run stands: what comes next, and what has been found so far.

    Checked when it is made (by pydantic): a number that is none raises `ValidationError`.
    """

    epoch: Annotated[int, Field(ge=0)] = 0
    step: Annotated[int, Field(ge=0)] = 0  # steps done within the epoch
    loss_sum: float = 0.0  # over the steps of this epoch
    seconds: float = 0.0  # of training in this epoch, over all sessions
    best: float = float("inf")
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # crystals of every step left out, this epoch
    unseen: Annotated[int, Field(ge=0)] = 0  # how many crystals those are
    origin: Origin | None = None  # what its start was taught


def save_checkpoint(
    folder: Path,
    config: dict[str, Any],
    progress: Progress,
    network: nn.Module,
    average: nn.Module | None,
    optimizer: Optimizer,
) -> None:
    """Write `folder`/checkpoint.safetensors so that a crash at any moment leaves a whole file.

    Raises
    ------
    DataError
        If the disk refuses; the checkpoint that was there stays.
    """
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    metadata = {"config": json.dumps(config), "progress": json.dumps(asdict(progress))}
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_bytes(folder / CHECKPOINT_NAME, save(contiguous, metadata=metadata), durable=True)


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], Progress, dict[str, Tensor]]:
    """Return configuration, progress and tensors of the run in `folder`.

    Raises
    ------
    DataError
        If there is no checkpoint in the folder, or it is damaged.
    """
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        raise DataError(
            f"nothing to resume in {folder}",
            f"there is no {CHECKPOINT_NAME}",
            "give the folder of an earlier run, or start one with a configuration file",
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        progress = Progress(**json.loads(metadata["progress"]))
        config = json.loads(metadata["config"])
        if not isinstance(config, dict):
            raise TypeError("its configuration is no object")
        return config, progress, tensors
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as err:
        # pydantic's ValidationError is a ValueError.
        raise DataError(
            f"{path} is damaged",
            f"it cannot be read as a checkpoint ({' '.join(str(err).split())[:300]})",
            "start the run afresh, or from its best weights with init=best.safetensors",
        ) from err


def restore(
    tensors: dict[str, Tensor],
    network: nn.Module,
    average: nn.Module | None,
    optimizer: Optimizer,
) -> None:
    """Put the tensors of a checkpoint back into network, average and optimizer.

    Raises
    ------
    ConfigError
        If they do not fit: a setting of the network or of the average was changed.
    """
    try:
        network.load_state_dict(_part(tensors, "network."))
        if average is not None:
            average.load_state_dict(_part(tensors, "average."))
    except RuntimeError as err:
        raise ConfigError(
            "the checkpoint does not fit the configuration of the run",
            str(err).replace("\n", " "),
            "resume without changing network.* or average; or start a new run with init=WEIGHTS",
        ) from err
    try:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, "optimizer.").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        _check_state(state, optimizer)
        if state:
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (ValueError, KeyError, RuntimeError) as err:
        raise ConfigError(
            "the optimizer of the checkpoint does not fit the configuration of the run",
            str(err).replace("\n", " ")[:300],
            "the checkpoint was edited: start a new run with init=WEIGHTS",
        ) from err


def _check_state(state: dict[int, dict[str, Tensor]], optimizer: Optimizer) -> None:
    """Raise `ValueError` where moments are not of the shapes of their parameters."""
    shapes = [p.shape for group in optimizer.param_groups for p in group["params"]]
    for index, entries in state.items():
        if not 0 <= index < len(shapes):
            raise ValueError(f"there is no parameter {index}")
        for name, value in entries.items():
            wanted = () if name == "step" else shapes[index]
            if tuple(value.shape) != tuple(wanted) or not value.is_floating_point():
                raise ValueError(f"{name} of parameter {index} is {tuple(value.shape)}")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def seeded(seed: int, *place: int) -> torch.Generator:
    """Return random numbers that depend only on the seed and the place in the run."""
    generator = torch.Generator()
    mixed = seed
    for number in place:
        mixed = (mixed * 1_000_003 + number + 1) % (2**63 - 1)
    generator.manual_seed(mixed)
    return generator
