"""The model card of a weight file: its header and the metrics of `evaluate`, as Markdown.

Every number in a card comes from one of the two; nothing is typed.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from phonodos.errors import DataError
from phonodos.evaluation.measures import (
    FEATURES,
    HEADLINE,
    MEASURES,
    NO_INTERVAL,
    QUANTITIES,
    UNDEFINED,
    flatten,
    in_order,
    markdown_table,
    measure_of,
)
from phonodos.evaluation.stability import turning_points
from phonodos.model.header import CalibrationEntry, WeightHeader
from phonodos.model.kinds import KINDS, Words, resolved

Metrics = Mapping[str, Any]
Run = Mapping[str, Any]  # what a header says of the training of one network

PARTS = ("train", "valid", "test")
FEW = 5  # training crystals of an element: fewer are named
MOST_ROWS = 30  # of a curve
PAPER = "Chen et al., Adv. Sci. 8, 2004214 (2021)"

# What the paper did, for every setting that a card states as a deviation: (ours shown as, why).
PAPER_SETTINGS: dict[str, tuple[Any, str]] = {
    "network.cutoff": (5.0, "neighbours within {0} A instead of {1} A"),
    "network.cutoff_width": (0.0, "messages fade smoothly to zero over the last {0} A before the "
        "cutoff; in the paper the spectrum jumps when a neighbour crosses it"),
    "network.embedding": (64, "{0} scalars an atom instead of {1}"),
    "network.hidden": (["32x0e+32x1o", "32x0e+32x1o+32x1e"], "hidden irreps {0} instead of {1}"),
    "network.lmax": (1, "spherical harmonics up to degree {0} instead of {1}"),
    "network.radial_basis": (10, "{0} radial basis functions instead of {1}"),
    "network.radial_hidden": ([100, 100, 100], "radial layers {0} instead of {1}"),
    "network.neighbours": (40.0, "messages divided by the root of {0} instead of {1}"),
    "network.readout": ("sum", "readout `{0}` instead of `{1}`"),
    "config.dtype": ("float64", "trained in {0} instead of {1}"),
    "config.batch_size": (1, "{0} crystals a step instead of {1}"),
    "config.epochs": (64, "{0} epochs instead of {1}"),
    "config.average": (0.0, "moving average of the weights, decay {0}"),
    "config.optimizer.kind": ("adamw", "trained with {0} instead of {1}"),
    "config.optimizer.schedule": ("decay", "learning rate in a {0}, up and down to nothing"),
    "config.optimizer.lr": (0.005, "learning rate {0} instead of {1}"),
    "config.optimizer.weight_decay": (0.05, "weight decay {0} instead of {1}"),
    "config.optimizer.decay_per_epoch": (0.96, "learning rate x {0} an epoch instead of {1}"),
    "config.optimizer.clip": (None, "gradients clipped at norm {0}"),
    "members": (1, "the mean spectrum of {0} networks instead of that of one"),
}  # fmt: skip

SPECTRUM = Words(
    about=f"The network of {PAPER}: a crystal goes in as a periodic graph, 51 values of its "
    "phonon density of states (0 to 1000 cm^-1 in steps of 20) come out, scaled to 3N states.",
    limits=(
        "The spectrum ends at 1000 cm^-1. States above it (hydrogen; B, C, N, O in short bonds) "
        "are missing, and because the rest is scaled to 3N it is too large: heat capacities of "
        "such crystals come out too high. A prediction that this concerns carries a warning.",
        "Imaginary modes cannot be predicted: there is nothing below zero frequency.",
        "The total spectrum only: no atom-projected one, no bands, no force constants.",
        "Resolution: 20 cm^-1, after smoothing over 101 points of the 1 cm^-1 axis.",
    ),
    paper=PAPER,
    settings=PAPER_SETTINGS,
)
LATTICE = Words(
    about="Learned lattice dynamics: short-range force constants of every bond, Born charges "
    "and the dielectric tensor of a crystal. Frequencies, bands, spectra and projections follow "
    "from the dynamical matrix with its dipole-dipole term (docs/lattice.md).",
    limits=(
        "Harmonic: no temperature, no anharmonicity. PBEsol's errors are taught along.",
        "Hydrogen, and molecular units that training showed rarely, err most (groups above).",
        "Instabilities are found less surely than frequencies: see the unstable ones called stable "
        "and the stable ones called unstable.",
    ),
)


def card(
    header: WeightHeader | Mapping[str, Any],
    metrics: Sequence[Metrics],
    *,
    size: int | None = None,
    bits: int | None = None,
) -> str:
    """Return the model card of a weight file.

    Parameters
    ----------
    header
        Header of the weight file.
    metrics
        Contents of metrics.json of any number of evaluations; keys that are not known are shown
        under their own names.
    size, bits
        Bytes of the weight file; bits of a number in its large matrices.
    """
    header = WeightHeader.of(header)
    parts: list[Callable[[], str]] = [
        lambda: _opening(header, size, bits),
        lambda: _network(header),
        lambda: _deviations(header),
        lambda: _data(header),
        lambda: training_section(header),
        lambda: _results(metrics),
        *(lambda m=m: _groups(m) for m in metrics),
        lambda: _certainty(header),
        lambda: _strain(header, metrics),
        lambda: _limits(header),
        lambda: _reproduce(header, metrics, bits),
        lambda: _citation(header),
    ]
    return "\n\n".join(text for part in parts if (text := part())) + "\n"


def read_metrics(path: Path) -> Metrics:
    """Return the content of a metrics.json.

    Raises
    ------
    DataError
        If the file is missing, no JSON, or not written by `evaluate`.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise DataError(
            f"{path} cannot be read", f"it is missing or no JSON ({err})", "check the path"
        ) from err
    if not isinstance(values, dict) or not {"n", "spectrum", "full"} <= values.keys():
        raise DataError(
            f"{path} holds no metrics",
            "an object with n, spectrum and full is expected",
            "give the metrics.json of phonodos evaluate",
        )
    return values


