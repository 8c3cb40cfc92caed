"""`phonodos train`: train a network from a configuration file, or go on with an earlier run."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.progress import Progress, shown_progress
from phonodos.errors import ConfigError

if TYPE_CHECKING:
    from phonodos.training.config import TrainConfig


def train(
    config: Annotated[
        Path | None, typer.Argument(help="TOML file; not needed with --resume", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="settings that replace those of the file"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="run folder to continue, exactly where it stopped")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="stop at a checkpoint after this time: 90s, 9m, 2.5h")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON line an epoch on stdout")
    ] = False,
) -> None:
    """Train a network; Ctrl-C and --time-limit leave a run that --resume continues bit by bit."""
    seconds = None if time_limit is None else parse_duration(time_limit)
    settings = list(overrides or [])
    if device:
        settings.append(f"device={device}")
    if resume is not None and config is not None and "=" in str(config):
        settings.insert(0, str(config))
        config = None
    from phonodos.model.devices import needed_torch

    needed_torch("phonodos train")
    from phonodos.training.loop import fit

    chosen = _configuration(config, settings, resume)
    with shown_progress("train", every=None, bar=not as_json) as progress:
        report = reporter(progress, chosen.epochs, as_json)
        result = fit(chosen, resume=resume is not None, time_limit=seconds, report=report)
    measure = "last mse" if chosen.select == "last" else f"best {chosen.select}"
    best = f"{measure} on valid {result.best:.5g} (epoch {result.best_epoch})"
    print(f"{result.reason} after {result.epochs} epochs; {best}", file=sys.stderr)
    if not result.finished:
        print(f"continue with: phonodos train --resume {result.folder}", file=sys.stderr)


def parse_duration(text: str) -> float:
    """Return the seconds of ``90s``, ``9m``, ``2.5h`` or a bare number of seconds.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([smh]?)", text.strip())
    if match is None:
        raise ConfigError(
            f"'{text}' is not a time",
            "a number with s, m or h is expected",
            "write 90s, 9m or 2.5h",
        )
    return float(match[1]) * {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}[match[2]]


def _configuration(path: Path | None, overrides: list[str], resume: Path | None) -> "TrainConfig":
    from phonodos.training.checkpoint import read_checkpoint
    from phonodos.training.config import apply_overrides, read_config, validate_config

    if resume is None:
        if path is None:
            raise ConfigError(
                "nothing to train",
                "neither a configuration file nor a run to resume was given",
                "phonodos train configs/chen2021.toml, or phonodos train --resume RUN",
            )
        return read_config(path, overrides)
    if path is not None:
        raise ConfigError(
            "both a configuration file and --resume were given",
            "a resumed run goes on with the configuration it was started with",
            "leave one of them out; single settings can follow --resume RUN as key=value",
        )
    values, _, _ = read_checkpoint(resume)
    values["folder"] = str(resume.resolve())
    apply_overrides(values, overrides)
    return validate_config(values, str(resume))


def reporter(progress: Progress, epochs: int, as_json: bool) -> Callable[[dict[str, Any]], None]:
    """Return what shows the events of a run: steps on a bar, a line an epoch, or JSON lines."""

    def report(event: dict[str, Any]) -> None:
        if "skipped" in event and "epoch" not in event:
            print(f"step skipped, gradient not finite: {event['skipped']}", file=sys.stderr)
        elif "step" in event:
            state = f"epoch {event['epoch']}, loss {event['loss']:.4f}"
            progress(event["step"], event["steps"], state)
        elif as_json:
            print(json.dumps(event), flush=True)
        else:
            scores = "  ".join(f"{k} {v:.4g}" for k, v in event["valid"].items())
            progress.line(
                f"epoch {event['epoch']:3d}/{epochs}  {event['seconds']:5.0f} s  "
                f"train {event['train_loss']:.5f}  valid: {scores}"
            )

    return report
