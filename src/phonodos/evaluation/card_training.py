"""What a model card says of training: settings, curves and data of a network or of every member."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from phonodos.evaluation.measures import MEASURES, in_order, markdown_table, measure_of
from phonodos.model.header import WeightHeader

Run = Mapping[str, Any]  # what a header says of the training of one network
MOST_ROWS = 30  # of a curve


def runs_of(header: WeightHeader) -> Sequence[Run]:
    """Return the training of every member of an ensemble, or that of the one network."""
    training = header.training
    return training.get("members") or [training]


def origins_of(header: WeightHeader) -> list[Mapping[str, Any]]:
    """Return the data sets that any member was trained on, each once."""
    found: list[Mapping[str, Any]] = []
    for run in runs_of(header):
        for origin in (run.get("data", {}), *run.get("more_data", ())):
            sources = origin.get("sources")
            if origin and sources not in [known.get("sources") for known in found]:
                found.append(origin)
    return found


def training_section(header: WeightHeader) -> str:
    """Return the section of settings and curves; empty where nothing is known."""
    runs = runs_of(header)
    texts = [_run(run) for run in runs]
    if len(runs) > 1:
        heads = [f"### Member {k} of {len(runs)}" for k in range(1, len(runs) + 1)]
        texts = [f"{head}\n\n{text}" for head, text in zip(heads, texts, strict=True) if text]
    found = "\n\n".join(text for text in texts if text)
    return f"## Training\n\n{found}" if found else ""


def training_commands(header: WeightHeader) -> Iterator[str]:
    """Yield the commands that train the network, or the members, join and calibrate them."""
    name, runs = header.name, runs_of(header)
    if len(runs) == 1:
        yield f"phonodos train configs/{name}.toml"
        return
    for k, run in enumerate(runs, 1):
        config = run.get("config", {})
        given = {name: config.get(name) for name in ("epochs", "seed", "init")}
        if given["init"] is not None:
            given["init_member"] = config.get("init_member", 1)
        given["optimizer.lr"] = config.get("optimizer", {}).get("lr")
        words = " ".join(
            f"{key}={word(value)}" for key, value in given.items() if value is not None
        )
        yield f"phonodos train configs/{config.get('name', name)}.toml folder=RUN{k} {words}"
    files = " ".join(f"RUN{k}/best.safetensors" for k in range(1, len(runs) + 1))
    yield f"phonodos models join {files} -o FILE --name {name}"
    yield "phonodos models calibrate FILE --data DATASET"


def word(value: Any) -> str:
    """Return a setting in words."""
    if isinstance(value, list | tuple):
        return ", ".join(word(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _run(run: Run) -> str:
    settings = _pairs(run.get("config", {}))
    text = "; ".join(f"{name} {value}" for name, value in settings if name != "name")
    parts = [f"Settings: {text}." if text else "", _curve(run)]
    return "\n\n".join(part for part in parts if part)


def _pairs(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _pairs(value, f"{prefix}{name}.")
        elif value is not None:
            found.append((prefix + name, word(value)))
    return found


def _curve(run: Run) -> str:
    curve = run.get("curve") or []
    if not curve:
        return ""
    keys = in_order(f"spectrum.{k}" for k in curve[-1]["valid"])
    names = [MEASURES[k].head if k in MEASURES else f"`{k.split('.', 1)[1]}`" for k in keys]
    rows = []
    step = math.ceil(len(curve) / MOST_ROWS)
    for line in curve[(len(curve) - 1) % step :: step]:
        numbers = [measure_of(k).show(line["valid"].get(k.split(".", 1)[1])) for k in keys]
        rows.append([str(line["epoch"]), f"{line['train_loss']:.5f}", *numbers])
    best = run.get("epoch", curve[-1]["epoch"])
    planned = run.get("config", {}).get("epochs")
    of = f" of 0 to {planned - 1}" if planned else ""
    text = f"The weights are those of epoch {best}{of}, the best on valid; the curve up to there:"
    table = markdown_table(["epoch", "train loss", *(f"valid {n}" for n in names)], rows)
    return f"{text}\n\n{table}"