def set_name(metrics: Metrics) -> str:
    """Return data set, part and number of materials of an evaluation, in words."""
    names = " + ".join(metrics.get("data", [])) or "own data"
    return f"{names} {metrics.get('part', '')}".rstrip() + f", {metrics['n']} materials"


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


def training_commands(header: WeightHeader, bits: int | None = None) -> Iterator[str]:
    """Yield the commands that train the network, or the members, join and calibrate them.

    Where `bits` of the stored numbers are given, the members are joined in as many.
    """
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
    stored = "" if bits is None else f" --bits {bits}"
    yield f"phonodos models join {files} -o FILE --name {name}{stored}"
    fitted = {name for e in header.calibration.values() for c in e.values() for name in _data_of(c)}
    own = {source.get("kind") for run in runs for source in run.get("data", {}).get("sources", ())}
    more = "".join(
        f" --data {name}.parquet --split split_{name}.json" for name in sorted(fitted - own)
    )
    yield f"phonodos models calibrate FILE --data DATASET{more}"


def _data_of(entry: CalibrationEntry) -> Sequence[str]:
    """Return the data sets that intervals were fitted on; none in files of release 0.1."""
    return tuple((entry.model_extra or {}).get("data", ()))


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
    start = run.get("started_from")
    began = f"It began from weights named {word(start)}." if start else ""
    parts = [f"Settings: {text}." if text else "", began, _curve(run)]
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
    taken = run.get("epoch", curve[-1]["epoch"])
    config = run.get("config", {})
    planned = config.get("epochs")
    of = f" of 0 to {planned - 1}" if planned else ""
    why = "the last" if config.get("select") == "last" else "the best on valid"
    text = f"The weights are those of epoch {taken}{of}, {why}; the curve up to there:"
    table = markdown_table(["epoch", "train loss", *(f"valid {n}" for n in names)], rows)
    return f"{text}\n\n{table}"


def _words(header: WeightHeader) -> Words:
    if header.kind not in KINDS:
        return Words(f"A network of the kind `{header.kind or 'unknown'}`.")
    words: Words = resolved(KINDS[header.kind].words)
    return words


def _opening(header: WeightHeader, size: int | None, bits: int | None) -> str:
    about = header.description or _words(header).about
    versions = ", ".join(f"{k} {v}" for k, v in header.versions.items())
    lines = [f"# {header.name}", about]
    facts = [f"Format {header.format_version}"]
    if size is not None:
        facts.append(f"{size / 1e6:.1f} MB")
    if bits is not None:
        facts.append(f"large matrices in {bits} bits")
    if versions:
        facts.append(f"written with {versions}")
    facts.append("made from the weight file and from metrics.json; not edited by hand")
    return "\n\n".join([*lines, "; ".join(facts) + "."])


