"""`phonodos figures`: figures of many predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonodos.cli.inputs import check_output
from phonodos.cli.options import read_kelvin
from phonodos.cli.output import Column, format_note, format_table, print_json, written
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from phonodos.screening.survey import Agreement, Survey

app = typer.Typer(help="Draw figures of many predictions.", no_args_is_help=True)

PAPER_KELVIN = 293.15  # [K]
C_V = "[J/(kg K)]"
REFERENCES = ("predicted", "dft_cut_at_1000", "dft_full")


@app.callback()
def group() -> None:
    """Draw figures of many predictions."""


@app.command("screening")
def screening(
    table: Annotated[Path, typer.Argument(help="Parquet table of phonodos screen")],
    reference: Annotated[
        Path | None,
        typer.Option(help="Parquet data set with DFT spectra of the same ids (data prepare)"),
    ] = None,
    temperature: Annotated[
        float, typer.Option(parser=read_kelvin, metavar="K", help="of the heat capacities [K]")
    ] = PAPER_KELVIN,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR")
    ] = Path("figures"),
    as_json: Annotated[bool, typer.Option("--json", help="the numbers as JSON on stdout")] = False,
) -> None:
    """Analyse a table of predictions: heat capacities, elements, components, agreement."""
    from phonodos.screening.survey import survey

    check_output(output)
    found = survey(table, reference, temperature=temperature)
    results = Results(output, Provenance(found.landscape.model, found.landscape.model_hash))
    drawn = found.figures()
    for name, figure in drawn.items():
        results.figure(name, figure)
    numbers = {**found.to_dict(), "files": sorted(f"{name}.png" for name in drawn)}
    results.json("screening.json", numbers)
    if found.agreement is not None:
        header = ["id", "formula", *(f"{n} {C_V}" for n in REFERENCES)]
        rows = found.agreement.table()
        lines = [[r["id"], r["formula"], *(f"{r[n]:.2f}" for n in REFERENCES)] for r in rows]
        results.csv("leaders.csv", header, lines)
    if as_json:
        print_json({**numbers, "folder": str(output)})
        return
    _show(found)
    if found.agreement is not None:
        _show_agreement(found.agreement)
    names = [*sorted(drawn)[:-1], f"{max(drawn)} (png, pdf)", "screening.json"]
    print(written(names, str(output)))


def _show(found: "Survey") -> None:
    from phonodos.figures.panels import shown

    land, (first, second) = found.landscape, found.components.explained
    print(f"{land.model}: {len(land.ids)} predictions, {land.n_failed} failed rows")
    _show_shares(found)
    print(
        f"PC1 and PC2 explain {100 * first:.0f} % and {100 * second:.0f} % of the variance; "
        f"Spearman(PC1, C_V) {shown(found.spearman)}"
    )
    law = f"mean frequency = {found.springs.a:.0f} cm-1 x (mean atomic mass / amu)^-1/2"
    print(format_note("spring", "model", f"{law}, Spearman {shown(found.springs.spearman)}"))


def _show_shares(found: "Survey") -> None:
    """Print what the network finds where training never looked, and beside it the whole table."""
    new, n = found.untrained, len(found.landscape.ids)
    trained = n - new["n"]
    at = f"at {found.landscape.kelvin:g} K of"
    if new["n"]:
        share = f"{100 * new['share_above']:.1f} +- {100 * new['error']:.1f} %"
        text = f"median {new['median']:.0f} J/(kg K), {share} above 1000 J/(kg K)"
        print(format_note("C_V", f"{at} the {new['n']} never trained on", text))
    if trained:
        held = f"{trained} of them, or another of their formula, were trained on"
        share = f"{100 * found.share_above:.1f} %"
        text = f"median {found.median:.0f} J/(kg K), {share} above 1000 J/(kg K)"
        print(format_note("C_V", f"{at} all {n} ({held})", text))


def _show_agreement(found: "Agreement") -> None:
    print(f"\n{len(found.places)} crystals with DFT outside the training formulas")
    columns = [Column("n", "", 5)]
    columns += [Column(f"MAE, {x}", "J/(kg K)", 13) for x in ("cut", "full")]
    columns += [Column(f"mean, {x}", "%", 11) for x in ("cut", "full")]
    lines = []
    for name, e in found.errors().items():
        cells = [f"{e[f'mae_dft_{x}']:.1f}" for x in ("cut", "full")]
        cells += [f"{100 * e[f'mean_relative_dft_{x}']:.1f}" for x in ("cut", "full")]
        lines.append((name, "", [str(e["n"]), *cells]))
    print(format_table(("group", ""), columns, lines))
    print("cut: DFT on 51 points to 1000 cm-1, scaled to 3N; full: on its whole axis\n")
    columns = [Column(x, "J/(kg K)", 10) for x in ("predicted", "DFT cut", "DFT full")]
    lines = [(r["id"], r["formula"], [f"{r[n]:.0f}" for n in REFERENCES]) for r in found.table()]
    print(format_table(("highest C_V", "formula"), columns, lines))
