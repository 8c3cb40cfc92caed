"""`phonodos figures`: figures of many predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonodos.cli.inputs import check_output
from phonodos.cli.output import Column, format_table, print_json
from phonodos.errors import ConfigError
from phonodos.results.desk import Results
from phonodos.results.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonodos.evaluation.landscape import Agreement, Landscape

app = typer.Typer(help="Draw figures of many predictions.", no_args_is_help=True)

PAPER_KELVIN = 293.15  # [K]
THRESHOLD = 1000.0  # [J/(kg K)]


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
    temperature: Annotated[float, typer.Option(help="of the heat capacities [K]")] = PAPER_KELVIN,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="results go to DIR")
    ] = Path("figures"),
    as_json: Annotated[bool, typer.Option("--json", help="the numbers as JSON on stdout")] = False,
) -> None:
    """Analyse a table of predictions: heat capacities, elements, components, agreement."""
    from phonodos.datasets.dataset import Dataset
    from phonodos.evaluation.landscape import agreement, read_landscape

    if not 0.0 < temperature < 1e5:
        raise ConfigError(
            f"--temperature {temperature:g}",
            "a heat capacity needs a temperature above 0 K",
            "write for example --temperature 293.15",
        )
    check_output(output)
    landscape = read_landscape(table, temperature)
    drawn, numbers = _survey(landscape)
    leaders: list[dict[str, Any]] = []
    if reference is not None:
        found = agreement(landscape, Dataset.open(reference))
        more, agreed, leaders = _agreement(landscape, found)
        drawn |= more
        numbers |= agreed
    results = Results(output, Provenance(landscape.model, landscape.model_hash))
    for name, figure in drawn.items():
        results.figure(name, figure)
    numbers["files"] = sorted(f"{name}.png" for name in drawn)
    results.json("screening.json", numbers)
    if leaders:
        _write_leaders(results, leaders)
    if as_json:
        print_json({**numbers, "folder": str(output)})
        return
    _print(numbers, leaders)
    print(f"wrote {', '.join(sorted(drawn))} (png, pdf), screening.json to {output}")


def _survey(landscape: "Landscape") -> "tuple[dict[str, Figure], dict[str, Any]]":
    """Return the figures and numbers that need no reference."""
    from phonodos.evaluation.landscape import TOP_SHARE, principal_components, spring_constant
    from phonodos.evaluation.metrics import spearman
    from phonodos.figures.materials import (
        HEAT_LABEL,
        plot_components,
        plot_heat_capacities,
        plot_spring_model,
    )
    from phonodos.figures.periodic_table import plot_periodic_table

    kelvin, heat = landscape.kelvin, landscape.heat_capacities
    targets, top = landscape.targets, landscape.top()
    scores, axes, explained = principal_components(targets)
    rho = spearman(scores[:, 0], heat)
    means = [d.mean_frequency for d in landscape.spectra]
    a, spring_rho = spring_constant(landscape.mean_masses, _array(means))
    elements = landscape.by_element()
    figures = {
        "elements": plot_periodic_table(
            {s: v for s, (v, _) in elements.items()},
            counts={s: n for s, (_, n) in elements.items()},
            label=f"mean {HEAT_LABEL} at {kelvin:g} K",
            log=True,
            note=f"{landscape.model}; mean over the materials that hold the element, "
            "their number below",
        ),
        "heat_capacities": plot_heat_capacities(heat, targets[top], kelvin, TOP_SHARE),
        "components": plot_components(scores, axes, explained, heat, rho),
        "spring_model": plot_spring_model(
            landscape.mean_masses,
            {landscape.model: (landscape.mean_masses, _array(means), a, spring_rho)},
        ),
    }
    numbers = {
        "model": landscape.model,
        "n": len(heat),
        "n_failed": landscape.n_failed,
        "temperature [K]": kelvin,
        "share_above_1000_J/(kg K)": float((heat > THRESHOLD).mean()),
        "median_c_v [J/(kg K)]": float(sorted(heat)[len(heat) // 2]),
        "explained_variance": explained.tolist(),
        "spearman_pc1_c_v": rho,
        "spring_a [cm-1 amu^1/2]": a,
        "spearman_mass_mean_frequency": spring_rho,
        "top": [
            {"id": landscape.ids[k], "formula": landscape.formulas[k], "c_v": float(heat[k])}
            for k in top[:20]
        ],
    }
    return figures, numbers


def _agreement(
    landscape: "Landscape", found: "Agreement"
) -> "tuple[dict[str, Figure], dict[str, Any], list[dict[str, Any]]]":
    """Return figures, numbers and the table of leaders of predictions with a reference."""
    from phonodos.evaluation.landscape import spring_constant
    from phonodos.figures.materials import plot_agreement, plot_leaders, plot_spring_model
    from phonodos.physics.curve import sampled_like
    from phonodos.physics.neutron import curve_of
    from phonodos.physics.target import TARGET_GRID

    places, predicted = found.places, landscape.heat_capacities[found.places]
    ends_at_1000 = all(len(landscape.spectra[k].frequencies) == TARGET_GRID.n for k in places)
    compared = found.cut if ends_at_1000 else found.full
    rich = {f"{s}-rich": landscape.rich_in(s)[places] for s in ("H", "Li")}
    masses = landscape.mean_masses[places]
    means = _array([landscape.spectra[k].mean_frequency for k in places])
    series = {
        "DFT": (masses, found.mean_frequencies, *spring_constant(masses, found.mean_frequencies)),
        landscape.model: (masses, means, *spring_constant(masses, means)),
    }
    rows, drawn = [], []
    for j in found.leaders(landscape):
        k = int(places[j])
        row = {
            "id": landscape.ids[k],
            "formula": landscape.formulas[k],
            "predicted": float(predicted[j]),
            "dft_cut_at_1000": float(found.cut[j]),
            "dft_full": float(found.full[j]),
        }
        rows.append(row)
        own, given = (curve_of(d) for d in (landscape.spectra[k], found.references[j]))
        text = f"{row['predicted']:.0f} / {compared[j]:.0f}"
        drawn.append(
            {"formula": row["formula"], "c_v": text, "predicted": own}
            | {"reference": sampled_like(given, own)}
        )
    label = "DFT to 1000 cm$^{-1}$," if ends_at_1000 else "DFT"
    figures = {
        "agreement": plot_agreement(compared, predicted, rich, label=label),
        "leaders": plot_leaders(drawn),
        "spring_model": plot_spring_model(masses, series),
    }
    numbers = {
        "n_reference": len(places),
        "compared_with": "DFT cut at 1000 cm-1" if ends_at_1000 else "DFT in full",
        "c_v_errors [J/(kg K)]": {
            name: _errors(predicted[chosen], found.cut[chosen], found.full[chosen])
            for name, chosen in {
                "all": predicted > 0.0,
                **rich,
                "others": ~(rich["H-rich"] | rich["Li-rich"]),
            }.items()
            if chosen.any()
        },
        "spring": {name: {"a": a, "spearman": rho} for name, (_, _, a, rho) in series.items()},
        "leaders [J/(kg K)]": rows,
    }
    return figures, numbers, rows


def _errors(predicted: Any, cut: Any, full: Any) -> dict[str, float]:
    return {
        "n": len(predicted),
        "mae_dft_cut": float(abs(predicted - cut).mean()),
        "mae_dft_full": float(abs(predicted - full).mean()),
        "mean_relative_dft_cut": float((abs(predicted - cut) / cut).mean()),
        "mean_relative_dft_full": float((abs(predicted - full) / full).mean()),
    }


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values, dtype=np.float64)


def _write_leaders(results: Results, rows: list[dict[str, Any]]) -> None:
    names = ["predicted", "dft_cut_at_1000", "dft_full"]
    header = ["id", "formula", *(f"{n} [J/(kg K)]" for n in names)]
    lines = [[row["id"], row["formula"], *(f"{row[n]:.2f}" for n in names)] for row in rows]
    results.csv("leaders.csv", header, lines)


def _print(numbers: dict[str, Any], leaders: list[dict[str, Any]]) -> None:
    from phonodos.figures.panels import shown

    kelvin = numbers["temperature [K]"]
    print(f"{numbers['model']}: {numbers['n']} predictions, {numbers['n_failed']} failed rows")
    print(
        f"C_V at {kelvin:g} K: median {numbers['median_c_v [J/(kg K)]']:.0f} J/(kg K), "
        f"{100 * numbers['share_above_1000_J/(kg K)']:.1f} % above 1000 J/(kg K)"
    )
    first, second = numbers["explained_variance"]
    print(
        f"PC1 and PC2 explain {100 * first:.0f} % and {100 * second:.0f} % of the variance; "
        f"Spearman(PC1, C_V) {shown(numbers['spearman_pc1_c_v'])}"
    )
    print(
        f"spring model: mean frequency = {numbers['spring_a [cm-1 amu^1/2]']:.0f} cm-1 x "
        f"(mean atomic mass / amu)^-1/2, Spearman {shown(numbers['spearman_mass_mean_frequency'])}"
    )
    if not leaders:
        return
    print(f"\n{numbers['n_reference']} crystals with DFT outside the training formulas")
    columns = [Column("n", "", 5)]
    columns += [Column(f"MAE, {x}", "J/(kg K)", 13) for x in ("cut", "full")]
    columns += [Column(f"mean, {x}", "%", 11) for x in ("cut", "full")]
    lines = []
    for name, e in numbers["c_v_errors [J/(kg K)]"].items():
        cells = [f"{e[f'mae_dft_{x}']:.1f}" for x in ("cut", "full")]
        cells += [f"{100 * e[f'mean_relative_dft_{x}']:.1f}" for x in ("cut", "full")]
        lines.append((name, "", [str(e["n"]), *cells]))
    print(format_table(("group", ""), columns, lines))
    print("cut: DFT on 51 points to 1000 cm-1, scaled to 3N; full: on its whole axis\n")
    columns = [Column(x, "J/(kg K)", 10) for x in ("predicted", "DFT cut", "DFT full")]
    names = ("predicted", "dft_cut_at_1000", "dft_full")
    lines = [(r["id"], r["formula"], [f"{r[n]:.0f}" for n in names]) for r in leaders]
    print(format_table(("highest C_V", "formula"), columns, lines))