def _network(header: WeightHeader) -> str:
    rows = [[f"`{k}`", word(v)] for k, v in header.network.items()]
    return "## Network\n\n" + markdown_table(["setting", "value"], rows, words=2)


def _deviations(header: WeightHeader) -> str:
    words = _words(header)
    if words.settings is None:
        return ""
    held = {"network": header.network, "members": header.held}
    runs = [{**held, "config": run.get("config", {})} for run in runs_of(header)]
    found = []
    for key, (paper, text) in words.settings.items():
        values = [_at(run, key, paper) for run in runs]
        if any(value != paper for value in values):
            ours = dict.fromkeys(word(value) for value in values)
            found.append("- " + text.format(" or ".join(ours), word(paper)))
    return f"## Deviations from {words.paper}\n\n" + ("\n".join(found) or "None.")


def _at(settings: Any, key: str, otherwise: Any) -> Any:
    """Return what stands under a key with dots; `otherwise` where there is no such setting."""
    for name in key.split("."):
        settings = settings.get(name, otherwise) if isinstance(settings, Mapping) else otherwise
    return settings


def _data(header: WeightHeader) -> str:
    origins = origins_of(header)
    rows = [[part, str(len(header.split[part]))] for part in PARTS if part in header.split]
    elements = header.training_elements
    few = [f"{e} ({n})" for e, n in elements.items() if n < FEW]
    words = [
        *(f"{origin['citation']}." for origin in origins if origin.get("citation")),
        *dict.fromkeys(f"Functional: {o['functional']}." for o in origins if o.get("functional")),
        f"The training part holds {len(elements)} elements and "
        f"{len(set(header.training_formulas))} formulas.",
        f"Predictions of other weights taught {more} formulas more, which do not count as known."
        if (more := len(header.predicted_formulas))
        else "",
        "What training began from was taught "
        f"{more} formulas more, which do not count as known either."
        if (more := len(header.earlier_formulas))
        else "",
        f"Elements in fewer than {FEW} training crystals: {', '.join(few)}." if few else "",
        f"Target: {_target(header.target)}." if header.target else "",
        "The ids of all parts are in the header of the weight file.",
    ]
    table = markdown_table(["part", "materials"], rows)
    return "## Data and split\n\n" + table + "\n\n" + " ".join(w for w in words if w)


