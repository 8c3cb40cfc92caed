"""The figures of an evaluation, after Figures 1 and 2 of Chen et al. (2021)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonodos.evaluation.metrics import spearman
from phonodos.evaluation.report import Judged
from phonodos.figures.accuracy import (
    CLOSE,
    EXAMPLES,
    Compared,
    plot_all_examples,
    plot_errors_by_size,
    plot_parity,
    plot_quartiles,
)
from phonodos.figures.network import Anatomy
from phonodos.figures.overview import plot_overview
from phonodos.figures.periodic_table import plot_periodic_table
from phonodos.physics.target import target_of
from phonodos.results.desk import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEED = 2021  # of the examples
SHOWN = "SrTiO3"  # in the overview, where it was judged
SEVERAL = 5  # materials that make the mean error of an element worth comparing


def draw_evaluation(
    results: Results,
    parts: Mapping[str, Sequence[Judged]],
    part: str,
    *,
    model: str,
    cutoff: float,
    anatomy: Anatomy | None = None,
) -> list[str]:
    """Draw overview, errors by size and by element, parity, examples; write figures.json.

    Parameters
    ----------
    results
        Where PNG and PDF files go.
    parts
        Judged materials of every part to draw, by name (train, valid, test).
    part
        The one examples and overview are taken from.
    model, cutoff
        Name of the weights, and the radius within which their network sees neighbours [A].
    anatomy
        What the network is made of (`phonodos.evaluation.anatomy`), for the overview.

    Returns
    -------
    Names of the figures, without suffix.
    """
    compared = {name: compare(judged) for name, judged in parts.items() if judged}
    unseen = {name: judged for name, judged in parts.items() if name != "train" and judged}
    elements = errors_by_element(unseen or parts, compared)
    numbers = _numbers(compared, elements)
    numbers["elements_over"] = list(unseen or parts)
    names = []
    for name, figure in _figures(
        parts[part], compared, part, elements, numbers, model, cutoff, anatomy
    ):
        names.append(name)
        results.figure(name, figure)
    record = {"model": model, "part": part, "seed": SEED, **numbers}
    results.json("figures.json", record, allow_nan=True)
    return names


def compare(judged: Sequence[Judged]) -> Compared:
    """Return the 51-point spectra of judged materials side by side."""
    return Compared(
        [j.crystal.formula for j in judged],
        np.array([j.crystal.n_atoms for j in judged]),
        np.stack([target_of(j.reference) for j in judged]),
        np.stack([target_of(j.predicted) for j in judged]),
    )


def errors_by_element(
    parts: Mapping[str, Sequence[Judged]], compared: Mapping[str, Compared]
) -> dict[str, tuple[float, int]]:
    """Return element -> mean MSE of the materials that hold it, and their number."""
    groups: dict[str, list[float]] = {}
    for name, judged in parts.items():
        for item, error in zip(judged, compared[name].errors, strict=True):
            for symbol in item.crystal.composition:
                groups.setdefault(symbol, []).append(float(error))
    return {s: (float(np.mean(v)), len(v)) for s, v in groups.items()}


def _figures(
    judged: Sequence[Judged],
    compared: Mapping[str, Compared],
    part: str,
    elements: Mapping[str, tuple[float, int]],
    numbers: Mapping[str, Any],
    model: str,
    cutoff: float,
    anatomy: Anatomy | None,
) -> "Iterator[tuple[str, Figure]]":
    order = np.argsort(compared[part].errors)
    shown = next(
        (j for j in judged if j.crystal.formula == SHOWN), judged[int(order[len(order) // 2])]
    )
    yield (
        "overview",
        plot_overview(
            shown.crystal,
            shown.predicted,
            cutoff=cutoff,
            reference=shown.reference,
            model=model,
            anatomy=anatomy,
        ),
    )
    rhos = {name: row["spearman_sites_mse"] for name, row in numbers["parts"].items()}
    yield "errors_by_size", plot_errors_by_size(compared, rhos)
    over = " and ".join(numbers["elements_over"])
    yield (
        "errors_by_element",
        plot_periodic_table(
            {s: e for s, (e, _) in elements.items()},
            counts={s: n for s, (_, n) in elements.items()},
            label="mean MSE (51 points, own maximum)",
            log=True,
            digits=2,
            note=f"{model}, {over}: mean over the materials that hold the element, their number "
            f"below; highest over lowest {numbers['element_ratio']:.0f}"
            + (
                f", with {SEVERAL} or more materials {r:.1f}"
                if (r := numbers["ratio_several"])
                else ""
            )
            + " times",
        ),
    )
    yield "parity", plot_parity(compared)
    yield "examples", plot_quartiles(compared[part], SEED)
    for number, sheet in enumerate(plot_all_examples(compared[part]), 1):
        yield f"all_examples_{number}", sheet


def _numbers(
    compared: Mapping[str, Compared], elements: Mapping[str, tuple[float, int]]
) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, c in compared.items():
        truth, found = c.mean_frequencies
        rows[name] = {
            "n": len(c.errors),
            "mse": float(c.errors.mean()),
            "spearman_sites_mse": spearman(c.n_sites, c.errors),
            "mean_frequency_within_10_percent": float(
                np.mean(np.abs(found - truth) / truth < CLOSE)
            ),
        }
    means = [e for e, _ in elements.values()]
    often = [e for e, n in elements.values() if n >= SEVERAL]
    return {
        "parts": rows,
        "examples_a_quartile": EXAMPLES,
        "element_ratio": max(means) / min(means),
        "ratio_several": max(often) / min(often) if len(often) > 1 else None,
        "elements": {s: {"mse": e, "n": n} for s, (e, n) in sorted(elements.items())},
    }
