"""`phonodos models`: the weights that come with the package, and what is inside a weight file."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.ensembles import calibrate, join, seal
from phonodos.cli.inputs import check_output
from phonodos.cli.output import format_note, print_json, width_of_terminal
from phonodos.errors import WeightsError
from phonodos.files import write_text

if TYPE_CHECKING:
    from phonodos.model.header import WeightHeader

app = typer.Typer(
    help="List the released weights, or show what is known of one.", no_args_is_help=True
)
UNITS = {"wd": " cm^-1", "mean_frequency_mae": " cm^-1"}  # of metrics; the others are bare numbers


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="the list as JSON on stdout")] = False,
) -> None:
    """List the weights that come with the package."""
    from phonodos.model.weights import available

    models = [describe(name) for name in available()]
    if as_json:
        print_json({"models": models})
        return
    if not models:
        print("no weights come with this copy of phonodos; give --model a .safetensors file")
    for m in models:
        mark = "  (default)" if m["default"] else ""
        print(f"{m['name']}{mark}: {m['network']} network, {m['size_MB']:.1f} MB")
        for part, values in m["metrics"].items():
            print(format_note("  on", part, _pairs(values)))


def describe(name: str) -> dict[str, Any]:
    """Return name, kind of network, size [MB] and metrics of weights, by name or path.

    Raises
    ------
    WeightsError
        If there are no such weights or the file is damaged.
    """
    from phonodos.model.weights import read_header, weights_path
    from phonodos.prediction.predictor import DEFAULT_WEIGHTS

    path = weights_path(name)
    header = read_header(path)
    return {
        "name": header.name,
        "default": header.name == DEFAULT_WEIGHTS,
        "network": header.kind or "unknown",
        "size_MB": round(path.stat().st_size / 1e6, 2),
        "path": str(path),
        "metrics": header.metrics,
    }


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="released name or path of a weight file")],
    as_json: Annotated[
        bool, typer.Option("--json", help="the whole header as JSON on stdout")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--card", help="the model card, where there is one")
    ] = False,
) -> None:
    """Show what a weight file is, what it learned from and how well; the rest with --json."""
    from phonodos.model.weights import read_header, weights_path

    path = weights_path(name)
    header = read_header(path)
    if as_json:
        print_json({"path": str(path), **header.to_dict()})
        return
    card = path.with_suffix(".md")
    if whole:
        print(_text_of(card), end="")
        return
    print(f"{header.name}  ({path}, {path.stat().st_size / 1e6:.1f} MB)")
    for label, text in _facts(header):
        print(_wrapped(label, text))
    more = "--json: the whole header, ids of all parts included"
    print(_wrapped("more", f"{more}; --card: the model card" if card.is_file() else more))


def _text_of(card: Path) -> str:
    if not card.is_file():
        raise WeightsError(
            f"{card} is missing",
            "a model card lies beside its weight file, as NAME.md",
            "write one with phonodos models card, or leave --card out",
        )
    return card.read_text(encoding="utf-8")


def _facts(header: "WeightHeader") -> list[tuple[str, str]]:
    """Return what fits on a screen: labels of at most ten letters, texts."""
    held, counted = header.held, _counts(header)
    network = f"{header.kind or 'unknown'}; {held} member{'s' if held > 1 else ''}"
    if cutoff := header.network.get("cutoff"):
        network += f"; sees bonds up to {cutoff:g} A"
    found = [("network", network), ("learned", _learned(header))]
    found += [(f"on {part}", _pairs(values)) for part, values in header.metrics.items()]
    found += counted
    if header.strain is not None:
        exams = ", ".join(
            f"{e.formula} {e.gamma:.2f} (DFT {e.gamma_dft:.2f})" for e in header.strain.exams
        )
        found.append(("strain", f"mean |gamma - DFT| {header.strain.gamma_mae:.2f}: {exams}"))
    made = ", ".join(f"{k} {v}" for k, v in header.versions.items())
    found.append(("written by", made or "unknown"))
    if header.checksum is not None:
        found.append(("tensors", f"SHA-256 {header.checksum.tensors[:16]}..."))
    return found


def _learned(header: "WeightHeader") -> str:
    sizes = [len(s.get("train", ())) for s in (header.split, *header.more_splits)]
    text = f"{' + '.join(map(str, sizes))} crystals"
    if header.training_elements:
        text += f", {len(header.training_elements)} elements"
    if header.training_formulas:
        text += f", {len(header.training_formulas)} formulas"
    kept = {p: len(header.split.get(p, ())) for p in ("valid", "test")}
    return f"{text}; kept aside: {kept['valid']} valid, {kept['test']} test"


def _counts(header: "WeightHeader") -> list[tuple[str, str]]:
    """Return what intervals and verdicts were calibrated on, with all members."""
    key, found = str(header.held), []
    if quantities := header.calibration.get(key):
        several = ", ".join(f"{n} ({entry.materials} materials)" for n, entry in quantities.items())
        found.append(("intervals", f"of 90 %: {several}"))
    if (entry := header.stability.get(key)) is not None:
        text = f"probability from {entry.materials} materials, {entry.unstable_materials} unstable"
        found.append(("stability", text))
    return found


def _wrapped(label: str, text: str) -> str:
    indent = " " * 12
    return textwrap.fill(
        f"{label:<12}{text}",
        width_of_terminal(),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


@app.command("card")
def card(
    name: Annotated[str, typer.Argument(help="released name or path of a weight file")],
    metrics: Annotated[
        list[Path] | None, typer.Option(help="metrics.json of phonodos evaluate; may be repeated")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Markdown file; by default stdout")
    ] = None,
) -> None:
    """Write the model card of a weight file: network, data, training, accuracy, limits."""
    from phonodos.evaluation.card import card as make_card
    from phonodos.evaluation.card import read_metrics
    from phonodos.model.weights import read_header, stored_bits, weights_path

    path = weights_path(name)
    found = [read_metrics(file) for file in metrics or []]
    size, bits = path.stat().st_size, stored_bits(path)
    text = make_card(read_header(path), found, size=size, bits=bits)
    if output is None:
        print(text, end="")
    else:
        _write(output, text)


def _write(path: Path, text: str) -> None:
    check_output(path.parent)
    write_text(path, text)
    print(f"written: {path}", file=sys.stderr)


def _pairs(values: dict[str, Any]) -> str:
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    return ", ".join(f"{k} {v:.4g}{UNITS.get(k, '')}" for k, v in numbers.items())


app.command("join")(join)
app.command("calibrate")(calibrate)
app.command("seal")(seal)