def _target(recipe: Mapping[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {word(value)}" for name, value in recipe.items())


def _results(metrics: Sequence[Metrics]) -> str:
    if not metrics:
        return ""
    columns = [flatten(m) for m in metrics]
    keys = in_order(key for column in columns for key in column)
    rows = [
        [measure_of(k).head, measure_of(k).basis, *(measure_of(k).show(c.get(k)) for c in columns)]
        for k in keys
    ]
    head = ["measure", "taken of", *(set_name(m) for m in metrics)]
    failed = [f"{set_name(m)}: {m['n_failed']} failed." for m in metrics if m.get("n_failed")]
    text = (
        "Own-max: reference and prediction each divided by their own maximum. R2 is "
        "1 - SSE / SST over all points and materials about the grand mean; other definitions are "
        "in use. Means over materials. A dash: undefined."
    )
    return "\n\n".join(
        ["## Results", markdown_table(head, rows, words=2), " ".join([text, *failed])]
    )


def group_table(metrics: Metrics) -> str:
    """Return the headline measures, gaps and cut-off of every group of an evaluation."""
    keys = (*HEADLINE, *FEATURES)
    rows = []
    for name, group in {"all": metrics, **metrics.get("groups", {})}.items():
        found = flatten(group)
        rows.append([name, str(group["n"]), *(MEASURES[k].show(found.get(k)) for k in keys)])
    return markdown_table(["group", "n", *(MEASURES[k].head for k in keys)], rows)


def _groups(metrics: Metrics) -> str:
    return f"### Groups: {set_name(metrics)}\n\n" + group_table(metrics)


def _strain(header: WeightHeader, metrics: Sequence[Metrics]) -> str:
    """Return the exams on strain: those the header keeps, else those of the evaluations."""
    judged = [m["strain"] for m in metrics if "strain" in m][:1]
    if header.strain is not None:
        judged = [header.strain.model_dump(mode="json")]
    if not judged:
        return ""
    (found,) = judged
    head = ["exam", "crystal", "cells", "gamma", "DFT"]
    rows = [
        [e["name"], e["formula"], str(e["states"]), f"{e['gamma']:.2f}", f"{e['gamma_dft']:.2f}"]
        for e in found["exams"]
    ]
    names = ", ".join(e["name"] for e in found["exams"])
    text = (
        f"Mean |gamma - DFT|: {found['gamma_mae']:.2f} ({names}). "
        "gamma = -d ln wbar / d ln V, a straight line through all cells of the exam."
    )
    return "\n\n".join(["## Strain", markdown_table(head, rows, words=2), text])


def _certainty(header: WeightHeader) -> str:
    """Return on what intervals and verdicts of stability were calibrated, and what came out."""
    parts = [text for text in (_fitted_intervals(header), _verdicts(header)) if text]
    return "\n\n".join(["## Intervals and stability", *parts]) if parts else ""


def _fitted_intervals(header: WeightHeader) -> str:
    rows, held = [], set()
    for members, entries in header.calibration.items():
        for name, entry in entries.items():
            known = entry.model_extra or {}
            held.add(known.get("held_back"))
            data = " + ".join(_data_of(entry)) or UNDEFINED
            numbers = (f"{entry.factor:.3g}", f"{entry.floor:.3g}", str(entry.materials))
            rows.append([QUANTITIES.get(name, f"`{name}`"), data, members, *numbers])
    if not rows:
        return ""
    text = (
        "Half width of a 90 % interval: f sqrt(s^2 + b^2), s the standard deviation of the "
        f"members. Fitted on materials for which an interval is stated: none is {NO_INTERVAL}."
    )
    if held == {True}:
        text += " The materials it was fitted on had no say in which epoch the weights are from."
    elif False in held:
        text += (
            " Some of these materials chose the epoch that the weights are from: the intervals "
            "may be too narrow."
        )
    head = ["quantity", "fitted on", "members", "f", "b", "materials"]
    return markdown_table(head, rows, words=2) + "\n\n" + text


def _verdicts(header: WeightHeader) -> str:
    rows = []
    for members, entry in header.stability.items():
        below, above = turning_points(entry)
        shares = (entry.model_extra or {}).get("share")
        cells = (str(entry.materials), str(entry.unstable_materials))
        share = UNDEFINED if shares is None else f"{100 * shares:.1f} %"
        rows.append([members, _turn(below, -1), _turn(above, 1), *cells, share])
    if not rows:
        return ""
    text = (
        "Verdict by the lowest frequency, mean over members, `unsure` between: unstable where that "
        "is more probable than not, stable where the probability to be unstable is below a tenth, "
        "among crystals of which that share is unstable (docs/stability.md)."
    )
    head = [
        "members", "unstable below [cm^-1]", "stable above [cm^-1]", "materials",
        "of them unstable", "counted as",
    ]  # fmt: skip
    return markdown_table(head, rows) + "\n\n" + text


def _turn(value: float, side: int) -> str:
    """Return where a verdict turns; `side` is 1 where it is spoken above."""
    if math.isfinite(value):
        return f"{value:.1f}"
    return "never" if value * side > 0.0 else "always"


def _limits(header: WeightHeader) -> str:
    n = len(header.training_elements)
    lines = [
        *_words(header).limits,
        *(["One network, no ensemble: predictions carry no error bar."] * (header.members is None)),
        f"Elements outside the {n} of the training part are extrapolated; predictions name them.",
    ]
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _reproduce(header: WeightHeader, metrics: Sequence[Metrics], bits: int | None) -> str:
    name = header.name
    sources = [source for origin in origins_of(header) for source in origin.get("sources", [])]
    kinds = [source.get("kind", "KIND") for source in sources] or ["KIND"]
    lines = [f"phonodos data prepare {kind} ARCHIVE -o DATASET" for kind in dict.fromkeys(kinds)]
    lines += training_commands(header, bits)
    lines += [
        f"phonodos evaluate {name} --data DATASET --part {part} -o FOLDER"
        for part in dict.fromkeys(str(m.get("part", "valid")) for m in metrics)
    ]
    return "## How to reproduce\n\n" + "\n".join(f"    {line}" for line in lines)


def _citation(header: WeightHeader) -> str:
    found: Iterable[str] = [
        *([words.paper] if (words := _words(header)).paper else []),
        *(origin["citation"] for origin in origins_of(header) if origin.get("citation")),
    ]
    return "## Citation\n\n" + "\n".join([*(f"- {c}" for c in found), "- `phonodos cite`"])
