"""`phonodos models`: the weights that come with the package, and what is inside a weight file."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from phonodos.cli.ensembles import calibrate, join, seal
from phonodos.cli.inputs import check_output
from phonodos.cli.output import format_note, print_json
from phonodos.files import write_text

app = typer.Typer(
    help="List the released weights, or show what is known of one.", no_args_is_help=True
)
LONGEST_LIST = 8  # entries shown of a list
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
) -> None:
    """Show network, training, data and metrics of a weight file, and its card if there is one."""
    from phonodos.model.weights import read_header, weights_path

    path = weights_path(name)
    header = read_header(path)
    if as_json:
        print_json({"path": str(path), **header.to_dict()})
        return
    print(f"{header.name}  ({path}, {path.stat().st_size / 1e6:.1f} MB)")
    for key, value in header.to_dict().items():
        if key not in ("name", "reference", "references"):
            print("\n".join(_lines(key, value, 0)))
    card = path.with_suffix(".md")
    if card.is_file():
        print("\n" + card.read_text(encoding="utf-8").rstrip())


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
    from phonodos.model.weights import read_header, weights_path

    path = weights_path(name)
    found = [read_metrics(file) for file in metrics or []]
    text = make_card(read_header(path), found, size=path.stat().st_size)
    if output is None:
        print(text, end="")
    else:
        _write(output, text)


def _write(path: Path, text: str) -> None:
    check_output(path.parent)
    write_text(path, text)
    print(f"written: {path}", file=sys.stderr)


def _lines(key: str, value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, dict) and depth < 2 and any(isinstance(v, dict) for v in value.values()):
        found = [f"{indent}{key}:"]
        for inner, content in value.items():
            found += _lines(inner, content, depth + 1)
        return found
    if isinstance(value, dict) and len(value) > LONGEST_LIST * 4:
        return [f"{indent}{key}: {len(value)} entries"]
    if isinstance(value, dict):
        return [f"{indent}{key}:", *(f"{indent}  {_pair(k, v)}" for k, v in value.items())]
    return [indent + _pair(key, value)]


def _pair(key: str, value: Any) -> str:
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        return f"{key}: {len(value)} entries ({', '.join(str(v) for v in value[:2])}, ...)"
    if isinstance(value, float):
        return f"{key}: {value:.5g}"
    return f"{key}: {value}"


def _pairs(values: dict[str, Any]) -> str:
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    return ", ".join(f"{k} {v:.4g}{UNITS.get(k, '')}" for k, v in numbers.items())


app.command("join")(join)
app.command("calibrate")(calibrate)
app.command("seal")(seal)
