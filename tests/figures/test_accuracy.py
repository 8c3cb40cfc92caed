"""Figures of an evaluation: what is drawn is what was measured."""

import numpy as np
import pytest

from phonodos.figures.accuracy import (
    EXAMPLES,
    Compared,
    plot_all_examples,
    plot_errors_by_size,
    plot_parity,
    plot_quartiles,
    quartiles,
)


def test_errors_by_size(compared: Compared) -> None:
    figure = plot_errors_by_size(
        {"train": compared, "valid": compared}, {"train": 0.034, "valid": None}
    )
    lines = {line.get_gid(): line for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(lines["valid"].get_ydata(), compared.errors)
    assert "n$ = 40" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_parity(compared: Compared) -> None:
    figure = plot_parity({"test": compared})
    truth, found = compared.mean_frequencies
    line = next(x for x in figure.axes[0].get_lines() if x.get_gid() == "test")
    np.testing.assert_allclose(line.get_xdata(), truth)
    np.testing.assert_allclose(line.get_ydata(), found)
    share = 100 * np.mean(np.abs(found - truth) / truth < 0.1)
    assert f"{share:.0f} % within" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_quartiles_share_all_materials(compared: Compared) -> None:
    groups = quartiles(compared.errors)
    assert sorted(np.concatenate(groups).tolist()) == list(range(40))
    highest = [compared.errors[g].max() for g in groups]
    assert highest == sorted(highest)


def test_examples_depend_on_the_seed_alone(compared: Compared) -> None:
    def formulas(seed: int) -> list[str]:
        figure = plot_quartiles(compared, seed)
        return [t.get_text() for axes in figure.axes for t in axes.texts]

    assert formulas(1) == formulas(1)
    assert formulas(1) != formulas(2)
    assert len(formulas(1)) == 4 * EXAMPLES
    assert len(set(formulas(1))) == 4 * EXAMPLES


def test_few_materials(compared: Compared) -> None:
    few = Compared(
        compared.formulas[:5], compared.n_sites[:5], compared.reference[:5], compared.predicted[:5]
    )
    figure = plot_quartiles(few, 0)
    assert sum(len(axes.texts) for axes in figure.axes) == 5


@pytest.mark.parametrize("rows", [2, 10])
def test_all_examples(compared: Compared, rows: int) -> None:
    sheets = plot_all_examples(compared, rows=rows)
    assert len(sheets) == -(-40 // (8 * rows))
    lines = sheets[0].axes[0].get_lines()
    np.testing.assert_allclose(lines[1].get_ydata(), compared.predicted[0])
