"""`phonodos strain`: frequencies and imaginary states under isotropic strain, Grueneisen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.inputs import (
    Entry,
    check_output,
    output_folder,
    read_inputs,
)
from phonodos.cli.options import MembersOption, ModelOption
from phonodos.cli.outcome import for_each
from phonodos.cli.output import (
    Column,
    format_note,
    format_table,
)
from phonodos.cli.ranges import parse_range
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from phonodos.physics.crystal import Crystal
    from phonodos.prediction.prediction import Prediction
    from phonodos.prediction.predictor import Predictor

EXAMPLE = "-0.03:0.03:0.01"


def strain(
    files: Annotated[list[str], typer.Argument(help="structure files, folders, or -")],
    strains: Annotated[
        str, typer.Option("-e", "--strain", help="linear strains: low:high:step or a list")
    ] = EXAMPLE,
    units: Annotated[str, typer.Option(help="cm-1, THz or meV in table and figure")] = "cm-1",
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR/<input name>/")
    ] = Path(),
    model: ModelOption = None,
    members: MembersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the results as JSON on stdout")] = False,
) -> None:
    """Predict crystals at several volumes, V = V0 (1 + e)^3; no atom is relaxed."""
    from phonodos.physics.units import per_wavenumber

    per_wavenumber(units)
    wanted = parse_range(strains, "--strain", EXAMPLE)
    check_output(output)
    from phonodos.physics.strain import gruneisen
    from phonodos.prediction.predictor import load

    gruneisen(wanted, [1.0] * len(wanted), [1.0] * len(wanted))  # one strain is refused at once
    predictor = load(model, members=members)

    def handle(entry: Entry, crystal: "Crystal") -> dict[str, Any]:
        record = _study(predictor, crystal, wanted)
        origin = predictor.provenance.warned(record["warnings"])
        results = Results(output_folder(output, entry.name), origin)
        _write(results, record, units)
        record.pop("spectra")
        return {**record, "folder": str(results.folder)}

    def show(record: dict[str, Any]) -> str:
        return _table(record, units, predictor.name)

    pairs = ((entry, entry.content) for entry in read_inputs(files))
    for_each(pairs, handle, None if as_json else show).finish(predictor.name, as_json)


def _study(predictor: "Predictor", crystal: "Crystal", strains: list[float]) -> dict[str, Any]:
    from phonodos.physics.strain import gruneisen, strained
    from phonodos.physics.thermodynamics import left_out, omega_log

    crystals = [strained(crystal, e) for e in strains]
    found: list[Prediction] = list(predictor.predict_many(crystals))
    spectra = [p.dos for p in found]
    means = [d.mean_frequency for d in spectra]
    logs = [omega_log(d) for d in spectra]
    gamma = gruneisen(strains, logs, means)
    doubts = dict.fromkeys(t for p in found for t in p.warnings if "unstable" not in t)
    return {
        "formula": crystal.formula,
        "strain": strains,
        "volume_A^3": [c.volume for c in crystals],
        "mean_frequency_cm-1": means,
        "omega_log_cm-1": logs,
        "max_frequency_cm-1": [d.max_frequency for d in spectra],
        "imaginary_share": [left_out(d) for d in spectra],
        "gruneisen_mode_average": gamma.mode_average,
        "gruneisen_mean_frequency": gamma.mean_frequency,
        "warnings": list(doubts),
        "spectra": spectra,
    }


SERIES = (
    "strain", "volume_A^3", "mean_frequency_cm-1", "omega_log_cm-1", "max_frequency_cm-1",
    "imaginary_share",
)  # fmt: skip


def _write(results: Results, record: dict[str, Any], units: str) -> None:
    from phonodos.figures.strain import plot_strain

    rows = zip(*(record[name] for name in SERIES), strict=True)
    results.csv("strain.csv", SERIES, rows, digits=8)
    figure = plot_strain(
        record["strain"],
        record["spectra"],
        record["imaginary_share"],
        title=record["formula"],
        gamma=record["gruneisen_mode_average"],
        unit=units,
    )
    results.figure("strain", figure)


def _table(record: dict[str, Any], units: str, model: str) -> str:
    from phonodos.physics.dos import MENTIONED_SHARE
    from phonodos.physics.units import per_wavenumber

    factor = per_wavenumber(units)
    columns = [
        Column("volume", "A^3/cell", 9), Column("mean", units, 8), Column("exp<ln w>", units, 9),
        Column("max", units, 8), Column("imaginary", "% states", 9),
    ]  # fmt: skip
    rows = []
    for e, volume, mean, log, largest, share in zip(*(record[s] for s in SERIES), strict=True):
        cells = [volume, mean * factor, log * factor, largest * factor, 100.0 * share]
        shown = [f"{v:.{d}f}" for v, d in zip(cells, (2, 2, 2, 1, 2), strict=True)]
        rows.append((f"{100 * e:+.3g} %", "", shown))
    gamma, other = record["gruneisen_mode_average"], record["gruneisen_mean_frequency"]
    notes = [format_note("warning", record["name"], text) for text in record["warnings"]]
    if max(record["imaginary_share"]) > MENTIONED_SHARE:
        text = "imaginary states are left out of all means: where their share changes, gamma errs"
        notes.append(format_note("warning", record["name"], text))
    return "\n".join(
        [
            f"{record['name']} ({record['formula']}), {model}",
            format_table(("strain", ""), columns, rows),
            f"Grueneisen parameter -d ln w / d ln V at V0: {gamma:.2f} (average over modes), "
            f"{other:.2f} (mean frequency)",
            *notes,
            f"wrote strain.csv, strain.png, strain.pdf to {record['folder']}",
        ]
    )
